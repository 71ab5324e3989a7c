"""The session everything runs in, and small helpers around it."""

import functools
import os
from typing import Any, Callable, Dict, Optional, Tuple, Union

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib.freed_memory import keep_freed_memory
from dnnlib.processes import ALONE
from dnnlib.tflib.devices import resolve_device

Value = Union[tf.Tensor, tf.Variable, np.ndarray, float]


def init_tf(
    device: Union[str, Dict[str, Any], None] = 'auto',
    cpu_replicas: int = 1,
    seed: Optional[int] = None,
    threads: Optional[int] = None,
    open_session: Callable[[tf.ConfigProto], tf.Session] = ALONE.open_session,
) -> tf.Session:
    """Opens a session and makes it the default of the process; does nothing if there is a default session.

    Args:
        device: 'auto' (a GPU if there is one), 'gpu' or 'cpu' (GPUs stay hidden and untouched). Or a dict, as scripts
            for the original code give it: 'rnd.np_random_seed' and 'rnd.tf_random_seed' (None: as it is; 'auto':
            drawn), 'env.NAME' for the environment, any field of `tf.ConfigProto`, as 'gpu_options.allow_growth'.
        cpu_replicas: Number of virtual CPU devices, for that many replicas on a machine without GPUs.
        seed: Graph-level random seed, which fixes the initial weights; None draws a new one each time.
        threads: Of the CPU; None: one for each core.
        open_session: Opens a session with a configuration; `Processes.open_session` of several processes.

    Returns:
        The default `tf.Session`.

    Raises:
        ValueError: There is no such device, or no such field of a dict.
    """
    config = {} if device is None else device
    if isinstance(config, dict):
        device = 'auto'
    else:
        config = {}
    options = tf.ConfigProto(allow_soft_placement=True)
    options.gpu_options.allow_growth = True  # leave memory of the card to other programs
    random_seeds = _apply_config(config, options)  # first: CUDA reads the environment once, when GPUs are looked for
    resolve_device(device)
    session = tf.get_default_session()
    if session is not None:
        return session
    _seed_random_numbers(random_seeds)
    options.device_count['CPU'] = cpu_replicas
    if threads is not None:
        options.intra_op_parallelism_threads = options.inter_op_parallelism_threads = threads
    if resolve_device(device) == 'cpu':
        options.device_count['GPU'] = 0
        keep_freed_memory()
    if seed is not None:
        tf.set_random_seed(seed)
    session = open_session(options)
    session.__enter__()  # stays the default until the process ends, as users of tflib expect
    return session


def _apply_config(config, options):
    """Sets the fields of a dict in a `tf.ConfigProto` and in the environment; returns its random seeds."""
    seeds, environment = {}, {}
    for name, value in config.items():
        try:
            room, _, field = name.partition('.')
            if room == 'rnd' and field in ('np_random_seed', 'tf_random_seed'):
                seeds[field] = value
            elif room == 'env' and field:
                environment[field] = str(value)
            else:
                *path, field = name.split('.')
                target = functools.reduce(getattr, path, options)
                getattr(target, field)
                setattr(target, field, value)
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(f'init_tf: {name!r}: {value!r} cannot be set ({error}).') from error
    os.environ.update(environment)
    return seeds


def _seed_random_numbers(seeds):
    if seeds.get('np_random_seed') is not None:
        np.random.seed(seeds['np_random_seed'])
    seed = seeds.get('tf_random_seed')
    if seed == 'auto':
        seed = int.from_bytes(os.urandom(3), 'little')
    if seed is not None:
        tf.set_random_seed(seed)


def run(*args: Any, **kwargs: Any) -> Any:
    """`Session.run` in the default session."""
    session = tf.get_default_session()
    if session is None:
        raise RuntimeError('No TensorFlow session is open: call dnnlib.tflib.init_tf() first.')
    return session.run(*args, **kwargs)


def is_tf_expression(value: Any) -> bool:
    """Whether a value is part of a graph: a tensor, a variable or an operation."""
    return isinstance(value, (tf.Tensor, tf.Variable, tf.Operation))


def absolute_name_scope(scope: str) -> tf.name_scope:
    """A name scope at the root of the graph, also inside other scopes."""
    return tf.name_scope(scope + '/')


def lerp(a: Value, b: Value, t: Value) -> tf.Tensor:
    """Linear interpolation: a at t = 0, b at t = 1. Not clipped."""
    with tf.name_scope('lerp'):
        return a + (b - a) * t


def lerp_clip(a: Value, b: Value, t: Value) -> tf.Tensor:
    """Linear interpolation with t clipped to [0, 1]."""
    with tf.name_scope('lerp_clip'):
        return a + (b - a) * tf.clip_by_value(t, 0.0, 1.0)


def set_vars(values: Dict[tf.Variable, Any]) -> None:
    """Sets variables to given values. The graph does not grow: the values are fed in place of the initial values.

    Args:
        values: Dict of `tf.Variable` to a value of its shape.
    """
    assign_ops, feed, later = [], {}, {}
    for variable, value in values.items():
        initial_value = variable.initializer.inputs[1]
        if initial_value in feed:  # two variables may have the same initial value
            later[variable] = value
        else:
            assign_ops.append(variable.initializer)
            feed[initial_value] = value
    if assign_ops:
        run(assign_ops, feed)
        set_vars(later)


def convert_images_to_uint8(
    images: tf.Tensor, drange: Tuple[float, float] = (-1, 1), nchw_to_nhwc: bool = False, shrink: int = 1
) -> tf.Tensor:
    """Quantises images for files and feature networks: truncate(clip(x * 127.5 + 128)) for [-1, 1].

    Args:
        images: Tensor [N, C, H, W] of dynamic range `drange`; values outside are clipped.
        drange: Dynamic range (low, high) of the input.
        nchw_to_nhwc: Return [N, H, W, C].
        shrink: Average blocks of this many pixels a side first.

    Returns:
        uint8 tensor [N, C, H // shrink, W // shrink], or channels last.
    """
    images = tf.cast(images, tf.float32)
    if shrink > 1:
        images = tf.transpose(images, [0, 2, 3, 1])  # pooling exists on every device only with channels last
        images = tf.nn.avg_pool(images, [1, shrink, shrink, 1], [1, shrink, shrink, 1], 'VALID')
        images = images if nchw_to_nhwc else tf.transpose(images, [0, 3, 1, 2])
    elif nchw_to_nhwc:
        images = tf.transpose(images, [0, 2, 3, 1])
    scale = 255 / (drange[1] - drange[0])
    return tf.saturate_cast(images * scale + (0.5 - drange[0] * scale), tf.uint8)
