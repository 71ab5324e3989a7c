"""Curves of a run's metrics, as pictures."""

from dnnlib.errors import UserError
from dnnlib.pages import plots
from metrics.results import best_result, find_measured, read_results, series

SIZE = 800, 480  # px


def draw_curve(metric, records):
    """The curve of a metric over the training length. The best snapshot is marked.

    Args:
        metric: Name of the metric.
        records: Records of the metric from `metrics.results.series`; not empty.

    Returns:
        uint8 [480, 800, 3].
    """
    best = best_result(records)
    with plots.new_figure(*SIZE) as figure:
        axes = figure.add_subplot(1, 1, 1)
        kimgs, values = zip(*((record['kimg'], record['value']) for record in records))
        axes.plot(kimgs, values, marker='.', color=plots.FIRST)
        label = 'best: {:.4g} at {:g} kimg'.format(best['value'], best['kimg'])
        axes.plot(best['kimg'], best['value'], 'o', color=plots.SECOND, markersize=10, fillstyle='none', label=label)
        axes.set(xlabel='kimg (thousands of real images shown)', ylabel=metric)
        axes.set_ylim(bottom=0)
        plots.style_axes(axes)
        return plots.as_pixels(figure)


def draw_curves(run_dir):
    """The curves of all metrics of a run.

    Args:
        run_dir: Directory of a training run.

    Returns:
        Dict of the name of a metric to uint8 [480, 800, 3].

    Raises:
        UserError: Nothing has been measured yet.
    """
    results = [record for record in read_results(run_dir) if record['kimg'] is not None]
    curves = {metric: draw_curve(metric, series(results, metric)) for metric in find_measured(results)}
    if not curves:
        raise UserError(f'{run_dir} has no measured snapshots to draw: measure them with python run_metrics.py.')
    return curves
