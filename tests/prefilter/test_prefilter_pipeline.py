import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from dnnlib.errors import UserError
from dnnlib.tfrecords import MultiResolutionDataset, shuffled_order
from prefilter import pipeline
from prefilter.pipeline import MANIFEST_FIELDS, examine, make_dataset


class Shelf:
    """A source in memory: each image is one colour, its red value the image's number."""

    ignored = 0

    def __init__(self, paths, refused=()):
        self.paths = sorted(paths)
        self.refused = refused

    def identity(self, place):
        return os.path.dirname(self.paths[place])

    def read(self, place):
        if self.paths[place] in self.refused:
            return b'no image'
        colour = (place, 100, 200)
        file = io.BytesIO()
        Image.new('RGB', (60, 40), colour).save(file, 'PNG')
        return file.getvalue()


class Oracle:
    """A detector that finds the same faces in every image whose red value is even."""

    def __init__(self, faces=((20, 10, 40.5, 30.5, 0.9),)):
        self.faces = np.array(faces, np.float64).reshape(-1, 5)

    def detect(self, image):
        return self.faces if image[0, 0, 0] % 2 == 0 else np.empty([0, 5])


PATHS = [f'{person}/{number:02d}.png' for person in 'cab' for number in range(10)]


def lines(folder):
    return [json.loads(line) for line in (folder / 'manifest.jsonl').read_text().splitlines()]


def test_records_stand_in_the_original_tools_order(tmp_path):
    tally = make_dataset(Shelf(PATHS), str(tmp_path / 'set'), Oracle(), 8, 10)
    assert list(tally.accepted) == list(range(0, 30, 2)) and tally.reasons == {'no-face': 15}
    with MultiResolutionDataset(tmp_path / 'set') as dataset:
        reds = [dataset.read(index)[0, 0, 0] for index in range(15)]
        assert (dataset.name, dataset.shape, dataset.labels) == ('set', [3, 8, 8], None)
    assert reds == (2 * shuffled_order(15)).tolist()


def test_records_stand_sorted_without_shuffle(tmp_path):
    make_dataset(Shelf(PATHS), str(tmp_path / 'set'), Oracle(), 8, 10, shuffle=False)
    with MultiResolutionDataset(tmp_path / 'set') as dataset:
        assert [dataset.read(index)[0, 0, 0] for index in range(15)] == list(range(0, 30, 2))


def test_manifest_has_a_line_an_image_and_knows_its_record(tmp_path):
    source = Shelf(PATHS, refused=['b/04.png'])
    make_dataset(source, str(tmp_path / 'set'), Oracle(), 8, 11)
    manifest = lines(tmp_path / 'set')
    assert [line['path'] for line in manifest] == source.paths
    assert all(list(line) == MANIFEST_FIELDS for line in manifest)
    accepted = [line for line in manifest if line['accepted']]
    assert sorted(line['index'] for line in accepted) == list(range(14))
    with MultiResolutionDataset(tmp_path / 'set') as dataset:
        for line in accepted:
            assert dataset.read(line['index'])[0, 0, 0] == source.paths.index(line['path'])
            assert (line['box'], line['crop']) == ([20, 10, 40.5, 30.5], [14, 4, 46, 36])
            assert (line['width'], line['height'], line['faces'], line['score']) == (60, 40, 1, 0.9)
            assert line['reason'] is None and len(line['sha256']) == 64
    no_face = manifest[1]
    assert (no_face['reason'], no_face['faces'], no_face['box'], no_face['index']) == ('no-face', 0, None, None)
    broken = next(line for line in manifest if line['path'] == 'b/04.png')
    assert (broken['reason'], broken['faces'], broken['width']) == ('not-an-image', None, None)
    assert len(broken['sha256']) == 64


def test_identity_labels_follow_their_records(tmp_path):
    loose = ['loose.png', 'loose2.png']
    make_dataset(Shelf([*PATHS, *loose]), str(tmp_path / 'set'), Oracle(), 8, 10, labels='identity')
    with MultiResolutionDataset(tmp_path / 'set') as dataset:
        for line in lines(tmp_path / 'set'):
            if line['accepted']:
                folder = line['path'][0] if '/' in line['path'] else ''
                assert dataset.labels[line['index']].tolist() == [float(folder == name) for name in ('', *'abc')]


