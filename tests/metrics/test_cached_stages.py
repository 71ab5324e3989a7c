"""Measurements in stages: what is shared, what is kept, what goes on after a kill, and what is never stale."""

import contextlib
import dataclasses
import functools
import os
import shutil
import signal
import subprocess
import sys
import time
from unittest import mock

import numpy as np
import pytest
from click.testing import CliRunner

import dnnlib.quiet  # noqa: F401
import run_metrics
from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.records.tfrecords import MultiResolutionDataset, MultiResolutionWriter
from dnnlib.tflib.network import Network
from metrics import registry, stages
from metrics.cache import StageCache
from metrics.features import FEATURE_NETWORKS
from metrics.features.extractor import FeatureNetwork
from metrics.generator import identity_of
from metrics.meter import Meter
from metrics.registry import (
    FrechetDistance,
    InfiniteFrechet,
    KernelDistance,
    LinearSeparability,
    PathLength,
    PrecisionRecall,
)
from tests.faults.toy_training import ROOT
from tests.metrics.arithmetic.test_separability import stub_classifiers
from tests.sessions import without_graph_optimizer
from tests.toy_run import SMALL, SMALL_G, make_dataset

TOYS = {
    metric.name: metric
    for metric in (
        FrechetDistance('fd', 'onet', 40, 30),
        InfiniteFrechet('fd_inf', 'onet', 40, 30, 20, 3),
        KernelDistance('kd', 'onet', 40, 12, 4, 10),
        PrecisionRecall('pr', 'onet', 24, 12, 3),
        PathLength('pl', 'onet', 'w', 'full', 24, 1e-2),
        LinearSeparability('ls', 'stub', 48, 20),
    )
}


@functools.lru_cache(maxsize=None)
def the_stubs():
    """The same object each time, so that the graph has them once."""
    return stub_classifiers()


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    monkeypatch.setattr(stages, 'CHUNK', 8)
    monkeypatch.setattr('metrics.features._open_classifiers', lambda name, offline: the_stubs())
    for name, metric in TOYS.items():
        monkeypatch.setitem(registry.METRICS, name, metric)


@pytest.fixture
def dataset(tmp_path):
    with MultiResolutionDataset(make_dataset(str(tmp_path / 'toy'))) as opened:
        yield opened


@pytest.fixture
def cache(tmp_path):
    return StageCache(str(tmp_path / 'stages'))


@pytest.fixture
def generator(shared_networks):
    """A function that returns the generator, with the weights of a seed."""
    return lambda seed=1: with_weights(shared_networks.generator(**SMALL, **SMALL_G), seed)


def with_weights(Gs, seed):
    tflib.set_vars(
        {
            variable: np.random.RandomState([seed, index]).randn(*variable.shape.as_list())
            for index, variable in enumerate(Gs.trainables.values())
        }
    )
    return Gs


class Runs:
    """Counts what networks are given, and stops the process at one of them."""

    def __init__(self, monkeypatch):
        self.images, self.calls, self.stop_at = 0, 0, None
        run = Network.run

        def counted(network, *arrays, **kwargs):
            if 'output_transform' in kwargs:
                if self.calls == self.stop_at:
                    raise KeyboardInterrupt
                self.calls += 1
                self.images += len(arrays[0])
            return run(network, *arrays, **kwargs)

        monkeypatch.setattr(Network, 'run', counted)


@pytest.fixture
def runs(monkeypatch):
    return Runs(monkeypatch)


def measure(dataset, Gs, names, cache, **options):
    """{value: number} of those metrics, by a meter of its own."""
    meter = Meter(names, dataset, True, 5, cache=cache)
    numbers = {}
    for _, results in meter.measure(meter.metrics, Gs, minibatch_size=4, **options):
        if isinstance(results, UserError):
            raise results
        numbers.update({result.metric: (result.value, result.details) for result in results})
    return numbers


def places(cache):
    return sorted(os.listdir(cache.folder)) if os.path.isdir(cache.folder) else []


@pytest.mark.slow
def test_one_pass_serves_all_metrics_of_images_and_changes_no_number(generator, dataset, cache, runs):
    Gs = generator()
    alone = {}
    for name in TOYS:
        alone.update(measure(dataset, Gs, [name], StageCache(None)))
    runs.images = 0
    names = ['fd', 'fd_inf', 'kd', 'pr', 'ls']
    together = measure(dataset, Gs, names, cache)
    assert runs.images == 48  # the largest number of fakes
    together.update(measure(dataset, Gs, ['pl'], cache))
    assert together == alone


