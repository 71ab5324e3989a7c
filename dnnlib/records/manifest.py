"""The manifest beside a dataset: one line, a JSON object, for each photograph, in the order of the source."""

import json
import os
from typing import Any, Dict, Iterator, Union

from dnnlib.errors import UserError, disk_error
from dnnlib.folder_kinds import kind_of
from dnnlib.records.names import MANIFEST_FILE


def read_manifest(folder: Union[str, os.PathLike], what: str = 'report') -> Iterator[Dict[str, Any]]:
    """Reads the manifest of a dataset line by line, since it may have millions of them.

    Args:
        folder: The dataset's folder, which `python -m prefilter` made.
        what: What the caller makes from the manifest; the error about a missing manifest names it.

    Yields:
        Dict of one photograph, with a bool `accepted` at least.

    Raises:
        UserError: There is no manifest, it cannot be read, or a line is damaged.
    """
    path = os.path.join(folder, MANIFEST_FILE)
    try:
        with open(path, 'rb') as file:
            for number, line in enumerate(file, 1):
                yield _parse(line, path, number)
    except FileNotFoundError as error:
        raise UserError(
            f'{folder} is {kind_of(folder)} and has no {MANIFEST_FILE}, so no {what}: '
            'make a dataset with python -m prefilter, or name one.'
        ) from error
    except OSError as error:
        raise disk_error(error, 'read', path) from error


def _parse(line, path, number):
    try:
        verdict = json.loads(line.decode('utf-8'))
        if isinstance(verdict['accepted'], bool):
            return verdict
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise UserError(f'{path} line {number} is damaged: make the dataset anew.')
