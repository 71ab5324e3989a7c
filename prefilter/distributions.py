"""Histograms of faces, scores and photographs, the accepted beside the refused: for the page, and as one picture."""

from typing import List, NamedTuple, Tuple

import numpy as np
from matplotlib.ticker import MaxNLocator

from dnnlib.pages import charts, plots
from prefilter.summary import ACCEPTED, QUANTITIES, REFUSED

COLUMNS = 2  # of the picture
PANEL = 480, 300  # px
MOST_FACES = 10  # the last bar stands for this many and more
MOST_NINES = 4  # of a score; the last bar stands for this many and more
COLOURS = {ACCEPTED: plots.FIRST, REFUSED: plots.SECOND}


class Panel(NamedTuple):
    """The histogram of one quantity."""

    title: str
    edges: np.ndarray  # of the bars; one more than there are bars
    ticks: List[Tuple[float, str]]  # (place on the axis of the edges, label)
    shares: dict  # 'accepted' or 'refused', if it has values -> float [bars], per cent of its kind
    counts: dict  # 'accepted' or 'refused' -> number of values


def histograms(summary):
    """A `Panel` for each quantity that is known of any photograph.

    Args:
        summary: A `prefilter.summary.Summary`.
    """
    return [_panel(name, summary.values[name]) for name in QUANTITIES if any(summary.values[name].values())]


def draw_charts(panels):
    """The panels as SVG for a page: list of Markup."""
    return [
        charts.histogram(
            panel.title,
            panel.edges.tolist(),
            panel.ticks,
            [
                charts.Bars(_name(panel, kind), shares.tolist(), (ACCEPTED, REFUSED).index(kind))
                for kind, shares in panel.shares.items()
            ],
        )
        for panel in panels
    ]


def draw_distributions(panels):
    """The panels as one picture.

    Returns:
        The bytes of a PNG, 960 px wide; the same bytes for the same numbers.
    """
    rows = max(-(-len(panels) // COLUMNS), 1)
    with plots.new_figure(PANEL[0] * COLUMNS, PANEL[1] * rows) as figure:
        for place, panel in enumerate(panels):
            axes = figure.add_subplot(rows, COLUMNS, place + 1)
            for kind, shares in panel.shares.items():
                heights = [*shares, shares[-1]]
                axes.fill_between(panel.edges, heights, step='post', color=COLOURS[kind], alpha=0.3, lw=0)
                axes.step(panel.edges, heights, where='post', color=COLOURS[kind], label=_name(panel, kind))
            axes.set_xticks([place for place, _ in panel.ticks])
            axes.set_xticklabels([label for _, label in panel.ticks])
            axes.set_title(panel.title, fontsize=11)
            axes.set_ylabel('% of its kind', fontsize=9)
            axes.set_ylim(0, 1.25 * max(shares.max() for shares in panel.shares.values()))  # with room for the legend
            axes.yaxis.set_major_locator(MaxNLocator(5))
            plots.style_axes(axes)
        return plots.as_png(figure)


def _name(panel, kind):
    return f'{kind}, {panel.counts[kind]:,}'


def _panel(name, values):
    edges, ticks = _BINS[name]([value for kind in values.values() for value in kind])
    shares = {}
    for kind, counter in values.items():
        if counter:
            places, weights = _PLACES[name]([*counter]), [*counter.values()]
            counts = np.histogram(places, edges, weights=weights)[0]
            shares[kind] = 100 * counts / counts.sum()
    counts = {kind: sum(values[kind].values()) for kind in shares}
    return Panel(QUANTITIES[name], edges, ticks, shares, counts)


# ----------------------------------------------------------------------------------------------------------------------
# Where a value stands on its axis; edges of the bars, and ticks, on that axis.


def _doublings(sizes):
    return np.log2(np.maximum(sizes, 1))


def _nines(scores):
    """How many nines a score begins with, as a fraction: 1 for 0.9, 2 for 0.99."""
    return -np.log10(np.maximum(1 - np.asarray(scores), 10.0**-MOST_NINES))


def _at_most(faces):
    return np.minimum(faces, MOST_FACES)


def _bins_of_sizes(sizes):
    """Four bars for each doubling, from one power of two to another."""
    first, last = int(_doublings(min(sizes))), int(_doublings(max(sizes))) + 1
    return np.linspace(first, last, (last - first) * 4 + 1), [
        (power, str(2**power)) for power in range(first, last + 1)
    ]


def _bins_of_scores(scores):
    """Four bars for each further nine: nearly all scores are close to 1."""
    first = np.floor(4 * min(_nines(min(scores)), 1)) / 4
    return np.arange(first, MOST_NINES + 0.5, 0.25), [(1, '0.9'), (2, '0.99'), (3, '0.999'), (4, '0.9999+')]


def _bins_of_numbers(numbers):
    most = int(_at_most(max(numbers)))
    ticks = [(number, f'{number}+' if number == MOST_FACES else str(number)) for number in range(most + 1)]
    return np.arange(most + 2) - 0.5, ticks


_PLACES = {'face': _doublings, 'photograph': _doublings, 'score': _nines, 'faces': _at_most}
_BINS = {'face': _bins_of_sizes, 'photograph': _bins_of_sizes, 'score': _bins_of_scores, 'faces': _bins_of_numbers}
