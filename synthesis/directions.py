"""Finds directions in W that change named attributes of a network's images, and measures what they change."""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import dataclasses
from typing import NamedTuple, Optional, Tuple
from zlib import crc32

import numpy as np

from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.random_streams import DIRECTION_FITS, DIRECTION_SAMPLES, seed_from
from dnnlib.records.labels import Labels as Rows
from metrics.arithmetic.dlatents import move, truncate
from metrics.arithmetic.planes import fit_plane, orthogonalise
from metrics.batches import Labels, join_transforms, latents_of
from metrics.features.extractor import FeatureNetwork
from metrics.figures.drawing import TRUNCATION_CUTOFF
from metrics.generator import GeneratorReadings, identity_of
from metrics.meter import plan_work
from metrics.named_directions import NamedDirections
from metrics.readings import Reading
from metrics.sources import open_generator
from metrics.styles import check_layers
from synthesis.network import facts_of, growing_remark

STEPS = 7  # images of a sample along a direction, the sample itself in the middle


@dataclasses.dataclass(frozen=True)
class DirectionOptions:
    """How directions are found and measured."""

    images: int = 10000  # generated images whose attributes are scored
    share: float = 0.1  # of these that counts as having an attribute, and that counts as lacking it
    orthogonal: bool = False  # whether each direction leaves out what the others have
    layers: Optional[range] = None  # that the directions move; None: all
    distance: float = 3.0  # how far the samples are moved, in W
    samples: int = 32  # that are moved
    psi: float = 0.7  # truncation of the samples
    seed: int = 0
    minibatch: Optional[int] = None  # images at a time; None: by the side of the images
    device: str = 'auto'


class Needs(NamedTuple):
    """What is read from the network, as `metrics.generator.GeneratorReadings` asks a metric for it."""

    scores: Reading
    dlatents: Reading

    def readings(self):
        """All of it."""
        return tuple(self)


def find_directions(network, scorer, options, cache, embedding=None, offline=False):
    """Finds a direction for each attribute of a scorer.

    Args:
        network: `synthesis.source.NetworkSource`.
        scorer: `synthesis.attributes.Scorer`.
        options: `DirectionOptions`.
        cache: `metrics.cache.StageCache`; what was read before a run was stopped is not read again.
        embedding: Has `embed` and `title` as `metrics.features.embeddings.Embedding`; None measures no identity.
        offline: Whether nothing is downloaded.

    Returns:
        (`metrics.named_directions.NamedDirections` without a path, sentences for a person).

    Raises:
        UserError: The network has no styles, or has values that are no numbers; or an attribute cannot be found.
    """
    with open_generator(network.path, options.device) as Gs:
        facts, remarks = facts_of(Gs), list(scorer.remarks)
        layers = _check(Gs, facts, options.layers)
        remarks += growing_remark(facts)
        extractor = scorer.open_extractor(offline)
        work = plan_work(Gs, options.minibatch, None, True)
        labels = _EvenLabels(facts.label_size, options.seed)
        needs = Needs(Reading('fakes', options.images, scorer.extractor), Reading('dlatents', options.images))
        readings = GeneratorReadings(
            Gs,
            identity_of(Gs, _finite_values(Gs)),
            [needs],
            {scorer.extractor: extractor},
            (labels, labels.identity),
            options.seed,
            cache,
            work,
        )
        with work.memory_as_sentence():
            scorer.learn(extractor, Gs.output_shape[1:], work, cache)
            scores = scorer.scores(readings.read(needs.scores))
            dlatents = readings.read(needs.dlatents)
            names, planes, left_out = _fit(scorer.names, dlatents, scores, options)
            normals = np.stack([plane.normal for plane in planes])
            if options.orthogonal and len(names) > 1:
                normals = _orthogonal(names, normals)
            walks = _walks(Gs, normals, layers, scorer, extractor, embedding, labels, work, options)
        readings.finish(needs)
    spread = scores.std(axis=0)
    records = tuple(
        _record(number, planes[number], walks[number], names, scorer, spread, options) for number in range(len(names))
    )
    found = NamedDirections('', network.sha256, network.name, layers, tuple(names), normals, records)
    return found, remarks + left_out


def _check(Gs, facts, layers):
    if not facts.has_styles:
        raise UserError('This network has no styles, so it has no directions: it was made with use_styles=False.')
    layers = range(facts.num_layers) if layers is None else layers
    check_layers('--layers', layers, facts.num_layers)
    if min(layers) >= facts.grown_layers:
        raise UserError(
            f'--layers: the layers from {facts.grown_layers} on are not grown yet in this network, so they change '
            'nothing: choose lower ones.'
        )
    return layers