def test_folders_of_one_name_are_not_one_identity(tmp_path):
    # As in the YouTube Faces database, where the videos of every person are numbered from 0.
    source = Shelf([f'{person}/{video}/{frame}.png' for person in 'ab' for video in '01' for frame in range(2)])
    make_dataset(source, str(tmp_path / 'set'), Oracle(), 8, 10, labels='identity')
    with MultiResolutionDataset(tmp_path / 'set') as dataset:
        assert dataset.labels.shape == (4, 4) and dataset.labels.sum(axis=0).tolist() == [1, 1, 1, 1]


def test_a_face_outside_the_image_is_refused():
    verdict, crop, _ = examine(Shelf(['a.png']), 0, Oracle([[80, 10, 95, 30, 0.9]]), 8, 10)
    assert crop is None
    assert (verdict['accepted'], verdict['reason'], verdict['faces']) == (False, 'empty-crop', 1)


def test_an_image_that_exhausts_memory_is_refused(tmp_path, capsys):
    class Small(Oracle):
        def detect(self, image):
            if image[0, 0, 0] == 4:
                raise MemoryError('Unable to allocate 101. MiB')
            return super().detect(image)

    tally = make_dataset(Shelf(PATHS), str(tmp_path / 'set'), Small(), 8, 10)
    assert tally.reasons == {'no-face': 15, 'too-large': 1} and len(tally.accepted) == 14
    line = lines(tmp_path / 'set')[4]
    assert (line['accepted'], line['reason'], line['faces'], line['width']) == (False, 'too-large', None, 60)
    assert f'{PATHS[14]!r} is too-large: Unable to allocate 101. MiB' in capsys.readouterr().err
    assert 4 not in tally.showable  # its thumbnail might exhaust memory again


def test_only_the_first_unreadable_files_are_named_on_screen(tmp_path, capsys):
    paths = [f'{number:02d}.png' for number in range(40)]
    make_dataset(Shelf(paths, refused=paths[1:30]), str(tmp_path / 'set'), Oracle(), 8, 10)
    errors = capsys.readouterr().err
    assert errors.count('is not-an-image: ') == 10 and "'01.png' is not-an-image: no JPEG" in errors
    assert errors.count('further ones') == 1


@pytest.mark.parametrize('failure', [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize('place', ['examine', '_write_records', '_write_manifest', '_save_gallery'])
@pytest.mark.parametrize('existing', [False, True])
def test_never_half_written(tmp_path, monkeypatch, failure, place, existing):
    target = tmp_path / 'datasets' / 'set'
    if existing:
        make_dataset(Shelf(PATHS), str(target), Oracle(), 8, 10)
    before = {path: path.read_bytes() for path in tmp_path.rglob('*') if path.is_file()}
    calls = []
    original = getattr(pipeline, place)

    def fail_later(*args, **kwargs):
        calls.append(place)
        if len(calls) == {'examine': 20}.get(place, 1):
            raise failure('midway')
        return original(*args, **kwargs)

    monkeypatch.setattr(pipeline, place, fail_later)
    with pytest.raises(failure):
        make_dataset(Shelf(PATHS), str(target), Oracle(), 16, 10, replace=True)
    assert {path: path.read_bytes() for path in tmp_path.rglob('*') if path.is_file()} == before
    if not existing:
        assert list(tmp_path.iterdir()) == []


def test_crops_are_not_kept_in_the_dataset(tmp_path):
    make_dataset(Shelf(PATHS), str(tmp_path / 'set'), Oracle(), 8, 10)
    names = sorted(path.name for path in (tmp_path / 'set').iterdir())
    assert names == ['accepted.png', 'manifest.jsonl', 'rejected.png', 'set-r02.tfrecords', 'set-r03.tfrecords']
    assert [path.name for path in tmp_path.iterdir()] == ['set']


def test_no_face_at_all_is_a_sentence_and_leaves_nothing(tmp_path):
    with pytest.raises(UserError) as error:
        make_dataset(Shelf(PATHS), str(tmp_path / 'new' / 'set'), Oracle([[]]), 8, 10)
    assert 'None of the 30 images in SOURCE has a usable face (30 no-face)' in error.value.message
    assert list(tmp_path.iterdir()) == []
