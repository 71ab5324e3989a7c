"""The filter on Apache Beam: DirectRunner with two workers, and the job service that Flink and Spark have too."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from unittest import mock

import click
import pytest
from oracles import Oracle
from shelves import PATHS, files_of, options, run, shelf

pytest.importorskip('apache_beam', reason='Apache Beam is not installed: make test-beam')

from dnnlib.errors import UserError  # noqa: E402
from dnnlib.jobs import beam_runner  # noqa: E402
from dnnlib.jobs import run as job_run
from dnnlib.jobs.beam_examiner import Examiner  # noqa: E402
from dnnlib.jobs.beam_runner import BeamRun, Cluster, plan_cluster  # noqa: E402
from dnnlib.jobs.exchange import Exchange  # noqa: E402
from dnnlib.jobs.shards import read_verdicts, shard_path  # noqa: E402
from prefilter import pipeline  # noqa: E402
from prefilter.job import ExaminePhotographs, PhotographJob  # noqa: E402
from prefilter.options import DatasetOptions  # noqa: E402
from prefilter.shards import plan_shards, shard_items  # noqa: E402
from prefilter.sources import open_source  # noqa: E402
from tests.pictures import make_archive, picture, write_photographs  # noqa: E402

TESTS = pathlib.Path(__file__).parent
ROOT = str(TESTS.parents[1])
MANY = [f'{number:03d}.png' for number in range(200)]  # three shards and a part of one


@pytest.fixture(autouse=True)
def workers_find_the_tests(monkeypatch):
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join([ROOT, str(TESTS)]))


def direct(staging=None):
    """Processes of this machine: one, since each starts for seconds; commands below have two."""
    return plan_cluster(None, staging and str(staging), 1)


def job_service(staging):
    """A runner that is asked for its state, as those on clusters are; its workers are a process of this machine."""
    flags = [
        '--runner=PortableRunner',
        '--job_endpoint=embed',
        '--environment_type=beam:env:harness_subprocess_python:v1',
        f'--environment_config={sys.executable} -m apache_beam.runners.worker.sdk_worker_main',
    ]
    return Cluster(flags, str(staging))


def test_two_workers_give_the_bytes_of_a_local_run(tmp_path):
    write_photographs(tmp_path / 'photos', 100)
    for name, args in (('local', []), ('beam', ['--runner', 'beam'])):
        command = [
            sys.executable,
            '-m',
            'prefilter',
            os.path.relpath(str(tmp_path / 'photos'), ROOT),
            '--out',
            str(tmp_path / name / 'set'),
            '--size',
            '16',
            '--labels',
            'identity',
            '--export',
            'zip',
            '--workers',
            '2',
            *args,
        ]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        assert '2 not-an-image' in result.stdout and 'person0/000049.jpg' in result.stderr
        assert 'Finding faces: 100%' in result.stderr and 'WARN' not in result.stderr
    assert files_of(tmp_path / 'local') == files_of(tmp_path / 'beam')  # options.json too
    assert len(files_of(tmp_path / 'beam')) == 11 and os.listdir(str(tmp_path / 'beam')) == ['set']


@pytest.mark.parametrize('ending, mode, staged', [('.tgz', 'w:gz', False), ('.zip', None, True)])
def test_archives_give_the_bytes_of_a_local_run(tmp_path, ending, mode, staged):
    files = {f'{number % 3}/{number:03d}.png': picture(number) for number in range(100)}
    files['1/040.png'] = b'no image'
    source = open_source(make_archive(tmp_path / f'set[1]{ending}', files, mode))
    results = []
    for name, cluster in (('local', None), ('beam[1]', direct(tmp_path / 'staging[1]' if staged else None))):
        location, target = str(tmp_path / f'set{ending}'), str(tmp_path / name / 'set')
        whole = DatasetOptions(
            source=location, out=target, format=source.layout, size=8, margin=0, detect=False, device=None
        )
        results.append(pipeline.make_dataset(source, whole, cluster=cluster))
        assert results[-1].pop('seconds') > 0
    assert results[0] == results[1] and results[0]['reasons'] == {'not-an-image': 1}
    assert files_of(tmp_path / 'local') == files_of(tmp_path / 'beam[1]')
    assert not files_of(tmp_path / 'staging[1]') and os.listdir(str(tmp_path / 'beam[1]')) == ['set']


def test_images_that_workers_die_of_are_refused_as_by_a_local_run(tmp_path):
    for name, cluster in (('local', None), ('beam', direct())):
        result = run(shelf(PATHS), tmp_path / name / 'set', Oracle(deadly=[6]), cluster=cluster)
        assert result['reasons'] == {'no-face': 15, 'crash': 1} and result['accepted'] == 14
    assert files_of(tmp_path / 'local') == files_of(tmp_path / 'beam')


def stop_after(shards):
    """Has a run end with a Ctrl-C after some shards."""

    def on_done(self, shard, named, done=job_run.JobProgress.on_done, calls=[]):  # noqa: B006
        done(self, shard, named)
        calls.append(shard)
        if len(calls) == shards:
            raise KeyboardInterrupt

    return mock.patch.object(job_run.JobProgress, 'on_done', on_done)


class Held(Oracle):
    """Has its process wait with all after the first shard for as long as a folder is there."""

    def __init__(self, folder):
        super().__init__()
        self.folder, self.examined = str(folder), 0

    def detect_batch(self, images):
        self.examined += len(images)
        while self.examined > 64 and os.path.exists(self.folder):
            time.sleep(0.01)
        return super().detect_batch(images)


def test_beam_goes_on_with_a_local_run_and_the_other_way_round(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(beam_runner, 'ELSEWHERE', 0.1)
    run(shelf(MANY), tmp_path / 'whole' / 'set')
    for first, then in ((None, direct()), (job_service(tmp_path / 'staging'), None)):
        target, held = tmp_path / str(first is None) / 'set', tmp_path / 'held'
        held.mkdir()
        with stop_after(1), pytest.raises(KeyboardInterrupt):
            run(shelf(MANY), target, Held(held), cluster=first)
        held.rmdir()
        left = {path.name for path in target.parent.rglob('*.shard')}
        result = run(shelf(MANY), target, Oracle(), cluster=then)
        assert left and 0 < result['examined'] < 200
        assert 'Going on with an unfinished run: ' in capsys.readouterr().err
        assert files_of(target.parent) == files_of(tmp_path / 'whole')


def test_runners_that_are_asked_for_their_state(tmp_path, monkeypatch):
    monkeypatch.setattr(beam_runner, 'ELSEWHERE', 0.1)
    run(shelf(MANY), tmp_path / 'local' / 'set')
    assert run(shelf(MANY), tmp_path / 'beam' / 'set', cluster=job_service(tmp_path / 'staging'))['examined'] == 200
    assert files_of(tmp_path / 'local') == files_of(tmp_path / 'beam') and not files_of(tmp_path / 'staging')


class Broken(Oracle):
    def detect_batch(self, images):
        raise ZeroDivisionError('no such luck')


@pytest.mark.parametrize('make_cluster', [direct, job_service])
def test_a_pipeline_that_fails_is_a_sentence(tmp_path, monkeypatch, make_cluster):
    monkeypatch.setattr(beam_runner, 'ELSEWHERE', 0.1)
    with pytest.raises(UserError, match=r'The pipeline failed in \w+Runner .*; the same command goes on'):
        run(shelf(PATHS), tmp_path / 'set', Broken(), cluster=make_cluster(tmp_path / 'staging'))
    assert not files_of(tmp_path)


# ----------------------------------------------------------------------------------------------------------------------
# The parts.


def lay_out(folder):
    """An exchange folder, and the line of one shard."""
    items = shard_items(shelf(PATHS), plan_shards(shelf(PATHS))[0])
    return Exchange(str(folder)), json.dumps([0, items])


def test_a_shard_that_is_handed_out_twice_is_done_once(tmp_path):
    exchange, line = lay_out(tmp_path / 'meeting')
    for oracle in (Oracle(), Broken()):
        examiner = Examiner(exchange, ExaminePhotographs(options(), oracle), shelf(PATHS).reader)
        list(examiner.process(line) or ())
        examiner.teardown()
        assert exchange.names('.result') == ['0000000.result'] and len(os.listdir(exchange.url)) == 1


def test_a_worker_that_failed_examines_again(tmp_path):
    exchange, line = lay_out(tmp_path / 'meeting')
    examiner = Examiner(exchange, ExaminePhotographs(options(), Broken()), shelf(PATHS).reader)
    for _ in range(2):
        with pytest.raises(RuntimeError, match='ZeroDivisionError: no such luck'):
            list(examiner.process(line) or ())
    assert exchange.names('.result') == []


def test_what_a_killed_run_left_is_fetched_if_it_is_whole(tmp_path):
    work = mock.Mock(path=str(tmp_path / 'work'), parts=str(tmp_path / 'parts'))
    os.mkdir(work.path)
    os.mkdir(work.parts)
    source, shards = shelf(MANY), plan_shards(shelf(MANY))
    for staging in (None, tmp_path / 'staging'):
        job = PhotographJob(source, options(), Oracle())
        beam = BeamRun(direct(staging), job, work)
        with beam:
            examiner = Examiner(beam._exchange, job.work, source.reader)
            for number in (1, 2):
                list(examiner.process(json.dumps([number, shard_items(source, shards[number])])) or ())
            examiner.teardown()
            path = pathlib.Path(beam._exchange.path('0000002.result'))
            path.write_bytes(path.read_bytes()[:-1])
            with BeamRun(direct(staging), job, work):
                assert os.listdir(work.parts) == ['0000001.shard']
            assert len(read_verdicts(shard_path(work.parts, 1))) == 64
        os.remove(shard_path(work.parts, 1))
        assert not os.path.exists(beam._exchange.url)


def test_files_appear_whole_or_not_at_all(tmp_path):
    exchange = Exchange(str(tmp_path / 'a[b]*' / 'c'))
    with exchange.writing('x.result') as first, exchange.writing('x.result') as second:
        first.write(b'same')
        second.write(b'same')
        assert exchange.names('.result') == [] and not exchange.has('x.result')
    with pytest.raises(ZeroDivisionError), exchange.writing('y.result') as file:
        file.write(b'half')
        raise ZeroDivisionError
    assert exchange.names('.result') == ['x.result'] == os.listdir(exchange.url)
    with exchange.reading('x.result') as file:
        assert file.read() == b'same'
    exchange.clear()
    exchange.clear()
    assert os.listdir(str(tmp_path / 'a[b]*')) == []


def test_a_staging_folder_out_of_reach_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match='nowhere://x/prefilter-.* cannot be reached: Unable to get filesystem'):
        run(shelf(PATHS), tmp_path / 'set', cluster=direct('nowhere://x'))
    (tmp_path / 'file').write_bytes(b'')
    sentence = 'file.* cannot be read or written .*: .*, or give another folder with --staging'
    with pytest.raises(UserError, match=sentence):
        run(shelf(PATHS), tmp_path / 'set', cluster=direct(tmp_path / 'file'))
    assert [path.name for path in tmp_path.iterdir()] == ['file']


def test_options_make_a_cluster():
    assert plan_cluster(None, None, 3).is_here and '--direct_num_workers=3' in plan_cluster(None, None, 3).flags
    spark = plan_cluster("--runner=SparkRunner --job_name='a b'", 'gs://bucket/x', None)
    assert (spark.flags, spark.staging) == (['--runner=SparkRunner', '--job_name=a b'], 'gs://bucket/x')
    assert spark.runner == 'SparkRunner' and not spark.is_here
    with pytest.raises(click.UsageError, match='--workers is for processes of this machine: SparkRunner has'):
        plan_cluster('--runner=SparkRunner', None, 3)
    with pytest.raises(click.UsageError, match="--beam-options 'x: No closing quotation"):
        plan_cluster("'x", None, None)
    with pytest.raises(click.UsageError, match='--beam-options --runner=Nowhere: Unexpected pipeline runner: Nowhere'):
        plan_cluster('--runner=Nowhere', None, None)
    assert os.path.isabs(plan_cluster(None, 'here', None).staging)


def test_a_cluster_out_of_reach_is_a_sentence(tmp_path):
    nobody = plan_cluster('--runner=PortableRunner --job_endpoint=localhost:1 --job_server_timeout=1', None, None)
    with pytest.raises(UserError, match='The pipeline failed in PortableRunner .*; the same command goes on'):
        run(shelf(PATHS), tmp_path / 'set', cluster=nobody)
    assert not files_of(tmp_path)


class Assassin(Oracle):
    """Kills the worker of Beam that has it examine, which is its process's parent."""

    def detect_batch(self, images):
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)


