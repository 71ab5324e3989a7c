"""What a pickle decides about a run that starts from its networks, and where in the schedule the run begins."""

import dataclasses
import json
import types

import click
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.records.labels import Labels
from dnnlib.run_dir import snapshot_name
from tests.odd_networks import ODD_D, ODD_G, save_odd
from tests.toy_run import SMALL, SMALL_G
from training.options import TrainingOptions, resolve_options
from training.pickled_networks import begin_kimg, check_dataset, check_resolution, options_of_pickle, read_pickle
from training.resume import stored_options
from training.schedule import training_schedule

FLAGS = {field.name: '--' + field.name.replace('_', '-') for field in dataclasses.fields(TrainingOptions)}
PAPER = resolve_options('paper', {'data': 'x', 'gpus': 2}, 256)


@pytest.fixture
def pickle(tmp_path):
    path = str(tmp_path / 'networks.pkl')
    with tf.Graph().as_default(), tf.Session():
        G = tflib.Network('G', 'training.networks_stylegan.G_style', **SMALL, **SMALL_G)
        D = tflib.Network('D', 'training.networks_stylegan.D_basic', **SMALL)
        G.set_var('lod', 0.5)
        tflib.save_networks(path, (G, D, G.clone('Gs')))
    return path


@pytest.mark.slow
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
    grey = types.SimpleNamespace(shape=[1, 256, 256], labels=None, resolution=256, folder='grey')
    with pytest.raises(UserError, match='x.pkl take 3-channel images, the dataset x has 1-channel images'):
        check_dataset(options, grey)
    check_dataset(PAPER, grey)
    labelled = dataclasses.replace(options, use_labels=True, networks={'G': {}, 'D': {'label_size': 7}})
    with pytest.raises(UserError, match='x.pkl take labels of 7 numbers, the dataset x has none: choose another'):
        check_dataset(labelled, grey)
    grey.labels = Labels(np.array([0, 1, 1, 0, 1]))
    with pytest.raises(UserError, match='take labels of 7 numbers, the dataset x has labels of 2 numbers'):
        check_dataset(labelled, grey)
    message = 'x.pkl make 512x512 images, the dataset grey has 256x256: choose another dataset or pickle'
    with pytest.raises(UserError, match=message):
        check_resolution('x.pkl', 512, grey)
    check_resolution('x.pkl', 128, grey)


def test_single_network_is_no_start(tmp_path):
    path = str(tmp_path / 'D.pkl')
    with tf.Graph().as_default(), tf.Session():
        tflib.save_networks(path, tflib.Network('D', 'training.networks_stylegan.D_basic', **SMALL))
    with pytest.raises(UserError, match='holds no .G, D, Gs.'):
        read_pickle(path)


def test_snapshot_goes_on_where_its_name_says():
    assert begin_kimg('a/network-snapshot-012345.pkl', 0.0, PAPER) == (12345, 'as its name says')


@pytest.mark.parametrize('kimg', [0, 600, 601, 1000.064, 1199, 5999.9, 6000, 25000])
def test_the_name_of_a_snapshot_stands_where_the_schedule_has_its_lod(kimg):
    before = max(int(kimg * 1000) - 4 * 256, 0)  # the lod was set at the beginning of the last iteration
    lod = np.float32(training_schedule(before, 256, **PAPER.schedule_options()).lod)
    assert begin_kimg(snapshot_name(int(kimg * 1000)), float(lod), PAPER)[0] == int(kimg)


@pytest.mark.parametrize('folder', ['a', 'network-snapshot-012345.pkl'])
@pytest.mark.parametrize('name', ['network-snapshot-000056.pkl', 'renamed.pkl', 'network-snapshot-000056.125.pkl'])
def test_the_lod_of_the_networks_wins_over_a_name(folder, name):
    kimg, reason = begin_kimg(f'{folder}/{name}', 0.0, PAPER)
    assert kimg == 6000 and 'where the schedule reaches the lod 0 of its networks' in reason
    assert ('Its name says kimg 56' in reason) == ('56' in name)
    assert begin_kimg(f'{folder}/network-snapshot-025000.pkl', 2.5, PAPER)[0] == 3300


def test_a_kimg_that_the_user_gives_is_taken_and_another_lod_is_said():
    assert begin_kimg('x.pkl', 0.0, PAPER, 7000.0) == (7000, 'as you say')
    assert begin_kimg('x.pkl', 0.0, PAPER, 56.0)[1] == 'as you say, where the lod is 5; the lod of its networks is 0'


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


@pytest.mark.slow
def test_odd_arguments_of_the_originals_networks_are_kept_and_come_back(tmp_path):
    path = save_odd(str(tmp_path / 'odd.pkl'), ODD_G, ODD_D)
    pickled = read_pickle(path)
    found = options_of_pickle(path, pickled, {}, FLAGS)
    assert found['networks'] == {'G': {**SMALL, **SMALL_G, **ODD_G}, 'D': {**SMALL, **ODD_D}}
    options = resolve_options('paper', {'data': 'x', **found}, 8)
    assert stored_options('run', json.loads(json.dumps(dataclasses.asdict(options)))) == options


@pytest.mark.slow
def test_arguments_that_no_network_knows_have_no_effect(tmp_path):
    path = save_odd(str(tmp_path / 'odd.pkl'), {}, {}, unknown={'use_pixelnorm': True, 'resolution_log2': 3})
    assert read_pickle(path).static_kwargs == {'G': {**SMALL, **SMALL_G}, 'D': SMALL, 'Gs': {**SMALL, **SMALL_G}}
