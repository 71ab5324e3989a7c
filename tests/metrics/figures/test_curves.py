"""The curve of a metric over a run."""

import numpy as np
import pytest

from dnnlib.errors import UserError
from metrics.figures.curves import draw_curve, draw_curves
from metrics.meter import Result
from metrics.results import Snapshot, append_result

MARK = (217, 95, 2)  # the second colour of all charts


def mark_pixels(picture):
    return np.argwhere((np.abs(picture.astype(int) - MARK) < 10).all(axis=2))


def records(values):
    return [{'metric': 'fid50k', 'kimg': 10 * i, 'value': value} for i, value in enumerate(values)]


def test_marks_the_lowest_value():
    falling, rising = (mark_pixels(draw_curve('fid50k', records(values))) for values in ([9, 7, 5, 3], [3, 5, 7, 9]))
    # The legend shows the mark once more, right above; the mark on the curve lies low, at one end of it.
    assert falling[falling[:, 0] > 240][:, 1].min() > 600 and rising[rising[:, 0] > 240][:, 1].max() < 200


def test_draws_a_single_snapshot():
    picture = draw_curve('fid50k', records([4.0]))
    assert picture.shape == (480, 800, 3) and picture.dtype == np.uint8 and len(mark_pixels(picture))


def test_one_curve_for_each_metric_and_a_sentence_without_any(tmp_path):
    with pytest.raises(UserError, match='no measured snapshots .* run_metrics.py'):
        draw_curves(str(tmp_path))
    for kimg, metric in ((0, 'fid50k'), (5, 'fid50k'), (5, 'fd_onet5k'), (None, 'fid50k')):
        append_result(str(tmp_path), Snapshot('x.pkl', kimg), Result(metric, 3.0, 1.0, {}))
    assert list(draw_curves(str(tmp_path))) == ['fid50k', 'fd_onet5k']
