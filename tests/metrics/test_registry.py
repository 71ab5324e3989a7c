"""What the names of metrics mean, and how a command line lists them."""

import json

import click
import pytest

import config
from metrics.registry import (
    GROUPS,
    METRICS,
    FrechetDistance,
    InceptionScore,
    InfiniteFrechet,
    KernelDistance,
    LinearSeparability,
    PathLength,
    PrecisionRecall,
    find_value,
    is_lower_better,
    parse_metrics,
)
from tests.earlier import EARLIER


def test_the_names_mean_what_the_paper_and_the_readme_say():
    assert METRICS['fid50k'] == FrechetDistance('fid50k', 'inception', num_fakes=50000, num_reals=50000)
    assert METRICS['ppl_zfull'] == PathLength('ppl_zfull', 'lpips', 'z', 'full', num_samples=100000, epsilon=1e-4)
    assert METRICS['ppl_wend'] == PathLength('ppl_wend', 'lpips', 'w', 'end', num_samples=100000, epsilon=1e-4)
    assert METRICS['pl_onet5k_wfull'] == PathLength('pl_onet5k_wfull', 'onet', 'w', 'full', 5000, epsilon=1e-2)
    assert METRICS['ls'] == LinearSeparability('ls', 'celebahq-classifier', num_samples=200000, num_keep=100000)
    assert METRICS['fid5k'] == FrechetDistance('fid5k', 'inception', num_fakes=5000, num_reals=5000)
    assert METRICS['fid_inf'] == InfiniteFrechet('fid_inf', 'inception', 50000, 50000, smallest=5000, num_sizes=15)
    assert METRICS['kid50k'] == KernelDistance('kid50k', 'inception', 50000, 50000, num_subsets=100, subset_size=1000)
    assert METRICS['pr50k3'] == PrecisionRecall('pr50k3', 'inception', 50000, 50000, neighbours=3)
    assert METRICS['is50k'] == InceptionScore('is50k', 'inception-softmax', 50000, num_splits=10)
    assert METRICS['fd_onet5k'] == FrechetDistance('fd_onet5k', 'onet', num_fakes=5000, num_reals=5000)


def test_what_an_earlier_version_measured_by_a_name_is_what_the_name_means_now():
    for name, earlier in json.loads((EARLIER / 'metrics.json').read_text()).items():
        metric = METRICS[name]
        assert (metric.settings(), [*metric.value_names]) == (earlier['settings'], earlier['values'])


@pytest.mark.parametrize(
    'text, names',
    [
        ('fid50k', ['fid50k']),
        (' fd_onet5k , fid50k ', ['fd_onet5k', 'fid50k']),
        ('fid50k,fid50k', ['fid50k']),
        ('none', []),
        (' none ', []),
        ('table1,fid50k', ['fid50k', 'ppl_zfull', 'ppl_wfull', 'ppl_zend', 'ppl_wend', 'ls']),
    ],
)
def test_names_are_separated_by_commas_and_none_is_none(text, names):
    assert parse_metrics(text) == names


@pytest.mark.parametrize(
    'text, message',
    [
        ('fid5', '--metrics fid5: choose from fd_onet5k, fd_onet5k_inf, fid50k'),
        ('fd_onet5k,fid5', '--metrics fid5: choose from'),
        ('', "--metrics '': choose from"),
        ('none,fid50k', 'none cannot be combined with other names'),
        ('fid50k, none', 'none cannot be combined with other names'),
    ],
)
def test_what_is_no_list_of_metrics_is_refused_with_the_hint(text, message):
    with pytest.raises(click.UsageError, match=message):
        parse_metrics(text)


def test_every_value_belongs_to_one_metric_and_the_papers_table_is_measured_in_full():
    values = [value for metric in METRICS.values() for value in metric.value_names]
    assert len(values) == len(set(values))
    assert list(config.PAPER_TABLE) == [value for name in GROUPS['table1'] for value in METRICS[name].value_names]


def test_what_decides_is_a_value_by_its_own_name_or_by_that_of_its_metric():
    assert find_value('fid50k') == ('fid50k', 'fid50k') and find_value('pr50k3') == ('pr50k3', 'pr50k3_precision')
    assert find_value('ls_w') == ('ls', 'ls_w')
    with pytest.raises(click.UsageError, match='--best fid5: choose from fd_onet5k, .*pr50k3_recall'):
        find_value('fid5')
    assert find_value('is50k') == ('is50k', 'is50k_mean')
    with pytest.raises(click.UsageError, match='--best is50k_std: choose from .* is50k_mean, kd_onet5k'):
        find_value('is50k_std')  # more deviation is not better


def test_more_precision_and_recall_are_better_and_less_of_all_distances():
    assert not is_lower_better('pr50k3_recall') and not is_lower_better('is50k_mean')
    assert all(is_lower_better(value) for value in ('fid50k', 'kid50k', 'fid_inf', 'ls_w', 'ppl_wend', 'unknown'))
