"""Shards examined by the workers of an Apache Beam runner: Dataflow, Flink, Spark, or processes of this machine.

Launcher and workers share a folder, `dnnlib.jobs.exchange.Exchange`. The launcher writes a file there with a line for
each shard. It also writes the items, and files such as a network, if the workers cannot read them themselves. The
workers write the shard files, and the launcher fetches them, shard by shard, while the pipeline runs. So the pipeline's
graph and the memory do not grow with the source, and finished shards are kept when a run ends early.

Beam may give a shard to several workers. The first result counts: all are equal, because a result depends on the shard
alone, and its file appears whole.
"""

import dataclasses
import json
import logging
import os
import shlex
import shutil
import sys
import threading
import time
import traceback
import uuid

import apache_beam as beam
import click
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.portability import local_job_service
from apache_beam.runners.runner import PipelineState

from dnnlib.errors import UserError, disk_errors
from dnnlib.files import atomic_write
from dnnlib.jobs.beam_examiner import FILE, ITEMS, RESULT, Examiner, as_line, file_name, from_line
from dnnlib.jobs.exchange import Exchange
from dnnlib.jobs.shards import read_verdicts, shard_path
from dnnlib.jobs.workers import Workers
from dnnlib.progress import Progress

SHARDS_FILE = 'shards.jsonl'
WORKERS_INPUT = 0  # the file descriptor that worker processes of this machine inherit as their standard input
FOLDER, STAGING_FILE, LOG_FILE = 'beam', 'staging.json', 'beam.log'  # in the work folder
HERE, ELSEWHERE = 1, 10  # seconds between two searches for results, on this machine and on a cluster


@dataclasses.dataclass(frozen=True)
class Cluster:
    """A runner of Beam, and how to reach its workers.

    Attributes:
        flags: Options of Beam's pipeline, list of str.
        staging: URL or path that all workers and this machine reach, for images and results; None if the workers reach
            SOURCE and --out by the same paths as this machine.
    """

    flags: list
    staging: str = None

    @property
    def is_here(self):
        """Whether the workers are processes of this machine."""
        return self.runner.lower().startswith('direct')

    @property
    def runner(self):
        """Beam's name of its runner."""
        return PipelineOptions(self.flags).view_as(StandardOptions).runner


def plan_cluster(options, staging, workers):
    """The `Cluster` for the flags of a user.

    Args:
        options: The value of --beam-options, words as in a shell; or None.
        staging: The value of --staging, or None.
        workers: Number of processes on this machine; None for one on each core.

    Raises:
        click.UsageError: Beam refuses the options, or --workers is given for a runner that has its own.
    """
    try:
        words = shlex.split(options or '')
    except ValueError as error:
        raise click.UsageError(f'--beam-options {options}: {error}.') from error
    count = workers or len(os.sched_getaffinity(0))
    here = ['--runner=DirectRunner', '--direct_running_mode=multi_processing', f'--direct_num_workers={count}']
    cluster = Cluster(here + words, staging and (staging if '://' in staging else os.path.abspath(staging)))
    if not cluster.is_here:
        if workers is not None:
            raise click.UsageError(
                f'--workers is for processes of this machine: {cluster.runner} has an option of its own for '
                '--beam-options, such as --parallelism or --max_num_workers.'
            )
        cluster = Cluster(words, cluster.staging)
    try:
        beam.Pipeline(options=PipelineOptions(cluster.flags))  # this finds the runner, and checks its options
    except (ValueError, ImportError) as error:
        raise click.UsageError(f'--beam-options {options}: {error}') from error
    return cluster


class BeamRun:
    """Does one job on a cluster. Use it in a `with` block, which removes the exchange folder at its end.

    Args:
        cluster: `Cluster`.
        job: `dnnlib.jobs.job.Job`.
        work: `dnnlib.folders.Unfinished`.
    """

    def __init__(self, cluster, job, work):
        self._cluster, self._job, self._work = cluster, job, work
        self._exchange = Exchange(_exchange_url(cluster, work.path, job.name))
        self._sends_items = job.has_items and (cluster.staging is not None or job.reader is None)
        self._sends_files = bool(job.work.files) and cluster.staging is not None
        self._examiner = Examiner(self._exchange, job.work, job.reader, self._sends_items, self._sends_files)
        self._fetched = set()  # numbers of shards

    def __enter__(self):
        """Fetches the results that a killed run has left."""
        self._exchange.connect(PipelineOptions(self._cluster.flags))
        with self._disk_errors():
            self._collect(lambda *args: None)
            self._exchange.clear()
        return self

    def __exit__(self, kind, value, traceback):
        self._exchange.clear()

    def room(self, missing):
        """List of (name, bytes): what takes room on this machine's disk besides the shard files."""
        if not self._sends_items or self._cluster.staging is not None:
            return []
        job = self._job
        return [('the unpacked images', sum(job.supply_bytes(job.shards[number]) for number in missing))]

    def examine(self, missing, progress):
        """Examines the shards that have no file yet.

        Args:
            missing: Ascending numbers of the shards.
            progress: Has `on_done(shard, named)`, called when the file of a `Shard` is there; `named` is a list of
                (path, `Refusal`) of the first few images without pixels.

        Raises:
            UserError: The exchange folder cannot be used, or the pipeline fails; finished shards are kept.
        """
        with self._disk_errors():
            self._lay_out(missing)
            log = os.path.join(self._work.path, LOG_FILE)
            try:
                run = _run_here if self._cluster.is_here else _run_elsewhere
                pipeline = _Pipeline(self._cluster.flags, self._exchange, self._examiner, log)
                run(pipeline, lambda: self._collect(progress.on_done))
            except Exception as error:  # each runner has its own errors
                raise _failed(error, self._cluster.runner) from error
            finally:
                self._collect(progress.on_done)
        if not self._job.finished(self._work.parts).issuperset(missing):
            raise UserError(
                f'{self._cluster.runner} says that it is done, but results are missing in {self._exchange.url}: '
                'give --staging with a folder that this machine and all workers reach by this name.'
            )

    def _lay_out(self, missing):
        if self._sends_files:
            for number, path in enumerate(self._job.work.files):
                self._exchange.send(path, FILE.format(number))
        bar = Progress(total=len(missing), desc='Sending images', unit=' shards', disable=not self._sends_items)
        with bar, self._exchange.writing(SHARDS_FILE) as file, self._job.supply(
            self._work.path, always=self._sends_items
        ) as supply:
            for number in missing:
                reader, items = supply.take(self._job.shards[number])
                if self._sends_items:
                    self._exchange.send(reader.path, file_name(number, ITEMS))
                supply.free(reader)
                file.write(as_line([number, items]))
                bar.update()

    def _collect(self, on_done):
        for name in self._exchange.names(RESULT):
            number = int(name.split('.')[0])
            path = shard_path(self._work.parts, number)
            if number not in self._fetched and not os.path.exists(path):  # else another worker was faster
                with self._exchange.reading(name) as source, atomic_write(path) as file:
                    named = from_line(source.readline().decode('ascii') or '[]', self._job.work.refusal)
                    shutil.copyfileobj(source, file)
                if _is_whole(path):
                    self._fetched.add(number)
                    on_done(self._job.shards[number], named)
            self._exchange.remove(name)

    def _disk_errors(self):
        return disk_errors('read or written', self._exchange.url, 'or give another folder with --staging')


