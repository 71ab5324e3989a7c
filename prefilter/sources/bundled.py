"""The small faces that come with scikit-image: everything can be tried without photographs of one's own."""

import functools
import io

import numpy as np
from PIL import Image

from prefilter.sources.index import Index
from prefilter.sources.source import Source

LFW_SUBSET = 'lfw-subset'
LFW_SUBSET_ENLARGEMENT = 8  # 25 px -> 200 px: MTCNN sees no face below 20 px, and enlarged ones better


def open_lfw_subset():
    """100 faces of LFW and 100 patches of its backgrounds, bundled in scikit-image as 25x25 grey, enlarged 8 times."""
    index = Index(1)
    half = len(_bundle()) // 2
    for kind, first in (('background', half), ('face', 0)):
        for number in range(half):
            index.add(f'{LFW_SUBSET}/{kind}_{number:03d}.png', first + number)
    return Source(LFW_SUBSET, index, LfwSubsetReader())


class LfwSubsetReader:
    """Entries are (place in the bundle,)."""

    def read(self, entry):
        """The image as the bytes of a 200x200 RGB PNG."""
        grey = np.rint(_bundle()[entry[0]] * 255).astype(np.uint8)
        side = grey.shape[0] * LFW_SUBSET_ENLARGEMENT
        file = io.BytesIO()
        Image.fromarray(grey).resize((side, side), Image.BICUBIC).convert('RGB').save(file, 'PNG')
        return file.getvalue()


@functools.lru_cache(maxsize=None)
def _bundle():
    from skimage.data import lfw_subset  # here: only this source needs scikit-image

    return lfw_subset()  # float [200, 25, 25] in [0, 1]: faces, then backgrounds
