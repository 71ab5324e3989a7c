"""Charts as SVG inside a page, in the page's own colours, light or dark: curves over a training run, and histograms."""

import math
import os
from typing import List, NamedTuple, Optional, Sequence, Tuple

from markupsafe import Markup
from matplotlib.ticker import LogLocator, MaxNLocator

from dnnlib.pages.html_page import render

WIDTH, HEIGHT = 480, 240  # of the viewBox
LEFT, RIGHT, TOP, BOTTOM = 52, 456, 22, 208  # of the plot in it
CHARACTER = 6.5  # width of a digit of the labels, at most
MOST_POINTS = 400  # of a curve
LOGARITHMIC_FROM = 20  # largest : smallest of positive values

_FRAME = {'WIDTH': WIDTH, 'HEIGHT': HEIGHT, 'LEFT': LEFT, 'RIGHT': RIGHT, 'TOP': TOP, 'BOTTOM': BOTTOM}
_TEMPLATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'chart.html')

Point = Tuple[float, float]  # (kimg, value)


class Line(NamedTuple):
    """A curve."""

    name: str
    points: List[Point]  # by growing kimg; the curve is broken where a value is not finite


class Mark(NamedTuple):
    """A moment of the run."""

    kimg: float
    label: str  # short; left out where there is no room
    title: str  # what happened then


class Bars(NamedTuple):
    """One of the distributions of a histogram."""

    name: str
    heights: Sequence[float]  # one for each bar
    colour: int  # 0 or 1: which of the page's two


def chart(
    title: str,
    lines: Sequence[Line],
    span: Point,
    marks: Sequence[Mark] = (),
    best: Optional[Point] = None,
    may_be_logarithmic: bool = False,
    against: str = 'kimg',
) -> Markup:
    """Curves over kimg, or another quantity: title, names of the lines with their last values, and the plot.

    Args:
        title: Text.
        lines: At most two `Line`s.
        span: (first, last) kimg of the axis, the same in all charts of a page.
        marks: `Mark`s by growing kimg.
        best: The point to mark, or None.
        may_be_logarithmic: Use a logarithmic axis for positive values of very different size.
        against: Name of the quantity in place of kimg.

    Returns:
        A `<figure>`; '' where no value is finite.
    """
    thinned = [thin(line.points) for line in lines]
    values = [value for points, _ in thinned for _, value in points if math.isfinite(value)]
    if not values:
        return Markup('')
    first, last = span if span[1] > span[0] else (span[0] - 1, span[0] + 1)
    to_x = _scale(first, last, LEFT, RIGHT)
    to_y, y_ticks = _value_axis(values, may_be_logarithmic)
    count = max(count for _, count in thinned)
    return _draw(
        title=title,
        words=f'{title} against {against}',
        legend=[(place, f'{line.name} {_last_value(line)}') for place, line in enumerate(lines)],
        remark=f'each point a mean of {count}' if count > 1 else '',
        span=(first, last),
        y_ticks=[(to_y(value), _short(value)) for value in y_ticks],
        x_ticks=[(to_x(kimg), _short(kimg)) for kimg in _ticks_within(MaxNLocator(5), first, last)],
        marks=_place_marks(marks, to_x),
        lines=[(place, _path(points, to_x, to_y)) for place, (points, _) in enumerate(thinned)],
        best=best and {'x': to_x(best[0]), 'y': to_y(best[1]), 'title': f'best: {best[1]:.4f} at kimg {best[0]:g}'},
    )


def histogram(
    title: str, edges: Sequence[float], ticks: Sequence[Tuple[float, str]], distributions: Sequence[Bars]
) -> Markup:
    """Distributions over the same bars: title, their names, and the plot, with an axis from 0.

    Args:
        title: Text.
        edges: Of the bars, increasing; one more than there are bars.
        ticks: (place, label) on the axis of the edges.
        distributions: At most two `Bars`, not all zero.

    Returns:
        A `<figure>`.
    """
    highest = max(max(bars.heights) for bars in distributions)
    to_x, to_y = _scale(edges[0], edges[-1], LEFT, RIGHT), _scale(0, 1.05 * highest, BOTTOM, TOP)
    tops = [(bars.colour, _steps(edges, bars.heights, to_x, to_y)) for bars in distributions]
    return _draw(
        title=title,
        words=f'{title}: {" and ".join(bars.name for bars in distributions)}',
        legend=[(bars.colour, bars.name) for bars in distributions],
        y_ticks=[(to_y(value), _short(value)) for value in _ticks_within(MaxNLocator(5), 0, highest)],
        x_ticks=[(to_x(place), label) for place, label in ticks],
        areas=[(colour, f'M{LEFT},{BOTTOM}L{top}L{RIGHT},{BOTTOM}Z') for colour, top in tops],
        lines=[(colour, f'M{top}') for colour, top in tops],
    )


