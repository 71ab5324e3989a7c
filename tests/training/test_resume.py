"""What may change when a run goes on."""

import dataclasses
import json

import click
import pytest

from dnnlib.errors import UserError
from dnnlib.flags import ByResolution
from training.options import TrainingOptions, minibatch_at, resolve_options, smaller_minibatches
from training.resume import CHANGEABLE, changed_options, sentence_of_change, stored_options

FLAGS = {field.name: '--' + field.name.replace('_', '-') for field in dataclasses.fields(TrainingOptions)}
PAPER = resolve_options('paper', {'data': 'x', 'gpus': 2}, 256)


def test_options_come_back_from_their_file():
    assert stored_options('run', json.loads(json.dumps(dataclasses.asdict(PAPER)))) == PAPER


@pytest.mark.parametrize('stored', [{'data': 'x', 'colour': 1}, {}])
def test_options_of_another_program_are_refused(stored):
    with pytest.raises(UserError, match='Another program wrote the options of results/x'):
        stored_options('results/x', stored)


def test_what_does_not_alter_a_step_may_change():
    given = {'total_kimg': 30000, 'metrics': [], 'keep_snapshots': 3, 'r1_gamma': 10.0}
    options = changed_options(PAPER, given, FLAGS, 5400.0)
    assert (options.total_kimg, options.metrics, options.keep_snapshots) == (30000, [], 3)
    assert dataclasses.replace(options, total_kimg=25000, metrics=['fid50k'], keep_snapshots=None) == PAPER
    assert set(CHANGEABLE) < set(FLAGS) and options.changes == []


def test_what_hardware_asks_for_may_change_and_is_recorded_with_the_kimg():
    given = {'minibatch': 8, 'minibatch_by_resolution': {}, 'gpus': 1, 'lrate': 0.001, 'lrate_by_resolution': {}}
    first = changed_options(PAPER, given, FLAGS, 5400.5)
    by_side = {8: 256, 16: 128, 32: 64, 64: 32, 128: 16, 256: 8}
    lrates = {8: 0.001, 16: 0.001, 32: 0.001, 64: 0.001, 128: 0.0015, 256: 0.002}
    stored = json.loads(json.dumps(dataclasses.asdict(first)))
    second = changed_options(stored_options('run', stored), {'lrate': 0.0005}, FLAGS, 6000.0)
    assert second.changes == [
        {'kimg': 5400.5, 'option': 'gpus', 'before': 2, 'after': 1},
        {'kimg': 5400.5, 'option': 'minibatch', 'before': {str(k): v for k, v in by_side.items()}, 'after': 8},
        {'kimg': 5400.5, 'option': 'lrate', 'before': {str(k): v for k, v in lrates.items()}, 'after': 0.001},
        {'kimg': 6000.0, 'option': 'lrate', 'before': 0.001, 'after': 0.0005},
    ]
    assert sentence_of_change(second.changes[1], FLAGS) == (
        'From kimg 5400.5 on, --minibatch is 8; before, it was 8:256,16:128,32:64,64:32,128:16,256:8.'
    )
    with pytest.raises(click.UsageError, match='--minibatch 32 .at 64x64. cannot be divided among 3 GPUs'):
        changed_options(PAPER, {'gpus': 3, 'minibatch_by_resolution': {**by_side, 8: 96, 16: 96, 32: 96}}, FLAGS, 0.0)
    with pytest.raises(click.UsageError, match='--lrate: the value for 16x16 is missing'):
        changed_options(PAPER, {'lrate': 0.001, 'lrate_by_resolution': {8: 0.001}}, FLAGS, 0.0)


def test_the_precision_may_change_and_is_recorded():
    mixed = changed_options(PAPER, {'precision': 'mixed', 'half_levels': 2}, FLAGS, 7.0)
    exact = changed_options(mixed, {'precision': 'float32'}, FLAGS, 9.0)
    assert [(change['option'], change['after']) for change in exact.changes] == [
        ('precision', 'mixed'),
        ('half_levels', 2),
        ('precision', 'float32'),
    ]
    with pytest.raises(click.UsageError, match='--half-levels: float32 has no half precision'):
        changed_options(PAPER, {'half_levels': 2}, FLAGS, 0.0)
    with pytest.raises(UserError, match='is damaged .precision is .half'):
        stored_options('run', dict(dataclasses.asdict(PAPER), precision='half'))


@pytest.mark.parametrize(
    'side, minibatch, wanted',
    [(256, None, '8:256,16:128,32:64,64:32,128:16,256:4'), (8, 24, '8'), (64, 4, '8:4,16:4,32:4,64:2,128:2,256:2')],
)
def test_the_advised_minibatches_are_smaller_and_are_taken(side, minibatch, wanted):
    options = PAPER
    if minibatch:
        options = dataclasses.replace(PAPER, minibatch=minibatch, minibatch_by_resolution={})
    text = smaller_minibatches(options, side)
    assert text == wanted
    base, by_side = ByResolution(click.IntRange(min=1), '').convert(text, None, None)
    given = {'minibatch': base, 'minibatch_by_resolution': by_side}
    changed = changed_options(options, given, FLAGS, 1.0)
    assert 0 < minibatch_at(changed, side) <= minibatch_at(options, side) / 2
    assert all(minibatch_at(changed, each) <= minibatch_at(options, each) for each in (8, 16, 32, 64, 128, 256))


def test_one_image_a_gpu_cannot_be_halved():
    assert smaller_minibatches(dataclasses.replace(PAPER, minibatch=2, minibatch_by_resolution={}), 256) is None


@pytest.mark.parametrize(
    'given, sentence',
    [
        (
            {'r1_gamma': 5.0, 'total_kimg': 1},
            '--r1-gamma: the run was started with 10.0, not 5.0. Only --data, --total',
        ),
        ({'auxiliary': 'vac'}, '--auxiliary: the run was started without it, not vac. Only'),
        ({'seed': 1, 'mirror': False}, '--seed: .* 1000, not 1; --mirror: the run was started with True, not False'),
    ],
)
def test_what_alters_a_step_is_refused_by_name_with_both_values(given, sentence):
    with pytest.raises(click.UsageError, match=sentence):
        changed_options(PAPER, given, FLAGS, 0.0)


@pytest.mark.parametrize(
    'name, value',
    [
        ('total_kimg', 'x'),
        ('total_kimg', float('nan')),
        ('total_kimg', -3),
        ('seed', 10**400),
        ('seed', 1.5),
        ('resolution', None),
        ('resolution', 0),
        ('resolution', True),
        ('minibatch', None),
        ('minibatch_by_resolution', {'x': 4}),
        ('lrate_by_resolution', {'8': 'x'}),
        ('metrics', {}),
        ('metrics', [7]),
        ('data', None),
        ('data', 'a\0b'),
        ('mirror', 'yes'),
        ('networks', []),
    ],
)
def test_options_with_a_value_that_cannot_be_are_refused_by_name(name, value):
    stored = dict(json.loads(json.dumps(dataclasses.asdict(PAPER))), **{name: value})
    with pytest.raises(UserError, match=f'results/x/options.json: is damaged .{name} is .*; restore it, or start anew'):
        stored_options('results/x', stored)


def test_arguments_of_a_pickles_networks_are_kept_whatever_their_types():
    options = dataclasses.replace(PAPER, networks={'G': {'truncation_psi': None, 'use_noise': True}, 'D': {}})
    assert stored_options('run', json.loads(json.dumps(dataclasses.asdict(options)))) == options