@pytest.mark.parametrize('name', ['fd', 'pl', 'ls'])
def test_a_killed_evaluation_goes_on_to_the_same_bits(generator, dataset, cache, runs, name):
    Gs = generator()
    undisturbed = measure(dataset, Gs, [name], StageCache(None))
    calls, runs.calls = runs.calls, 0
    runs.stop_at = 5
    with pytest.raises(KeyboardInterrupt):
        measure(dataset, Gs, [name], cache)
    runs.stop_at, runs.calls = None, 0
    assert measure(dataset, Gs, [name], cache) == undisturbed
    assert runs.calls == calls - 4  # two chunks of two minibatches were whole


def test_noise_is_as_before_when_distances_on_paths_fail(generator, dataset, monkeypatch):
    Gs = generator()
    before = tflib.run(Gs.vars)
    monkeypatch.setattr('metrics.paths.path_distances', lambda *args: np.full(2, np.nan))
    with pytest.raises(UserError, match='not a number') as caught:
        measure(dataset, Gs, ['pl'], StageCache(None))
    assert caught.tb is not None  # the frames that hold the source are alive
    for name, value in tflib.run(Gs.vars).items():
        np.testing.assert_array_equal(value, before[name])


def test_values_stay_and_what_was_read_of_the_fakes_goes(generator, dataset, cache, runs):
    Gs = generator()
    first = measure(dataset, Gs, list(TOYS), cache)
    assert places(cache) == ['datasets', 'reals', 'values']
    runs.calls = 0
    assert measure(dataset, Gs, list(TOYS), cache) == first and runs.calls == 0
    assert measure(dataset, Gs, list(TOYS), cache, anew=True) == first and runs.calls > 0
    assert measure(dataset, generator(2), ['fd'], cache) != {'fd': first['fd']}


def test_what_has_a_value_is_not_read_for_the_sake_of_others_nor_are_its_networks_opened(
    generator, dataset, cache, runs, monkeypatch
):
    Gs = generator()
    known = measure(dataset, Gs, ['ls', 'fd_inf'], cache)
    monkeypatch.setattr('metrics.features.classifiers.Classifiers.open', None)
    runs.images = 0
    assert measure(dataset, Gs, ['pr', 'ls', 'fd_inf'], cache).items() >= known.items()
    assert runs.images == TOYS['pr'].num_fakes
    assert places(cache) == ['datasets', 'reals', 'values']


def test_reals_are_looked_at_once_for_all_networks(generator, dataset, cache, monkeypatch):
    Gs = generator()
    measure(dataset, Gs, ['fd', 'kd', 'pr'], cache)
    monkeypatch.setattr('metrics.reals.real_batches', None)
    measure(dataset, generator(2), ['fd', 'kd', 'pr'], cache)


@pytest.mark.slow
def test_a_dataset_made_anew_under_its_name_is_looked_at_anew_even_for_one_image(generator, tmp_path, cache):
    images = np.random.RandomState(1).randint(0, 256, [130, 3, 8, 8]).astype(np.uint8)
    changed = images.copy()
    changed[101, :, 0, 0] ^= 1  # none of those that the dataset's fingerprint looks at
    Gs, found, folder = generator(), [], tmp_path / 'many'
    registry.METRICS['fd'] = dataclasses.replace(TOYS['fd'], num_reals=130)
    for content in (images, images, changed, changed[::-1], images):
        if folder.exists():
            folder.rename(tmp_path / str(time.time_ns()))
        folder.mkdir()
        with MultiResolutionWriter(str(folder), 'many') as writer:
            for image in content:
                writer.add(image)
        with MultiResolutionDataset(str(folder)) as opened:
            found.append((measure(opened, Gs, ['fd'], cache), measure(opened, Gs, ['fd'], StageCache(None))))
    assert all(cached == fresh for cached, fresh in found)
    assert found[0] == found[1] == found[4] and len({cached['fd'] for cached, _ in found}) == 3


@pytest.mark.slow
def test_other_settings_meet_nothing_of_these(generator, dataset, cache):
    Gs = generator()
    for mirror, seed, minibatch_size in ((True, 5, 4), (False, 5, 4), (True, 6, 4), (True, 5, 8)):
        numbers = []
        for kept in (cache, StageCache(None)):
            meter = Meter(['fd', 'pl'], dataset, mirror, seed, cache=kept)
            numbers.append(
                [
                    [result.value for result in results]
                    for _, results in meter.measure(meter.metrics, Gs, minibatch_size=minibatch_size)
                ]
            )
        assert numbers[0] == numbers[1]


def test_damaged_files_are_made_anew(generator, dataset, cache):
    Gs = generator()
    first = measure(dataset, Gs, list(TOYS), cache)
    for folder, _, names in os.walk(cache.folder):
        for name in names:
            with open(os.path.join(folder, name), 'r+b') as file:
                file.seek(100)
                file.write(b'\xff\xff')
    assert measure(dataset, Gs, list(TOYS), cache) == first


