"""Which cards can start at once with which TensorFlow, and which ones must compile its kernels first.

TensorFlow's published packages hold machine code for some cards. From PTX, a portable form, the driver compiles the
rest at the first start on a card, for up to half an hour, and keeps the result. What the packages hold was read from
their files. No card has been tried.
"""

from typing import Dict, List, NamedTuple, Optional, Tuple

import tensorflow.compat.v1 as tf
from tensorflow.python.client import device_lib

from dnnlib.tflib.devices import GPU_HINT, resolve_device

Capability = Tuple[int, int]  # of a card, as NVIDIA numbers them


class Code(NamedTuple):
    """The capabilities for which a package has machine code, in all of its modules, and PTX."""

    machine: List[Capability]
    ptx: List[Capability]


_FROM_PASCAL = Code([(6, 0), (7, 0), (8, 0), (8, 9)], [(9, 0)])
CODE: Dict[Tuple[int, int], Code] = {
    (1, 15): Code(*[[(3, 5), (3, 7), (5, 2), (6, 0), (6, 1), (7, 0)]] * 2),
    (2, 15): Code([(5, 0), (6, 0), (7, 0), (7, 5)], [(8, 0)]),  # and 8.0 in one of seven modules
    (2, 16): Code([(5, 0), (6, 0), (7, 0), (8, 0)], [(9, 0)]),  # and 9.0 in one of six modules
    (2, 17): _FROM_PASCAL,
    (2, 18): _FROM_PASCAL,
    (2, 21): _FROM_PASCAL,
}

# The capability of a generation's newest cards, and some cards.
GENERATIONS = {
    'Maxwell': ((5, 2), 'GTX 9xx'),
    'Pascal': ((6, 1), 'GTX 10xx, P100'),
    'Volta': ((7, 0), 'V100'),
    'Turing': ((7, 5), 'RTX 20xx, T4'),
    'Ampere': ((8, 6), 'RTX 30xx, A100'),
    'Ada': ((8, 9), 'RTX 40xx, L40'),
    'Hopper': ((9, 0), 'H100, H200'),
    'Blackwell': ((12, 0), 'RTX 50xx, B200'),
}

READY, COMPILES, DOES_NOT_RUN = 'ready', 'compiles', 'does not run'

CUDA_10_ENDS_AT, CUDA_12_ENDS_AT = (7, 5), (9, 0)  # cards for which TensorFlow's CUDA libraries have kernels


def first_start(capability: Capability, version: str = tf.__version__) -> str:
    """What a TensorFlow does when it starts on a card for the first time.

    Args:
        capability: Of the card.
        version: Of TensorFlow's published package. One whose files were not read counts as the one before it.

    Returns:
        READY; COMPILES, for up to half an hour; or DOES_NOT_RUN.
    """
    numbers = tuple(map(int, version.split('.')[:2]))
    code = CODE[max((known for known in CODE if known <= numbers), default=min(CODE))]
    newest = CUDA_12_ENDS_AT if numbers >= (2, 15) else CUDA_10_ENDS_AT
    if capability > newest:
        return DOES_NOT_RUN
    if any(major == capability[0] and (major, minor) <= capability for major, minor in code.machine):
        return READY
    return COMPILES if any(ptx <= capability for ptx in code.ptx) else DOES_NOT_RUN


def sentence_about(name: str, capability: Capability, version: str = tf.__version__) -> Optional[str]:
    """What a user should know before TensorFlow starts on a card; None if it is ready to start."""
    start = first_start(capability, version)
    if start == READY:
        return None
    card = f'{name} (compute capability {capability[0]}.{capability[1]})'
    if start == COMPILES:
        return (
            f'TensorFlow {version} has no machine code for {card}. The driver compiles it at the first start: for up '
            'to half an hour nothing seems to happen. Later starts are quick.'
        )
    return f'TensorFlow {version} has no code that runs on {card}: see docs/install.md for the one that has.'


def lines_about_devices(device: str) -> List[str]:
    """What the log of training says first about where it runs: that there is no GPU, or that kernels are compiled.

    Args:
        device: 'auto', 'gpu' or 'cpu'.
    """
    kind = resolve_device(device)
    if kind == 'gpu':
        return list(dict.fromkeys(filter(None, (sentence_about(*card) for card in cards()))))
    return [f'TensorFlow sees no GPU, so training runs on the CPU. {GPU_HINT}'] if device == 'auto' else []


def cards() -> List[Tuple[str, Capability]]:
    """Names and capabilities of the GPUs that TensorFlow can use."""
    config = tf.ConfigProto(gpu_options={'allow_growth': True})
    devices = device_lib.list_local_devices(session_config=config)
    return [_parsed(device.physical_device_desc) for device in devices if device.device_type == 'GPU']


def _parsed(description):
    """Name and capability in 'device: 0, name: Tesla T4, pci bus id: 0000:00:04.0, compute capability: 7.5'."""
    fields = dict(field.split(': ', 1) for field in description.split(', '))
    major, minor = fields['compute capability'].split('.')
    return fields['name'], (int(major), int(minor))
