"""What tests of the filter share."""

import functools
import pickle
from unittest import mock

import pytest


@pytest.fixture(scope='session')
def picture_of():
    """`draw_distributions`, which draws the same numbers once only; it takes as long as all else of a small dataset."""
    from prefilter.distributions import draw_distributions

    drawn = functools.lru_cache(maxsize=None)(lambda pickled: draw_distributions(pickle.loads(pickled)))
    return lambda panels: drawn(pickle.dumps(panels))


@pytest.fixture
def charts_drawn_once(picture_of):
    """Datasets of the test get their `distributions.png` from those that were drawn already."""
    with mock.patch('prefilter.report.draw_distributions', picture_of):
        yield
