"""The networks of ProGAN against outputs and gradients of the original codes, and what holds for them beyond these."""

import ast

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.own_modules import source_of
from tests.goldens.files import OUTPUT_TOLERANCE, Golden, relative_error, set_lod
from tests.goldens.kinds import assert_agreement, golden_cases
from training import networks_progan


@golden_cases('g_paper_*')
def test_paper_generator_gives_the_originals_images(open_layout_session, kind, path, case):
    assert_agreement(kind, path, case, open_layout_session)


@golden_cases('d_paper_*')
def test_paper_discriminator_gives_the_originals_scores(open_layout_session, kind, path, case):
    assert_agreement(kind, path, case, open_layout_session)


@golden_cases('losses_progan_*')
def test_losses_and_gradients_on_progan_are_the_originals(open_layout_session, kind, path, case):
    assert_agreement(kind, path, case, open_layout_session)


@golden_cases('losses_acgan_*')
def test_losses_and_gradients_of_its_own_program_are_the_originals(open_layout_session, kind, path, case):
    assert_agreement(kind, path, case, open_layout_session)


def test_images_of_the_active_side_are_those_of_full_resolution_and_score_alike(session):
    golden = Golden('g_paper_16_variants', 'latent')
    G = golden.network('G', 'G_paper')
    D = tflib.Network('D', networks_progan.D_paper, num_channels=3, resolution=16, fmap_base=64, fmap_max=8)
    latents = golden['in/latents']
    scores = {}  # by the images that are to be fed
    for is_small in (True, False):
        images = tf.placeholder(tf.float32, [None, 3, None, None])
        scores[images] = D.get_output_for(images, tf.zeros([3, 0]), active_resolution=is_small)
    for lod, side in ((0, 16), (0.3, 16), (1, 8), (1.5, 8), (2, 8)):
        set_lod(G, lod), set_lod(D, lod)
        small, large = G.run(latents, None, active_resolution=True), G.run(latents, None)
        assert small.shape == (3, 3, side, side)
        assert relative_error(small.repeat(16 // side, 2).repeat(16 // side, 3), large) < OUTPUT_TOLERANCE
        values = [tflib.run(score, {fed: images}) for (fed, score), images in zip(scores.items(), (small, large))]
        assert relative_error(*values) < OUTPUT_TOLERANCE


def test_what_only_generators_with_w_and_noise_take_has_no_effect_and_the_unknown_is_refused(session):
    G = tflib.Network('G', networks_progan.G_paper, resolution=8, fmap_max=4, truncation_psi=0.5)
    latents = np.ones([1, 4])
    images = G.run(latents, None, truncation_psi=0.7, is_validation=True, randomize_noise=False)
    np.testing.assert_array_equal(images, G.run(latents, None))
    with pytest.raises(TypeError, match="G.run has no argument 'psi'"):
        G.run(latents, None, psi=0.7)
    with pytest.raises(ValueError, match='resolution 24'):
        tflib.Network('D', networks_progan.D_paper, resolution=24)


def test_the_source_in_pickles_uses_only_what_the_original_code_has_too():
    """It is that of both modules."""
    source = source_of('training.networks_progan')
    tree = ast.parse(source)
    imports = {ast.dump(node) for node in ast.walk(tree) if is_import(node)}
    allowed = ('import numpy as np', 'import tensorflow.compat.v1 as tf', 'import dnnlib.tflib as tflib')
    assert imports == {ast.dump(ast.parse(line).body[0]) for line in allowed}
    defined = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    assert {'G_paper', 'D_paper', 'Synthesis', 'Discriminator'} <= defined and 'own_module' not in source.split()


def is_import(node):
    return isinstance(node, (ast.Import, ast.ImportFrom))
