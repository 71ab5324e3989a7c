"""Scripts written for the original code find the names that they use, and these do what they say."""

import os
import pickle

import numpy as np
import PIL.Image
import pytest
import tensorflow.compat.v1 as tf

import config
import dnnlib
from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.tflib.autosummary import autosummary, save_summaries
from tests.goldens.files import FOLDER
from training import misc

SMALL = {'resolution': 4, 'num_channels': 3, 'fmap_max': 4, 'latent_size': 6, 'dlatent_size': 6, 'mapping_fmaps': 6}
Z = np.random.RandomState(1).randn(3, 6).astype(np.float32)
FIXED = {'randomize_noise': False, 'truncation_psi': 1}


@pytest.fixture
def Gs(shared_networks):
    return shared_networks.generator(mapping_layers=1, **SMALL)


@pytest.fixture
def pickle_path(Gs, tmp_path):
    path = str(tmp_path / 'network.pkl')
    tflib.save_networks(path, Gs)
    return path


# ---------------------------------------------------------------------------------------------------------------------
# dnnlib and config


def test_a_pickle_is_opened_by_path_or_url_as_scripts_open_it(Gs, pickle_path):
    with dnnlib.util.open_url(pickle_path, cache_dir=config.cache_dir) as file:
        opened = pickle.load(file)
    np.testing.assert_allclose(opened.run(Z, None, **FIXED), Gs.run(Z, None, **FIXED), atol=1e-5)


def test_a_url_is_opened_from_the_cache_of_the_project_or_another_one(published_toy, tmp_path):
    url = config.NETWORKS[published_toy]['url']
    with dnnlib.util.open_url(url) as file:
        data = file.read()
    assert data[:1] == b'\x80'
    other = tmp_path / 'elsewhere'
    os.rename(str(tmp_path / 'cache'), str(other))
    with dnnlib.util.open_url(url, cache_dir=str(other), verbose=False) as file:
        assert file.read() == data
    with pytest.raises(UserError, match='no such file or folder, and no published network'):
        dnnlib.util.open_url(str(tmp_path / 'missing.pkl'))


def test_what_started_programs_is_a_sentence_that_names_train_py():
    for use in (
        lambda: dnnlib.submit_run(1, 'training.loop'),
        lambda: dnnlib.SubmitConfig(),
        lambda: dnnlib.SubmitTarget.LOCAL,
        lambda: dnnlib.RunContext(None),
    ):
        with pytest.raises(UserError, match='here, type python train.py --help to train, and see docs/networks.md'):
            use()
    assert not hasattr(dnnlib, 'submit') and not hasattr(dnnlib.util, 'submit_run')
    assert not hasattr(dnnlib.SubmitConfig, '__wrapped__')  # inspecting tools ask for such names


def test_folders_have_the_names_that_scripts_use():
    assert (config.result_dir, config.cache_dir, config.data_dir) == ('results', 'cache', 'datasets')


# ---------------------------------------------------------------------------------------------------------------------
# training.misc


def test_networks_and_other_objects_are_saved_and_networks_are_opened(Gs, tmp_path, pickle_path):
    misc.save_pkl((Gs, Gs), str(tmp_path / 'two.pkl'))
    assert [network.name for network in misc.load_pkl(str(tmp_path / 'two.pkl'))] == ['Gs', 'Gs']
    assert misc.load_pkl(pickle_path).input_shape == [None, 6]
    misc.save_pkl({'w': Z}, str(tmp_path / 'w.pkl'))
    with open(str(tmp_path / 'w.pkl'), 'rb') as file:
        np.testing.assert_array_equal(pickle.load(file)['w'], Z)
    with pytest.raises(UserError, match='holds something other than networks'):
        misc.load_pkl(str(tmp_path / 'w.pkl'))


def test_ranges_are_mapped_in_arrays_and_graphs(session):
    levels = np.uint8([[0, 51, 255]])
    found = misc.adjust_dynamic_range(levels, [0, 255], [-1, 1])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[-1, -0.6, 1]], atol=1e-6)
    assert misc.adjust_dynamic_range(levels, [0, 255], (0, 255)) is levels
    found = tflib.run(misc.adjust_dynamic_range(tf.constant([0.0, 255.0]), [0, 255], [0, 1]))
    np.testing.assert_allclose(found, [0, 1], atol=1e-6)


def test_images_and_grids_are_those_of_the_original(tmp_path):
    with np.load(str(FOLDER / 'image_utils.npz')) as golden:
        rgb, grid, grey = golden['in/rgb'], golden['out/grid_4x2'], golden['out/grid_gray_auto']
        np.testing.assert_array_equal(misc.create_image_grid(rgb, (4, 2)), grid)
        image = misc.convert_to_pil_image(grey[np.newaxis], [-1, 1])
        np.testing.assert_array_equal(np.asarray(image), golden['out/pil_gray'])
        misc.save_image_grid(rgb, str(tmp_path / 'grid.png'), drange=[-1, 1])
        np.testing.assert_array_equal(np.asarray(PIL.Image.open(str(tmp_path / 'grid.png'))), golden['out/pil_rgb'])
    half = np.asarray(misc.convert_to_pil_image(np.float32([[[0, 0.5, 1]]])))
    assert half.shape == (1, 3) and half[0, 0] == 0 and half[0, 2] == 255


