"""The paper's Figures 1 to 4: what the pre-filter accepted and rejected, as it drew them beside the dataset."""

import json
import os
import shutil

from dnnlib.errors import UserError
from dnnlib.files import atomic_write
from dnnlib.tfrecords import ACCEPTED_FILE, MANIFEST_FILE, REJECTED_FILE


def copy_galleries(dataset_dir, out_dir):
    """Copies the galleries of a dataset.

    Args:
        dataset_dir: Folder that `python -m prefilter` made.
        out_dir: Existing folder that takes gallery-accepted.png and gallery-rejected.png.

    Returns:
        List of (path, caption), one for each gallery the dataset has; without any refused image it has only one.

    Raises:
        UserError: The folder is no such dataset, or a file cannot be read or written.
    """
    manifest = os.path.join(dataset_dir, MANIFEST_FILE)
    if not os.path.exists(manifest):
        raise UserError(f'{dataset_dir} has no {MANIFEST_FILE} and so no galleries: make it with python -m prefilter.')
    accepted = _read_decisions(manifest)
    copied = []
    for name, what, count in ((ACCEPTED_FILE, 'accepted', sum(accepted)),
                              (REJECTED_FILE, 'rejected', len(accepted) - sum(accepted))):
        source = os.path.join(dataset_dir, name)
        if not os.path.exists(source):
            if count:
                raise UserError(f'{source} is missing: make the dataset anew with python -m prefilter.')
            continue
        target = os.path.join(out_dir, f'gallery-{what}.png')
        try:
            with open(source, 'rb') as original, atomic_write(target) as copy:
                shutil.copyfileobj(original, copy)
        except OSError as error:
            raise UserError(f'{target} cannot be written: {error.strerror}.') from error
        copied.append((target, f'{count:,} of {len(accepted):,} images {what}'))
    return copied


def _read_decisions(manifest):
    try:
        with open(manifest, 'rb') as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise UserError(f'{manifest} cannot be read ({error.strerror}): mend its permissions.') from error
    decisions = []
    for number, line in enumerate(lines, 1):
        try:
            decisions.append(bool(json.loads(line.decode('utf-8'))['accepted']))
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f'{manifest} line {number} is damaged: make the dataset anew.') from error
    return decisions
