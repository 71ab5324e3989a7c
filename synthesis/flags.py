"""Types of the flags of `python -m synthesis generate`."""

import re
from typing import Any, List, Optional, Tuple

import click

from dnnlib.flags import Numbers
from synthesis.draws import BALANCED, LIKE_REALS
from synthesis.variations import VARY


class Words(click.ParamType):
    """'fine,noise': words of VARY; converts to a tuple in the order of VARY."""

    name = 'WORD,...'

    def convert(
        self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]
    ) -> Optional[Tuple[str, ...]]:
        """The words, each once."""
        if isinstance(value, tuple):
            return value
        words = {word.strip().lower() for word in value.split(',')}
        unknown = sorted(words - set(VARY))
        if unknown:
            self.fail(f'{unknown[0]!r}: choose from {", ".join(VARY)}.', param, ctx)
        return tuple(word for word in VARY if word in words)


class Names(click.ParamType):
    """'Smiling,Male': names; converts to a list, each name once."""

    name = 'NAME,...'

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> List[str]:
        """The names."""
        if isinstance(value, list):
            return value
        names = list(dict.fromkeys(part.strip() for part in value.split(',') if part.strip()))
        return names or self.fail(f'{value!r} names nothing.', param, ctx)


class DirectionChoice(Numbers):
    """'0,2', or 'FILE:NAME,NAME', or 'FILE'; numbers convert to a rising tuple, a file and its names stay text."""

    name = 'N,N,...|FILE[:NAME,...]'

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> Any:
        """The numbers, or the text."""
        if isinstance(value, str) and not re.fullmatch('[0-9, ]*', value):
            return value
        return super().convert(value, param, ctx)


class ClassChoice(Numbers):
    """'3,7', 'balanced' or 'like-reals'; class numbers convert to a rising tuple."""

    name = f'N,N,...|{BALANCED}|{LIKE_REALS}'

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> Any:
        """The word, or the class numbers."""
        if value in (BALANCED, LIKE_REALS):
            return value
        if isinstance(value, str) and not re.fullmatch('[0-9, ]+', value):
            self.fail(f'{value!r}: give class numbers such as 3,7, or {BALANCED}, or {LIKE_REALS}.', param, ctx)
        return super().convert(value, param, ctx)
