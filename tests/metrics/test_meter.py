"""From a generator and a dataset to a number."""

import hashlib

import click
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.records.labels import Labels as LabelsOfReals
from dnnlib.records.tfrecords import fingerprint
from metrics import batches, features, meter, registry
from metrics.arithmetic.frechet import frechet_distance, statistics
from metrics.batches import Fakes, Labels, default_minibatch_size, real_batches
from metrics.features.extractor import FeatureNetwork
from metrics.meter import Meter
from metrics.registry import FrechetDistance
from tests.toy_run import SMALL, SMALL_G, noisy_generator


class FakeDataset:
    folder, name, labels = 'datasets/toy', 'toy', None

    def __init__(self, images):
        self.images, self.num_images, self.shape, self.read_count = images, len(images), list(images.shape[1:]), 0

    def content_digest(self, count):
        return hashlib.sha256(self.images[:count].tobytes()).hexdigest()

    def read_many(self, indices, lod=0):
        self.read_count += len(indices)
        return self.images[indices]


class FakeGenerator:
    input_shape, static_kwargs, components = [None, 5], {}, {}

    def __init__(self, shape, variables=None, label_size=0):
        self.output_shape, self.vars = [None, *shape], variables or {}
        self.input_shapes = [self.input_shape, [None, label_size]]
        self.calls, self.noise_seeds = [], []

    def run(self, latents, labels, **kwargs):
        self.noise_seeds.append(tuple(tflib.run(kwargs.pop('random_seed'))))
        self.calls.append((latents, labels, kwargs))
        return [
            np.broadcast_to(
                (latents[:, :1, None, None] * 40 + 128).astype(np.uint8), [len(latents), *self.output_shape[1:]]
            )
        ]


class CornerFeatures(FeatureNetwork):
    identity = 'corner'

    def __call__(self, images, num_gpus=1):
        return images[:, 0, :2, :2].reshape(len(images), 4).astype(np.float32)


corner_features = CornerFeatures()


def generate_batches(Gs, count, minibatch_size, num_gpus, seed):
    fakes = Fakes(Gs, minibatch_size, num_gpus, seed, Labels(None, seed))
    return (images for (images,) in fakes.batches(0, count, [tflib.convert_images_to_uint8]))


def measure(meter, metric, Gs, **options):
    """The results of one metric."""
    ((_, results),) = meter.measure([metric], Gs, **options)
    if isinstance(results, UserError):
        raise results
    return results


@pytest.fixture
def toy_metric(session, monkeypatch):
    tf.no_op()  # a session refuses to run an empty graph
    metric = FrechetDistance('fd_toy', 'corner', num_fakes=30, num_reals=50)
    monkeypatch.setitem(registry.METRICS, 'fd_toy', metric)
    monkeypatch.setitem(features.FEATURE_NETWORKS, 'corner', lambda offline: corner_features)
    return metric


def random_images(count=20, side=4):
    return np.random.RandomState(4).randint(0, 256, [count, 3, side, side]).astype(np.uint8)


def make_meter(dataset, names=('fd_toy',), mirror=False, seed=7):
    return Meter(names, dataset, mirror, seed)


def test_reals_are_the_records_in_file_order_from_the_first_again_after_the_last():
    images = random_images(3)
    batches = list(real_batches(FakeDataset(images), 3, 8, 3, mirror=False, seed=0))
    np.testing.assert_array_equal(batches, [images, images])  # whole minibatches, 3 to 8 and one more


def test_mirroring_flips_about_half_of_the_reals_whole_and_repeats_with_its_seed():
    images = random_images(20)
    draw = [np.concatenate(list(real_batches(FakeDataset(images), 0, 200, 50, True, seed))) for seed in (1, 1, 2)]
    plain = np.tile(images, [10, 1, 1, 1])
    same, flipped = ((draw[0] == x).all(axis=(1, 2, 3)) for x in (plain, plain[..., ::-1]))
    assert (same ^ flipped).all() and 70 < flipped.sum() < 130
    np.testing.assert_array_equal(draw[0], draw[1])
    assert not np.array_equal(draw[0], draw[2])
    np.testing.assert_array_equal(next(real_batches(FakeDataset(images), 150, 200, 50, True, 1)), draw[0][150:])