def _finite_values(Gs):
    values = tflib.run(Gs.vars)
    if not all(np.isfinite(value).all() for value in values.values()):
        raise UserError(
            'The network holds values that are not numbers (NaN or infinite): its training has diverged; choose an '
            'earlier snapshot.'
        )
    return values


class _EvenLabels(Labels):
    """Labels for images, each class as often as any other; or none, for a network without labels."""

    def __init__(self, size, seed):
        super().__init__(Rows(np.arange(size), size) if size else None, seed)
        self.identity = ['each class as often', size] if size else None


def _fit(names, dlatents, scores, options):
    """(names, `Plane`s, sentences about attributes without one)."""
    found, planes, left_out = [], [], []
    for number, name in enumerate(names):
        try:
            seed = seed_from(options.seed, DIRECTION_FITS, crc32(name.encode()))  # whichever others there are
            plane = fit_plane(dlatents, scores[:, number], options.share, seed)
        except ValueError as error:
            left_out.append(f'{name}: the plane {error}; it is left out.')
            continue
        found.append(name)
        planes.append(plane)
    if not found:
        raise UserError(
            f'No direction was found. {" ".join(left_out)} Give more --images or a larger --share, or another network.'
        )
    return found, planes, left_out


def _orthogonal(names, normals):
    try:
        return orthogonalise(normals)
    except ValueError as error:
        raise UserError(
            f'--orthogonal: the direction of {names[error.args[0]]} is a mixture of the others: choose fewer '
            'attributes with --names, or leave --orthogonal out.'
        ) from error


class _Walk(NamedTuple):
    """What becomes of the samples along a direction, at STEPS evenly spaced places."""

    scores: np.ndarray  # float64 [STEPS, attributes of the scorer], means over the samples
    identities: Optional[Tuple[float, ...]]  # mean cosines with the sample itself


def _walks(Gs, normals, layers, scorer, extractor, embedding, labels, work, options):
    """A `_Walk` for each direction."""
    latents = latents_of(Gs, [options.seed, DIRECTION_SAMPLES]).take(0, options.samples)
    dlatents = Gs.components.mapping.run(latents, labels.take(0, options.samples), minibatch_size=work.minibatch_size)
    samples = truncate(dlatents, Gs.get_var('dlatent_avg'), options.psi, TRUNCATION_CUTOFF)
    places = np.linspace(-options.distance, options.distance, STEPS)
    look = join_transforms((extractor.in_graph, FeatureNetwork.in_graph))
    follow = work.progress('images along directions', len(normals) * STEPS, 'step')
    steps = iter(follow((number, place) for number in range(len(normals)) for place in places))
    walks = []
    for normal in normals:
        scores, embeddings = [], []
        for _ in places:
            _, place = next(steps)
            moved = move(samples, layers, np.repeat(place * normal[np.newaxis], len(samples), axis=0))
            outputs, images = Gs.components.synthesis.run(
                moved,
                minibatch_size=work.minibatch_size,
                randomize_noise=False,
                output_transform={'func': look},
                return_as_list=True,
            )
            scores.append(scorer.scores(extractor.finish(outputs, work.num_gpus)).mean(axis=0))
            if embedding is not None:
                embeddings.append(embedding.embed(images))
        identities = None
        if embedding is not None:
            middle = embeddings[STEPS // 2]
            identities = tuple(float(np.einsum('nd,nd->n', middle, each).mean()) for each in embeddings)
        walks.append(_Walk(np.stack(scores), identities))
    for _ in steps:  # the bar ends
        pass
    return walks


def _record(number, plane, walk, names, scorer, spread, options):
    """What the file says about a direction, a dict fit for JSON."""
    places = [scorer.names.index(name) for name in names]
    changes = (walk.scores - walk.scores[STEPS // 2]) / np.where(spread > 0, spread, 1)
    accuracy = scorer.accuracies.get(names[number])
    return {
        'accuracy': plane.accuracy,
        'correlation': plane.correlation,
        **({} if accuracy is None else {'accuracy of its classifier': accuracy}),
        'distances': np.linspace(-options.distance, options.distance, STEPS).tolist(),
        'changes of scores': {scorer.names[place]: changes[:, place].tolist() for place in places},
        **({} if walk.identities is None else {'identity': list(walk.identities)}),
    }
