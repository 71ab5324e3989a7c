"""What a verb is pointed at."""

import os

import pytest
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.errors import UserError
from metrics.sources import find_source, open_generator, representative_network

SMALL = {
    'resolution': 8,
    'num_channels': 3,
    'fmap_max': 8,
    'latent_size': 8,
    'dlatent_size': 8,
    'mapping_layers': 1,
    'mapping_fmaps': 8,
}


@pytest.fixture
def pickle_path(tmp_path):
    path = str(tmp_path / 'generator.pkl')
    with tf.Graph().as_default(), tf.Session():
        tflib.save_networks(path, tflib.Network('Gs', 'training.networks_stylegan.G_style', **SMALL))
    return path


def test_a_generator_alone_is_opened_in_a_session_that_ends_with_the_block(pickle_path):
    graph = tf.get_default_graph()
    with open_generator(pickle_path, 'cpu') as Gs:
        assert Gs.output_shape == [None, 3, 8, 8] and tf.get_default_graph() is not graph
    assert tf.get_default_session() is None and tf.get_default_graph() is graph


def test_a_session_that_is_open_already_is_used_and_left_open(session, pickle_path):
    with open_generator(pickle_path, 'cpu') as Gs:
        assert Gs.vars['lod'].graph is session.graph
    assert tf.get_default_session() is session


def test_only_the_generator_of_a_triple_is_built(finished, session):
    with open_generator(os.path.join(finished[0], 'network-final.pkl')) as Gs:
        assert Gs.name == 'Gs' and set(tf.global_variables()) == set(Gs.vars.values())


def test_pairs_of_networks_and_parts_of_a_generator_are_refused(session, tmp_path):
    Gs, path = tflib.Network('Gs', 'training.networks_stylegan.G_style', **SMALL), str(tmp_path / 'mine.pkl')
    for networks in ((Gs, Gs), Gs.components.mapping):
        tflib.save_networks(path, networks)
        with pytest.raises(UserError, match='mine.pkl holds no generator of StyleGAN or ProGAN'), open_generator(path):
            pass


def test_a_pickle_outside_of_any_run_knows_nothing_of_its_training(pickle_path):
    source = find_source(pickle_path)
    assert [snapshot.name for snapshot in source.snapshots] == ['generator.pkl']
    assert (source.is_run, source.data, source.resolution, source.mirror) == (False, None, None, False)
    assert (source.seed, source.metrics) == (0, ())
    assert source.folder == os.path.dirname(pickle_path)


def test_what_is_no_folder_is_shown_as_it_is_named():
    assert representative_network('/dev/null') == '/dev/null'
