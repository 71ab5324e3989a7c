"""Options against networks: odd networks are refused or understood, and recipes make the images that they should."""

import dataclasses

import click
import numpy as np
import pytest

from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.records.tfrecords import MultiResolutionWriter
from synthesis.draws import Classes, ImageDraw
from synthesis.network import NetworkFacts, facts_of, frequencies_of, recipe_of, remarks_of, resolve
from synthesis.options import GenerateOptions
from synthesis.variations import SPREAD, VARY, inputs_of, vary
from tests.toy_run import SMALL, SMALL_G, noisy_generator

PLAIN = GenerateOptions(network='n.pkl', out='set', per_identity=3)
FACTS = NetworkFacts(
    side=256,
    channels=3,
    latent_size=512,
    label_size=0,
    dlatent_size=512,
    num_layers=14,
    grown_layers=14,
    has_noise=True,
    has_average=True,
)


def generator(**options):
    return tflib.Network('Gs', 'training.networks_stylegan.G_style', **{**SMALL, **SMALL_G, **options})


def options(**changes):
    return dataclasses.replace(PLAIN, **changes)


def facts(**changes):
    return dataclasses.replace(FACTS, **changes)


@pytest.mark.parametrize(
    'changes, expected',
    [
        ({}, {'side': 8, 'channels': 3, 'num_layers': 4, 'grown_layers': 4, 'has_noise': True, 'label_size': 0}),
        (
            {'num_channels': 1, 'label_size': 5, 'use_noise': False},
            {'channels': 1, 'label_size': 5, 'has_noise': False},
        ),
        ({'resolution': 4}, {'side': 4, 'num_layers': 2, 'grown_layers': 2, 'has_styles': True}),
        (
            {'use_styles': False, 'const_input_layer': False, 'style_mixing_prob': None},
            {'num_layers': 1, 'grown_layers': 1, 'has_styles': False},
        ),
    ],
)
def test_facts_of_odd_networks(session, changes, expected):
    found = facts_of(generator(**changes))
    assert {name: getattr(found, name) for name in expected} == expected
    assert (found.latent_size, found.dlatent_size, found.has_average) == (8, 8, False)


def test_facts_of_a_network_that_grows_and_knows_its_average(session):
    Gs = generator(resolution=32)
    Gs.set_var('lod', 1.4)
    Gs.set_var('dlatent_avg', np.ones(8))
    found = facts_of(Gs)
    assert (found.num_layers, found.grown_layers, found.has_average) == (8, 6, True)
    Gs.set_var('lod', 3)
    assert facts_of(Gs).grown_layers == 4  # 8x8 is there from the beginning


@pytest.mark.parametrize(
    'num_layers, grown, fine',
    [(18, 18, (8, 18)), (14, 14, (8, 14)), (14, 8, (4, 14)), (8, 8, (4, 8)), (4, 4, (2, 4)), (2, 2, (1, 2))],
)
def test_fine_layers_are_those_from_64_px_or_the_later_half(num_layers, grown, fine):
    assert facts(num_layers=num_layers, grown_layers=grown).fine_layers == range(*fine)


def test_values_that_depend_on_the_network_are_put_in():
    found = resolve(PLAIN, FACTS)
    assert (found.size, found.minibatch, found.psi_layers, found.vary) == (256, 16, 8, ('noise', 'fine'))
    assert found.classes is None
    assert resolve(found, FACTS) == found
    small = resolve(PLAIN, facts(side=4, num_layers=2, grown_layers=2, label_size=3))
    assert (small.psi_layers, small.classes) == (2, 'balanced')
    assert resolve(options(per_identity=1), FACTS).vary == ()
    assert resolve(PLAIN, facts(has_noise=False)).vary == ('fine',)
    assert resolve(PLAIN, facts(num_layers=1, grown_layers=1)).vary == ('noise',)


@pytest.mark.parametrize(
    'asked, network, message',
    [
        ({'size': 512}, {}, '--size 512: images are only shrunk, and the network makes 256x256'),
        ({'psi_layers': 15}, {}, '--psi-layers 15: this network has 14 layers'),
        ({'classes': (0,)}, {}, '--classes is for networks with labels'),
        ({'classes': 'balanced'}, {}, '--classes is for networks with labels'),
        ({'classes': (3, 12)}, {'label_size': 10}, '--classes: there is no class 12; this network has classes 0 to 9'),
        ({'vary': ('noise', 'fine')}, {'has_noise': False}, '--vary noise: this network has no noise inputs'),
        ({'vary': ('fine',)}, {'num_layers': 1}, '--vary fine: this network has no styles'),
        ({'vary': ('directions',)}, {'num_layers': 1}, '--vary directions: this network has no styles'),
        ({}, {'num_layers': 1, 'has_noise': False}, 'neither noise nor styles: give --vary near'),
        ({'vary': ('directions',), 'directions': (0, 600)}, {}, '--directions: there is no direction 600'),
        (
            {'vary': ('directions',), 'direction_layers': range(8, 10)},
            {'grown_layers': 8},
            '--direction-layers: the layers from 8 on are not grown yet',
        ),
    ],
)
def test_what_the_network_cannot_do_is_refused_before_the_work(asked, network, message):
    with pytest.raises(click.UsageError) as raised:
        resolve(options(**asked), facts(**network))
    assert message in raised.value.message