def thin(points: List[Point], most: int = MOST_POINTS) -> Tuple[List[Point], int]:
    """Replaces groups of neighbours by their means, so that at most `most` points are left; skips values not finite.

    Returns:
        (points, count): the means, NaN where no value of the neighbours is finite, and how many points each stands for.
    """
    count = max(-(-len(points) // most), 1)
    if count == 1:
        return points, 1
    means = []
    for first in range(0, len(points), count):
        group = points[first : first + count]
        values = [value for _, value in group if math.isfinite(value)]
        means.append((_mean([kimg for kimg, _ in group]), _mean(values) if values else math.nan))
    return means, count


def _mean(values):
    return math.fsum(values) / len(values)


# ----------------------------------------------------------------------------------------------------------------------
# Drawing.


def _draw(**parts):
    empty = dict.fromkeys(('legend', 'y_ticks', 'x_ticks', 'marks', 'areas', 'lines'), ())
    return render(_TEMPLATE, frame=_FRAME, **{**empty, 'remark': '', 'span': None, 'best': None, **parts})


def _scale(first, last, begin, end):
    """Function from a value between `first` and `last` to a place between `begin` and `end`."""
    return lambda value: begin + (end - begin) * (value - first) / (last - first)


def _value_axis(values, may_be_logarithmic):
    """(function from a value to y, ticks within the axis)."""
    low, high = min(values), max(values)
    if may_be_logarithmic and low > 0 and high > LOGARITHMIC_FROM * low:
        locator, scale = LogLocator(subs=(1, 2, 5) if high < 1e4 * low else (1,)), math.log
        low, high = low / 1.1, high * 1.1
    else:
        locator, scale = MaxNLocator(5), float
        room = 0.05 * (high - low) or 0.05 * abs(high) or 1
        low, high = low - room, high + room
    bottom, top = scale(low), scale(high)

    def to_y(value):
        return BOTTOM - (BOTTOM - TOP) * (scale(value) - bottom) / (top - bottom)

    return to_y, _ticks_within(locator, low, high)


def _ticks_within(locator, low, high):
    return [value for value in locator.tick_values(low, high) if low <= value <= high]


def _short(value):
    """A tick in few characters; ticks are round, but for the last bits."""
    return f'{value:.5g}'.replace('-', '−')


def _last_value(line):
    value = line.points[-1][1]
    return f'{value:.4g}' if math.isfinite(value) else 'not finite'


def _place_marks(marks, to_x):
    """(x, label, title) of each mark, without the labels for which there is no room."""
    placed, free = [], -math.inf
    for mark in marks:
        x, width = to_x(mark.kimg), CHARACTER * len(mark.label)
        has_room = x > free and x + width < WIDTH
        if mark.label and has_room:
            free = x + width + CHARACTER
        placed.append((x, mark.label if has_room else '', mark.title))
    return placed


def _path(points, to_x, to_y):
    """Lines between neighbours that are finite; a lone point is a dot, as the ends of lines are round."""
    pieces, is_open = [], False
    for kimg, value in points:
        if math.isfinite(value):
            place = f'{to_x(kimg):.1f},{to_y(value):.1f}'
            pieces.append(f'L{place}' if is_open else f'M{place}h0')
        is_open = math.isfinite(value)
    return ''.join(pieces)


def _steps(edges, heights, to_x, to_y):
    """The tops of bars, from left to right, without the command that goes to the first point."""
    return 'L'.join(
        f'{to_x(edge):.1f},{to_y(height):.1f}'
        for begin, end, height in zip(edges, edges[1:], heights)
        for edge in (begin, end)
    )
