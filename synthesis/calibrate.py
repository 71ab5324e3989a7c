"""Measures the thresholds of an embedding on a labelled dataset."""

import os

import numpy as np
import tabulate

from dnnlib.errors import UserError
from dnnlib.records.datasets import open_dataset
from metrics.arithmetic.calibration import FARS, LEAST_IDENTITIES, calibrate
from metrics.arithmetic.thresholds import LEAST_PAIRS, PAIRS_FOR_ONE
from metrics.features.known_thresholds import Thresholds
from metrics.features.self_check import self_check
from synthesis.audit.embeddings import embeddings_of

LARGEST = 20_000  # images: 2e8 pairs, enough to observe a FAR of 1e-7
COLOUR_IMAGES = 200  # that are embedded with red and blue swapped too


def measure_thresholds(path, embedding, run, largest, extrapolate, seed):
    """Embeds images of known people and measures thresholds on all pairs.

    Args:
        path: Of the dataset.
        embedding: `metrics.features.embeddings.Embedding`.
        run: `synthesis.generate.Processes`, and `dnnlib.jobs.beam_runner.Cluster` or None: who embeds the images.
        largest: How many images are compared at most: whole people by lot.
        extrapolate, seed: As for `metrics.arithmetic.calibration.calibrate`.

    Returns:
        `metrics.features.known_thresholds.Thresholds`, and lines that say what was measured.

    Raises:
        UserError: The dataset has no such labels, or too few people or pairs.
    """
    check = self_check(embedding)
    with open_dataset(path) as dataset:
        chosen, labels = _choose(dataset, path, largest, seed)
    with embeddings_of(path, embedding, *run) as found:
        vectors = found.vectors[chosen]
        colours = _compare_colours(found, chosen, labels, embedding)
        kind, side = 'grey' if found.dataset.shape[0] == 1 else 'colour', found.side
    measured = calibrate(vectors, labels, extrapolate, seed)
    if not measured.thresholds:
        raise UserError(
            f'{path} has {measured.nonmated:,} pairs of images of two people, too few for a threshold; add images: one '
            f'needs {PAIRS_FOR_ONE} / FAR pairs, {PAIRS_FOR_ONE / FARS[0]:,.0f} for a FAR of {FARS[0]:g}.'
        )
    name = os.path.basename(os.path.abspath(path))
    source = f'{name}, {measured.images:,} {kind} images of {measured.identities:,} people at {side} px'
    lines = [*_describe(measured, embedding, source), _describe_check(check), *colours]
    if extrapolate and all(each.is_observed for each in measured.thresholds):
        lines.append(f'Nothing is extrapolated: that needs {LEAST_PAIRS:,} pairs of two people, with different scores.')
    return Thresholds(embedding.identity, side, source, measured), lines


def _choose(dataset, path, largest, seed):
    """The places of the images, int [N], ascending, and the identity of each."""
    labels = None if dataset.labels is None else dataset.labels.classes()
    if labels is None:
        raise UserError(
            f'The labels of {path} do not say who is in each image: make it anew with python -m prefilter PHOTOGRAPHS '
            '--labels identity.'
        )
    labels = np.unique(labels, return_inverse=True)[1]
    sizes = np.bincount(labels)
    order = np.random.RandomState(seed).permutation(len(sizes))
    taken = order[np.cumsum(sizes[order]) <= largest]
    chosen = np.flatnonzero(np.isin(labels, taken))
    if len(taken) < LEAST_IDENTITIES or len(taken) == len(chosen):
        raise UserError(
            f'{path}: {len(chosen):,} images of {len(taken):,} people do not show from which score on two images show '
            f'one person: label at least {LEAST_IDENTITIES} people, and several images of some.'
        )
    return chosen, labels[chosen]


def _compare_colours(found, chosen, labels, embedding):
    """Lines that say how well people are told apart with red and blue swapped; none if that cannot be said."""
    several = np.flatnonzero(np.bincount(labels)[labels] > 1)
    several = several[np.argsort(labels[several], kind='stable')][:COLOUR_IMAGES]
    if found.dataset.shape[0] == 1 or len(several) < COLOUR_IMAGES:
        return []
    images = np.stack([found.read(place)[::-1] for place in chosen[several]])
    given = separation(found.vectors[chosen[several]], labels[several])
    other = separation(embedding.embed(images), labels[several])
    line = (
        f'With red and blue swapped, mean scores of one and of two people are {other:.2f} standard deviations apart '
        f'instead of {given:.2f}'
    )
    return [line + ('.' if other <= given else ': the network seems to want the other order of --embedding-settings.')]


def separation(vectors, labels):
    """By how many standard deviations of non-mated scores the mean of mated ones is above theirs."""
    rows, columns = np.triu_indices(len(labels), 1)
    scores, same = (vectors @ vectors.T)[rows, columns], labels[rows] == labels[columns]
    return float((scores[same].mean() - scores[~same].mean()) / scores[~same].std())


def _describe(measured, embedding, source):
    yield f'{embedding.title} on {source}.'
    yield (
        f'{measured.mated:,} pairs of images of one person, {measured.nonmated:,} of two, {measured.copies:,} of copies'
        f' left out; equal error rate {measured.eer:.2%}.'
    )
    table = [
        [
            f'{each.far:g}',
            f'{each.cosine:.3f}',
            f'{each.low:.3f} to {each.high:.3f}',
            f'{each.tar:.3f}',
            'observed' if each.is_observed else 'extrapolated',
        ]
        for each in measured.thresholds
    ]
    head = ['FAR', 'threshold', '95 % interval', 'TAR', '']
    yield from tabulate.tabulate(table, head, disable_numparse=True).splitlines()


def _describe_check(check):
    return (
        f'Self-check: two people {check.nonmated:.3f}, one person {check.mated:.3f} or more; with red and blue swapped '
        f'{check.swapped:.3f}.'
    )
