"""Does a variation keep the person? How near variants are to their base, by method and strength."""

import hashlib
import json
import os
import sys
import zipfile
from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np

import config
from dnnlib.errors import disk_errors
from dnnlib.jobs.workers import Workers
from dnnlib.progress import Progress
from metrics.arithmetic.identity_scores import mated_pairs
from metrics.arithmetic.pairs import exact_scores
from synthesis.audit.sameness import MOST_IMAGES
from synthesis.job import MakeImages
from synthesis.options import GenerateOptions
from synthesis.study.variants import SHOWN, AskFacts, EmbedVariants, settings_for, tasks_of

QUANTILES = (0.05, 0.5, 0.95)
FOLDER = 'variations'  # in the cache
WAY = 1  # goes up when the same network and options come to give other variants


class Scores(NamedTuple):
    """How near the two images of some pairs are.

    Attributes:
        name: Of the pairs, such as 'fine 0.5'.
        cosines: float64 [P].
        change: Mean change of a pixel, levels; None for pairs of photographs.
    """

    name: str
    cosines: np.ndarray
    change: Optional[float] = None

    def record(self, levels) -> Dict[str, Any]:
        """JSON values. `levels` are `metrics.arithmetic.calibration.Threshold`s."""
        return {
            'name': self.name,
            'pairs': len(self.cosines),
            'mean': float(self.cosines.mean()),
            'quantiles': {f'{each:g}': float(np.quantile(self.cosines, each)) for each in QUANTILES},
            'reaching': {f'{level.far:g}': float((self.cosines >= level.cosine).mean()) for level in levels},
            'change': self.change,
        }


class Found(NamedTuple):
    """What a study found.

    Attributes:
        scores: `Scores` of each setting.
        different: `Scores` of the bases of different identities, all pairs.
        bases, shown: uint8 [n, C, H, W] of the first identities: their bases, and a variant by setting, a list.
    """

    scores: List[Scores]
    different: Scores
    bases: np.ndarray
    shown: List[np.ndarray]


def study_variation(network, options: GenerateOptions, variants: int, embedding, processes) -> Found:
    """Makes bases and variants with a network and compares them. A study that was stopped goes on.

    Args:
        network: `synthesis.source.NetworkSource`.
        options: `GenerateOptions` of the bases, with a `device` and a `minibatch` that are resolved.
        variants: Number of variants of each identity in each setting.
        embedding: `metrics.features.embeddings.Embedding`.
        processes: `synthesis.generate.Processes`.

    Raises:
        UserError: The network cannot be opened, or the processes die.
        KeyboardInterrupt, SystemExit: Passed on; finished parts are kept for the next call.
    """
    folder = os.path.join(config.CACHE_DIR, FOLDER, _key(network, options, variants, embedding))
    with disk_errors('written', folder):
        os.makedirs(folder, exist_ok=True)
    work = MakeImages(network.path, network.sha256, options)
    with Workers(processes.count, work.prepare, processes.environments) as pool:
        [(_, facts)] = pool.run([AskFacts()])
        settings = settings_for(facts)
        bases, by_setting = tasks_of(folder, settings, options, variants, embedding)
        total = options.identities * (1 + variants * len(settings))
        with Progress(total=total, desc='Making variations', unit=' images', file=sys.stderr) as bar:
            # The variants are compared with the bases, so these come first.
            for tasks in (bases, [task for each in by_setting.values() for task in each]):
                _run(pool, tasks, bar, variants)
    vectors, images = (np.concatenate([_read(task, name) for task in bases]) for name in ('vectors', 'shown'))
    scores, shown = [], []
    for setting, tasks in by_setting.items():
        found = np.concatenate([_read(task, 'vectors') for task in tasks]).astype(np.float64)
        cosines = np.einsum('ivf,if->iv', found, vectors[:, 0].astype(np.float64))
        change = np.concatenate([_read(task, 'change') for task in tasks])
        scores.append(Scores(setting.name, cosines.ravel(), float(change.mean())))
        shown.append(np.concatenate([_read(task, 'shown') for task in tasks]))
    different = (vectors[:, 0].astype(np.float64) @ vectors[:, 0].T)[np.triu_indices(len(vectors), 1)]
    return Found(scores, Scores('bases of different identities', different), images[:SHOWN], shown)


def _key(network, options, variants, embedding):
    plan = {**options.plan(), '--identities': options.identities}
    text = json.dumps([WAY, network.sha256, embedding.identity, variants, plan], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _run(pool, tasks: List[EmbedVariants], bar, variants):
    missing = [task for task in tasks if not _is_made(task.path)]
    for task in tasks:
        if task not in missing:
            bar.update((task.stop - task.start) * (variants if task.bases else 1))
    for _, count in pool.run(missing):
        bar.update(count)


def _is_made(path):
    """Whether a part is there, and is no damaged file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return 'vectors' in file.files
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return False


def _read(task, name):
    with np.load(task.path, allow_pickle=False) as file:
        return file[name]


def mated_scores(vectors: np.ndarray, labels: np.ndarray, name: str) -> Scores:
    """Scores of all pairs of photographs of one person.

    Args:
        vectors: float32 [N, F], rows of length 1.
        labels: int [N]: who is in each photograph.
        name: Of the pairs.
    """
    pairs = mated_pairs(labels, MOST_IMAGES)
    return Scores(name, exact_scores(vectors, vectors, pairs[:, 0], pairs[:, 1]))
