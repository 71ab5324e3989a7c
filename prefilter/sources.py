"""Where photographs come from: a folder tree, or the small faces that scikit-image brings along.

A source has `paths`, the sorted names of its images (relative, with '/'); `read(path)`, the bytes of one encoded image;
and `ignored`, the number of files that are no images by their name.
"""

import io
import os

import numpy as np
from PIL import Image

from dnnlib.errors import UserError

LFW_SUBSET = 'lfw-subset'
LFW_SUBSET_ENLARGEMENT = 8  # 25 px -> 200 px: MTCNN sees no face below 20 px, and enlarged ones better

IMAGE_EXTENSIONS = frozenset(
    ['.bmp', '.gif', '.jfif', '.jp2', '.jpe', '.jpeg', '.jpg', '.pbm', '.pgm', '.png', '.pnm', '.ppm', '.tga', '.tif']
    + ['.tiff', '.webp']
)


def open_source(source, leave_out=None):
    """The source of a name that a user gave.

    Args:
        source: 'lfw-subset' or an existing folder.
        leave_out: A folder inside it that is no part of it, or None.

    Returns:
        A `LfwSubset` or `FolderTree`.
    """
    return LfwSubset() if source == LFW_SUBSET else FolderTree(source, leave_out)


class FolderTree:
    """All images in a folder and the folders below it, by extension, in any case; hidden ones (.name) are left out."""

    def __init__(self, folder, leave_out=None):
        self.folder = str(folder)
        self.paths = []
        self.ignored = 0
        self._collect(leave_out)
        self.paths.sort()

    def _collect(self, leave_out):
        seen = {os.path.realpath(leave_out)} if leave_out else set()
        for folder, below, names in os.walk(self.folder, onerror=_refuse, followlinks=True):
            real = os.path.realpath(folder)
            if real in seen:  # links may lead round in circles
                below.clear()
                continue
            seen.add(real)
            below[:] = [name for name in below if not name.startswith('.')]
            relative = os.path.relpath(folder, self.folder)
            for name in names:
                if name.startswith('.'):
                    continue
                if os.path.splitext(name)[1].lower() in IMAGE_EXTENSIONS:
                    self.paths.append(os.path.normpath(os.path.join(relative, name)).replace(os.sep, '/'))
                else:
                    self.ignored += 1

    def read(self, path):
        """The file's bytes. Raises OSError."""
        with open(os.path.join(self.folder, path), 'rb') as file:
            return file.read()


def _refuse(error):
    raise UserError(f'{error.filename} cannot be read ({error.strerror}): make it readable or move it away.')


class LfwSubset:
    """100 faces of LFW and 100 patches of its backgrounds, bundled in scikit-image as 25x25 grey, enlarged 8 times."""

    def __init__(self):
        from skimage.data import lfw_subset  # here: only this source needs scikit-image

        self._images = lfw_subset()  # float [200, 25, 25] in [0, 1]: faces, then backgrounds
        half = len(self._images) // 2
        self._places = {f'{LFW_SUBSET}/face_{index:03d}.png': index for index in range(half)}
        self._places.update({f'{LFW_SUBSET}/background_{index:03d}.png': half + index for index in range(half)})
        self.paths = sorted(self._places)
        self.ignored = 0

    def read(self, path):
        """The image as the bytes of a 200x200 RGB PNG."""
        grey = np.rint(self._images[self._places[path]] * 255).astype(np.uint8)
        side = grey.shape[0] * LFW_SUBSET_ENLARGEMENT
        file = io.BytesIO()
        Image.fromarray(grey).resize((side, side), Image.BICUBIC).convert('RGB').save(file, 'PNG')
        return file.getvalue()
