"""The flags of `python -m synthesis prune`, and the checks of them that need no set."""

import dataclasses
from typing import Any, Optional

import click

from dnnlib.records.options import RECORD, option
from metrics.arithmetic.pruning import SEED
from synthesis.set_options import SetOptions


@dataclasses.dataclass(frozen=True)
class PruneOptions(SetOptions):
    """The options of one pruned set: the flags of the command, by the names of the command's parameters.

    The plan of an unfinished run has no option, but the images that stay: see `synthesis.prune.run`.
    """

    source: str = option()  # the set from which images are taken out
    out: str = option()
    training: Optional[str] = option()
    held_out: Optional[str] = option()  # for the audit of what remains
    unique_far: Optional[float] = option(RECORD)  # None: by the number of images; 0: look-alikes stay
    leak_far: Optional[float] = option(RECORD)  # likewise, of training images
    order: str = option(RECORD, default=SEED)
    min_score: Optional[float] = option(RECORD)
    drop: Optional[str] = option()  # the record has the removed images themselves
    embedding: str = option(default='facenet')
    embedding_settings: Any = option()
    calibration: Optional[str] = option()
    extrapolate: bool = option(RECORD, default=False)
    audit: bool = option(default=True)  # of what remains
    dry_run: bool = option(default=False)

    @property
    def compares(self) -> bool:
        """Whether faces are compared at all."""
        return self.unique_far != 0 or self.training is not None


def check_prune_options(options: PruneOptions) -> None:
    """Refuses what makes no sense for any set.

    Raises:
        click.UsageError: Names the flag and says what to do.
    """
    if options.leak_far is not None and options.training is None:
        raise click.UsageError('--leak-far is about the people of the training set: name that with --training DATASET.')
    if options.held_out is not None and (options.training is None or not options.audit):
        raise click.UsageError(
            '--held-out is for the audit of what remains, which compares these people with the training set: name that '
            'with --training DATASET, and leave out --no-audit.'
        )
    if options.calibration is not None and not options.compares and not options.audit:
        raise click.UsageError('--calibration is for comparing faces, which is switched off: leave it out.')
