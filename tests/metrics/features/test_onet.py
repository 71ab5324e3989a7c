"""The O-Net trunk against the `mtcnn` package's own Keras model."""

import cv2
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib.faces.mtcnn_weights import read_layers
from metrics.features import onet
from tests.package_models import package_model


def images(count=5, channels=3, side=32):
    return np.random.RandomState(3).randint(0, 256, [count, channels, side, side]).astype(np.uint8)


def test_trunk_and_heads_give_what_the_package_gives(session):
    boxes, landmarks, faces = package_model('onet')(onet.prepare(images()))

    features = onet.ONet()(images())
    heads = read_layers('onet').heads
    faces_logits, box_values, landmark_values = (features @ head.kernel + head.bias for head in heads)
    np.testing.assert_allclose(box_values, boxes, atol=1e-5)
    np.testing.assert_allclose(landmark_values, landmarks, atol=1e-5)
    odds = np.exp(faces_logits - faces_logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(odds / odds.sum(axis=1, keepdims=True), faces, atol=1e-5)
    assert features.shape == (5, 256) and features.dtype == np.float32


def test_input_is_resized_as_uint8_normalised_and_has_width_before_height():
    image = images(1, side=100)
    resized = cv2.resize(image[0].transpose(1, 2, 0), (48, 48), interpolation=cv2.INTER_AREA)
    expected = (resized.astype(np.float64) - 127.5) / 128
    np.testing.assert_allclose(onet.prepare(image)[0], expected.transpose(1, 0, 2), rtol=1e-6)


def test_gray_is_rgb_with_equal_channels(session):
    network, gray = onet.ONet(), images(channels=1)
    np.testing.assert_array_equal(network(gray), network(np.repeat(gray, 3, axis=1)))


def test_knows_a_face_from_noise(session):
    data = pytest.importorskip('skimage.data')
    face = data.astronaut()[60:149, 179:268].transpose(2, 0, 1)[np.newaxis]
    head = read_layers('onet').heads[0]
    network = onet.ONet()
    face_logits, noise_logits = (network(x) @ head.kernel + head.bias for x in (face, images()))
    assert face_logits[0, 1] - face_logits[0, 0] > 3
    assert np.all(noise_logits[:, 1] - noise_logits[:, 0] < -3)


def test_builds_its_graph_once(session):
    network = onet.ONet()
    network(images())
    operations = len(tf.get_default_graph().get_operations())
    network(images(count=2, side=64))
    assert len(tf.get_default_graph().get_operations()) == operations
    assert tf.global_variables() == []
