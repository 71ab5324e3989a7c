"""C, which reads labels from images: its losses, its training beside G and D, and the labels that it refuses."""

from types import SimpleNamespace

import click
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.records.labels import ATTRIBUTES, CLASSES, NUMBERS, Labels
from dnnlib.records.tfrecords import MultiResolutionWriter
from tests.steps import train
from training.auxiliary import Auxiliary
from training.dataset import TrainingSet
from training.options import TrainingOptions, resolve_options
from training.pickled_networks import check_dataset
from training.readable_labels import check_auxiliary
from training.resume import stored_options
from training.step import TrainingStep

CLASSES_OF_3 = np.eye(3, dtype=np.float32)[[0, 2, 1, 1]]
FLAGS = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 1, 0]], np.float32)
FIGURES = np.array([[0.5, -1, 1], [0, 0.25, 0], [-0.5, 1, -1], [1, 0, 0.75]], np.float32)


class FirstPixel:
    """Stands for C: its outputs are the channels of the first pixel."""

    def get_output_for(self, images):
        return images[:, :, 0, 0]


def softmax_loss(outputs, labels):
    return np.log(np.exp(outputs).sum(axis=1)) - (outputs * labels).sum(axis=1)


def sigmoid_loss(outputs, labels):
    return np.log1p(np.exp(np.where(labels > 0.5, -outputs, outputs)))


@pytest.mark.parametrize(
    'auxiliary, labels, loss_of',
    [
        ('vac', CLASSES_OF_3, softmax_loss),
        ('vac', FLAGS, sigmoid_loss),
        ('var', FIGURES, lambda outputs, labels: np.log(1 + np.abs(labels - outputs))),
    ],
)
def test_losses_are_those_of_the_papers(session, auxiliary, labels, loss_of):
    options = TrainingOptions('x', use_labels=True, auxiliary=auxiliary, auxiliary_weight=0.25)
    made = Auxiliary.__new__(Auxiliary)
    made._options, made._kind, made.replicas = options, Labels(labels).kind(), [FirstPixel()]
    of_G, of_D, reals = np.random.RandomState(3).randn(3, 4, 3, 2, 2).astype(np.float32)
    found = tflib.run(made.losses(0, *map(tf.constant, (of_G, of_D, reals)), tf.constant(labels)))
    expected = [loss_of(images[:, :, 0, 0], labels).mean() for images in (of_G, of_D, reals)]
    assert found.of_G == pytest.approx(expected[0], rel=1e-5) and made.mixed(8.0, 4.0) == 7
    assert found.of_C == pytest.approx((expected[1] + expected[2]) / 2, rel=1e-5)
    assert found.stats['C_fake_loss'] == pytest.approx(expected[1], rel=1e-5)
    assert found.stats['C_real_loss'] == pytest.approx(expected[2], rel=1e-5)
    if auxiliary == 'var':
        assert len(found.stats) == 2
        return
    read = reals[:, :, 0, 0]
    hits = read.argmax(axis=1) == labels.argmax(axis=1) if labels is CLASSES_OF_3 else (read > 0) == (labels > 0.5)
    assert found.stats['C_real_accuracy'] == pytest.approx(hits.mean())


def make_dark_and_bright(folder):
    """A dataset of 4x4 images: class 0 is dark, class 1 bright."""
    random = np.random.RandomState(1)
    numbers = np.arange(16) % 2
    with MultiResolutionWriter(str(folder), 'toy') as writer:
        for number in numbers:
            writer.add((random.randint(0, 60, [3, 4, 4]) + 190 * number).astype(np.uint8))
        writer.add_labels(np.eye(2, dtype=np.float32)[numbers])
    return str(folder)


