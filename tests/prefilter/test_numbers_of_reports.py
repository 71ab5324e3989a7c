"""Numbers that the page about a dataset shows: samples, quantiles, sizes, panels."""

import numpy as np
import pytest

from dnnlib.pages.html_page import bytes_in_words
from prefilter.distributions import draw_distributions, histograms
from prefilter.report import _identities
from prefilter.summary import ACCEPTED, REFUSED, SAMPLES, Samples, Summary, quantiles

pytestmark = pytest.mark.usefixtures('charts_drawn_once')


def test_samples_are_even_whatever_their_number():
    for count in (1, SAMPLES, 2 * SAMPLES - 1, 10007):
        samples = Samples()
        for number in range(count):
            samples.add(number)
        chosen = samples.chosen()
        assert len(chosen) == min(count, SAMPLES) and chosen[0] == 0 and chosen == sorted(set(chosen))
        assert max(np.diff(chosen), default=0) <= 3 * count / SAMPLES and chosen[-1] >= 0.95 * (count - 1)


def test_quantiles_are_those_of_the_numbers():
    numbers = np.random.RandomState(1).randint(0, 50, 1001)
    values = dict(zip(*(column.tolist() for column in np.unique(numbers, return_counts=True))))
    assert quantiles(values, (0.05, 0.5, 0.95)) == [sorted(numbers)[place] for place in (50, 500, 950)]


def test_a_hundred_thousand_identities_take_little_of_the_page():
    summary = Summary(has_identities=True)
    for number in range(100000):
        for _ in range(1 + (number == 7)):
            line = {'accepted': True, 'path': '', 'index': 0, 'box': [0, 0, 1 + number, 1], 'score': number / 1e5}
            summary.add(line, str(number))
    assert summary.largest_identities(3) == [('7', 2), ('0', 1), ('1', 1)]
    assert summary.identity_groups() == [(0, 0, 0), (1, 1, 99999), (2, 2, 1)]
    identities = _identities(summary)
    assert (identities['present'], identities['absent']) == (100000, 0)
    assert len(identities['groups']) == 3 and len(identities['largest']) == 20


@pytest.mark.parametrize(
    'size, words',
    [
        (0, '0 bytes'),
        (999, '999 bytes'),
        (1000, '1.0 kB'),
        (29498, '29.5 kB'),
        (5 * 10**9, '5.0 GB'),
        (12345678 * 10**9, '12,345.7 TB'),
    ],
)
def test_sizes_as_a_person_reads_them(size, words):
    assert bytes_in_words(size) == words


def test_a_panel_counts_each_value_in_its_bar():
    summary = Summary(has_identities=False)
    for faces, accepted in ((0, False), (0, False), (1, True), (2, True), (2, True), (12, True)):
        line = {'accepted': accepted, 'path': '', 'index': 0, 'faces': faces, 'reason': 'no-face'}
        summary.add(dict(line, width=64, height=90) if accepted else line)
    photographs, faces = histograms(summary)
    assert faces.shares[ACCEPTED].tolist() == [0, 25, 50, *[0] * 7, 25] and faces.shares[REFUSED][0] == 100
    assert faces.counts == {ACCEPTED: 4, REFUSED: 2} and faces.ticks[-1] == (10, '10+')
    assert list(photographs.shares) == [ACCEPTED] and photographs.shares[ACCEPTED].tolist() == [100, 0, 0, 0]
    assert photographs.ticks == [(6, '64'), (7, '128')] and photographs.edges.tolist() == [6, 6.25, 6.5, 6.75, 7]
    assert draw_distributions([photographs]) == draw_distributions([photographs])
