"""The layouts of images inside the networks that this machine can execute: NHWC, and NCHW as on a GPU where it runs."""

import contextlib
import functools
from unittest import mock

import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.tflib.versions import CPU_GETS_NCHW_WRONG
from training import networks_progan, networks_stylegan


@functools.lru_cache(maxsize=None)
def runs(data_format):
    """Whether TensorFlow executes convolutions in a layout here: it is asked to, unless that does harm."""
    if data_format == 'NCHW' and CPU_GETS_NCHW_WRONG and not tflib.list_gpus():
        return False
    with tf.Graph().as_default(), tf.Session(config=_config()) as session:
        x = tf.ones([1, 2, 2, 2])
        y = tf.nn.conv2d(x, tf.ones([1, 1, 2, 2]), [1, 1, 1, 1], 'SAME', data_format=data_format)
        try:
            session.run(tf.gradients(y, x))
        except tf.errors.OpError:
            return False
    return True


def _config():
    options = tf.ConfigProto(allow_soft_placement=True)
    options.gpu_options.allow_growth = True
    return options


LAYOUTS = [data_format for data_format in ('NHWC', 'NCHW') if runs(data_format)]


def device_for(data_format):
    """What to give `init_tf` so that the layout runs: without a GPU, NCHW takes a TensorFlow that has it on the CPU."""
    return 'cpu' if data_format == 'NHWC' else 'auto'


@contextlib.contextmanager
def networks_in(data_format):
    """A context in which the networks take this layout wherever they would take that of the device."""

    def layout_of(*_):
        return networks_stylegan._Layout(data_format)

    with mock.patch.object(networks_stylegan, 'layout_of', layout_of), mock.patch.object(
        networks_progan, 'layout_of', layout_of
    ):
        yield
