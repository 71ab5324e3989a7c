"""The paper's Figures 1 to 4: what the pre-filter accepted and rejected, as it drew them beside the dataset."""

import os
import shutil

from dnnlib.errors import UserError
from dnnlib.files import atomic_write
from dnnlib.manifest import read_manifest
from dnnlib.tfrecords import ACCEPTED_FILE, REJECTED_FILE


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
    total = accepted = 0
    for verdict in read_manifest(dataset_dir, 'galleries'):
        total += 1
        accepted += verdict['accepted']
    copied = []
    for name, what, count in ((ACCEPTED_FILE, 'accepted', accepted), (REJECTED_FILE, 'rejected', total - accepted)):
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
        copied.append((target, f'{count:,} of {total:,} images {what}'))
    return copied
