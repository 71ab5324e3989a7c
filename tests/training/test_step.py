"""One training step: it learns, and its state says everything."""

import contextlib

import numpy as np
import pytest

from dnnlib import tflib
from tests.steps import train
from tests.toy_run import make_dataset
from training.dataset import TrainingSet
from training.losses import losses_of
from training.options import LOSSES, resolve_options
from training.precision import FIRST_LOSS_SCALING_LOG2
from training.schedule import training_schedule
from training.step import Gs_beta

TINY = {'latent_size': 8, 'mapping_layers': 2, 'fmap_base': 32, 'fmap_max': 8, 'minibatch': 8, 'initial_resolution': 4}


@pytest.fixture
def make_step(open_session, tmp_path, built_steps):
    data = make_dataset(str(tmp_path / 'toy'))
    sessions = contextlib.ExitStack()

    def make(**given):
        sessions.close()  # that of the step before, if any
        options = resolve_options('paper', {**TINY, **given, 'data': data}, 8)
        open_session(device='cpu', cpu_replicas=options.gpus, seed=1000)
        reals = TrainingSet(data, options.resolution, mirror=True, seed=options.seed)
        make_step = sessions.enter_context(built_steps.in_use())
        return make_step(options, reals, tflib.Replicas(tflib.replica_devices('cpu', options.gpus))), reals, options

    with sessions:
        yield make


def assert_same(state, other):
    assert state.keys() == other.keys()
    for name, value in state.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


PENALTIES = {
    'logistic-r1': ['r1_penalty'],
    'logistic-r2': ['r2_penalty'],
    'wgan-gp': ['gradient_penalty'],
    'hinge-gp': ['gradient_penalty'],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    'loss',
    [
        pytest.param(loss, marks=[] if loss == 'wgan-gp' else pytest.mark.thorough)
        for loss in LOSSES
        if loss != 'logistic-r1'
    ],
)
def test_every_loss_trains_and_reports_its_penalty(make_step, loss):
    step, reals, options = make_step(loss=loss, resolution=4, mapping_layers=1)
    before = step.get_state()
    _, stats = train(step, reals, options, 2)
    after = step.get_state()
    assert sorted(stats) == sorted(['D_loss', 'G_loss', 'real_scores', 'fake_scores', *PENALTIES.get(loss, [])])
    assert all(np.isfinite(value) for value in stats.values())
    for name in ('G/G_synthesis/4x4/Conv/weight', 'D/4x4/Dense1/weight'):
        assert np.any(before[name] != after[name]), name


def test_gamma_weighs_the_penalty_that_the_loss_is_named_for():
    weights = {'r1_gamma': 3.0}
    for loss, expected in (('logistic-r1', {'r1_gamma': 3.0}), ('logistic-r2', {'r1_gamma': 0.0, 'r2_gamma': 3.0})):
        _, D_loss = losses_of(resolve_options('paper', {**TINY, **weights, 'loss': loss, 'data': 'x'}, 8))
        assert D_loss.keywords == expected
    for loss in LOSSES:  # every name has its functions
        assert len(losses_of(resolve_options('paper', {**TINY, 'loss': loss, 'data': 'x'}, 8))) == 2


def test_step_moves_all_networks_and_reports_means(make_step):
    step, reals, options = make_step()
    before = step.get_state()
    _, stats = train(step, reals, options, 2)
    after = step.get_state()
    assert set(stats) == {'D_loss', 'G_loss', 'real_scores', 'fake_scores', 'r1_penalty'}
    assert all(np.isfinite(value) for value in stats.values())
    for name in (
        'G/G_mapping/Dense0/weight',
        'G/G_synthesis/4x4/Const/const',
        'D/4x4/Dense1/weight',
        'G/dlatent_avg',
        'Gs/G_mapping/Dense0/weight',
        'Gs/dlatent_avg',
    ):
        assert np.any(before[name] != after[name]), name
    # At lod 1 the 8x8 block's output is not in use yet.
    np.testing.assert_array_equal(before['G/G_synthesis/ToRGB_lod0/weight'], after['G/G_synthesis/ToRGB_lod0/weight'])
    assert after['Gs/lod'] == 1


@pytest.mark.slow
def test_networks_of_a_single_level_train_too(make_step):
    step, reals, options = make_step(resolution=4)
    before = step.get_state()
    _, stats = train(step, reals, options, 1)
    after = step.get_state()
    assert all(np.isfinite(value) for value in stats.values())
    assert np.any(before['D/4x4/Dense1/weight'] != after['D/4x4/Dense1/weight'])


def test_restored_state_goes_on_as_if_nothing_had_happened(make_step):
    step, reals, options = make_step()
    cur_nimg, _ = train(step, reals, options, 2)
    saved = step.get_state()
    train(step, reals, options, 2, cur_nimg)
    expected = step.get_state()
    other, reals, options = make_step()
    other.set_state(saved)
    train(other, reals, options, 2, cur_nimg)
    assert_same(other.get_state(), expected)


