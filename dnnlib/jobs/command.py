"""What the verbs that make a dataset in shards share: flags of their processes, checks of the target, how they end."""

import contextlib
import dataclasses
import glob
import importlib.util
import os
import signal
import sys
from typing import Optional

import click

from dnnlib.flags import DEVICE_CHOICES
from dnnlib.folder_kinds import DATASET, kind_of
from dnnlib.folders import is_finished, unfinished_path
from dnnlib.records.options import KeptOptions, option

LOCAL, BEAM = 'local', 'beam'  # runners


@dataclasses.dataclass(frozen=True)
class ProcessingOptions(KeptOptions):
    """The options of `processing_flags(makes_dataset=False)`. They do not change the result."""

    device: Optional[str] = option(default='auto')
    workers: Optional[int] = option()
    gpus: Optional[int] = option()
    runner: str = option(default=LOCAL)
    beam_options: Optional[str] = option()
    staging: Optional[str] = option()


@dataclasses.dataclass(frozen=True)
class MakingOptions(ProcessingOptions):
    """The options of `processing_flags`."""

    restart: bool = option(default=False)
    force: bool = option(default=False)


def processing_flags(device_help, staging_help, makes_dataset=True):
    """A decorator for a command: its flags of device, processes and runner.

    Args:
        device_help, staging_help: The help texts of `--device` and `--staging`.
        makes_dataset: Whether the command has `--restart` and `--force` too.
    """
    flags = [
        click.option(
            '--device', type=click.Choice(DEVICE_CHOICES), default='auto', show_default=True, help=device_help
        ),
        click.option('--workers', type=click.IntRange(min=1), help='Processes on CPUs.  [default: one for each core]'),
        click.option('--gpus', type=click.IntRange(min=1), help='GPUs, each with one process.  [default: 1]'),
        click.option(
            '--runner',
            type=click.Choice([LOCAL, BEAM]),
            default=LOCAL,
            show_default=True,
            help='Do the work on this machine, or on a cluster, by Apache Beam.',
        ),
        click.option(
            '--beam-options',
            metavar='WORDS',
            help='Options of Beam\'s pipeline, as "--runner=FlinkRunner --flink_master=host:8081".  [default: '
            'DirectRunner, on this machine, with --workers processes]',
        ),
        click.option('--staging', metavar='URL', help=staging_help),
    ]
    if makes_dataset:
        flags += [
            click.option('--restart', is_flag=True, help='Begin anew instead of going on with an unfinished run.'),
            click.option(
                '--force', is_flag=True, help='Replace the dataset if it exists, once the new one is complete.'
            ),
        ]

    def decorate(command):
        for flag in reversed(flags):
            command = flag(command)
        return command

    return decorate


def check_target(out, force, pattern):
    """Refuses an existing `--out`, unless it is a dataset of our kind and `force` is given.

    Args:
        out: The value of --out.
        force: Whether --force is given.
        pattern: Of a file that such a dataset has, as '*.tfrecords'.

    Returns:
        Whether a dataset will be replaced.

    Raises:
        click.UsageError: Says what is there.
    """
    if not os.path.lexists(out) or is_finished(out):
        return False
    if not force:
        raise click.UsageError(
            f'--out {out} exists already and is {kind_of(out)}: choose another name, or replace a dataset with --force.'
        )
    if not os.path.isdir(out) or not glob.glob(os.path.join(glob.escape(out), pattern)):
        kind = kind_of(out)
        without = f' without {pattern}' if kind == DATASET else ''
        raise click.UsageError(f'--out {out} is {kind}{without}, so --force does not replace it: choose another name.')
    return True


def check_runner(options, cpu_only):
    """Refuses flags that the runner does not take, and Beam where it is not installed.

    Args:
        options: Has the values of the flags as attributes.
        cpu_only: What is done on CPUs with Beam: 'faces are found'.

    Raises:
        click.UsageError: Says which flag to leave out.
    """
    for name, value in (('beam-options', options.beam_options), ('staging', options.staging)):
        if options.runner != BEAM and value is not None:
            raise click.UsageError(f'--{name} is for --runner {BEAM}: give that too, or leave it out.')
    if options.runner != BEAM:
        return
    for flag, value in (('--gpus', options.gpus), ('--device gpu', options.device == 'gpu' or None)):
        if value is not None:
            raise click.UsageError(f'{flag} is for --runner {LOCAL}: with Beam, {cpu_only} on CPUs.')
    if importlib.util.find_spec('apache_beam') is None:
        raise click.UsageError(
            f'--runner {BEAM} needs Apache Beam, in an environment with TensorFlow 1.15 (make venv): '
            'pip install -r requirements.txt -r requirements-beam.txt'
        )


def choose_cluster(options):
    """The `dnnlib.jobs.beam_runner.Cluster` of the flags; None for a run on this machine."""
    if options.runner != BEAM:
        return None
    from dnnlib.jobs.beam_runner import plan_cluster

    return plan_cluster(options.beam_options, options.staging, options.workers)


def plan_processes(options, device):
    """(number of processes, their environments or None): one a core, or one a GPU.

    Args:
        options: Has the values of the flags as attributes.
        device: 'gpu', 'cpu', or None for work that no GPU does.
    """
    if device != 'gpu':
        if options.gpus is not None:
            raise click.UsageError('--gpus is for --device gpu: on CPUs give --workers.')
        return options.workers or len(os.sched_getaffinity(0)), None
    if options.workers is not None:
        raise click.UsageError('--workers is for CPUs: a GPU has one process, give --gpus.')
    from dnnlib.tflib.devices import replica_devices

    count = len(replica_devices('gpu', options.gpus or 1))
    visible = os.environ.get('CUDA_VISIBLE_DEVICES')
    names = visible.split(',') if visible else [str(number) for number in range(count)]
    return count, [{'CUDA_VISIBLE_DEVICES': names[number]} for number in range(count)]


def exit_on_signals():
    """Makes SIGTERM, and the end of the terminal, end the run in order, like Ctrl-C."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup makes it ignored
            signal.signal(number, lambda number, frame: sys.exit(128 + number))


@contextlib.contextmanager
def saying_how_to_go_on(out=None):
    """Ends the process in a sentence if the block is stopped by Ctrl-C or a signal.

    Args:
        out: The folder that the block makes; None if what is done is kept in the cache.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as error:
        click.echo(_how_to_go_on(out), err=True)
        sys.exit(128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else error.code)


def _how_to_go_on(out):
    if out is None:
        return 'Stopped. The same command goes on from here; the cache has what is done.'
    work = unfinished_path(out)
    if os.path.isdir(work):
        return f'Stopped. The same command goes on from here; {work} has what is done.'
    return 'Stopped before anything was worth keeping.'
