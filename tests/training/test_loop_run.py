"""The loop on real networks: what is due after a tick is done even if something fails in between."""

import dataclasses
import os
import signal
import types

import numpy as np
import pytest

from dnnlib.errors import UserError
from dnnlib.records.tfrecords import MultiResolutionDataset, fingerprint, old_fingerprint, write_labels
from dnnlib.run_dir import find_states, state_name
from tests.toy_run import make_dataset
from training import checkpoint
from training.dataset import TrainingSet
from training.log import RunLog
from training.loop import train
from training.options import resolve_options
from training.run_state import NETWORKS, NOTHING, check_same_images
from training.stop import StopRequest


@pytest.fixture
def train_toy(open_session, tmp_path, built_steps, monkeypatch):
    data = make_dataset(str(tmp_path / 'toy'))
    run_dir = str(tmp_path / 'run')
    os.mkdir(run_dir)
    options = resolve_options(
        'paper',
        {
            'data': data,
            'latent_size': 8,
            'mapping_layers': 2,
            'fmap_base': 32,
            'fmap_max': 8,
            'minibatch': 8,
            'initial_resolution': 4,
            'phase_kimg': 0.032,
            'fade_kimg': 0.032,
            'total_kimg': 0.128,
            'tick_kimg': 0.064,
            'snapshot_ticks': 2,
            'grid': [2, 2],
        },
        8,
    )

    def call(measure, **changes):
        open_session(device='cpu', seed=1000)  # as in other files, which share the step
        log = RunLog(run_dir)
        snapshots = types.SimpleNamespace(measure=measure, forget_from=lambda kimg: None)
        try:
            changed = dataclasses.replace(options, **changes)
            with StopRequest() as stop, built_steps.in_use() as make_step:
                monkeypatch.setattr('training.loop.TrainingStep', make_step)
                train(changed, TrainingSet(data, seed=options.seed), run_dir, log, snapshots, stop)
        finally:
            log.close()

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    call.run_dir, call.records = run_dir, MultiResolutionDataset(data)
    yield call
    for number, handler in handlers.items():
        signal.signal(number, handler)


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


def test_networks_that_explode_end_the_run_with_the_last_good_state_kept(train_toy, capsys):
    with pytest.raises(UserError, match='losses of 12 steps in a row were not finite.* from kimg 0.0'):
        train_toy(lambda *args: None, lrate=1e30, lrate_by_resolution={}, max_nonfinite=12, tick_kimg=0.008)
    assert 'Nothing is saved at kimg 0.1: the newest step was not finite.' in capsys.readouterr().out
    variables, counters = checkpoint.Checkpoints(train_toy.run_dir).load(print)
    assert counters['cur_nimg'] == 0
    assert all(np.all(np.isfinite(value)) for value in variables.values())


def test_refused_files_are_tried_again_at_the_next_tick(train_toy, capsys):
    failures = [OSError(28, 'No space left on device')] * 2

    def measure(name, kimg, Gs, images):
        if failures:
            raise failures.pop()

    train_toy(measure, tick_kimg=0.032)
    output = capsys.readouterr().out
    assert output.count('cannot be written (No space left on device)') == 2
    assert 'Trained' in output
    assert checkpoint.load_counters(train_toy.run_dir)['due'] == NOTHING


def test_files_refused_at_the_end_are_an_error_until_they_are_made_up_for(train_toy):
    def measure(name, kimg, Gs, images):
        raise OSError(28, 'No space left on device')

    with pytest.raises(UserError, match='Training is over, but not all of its files are written: free space'):
        train_toy(measure)
    train_toy(lambda *args: None)
    assert checkpoint.load_counters(train_toy.run_dir)['due'] == NOTHING


def test_signal_leaves_a_measurement_which_is_made_when_the_run_goes_on(train_toy, capsys):
    measured = []

    def measure(name, kimg, Gs, images):
        measured.append(kimg)
        if measured == [0, 0.064]:
            os.kill(os.getpid(), signal.SIGTERM)
            pytest.fail('the measurement went on')

    train_toy(measure)
    assert 'Stopped at kimg 0.1; the same command goes on from there.' in capsys.readouterr().out
    assert checkpoint.load_counters(train_toy.run_dir)['due'] == NETWORKS
    train_toy(measure)
    assert measured == [0, 0.064, 0.064, 0.128]


def test_final_networks_are_there_only_when_the_run_is_at_its_end(train_toy):
    final, there = os.path.join(train_toy.run_dir, 'network-final.pkl'), []
    for kimg in (0.128, 0.256):
        train_toy(lambda *args: there.append(os.path.exists(final)), total_kimg=kimg)
        assert os.path.exists(final)
    assert there == [False] * 4  # at 0, at the first tick, at both ends


@pytest.mark.slow
def test_run_starts_from_a_pickle_where_its_schedule_says(train_toy, read_pickle_once, capsys):
    train_toy(lambda *args: None)
    source = os.path.join(train_toy.run_dir, 'network-final.pkl')
    for nimg in find_states(train_toy.run_dir):
        os.remove(os.path.join(train_toy.run_dir, state_name(nimg)))
    pickled = read_pickle_once(source)
    capsys.readouterr()
    train_toy(lambda *args: None, resume=source, resume_kimg=0.12, networks=pickled.static_kwargs)
    output = capsys.readouterr().out
    assert f"Starting from the networks in {source} at kimg 0.12. The pickle does not carry Adam's moments" in output
    assert [counters['tick'] for counters in [checkpoint.load_counters(train_toy.run_dir)]] == [1]
    first = checkpoint.Checkpoints(train_toy.run_dir)
    os.remove(os.path.join(train_toy.run_dir, state_name(find_states(train_toy.run_dir)[0])))
    variables, counters = first.load(print)
    assert (counters['cur_nimg'], counters['tick']) == (120, 0)
    for name, value in pickled.values['D'].items():
        np.testing.assert_array_equal(variables['D/' + name], value, err_msg=name)


def test_state_of_other_networks_is_refused_in_a_sentence(train_toy):
    checkpoint.Checkpoints(train_toy.run_dir).save({}, {'cur_nimg': 8, 'dataset': fingerprint(train_toy.records)})
    with pytest.raises(
        UserError,
        match='does not fit the networks .*snapshots, by --data .*toy --resume NETWORK',
    ):
        train_toy(lambda *args: None)


def test_what_identifies_the_images_of_a_run(tmp_path):
    labels, known = np.eye(12), {}
    for number, content in enumerate((labels, labels[::-1], None)):
        folder = make_dataset(str(tmp_path / str(number) / 'toy'))
        if content is not None:
            write_labels(folder, 'toy', content)
        with MultiResolutionDataset(folder) as dataset:
            known[number] = {'dataset': check_same_images({}, dataset, True, 'run')}
            assert check_same_images(known[number], dataset, True, 'run') == known[number]['dataset']
            old = {'dataset': old_fingerprint(dataset)}
            assert check_same_images(old, dataset, False, 'run') == fingerprint(dataset)
            for other in range(number):
                with pytest.raises(UserError, match='does not hold the images and labels that run was started with'):
                    check_same_images(known[other], dataset, True, 'run')
            with pytest.raises(UserError, match='does not hold the images that run was started with'):
                check_same_images({'dataset': '0123456789abcdef'}, dataset, False, 'run')


def test_dataset_made_anew_is_not_continued_on(train_toy):
    checkpoint.Checkpoints(train_toy.run_dir).save({}, {'cur_nimg': 8, 'dataset': 'another'})
    with pytest.raises(UserError, match='does not hold the images .* --new-run'):
        train_toy(lambda *args: None)
