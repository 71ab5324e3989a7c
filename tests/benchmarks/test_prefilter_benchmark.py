import tarfile

import numpy as np
import pytest
from PIL import Image

from benchmarks.prefilter import SIZES, at_size, bundled_photographs, in_batches, read_photographs
from dnnlib.faces.detector import FaceDetector


@pytest.mark.parametrize('width, height', SIZES)
def test_photographs_are_brought_to_the_size_with_their_faces(width, height):
    originals = list(bundled_photographs())
    images = [at_size(originals, index, width, height) for index in (0, 1)]
    assert all(image.shape == (height, width, 3) and image.dtype == np.uint8 for image in images)
    assert all(len(faces) >= 1 for faces in in_batches(FaceDetector('cpu'), images))


def test_photographs_come_from_folders_and_archives(tmp_path):
    folder = tmp_path / 'photos'
    (folder / 'below').mkdir(parents=True)
    for index in range(3):
        Image.new('RGB', (20 + index, 10)).save(str(folder / 'below' / f'{index}.png'))
    (folder / 'broken.jpg').write_bytes(b'no image')
    (folder / 'notes.txt').write_text('none either')
    with tarfile.open(str(tmp_path / 'photos.tar'), 'w') as archive:
        archive.add(str(folder), 'photos')
    for path in (folder, tmp_path / 'photos.tar'):
        assert sorted(image.shape for image in read_photographs(str(path), 9)) == [(10, 20 + i, 3) for i in range(3)]
        assert len(list(read_photographs(str(path), 2))) == 2
