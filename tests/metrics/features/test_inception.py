"""Networks that exist only as a pickle with a builder of its own, as the published ones of the metrics do."""

import dataclasses
import importlib
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.download.published import trust
from dnnlib.errors import UserError
from dnnlib.files import sha256_of_file
from metrics.arithmetic.inception_score import inception_score
from metrics.batches import Fakes, Labels
from metrics.features.distances import Perceptual
from metrics.features.inception import Inception
from metrics.meter import Meter
from metrics.registry import METRICS
from tests.toy_run import SMALL, SMALL_G

SOURCE = """
import tensorflow.compat.v1 as tf

def channel_means(images_in, is_template_graph=False, **kwargs):
    images_in.set_shape([None, 3, None, None])
    scale = tf.get_variable('scale', [], initializer=tf.initializers.ones())
    return tf.reduce_mean(images_in, axis=[2, 3]) * scale

def channel_classes(images_in, is_template_graph=False, **kwargs):
    return tf.nn.softmax(channel_means(images_in) / 20)

def squared_difference(a_in, b_in, is_template_graph=False, **kwargs):
    a_in.set_shape([None, 3, None, None])
    b_in.set_shape([None, 3, None, None])
    scale = tf.get_variable('scale', [], initializer=tf.initializers.ones())
    return tf.reduce_sum(tf.squared_difference(a_in, b_in), axis=[1, 2, 3]) * scale

def brightness(images_in, labels_in, is_template_graph=False, **kwargs):
    images_in.set_shape([None, 3, None, None])
    labels_in.set_shape([None, 0])
    scale = tf.get_variable('scale', [], initializer=tf.initializers.ones())
    return tf.reduce_mean(images_in, axis=[1, 2, 3])[:, None] * scale

def gpu_only(images_in, is_template_graph=False, **kwargs):
    images_in.set_shape([None, 3, None, None])
    kernel = tf.get_variable('kernel', [3, 3, 3, 2])
    return tf.reduce_mean(tf.nn.conv2d(images_in, kernel, 1, 'SAME', data_format='NCHW'), axis=[2, 3])
"""


@pytest.fixture
def write_pickle(session, tmp_path, monkeypatch):
    """Writes a pickle whose builder is known to nobody but the file itself, and trusts it; returns its path."""

    def write(builder, trusted=True):
        (tmp_path / 'foreign_builders.py').write_text(SOURCE)
        monkeypatch.syspath_prepend(str(tmp_path))
        importlib.invalidate_caches()
        path = str(tmp_path / 'features.pkl')
        tflib.save_networks(path, tflib.Network('features', 'foreign_builders.' + builder))
        sys.modules.pop('foreign_builders')
        (tmp_path / 'foreign_builders.py').unlink()
        if trusted:
            trust(sha256_of_file(path), 'my features')
        return path

    monkeypatch.setattr('config.TRUST_FILE', str(tmp_path / 'trusted.txt'))
    return write


def images(channels=3):
    return np.random.RandomState(5).randint(0, 256, [4, channels, 8, 8]).astype(np.uint8)


def test_runs_the_files_own_code_after_saying_so(write_pickle, capsys):
    path = write_pickle('channel_means')
    network = Inception(path)
    assert capsys.readouterr().out == ''
    for _ in range(2):
        values = network(images())
        np.testing.assert_allclose(values, images().mean(axis=(2, 3)), rtol=1e-5)
        assert values.dtype == np.float32
    assert capsys.readouterr().out.count(path) == 1


def test_gray_images_repeat_their_channel(write_pickle):
    network = Inception(write_pickle('channel_means'))
    np.testing.assert_allclose(network(images(1)), np.repeat(images(1).mean(axis=(2, 3)), 3, axis=1), rtol=1e-5)


def test_a_file_that_nobody_trusts_is_refused_at_once_and_its_code_never_runs(write_pickle, capsys):
    with pytest.raises(UserError, match="'channel_means' .*--trust-embedded-source"):
        Inception(write_pickle('channel_means', trusted=False))
    assert capsys.readouterr().out == ''


@pytest.mark.skipif(bool(tflib.list_gpus()), reason='this machine has what the network needs')
def test_layers_that_need_a_gpu_are_a_sentence_without_one(write_pickle):
    network = Inception(write_pickle('gpu_only'))
    with pytest.raises(UserError, match='need a GPU.*fd_onet5k'):
        network(images())


