"""What a dry run tells."""

import os
import re

import pytest

from dnnlib.records.tfrecords import MultiResolutionDataset
from tests.toy_run import make_dataset
from training.footprint import Networks
from training.options import resolve_options
from training.plan import count_parameters, disk_gb, free_gb, print_plan, published_times
from training.schedule import phases

COUNTED = {}  # numbers of parameters, by options
PAPER = Networks(G=26261495, D=23052354, G_trainable=26086229, D_trainable=23052353)


def options_of(resolution=256, **given):
    return resolve_options('paper', dict(given, data='x'), resolution)


def rows_of(options):
    return phases(options.total_kimg, options.resolution, **options.schedule_options())


def plan_of(capsys, data, results='results', processes=1, **given):
    with MultiResolutionDataset(data) as dataset:
        print_plan(
            options_of(dataset.resolution, **given),
            dataset,
            results,
            {'r1_gamma': '--gamma', 'minibatch': '--minibatch'},
            processes=processes,
        )
    return capsys.readouterr().out


@pytest.fixture(autouse=True)
def networks_counted_once(monkeypatch):
    """Builds the networks of equal options once for all tests, since that takes seconds."""
    monkeypatch.setattr('training.plan.count_parameters', count_once)


def count_once(options, *shape):
    key = options.latent_size, options.mapping_layers, options.fmap_base, options.fmap_max, options.resolution, shape
    if key not in COUNTED:
        COUNTED[key] = count_parameters(options, *shape)
    return COUNTED[key]


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return make_dataset(str(tmp_path_factory.mktemp('datasets') / 'celeba'), resolution=256, count=2)


@pytest.mark.slow
def test_parameters_are_those_of_stylegan():
    assert count_once(options_of(), 3, 0) == PAPER


def test_the_plan_of_several_processes_says_how_long_gradients_take_between_machines(capsys, data):
    plan = plan_of(capsys, data, gpus=4, processes=2)
    assert '2 processes have 2 replicas each.' in plan
    assert 'sums up 197 MB of gradients over the processes' in plan
    assert ': 1.6 s at 1 Gbit/s and 0.16 s at 10 Gbit/s between two machines.' in plan
    assert '4 processes have 1 replica each.' in plan_of(capsys, data, gpus=4, processes=4)
    assert 'processes' not in plan_of(capsys, data, gpus=4)


def test_options_are_named_by_their_flags(capsys, data):
    lines = [
        line.split(None, 1)
        for line in plan_of(capsys, data, gpus=2).split('Options:')[1].split('\n\n')[0].splitlines()
        if line
    ]
    assert lines[0] == ['--gamma', '10.0'] and lines[1][0] == '--minibatch'
    assert 'by resolution {' in lines[1][1] and len(lines) == 2


def test_plan_of_the_papers_run(capsys, data):
    plan = plan_of(capsys, data, gpus=2)
    assert 'G  26,086,229\n  D  23,052,353' in plan
    memory = plan.split('Memory of each GPU')[1].split('\n\n')[0]
    sides, images = zip(*[line.split()[:2] for line in memory.splitlines()[2:8]])
    assert sides == ('8x8', '16x16', '32x32', '64x64', '128x128', '256x256')
    assert images == ('128', '64', '32', '16', '8', '4')
    assert 'does not fit' not in plan
    assert '25,000 kimg at 256x256 took 12d 00h on 2 RTX 2080 Ti (the paper).' in plan


def memory_of(plan, side):
    """The cells of a row of the table about memory that are intervals, as pairs of GB."""
    row = next(line for line in plan.splitlines() if line.split()[:1] == [f'{side}x{side}'] and ' to ' in line)
    return [tuple(map(float, each)) for each in re.findall(r'([\d.]+) to ([\d.]+)', row)]