def test_nothing_is_kept_of_what_is_no_number(generator, dataset, cache, monkeypatch):
    monkeypatch.setattr('metrics.arithmetic.frechet.frechet_distance', lambda a, b: float('nan'))
    with pytest.raises(UserError, match='fd is not a number'):
        measure(dataset, generator(), ['fd'], cache)
    assert 'fakes' not in places(cache) and 'values' not in places(cache)


def test_a_metric_that_fails_leaves_the_others_theirs(generator, dataset, cache, monkeypatch):
    class Broken(FeatureNetwork):
        identity = 'broken'

        def __call__(self, images, num_gpus=1):
            raise UserError('broken network')

    monkeypatch.setitem(registry.METRICS, 'broken', FrechetDistance('broken', 'broken', 40, 30))
    monkeypatch.setitem(FEATURE_NETWORKS, 'broken', lambda offline: Broken())
    Gs = generator()
    meter = Meter(['broken', 'fd', 'kd'], dataset, True, 5, cache=cache)
    results = {metric.name: found for metric, found in meter.measure(meter.metrics, Gs, minibatch_size=4)}
    assert isinstance(results['broken'], UserError) and 'fakes' not in places(cache)
    alone = measure(dataset, Gs, ['fd', 'kd'], StageCache(None))
    assert [results[name][0].value for name in ('fd', 'kd')] == [alone[name][0] for name in ('fd', 'kd')]


def test_too_few_different_reals_are_a_sentence_before_any_work(generator, dataset, cache, runs):
    registry.METRICS['kd'] = dataclasses.replace(TOYS['kd'], num_reals=13)
    with pytest.raises(UserError, match='kd needs 13 different reals, and dataset .*toy has 12: choose'):
        measure(dataset, generator(), ['kd'], cache)
    assert runs.calls == 0 and cache.size() == 0


def test_a_network_is_the_same_in_training_and_from_its_pickle(open_session, tmp_path):
    open_session(device='cpu')
    Gs = with_weights(tflib.Network('Gs', 'training.networks_stylegan.G_style', **SMALL, **SMALL_G), 1)
    identities = [identity_of(Gs, tflib.run(Gs.vars))]
    tflib.save_networks(str(tmp_path / 'a.pkl'), Gs)
    open_session(device='cpu')
    for _ in range(2):
        loaded = tflib.load_networks(str(tmp_path / 'a.pkl'))
        identities.append(identity_of(loaded, tflib.run(loaded.vars)))
        tflib.set_vars({loaded.vars['G_mapping/Dense0/bias']: np.ones(8)})
        identities.append(identity_of(loaded, tflib.run(loaded.vars)))
    assert len(set(identities)) == 2 and identities[0] == identities[1] == identities[3]


# ----------------------------------------------------------------------------------------------------------------------
# SIGKILL


FLAGS = ['--metrics', 'pl', '--device', 'cpu', '--minibatch', '16']


def start_measuring(pickle_path, cache_dir):
    command = [sys.executable, '-m', 'tests.metrics.test_cached_stages', cache_dir, pickle_path, *FLAGS]
    return subprocess.Popen(command, cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@contextlib.contextmanager
def small_chunks(cache_dir):
    """A block in which a measurement by paths has 50 chunks, and commands have their cache in a folder."""
    metric = mock.patch.dict(registry.METRICS, pl=dataclasses.replace(TOYS['pl'], num_samples=400))
    cache, chunk = mock.patch('config.CACHE_DIR', cache_dir), mock.patch.object(stages, 'CHUNK', 8)
    with metric, cache, chunk, without_graph_optimizer():
        yield


def chunks_in(cache_dir):
    return [
        name
        for folder, _, names in os.walk(os.path.join(cache_dir, 'measurements', 'paths'))
        for name in names
        if name.endswith('.stage')
    ]


@pytest.mark.thorough
def test_a_process_that_was_killed_goes_on(shared_networks, finished, tmp_path):
    pickle_path = shutil.copy(os.path.join(finished[0], 'network-final.pkl'), str(tmp_path / 'mine.pkl'))
    killed, whole = str(tmp_path / 'killed'), str(tmp_path / 'whole')
    process = start_measuring(pickle_path, killed)
    while process.poll() is None and len(chunks_in(killed)) < 3:
        time.sleep(0.001)
    process.kill()
    output = process.communicate()[0]
    assert process.returncode == -signal.SIGKILL, output
    assert 3 <= len(chunks_in(killed)) < 25
    values = []
    for folder in (killed, whole):
        with small_chunks(folder):
            lines = CliRunner().invoke(run_metrics.main, [pickle_path, *FLAGS]).output.splitlines()
        values.append(next(line.split()[3] for line in lines if ' pl ' in line))
    assert values[0] == values[1] and chunks_in(killed) == []


if __name__ == '__main__':
    with small_chunks(sys.argv.pop(1)):
        run_metrics.main()
