"""The loop on real networks: what is due after a tick is done even if something fails in between."""

import dataclasses
import os
import types

import pytest

from dnnlib.errors import UserError
from dnnlib.tfrecords import MultiResolutionDataset, fingerprint
from tests.toy_run import make_dataset
from training import checkpoint
from training.dataset import TrainingSet
from training.log import RunLog
from training.loop import train
from training.options import resolve_options
from training.run_state import NETWORKS, NOTHING
from training.stop import StopRequest


@pytest.fixture
def train_toy(open_session, tmp_path):
    data = make_dataset(str(tmp_path / 'toy'))
    run_dir = str(tmp_path / 'run')
    os.mkdir(run_dir)
    options = resolve_options('paper', {
        'data': data, 'latent_size': 8, 'mapping_layers': 2, 'fmap_base': 32, 'fmap_max': 8, 'minibatch': 8,
        'initial_resolution': 4, 'phase_kimg': 0.032, 'fade_kimg': 0.032, 'total_kimg': 0.128, 'tick_kimg': 0.064,
        'snapshot_ticks': 2, 'grid': [2, 2]}, 8)

    def call(measure, **changes):
        open_session(device='cpu', seed=1)
        log = RunLog(run_dir)
        snapshots = types.SimpleNamespace(measure=measure, forget_from=lambda kimg: None)
        try:
            changed = dataclasses.replace(options, **changes)
            train(changed, TrainingSet(data, seed=options.seed), run_dir, log, snapshots, StopRequest())
        finally:
            log.close()

    call.run_dir, call.records = run_dir, MultiResolutionDataset(data)
    return call


def test_measurement_that_failed_is_made_up_for_when_the_run_goes_on(train_toy):
    measured = []

    def measure(name, kimg, Gs, images):
        measured.append(name)
        if measured == ['network-snapshot-000000.pkl', name] and kimg > 0:
            raise UserError('no space')

    with pytest.raises(UserError, match='no space'):
        train_toy(measure)
    counters = checkpoint.load_counters(train_toy.run_dir)
    assert (counters['cur_nimg'], counters['tick'], counters['due']) == (64, 1, NETWORKS)
    train_toy(measure)
    assert len(measured) == 4  # at 0, at the first tick twice, at the end
    assert checkpoint.load_counters(train_toy.run_dir)['due'] == NOTHING
    assert os.path.exists(os.path.join(train_toy.run_dir, 'network-final.pkl'))


def test_end_that_failed_is_made_up_for_too(train_toy):
    def measure(name, kimg, Gs, images):
        if kimg == 0.128 and not os.path.exists(os.path.join(train_toy.run_dir, 'again')):
            open(os.path.join(train_toy.run_dir, 'again'), 'w').close()
            raise UserError('no space')

    with pytest.raises(UserError, match='no space'):
        train_toy(measure)
    assert not os.path.exists(os.path.join(train_toy.run_dir, 'network-final.pkl'))
    train_toy(measure)
    assert os.path.exists(os.path.join(train_toy.run_dir, 'network-final.pkl'))


def test_state_of_other_networks_is_refused_in_a_sentence(train_toy):
    checkpoint.Checkpoints(train_toy.run_dir).save( {}, {'cur_nimg': 8, 'dataset': fingerprint(train_toy.records)})
    with pytest.raises(UserError, match='is of other networks .* --new-run'):
        train_toy(lambda *args: None)


def test_dataset_made_anew_is_not_continued_on(train_toy):
    checkpoint.Checkpoints(train_toy.run_dir).save( {}, {'cur_nimg': 8, 'dataset': 'another'})
    with pytest.raises(UserError, match='holds other images .* --new-run'):
        train_toy(lambda *args: None)
