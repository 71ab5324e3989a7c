"""Tells what a path is: a dataset, a training run, a file, ...; a verb that is given the wrong kind says so."""

import json
import os
from typing import Optional

from dnnlib.errors import UserError, disk_errors
from dnnlib.records.names import FIRST_ZIP, MANIFEST_FILE
from dnnlib.run_dir import (
    BEST_PICKLE,
    FINAL_PICKLE,
    METRICS_FILE,
    OPTIONS_FILE,
    SNAPSHOT_PATTERN,
    STATE_PATTERN,
    STATS_FILE,
)

DATASET, RUN = 'a dataset', 'a training run'
FILE, EMPTY, OTHER = 'a file', 'an empty folder', 'neither a dataset nor a training run'

_RUN_FILES = STATS_FILE, METRICS_FILE, BEST_PICKLE, FINAL_PICKLE
_RUN_PATTERNS = SNAPSHOT_PATTERN, STATE_PATTERN


def kind_of(path: str) -> str:
    """Which of the kinds above an existing path is, by the names of its files.

    A folder with records, .zip files in a row or a manifest is a dataset, whatever else is in it.

    Raises:
        UserError: There is no such path, or the folder cannot be read.
    """
    if os.path.lexists(path) and not os.path.isdir(path):
        return FILE
    with disk_errors('read', path, 'or name another folder'):
        names = os.listdir(path)
    if MANIFEST_FILE in names or any(name.endswith('.tfrecords') or name == FIRST_ZIP for name in names):
        return DATASET
    if any(name in _RUN_FILES or any(pattern.fullmatch(name) for pattern in _RUN_PATTERNS) for name in names):
        return RUN
    if OPTIONS_FILE in names and _are_options_of_a_run(os.path.join(path, OPTIONS_FILE)):
        return RUN
    return OTHER if names else EMPTY


def _are_options_of_a_run(path):
    """A dataset, and anybody's folder, may have an options.json too; a run's says how long the run trains."""
    try:
        with open(path, encoding='utf-8') as file:
            return 'total_kimg' in json.load(file)
    except (OSError, ValueError, TypeError, RecursionError):
        return False


def check_kind(path: str, wanted: str, hint: str, other: Optional[str] = None, other_hint: str = '') -> None:
    """Refuses a path that is not of the wanted kind; the sentence says which kind it is and what to type.

    Args:
        path: What a user gave.
        wanted: `DATASET` or `RUN`.
        hint: What to type instead; it ends the sentence.
        other: The kind for which `other_hint` fits better.
        other_hint: As `hint`.

    Raises:
        UserError: There is no such path, or it is of another kind.
    """
    kind = kind_of(path)
    if kind != wanted:
        raise UserError(f'{path} is {kind}: {other_hint if kind == other else hint}.')
