"""ProGAN: `train.py --preset progan` in miniature, and what can be made of its networks."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from click.testing import CliRunner

import generate_figures
from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.network_file import read_network_file
from metrics.arithmetic.path_length import slerp
from metrics.figures import drawing
from metrics.paths import path_distances
from metrics.readings import Path
from synthesis.source import find_network
from tests.goldens.files import FOLDER
from tests.sessions import without_graph_optimizer
from tests.toy_run import make_dataset
from tests.train_command import TINY, read_lines, run_here
from training.options import resolve_options
from training.pickled_networks import read_pickle

PUBLISHED = str(FOLDER / 'progan_tiny_32_fused_nosrc.pkl')
STYLEGAN = str(FOLDER / 'crossing' / 'tensorflow-1.15' / 'run' / 'network-final.pkl')
FLAGS = ['--preset', 'progan', *(word for word in TINY if word not in ('--mapping-layers', '2'))]
FLAGS.insert(FLAGS.index('--snapshot-ticks') + 1, '2')


class PixelDistance:
    """Mean squared differences of neighbours in a minibatch."""

    @staticmethod
    def in_graph(images):
        return tf.reduce_mean(tf.squared_difference(images[0::2], images[1::2]), axis=[1, 2, 3])


@pytest.fixture(scope='module')
def trained_progan(built_steps, tmp_path_factory):
    """The folder of a run of 0.256 kimg, not to be changed, and of its dataset."""
    folder = tmp_path_factory.mktemp('progan')
    data = make_dataset(str(folder / 'toy'))
    with without_graph_optimizer():
        result = run_here(built_steps, ['--data', data, '--results', folder / 'results', *FLAGS])
    assert result.exit_code == 0, result.output
    (run_dir,) = (folder / 'results').iterdir()
    return run_dir, data


@pytest.mark.slow
def test_it_trains_and_its_pickles_have_the_form_of_stylegans_code(trained_progan):
    networks = read_network_file(str(trained_progan[0] / 'network-final.pkl')).networks
    assert [(net['name'], net['build_func_name'], net['version']) for net in networks] == [
        ('G', 'G_paper', 3),
        ('D', 'D_paper', 3),
        ('Gs', 'G_paper', 3),
    ]
    ticks = read_lines(trained_progan[0] / 'stats.jsonl')
    assert ticks[-1]['kimg'] == 0.256 and all(tick['nonfinite_steps'] == 0 for tick in ticks)
    assert all(tick['gradient_penalty'] >= 0 for tick in ticks)


def test_a_run_that_goes_on_is_the_run_that_was_not_interrupted(trained_progan, built_steps, tmp_path):
    run_dir, data = trained_progan
    begin = ['--data', data, '--results', tmp_path / 'results', *FLAGS, '--kimg', '0.128']
    assert run_here(built_steps, begin).exit_code == 0
    (again,) = (tmp_path / 'results').iterdir()
    assert run_here(built_steps, ['--resume', again, '--kimg', '0.256']).exit_code == 0
    assert (again / 'network-final.pkl').read_bytes() == (run_dir / 'network-final.pkl').read_bytes()


def test_a_run_starts_from_such_a_pickle_and_not_from_one_of_its_own_program(trained_progan):
    pickled = read_pickle(str(trained_progan[0] / 'network-final.pkl'))
    assert pickled.architecture == 'progan' and pickled.lod == 0
    assert pickled.static_kwargs['G'] == dict(pickled.static_kwargs['D'], latent_size=8)
    with pytest.raises(UserError, match="is of ProGAN's own program, .*: training cannot start from it"):
        read_pickle(PUBLISHED)


def test_flags_that_mean_nothing_to_these_networks_or_losses_are_refused(built_steps, tmp_path):
    data = make_dataset(str(tmp_path / 'toy'))
    for flags, sentence in (
        (['--labels'], '--labels: the discriminator of ProGAN does not look at labels'),
        (['--mapping-layers', '2'], '--mapping-layers: ProGAN has no w; leave --mapping-layers out'),
        (['--gamma', '1'], '--gamma: is the weight of the penalty of logistic-r1 and logistic-r2'),
    ):
        result = run_here(built_steps, ['--data', data, '--preset', 'progan', '--dry-run', *flags])
        assert result.exit_code == 2 and sentence in result.output


def test_networks_of_stylegan_do_not_train_by_its_recipe(built_steps, tmp_path):
    data = make_dataset(str(tmp_path / 'toy'))
    result = run_here(built_steps, ['--data', data, '--preset', 'progan', '--resume', STYLEGAN, '--dry-run'])
    assert result.exit_code == 2 and "the networks that the run starts from are StyleGAN's" in result.output


def test_the_recipe_is_that_of_the_original():
    for gpus, lrates in ((1, {}), (4, {256: 0.0015}), (8, {128: 0.0015, 256: 0.002})):
        options = resolve_options('progan', {'data': 'x', 'gpus': gpus}, 256)
        assert (options.loss, options.initial_resolution, options.total_kimg) == ('wgan-gp', 4, 12000)
        assert {side: rate for side, rate in options.lrate_by_resolution.items() if side <= 256} == lrates
    assert (
        resolve_options('progan', {'data': 'x', 'lrate': 1.0, 'lrate_by_resolution': {}}, 8).lrate_by_resolution == {}
    )


# ---------------------------------------------------------------------------------------------------------------------


def test_figures_are_drawn_without_truncation_and_those_of_w_are_refused(tmp_path, shared_networks):
    out = str(tmp_path / 'figures')
    runner = CliRunner()
    result = runner.invoke(generate_figures.main, [PUBLISHED, '--out', out, '--figures', '5', '--device', 'cpu'])
    assert result.exit_code == 0 and 'uncurated.png' in result.output
    assert 'The network is a ProGAN: it has no w, no truncation and no noise' in result.output
    for name in ('noise', 'truncation', 'style-mixing', 'noise-detail', 'directions'):
        result = runner.invoke(generate_figures.main, [PUBLISHED, '--out', out, '--figures', name, '--device', 'cpu'])
        assert result.exit_code == 1, name
        assert 'cannot be made of this network: it is a ProGAN, which has no w, no truncation' in result.output, name


def test_path_lengths_in_z_are_those_of_its_images_and_in_w_are_refused(session):
    Gs = tflib.load_generator(PUBLISHED)
    latents, positions = np.random.RandomState(0).randn(4, 16), np.zeros(2)
    step = 1e-2
    lengths = path_distances(Gs, Path('z', 'end', step), PixelDistance, latents, positions)
    images = Gs.run(latents[0::2], None), Gs.run(slerp(latents[0::2], latents[1::2], np.full([2, 1], step)), None)
    np.testing.assert_allclose(lengths, np.mean((images[0] - images[1]) ** 2, axis=(1, 2, 3)) / step**2, rtol=1e-2)
    with pytest.raises(UserError, match='Path lengths in w cannot be made of this network: it is a ProGAN'):
        path_distances(Gs, Path('w', 'end', step), PixelDistance, latents, positions)


def test_no_synthetic_set_is_made_of_it():
    with pytest.raises(UserError, match='is a ProGAN, which has no w, no truncation and no noise: name a StyleGAN'):
        find_network(PUBLISHED)


def test_its_images_are_drawn_like_others(session):
    Gs = tflib.load_generator(PUBLISHED)
    images = drawing.run(Gs, drawing.latents_of(Gs, [1, 2]), None, truncation_psi=0.7, noise_seed=3)
    assert images.shape == (2, 32, 32, 3) and images.std() > 1
