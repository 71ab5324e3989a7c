"""`python -m synthesis directions` on a network in miniature, and sets that go along what it finds."""

import json
from unittest import mock

import numpy as np
import onnx
import PIL.Image
import pytest
import tensorflow.compat.v1 as tf
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper
from sets import files_of, make, shared

import generate_figures
from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.files import sha256_of_file
from dnnlib.records.label_names import read_label_names, write_label_names
from dnnlib.records.tfrecords import MultiResolutionDataset, MultiResolutionWriter
from metrics.arithmetic.planes import orthogonalise
from metrics.named_directions import read_directions
from synthesis import directions_verb, generate_verb
from synthesis.__main__ import main
from synthesis.attributes import PublishedScorer, open_scorer
from synthesis.directions_verb import table_of
from synthesis.given import Given
from synthesis.show import show_image
from tests.toy_run import SMALL, SMALL_G

pytestmark = pytest.mark.usefixtures('shared_networks')

FEW = '--images', '400', '--share', '0.25', '--samples', '8', '--no-cache'


BRIGHT, RED = np.eye(8)[0], 0.6 * np.eye(8)[0] + 0.8 * np.eye(8)[1]  # steps of w that change colours


class Colour:
    """Stands for a face embedding: the mean colour of an image, of length 1."""

    title = 'colour'

    @staticmethod
    def embed(images):
        colours = images.astype(np.float32).mean(axis=(2, 3)) + 1
        return colours / np.linalg.norm(colours, axis=1, keepdims=True)


def run_directions(network, *args):
    with mock.patch.object(directions_verb, 'open_embedding', lambda name, settings: Colour()):
        return CliRunner(mix_stderr=False).invoke(main, ['directions', network, *map(str, args)])


@pytest.fixture(scope='module')
def planted(tmp_path_factory, built_networks):
    """A pickle of a network whose images have one colour: brighter along BRIGHT, and redder along RED."""
    path = str(tmp_path_factory.mktemp('planted') / 'planted.pkl')
    with tf.Graph().as_default(), tf.Session():
        Gs = tflib.Network('Gs', 'training.networks_stylegan.G_style', **SMALL, **SMALL_G)
        random = np.random.RandomState(5)  # TensorFlow draws other weights in each of its versions
        for name in sorted(name for name in Gs.components.mapping.trainables if name.endswith('weight')):
            shape = Gs.components.mapping.get_var(name).shape
            Gs.components.mapping.set_var(name, 100 * random.randn(*shape))  # 1 / the factor of its learning rate
        w = Gs.components.mapping.run(np.random.RandomState(0).randn(256, 8), None)[:, 0]
        styles = np.zeros([8, 2, 8])  # W, scale and shift, feature maps
        styles[:, 1, 0], styles[:, 1, 1] = BRIGHT / (w @ BRIGHT).std(), RED / (w @ RED).std()
        offsets = np.zeros([2, 8])
        offsets[0] = -1  # the scale is 1 less than the style: only the shifts are left
        offsets[1, :2] = -(w @ styles[:, 1, :2]).mean(axis=0) / np.sqrt(8)
        colours = np.zeros([1, 1, 8, 3])
        colours[0, 0, :2] = [[1, 1, 1], [1, -1, 0]]
        for name, value in (
            ('8x8/Conv1/StyleMod/weight', styles.reshape(8, 16)),
            ('8x8/Conv1/StyleMod/bias', offsets.reshape(16)),
            ('ToRGB_lod0/weight', 2.5 * colours),
        ):
            Gs.components.synthesis.set_var(name, value)
        tflib.save_networks(path, (Gs,))
    return path


@pytest.fixture(scope='module')
def mapped(planted, built_networks):
    """w of some latents by that network, float32 [512, 8]."""
    with built_networks.in_use():
        return tflib.load_generator(planted).components.mapping.run(np.random.RandomState(1).randn(512, 8), None)[:, 0]