def test_missing_variable_is_an_error(make_step):
    step, _, _ = make_step()
    state = step.get_state()
    del state['D/4x4/Dense1/weight']
    with pytest.raises(KeyError, match='D/4x4/Dense1/weight'):
        step.set_state(state)


def test_optimizer_reset_clears_the_moments(make_step):
    step, reals, options = make_step()
    train(step, reals, options, 1)
    step.reset_optimizers()
    state = step.get_state()
    moments = [value for name, value in state.items() if name.startswith('TrainD/')][:-2]
    assert moments and all(np.all(value == 0) for value in moments)


@pytest.mark.parametrize('name', ['G_mapping/Dense0/weight', 'G_synthesis/4x4/Conv/weight'])
def test_step_that_is_not_finite_leaves_nothing_behind(make_step, name):
    step, reals, options = make_step()
    cur_nimg, _ = train(step, reals, options, 2)
    schedule = training_schedule(cur_nimg, 8, **options.schedule_options())
    step.update_Gs(0)  # as after each step: Gs knows the average of w
    before, weight = step.get_state(), step.G.get_var(name)
    step.G.set_var(name, np.full_like(weight, np.nan))
    stats = step.train_D(schedule, cur_nimg, *reals.minibatch(cur_nimg, schedule.minibatch, int(schedule.lod)))
    stats.update(step.train_G(schedule, cur_nimg))
    assert np.isnan(stats['D_loss']) and np.isnan(stats['G_loss'])
    assert step.is_spoiled(step.get_state())
    step.restore_dlatent_avgs()
    step.G.set_var(name, weight)
    after = step.get_state()
    assert not step.is_spoiled(after)
    for moving in ('G/dlatent_avg', 'G/lod', 'D/lod'):
        del before[moving], after[moving]
    assert_same(before, after)


@pytest.mark.parametrize(
    'minibatch, smoothing, beta', [(4, 10, 0.9997227787971497), (256, 10, 0.9824119210243225), (64, 0, 0.0)]
)
def test_decay_of_Gs(minibatch, smoothing, beta):
    assert Gs_beta(minibatch, smoothing) == pytest.approx(beta, rel=1e-6)


def pickle_of(step, path):
    tflib.save_networks(str(path), (step.G, step.D, step.Gs))
    return path.read_bytes()


@pytest.mark.slow
def test_states_cross_between_precisions_and_pickles_are_the_same(make_step, tmp_path):
    step, reals, options = make_step(initial_resolution=8)
    first = step.get_state()
    cur_nimg, _ = train(step, reals, options, 1)
    exact, expected = step.get_state(), pickle_of(step, tmp_path / 'exact.pkl')
    step, reals, options = make_step(initial_resolution=8, precision='mixed')
    scaling = {f'Train{which}/loss_scaling_log2': np.float32(FIRST_LOSS_SCALING_LOG2) for which in 'GD'}
    assert set(step.get_state()) - set(first) == set(scaling)
    step.set_state(exact)
    assert pickle_of(step, tmp_path / 'mixed.pkl') == expected
    step.set_state(first)
    assert step.loss_scales() == {'G_loss_scale': 4096.0, 'D_loss_scale': 4096.0}
    _, stats = train(step, reals, options, 1)
    assert stats['G_skipped'] == stats['D_skipped'] == 0
    mixed = step.get_state()
    for name, value in exact.items():
        assert mixed[name].dtype == value.dtype and mixed[name].shape == value.shape
        if not name.startswith('Train'):  # moments of fresh networks are sensitive to rounding
            np.testing.assert_allclose(mixed[name], value, rtol=0, atol=0.02, err_msg=name)
    assert all(mixed[name] > scaling[name] for name in scaling)  # it grows
    step, reals, options = make_step(initial_resolution=8)
    step.set_state(mixed)
    _, stats = train(step, reals, options, 1, cur_nimg)
    assert all(np.isfinite(value) for value in stats.values()) and 'G_skipped' not in stats


def test_a_loss_scale_that_is_too_large_skips_updates_and_shrinks(make_step):
    step, reals, options = make_step(initial_resolution=8, precision='mixed')
    cur_nimg, _ = train(step, reals, options, 1)
    before = dict(step.get_state(), **{f'Train{which}/loss_scaling_log2': np.float32(100) for which in 'GD'})
    step.set_state(before)
    _, stats = train(step, reals, options, 1, cur_nimg)
    after = step.get_state()
    assert stats['G_skipped'] == stats['D_skipped'] == 1 and np.isfinite(stats['D_loss'])
    assert after['TrainG/loss_scaling_log2'] == after['TrainD/loss_scaling_log2'] == 99
    for name, value in before.items():
        if not name.endswith(('loss_scaling_log2', 'dlatent_avg')) and not name.startswith('Gs/'):
            np.testing.assert_array_equal(after[name], value, err_msg=name)
    assert list(step.loss_scales().values()) == [2.0**99] * 2
