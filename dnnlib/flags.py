"""Types of flags that several commands take."""

import math
from typing import Any, List, Optional

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


class FiniteRange(click.FloatRange):
    """A range of numbers; click's own lets `nan` and `inf` pass."""

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> float:
        """The number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f'{value!r} is not a finite number.', param, ctx)
        return number
