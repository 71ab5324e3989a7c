"""Labels of figures: of the dataset, the same for the same latents."""

import types

import numpy as np
import pytest

from dnnlib.records.labels import Labels
from dnnlib.records.tfrecords import write_labels
from metrics.figures.classes import draw_classes, rows_of_labels
from metrics.figures.interpolation import interpolation_frames
from metrics.figures.labels import LabelledNetwork, with_labels
from tests.toy_run import make_dataset


class Recorder:
    """A generator with labels of three numbers that keeps what it is given."""

    input_shape, input_shapes, output_shape, components = [None, 2], [[None, 2], [None, 3]], [None, 3, 8, 8], {}

    def __init__(self):
        self.calls = []

    def run(self, latents, labels, **kwargs):
        self.calls.append((latents, labels))
        return np.zeros([len(latents), 8, 8, 3], np.uint8)


@pytest.fixture
def data(tmp_path):
    folder = make_dataset(str(tmp_path / 'toy'))
    write_labels(folder, 'toy', np.eye(3)[np.arange(12) % 3])
    return folder


def test_equal_latents_have_one_label_of_the_dataset_whatever_the_minibatch(data):
    Gs, remark = with_labels(Recorder(), data)
    assert remark == f'The network takes labels: each image has the label of an image of {data}.'
    latents = np.random.RandomState(1).randn(50, 2)
    Gs.run(latents)
    Gs.run(latents[7:9], None)
    Gs.run(latents[:1], np.ones([1, 3]))
    (_, whole), (_, part), (_, given) = Gs.calls
    assert np.array_equal(whole[7:9], part) and np.all(given == 1)
    assert whole.shape == (50, 3) and np.all(whole.sum(axis=1) == 1) and np.all(whole.sum(axis=0) > 5)


def test_the_mapping_gets_the_same_labels(data):
    network = Recorder()
    network.components = {'mapping': Recorder(), 'synthesis': types.SimpleNamespace()}
    Gs, _ = with_labels(network, data)
    latents = np.random.RandomState(1).randn(9, 2)
    Gs.run(latents, None)
    Gs.components.mapping.run(latents, None)
    np.testing.assert_array_equal(Gs.calls[0][1], Gs.components.mapping.calls[0][1])
    assert Gs.components.synthesis is network.components['synthesis']


def test_a_film_keeps_its_labels_from_frame_to_frame(data):
    Gs, _ = with_labels(Recorder(), data)
    latents = np.random.RandomState(1).randn(40, 4, 2)
    assert len(list(interpolation_frames(Gs, latents, (2, 2)))) == 40
    labels = np.concatenate([labels for _, labels in Gs.calls]).reshape(40, 4, 3)
    assert np.all(labels == Gs.labels_of(latents[0]))


def test_without_labels_to_choose_from_zeros_are_drawn_and_said(data, tmp_path):
    for folder in (None, make_dataset(str(tmp_path / 'unlabelled' / 'toy'))):
        Gs = Recorder()
        found, remark = with_labels(Gs, folder)
        assert found is Gs and 'labels of 3 numbers, and figures have zeros' in remark and '--data' in remark
    plain = Recorder()
    plain.input_shapes = [[None, 2], [None, 0]]
    assert with_labels(plain, data) == (plain, None)
    assert not isinstance(with_labels(plain, data)[0], LabelledNetwork)


def test_each_latent_is_drawn_under_each_class(data):
    Gs, _ = with_labels(Recorder(), data)
    assert draw_classes(Gs, seeds=(7, 8)).shape == (2 * 8, 3 * 8, 3)
    latents, labels = Gs.calls[0]
    same = np.repeat([np.random.RandomState(seed).randn(2) for seed in (7, 8)], 3, axis=0)
    assert np.array_equal(labels, np.tile(np.eye(3), [2, 1])) and np.array_equal(latents, same)


def test_numbers_change_one_at_a_time():
    figures = np.array([[-1, 0, 0.25], [1, 0, 0.5], [0, 0.5, 0.75], [0.5, 0.5, 0.5]], np.float32)
    rows = rows_of_labels(Labels(figures), 3)
    assert rows.shape == (3, 5, 3) and list(rows[0, :, 0]) == [-1, -0.5, 0, 0.5, 1]
    assert np.all(rows[0, :, 1:] == [0.25, 0.5]) and list(rows[2, :, 2]) == [0.25, 0.375, 0.5, 0.625, 0.75]
    flags = Labels(np.array([[1, 0], [1, 1], [1, 0]], np.float32))
    assert rows_of_labels(flags, 2).tolist() == [[[0, 0], [1, 0]], [[1, 0], [1, 1]]]
    assert rows_of_labels(flags, 2, (1,)).tolist() == rows_of_labels(None, 2)[:, 1:].tolist() == [[[0, 1]]]