def test_fakes_are_untruncated_with_fresh_noise_from_seeded_latents_whatever_the_minibatch(session):
    by_minibatch = []
    for minibatch_size in (4, 10):
        Gs = FakeGenerator([3, 4, 4])
        assert sum(len(batch) for batch in generate_batches(Gs, 10, minibatch_size, 2, seed=3)) in (10, 12)
        by_minibatch.append(np.concatenate([latents for latents, _, _ in Gs.calls])[:10])
        for _, labels, kwargs in Gs.calls:
            images = tf.random.normal([1, 3, 4, 4])
            (made,) = kwargs.pop('output_transform')['func'](images)
            assert labels is None and made.dtype == tf.uint8
            assert kwargs == {'num_gpus': 2, 'is_validation': True, 'randomize_noise': True, 'return_as_list': True}
    np.testing.assert_array_equal(by_minibatch[0], np.random.RandomState(3).randn(10, 5))
    np.testing.assert_array_equal(by_minibatch[0], by_minibatch[1])


def test_each_minibatch_has_noise_of_its_own_that_repeats_with_the_seed(session):
    draws = []
    for seed in (3, 3, 2**32 - 1):
        Gs = FakeGenerator([3, 4, 4])
        list(generate_batches(Gs, 10, 4, 1, seed))
        assert all(0 <= half < 2**30 for pair in Gs.noise_seeds for half in pair)
        draws.append(Gs.noise_seeds)
    assert draws[0] == draws[1] and len(set(draws[0] + draws[2])) == 6


def test_fakes_are_the_same_wherever_the_reading_begins(session):
    whole, part = (FakeGenerator([3, 4, 4]) for _ in range(2))
    list(generate_batches(whole, 24, 4, 1, seed=3))
    fakes = Fakes(part, 4, 1, 3, Labels(None, 3))
    for begin, end in ((16, 24), (4, 8)):
        list(fakes.batches(begin, end, [tflib.convert_images_to_uint8]))
    for (latents, _, _), seed, place in zip(part.calls, part.noise_seeds, (4, 5, 1)):
        np.testing.assert_array_equal(latents, whole.calls[place][0])
        assert seed == whole.noise_seeds[place]


