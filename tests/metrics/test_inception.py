"""A feature network that exists only as a pickle with a builder of its own, as the published Inception does."""

import importlib
import sys

import numpy as np
import pytest

from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.files import sha256_of_file
from dnnlib.published import trust
from metrics.inception import Inception

SOURCE = '''
import tensorflow.compat.v1 as tf

def channel_means(images_in, is_template_graph=False, **kwargs):
    images_in.set_shape([None, 3, None, None])
    scale = tf.get_variable('scale', [], initializer=tf.initializers.ones())
    return tf.reduce_mean(images_in, axis=[2, 3]) * scale

def gpu_only(images_in, is_template_graph=False, **kwargs):
    images_in.set_shape([None, 3, None, None])
    kernel = tf.get_variable('kernel', [3, 3, 3, 2])
    return tf.reduce_mean(tf.nn.conv2d(images_in, kernel, 1, 'SAME', data_format='NCHW'), axis=[2, 3])
'''


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
    with pytest.raises(UserError, match="'channel_means', .*--trust-embedded-source"):
        Inception(write_pickle('channel_means', trusted=False))
    assert capsys.readouterr().out == ''


@pytest.mark.skipif(bool(tflib.list_gpus()), reason='this machine has what the network needs')
def test_layers_that_need_a_gpu_are_a_sentence_without_one(write_pickle):
    network = Inception(write_pickle('gpu_only'))
    with pytest.raises(UserError, match='need a GPU.*fd_onet5k'):
        network(images())
