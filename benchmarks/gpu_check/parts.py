"""The parts of a check, one after the other, within a time."""

import contextlib
import time
from typing import Any, Callable, List, NamedTuple

from benchmarks.gpu_check.report import LEFT_OUT, Report, Row, failure


class Part(NamedTuple):
    """A part of the check.

    `open(stack)` prepares it and returns its items: pairs of a name and a function that returns a list of `Row`. What
    it opens, `stack` closes.
    """

    name: str
    seconds: float  # its share of the time, in proportion to the others
    open: Callable[[contextlib.ExitStack], List[Any]]


def run_parts(parts: List[Part], seconds: float, report: Report, now: Callable[[], float] = time.monotonic) -> None:
    """Runs the parts. Each may take its share, and what the ones before it have left.

    An item begins only if there is time for another one as long as the longest of its part so far. What is left out has
    a row. So has an error: the rest goes on.

    Args:
        parts: In order.
        seconds: For all.
        report: Takes the rows.
        now: The clock, in seconds.
    """
    begin, end, shares = now(), now(), sum(part.seconds for part in parts)
    for part in parts:
        end += seconds * part.seconds / shares
        if now() >= end:
            report.add([_left_out(part, ['all'], now() - begin)])
            continue
        try:
            with contextlib.ExitStack() as stack:
                _run_items(part, part.open(stack), end, begin, report, now)
        except Exception as error:  # of whatever kind: it is what the check is to find
            report.add([failure(part.name, 'begin', error)])


def _run_items(part, items, end, begin, report, now):
    longest, left_out = 0.0, []
    for name, check in items:
        item_begin = now()
        if item_begin + longest > end:
            left_out.append(name)
            continue
        try:
            rows = check()
        except Exception as error:
            rows = [failure(part.name, name, error)]
        report.add(rows)
        longest = max(longest, now() - item_begin)
    if left_out:
        report.add([_left_out(part, left_out, now() - begin)])


def _left_out(part, names, seconds):
    return Row(part.name, ', '.join(names), f'after {seconds:.0f} s', '', LEFT_OUT)