def labelled(folder, count=120, names=('bright', 'red', 'rare')):
    """A set of real images of one colour with little noise: bright or dark, red or green; the label `rare` is rare."""
    random = np.random.RandomState(0)
    labels = (random.rand(count, 3) < [0.5, 0.4, 0.02]).astype(np.float32)
    folder.mkdir()
    with MultiResolutionWriter(str(folder), 'faces') as writer:
        for bright, red, _ in labels:
            colour = np.array([40 + 80 * red, 120 - 80 * red, 60]) + 100 * bright
            writer.add(np.clip(colour[:, None, None] + random.randn(3, 8, 8) * 8, 0, 255).astype(np.uint8))
        writer.add_labels(labels)
    if names:
        write_label_names(str(folder), names)
    return str(folder)


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return labelled(tmp_path_factory.mktemp('labelled') / 'faces')


@pytest.fixture(scope='module')
def found(tmp_path_factory, data, planted, built_networks):
    """What the command says, and the file that it writes."""
    path = tmp_path_factory.mktemp('found') / 'directions.json'
    with built_networks.in_use():
        outcome = run_directions(planted, '--attributes', data, '--out', path, *FEW)
    assert outcome.exit_code == 0, outcome.stderr
    return outcome, str(path)


@pytest.mark.slow
def test_the_file_has_a_direction_for_each_attribute_that_enough_images_have(found, data, planted, mapped):
    outcome, path = found
    directions = read_directions(path)
    assert directions.names == ('bright', 'red') and directions.layers == range(4)
    assert directions.sha256 == sha256_of_file(planted) and directions.vectors.shape == (2, 8)
    assert 'images with the attribute rare, and needs 5; it is left out' in outcome.stderr
    assert directions.made_by['attributes'] == data and directions.made_by['images'] == 400
    for record in directions.records:
        assert record['accuracy of its classifier'] > 0.95
        assert record['accuracy'] > 0.85 and record['correlation'] > 0.5
        assert len(record['distances']) == 7 and record['distances'][0] == -3
        assert record['identity'][3] == pytest.approx(1) and max(record['identity']) <= 1 + 1e-6
    bright, red = (record['identity'] for record in directions.records)
    assert red[-1] < bright[-1] and red[-1] < 0.99  # a brighter colour is the same one, a redder colour is not
    for vector, true in zip(directions.vectors, (BRIGHT, RED)):  # they order the images as the planted ones do
        assert np.corrcoef(mapped @ vector, mapped @ true)[0, 1] > 0.7
    assert table_of(directions) in outcome.stdout and f'--figures directions --directions {path}' in outcome.stdout


@pytest.mark.slow
def test_images_become_brighter_along_the_direction_bright(found, planted, tmp_path):
    directions = read_directions(found[1])
    bright = directions.records[0]['changes of scores']['bright']
    assert bright[0] < bright[3] == 0 < bright[-1]
    outcome = CliRunner(mix_stderr=False).invoke(
        generate_figures.main,
        [planted, '--figures', 'directions', '--directions', f'{found[1]}:bright', '--out', str(tmp_path)],
    )
    assert outcome.exit_code == 0, outcome.stderr
    row = np.asarray(PIL.Image.open(str(tmp_path / 'directions.png'))).astype(float)
    assert row.shape == (8, 7 * 8, 3)  # only one of the two directions
    means = row.reshape(8, 7, 8, 3).mean(axis=(0, 2, 3))
    assert means[-1] > means[3] > means[0]