def _exchange_url(cluster, work_path, name):
    """The exchange folder: in the work folder, or below `staging` under a random name that the work folder keeps."""
    if cluster.staging is None:
        return os.path.join(work_path, FOLDER)
    path = os.path.join(work_path, STAGING_FILE)
    if not os.path.exists(path):
        with atomic_write(path, 'w') as file:
            json.dump(uuid.uuid4().hex, file)
    with open(path, encoding='utf-8') as file:
        return f'{cluster.staging.rstrip("/")}/{name}-{json.load(file)}'


def _is_whole(path):
    """Whether a shard file is whole; removes a damaged one, as after a power cut."""
    try:
        read_verdicts(path)
    except ValueError:
        os.remove(path)
        return False
    return True


def _failed(error, runner):
    if not isinstance(error, UserError):
        Progress.write(''.join(traceback.format_exception(type(error), error, error.__traceback__)), file=sys.stderr)
    last = (str(error).strip() or repr(error)).splitlines()[-1]
    return UserError(f'The pipeline failed in {runner} ({last}): remove the cause; the same command goes on from here.')


# ----------------------------------------------------------------------------------------------------------------------
# Pipelines.


@dataclasses.dataclass(frozen=True)
class _Pipeline:
    """The pipeline as a task of `Workers`, whose process can be ended; Beam's own processes would go on.

    Attributes:
        flags: As in `Cluster`.
        exchange: `Exchange` that has `SHARDS_FILE` and, if they are sent, the images.
        examiner: `Examiner`.
        log: Path of a file.
    """

    flags: list
    exchange: Exchange
    examiner: Examiner
    log: str

    def start(self):
        """Returns Beam's `PipelineResult`."""
        pipeline = beam.Pipeline(options=PipelineOptions(self.flags))
        (
            pipeline
            | 'Shards' >> beam.io.ReadFromText(self.exchange.pattern(SHARDS_FILE))
            | 'Spread' >> beam.Reshuffle()
            | 'Examine' >> beam.ParDo(self.examiner)
        )
        return pipeline.run()

    def run(self, state, report):
        """Runs the pipeline to its end and reports 'tick' every second; Beam's output goes to `log`."""
        over = threading.Event()
        with open(self.log, 'ab') as file:
            os.dup2(file.fileno(), sys.stderr.fileno())
        # The other end of this pipe closes when this process ends, even by SIGKILL; then the workers end too.
        os.dup2(os.pipe()[0], WORKERS_INPUT)
        local_job_service.SubprocessSdkWorker = _Worker

        def tick():
            while not over.wait(HERE):
                report('tick')

        ticking = threading.Thread(target=tick, daemon=True)
        ticking.start()
        try:
            self.start().wait_until_finish()
        finally:
            over.set()
            ticking.join()

    def after_death(self, report):
        """Raises `UserError`, because a pipeline is not tried again."""
        raise UserError('one of its processes died, perhaps because memory ran out')


class _Worker(local_job_service.SubprocessSdkWorker):
    """A worker process of this machine. It ends with the process that started it, and ends that one when it dies.

    Beam's own class waits for ever for a worker that died. Beam's own worker waits for minutes for a process that died.
    """

    def run(self):
        """Starts it and waits for its end."""
        self._worker_command_line = f'{shlex.quote(sys.executable)} -m dnnlib.jobs.beam_worker'
        try:
            super().run()
        except RuntimeError:
            traceback.print_exc()
            os._exit(1)


def _run_here(pipeline, collect):
    with Workers(1) as workers:
        for _ in workers.run([pipeline], lambda *args: collect()):
            pass


def _run_elsewhere(pipeline, collect):
    logging.basicConfig()
    logging.getLogger('apache_beam.runners').setLevel(logging.INFO)  # it says where the job can be watched
    result = pipeline.start()
    try:
        while not PipelineState.is_terminal(result.state):
            time.sleep(ELSEWHERE)
            collect()
    except BaseException:
        result.cancel()
        raise
    result.wait_until_finish()  # raises its error, if it failed
    if result.state != PipelineState.DONE:
        raise UserError(f'its state is {result.state}')