@pytest.mark.parametrize('channels', [1, 3])
def test_a_perceptual_distance_is_that_of_the_files_network(write_pickle, capsys, channels):
    distance = Perceptual(write_pickle('squared_difference'))
    assert capsys.readouterr().out == ''
    a, b = images(channels).astype(np.float32), images(channels)[::-1].astype(np.float32)
    for _ in range(2):
        values = tflib.run(distance(tf.constant(a), tf.constant(b)))
        np.testing.assert_allclose(values, np.square(a - b).sum(axis=(1, 2, 3)) * 3 / channels, rtol=1e-5)
    assert capsys.readouterr().out.count(distance.path) == 1


def test_a_network_of_another_kind_is_refused_as_another_file(write_pickle):
    with pytest.raises(UserError, match='no network with 2 inputs'):
        Perceptual(write_pickle('channel_means')).open()


def test_path_lengths_of_the_paper_take_the_published_network(write_pickle, monkeypatch):
    path = write_pickle('squared_difference', trusted=False)
    files = {'vgg16-zhang-perceptual': path}
    monkeypatch.setattr('metrics.features.fetch_published', lambda name, offline: files[name])
    with pytest.raises(UserError, match="'squared_difference' .*--trust-embedded-source"):
        Meter(['ppl_wend'], None, False, 0)
    trust(sha256_of_file(path), 'my distance')
    meter = Meter(['ppl_wend'], None, False, 0)
    Gs = tflib.Network('Gs', 'training.networks_stylegan.G_style', **SMALL, **SMALL_G)
    ((_, (result,)),) = meter.measure([dataclasses.replace(meter.metrics[0], num_samples=8)], Gs)
    assert result.value > 0 and result.settings['distance'] == 'lpips'


@pytest.mark.slow
def test_separability_takes_the_published_classifiers_of_all_forty_attributes(write_pickle, monkeypatch):
    path, asked = write_pickle('brightness', trusted=False), []
    monkeypatch.setattr('metrics.features.fetch_published', lambda name, offline: asked.append(name) or path)
    with pytest.raises(UserError, match="'brightness' .*--trust-embedded-source"):
        Meter(['ls'], None, False, 0)
    asked.clear()
    trust(sha256_of_file(path), 'my classifier')
    monkeypatch.setitem(METRICS, 'ls', dataclasses.replace(METRICS['ls'], num_samples=16, num_keep=8))
    meter = Meter(['ls'], None, False, 0)
    assert len(asked) == 40 and asked[0] == 'celebahq-classifier-00-male' and asked[39].endswith('-39-wearing-necktie')
    Gs = tflib.Network('Gs', 'training.networks_stylegan.G_style', **SMALL, **SMALL_G)
    ((_, (of_z, of_w)),) = meter.measure(meter.metrics, Gs)
    assert of_z.value >= 1 and of_w.value >= 1 and len(of_w.details['entropies']) == 40


def test_the_inception_score_takes_the_published_classes_and_no_other_file(write_pickle, monkeypatch):
    path = write_pickle('channel_classes')
    monkeypatch.setattr('metrics.features.fetch_published', lambda name, offline: {'inception-softmax': path}[name])
    monkeypatch.setitem(METRICS, 'is50k', dataclasses.replace(METRICS['is50k'], num_fakes=40, num_splits=4))
    meter = Meter(['is50k'], None, False, 0)
    Gs = tflib.Network('Gs', 'training.networks_stylegan.G_style', **SMALL, **SMALL_G)
    ((_, (mean, deviation)),) = meter.measure(meter.metrics, Gs, minibatch_size=8)
    fakes = np.concatenate(
        [images for (images,) in Fakes(Gs, 8, 1, 0, Labels(None, 0)).batches(0, 40, [tflib.convert_images_to_uint8])]
    )
    powers = np.exp(fakes.mean(axis=(2, 3)) / 20)
    expected = inception_score(powers / powers.sum(axis=1, keepdims=True), 4)
    assert (mean.metric, deviation.metric) == ('is50k_mean', 'is50k_std')
    assert (mean.value, deviation.value) == pytest.approx(expected, rel=1e-4) and mean.value > 1
    path = write_pickle('channel_means')
    meter = Meter(['is50k'], None, False, 0)
    ((_, error),) = meter.measure(meter.metrics, Gs)
    assert 'gives no probabilities' in error.message and path in error.message