def test_a_set_goes_along_named_directions_and_its_images_are_made_again(tmp_path, monkeypatch):
    along = {'identities': 6, 'per_identity': 3, 'vary': ('directions',), 'directions': ('red',)}
    along.update(direction_layers=range(4), keep_w=True, given=Given(vectors=(tuple(RED.tolist()),)))
    make(tmp_path / 'set', **along)
    w = np.load(str(tmp_path / 'set' / 'w' / '00000.npy')).reshape(6, 3, 4, 8)
    steps = (w[:, 1:] - w[:, :1]).reshape(-1, 8)
    lengths = steps @ RED
    np.testing.assert_allclose(steps, np.outer(lengths, RED), atol=1e-5)
    assert 1 < np.abs(lengths).max() <= 3
    monkeypatch.setattr('synthesis.show.Workers', shared)
    assert show_image(str(tmp_path / 'set'), 4)[2]
    before = files_of(tmp_path / 'set')
    with pytest.raises(UserError, match='the named directions'):
        make(tmp_path / 'set', **{**along, 'given': Given(vectors=((1.0, *[0.0] * 7),))})
    assert files_of(tmp_path / 'set') == before


@pytest.mark.slow
def test_the_command_line_of_generate_takes_file_and_names(found, planted, tmp_path, monkeypatch):
    options = ['--per-identity', '3', '--vary', 'directions', '--psi', '1', '--identities', '2', '--out']

    def generate(directions, *more):
        arguments = ['generate', planted, *options, str(tmp_path / 'set'), '--directions', directions, *more]
        return CliRunner(mix_stderr=False).invoke(main, arguments)

    for directions, message in (
        (f'{found[1]}:bright,blue', "has no direction 'blue': choose from bright, red"),
        (f'{found[1]}x', 'directions.jsonx cannot be read'),
    ):
        outcome = generate(directions)
        assert outcome.exit_code == 1 and message in outcome.stderr
    with open(found[1]) as file:
        content = json.load(file)
    content['network']['sha256'] = 'cd' * 32
    other = tmp_path / 'other.json'
    other.write_text(json.dumps(content))
    assert 'directions of the network' in generate(str(other)).stderr
    assert not (tmp_path / 'set').exists()
    asked = []
    monkeypatch.setattr(
        generate_verb,
        'make_set',
        lambda network, options, processes, cluster: (
            asked.append((options, processes.given)) or {'made': 0, 'refused': 0}
        ),
    )
    generate(f'{found[1]}:red')
    generate(found[1], '--direction-layers', '1-2')
    vectors = read_directions(found[1]).vectors.tolist()
    assert [(options.directions, options.direction_layers) for options, _ in asked] == [
        (('red',), range(4)),
        (('bright', 'red'), range(1, 3)),
    ]
    assert [given.vectors for _, given in asked] == [(tuple(vectors[1]),), tuple(map(tuple, vectors))]
    assert all(Given.of_plan(json.loads(json.dumps(given.plan()))) == given for _, given in asked)


@pytest.mark.slow
def test_orthogonal_directions_share_nothing(found, data, planted, tmp_path):
    path = str(tmp_path / 'orthogonal.json')
    arguments = ['--attributes', data, '--out', path, '--names', 'red,bright', '--orthogonal', '--layers', '0-1']
    outcome = run_directions(planted, *arguments, *FEW)
    assert outcome.exit_code == 0, outcome.stderr
    directions, plain = read_directions(path), read_directions(found[1])
    assert directions.names == ('red', 'bright') and directions.layers == range(2)
    expected = orthogonalise(plain.vectors[::-1])
    assert plain.vectors[0] @ plain.vectors[1] > 0.3 and abs(expected[0] @ plain.vectors[0]) < 1e-5
    np.testing.assert_allclose(directions.vectors, expected, atol=1e-4)  # each as if it were alone, then orthogonal


@pytest.mark.slow
def test_a_file_is_replaced_only_with_force_and_only_if_it_has_directions(found, data, planted, tmp_path):
    with open(found[1], 'rb') as file:
        before = file.read()
    assert '--out' in run_directions(planted, '--attributes', data, '--out', found[1]).stderr
    other = tmp_path / 'notes.json'
    other.write_text('{}')
    outcome = run_directions(planted, '--attributes', data, '--out', other, '--force')
    assert outcome.exit_code == 1 and 'is no file of directions, so --force does not replace it' in outcome.stderr
    with open(found[1], 'rb') as file:
        assert file.read() == before
    assert other.read_text() == '{}'


