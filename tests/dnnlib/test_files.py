"""Files that appear whole or not at all."""

import os
import stat
import subprocess
import sys

import pytest

from dnnlib.files import append_line, atomic_write, keep_lines, sha256_of_file


def test_a_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / 'new.txt'
    with atomic_write(str(path), 'w') as file:
        file.write('größer')
        assert not path.exists()
    assert path.read_text(encoding='utf-8') == 'größer'
    assert os.listdir(str(tmp_path)) == ['new.txt']


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / 'old.bin'
    path.write_bytes(b'old')
    with pytest.raises(ZeroDivisionError), atomic_write(path) as file:
        file.write(b'half of the n')
        raise ZeroDivisionError
    assert path.read_bytes() == b'old'
    assert os.listdir(str(tmp_path)) == ['old.bin']


def test_an_existing_file_is_replaced(tmp_path):
    path = tmp_path / 'old.bin'
    path.write_bytes(b'a longer content')
    with atomic_write(path) as file:
        file.write(b'new')
    assert path.read_bytes() == b'new'


def test_permissions_are_those_of_any_new_file(tmp_path):
    with atomic_write(tmp_path / 'a'):
        pass
    (tmp_path / 'b').write_bytes(b'')
    assert stat.S_IMODE(os.stat(str(tmp_path / 'a')).st_mode) == stat.S_IMODE(os.stat(str(tmp_path / 'b')).st_mode)


def test_the_mask_of_the_process_is_never_changed(tmp_path, monkeypatch):
    """Another thread that makes a file meanwhile would make it writable by everyone."""
    monkeypatch.setattr(os, 'umask', lambda mask: pytest.fail('the mask belongs to all threads'))
    with atomic_write(tmp_path / 'a'):
        pass


def test_a_bare_name_is_written_to_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with atomic_write('bare') as file:
        file.write(b'x')
    assert (tmp_path / 'bare').read_bytes() == b'x'


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / 'missing' / 'file'):
        pass


def test_sha256_of_a_file(tmp_path):
    (tmp_path / 'abc').write_bytes(b'abc')
    assert sha256_of_file(tmp_path / 'abc') == 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    (tmp_path / 'long').write_bytes(b'a' * (3 << 20))
    assert sha256_of_file(tmp_path / 'long') != sha256_of_file(tmp_path / 'abc')


def test_line_that_does_not_fit_leaves_the_file_as_it_was(tmp_path):
    script = (
        'import resource, signal, sys; from dnnlib.files import append_line\n'
        'signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (12, 12))\n'
        'append_line(sys.argv[1], b"first")\ntry: append_line(sys.argv[1], b"the second")\n'
        'except OSError as error: print(error.strerror)'
    )
    path = str(tmp_path / 'lines')
    output = subprocess.run([sys.executable, '-c', script, path], stdout=subprocess.PIPE, check=True).stdout
    assert output == b'File too large\n'
    append_line(path, b'third')
    assert (tmp_path / 'lines').read_bytes() == b'first\nthird\n'


def test_signal_while_a_line_is_written_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    class Signal(BaseException):
        pass

    def interrupted(descriptor):
        raise Signal

    path = str(tmp_path / 'lines')
    append_line(path, b'first')
    with monkeypatch.context() as context, pytest.raises(Signal):
        context.setattr(os, 'fsync', interrupted)
        append_line(path, b'second')
    append_line(path, b'second')
    assert (tmp_path / 'lines').read_bytes() == b'first\nsecond\n'


def test_unwanted_and_unfinished_lines_are_dropped(tmp_path):
    path = tmp_path / 'lines'
    keep_lines(str(path))
    assert not path.exists()
    path.write_bytes(b'one\ntwo\nthree\nfou')
    keep_lines(str(path))
    assert path.read_bytes() == b'one\ntwo\nthree\n'
    keep_lines(str(path), lambda line: line != b'two')
    assert path.read_bytes() == b'one\nthree\n'
