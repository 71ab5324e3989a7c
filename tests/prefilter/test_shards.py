import gc
import io
import weakref

import numpy as np
import pytest
from PIL import Image

from prefilter.options import DatasetOptions
from prefilter.shards import Item, examine_shard

OPTIONS = DatasetOptions(size=16, device='cpu', max_pixels=10**6)


class Files:
    """A reader of files in memory; the entry of an image is its bytes."""

    def read(self, entry):
        if entry is None:
            raise PermissionError(13, 'Permission denied')
        return entry


class Watched:
    """Finds a face in every other image, or fails, and knows which images that it was given are still in memory."""

    def __init__(self, outcome=None):
        self._outcome, self._seen = outcome, []

    def detect_batch(self, images):
        self._seen += [weakref.ref(image) for image in images]
        if self._outcome is not None and len(images) > 1:
            raise self._outcome('for all of them')
        return [np.array([[5, 5, 20, 20, 1.0]][image[0, 0, 0] % 2 :]).reshape(-1, 5) for image in images]

    @property
    def held(self):
        return sum(image() is not None for image in self._seen), len(self._seen)


def photograph(seed):
    data = io.BytesIO()
    pixels = np.random.RandomState(seed).randint(0, 256, [30, 40, 3]).astype(np.uint8)
    Image.fromarray(pixels).save(data, 'PNG')
    return data.getvalue()


@pytest.fixture
def no_garbage_collection():
    gc.disable()
    yield
    gc.enable()


ODD = {'unreadable': None, 'empty': b'', 'text': b'no image', 'cut': photograph(0)[:-200]}


@pytest.mark.parametrize('odd', list(ODD.values()), ids=list(ODD))
@pytest.mark.parametrize('outcome', [None, MemoryError])
def test_no_image_stays_in_memory_once_it_is_refused_or_taken(odd, outcome, no_garbage_collection):
    """Not even until Python looks for cycles: a kept exception keeps all that was in use where it was raised."""
    detector = Watched(outcome)
    items = [Item(f'{number}.png', odd if number % 5 == 2 else photograph(number)) for number in range(40)]
    reasons = [result.verdict['reason'] for result in examine_shard(Files(), items, OPTIONS, detector)]
    assert len(set(reasons)) == 3 and {None, 'no-face'} < set(reasons)
    held, seen = detector.held
    assert held == 0 and seen >= 32
