"""What was saved comes back or counts as missing; nothing that is wrong with a file is an error, or believed."""

import hashlib
import io
import json
import os
import threading

import numpy as np
import pytest

from metrics import cache as cache_module
from metrics.cache import StageCache, digest, open_cache

PLACE, KEY = ('fakes', 'abc'), {'network': 'x', 'begin': 0}


@pytest.fixture
def cache(tmp_path):
    return StageCache(str(tmp_path / 'cache'))


def values(seed=1):
    return np.random.RandomState(seed).randn(5, 3).astype(np.float32)


def only_file(cache):
    (path,) = (os.path.join(folder, name) for folder, _, names in os.walk(cache.folder) for name in names)
    return path


def test_arrays_come_back_as_they_were_by_their_key_alone(cache):
    assert cache.load(PLACE, KEY) is None and cache.size() == 0
    cache.save(PLACE, KEY, values=values(), text=np.array('ä'))
    found = cache.load(PLACE, dict(reversed(list(KEY.items()))))
    assert set(found) == {'values', 'text'} and found['values'].dtype == np.float32 and str(found['text']) == 'ä'
    np.testing.assert_array_equal(found['values'], values())
    assert cache.load(PLACE, {**KEY, 'begin': 1}) is None and cache.load(('fakes', 'abd'), KEY) is None
    assert cache.size() == os.path.getsize(only_file(cache)) > values().nbytes


def test_a_damaged_file_counts_as_missing_and_is_written_anew(cache):
    cache.save(PLACE, KEY, values=values())
    path = only_file(cache)
    with open(path, 'rb') as file:
        whole = file.read()
    for position in range(0, len(whole), 37):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        for content in (bytes(damaged), whole[:position]):
            with open(path, 'wb') as file:
                file.write(content)
            assert cache.load(PLACE, KEY) is None
    cache.save(PLACE, KEY, values=values())
    np.testing.assert_array_equal(cache.load(PLACE, KEY)['values'], values())


class Harmful:
    def __reduce__(self):
        return os.mkdir, (Harmful.folder,)


def test_a_file_with_a_pickle_inside_is_not_opened_though_its_hash_is_right(cache, tmp_path):
    cache.save(PLACE, KEY, values=values())
    Harmful.folder = str(tmp_path / 'harmed')
    content = io.BytesIO()
    np.savez(content, __key__=np.frombuffer(json.dumps([1, KEY]).encode(), np.uint8), values=np.array([Harmful()]))
    with open(only_file(cache), 'wb') as file:
        file.write(hashlib.sha256(content.getvalue()).digest() + content.getvalue())
    assert cache.load(PLACE, KEY) is None and not os.path.exists(Harmful.folder)


def test_a_file_under_the_name_of_another_counts_as_missing(cache):
    cache.save(PLACE, KEY, values=values())
    path = only_file(cache)
    cache.save(PLACE, {**KEY, 'begin': 1}, values=values(2))
    with open(path, 'rb') as file:
        content = file.read()
    other = next(name for name in os.listdir(os.path.dirname(path)) if name != os.path.basename(path))
    with open(os.path.join(os.path.dirname(path), other), 'wb') as file:
        file.write(content)
    assert cache.load(PLACE, {**KEY, 'begin': 1}) is None


def test_what_older_arithmetic_made_is_missing(cache, monkeypatch):
    cache.save(PLACE, KEY, values=values())
    monkeypatch.setattr(cache_module, 'ARITHMETIC', cache_module.ARITHMETIC + 1)
    assert cache.load(PLACE, KEY) is None


def test_where_nothing_can_be_written_a_warning_says_so_and_nothing_is_kept(tmp_path):
    (tmp_path / 'file').write_text('')
    cache = StageCache(str(tmp_path / 'file'))
    with pytest.warns(UserWarning, match='cannot be written .*--no-cache'):
        cache.save(PLACE, KEY, values=values())
    assert cache.load(PLACE, KEY) is None and cache.size() == 0


def test_a_full_disk_leaves_nothing_half_written(cache, monkeypatch):
    def refuse(descriptor):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('os.fsync', refuse)
    with pytest.warns(UserWarning, match='No space left'):
        cache.save(PLACE, KEY, values=values())
    assert cache.load(PLACE, KEY) is None and cache.size() == 0


def test_dropping_a_place_leaves_the_others_and_no_empty_folders(cache):
    for place in (PLACE, ('fakes', 'other'), ('reals', 'abc')):
        cache.save(place, KEY, values=values())
    cache.drop(PLACE)
    assert cache.load(PLACE, KEY) is None and os.listdir(os.path.join(cache.folder, 'fakes')) == ['other']
    cache.drop(('fakes', 'other'))
    assert os.listdir(cache.folder) == ['reals']
    cache.drop(('fakes', 'other'))  # is gone already
    assert cache.load(('reals', 'abc'), KEY) is not None


def test_what_a_killed_process_left_half_written_goes_with_the_next_file(cache):
    cache.save(PLACE, KEY, values=values())
    rest = os.path.join(os.path.dirname(only_file(cache)), '.x.stage.abc.part')
    with open(rest, 'wb') as file:
        file.write(b'half')
    cache.save(PLACE, {**KEY, 'begin': 1}, values=values())
    assert not os.path.exists(rest)


def test_writers_readers_and_whoever_drops_do_not_disturb_each_other(cache):
    errors = []

    def work(number):
        try:
            for _ in range(30):
                cache.save(PLACE, KEY, values=values())
                found = cache.load(PLACE, KEY)
                assert found is None or np.array_equal(found['values'], values())
                if number == 0:
                    cache.drop(PLACE)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_no_folder_keeps_nothing():
    cache = StageCache(None)
    cache.save(PLACE, KEY, values=values())
    cache.drop(PLACE)
    assert cache.load(PLACE, KEY) is None and cache.size() == 0


def test_the_cache_is_a_folder_of_its_own_beside_what_is_downloaded(tmp_path, monkeypatch):
    monkeypatch.setattr('config.CACHE_DIR', str(tmp_path))
    assert open_cache().folder == str(tmp_path / 'measurements')


def test_equal_things_have_one_digest():
    assert digest({'a': 1, 'b': [2]}) == digest({'b': (2,), 'a': 1}) != digest({'a': 1, 'b': [3]})
