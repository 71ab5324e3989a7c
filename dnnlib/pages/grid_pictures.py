"""The image grids of a run as JPEG, small enough for a page; a long run shows only some of them, evenly chosen."""

import os
from typing import Callable, Dict, Iterable, List, NamedTuple, Sequence, Union

import PIL.Image

from dnnlib.pages.html_page import jpeg

MOST = 60  # grids that are chosen, not counting the last one and the wanted ones
LONGEST_SIDE = 1280  # px
LARGEST = 200000  # bytes of a picture; with `MOST` this bounds the page
QUALITIES = (88, 80, 70)  # of JPEG, tried in this order before the picture is made smaller


class GridPicture(NamedTuple):
    """One grid for a page."""

    data: bytes  # a JPEG of at most `LARGEST` bytes
    width: int  # px
    height: int  # px


def choose(kimgs: Sequence[float], wanted: Iterable[float] = (), most: int = MOST) -> List[float]:
    """Chooses which grids to show: the first one in each of at most `most` equal spans of training, the last one, and
    the wanted ones. Up to `most` grids are all shown.

    The spans are 1, 2, 4, ... kimg long, so that older grids are dropped from the choice, but never added to it, while
    the run goes on.

    Args:
        kimgs: The times of all grids, kimg, increasing.
        wanted: Times that are chosen in any case, if there is a grid.
        most: Number of spans.

    Returns:
        The chosen times, increasing.
    """
    if len(kimgs) <= most:
        return list(kimgs)
    span = 1
    while True:
        firsts = {}
        for kimg in kimgs:
            firsts.setdefault(kimg // span, kimg)
        if len(firsts) <= most:
            return sorted({*firsts.values(), *kimgs[-1:], *(set(wanted) & set(kimgs))})
        span *= 2


class GridPictures:
    """Makes the pictures of a run's grids; a grid that has not changed since the last time keeps its picture.

    Args:
        run_dir: Folder of the run.
    """

    def __init__(self, run_dir: str) -> None:
        self._run_dir = run_dir
        self._kept = {}

    def get(
        self, names: Sequence[str], progress: Callable[[Sequence[str]], Iterable[str]] = iter
    ) -> Dict[str, Union[GridPicture, str]]:
        """The pictures of some grids.

        Args:
            names: File names of the grids.
            progress: Function from the list of names to an iterator over it, such as `dnnlib.progress.Progress`.

        Returns:
            Dict of file name to `GridPicture`, or to the reason why there is none.
        """
        shown = progress(names) if names else ()  # no bar of nothing
        self._kept = {key: self._kept.get(key) or self._make(key[0]) for key in map(self._key, shown)}
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
    # A small image is shown enlarged: each pixel keeps its own colour.
    options = {'subsampling': 0} if factor == 1 else {}
    while True:
        size = tuple(max(round(side * factor), 1) for side in image.size)
        small = image.resize(size, PIL.Image.LANCZOS) if size != image.size else image
        for quality in QUALITIES:
            data = jpeg(small, quality=quality, **options)
            if len(data) <= LARGEST:
                return GridPicture(data, *size)
        factor *= min(0.95 * (LARGEST / len(data)) ** 0.5, 0.9)
