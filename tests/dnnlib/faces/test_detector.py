import hashlib
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from PIL import Image

from dnnlib.faces.crop import choose_face, crop_box, cut_out
from dnnlib.faces.detector import FaceDetector
from prefilter.images import decode

ROOT = str(pathlib.Path(__file__).parents[3])


def photograph(bundled, name):
    return decode((bundled / name).read_bytes())


def test_the_references_box_crop_and_pixels(detector, bundled):
    pixels = photograph(bundled, 'camera.png')
    faces = detector.detect(pixels)
    assert faces.shape == (1, 5) and faces.dtype == np.float64
    box = [198.27571879327297, 117.67606236040592, 253.46596556901932, 193.73959670960903]
    np.testing.assert_allclose(faces[0, :4], box, atol=1e-3)
    assert faces[0, 4] == pytest.approx(0.9992254972457886, abs=1e-6)
    assert choose_face(faces, 512, 512) == 0
    crop = crop_box(faces[0], 512, 512, 50)
    assert crop == [173, 92, 278, 218]
    sha256 = hashlib.sha256(cut_out(pixels, crop, 256).tobytes()).hexdigest()
    assert sha256 == 'cf5c0901bfa6073c595b5ceac929df6447a958eb1e1e13976fad76125610186c'


@pytest.mark.parametrize('name', ['chelsea.png', 'coins.png', 'moon.png', 'rocket.jpg'])
def test_the_references_refusals(detector, bundled, name):
    assert detector.detect(photograph(bundled, name)).shape == (0, 5)


def test_colour_order_is_rgb(detector, bundled):
    faces = detector.detect(photograph(bundled, 'astronaut.png'))
    assert len(faces) == 1
    np.testing.assert_allclose(faces[0, :4], [179, 60, 268, 173], atol=2)
    assert faces[0, 4] > 0.9999


def test_a_batch_has_a_result_for_each_image(detector, bundled):
    names = ['chelsea.png', 'camera.png', 'coins.png', 'astronaut.png']
    images = [photograph(bundled, name) for name in names]
    results = detector.detect_batch(images)
    assert [len(faces) for faces in results] == [0, 1, 0, 1]
    for image, faces in zip(images, results):
        np.testing.assert_allclose(faces, detector.detect(image), rtol=0, atol=1e-3)


def test_counts_more_images_than_it_takes_at_once(detector, scenes):
    images = np.stack(scenes * 5 + [np.zeros_like(scenes[0])] * 3)
    assert detector.count_faces(images) == 5 * detector.count_faces(np.stack(scenes)) > 0


@pytest.mark.parametrize('shape', [(1, 1), (5, 5), (11, 300), (200, 5), (12, 12), (20, 4000)])
def test_tiny_and_odd_shapes_have_no_face(detector, shape):
    for value in (0, 255):
        assert len(detector.detect(np.full([*shape, 3], value, np.uint8))) == 0


def test_counts_images_with_a_face_small_ones_enlarged(detector, bundled):
    face = Image.fromarray(photograph(bundled, 'astronaut.png')).crop((150, 0, 300, 200)).resize((18, 18), Image.BOX)
    images = np.stack([np.asarray(face), np.zeros([18, 18, 3], np.uint8), np.asarray(face)])
    assert detector.count_faces(images) == 2
    assert len(detector.detect(images[0])) == 0  # too small as they are


def test_the_count_is_that_of_the_crop_at_any_size(detector, bundled, monkeypatch):
    seen = []

    def detect_batch(images):
        seen.extend(images)
        return [np.empty([0, 5])] * len(images)

    monkeypatch.setattr(detector, 'detect_batch', detect_batch)
    face = Image.fromarray(photograph(bundled, 'astronaut.png')).crop((150, 0, 300, 150))
    for side in (32, 63, 64, 65, 256):
        detector.count_faces(np.asarray(face.resize((side, side), Image.BICUBIC))[np.newaxis])
    assert {image.shape for image in seen} == {(128, 128, 3)}  # 64 px, framed by 32
    for image in seen:
        assert (image[:32] == 128).all() and (image[:, 96:] == 128).all()
        assert np.abs(image.astype(int) - seen[-1])[32:96, 32:96].mean() < 10  # 32 px lack detail
    detector.count_faces(np.zeros([1, 32, 48, 3], np.uint8))
    assert seen[-1].shape == (128, 160, 3)


@pytest.mark.parametrize('device', ['cpu', 'gpu'])
def test_leaves_the_callers_graph_and_session_alone(device, bundled):
    detector = FaceDetector(device)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        value = tf.constant(7)
        operations = len(graph.get_operations())
        detector.detect(photograph(bundled, 'chelsea.png'))
        assert tf.get_default_graph() is graph and tf.get_default_session() is session
        assert len(graph.get_operations()) == operations
        assert session.run(value) == 7


def test_says_nothing():
    code = (
        'import numpy; from dnnlib.faces.detector import FaceDetector;'
        'FaceDetector().detect(numpy.zeros([50, 50, 3], numpy.uint8))'
    )
    run = subprocess.run([sys.executable, '-c', code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT)
    assert (run.returncode, run.stdout) == (0, b'')


@pytest.mark.slow
def test_a_large_photograph_takes_little_more_memory_than_its_pixels():
    """Computed whole, the first level alone takes P-Net more than 300 MB."""
    code = (
        'import numpy, resource, skimage.data; from PIL import Image; from dnnlib.faces.detector import FaceDetector;'
        'image = numpy.asarray(Image.fromarray(skimage.data.astronaut()).resize((3000, 2400)));'
        'detector = FaceDetector("cpu"); detector.detect(image[:500, :500].copy());'
        'peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;'
        'before = peak(); print(len(detector.detect(image)), (peak() - before) // 1024)'
    )
    run = subprocess.run([sys.executable, '-c', code], stdout=subprocess.PIPE, cwd=ROOT, check=True)
    faces, grown = map(int, run.stdout.split())
    assert faces >= 1 and grown < 100  # MB; the pixels of the first level take 8
