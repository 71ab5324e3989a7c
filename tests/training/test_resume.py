"""What may change when a run goes on, and what a pickle decides when one starts from it."""

import dataclasses
import json

import click
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.errors import UserError
from tests.toy_run import SMALL, SMALL_G
from training.options import TrainingOptions, resolve_options
from training.resume import (
    CHANGEABLE,
    begin_kimg,
    changed_options,
    check_networks_fit,
    options_of_pickle,
    read_pickle,
    stored_options,
)
from training.schedule import training_schedule

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
    options = changed_options(PAPER, given, FLAGS)
    assert (options.total_kimg, options.metrics, options.keep_snapshots) == (30000, [], 3)
    assert dataclasses.replace(options, total_kimg=25000, metrics=['fid50k'], keep_snapshots=None) == PAPER
    assert set(CHANGEABLE) < set(FLAGS)


@pytest.mark.parametrize(
    'given, sentence',
    [
        (
            {'r1_gamma': 5.0, 'total_kimg': 1},
            '--r1-gamma: the run was started with 10.0, not 5.0. Only --data, --total',
        ),
        (
            {'lrate': 0.001, 'lrate_by_resolution': {}},
            '--lrate: the run was started with 0.001 and {"128": 0.*not 0.001',
        ),
        (
            {'minibatch': 8, 'minibatch_by_resolution': {}},
            '--minibatch: the run was started with 8 and .*, not 8. Only',
        ),
        ({'seed': 1, 'gpus': 4}, '--seed: .* 1000, not 1; --gpus: the run was started with 2, not 4'),
    ],
)
def test_what_alters_a_step_is_refused_by_name_with_both_values(given, sentence):
    with pytest.raises(click.UsageError, match=sentence):
        changed_options(PAPER, given, FLAGS)


@pytest.fixture
def pickle(tmp_path):
    path = str(tmp_path / 'networks.pkl')
    with tf.Graph().as_default(), tf.Session():
        G = tflib.Network('G', 'training.networks_stylegan.G_style', **SMALL, **SMALL_G)
        D = tflib.Network('D', 'training.networks_stylegan.D_basic', **SMALL)
        G.set_var('lod', 0.5)
        tflib.save_networks(path, (G, D, G.clone('Gs')))
    return path


def test_pickle_decides_the_networks_and_refuses_what_contradicts_them(pickle):
    pickled = read_pickle(pickle)
    assert pickled.lod == 0.5
    assert pickled.values['D']['4x4/Dense1/weight'].shape == (8, 1)
    found = options_of_pickle(pickle, pickled, {'latent_size': 8, 'seed': 3}, FLAGS)
    assert found['networks'] == {'G': dict(SMALL, **SMALL_G), 'D': SMALL}
    assert (found['resolution'], found['latent_size'], found['mapping_layers'], found['use_labels']) == (8, 8, 2, False)
    with pytest.raises(click.UsageError, match=f'--fmap-max 16: the networks in {pickle} have 8.*Leave'):
        options_of_pickle(pickle, pickled, {'fmap_max': 16}, FLAGS)
    with pytest.raises(click.UsageError, match='--use-labels True: .* have False'):
        options_of_pickle(pickle, pickled, {'use_labels': True}, FLAGS)


def test_dataset_that_the_networks_do_not_take_is_refused():
    options = dataclasses.replace(PAPER, resume='x.pkl', networks={'G': {}, 'D': {'num_channels': 3}})
    grey = type('Set', (), {'shape': [1, 256, 256], 'label_size': 0})
    with pytest.raises(UserError, match='x.pkl have num_channels 3, the dataset x has 1'):
        check_networks_fit(options, grey)
    check_networks_fit(PAPER, grey)


def test_single_network_is_no_start(tmp_path):
    path = str(tmp_path / 'D.pkl')
    with tf.Graph().as_default(), tf.Session():
        tflib.save_networks(path, tflib.Network('D', 'training.networks_stylegan.D_basic', **SMALL))
    with pytest.raises(UserError, match='holds no .G, D, Gs.'):
        read_pickle(path)


def test_snapshot_goes_on_where_its_name_says():
    assert begin_kimg('a/network-snapshot-012345.pkl', 0.0, PAPER)[0] == 12345


@pytest.mark.parametrize(
    'options', [PAPER, dataclasses.replace(PAPER, fade_kimg=0), dataclasses.replace(PAPER, phase_kimg=0)]
)
@pytest.mark.parametrize('lod', [5.0, 4.25, 4.0, 1.5, 1.0, 0.125, 0.0])
def test_other_pickles_go_on_where_the_schedule_first_reaches_their_lod(options, lod):
    if options.fade_kimg == 0:
        lod = np.ceil(lod)
    kimg, _ = begin_kimg('karras2019.pkl', lod, options)

    def lod_at(nimg):
        return training_schedule(nimg, 256, **options.schedule_options()).lod

    assert lod_at(int(round(kimg * 1000))) == pytest.approx(lod, abs=1e-5)
    assert kimg == 0 or lod_at(int(round(kimg * 1000)) - 1000) > lod


def test_lod_before_the_schedule_is_refused():
    with pytest.raises(click.UsageError, match='at lod 6, before the schedule begins'):
        begin_kimg('karras2019.pkl', 6.0, PAPER)


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
