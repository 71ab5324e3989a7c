"""Charts as picture files, for use outside of pages: matplotlib figures without a display."""

import contextlib
import io
from typing import Iterator

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DPI = 100
TEXT, FIRST, SECOND = '#222222', '#3b7dd8', '#d95f02'  # as on pages; colour-blind people can tell them apart


@contextlib.contextmanager
def new_figure(width: int, height: int) -> Iterator[Figure]:
    """Yields a figure of this size, px. The user's own defaults of matplotlib do not change its look."""
    with matplotlib.rc_context(matplotlib.rcParamsDefault):
        figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
        FigureCanvasAgg(figure)
        yield figure


def style_axes(axes: Axes) -> None:
    """Gives axes the look that all charts share: few frames, faint rules, text in `TEXT`."""
    axes.tick_params(colors=TEXT, labelsize=9)
    for label in (axes.title, axes.xaxis.label, axes.yaxis.label):
        label.set_color(TEXT)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ('left', 'bottom'))
        spine.set_color(TEXT)
    axes.grid(axis='y', alpha=0.25)
    axes.set_axisbelow(True)
    for text in axes.legend(fontsize=9, frameon=False).get_texts():
        text.set_color(TEXT)


def as_png(figure: Figure) -> bytes:
    """The bytes of a PNG; the same for the same figure."""
    file = io.BytesIO()
    figure.tight_layout()
    figure.savefig(file, format='png', metadata={'Software': None})
    return file.getvalue()


def as_pixels(figure: Figure) -> np.ndarray:
    """uint8 [H, W, 3], dynamic range [0, 255]."""
    figure.tight_layout()
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[:, :, :3].copy()
