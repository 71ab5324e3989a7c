"""What scores the attributes of generated images: labels of a set of real images, or classifiers."""

import functools
from typing import List, NamedTuple, Optional, Tuple
from zlib import crc32

import numpy as np

from dnnlib.errors import UserError
from dnnlib.random_streams import DIRECTION_FITS, seed_from
from dnnlib.records.datasets import open_dataset
from dnnlib.records.label_names import read_label_names
from metrics.arithmetic.planes import LEAST_IMAGES, fit_classifier
from metrics.features import open_extractor
from metrics.named_directions import clean_name
from metrics.readings import Reading, classifiers, feature_network

PUBLISHED = 'ls'  # the classifiers of the metric of this name
CLASSIFIERS = 'celebahq-classifier'  # prefix of their names in `config.NETWORKS`
MOST_ATTRIBUTES = 100  # without a choice by name
_SMALLEST = np.finfo(np.float32).tiny


class Scorer:
    """Scores attributes of images from the output of an extractor.

    Attributes:
        extractor: (kind, name) for `metrics.features.open_extractor`.
        names: Of the attributes.
        accuracies: Dict of name to accuracy on held-out real images; empty if nobody knows it.
        remarks: Sentences for a person.
    """

    extractor: Tuple[str, str]

    def __init__(self, names: List[str]) -> None:
        self.names, self.accuracies, self.remarks = names, {}, []  # type: List[str], Dict[str, float], List[str]

    def open_extractor(self, offline: bool):
        """Opens the extractor; nothing is downloaded if `offline`."""
        return open_extractor(*self.extractor, offline)

    def learn(self, extractor, shape, work, cache):
        """Prepares in the default session, before `scores`.

        Args:
            extractor: What `open_extractor` gave.
            shape: [C, H, W] of the images that will be scored.
            work: `metrics.generator.Work`.
            cache: `metrics.cache.StageCache`.

        Raises:
            UserError: It cannot score such images.
        """

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        """float64 [N, attributes], higher where an attribute is more certain; for outputs [N, ...] of the extractor."""
        raise NotImplementedError


class PublishedScorer(Scorer):
    """The published classifiers of CelebA's attributes.

    Args:
        all_names: Of the classifiers, in their order.
        names: Of the attributes that count; None: all.
    """

    extractor = classifiers(CLASSIFIERS)

    def __init__(self, all_names: List[str], names: Optional[List[str]]) -> None:
        super().__init__(_chosen(f'--attributes {PUBLISHED}', all_names, names))
        self._places = [all_names.index(name) for name in self.names]

    def scores(self, outputs):
        """The logarithms of the odds."""
        odds = np.log(np.maximum(outputs.astype(np.float64), _SMALLEST))
        return (odds[:, :, 0] - odds[:, :, 1])[:, self._places]


class OnnxScorer(Scorer):
    """A user's classifier, an ONNX file.

    Args:
        path: Of the file; see `metrics.features.onnx_classifier.OnnxClassifier`.
        names: Of all its outputs, in their order; None: their numbers.

    Raises:
        UserError: The file is no classifier, or has another number of outputs.
    """

    def __init__(self, path: str, names: Optional[List[str]]) -> None:
        from metrics.features.onnx_classifier import OnnxClassifier  # here: it brings TensorFlow

        self._classifier = OnnxClassifier(path)
        size = self._classifier.size
        if names is not None and len(names) != size:
            raise UserError(
                f'--names: {path} gives {size} scores for an image, and {len(names)} names are given: name each '
                'output, in their order.'
            )
        super().__init__([str(number) for number in range(size)] if names is None else names)
        self.extractor = 'onnx', path

    def open_extractor(self, offline):
        """The classifier, which is open already."""
        return self._classifier

    def scores(self, outputs):
        """The outputs."""
        return outputs.astype(np.float64)


class _Column(NamedTuple):
    name: str
    has_it: np.ndarray  # bool [images]


