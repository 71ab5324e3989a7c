"""The image grids of a run, small enough for a page: of long runs a few, evenly chosen, as JPEG."""

import os
from typing import NamedTuple

import PIL.Image

from dnnlib.pages.html_page import jpeg

MOST = 60  # grids that are chosen, beside the last and those that are asked for
LONGEST_SIDE = 1280  # px
LARGEST = 200000  # bytes of a picture; with `MOST` this bounds the page
QUALITIES = (88, 80, 70)  # that are tried before the picture is made smaller


class GridPicture(NamedTuple):
    """One grid for a page."""

    data: bytes  # a JPEG of at most `LARGEST` bytes
    width: int  # px
    height: int  # px


def choose(kimgs, wanted=(), most=MOST):
    """Which grids to show: the first of each of at most `most` equal spans of training, the last, and the wanted ones.

    The spans are 1, 2, 4, ... kimg long. So what is chosen of a longer run is, but for the last, among what was chosen
    before and what is new.

    Args:
        kimgs: Increasing list of the ints there are.
        wanted: Of these, what is to be shown in any case.
        most: Number of spans.

    Returns:
        Increasing list.
    """
    span = 1
    while True:
        firsts = {}
        for kimg in kimgs:
            firsts.setdefault(kimg // span, kimg)
        if len(firsts) <= most:
            return sorted({*firsts.values(), *kimgs[-1:], *(set(wanted) & set(kimgs))})
        span *= 2


class GridPictures:
    """Makes the pictures of a run's grids, and keeps those of the last time.

    Args:
        run_dir: Folder of the run.
    """

    def __init__(self, run_dir):
        self._run_dir = run_dir
        self._kept = {}

    def get(self, names, progress=iter):
        """The pictures of some grids.

        Args:
            names: Their file names.
            progress: Function from the list of names to an iterator over it, such as `tqdm`.

        Returns:
            Dict of name to `GridPicture`, or to why there is none.
        """
        self._kept = {key: self._kept.get(key) or self._make(key[0]) for key in map(self._key, progress(names))}
        return {key[0]: picture for key, picture in self._kept.items()}

    def _key(self, name):
        try:
            status = os.stat(os.path.join(self._run_dir, name))
        except OSError:
            return name, None, None
        return name, status.st_mtime_ns, status.st_size

    def _make(self, name):
        try:
            with PIL.Image.open(os.path.join(self._run_dir, name)) as image:
                return _shrunk(image if image.mode in ('L', 'RGB') else image.convert('RGB'))
        except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
            return getattr(error, 'strerror', None) or 'it is damaged or too large'


def _shrunk(image):
    factor = min(1, LONGEST_SIDE / max(image.size))
    # Of small images each pixel counts, in its own colour.
    options = {'subsampling': 0} if factor == 1 else {}
    while True:
        size = tuple(max(round(side * factor), 1) for side in image.size)
        small = image.resize(size, PIL.Image.LANCZOS) if size != image.size else image
        for quality in QUALITIES:
            data = jpeg(small, quality=quality, **options)
            if len(data) <= LARGEST:
                return GridPicture(data, *size)
        factor *= min(0.95 * (LARGEST / len(data)) ** 0.5, 0.9)
