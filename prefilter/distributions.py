"""Sizes of faces, scores, sizes of photographs and numbers of faces, accepted against refused, as one picture."""

import io

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from prefilter.summary import ACCEPTED, QUANTITIES, REFUSED

DPI = 100
PANEL = 4.8, 3.0  # inches
MOST_FACES = 10  # the last bar is of so many and more
MOST_NINES = 4  # of a score that are told apart; the last bar is of so many and more
COLOURS = {  # dark -> background, text, accepted, refused; told apart by the colour-blind too
    False: ('#ffffff', '#222222', '#3b7dd8', '#d95f02'),
    True: ('#1b1d21', '#dddddd', '#5b9bf0', '#ff9f55'),
}


def draw_distributions(summary, columns=2, dark=False):
    """Draws what is known of accepted and of refused photographs, each in per cent of its kind.

    Args:
        summary: A `prefilter.summary.Summary`.
        columns: Panels side by side, 1, 2 or 4.
        dark: Whether for a dark page.

    Returns:
        The bytes of a PNG, 480 px wide for each column; the same bytes for the same numbers.
    """
    known = [name for name in QUANTITIES if any(summary.values[name].values())]
    rows = -(-len(known) // columns)
    background, text, *colours = COLOURS[dark]
    with matplotlib.rc_context(matplotlib.rcParamsDefault):  # whatever the user has made matplotlib's defaults
        figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * max(rows, 1)), dpi=DPI, facecolor=background)
        FigureCanvasAgg(figure)
        for place, name in enumerate(known):
            axes = figure.add_subplot(rows, columns, place + 1, facecolor=background)
            _draw_panel(axes, name, summary.values[name], dict(zip((ACCEPTED, REFUSED), colours)))
            _colour(axes, text)
        figure.tight_layout()
        file = io.BytesIO()
        figure.savefig(file, format='png', facecolor=background, metadata={'Software': None})
    return file.getvalue()


def _draw_panel(axes, name, values, colours):
    edges, ticks, marks = _BINS[name]([value for kind in values.values() for value in kind])
    place = _PLACES.get(name, np.asarray)
    highest = 0
    for kind, colour in colours.items():
        if values[kind]:
            counts = np.histogram(place([*values[kind]]), edges, weights=[*values[kind].values()])[0]
            shares = 100 * counts / counts.sum()
            highest = max(highest, shares.max())
            heights = [*shares, shares[-1]]
            axes.fill_between(edges, heights, step='post', color=colour, alpha=0.3, lw=0)
            axes.step(edges, heights, where='post', color=colour, label=f'{kind}, {sum(values[kind].values()):,}')
    if name in ('face', 'photograph'):
        axes.set_xscale('log', base=2)
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(ticks)
    axes.set_xticklabels(marks)
    axes.set_title(QUANTITIES[name], fontsize=11)
    axes.set_ylabel('% of its kind', fontsize=9)
    axes.set_ylim(0, 1.25 * highest)  # there is room for the legend
    axes.yaxis.set_major_locator(MaxNLocator(5))


# ----------------------------------------------------------------------------------------------------------------------
# Edges of the bars, where ticks are, and what is written at these.


def _sizes(values):
    """Four bars for each doubling, from one power of two to another."""
    first, last = int(np.log2(max(min(values), 1))), int(np.log2(max(*values, 1))) + 1
    ticks = 2 ** np.arange(first, last + 1)
    return np.exp2(np.linspace(first, last, (last - first) * 4 + 1)), ticks, [str(tick) for tick in ticks]


def _scores(values):
    """Four bars for each further nine: nearly all scores are close to 1."""
    marks = ['0.9', '0.99', '0.999', '0.9999+']
    first = np.floor(4 * min(_nines(min(values)), 1)) / 4
    return np.arange(first, MOST_NINES + 0.5, 0.25), np.arange(1, MOST_NINES + 1), marks


def _numbers(values):
    ticks = np.arange(_at_most(max(values)) + 1)
    marks = [f'{tick}+' if tick == MOST_FACES else str(tick) for tick in ticks]
    return np.arange(len(ticks) + 1) - 0.5, ticks, marks


def _nines(scores):
    """How many nines a score begins with, as a fraction: 1 for 0.9, 2 for 0.99."""
    return -np.log10(np.maximum(1 - np.asarray(scores), 10.0**-MOST_NINES))


def _at_most(faces):
    return np.minimum(faces, MOST_FACES)


_PLACES = {'score': _nines, 'faces': _at_most}  # where a value stands among the edges, if not at itself
_BINS = {'face': _sizes, 'photograph': _sizes, 'score': _scores, 'faces': _numbers}


def _colour(axes, text):
    legend = axes.legend(fontsize=9, frameon=False)
    for label in legend.get_texts():
        label.set_color(text)
    axes.tick_params(colors=text, labelsize=9)
    for label in (axes.title, axes.yaxis.label):
        label.set_color(text)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ('left', 'bottom'))
        spine.set_color(text)
    axes.grid(axis='y', alpha=0.25)
    axes.set_axisbelow(True)