def test_sets_without_labels_that_are_attributes_are_a_sentence(data, tmp_path):
    plain = labelled(tmp_path / 'plain', 12)
    (tmp_path / 'plain' / 'faces-rxx.labels').unlink()
    for text, names, message in (
        (plain, None, 'this set has no labels: make it with python -m prefilter'),
        (data, ['smile'], '--names smile: --attributes .* has bright, red, rare: choose from these'),
        (data, ['rare'], 'images with the attribute rare, and needs 5: leave rare out of --names'),
        (str(tmp_path / 'missing'), None, 'missing'),
        ('ls', ['smile'], '--names smile: --attributes ls has '),
    ):
        with pytest.raises(UserError, match=message):
            open_scorer(text, names, 0)
    many = tmp_path / 'many'
    many.mkdir()
    with MultiResolutionWriter(str(many), 'faces') as writer:
        for _ in range(12):
            writer.add(np.zeros([3, 8, 8], np.uint8))
        writer.add_labels(np.arange(0, 1200, 100))
    with pytest.raises(UserError, match='its labels have 1,101 columns.* name the attributes with --names'):
        open_scorer(str(many), None, 0)


def test_labels_without_names_have_numbers(tmp_path):
    data = labelled(tmp_path / 'unnamed', names=None)
    assert open_scorer(data, None, 0).names == ['0', '1'] and read_label_names(data) is None
    with MultiResolutionDataset(data) as dataset:
        assert dataset.labels.size == 3


def brightness_classifier(path, outputs=2):
    """Writes an ONNX file: mean brightness of an image, and its opposite."""
    weights = np.tile(np.float32([[1, -1, 0]])[:, :outputs], [3, 1])
    graph = helper.make_graph(
        [
            helper.make_node('GlobalAveragePool', ['images'], ['means']),
            helper.make_node('Flatten', ['means'], ['flat']),
            helper.make_node('MatMul', ['flat', 'weights'], ['scores']),
        ],
        'toy',
        [helper.make_tensor_value_info('images', TensorProto.FLOAT, ['batch', 3, 16, 16])],
        [helper.make_tensor_value_info('scores', TensorProto.FLOAT, ['batch', outputs])],
        [numpy_helper.from_array(weights, 'weights')],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 12)], ir_version=7), str(path))


@pytest.mark.slow
def test_a_users_own_classifier_scores_the_images(planted, mapped, tmp_path):
    classifier, path = tmp_path / 'bright.onnx', tmp_path / 'directions.json'
    brightness_classifier(classifier)
    asked = ['--attributes', classifier, '--out', path, *FEW, '--names']
    assert 'needs its settings in ' in run_directions(planted, *asked, 'light,dark').stderr
    settings = {'side': 16, 'mean': 0, 'scale': '1/255', 'alignment': 'crop 1'}
    classifier.with_suffix('.json').write_text(json.dumps(settings))
    assert 'gives 2 scores for an image, and 1 names are given' in run_directions(planted, *asked, 'light').stderr
    outcome = run_directions(planted, *asked, 'light,dark')
    assert outcome.exit_code == 0, outcome.stderr
    light, dark = read_directions(str(path)).vectors
    assert np.corrcoef(mapped @ light, mapped @ BRIGHT)[0, 1] > 0.8
    assert light @ dark < -0.9
    brightness_classifier(classifier, outputs=1)
    assert open_scorer(str(classifier), None, 0).names == ['0']


def test_published_classifiers_give_the_logarithms_of_their_odds():
    scorer = PublishedScorer(['male', 'smiling'], ['smiling'])
    probabilities = np.float32([[[0.5, 0.5], [0.8, 0.2]], [[1, 0], [0, 1]]])
    scores = scorer.scores(probabilities)
    assert scores.shape == (2, 1) and np.isfinite(scores).all()
    np.testing.assert_allclose(scores[0], np.log(4), rtol=1e-5)
    assert scores[1, 0] < -50