def test_snapshots_are_found_by_run_and_kimg(tmp_path, monkeypatch):
    monkeypatch.setattr('config.RESULTS_DIR', str(tmp_path))
    run = tmp_path / '00003-faces'
    run.mkdir()
    for name in ('network-snapshot-000010.pkl', 'network-snapshot-000009.500.pkl', 'network-final.pkl'):
        (run / name).write_bytes(b'')
    (run / 'network-best.pkl').write_bytes(b'')
    names = [os.path.basename(path) for path in misc.list_network_pkls('00003-faces')]
    assert names == ['network-snapshot-000009.500.pkl', 'network-snapshot-000010.pkl', 'network-final.pkl']
    assert misc.list_network_pkls(3, include_final=False)[-1].endswith('000010.pkl')
    for named, snapshot, expected in (
        (3, None, 'network-final.pkl'),
        ('00003', 10, 'network-snapshot-000010.pkl'),
        (str(run), '000010', 'network-snapshot-000010.pkl'),
        (str(run), 9.5, 'network-snapshot-000009.500.pkl'),
        (str(run), 'final', 'network-final.pkl'),
        (str(run / 'network-best.pkl'), None, 'network-best.pkl'),
    ):
        assert misc.locate_network_pkl(named, snapshot) == str(run / expected)
    for named, snapshot, message in (
        (3, 11, 'has no network-snapshot-.* of 11 kimg'),
        (3, 'newest', 'of newest kimg'),
        (4, None, 'There is no run 4 in '),
        (str(tmp_path), None, 'has no network'),
    ):
        with pytest.raises(UserError, match=message):
            misc.locate_network_pkl(named, snapshot)


# ---------------------------------------------------------------------------------------------------------------------
# dnnlib.tflib


def test_only_variables_without_a_value_get_their_initial_values(session):
    first, second = tf.Variable([1.0], name='first'), tf.Variable([2.0], name='second')
    tflib.init_uninitialized_vars([first])
    tflib.set_vars({first: [5.0]})
    tflib.init_uninitialized_vars()
    assert tflib.run([first, second]) == [5, 2]
    tflib.init_uninitialized_vars([])


def test_means_are_written_for_tensorboard(session, tmp_path):
    value = autosummary('in graph', tf.constant([1.0, 3.0]))
    kept = autosummary('in graph', tf.constant(8.0), passthru=tf.constant(7.0))
    assert tflib.run(value).tolist() == [1, 3] and tflib.run(kept) == 7
    assert autosummary('number', 4) == 4 and autosummary('number', 5, passthru='x') == 'x'
    with tf.Graph().as_default():
        writer = tf.summary.FileWriter(str(tmp_path))
    for step in (10, 20):
        save_summaries(writer, step)
        autosummary('number', 1)
    writer.close()
    [name] = os.listdir(str(tmp_path))
    events = [event for event in tf.train.summary_iterator(str(tmp_path / name)) if event.summary.value]
    found = {(event.step, value.tag): value.simple_value for event in events for value in event.summary.value}
    assert found == {(10, 'in graph'): 4, (10, 'number'): 4.5, (20, 'number'): 1}


def test_networks_tell_their_inputs_variables_and_layers(Gs):
    synthesis = Gs.components.synthesis
    assert (Gs.num_inputs, Gs.input_names, Gs.num_outputs, synthesis.num_inputs) == (
        2,
        ['latents_in', 'labels_in'],
        1,
        1,
    )
    constant = synthesis.vars['4x4/Const/const']
    assert synthesis.find_var('4x4/Const/const') is constant and synthesis.find_var(constant) is constant
    layers = {name: (output, variables) for name, output, variables in synthesis.list_layers()}
    assert constant in layers['4x4/Const'][1]
    assert layers['ToRGB_lod0'][0].shape.as_list()[0] is None and 3 in layers['ToRGB_lod0'][0].shape.as_list()
    assert sum(len(variables) for _, variables in layers.values()) == len(synthesis.trainables)


def test_own_and_trainable_variables_are_copied_apart(Gs):
    other = Gs.clone('Other')
    changed = {name: value + 1 for name, value in tflib.run(other.vars).items()}
    tflib.set_vars({other.vars[name]: value for name, value in changed.items()})
    other.copy_own_vars_from(Gs)
    assert other.get_var('dlatent_avg').tolist() == Gs.get_var('dlatent_avg').tolist()
    weight, noise = 'G_mapping/Dense0/weight', 'G_synthesis/noise0'
    np.testing.assert_array_equal(other.get_var(weight), changed[weight])
    other.copy_trainables_from(Gs)
    np.testing.assert_array_equal(other.get_var(weight), Gs.get_var(weight))
    np.testing.assert_array_equal(other.get_var(noise), changed[noise])


def test_a_clone_may_have_other_arguments(Gs):
    clone = Gs.clone('Larger', resolution=8, randomize_noise=False)
    assert clone.output_shape == [None, 3, 8, 8] and clone.static_kwargs.resolution == 8
    np.testing.assert_array_equal(clone.get_var('G_mapping/Dense0/weight'), Gs.get_var('G_mapping/Dense0/weight'))
    with pytest.raises(TypeError, match="'resolutoin'"):
        Gs.clone(resolutoin=8)


def test_out_arguments_of_run_change_the_outputs(Gs):
    images = Gs.run(Z, None, **FIXED)
    levels = Gs.run(Z, None, out_mul=127.5, out_add=127.5, out_dtype=np.uint8, **FIXED)
    assert levels.dtype == np.uint8
    np.testing.assert_allclose(levels, np.rint(images * 127.5 + 127.5).clip(0, 255), atol=1)
    halved = Gs.run(Z, None, out_shrink=2, **FIXED)
    np.testing.assert_allclose(halved, images.reshape(3, 3, 2, 2, 2, 2).mean(axis=(3, 5)), atol=1e-5)
    with pytest.raises(ValueError, match='out_mul and output_transform both change the outputs'):
        Gs.run(Z, None, out_mul=2, output_transform={'func': tflib.convert_images_to_uint8})
