"""Sets made on Apache Beam: DirectRunner gives the bytes of a local run. Runs of the filter there have two workers."""

import os
import pathlib
import shutil
from unittest import mock

import pytest
from sets import NETWORK, files_of, make, network, options

pytest.importorskip('apache_beam', reason='Apache Beam is not installed: make test-beam')

from dnnlib.jobs import beam_runner  # noqa: E402
from dnnlib.jobs import run as job_run  # noqa: E402
from dnnlib.jobs.beam_examiner import Examiner  # noqa: E402
from dnnlib.jobs.beam_runner import plan_cluster  # noqa: E402
from dnnlib.jobs.exchange import Exchange  # noqa: E402
from dnnlib.jobs.job import Work  # noqa: E402
from synthesis.job import MakeImages, SetJob  # noqa: E402

ROOT = str(pathlib.Path(__file__).parents[2])
SET = {'identities': 50, 'per_identity': 5, 'keep_w': True}  # 250 images: three shards and a part of one


@pytest.fixture(autouse=True)
def workers_find_the_packages(monkeypatch):
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([ROOT, os.path.dirname(__file__)]))


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp('whole') / 'set'
    make(folder, **SET)
    return files_of(folder)


def direct(staging=None):
    return plan_cluster(None, staging and str(staging), 1)


def stopping_after_a_shard():
    """Has a run end with a Ctrl-C after its first shard."""
    done, calls = job_run.JobProgress.on_done, []

    def on_done(self, shard, named):
        done(self, shard, named)
        calls.append(shard)
        if len(calls) == 1:
            raise KeyboardInterrupt

    return mock.patch.object(job_run.JobProgress, 'on_done', on_done)


def test_beam_goes_on_with_a_local_run_and_gives_its_bytes(whole, tmp_path):
    with stopping_after_a_shard(), pytest.raises(KeyboardInterrupt):
        make(tmp_path / 'set', **SET)
    result = make(tmp_path / 'set', cluster=direct(), **SET)
    assert 0 < result['made'] < 250 and result['images'] == 250
    assert files_of(tmp_path / 'set') == whole
    assert [path.name for path in tmp_path.iterdir()] == ['set']


def test_workers_that_do_not_reach_the_network_get_it_by_staging_and_a_local_run_goes_on(whole, tmp_path):
    pickle = tmp_path / 'network.pkl'
    shutil.copy(NETWORK, str(pickle))
    here, away = network()._replace(path=str(pickle)), tmp_path / 'away.pkl'
    run_here = beam_runner._run_here

    def out_of_reach(pipeline, collect):
        pickle.rename(away)
        try:
            run_here(pipeline, collect)
        finally:
            away.rename(pickle)

    with mock.patch('sets.network', lambda: here), mock.patch.object(beam_runner, '_run_here', out_of_reach):
        with stopping_after_a_shard(), pytest.raises(KeyboardInterrupt):
            make(tmp_path / 'set', cluster=direct(tmp_path / 'staging'), **SET)
        assert not files_of(tmp_path / 'staging')
        result = make(tmp_path / 'set', **SET)
    assert 0 <= result['made'] < 250
    assert files_of(tmp_path / 'set') == whole


def test_shards_that_a_cluster_brings_after_the_job_began_are_finished(tmp_path):
    job = SetJob(MakeImages(NETWORK, network().sha256, options(tmp_path, identities=200)), None, str(tmp_path))
    (tmp_path / '0000001.shard').write_bytes(b'')
    assert job.finished(str(tmp_path)) == {1}


# ----------------------------------------------------------------------------------------------------------------------
# The parts.


class Copier(Work):
    """Writes what its file holds, and a variable of the environment, as the file of a shard."""

    files = ()
    environment = {'COPIER': 'set'}

    def __init__(self, *files):
        self.files = files

    def with_files(self, paths):
        return Copier(*paths)

    def prepare(self):
        return os.environ.get('COPIER')

    def task(self, number, path, reader, items):
        return Copy(path, self.files)


class Copy:
    def __init__(self, path, files):
        self.path, self.files = path, files

    def run(self, state, report):
        with open(self.path, 'w') as target:
            target.write(f'{state} {[pathlib.Path(file).read_text() for file in self.files]}')
        return [[path, None] for path in self.files]

    def after_death(self, report):
        raise AssertionError


def result_of(exchange, number):
    return pathlib.Path(exchange.path(f'{number:07d}.result')).read_bytes().split(b'\n', 1)


def test_files_of_the_work_are_fetched_once_for_each_process_and_removed(tmp_path):
    (tmp_path / 'weights').write_text('many numbers')
    exchange = Exchange(str(tmp_path / 'meeting'))
    exchange.send(str(tmp_path / 'weights'), '0.file')
    examiner = Examiner(exchange, Copier('gone'), files_are_sent=True)
    list(examiner.process('[0, []]') or ())
    os.remove(exchange.path('0.file'))
    list(examiner.process('[1, []]') or ())
    examiner.teardown()
    named, content = result_of(exchange, 0)
    assert content == b"set ['many numbers']" and result_of(exchange, 1) == [named, content]
    assert not os.path.exists(named.decode().split('"')[1])


def test_without_staging_workers_read_the_files_where_they_are(tmp_path):
    (tmp_path / 'weights').write_text('here')
    examiner = Examiner(Exchange(str(tmp_path / 'meeting')), Copier(str(tmp_path / 'weights')))
    list(examiner.process('[0, []]') or ())
    examiner.teardown()
    assert result_of(Exchange(str(tmp_path / 'meeting')), 0)[1] == b"set ['here']"


def test_processes_of_a_cluster_see_no_gpu(tmp_path):
    work = MakeImages(NETWORK, network().sha256, options(tmp_path))
    assert work.environment == {'CUDA_VISIBLE_DEVICES': ''} and work.files == (NETWORK,)
    assert work.with_files(['elsewhere']).network == 'elsewhere'
