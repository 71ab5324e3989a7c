"""Curves over a training run as SVG inside a page, in the page's own colours, light or dark."""

import math
from typing import List, NamedTuple, Tuple

from markupsafe import Markup
from matplotlib.ticker import LogLocator, MaxNLocator

WIDTH, HEIGHT = 480, 240  # of the viewBox
LEFT, RIGHT, TOP, BOTTOM = 52, 456, 22, 208  # of the plot in it
CHARACTER = 6.5  # width of a digit of the labels, at most
MOST_POINTS = 400  # of a curve
LOGARITHMIC_FROM = 20  # largest : smallest of positive values


class Line(NamedTuple):
    """A curve."""

    name: str
    points: List[Tuple[float, float]]  # (kimg, value) by growing kimg; where the value is not finite, it is broken


class Mark(NamedTuple):
    """A moment of the run."""

    kimg: float
    label: str  # short; may be left out for want of room
    title: str  # what happened then


def thin(points, most=MOST_POINTS):
    """Means of as many neighbours as it takes to leave at most `most` points; what is not finite is left out of them.

    Args:
        points: List of (kimg, value).
        most: Number of points.

    Returns:
        (points, count): the means, NaN where no value of the neighbours is finite, and of how many points each is.
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


def chart(title, lines, span, marks=(), best=None, may_be_logarithmic=False):
    """A figure: title, names of the lines with their last values, and the plot.

    Args:
        title: Text.
        lines: At most two `Line`s.
        span: (first, last) kimg of the axis, the same in all charts of a page.
        marks: `Mark`s by growing kimg.
        best: (kimg, value) of the point to mark, or None.
        may_be_logarithmic: Use a logarithmic axis for positive values of very different size.

    Returns:
        Markup; '' where no value is finite.
    """
    thinned = [thin(line.points) for line in lines]
    values = [value for points, _ in thinned for _, value in points if math.isfinite(value)]
    if not values:
        return Markup('')
    first, last = span if span[1] > span[0] else (span[0] - 1, span[0] + 1)
    to_y, ticks = _value_axis(values, may_be_logarithmic)

    def to_x(kimg):
        return LEFT + (RIGHT - LEFT) * (kimg - first) / (last - first)

    parts = [_value_tick(value, to_y(value)) for value in ticks]
    parts += [_kimg_tick(kimg, to_x(kimg)) for kimg in MaxNLocator(5).tick_values(first, last) if first <= kimg <= last]
    parts += _draw_marks(marks, to_x)
    parts += [
        Markup('<path class="line line{}" d="{}"/>').format(place, _path(points, to_x, to_y))
        for place, (points, _) in enumerate(thinned)
    ]
    if best is not None:
        parts.append(
            Markup('<circle class="best" cx="{:.1f}" cy="{:.1f}" r="5"><title>{}</title></circle>').format(
                to_x(best[0]), to_y(best[1]), f'best: {best[1]:.4f} at kimg {best[0]:g}'
            )
        )
    parts.append(Markup('<line class="cursor" y1="{}" y2="{}" x1="-9" x2="-9"/>').format(TOP, BOTTOM))
    return Markup(
        '<figure class="chart"><figcaption><b>{}</b>{}</figcaption>\n<svg viewBox="0 0 {} {}" role="img" '
        'aria-label="{}" data-first="{:g}" data-last="{:g}" data-left="{}" data-right="{}">\n{}\n</svg></figure>'
    ).format(
        title,
        _legend(lines, max(count for _, count in thinned)),
        WIDTH,
        HEIGHT,
        f'{title} against kimg',
        first,
        last,
        LEFT,
        RIGHT,
        Markup('\n').join(parts),
    )


def _legend(lines, count):
    names = [
        Markup(' <span class="key key{}">{} {}</span>').format(place, line.name, _last_value(line))
        for place, line in enumerate(lines)
    ]
    if count > 1:
        names.append(Markup(' <small>each point a mean of {}</small>').format(count))
    return Markup('').join(names)


def _last_value(line):
    value = line.points[-1][1]
    return f'{value:.4g}' if math.isfinite(value) else 'not finite'


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

    return to_y, [value for value in locator.tick_values(low, high) if low <= value <= high]


def _value_tick(value, y):
    return Markup(
        '<line class="rule" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
        '<text x="{}" y="{:.1f}" text-anchor="end">{}</text>'
    ).format(LEFT, RIGHT, y, y, LEFT - 6, y + 4, _short(value))


def _kimg_tick(kimg, x):
    return Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(x, BOTTOM + 17, _short(kimg))


def _short(value):
    """A tick in few characters; ticks are round, but for the last bits."""
    return f'{value:.5g}'.replace('-', '−')


def _draw_marks(marks, to_x):
    free = -math.inf
    for mark in marks:
        x, width = to_x(mark.kimg), CHARACTER * len(mark.label)
        label = mark.label if x > free and x + width < WIDTH else ''
        if label:
            free = x + width + CHARACTER
        yield Markup(
            '<g class="mark"><title>{}</title><line x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>'
            '<text x="{:.1f}" y="{}">{}</text></g>'
        ).format(mark.title, x, x, TOP, BOTTOM, x, TOP - 7, label)


def _path(points, to_x, to_y):
    """Lines between neighbours that are finite; a lone point is a dot, as the ends of lines are round."""
    pieces, is_open = [], False
    for kimg, value in points:
        if math.isfinite(value):
            place = f'{to_x(kimg):.1f},{to_y(value):.1f}'
            pieces.append(f'L{place}' if is_open else f'M{place}h0')
        is_open = math.isfinite(value)
    return ''.join(pieces)
