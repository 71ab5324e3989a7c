"""Which variations a study makes, and the tasks that make and embed them.

Image 0 of an identity is its base; each setting makes some variants of it. A file keeps what was found for a few
identities in one setting, so a study that was stopped goes on.
"""

import dataclasses
import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from dnnlib.errors import UserError
from dnnlib.files import atomic_write
from dnnlib.jobs.tasks import tried_again
from synthesis.draws import ImageDraw
from synthesis.options import GenerateOptions
from synthesis.variations import DIRECTIONS, FINE, NEAR, NOISE

IDENTITIES = 16  # in a task: a minibatch of bases
SHOWN = 8  # identities whose first variant is kept for the page
_opened: Dict[str, Any] = {}  # of this process: identity of an embedding -> it


class Setting(NamedTuple):
    """A way to vary, and how much.

    Attributes:
        vary: As of `GenerateOptions`.
        strength: Flag of the strength, such as 'near', and its value; None for noise, which has none.
    """

    vary: Tuple[str, ...]
    strength: Optional[Tuple[str, float]] = None

    @property
    def changes(self) -> Dict[str, Any]:
        """The options that differ from those of the base."""
        return {'vary': self.vary, **dict([self.strength] if self.strength else [])}

    @property
    def name(self) -> str:
        """'fine 0.5'."""
        return ','.join(self.vary) + (f' {self.strength[1]:g}' if self.strength else '')


SETTINGS = (
    Setting((NOISE,)),
    *(Setting((FINE,), ('fine', share)) for share in (0.25, 0.5, 0.75, 1.0)),
    *(Setting((NEAR,), ('near', sigma)) for sigma in (0.05, 0.1, 0.2, 0.4)),
    *(Setting((DIRECTIONS,), ('direction_distance', distance)) for distance in (1.0, 2.0, 3.0, 5.0)),
    Setting((NOISE, FINE), ('fine', 1.0)),  # the default of `generate`
)


def settings_for(facts) -> List[Setting]:
    """The settings that a network can do, by its `synthesis.network.NetworkFacts`."""
    able = {NOISE: facts.has_noise, FINE: facts.has_styles, DIRECTIONS: facts.has_styles, NEAR: True}
    return [setting for setting in SETTINGS if all(able[word] for word in setting.vary)]


@dataclasses.dataclass(frozen=True)
class AskFacts:
    """Asks what a network is. The state of the process is a `synthesis.job.Studio`."""

    def run(self, studio, report):
        """Returns `synthesis.network.NetworkFacts`."""
        return studio.facts

    def after_death(self, report):
        """The task to try next."""
        raise UserError('The process that opens the network dies, perhaps because memory runs out.')


@dataclasses.dataclass(frozen=True)
class EmbedVariants:
    """Makes the bases, or the variants in one setting, of some identities, embeds them, and writes a file.

    Attributes:
        path: Of the file: `vectors`, float32 [identities, variants, F], and `shown`, uint8 [n, C, H, W]. Of bases there
            is one for each identity, all are shown; of variants also `change`, float32 [identities, variants]: root of
            the mean squared difference to the base, levels.
        bases: The file of the bases; None to make that.
        start, stop: Identities `start` to before `stop`.
        options: `synthesis.options.GenerateOptions`, resolved but for the network.
        embedding: `metrics.features.embeddings.Embedding`.
        deaths: Number of processes that died with it.
    """

    path: str
    bases: Optional[str]
    start: int
    stop: int
    options: GenerateOptions
    embedding: Any
    deaths: int = 0

    def run(self, studio, report):
        """Returns the number of images. Reports nothing."""
        maker, options = studio.maker(self.options), self.options
        numbers = range(1, options.per_identity) if self.bases else range(1)
        draws = [ImageDraw(each, number, 0, 0) for each in range(self.start, self.stop) for number in numbers]
        pixels = {made.draw: made.pixels for made in maker.pixels(draws)}
        images = np.stack([pixels[draw] for draw in draws])
        shape = self.stop - self.start, len(numbers)
        vectors = _open(self.embedding).embed(images)
        found = {'vectors': vectors.reshape(*shape, -1)}
        if self.bases is None:
            found['shown'] = images
        else:
            with np.load(self.bases) as bases:
                differences = (
                    images.reshape(*shape, *images.shape[1:]).astype(np.float32) - bases['shown'][:, np.newaxis]
                )
            found['change'] = np.sqrt(np.square(differences).mean(axis=(2, 3, 4)))
            found['shown'] = images[:: len(numbers)][: max(SHOWN - self.start, 0)]
        with atomic_write(self.path) as file:
            np.savez(file, **found)
        return len(images)

    def after_death(self, report):
        """The task to try next."""
        return tried_again(self, 'makes variations')


def _open(embedding):
    """The embedding with the network that this process has open already, if it has."""
    return _opened.setdefault(embedding.identity, embedding)


def tasks_of(folder, settings, base, variants, embedding):
    """The tasks of a study: those of the bases, then those of the variants, by setting.

    Args:
        folder: Existing folder of their files.
        settings: `Setting`s.
        base: `GenerateOptions` of the bases.
        variants: Number of variants of an identity.
        embedding: As for `EmbedVariants`.

    Returns:
        (list of tasks, {setting: list of tasks}).
    """
    ranges = [(start, min(start + IDENTITIES, base.identities)) for start in range(0, base.identities, IDENTITIES)]
    bases = [
        EmbedVariants(os.path.join(folder, f'base-{start:06d}.npz'), None, start, stop, base, embedding)
        for start, stop in ranges
    ]
    of_settings = {}
    for number, setting in enumerate(settings):
        options = dataclasses.replace(base, per_identity=variants + 1, **setting.changes)
        of_settings[setting] = [
            EmbedVariants(
                os.path.join(folder, f'{number:02d}-{start:06d}.npz'), of_base.path, start, stop, options, embedding
            )
            for of_base, (start, stop) in zip(bases, ranges)
        ]
    return bases, of_settings
