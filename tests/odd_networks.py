"""Network pickles with arguments that this program's own networks never have."""

import tensorflow.compat.v1 as tf

from dnnlib import tflib
from tests.toy_run import SMALL, SMALL_G

# Every argument that the original's build functions have, beside those that each pickle has.
ODD_G = {
    'structure': 'recursive',
    'truncation_psi': None,
    'truncation_cutoff': None,
    'truncation_psi_val': 0.7,
    'dlatent_avg_beta': None,
    'style_mixing_prob': None,
    'normalize_latents': False,
    'mapping_nonlinearity': 'relu',
    'mapping_lrmul': 0.1,
    'use_wscale': False,
    'use_noise': False,
    'const_input_layer': False,
    'use_pixel_norm': True,
    'use_instance_norm': False,
    'randomize_noise': False,
    'fmap_decay': 1.2,
    'fmap_base': 64.0,
    'nonlinearity': 'relu',
    'fused_scale': True,
    'blur_filter': None,
    'dtype': 'float32',
    'truncation_cutoff_val': None,
}
ODD_D = {
    'structure': 'linear',
    'mbstd_group_size': 2,
    'mbstd_num_features': 2,
    'blur_filter': [1, 3, 3, 1],
    'fused_scale': False,
    'fmap_decay': 1.2,
    'nonlinearity': 'relu',
    'use_wscale': False,
    'dtype': 'float32',
}


def save_odd(path, G, D, unknown=None):
    """Writes a pickle of 8x8 networks with arguments; those in `unknown`, which only the file has, go to all three."""
    with tf.Graph().as_default(), tf.Session():
        arguments = {**SMALL, **SMALL_G, **G}
        nets = [tflib.Network(name, 'training.networks_stylegan.G_style', **arguments) for name in ('G', 'Gs')]
        D = tflib.Network('D', 'training.networks_stylegan.D_basic', **{**SMALL, **D})
        for net in (*nets, D):
            net.static_kwargs.update(unknown or {})
        tflib.save_networks(path, (nets[0], D, nets[1]))
    return path
