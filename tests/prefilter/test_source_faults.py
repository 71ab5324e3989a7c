"""The disk with the photographs goes away, or fails: the run stops, keeps what is finished, and goes on later."""

import base64
import errno
import os
import pickle

import numpy as np
import pytest
from shelves import files_of, run, shelf

from dnnlib.errors import UserError
from dnnlib.records.tfrecords import MultiResolutionWriter
from prefilter.sources import faults, open_source
from prefilter.sources.aligned import Hdf5Reader
from tests.pictures import make_archive, picture, write_files

MANY = [f'{number:03d}.png' for number in range(200)]  # three shards and a part of one

pytestmark = pytest.mark.usefixtures('charts_drawn_once')


class Failing:
    """A reader whose disk fails from some read on, or for some reads only."""

    def __init__(self, reader, fails, number=errno.EIO):
        self._reader, self._fails, self._number = reader, fails, number
        self.forward_only = reader.forward_only
        self.reads = 0

    def read(self, entry):
        self.reads += 1
        if self._fails(self.reads):
            raise OSError(self._number, os.strerror(self._number))
        return self._reader.read(entry)


def failing(fails, number=errno.EIO, forward_only=False):
    source = shelf(MANY, forward_only=forward_only)
    source.reader = Failing(source.reader, fails, number)
    return source


@pytest.mark.parametrize('forward_only', [False, True])
@pytest.mark.parametrize('number', [errno.EIO, errno.ENOTCONN, errno.ESTALE])
@pytest.mark.slow
def test_a_disk_that_fails_ends_the_run_and_loses_nothing(tmp_path, number, forward_only):
    run(shelf(MANY), tmp_path / 'whole')
    with pytest.raises(UserError) as error:
        run(failing(lambda reads: reads > 126, number, forward_only), tmp_path / 'set')
    assert error.value.message == (
        f'SOURCE cannot be read any more ({os.strerror(number)}): connect its disk again, or check that. '
        'What is finished is kept; the same command goes on from there.'
    )
    # The second shard was finished, but the disk failed at its last two images.
    assert len(list((tmp_path / '.set.unfinished/parts').iterdir())) == 1
    result = run(shelf(MANY, forward_only=forward_only), tmp_path / 'set')
    assert result['examined'] == 200 - 64 and 'unreadable' not in result['reasons']
    for name, data in files_of(tmp_path / 'whole').items():
        if name.endswith(('.tfrecords', '.jsonl')):
            assert (tmp_path / 'set' / name.replace('whole', 'set')).read_bytes() == data


def test_single_failures_are_of_their_images(tmp_path):
    result = run(failing(lambda reads: reads % 8 != 0 and reads < 100), tmp_path / 'set')
    assert result['reasons']['unreadable'] == 87


def test_failures_that_are_not_of_the_machine_are_of_their_images(tmp_path):
    result = run(failing(lambda reads: reads > 100, errno.EACCES), tmp_path / 'set')
    assert result['reasons']['unreadable'] == 100


def test_a_folder_that_goes_away_is_not_a_fault_of_each_image(tmp_path):
    write_files(tmp_path / 'photos', {f'{person}/{number}.png': picture(1) for person in 'abc' for number in range(9)})
    source = open_source(str(tmp_path / 'photos'))
    reader = pickle.loads(pickle.dumps(source.reader))  # as another process has it
    (tmp_path / 'photos/a/0.png').unlink()
    with pytest.raises(OSError, match='No such file'):
        reader.read('a/0.png')
    (tmp_path / 'photos').rename(tmp_path / 'elsewhere')
    for _ in range(2):
        with pytest.raises(UserError, match=r'photos cannot be read any more \(No such file or directory\)'):
            reader.read('b/0.png')
        (tmp_path / 'photos').mkdir(exist_ok=True)  # the empty folder where a disk was mounted
    (tmp_path / 'photos').rmdir()
    (tmp_path / 'elsewhere').rename(tmp_path / 'photos')
    assert reader.read('b/0.png') == picture(1)


def test_photographs_of_a_list_that_go_away(tmp_path):
    write_files(tmp_path, {'list.csv': 'path\ndisk/1.png\ndisk/2.png\ngone/3.png\n'})
    write_files(tmp_path / 'disk', {'1.png': picture(1), '2.png': picture(2)})
    source = open_source(str(tmp_path / 'list.csv'))
    assert source.read(0) == picture(1)
    with pytest.raises(OSError, match='No such file'):
        source.read(2)
    (tmp_path / 'disk').rename(tmp_path / 'elsewhere')
    with pytest.raises(UserError, match='cannot be read any more'):
        source.read(1)


@pytest.mark.parametrize('ending', ['.zip', '.tar', '.tgz', '.tsv', '.tfrecords'])
def test_a_file_that_goes_away_is_not_a_fault_of_each_image(tmp_path, ending):
    path = tmp_path / ('set' + ending)
    if ending == '.tsv':
        path.write_text('m.012\tq\t1\tu\tp\t' + base64.b64encode(picture(1)).decode() + '\n')
    elif ending == '.tfrecords':
        with MultiResolutionWriter(str(tmp_path), 'set') as writer:
            writer.add(np.zeros([3, 4, 4], np.uint8))
        (tmp_path / 'set-r02.tfrecords').rename(path)
    else:
        make_archive(path, {'a.png': picture(1)}, {'.tgz': 'w:gz', '.tar': 'w'}.get(ending))
    source = open_source(str(path))
    reader = pickle.loads(pickle.dumps(source.reader))  # as a process that has not opened it yet
    path.unlink()
    with pytest.raises(UserError, match=f'set{ending} cannot be read'):
        reader.read(source.entry(0))


def test_errors_of_hdf5_carry_the_number_of_the_disk(tmp_path, monkeypatch):
    class Broken:
        def __getitem__(self, row):
            raise OSError(
                "Can't read data (file read failed: time = Sun, errno = 5, error message = 'Input/output error')"
            )

    reader = Hdf5Reader(str(tmp_path / 'set.h5'), 'data8x8')
    monkeypatch.setattr(reader._file, 'get', lambda: {'data8x8': Broken()})
    with pytest.raises(OSError, match='Input/output error') as error:
        reader.read((0,))
    assert error.value.errno == errno.EIO


def test_what_the_machine_causes_is_known_by_its_words():
    assert os.strerror(errno.EIO) in faults.WORDS and os.strerror(errno.ENOENT) not in faults.WORDS