def test_memory_is_an_interval_for_each_precision_and_says_what_it_rests_on(capsys, data):
    plan = plan_of(capsys, data, gpus=2)
    exact, mixed = memory_of(plan, 256)
    assert exact[0] < 3 < exact[1] and mixed[0] < exact[0] and mixed[1] < exact[1]
    assert 'float32       mixed' in plan and 'a guess: no GPU has been measured.' in plan
    assert memory_of(plan_of(capsys, data, gpus=2, precision='mixed', half_levels=1), 128) == [exact_of(plan, 128)] * 2
    assert len(memory_of(plan_of(capsys, data, gpus=2, architecture='progan', loss='wgan-gp'), 256)) == 1


def exact_of(plan, side):
    return memory_of(plan, side)[0]


def test_a_minibatch_too_large_for_the_card_is_told_with_one_that_fits(capsys, data):
    minibatches = {8: 128, 16: 128, 32: 64, 64: 32, 128: 16, 256: 32}
    plan = plan_of(capsys, data, minibatch=32, minibatch_by_resolution=minibatches)
    assert plan.count('256x256 does not fit in 11 GB: ') == 1
    assert 'give a smaller --minibatch, 8 at 256x256.' in plan
    plan = plan_of(capsys, data, minibatch=16, minibatch_by_resolution={})
    assert 'does not fit' not in plan and '256x256 may not fit in 11 GB: ' in plan


def test_networks_too_large_for_the_card_are_told_so(capsys, data, monkeypatch):
    large = Networks(G=139735223, D=139513858, G_trainable=139559957, D_trainable=139513857)
    monkeypatch.setattr('training.plan.count_parameters', lambda *args: large)  # which takes 4 GB
    plan = plan_of(capsys, data, fmap_base=2**17, fmap_max=1024)
    assert 'give a smaller --resolution, or smaller networks by --fmap-base and --fmap-max.' in plan


def test_disk_space_is_that_of_the_files():
    options = options_of(total_kimg=1200, tick_kimg=10, snapshot_ticks=20, image_ticks=4, grid=[10, 5])
    sizes = disk_gb(rows_of(options), options, PAPER, 3)
    pickle = 4 * (2 * PAPER.G + PAPER.D) / 1e9
    assert sizes[f'9 network snapshots of {pickle:.3f}'] == pytest.approx(9 * pickle)
    assert sizes['the best and the final networks'] == pytest.approx(2 * pickle)
    assert sizes['image grids'] == pytest.approx(32 * 50 * 256**2 * 2 / 1e9)
    assert sizes['training states'] == pytest.approx(3 * 0.695, rel=0.01)


def test_too_little_disk_space_is_told(capsys, data, tmp_path):
    results = str(tmp_path / 'not' / 'there' / 'yet')
    assert free_gb(results) == pytest.approx(free_gb(str(tmp_path)), rel=0.1) and not os.path.exists(results)
    assert 'This is not enough' in plan_of(capsys, data, results, total_kimg=10**7)


@pytest.mark.parametrize(
    'given, sentences',
    [
        ({'gpus': 1}, ['25,000 kimg at 256x256 took 14d 22h on 1 V100 (the original authors).']),
        ({'gpus': 8}, ['25,000 kimg at 256x256 took 3d 08h on 8 V100 (the original authors).']),
        ({'resolution': 128}, ['None is published for these settings; the log lines of the run tell an ETA.']),
        (
            {'fmap_base': 4096},
            ['None is published for other networks or minibatches; the log lines of the run tell an ETA.'],
        ),
        ({'device': 'cpu'}, ['None is published for these settings; the log lines of the run tell an ETA.']),
    ],
)
def test_published_times_are_told_for_what_they_hold(given, sentences):
    assert published_times(options_of(**given)) == sentences


def test_time_of_a_shorter_run_is_scaled_by_its_work():
    # The last 19,000 kimg, at 256x256, are more than their share of images.
    line = published_times(options_of(gpus=2, total_kimg=6000))[0]
    assert '25,000 kimg at 256x256 took 12d 00h' in line and '6000 kimg would take 1d ' in line
