"""Errors a user can act on."""

import errno
import os
import pickle

import pytest

from dnnlib.errors import DiskError, disk_errors
from dnnlib.files import atomic_write


def sentence(error, *args):
    with pytest.raises(DiskError) as caught, disk_errors(*args):
        raise error
    assert caught.value.__cause__ is error
    return caught.value.message


def test_refusal_of_the_disk_is_one_sentence():
    no_space = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    full = 'set cannot be written (No space left on device): free space'
    assert sentence(no_space, 'written', 'set') == full + '.'
    assert (
        sentence(no_space, 'written', 'set', 'or name another folder with --out')
        == full + ', or name another folder with --out.'
    )
    assert sentence(OSError('no reason at all'), 'read', 'a') == 'a cannot be read (no reason at all): check the disk.'


def test_sentence_names_the_very_file(tmp_path):
    gone, new, taken = (str(tmp_path / name) for name in ('gone', 'new', 'taken'))
    with pytest.raises(DiskError) as caught, disk_errors('read', tmp_path):
        os.listdir(gone)
    assert caught.value.message == f'{gone} cannot be read (No such file or directory): check the path.'
    os.mkdir(taken)
    with open(new, 'w', encoding='utf-8'):
        pass
    with pytest.raises(DiskError) as caught, disk_errors('written', tmp_path):
        os.rename(new, taken)
    assert caught.value.message == f'{taken} cannot be written (Is a directory): check the path.'
    with pytest.raises(DiskError, match='^7 cannot be read'), disk_errors('read', '7'):
        os.fstat(10_000)  # an error that names no file


def test_sentence_names_the_file_and_not_its_temporary_one(tmp_path):
    for path, reason in ((tmp_path / 'gone' / 'a', 'No such file or directory'), (tmp_path / 'b', 'File too large')):
        with pytest.raises(DiskError) as caught, disk_errors('written', tmp_path), atomic_write(path):
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        assert caught.value.message.startswith(f'{path} cannot be written ({reason})')


def test_other_errors_pass_and_the_sentence_can_be_sent_to_another_process():
    with pytest.raises(ZeroDivisionError), disk_errors('read', 'a'):
        raise ZeroDivisionError
    assert pickle.loads(pickle.dumps(DiskError('a sentence'))).message == 'a sentence'
