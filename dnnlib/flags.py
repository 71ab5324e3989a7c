"""Types of flags that several commands take."""

import math
import re
from typing import Any, Dict, List, Optional, Tuple

import click

DEVICE_CHOICES = ('auto', 'gpu', 'cpu')


class GridSize(click.ParamType):
    """'15x8': columns x rows."""

    name = 'COLSxROWS'

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> List[int]:
        """[columns, rows]."""
        try:
            columns, rows = (int(part) for part in value.split('x'))
        except ValueError:
            return self.fail(f'{value!r} is not like 15x8.', param, ctx)
        if columns < 1 or rows < 1:
            self.fail(f'{value!r}: at least one column and one row.', param, ctx)
        return [columns, rows]


class ByResolution(click.ParamType):
    """One value, as '16'; or '8:64,16:32', with one value for each resolution.

    Args:
        each: The type of a value.
        example: Of the second form, for messages.
    """

    def __init__(self, each: click.ParamType, example: str) -> None:
        self.name = 'N|SIDE:N,...'
        self._each, self._example = each, example

    def convert(
        self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]
    ) -> Tuple[Any, Dict[int, Any]]:
        """The value of the highest resolution, and a dict of side in px to value; empty for one value."""
        if ':' not in value:
            return self._value(value, value, param, ctx), {}
        try:
            pairs = [entry.split(':') for entry in value.split(',')]
            by_resolution = {int(side): self._value(text, value, param, ctx) for side, text in pairs}
        except ValueError:
            return self._refuse(value, param, ctx)
        return by_resolution[max(by_resolution)], by_resolution

    def _value(self, text, value, param, ctx):
        try:
            float(text)
        except ValueError:
            self._refuse(value, param, ctx)
        return self._each.convert(text, param, ctx)

    def _refuse(self, value, param, ctx):
        return self.fail(f'{value!r} is neither a number nor pairs like {self._example}.', param, ctx)


class FiniteRange(click.FloatRange):
    """A range of numbers; click's own lets `nan` and `inf` pass."""

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> float:
        """The number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f'{value!r} is not a finite number.', param, ctx)
        return number


class Numbers(click.ParamType):
    """'0,2': whole numbers from 0 on; converts to a rising tuple, each number once."""

    name = 'N,N,...'

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> Tuple[int, ...]:
        """The numbers."""
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in value.split(',')]
        if not all(re.fullmatch('[0-9]{1,9}', part) for part in parts):
            self.fail(f'{value!r} is no list of whole numbers such as 0,2.', param, ctx)
        return tuple(sorted({int(part) for part in parts}))


class LayerRange(click.ParamType):
    """'0-3', or '8': neighbouring layers of a network."""

    name = 'N-N'

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> range:
        """The layers."""
        if isinstance(value, range):
            return value
        layers = layer_range(value)
        return self.fail(f'{value!r} is no range of layers such as 0-1.', param, ctx) if layers is None else layers


def layer_range(text: str) -> Optional[range]:
    """The layers of a text such as '0-3' or '8'; None if it is nothing like that."""
    ends = re.fullmatch(r'\s*(\d{1,3})(?:-(\d{1,3}))?\s*', text)
    if not ends or int(ends.group(2) or ends.group(1)) < int(ends.group(1)):
        return None
    return range(int(ends.group(1)), int(ends.group(2) or ends.group(1)) + 1)