@pytest.mark.slow
def test_C_is_trained_beside_G_and_its_state_is_kept(open_session, tmp_path):
    (tmp_path / 'toy').mkdir()
    data = make_dark_and_bright(tmp_path / 'toy')
    given = {'latent_size': 8, 'mapping_layers': 2, 'fmap_base': 32, 'fmap_max': 8, 'minibatch': 8, 'lrate': 0.01}
    given['lrate_by_resolution'] = {}
    given.update(data=data, use_labels=True, auxiliary='vac', auxiliary_weight=1.0, loss='logistic-saturating')
    options = resolve_options('paper', given, 4)
    open_session(device='cpu', seed=1000)
    with TrainingSet(data, max_label_size='full', seed=1) as reals:
        step = TrainingStep(options, reals, tflib.Replicas(tflib.replica_devices('cpu', 1)))
        begin = step.get_state()
        cur_nimg, _ = train(step, reals, options, 40)
        saved = step.get_state()
        assert {name.split('/')[0] for name in saved} >= {'G', 'D', 'Gs', 'C', 'TrainG', 'TrainD'}
        moments = [len([name for name in state if name.startswith('TrainD/')]) for state in (begin, saved)]
        assert moments == [2 * (len(step.D.trainables) + len(step._C_replicas[0].trainables)) + 2] * 2
        _, stats = train(step, reals, options, 1, cur_nimg)
        # G is rewarded by C alone: its images are of the class that it is given.
        assert stats['C_real_accuracy'] == 1 and stats['C_fake_accuracy'] == 1 and stats['G_label_loss'] < 0.3
        after = step.get_state()
        step.set_state(saved)
        train(step, reals, options, 1, cur_nimg)
        for name, value in step.get_state().items():
            np.testing.assert_array_equal(value, after[name], err_msg=name)
        assert np.any(begin['C/4x4/Conv/weight'] != after['C/4x4/Conv/weight'])
        assert not step.is_spoiled(after) and step.is_spoiled({**after, 'C/4x4/Conv/weight': np.float32(np.nan)})


@pytest.mark.parametrize(
    'array, kind',
    [(CLASSES_OF_3, CLASSES), (np.array([2, 0, 1]), CLASSES), (FLAGS, ATTRIBUTES), (FIGURES, NUMBERS)],
)
def test_kinds_of_labels(array, kind):
    assert Labels(array).kind() == kind
    assert Labels(np.array([[0], [1]])).kind() == ATTRIBUTES  # of one class and another, it says the same


@pytest.mark.parametrize(
    'auxiliary, array, sentence',
    [
        ('var', CLASSES_OF_3, 'learns numbers, and the labels of x are classes; give --auxiliary vac'),
        ('var', FLAGS, 'labels of x are attributes; give --auxiliary vac'),
        ('vac', np.float32([[1], [1]]), 'vac: all images of x have the same label'),
        ('vac', FIGURES, 'labels of x are other numbers; give --auxiliary var'),
        ('var', FIGURES * 4, 'go from -4 to 4, and must be from -1 to 1; python -m prefilter --labels numbers'),
    ],
)
def test_labels_that_C_cannot_learn_are_refused(auxiliary, array, sentence):
    options = TrainingOptions('x', use_labels=True, auxiliary=auxiliary)
    with pytest.raises(click.UsageError) as refusal:
        check_auxiliary(options, Labels(array))
    assert sentence in refusal.value.message
    options.auxiliary = None
    check_auxiliary(options, Labels(array))


@pytest.mark.parametrize(
    'given, sentence',
    [
        ({'auxiliary': 'vac'}, '--auxiliary vac: reads labels from images; give --labels too'),
        ({'auxiliary_weight': 0.1, 'use_labels': True}, '--auxiliary-weight: give --auxiliary too'),
    ],
)
def test_flags_that_contradict_are_refused(given, sentence):
    with pytest.raises(click.UsageError) as refusal:
        resolve_options('paper', {'data': 'x', **given}, 8)
    assert sentence in refusal.value.message


def test_weight_has_a_default_and_damaged_options_are_refused():
    options = resolve_options('paper', {'data': 'x', 'use_labels': True, 'auxiliary': 'var'}, 8)
    assert options.auxiliary_weight == 0.5 and resolve_options('paper', {'data': 'x'}, 8).auxiliary_weight is None
    with pytest.raises(Exception, match='auxiliary is .acgan'):
        stored_options('run', dict(vars(options), auxiliary='acgan'))


@pytest.mark.parametrize('auxiliary, kind', [(None, 'identity'), ('vac', 'identity'), ('var', 'numbers')])
def test_a_dataset_without_labels_is_refused_with_the_command_that_makes_them(auxiliary, kind):
    options = TrainingOptions('x', use_labels=True, auxiliary=auxiliary)
    with pytest.raises(click.UsageError, match=f'python -m prefilter PHOTOGRAPHS --labels {kind} --out DATASET'):
        check_dataset(options, SimpleNamespace(labels=None, shape=(3, 8, 8)))
