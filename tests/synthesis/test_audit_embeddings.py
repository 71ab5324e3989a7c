"""Embeddings of datasets: made once, kept by what the images are, resumed where a run ended."""

import os
from unittest import mock

import numpy as np
import pytest
from audits import SIZE, ToyEmbedding, here, people, write_set

from dnnlib.errors import UserError
from dnnlib.records.tfrecords import MultiResolutionWriter
from synthesis.audit import measure_job, measures
from synthesis.audit.embeddings import embeddings_of, has_embeddings
from synthesis.generate import Processes


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr('config.CACHE_DIR', str(tmp_path / 'cache'))
    monkeypatch.setattr(measure_job, 'SHARD_IMAGES', 32)
    monkeypatch.setattr(measures, 'Workers', here)


def embed(path, embedding=None):
    return embeddings_of(path, embedding or ToyEmbedding(), Processes())


def cached(tmp_path):
    folder = tmp_path / 'cache' / 'embeddings'
    return sorted(os.listdir(folder)) if folder.exists() else []


def test_embeddings_stand_in_the_order_of_the_images_and_are_made_once(tmp_path):
    images = people(50, images=2)
    path = write_set(tmp_path / 'set', images, np.arange(100) // 2)
    with embed(path) as found, mock.patch.object(measures, 'make_shards', side_effect=AssertionError):
        np.testing.assert_array_equal(found.vectors, ToyEmbedding().embed(images))
        assert found.labels.tolist() == (np.arange(100) // 2).tolist() and found.side == 32
        np.testing.assert_array_equal(found.read(99), images[99])
        with embed(path) as again:
            np.testing.assert_array_equal(again.vectors, found.vectors)
        assert has_embeddings(found.fingerprint, ToyEmbedding())
    assert len(cached(tmp_path)) == 1


def test_the_same_images_in_records_give_the_same_numbers_and_other_images_are_embedded_anew(tmp_path):
    images = people(40)
    folder = tmp_path / 'records'
    folder.mkdir()
    with MultiResolutionWriter(str(folder), 'records') as writer:
        for image in images:
            writer.add(image)
    with embed(str(folder)) as records, embed(write_set(tmp_path / 'zips', images)) as zips:
        np.testing.assert_array_equal(records.vectors, zips.vectors)
        assert records.labels is None
    with embed(write_set(tmp_path / 'zips', images[::-1])) as others:
        np.testing.assert_array_equal(others.vectors, zips.vectors[::-1])
    assert len(cached(tmp_path)) == 3


def test_a_stopped_run_keeps_its_shards_and_goes_on(tmp_path):
    path, calls = write_set(tmp_path / 'set', people(100)), []

    class Stopping(ToyEmbedding):
        def embed(self, images):
            calls.append(len(images))
            if len(calls) == 4:
                raise KeyboardInterrupt
            return super().embed(images)

    with pytest.raises(KeyboardInterrupt):
        embed(path, Stopping())
    assert cached(tmp_path)[0].startswith('.')  # nothing that looks whole
    with embed(path, Stopping()) as found:
        np.testing.assert_array_equal(found.vectors, ToyEmbedding().embed(people(100)))
    assert sum(calls) == 100 + calls[3] + calls[2]  # of the shard that was in work


def test_an_image_that_embeds_as_no_number_is_a_sentence_and_nothing_is_kept(tmp_path):
    images = people(40)
    images[35] = 7
    with pytest.raises(UserError, match='no numbers'):
        embed(write_set(tmp_path / 'set', images))
    assert not any(name for name in cached(tmp_path) if not name.startswith('.'))


def test_a_dataset_that_changes_meanwhile_is_not_kept(tmp_path):
    path = write_set(tmp_path / 'set', people(40))

    class Changing(ToyEmbedding):
        def embed(self, images):
            write_set(tmp_path / 'set', people(40, seed=1))
            return super().embed(images)

    with pytest.raises(UserError, match='was changed while it was read: give the same command again'):
        embed(path, Changing())
    assert cached(tmp_path) == []
    with embed(path) as found:
        np.testing.assert_array_equal(found.vectors, ToyEmbedding().embed(people(40, seed=1)))


@pytest.mark.slow
def test_worker_processes_and_sent_images_give_the_same(tmp_path, monkeypatch):
    """Real processes; and images that are sent as files, as to a cluster that does not reach the dataset."""
    monkeypatch.undo()
    monkeypatch.setattr('config.CACHE_DIR', str(tmp_path / 'cache'))
    monkeypatch.setattr(measure_job, 'SHARD_IMAGES', 32)
    images = people(70)
    path = write_set(tmp_path / 'set', images)
    with embeddings_of(path, ToyEmbedding(), Processes(2)) as found:
        assert found.vectors.shape == (70, SIZE) and found.vectors.dtype == np.float32
        np.testing.assert_array_equal(found.vectors, ToyEmbedding().embed(images))
        job = measure_job.MeasureJob(path, found.dataset, found.fingerprint, measure_job.Measure())
        with job.supply(str(tmp_path), always=True) as supply:
            reader, items = supply.take(job.shards[1])
            np.testing.assert_array_equal(job.work.open_items(reader.path).read(40, 50), images[40:50])
            assert items == [32, 64] and job.supply_bytes(job.shards[1]) == images[32:64].nbytes
            supply.free(reader)
            assert not os.path.exists(reader.path)


@pytest.mark.parametrize('damage', [os.remove, lambda path: os.truncate(path, 300), lambda path: os.truncate(path, 0)])
def test_damaged_embeddings_in_the_cache_are_made_again(tmp_path, damage):
    path = write_set(tmp_path / 'set', people(40))
    with embed(path) as found:
        damage(found.vectors_path)
        assert not has_embeddings(found.fingerprint, ToyEmbedding())
    with embed(path) as found:
        np.testing.assert_array_equal(found.vectors, ToyEmbedding().embed(people(40)))
    assert len(cached(tmp_path)) == 1