def test_layers_that_the_network_does_not_have_are_refused():
    with pytest.raises(UserError, match='--direction-layers: there is no layer 14'):
        resolve(options(vary=('directions',), direction_layers=range(12, 15)), FACTS)


def test_remarks_say_what_may_surprise():
    assert remarks_of(resolve(PLAIN, FACTS), FACTS) == []
    untrained = facts(has_average=False)
    assert 'average w of this network is zero' in remarks_of(resolve(PLAIN, untrained), untrained)[0]
    assert remarks_of(resolve(options(psi=1), untrained), untrained) == []
    assert 'the same person' in remarks_of(resolve(options(psi=0, psi_layers=14), FACTS), FACTS)[0]
    growing = facts(grown_layers=8)
    assert 'its images are 32x32, enlarged to 256x256' in remarks_of(resolve(PLAIN, growing), growing)[0]


def images_of(Gs, draws, recipe):
    """The images of draws, float32 [N, C, H, W], with fixed noise."""
    inputs = inputs_of(draws, recipe, 8)
    mapping = Gs.components.mapping
    fine = None if inputs.fine_latents is None else mapping.run(inputs.fine_latents, inputs.labels)
    w = vary(draws, mapping.run(inputs.latents, inputs.labels), fine, recipe)
    return Gs.components.synthesis.run(w, randomize_noise=False)


@pytest.mark.parametrize('label_size', [0, 3])
def test_each_way_to_vary_changes_the_image_and_the_first_image_is_that_of_the_network(session, label_size):
    Gs = generator(label_size=label_size)
    Gs.set_var('dlatent_avg', np.linspace(-1, 1, 8))
    draws = [ImageDraw(4), ImageDraw(4, 1, 0, 0), ImageDraw(4, 1, 1, 0)]
    for word in VARY[1:]:
        resolved = resolve(options(vary=(word,), psi_layers=2), facts_of(Gs))
        recipe = recipe_of(Gs, resolved)
        inputs, images = inputs_of(draws, recipe, 8), images_of(Gs, draws, recipe)
        whole = Gs.run(
            inputs.latents[:1],
            None if label_size == 0 else np.eye(3)[[1]],  # identity 4, classes by turns
            truncation_psi=0.7,
            truncation_cutoff=2,
            randomize_noise=False,
        )
        np.testing.assert_allclose(images[:1], whole, atol=1e-5)
        assert (images[1] != images[0]).any() and (images[2] != images[1]).any()


def test_the_recipe_has_what_the_options_ask_for(session):
    Gs = noisy_generator(0.1)
    asked = options(vary=('near', 'directions'), near=0.3, directions=(1, 4), direction_layers=range(1, 3), seed=9)
    recipe = recipe_of(Gs, resolve(asked, facts_of(Gs)))
    assert recipe.spread.shape == (SPREAD, 8) and recipe.directions.shape == (2, 8)
    assert (recipe.seed, recipe.near, recipe.direction_layers, recipe.classes) == (9, 0.3, range(1, 3), None)
    w = Gs.components.mapping.run(np.random.RandomState(0).randn(4096, 8), None)[:, 0]
    measured = np.cov(w.T)
    np.testing.assert_allclose(recipe.spread.T @ recipe.spread / SPREAD, measured, atol=0.15 * np.abs(measured).max())
    plain = recipe_of(Gs, resolve(options(), facts_of(Gs)))
    assert plain.spread is None and plain.directions is None and plain.fine_layers == range(2, 4)


def test_weights_that_are_no_numbers_are_a_sentence(session):
    Gs = generator()
    Gs.set_var('G_mapping/Dense1/bias', np.full(8, np.nan))
    with pytest.raises(UserError, match='mapping of this network has values that are no numbers'):
        recipe_of(Gs, resolve(options(vary=('near',)), facts_of(Gs)))
    Gs.set_var('dlatent_avg', np.full(8, np.inf))
    with pytest.raises(UserError, match='average w of this network has values that are no numbers'):
        recipe_of(Gs, resolve(PLAIN, facts_of(Gs)))


def labelled(folder, labels):
    folder.mkdir()
    with MultiResolutionWriter(str(folder), 'toy') as writer:
        for _ in labels or [None]:
            writer.add(np.zeros([3, 8, 8], np.uint8))
        if labels:
            writer.add_labels(np.array(labels))
    return str(folder)


def test_frequencies_are_those_of_the_dataset(tmp_path):
    one_hot = labelled(tmp_path / 'rows', np.eye(3)[[2, 2, 0, 2]].tolist())
    numbers = labelled(tmp_path / 'numbers', [2, 2, 0, 2])
    for data in (one_hot, numbers):
        frequencies = frequencies_of(data, 3)
        np.testing.assert_array_equal(frequencies, [1, 0, 3])
    assert {Classes('like-reals', 3, frequencies).of(0, identity) for identity in range(50)} == {0, 2}


def test_a_dataset_without_classes_is_a_sentence(tmp_path):
    attributes = labelled(tmp_path / 'attributes', [[1, 1, 0], [0, 0, 0]])
    for data, size, message in (
        (None, 3, 'name it with --data'),
        (labelled(tmp_path / 'plain', []), 3, 'has no labels'),
        (attributes, 3, 'several attributes instead of one class'),
        (attributes, 2, 'has labels of 3 numbers, and the network of 2'),
    ):
        with pytest.raises(UserError, match=message):
            frequencies_of(data, size)