def test_a_worker_that_dies_ends_the_run_with_a_sentence(tmp_path):
    with pytest.raises(
        UserError, match='failed in DirectRunner .one of its processes died, perhaps because memory ran out.'
    ):
        run(shelf(PATHS), tmp_path / 'set', Assassin(), cluster=direct())


def start_filter(target):
    """Starts the filter on Beam in a session of its own."""
    command = [sys.executable, '-m', 'prefilter', 'lfw-subset', '--out', str(target), '--size', '8']
    return command, subprocess.Popen(
        [*command, '--runner', 'beam', '--workers', '2'],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_no_process_and_goes_on(tmp_path, number):
    command, process = start_filter(tmp_path / 'set')
    while not list(tmp_path.glob('.set.unfinished/parts/*.shard')):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    rest = process.communicate()[1].decode()  # ends when the last process that can write there has ended
    assert 'Traceback' not in rest and process.returncode == (-number if number == signal.SIGKILL else 128 + number)
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)  # without Beam
    assert again.returncode == 0 and 'Going on with an unfinished run: ' in again.stderr
    assert os.listdir(str(tmp_path)) == ['set']


def has_beam_worker(session):
    """Whether a session has a worker process of Beam."""
    for folder in pathlib.Path('/proc').glob('[0-9]*'):
        with contextlib.suppress(OSError):  # the process has ended
            if os.getsid(int(folder.name)) == session and b'beam_worker' in (folder / 'cmdline').read_bytes():
                return True
    return False


def test_workers_that_are_still_starting_end_with_a_killed_run_and_do_not_wait_for_it(tmp_path):
    process = start_filter(tmp_path / 'set')[1]
    while not has_beam_worker(process.pid):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.communicate()  # ends with the last process
    assert 'FutureTimeoutError' not in (tmp_path / '.set.unfinished' / 'beam.log').read_text()
