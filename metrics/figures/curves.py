"""The course of a run's metrics, as pictures."""

import matplotlib

matplotlib.use('agg')  # draws into memory, without a display
import matplotlib.pyplot as plt
import numpy as np

from dnnlib.errors import UserError
from metrics.results import best_result, find_measured, read_results, series

DPI = 100


def draw_curve(metric, records):
    """A metric against the training length, the best snapshot marked.

    Args:
        metric: Name of the metric.
        records: Results of the metric by growing kimg, as from `metrics.results.series`; not empty, all with a kimg.

    Returns:
        uint8 [480, 800, 3].
    """
    best = best_result(records)
    figure, axes = plt.subplots(figsize=(8, 4.8), dpi=DPI)
    axes.plot([record['kimg'] for record in records], [record['value'] for record in records], marker='.')
    label = 'best: {:.4g} at {:g} kimg'.format(best['value'], best['kimg'])
    axes.plot(best['kimg'], best['value'], 'o', color='tab:red', markersize=10, fillstyle='none', label=label)
    axes.set(xlabel='kimg (thousands of real images shown)', ylabel=metric)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[:, :, :3].copy()
    plt.close(figure)
    return pixels


def draw_curves(run_dir):
    """The curve of each metric a run was measured with.

    Args:
        run_dir: Directory of a training run.

    Returns:
        Dict of the metric's name to uint8 [480, 800, 3].

    Raises:
        UserError: Nothing has been measured yet.
    """
    results = [record for record in read_results(run_dir) if record['kimg'] is not None]
    curves = {metric: draw_curve(metric, series(results, metric)) for metric in find_measured(results)}
    if not curves:
        raise UserError(f'{run_dir} has no measured snapshots to draw: measure them with python run_metrics.py.')
    return curves
