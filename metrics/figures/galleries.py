"""The paper's Figures 1 to 4: galleries of accepted and rejected images, which the pre-filter drew."""

import os
import shutil

from dnnlib.errors import UserError, disk_errors
from dnnlib.files import atomic_write
from dnnlib.records.manifest import read_manifest
from dnnlib.records.names import ACCEPTED_FILE, REJECTED_FILE

_FILES = {'rejected': REJECTED_FILE, 'accepted': ACCEPTED_FILE}


def copy_galleries(dataset_dir, out_dir, which=tuple(_FILES)):
    """Copies the galleries of a dataset.

    Args:
        dataset_dir: Folder that `python -m prefilter` made.
        out_dir: Existing folder that takes gallery-rejected.png and gallery-accepted.png.
        which: 'rejected', 'accepted', or both, a tuple.

    Returns:
        List of (path, caption), one for each of `which`. path is None if there was no such image.

    Raises:
        UserError: The pre-filter did not make the folder, or a file cannot be read or written.
    """
    counts = dict.fromkeys(_FILES, 0)
    for verdict in read_manifest(dataset_dir, 'galleries'):
        counts['accepted' if verdict['accepted'] else 'rejected'] += 1
    copied = []
    for what in which:
        source = os.path.join(dataset_dir, _FILES[what])
        caption = f'{counts[what]:,} of {sum(counts.values()):,} images {what}'
        if not os.path.exists(source):
            if counts[what]:
                raise UserError(f'{source} is missing: make the dataset anew with python -m prefilter.')
            copied.append((None, caption))
            continue
        target = os.path.join(out_dir, f'gallery-{what}.png')
        with disk_errors('written', target), open(source, 'rb') as original, atomic_write(target) as copy:
            shutil.copyfileobj(original, copy)
        copied.append((target, caption))
    return copied
