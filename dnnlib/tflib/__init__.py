"""TensorFlow sessions, devices, networks, optimizer and network pickles."""

import dnnlib.tflib.versions  # noqa: F401, I001  first: nothing may be built before

from dnnlib.tflib.devices import list_gpus, replica_devices
from dnnlib.tflib.network import Network
from dnnlib.tflib.optimizer import Optimizer
from dnnlib.tflib.original import convert_images_from_uint8, init_uninitialized_vars
from dnnlib.tflib.pickles import check_trusted, load_generator, load_networks, save_networks
from dnnlib.tflib.replicas import Replicas
from dnnlib.tflib.tfutil import (
    absolute_name_scope,
    convert_images_to_uint8,
    init_tf,
    is_tf_expression,
    lerp,
    lerp_clip,
    run,
    set_vars,
)

__all__ = [
    'Network',
    'Optimizer',
    'Replicas',
    'absolute_name_scope',
    'check_trusted',
    'convert_images_from_uint8',
    'convert_images_to_uint8',
    'init_tf',
    'init_uninitialized_vars',
    'is_tf_expression',
    'lerp',
    'lerp_clip',
    'list_gpus',
    'load_generator',
    'load_networks',
    'replica_devices',
    'run',
    'save_networks',
    'set_vars',
]
