"""The flags of `python -m synthesis audit`, and the checks of them that need no dataset."""

import dataclasses
import os
from typing import Any, Optional

import click

from dnnlib.jobs.command import ProcessingOptions
from dnnlib.records.options import option

LEAST_ROWS = 100  # of a sample; fewer say nothing


def beside(folder: str) -> str:
    """The folder for an audit of `folder` whose page is not to be given away with it."""
    return os.path.normpath(folder) + '-audit'


@dataclasses.dataclass(frozen=True)
class AuditOptions(ProcessingOptions):
    """The options of one audit: the flags of the command, by the names of the command's parameters."""

    source: str = option()  # the set that is audited
    training: Optional[str] = option()
    held_out: Optional[str] = option()
    out: Optional[str] = option()  # folder of the page and the numbers; None: the set's own
    rows: Optional[int] = option()
    calibration: Optional[str] = option()
    extrapolate: bool = option(default=False)
    embedding: Any = option(default='facenet')
    embedding_settings: Any = option()
    dry_run: bool = option(default=False)

    @property
    def folder(self) -> str:
        """Where the page and the numbers go."""
        return self.out or self.source


def check_audit_options(options: AuditOptions) -> None:
    """Refuses what makes no sense for any set.

    Raises:
        click.UsageError: Names the flag and says what to do.
    """
    if options.held_out is not None and options.training is None:
        raise click.UsageError(
            '--held-out is compared with the people of the training set: name that with --training DATASET.'
        )
    if options.rows is not None and options.rows < LEAST_ROWS:
        raise click.UsageError(f'--rows {options.rows}: give a number of {LEAST_ROWS} or more.')
    named = {'SET': options.source, '--training': options.training, '--held-out': options.held_out}
    known = {}
    for flag, path in named.items():
        if path is None:
            continue
        real = os.path.realpath(path)
        if real in known:
            raise click.UsageError(f'{flag} and {known[real]} are the same dataset, {path}: name two.')
        known[real] = flag
    if options.out is None and os.path.isfile(options.source):
        raise click.UsageError(f'SET {options.source} is a file: name a folder for the page with --out FOLDER.')
    if options.out is not None and os.path.lexists(options.out) and not os.path.isdir(options.out):
        raise click.UsageError(f'--out {options.out} is a file: name a folder.')