@pytest.mark.slow
def test_gpus_that_share_a_minibatch_draw_different_noise_that_repeats(open_session, monkeypatch):
    open_session(device='cpu', cpu_replicas=2, seed=1)
    monkeypatch.setattr('dnnlib.tflib.run_graphs.session_gpus', lambda: ['/cpu:0', '/cpu:1'])
    Gs = noisy_generator(1)
    monkeypatch.setattr(batches, 'latents_of', lambda Gs, seed: EqualLatents())
    first, again = (np.concatenate(list(generate_batches(Gs, 8, 4, 2, seed=3))) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert len({image.tobytes() for image in first}) == 8


def test_a_generators_images_repeat_in_another_session_and_its_graph_is_built_once(open_session):
    drawn = []
    for graph_seed in (1, 2):
        session = open_session(device='cpu', seed=graph_seed)
        Gs = tflib.Network('Gs', 'training.networks_stylegan.G_style', **SMALL, **SMALL_G)
        values = {
            variable: np.random.RandomState(index).randn(*variable.shape.as_list())
            for index, variable in enumerate(Gs.trainables.values())
        }
        tflib.set_vars(values)
        drawn.append([np.concatenate(list(generate_batches(Gs, 12, 4, 1, seed))) for seed in (3, 4)])
        operations = len(session.graph.get_operations())
        np.testing.assert_array_equal(np.concatenate(list(generate_batches(Gs, 12, 4, 1, 3))), drawn[-1][0])
        assert len(session.graph.get_operations()) == operations
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(*drawn[0])


class EqualLatents:
    def take(self, begin, end):
        return np.ones([end - begin, 8])


def test_minibatches_of_the_same_latents_differ_by_their_noise(session, monkeypatch):
    monkeypatch.setattr(batches, 'latents_of', lambda Gs, seed: EqualLatents())
    first, second = generate_batches(noisy_generator(1), 4, 2, 1, seed=3)
    assert not np.array_equal(first, second)


def test_measures_the_distance_of_the_features_and_looks_at_the_reals_once(toy_metric):
    dataset, Gs = FakeDataset(random_images()), FakeGenerator([3, 4, 4])
    toy_meter = make_meter(dataset)
    dataset.read_count = 0
    (first,), (second,) = (measure(toy_meter, toy_metric, Gs) for _ in range(2))
    reals = np.concatenate([dataset.images, dataset.images, dataset.images[:10]])
    fakes = np.concatenate(list(generate_batches(Gs, 30, 64, 1, seed=7)))[:30]
    expected = frechet_distance(*(statistics(corner_features(images)) for images in (fakes, reals)))
    assert first.value == second.value == pytest.approx(expected, rel=1e-9) and expected > 0
    assert dataset.read_count == 64
    assert first.metric == 'fd_toy' and first.seconds >= 0
    assert first.settings == {
        'features': 'corner',
        'num_fakes': 30,
        'num_reals': 50,
        'dataset': 'toy',
        'dataset_images': 20,
        'dataset_sha256': fingerprint(dataset),
        'mirror': False,
        'seed': 7,
    }


def test_a_network_of_another_shape_is_refused_before_any_work(toy_metric):
    dataset, Gs = FakeDataset(random_images()), FakeGenerator([1, 8, 8])
    toy_meter = make_meter(dataset)
    dataset.read_count = 0
    with pytest.raises(UserError, match=r'makes images of 1x8x8 .* holds 3x4x4: .*--data'):
        measure(toy_meter, toy_metric, Gs)
    assert dataset.read_count == 0 and Gs.calls == []


def test_settings_tell_a_dataset_made_anew_under_the_same_name(toy_metric):
    images = random_images()
    before, same, after = (make_meter(FakeDataset(x)).settings(toy_metric) for x in (images, images.copy(), ~images))
    assert before == same and {name for name in before if before[name] != after[name]} == {'dataset_sha256'}


def test_a_network_that_is_not_numbers_is_refused(toy_metric, session):
    broken = tf.get_variable('weight', initializer=np.float32([1, np.nan]))
    session.run(tf.global_variables_initializer())
    with pytest.raises(UserError, match='not numbers'):
        measure(make_meter(FakeDataset(random_images())), toy_metric, FakeGenerator([3, 4, 4], {'weight': broken}))


def test_lack_of_memory_is_a_sentence(toy_metric, monkeypatch):
    class Greedy(FeatureNetwork):
        identity = 'greedy'

        def __call__(self, images, num_gpus=1):
            raise tf.errors.ResourceExhaustedError(None, None, 'OOM when allocating tensor')

    monkeypatch.setitem(features.FEATURE_NETWORKS, 'corner', lambda offline: Greedy())
    hint = 'run_metrics.py and a --minibatch below that, and train with --metrics none'
    with pytest.raises(UserError, match='memory to measure 64 images at a time: measure with ' + hint):
        measure(make_meter(FakeDataset(random_images())), toy_metric, FakeGenerator([3, 4, 4]))


def test_unknown_metrics_are_refused_with_the_known_ones():
    with pytest.raises(click.UsageError, match='--metrics fid5: choose from fd_onet5k, fd_onet5k_inf, fid50k, '):
        make_meter(FakeDataset(random_images()), names=['fd_onet5k', 'fid5'])


def test_no_metric_is_none_to_measure():
    assert make_meter(FakeDataset(random_images()), names=[]).metrics == []


def test_fid_without_its_network_says_which_file_to_put_where(monkeypatch, tmp_path):
    monkeypatch.setattr('dnnlib.download.transfer.FIRST_PAUSE', 0.01)
    monkeypatch.setenv('NO_PROXY', '127.0.0.1')
    monkeypatch.setattr('config.CACHE_DIR', str(tmp_path))
    monkeypatch.setattr(
        'config.NETWORKS',
        {
            'inception': {
                'url': 'http://127.0.0.1:9/inception',
                'file': 'inception_v3_features.pkl',
                'size': None,
                'sha256': None,
            }
        },
    )
    for offline in (False, True):
        with pytest.raises(UserError, match='inception_v3_features.pkl .* by hand'):
            Meter(['fid50k'], FakeDataset(random_images()), False, 0, offline)


@pytest.mark.parametrize('resolution, size', [(4, 64), (64, 64), (256, 16), (1024, 4), (4096, 4)])
def test_minibatches_shrink_with_resolution(resolution, size):
    assert default_minibatch_size(resolution) == size


def test_onet_distance_needs_no_download(session):
    assert features.open_extractor('features', 'onet')(random_images()).shape == (20, 256)


def test_what_is_not_a_number_is_no_result(toy_metric, monkeypatch):
    monkeypatch.setattr('metrics.arithmetic.frechet.frechet_distance', lambda a, b: float('nan'))
    with pytest.raises(UserError, match='fd_toy is not a number'):
        measure(make_meter(FakeDataset(random_images())), toy_metric, FakeGenerator([3, 4, 4]))


def test_networks_of_labels_get_those_of_the_reals_and_are_refused_without(toy_metric):
    dataset, Gs = FakeDataset(random_images()), FakeGenerator([3, 4, 4], label_size=3)
    for labels in (None, np.eye(20, dtype=np.float32)):
        dataset.labels = labels if labels is None else LabelsOfReals(labels)
        with pytest.raises(UserError, match='labels of 3 numbers, and there is no dataset with such labels: .*--data'):
            measure(make_meter(dataset), toy_metric, Gs)
    assert Gs.calls == []
    dataset.labels = LabelsOfReals(np.eye(3, dtype=np.float32)[np.arange(20) % 2])
    given = []
    for seed in (7, 7, 8):
        Gs.calls.clear()
        measure(make_meter(dataset, seed=seed), toy_metric, Gs, minibatch_size=10)
        given.append(np.concatenate([labels for _, labels, _ in Gs.calls]))
    np.testing.assert_array_equal(given[0], given[1])
    assert not np.array_equal(given[0], given[2])
    dataset.labels = LabelsOfReals(np.arange(20) % 2, size=3)  # class numbers: the same rows
    Gs.calls.clear()
    measure(make_meter(dataset, seed=7), toy_metric, Gs, minibatch_size=10)
    np.testing.assert_array_equal(np.concatenate([labels for _, labels, _ in Gs.calls]), given[0])
    assert given[0].shape == (30, 3) and 5 < given[0][:, 0].sum() < 25 and given[0][:, 2].sum() == 0


@pytest.mark.slow
def test_a_path_has_one_label_and_labels_change_it(session, monkeypatch):
    monkeypatch.setitem(registry.METRICS, 'pl', registry.PathLength('pl', 'onet', 'z', 'full', 8, 1e-2))
    Gs = tflib.Network('Gs', 'training.networks_stylegan.G_style', **SMALL, **SMALL_G, label_size=3)
    dataset, values, seen = FakeDataset(random_images(side=8)), [], []
    run = tflib.Network.run

    def noted(network, *arrays, **kwargs):
        seen.extend(arrays[1:])
        return run(network, *arrays, **kwargs)

    monkeypatch.setattr(tflib.Network, 'run', noted)
    for label in range(2):
        dataset.labels = LabelsOfReals(np.tile(np.eye(3)[label], [20, 1]))
        values.append(measure(make_meter(dataset, ['pl']), registry.METRICS['pl'], Gs)[0].value)
    assert values[0] != values[1] and all(len(labels) % 2 == 0 for labels in seen)
    dataset.labels = LabelsOfReals(np.arange(20) % 3)
    seen.clear()
    measure(make_meter(dataset, ['pl']), registry.METRICS['pl'], Gs)
    assert all((labels[0::2] == labels[1::2]).all() for labels in seen)


@pytest.mark.parametrize(
    'gpus, wanted, expected',
    [(0, None, (64, 1, 'cpu')), (0, 3, (64, 1, 'cpu')), (4, None, (256, 4, 'gpu')), (4, 2, (128, 2, 'gpu'))],
)
def test_all_gpus_of_the_session_share_larger_minibatches(monkeypatch, gpus, wanted, expected):
    monkeypatch.setattr(meter, 'session_gpus', lambda: ['/gpu'] * gpus)
    assert meter.plan_work(FakeGenerator([3, 4, 4]), None, wanted, False)[:3] == expected