class LabelScorer(Scorer):
    """Linear classifiers on O-Net's features, fitted to a set of real images with labels of 0 and 1.

    Args:
        data: The set, as `train.py --data` takes it.
        names: Of the attributes that count; None: all that enough images have and lack.
        seed: Of the choice of images that are held out.

    Raises:
        UserError: There is no such set, it has no such labels, or too few images with and without an attribute.
    """

    extractor = feature_network('onet')

    def __init__(self, data: str, names: Optional[List[str]], seed: int) -> None:
        self._data, self._seed, self._fitted = data, seed, []
        with open_dataset(data) as dataset:
            self._columns, remarks = _columns(dataset, names)
        super().__init__([column.name for column in self._columns])
        self.remarks = remarks

    def learn(self, extractor, shape, work, cache):
        """Fits the classifiers; reads the images at the side of the network's, if they are larger."""
        from metrics.reals import Reals  # here: it brings TensorFlow

        channels, side, _ = shape
        with open_dataset(self._data) as dataset:
            full = dataset.resolution
            if dataset.shape[0] != channels:
                kinds = {1: 'grey', 3: 'RGB'}
                raise UserError(
                    f'The images of {self._data} are {kinds[dataset.shape[0]]} and those of the network '
                    f'{kinds.get(channels, "others")}: name a set like the training set with --attributes.'
                )
        with open_dataset(self._data, min(side, full)) as dataset:
            features = Reals(dataset, False, self._seed, cache).read(
                Reading('reals', dataset.num_images, self.extractor), extractor, work
            )
        for column in self._columns:
            seed = seed_from(self._seed, DIRECTION_FITS, crc32(column.name.encode()), 1)
            classifier = fit_classifier(features, column.has_it, seed)
            self._fitted.append(classifier)
            self.accuracies[column.name] = classifier.accuracy

    def scores(self, outputs):
        """Distances to the planes of the classifiers."""
        return np.stack([classifier.scores(outputs) for classifier in self._fitted], axis=1)


def open_scorer(text: str, names: Optional[List[str]], seed: int) -> Scorer:
    """The `Scorer` for a value of --attributes. Downloads nothing.

    Args:
        text: PUBLISHED, an ONNX file, or a set of real images with labels.
        names: Of the attributes that count; None: all. For an ONNX file, of all its outputs.
        seed: Of all that is drawn.

    Raises:
        UserError: There is no such thing; the sentence names --attributes or --names.
    """
    if text == PUBLISHED:
        return PublishedScorer(_published_names(), names)
    if text.lower().endswith('.onnx'):
        return OnnxScorer(text, names)
    return LabelScorer(text, names, seed)


@functools.lru_cache(maxsize=None)
def _published_names():
    import config

    return [name[len(CLASSIFIERS) + 1 :] for name in config.NETWORKS if name.startswith(CLASSIFIERS + '-')]


def _columns(dataset, names):
    """(list of `_Column`, sentences about those that are left out)."""
    labels, data = dataset.labels, dataset.folder
    if labels is None:
        raise UserError(
            f'--attributes {data}: this set has no labels: make it with python -m prefilter … --labels attributes, or '
            'name another one.'
        )
    there = [clean_name(name) for name in read_label_names(data) or map(str, range(labels.size))]
    if len(set(there)) != labels.size:
        there = [str(number) for number in range(labels.size)]
    if names is None and labels.size > MOST_ATTRIBUTES:
        raise UserError(
            f'--attributes {data}: its labels have {labels.size:,} columns, as those of identities have: name the '
            f'attributes with --names, as --names {there[0]},{there[1]}.'
        )
    columns, remarks = [], []
    for name in _chosen(f'--attributes {data}', there, names):
        values = _column(labels, there.index(name))
        if not np.isin(values, (0, 1)).all():
            raise UserError(
                f'--attributes {data}: the labels of {name} are not 0 and 1: choose other ones with --names.'
            )
        fewest, kind = min((int((values == 1).sum()), 'with'), (int((values == 0).sum()), 'without'))
        if fewest >= LEAST_IMAGES:
            columns.append(_Column(name, values == 1))
            continue
        sentence = f'{data} has {fewest} images {kind} the attribute {name}, and needs {LEAST_IMAGES}'
        if names is not None:
            raise UserError(f'{sentence}: leave {name} out of --names, or name a larger set with --attributes.')
        remarks.append(f'{sentence}; it is left out.')
    if not columns:
        raise UserError(f'--attributes {data}: no attribute is left. {" ".join(remarks)}')
    return columns, remarks


def _column(labels, number):
    return labels.array[:, number] if labels.numbers is None else (labels.numbers == number).astype(np.float32)


def _chosen(flag, there, names):
    if names is None:
        return list(there)
    unknown = [name for name in names if name not in there]
    if unknown:
        raise UserError(f'--names {unknown[0]}: {flag} has {", ".join(there[:MOST_ATTRIBUTES])}: choose from these.')
    return names
