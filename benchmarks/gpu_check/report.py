"""The rows of a check, its table, and the file of it."""

import json
import traceback
from typing import List, NamedTuple

from tabulate import tabulate

from dnnlib.files import atomic_write

OK, FAILED, LEFT_OUT, NOTE = 'ok', 'FAILED', 'left out', ''


class Row(NamedTuple):
    """A line of the table."""

    part: str
    what: str
    here: str  # what was found
    beside: str = ''  # what it is compared with
    verdict: str = NOTE  # OK, FAILED, LEFT_OUT; NOTE: for information
    detail: str = ''  # for the file alone


def judged(part: str, what: str, here: str, beside: str, passes: bool) -> Row:
    """A row that passes or fails."""
    return Row(part, what, here, beside, OK if passes else FAILED)


def failure(part: str, what: str, error: Exception) -> Row:
    """The row of an error. The whole traceback goes into the file."""
    lines = str(error).strip().splitlines()
    text = f'{type(error).__name__}: {lines[0] if lines else ""}'[:200]
    detail = ''.join(traceback.format_exception(type(error), error, error.__traceback__))
    return Row(part, what, text, '', FAILED, detail)


class Report:
    """What was found so far.

    Args:
        path: Where it is written after each row, so that what was found survives a crash; None: nowhere.

    Attributes:
        rows: List of `Row`.
    """

    def __init__(self, path=None):
        self._path, self.rows = path, []  # type: str, List[Row]

    def add(self, rows: List[Row]) -> None:
        """Takes rows up, and writes the file anew."""
        self.rows += rows
        if self._path is not None:
            with atomic_write(self._path, 'w') as file:
                json.dump({'rows': [row._asdict() for row in self.rows]}, file, indent=1)
                file.write('\n')

    @property
    def failed(self) -> List[Row]:
        """The rows that failed."""
        return [row for row in self.rows if row.verdict == FAILED]

    def table(self) -> str:
        """The table, and a sentence below it."""
        text = tabulate([row[:5] for row in self.rows], Row._fields[:5], disable_numparse=True)
        left_out = [row for row in self.rows if row.verdict == LEFT_OUT]
        end = f'{len(self.failed)} of {len(self.rows) - len(left_out)} rows failed.'
        if left_out:
            end += f' For lack of time, {len(left_out)} parts are not whole: give more --seconds.'
        return f'{text}\n\n{end}'
