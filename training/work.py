"""Does what a command has to train: in this process, or in each of several that train together."""

import contextlib
import dataclasses
import os
from typing import List, NamedTuple, Optional

import click

from dnnlib.errors import UserError, disk_errors
from dnnlib.own_modules import fingerprint_of_sources
from dnnlib.processes import CHIEF
from dnnlib.records.tfrecords import fingerprint
from dnnlib.run_dir import REPORT_FILE, check_writable, locked_run, new_run, write_options
from training.dataset import TrainingSet
from training.options import TrainingOptions
from training.precision import check_kernels
from training.stop import Stopped, StopRequest


class Work(NamedTuple):
    """What a command has to train. The chief finds it, all processes do it."""

    options: TrainingOptions
    folder: str  # that has to be written: of the runs, or of the run
    description: Optional[str] = None  # ends the name of a new run
    run_dir: Optional[str] = None  # of a run that goes on
    changes: Optional[List[str]] = None  # if that run was named: sentences about what changes


def do_work(work, data, flags, measuring, processes):
    """Trains: in all processes.

    Args:
        work: `Work`.
        data: Where the dataset lies on this machine, or None: where the options say.
        flags: Dict of flag to text, which has to be alike in all processes.
        measuring: What training measures. `open(options, dataset, processes)` returns a meter, whose `help` the loop
            calls in other processes than the chief; `snapshots(meter, run_dir, log, options)` returns what the loop
            calls in the chief; and `write_page(run_dir, say)` writes the page about the run.
        processes: `Processes` that train together; each calls this function.

    Returns:
        Whether the work came to an end; None if a signal stopped this process before.

    Raises:
        UserError: The run cannot be trained, or training failed.
    """
    with stoppable(work.folder) as stop:
        with stop.at_once():
            training_set, meter = _prepare(work, data, flags, measuring, processes)
        with training_set, contextlib.ExitStack() as until_the_end:
            run_dir = processes.on_chief(lambda: until_the_end.enter_context(_opened_run(work)))
            _train_in(run_dir, work, training_set, meter, measuring, stop, processes)
        return True


@contextlib.contextmanager
def stoppable(folder):
    """A block that Ctrl-C and SIGTERM ask to stop, by the `StopRequest` that it gets.

    Raises:
        UserError: A file cannot be read or written; `folder` is named if the system names no file.
    """
    try:
        hint = 'then give the same command again: it goes on with the run'
        with disk_errors('read or written', folder, hint), StopRequest() as stop:
            yield stop
    except Stopped:
        click.echo('Stopped before any training; the same command goes on from there.')


@contextlib.contextmanager
def _opened_run(work):
    """The directory of a run, locked: a new one, or the one that goes on."""
    options = dataclasses.asdict(work.options)
    is_new = work.run_dir is None
    run = new_run(work.folder, work.description, options) if is_new else locked_run(work.run_dir)
    with run as run_dir:
        if work.changes is not None:
            write_options(run_dir, options)
        yield run_dir


# The functions below start TensorFlow. Before, the command line has been checked without it.


def _prepare(work, data, flags, measuring, processes):
    """Opens what the run needs, and checks it before any work begins: tuple of the `TrainingSet` and the meter."""
    options = work.options
    data = os.path.normpath(data or options.data)
    training_set = TrainingSet(
        data, options.resolution, 'full' if options.use_labels else 0, options.mirror, options.seed
    )

    from dnnlib import tflib
    from dnnlib.tflib.devices import resolve_device

    kind, here = resolve_device(options.device), processes.share(options.gpus)
    tflib.replica_devices(options.device, here, processes)  # refuses more GPUs than there are
    check_kernels(options)
    check_memory(options, training_set.records)
    processes.check_alike(lambda: _facts_of_process(flags, options, training_set, kind))
    processes.on_chief(lambda: check_writable(work.folder))  # after the quick checks, because it makes the folder
    meters = []

    def open_meter():
        meters.append(measuring.open(options, training_set.records, processes))

    processes.on_chief(open_meter)
    if not meters:  # what the chief has downloaded, other processes of its machine find
        open_meter()
    replicas = here if kind == 'cpu' else 1
    tflib.init_tf(options.device, cpu_replicas=replicas, seed=options.seed, open_session=processes.open_session)
    return training_set, meters[0]


def _facts_of_process(flags, options, training_set, kind):
    """What has to be alike in all processes: a dict of texts."""
    import tensorflow.compat.v1 as tf

    return {
        **flags,
        'the version of TensorFlow': tf.__version__,
        'the kind of device': kind,
        'the fingerprint of the dataset': fingerprint(training_set.records, options.use_labels),
        'the fingerprint of the program': fingerprint_of_sources('training', 'dnnlib/tflib'),
    }


def check_memory(options, dataset):
    """Refuses labels of more classes than the device that trains can hold.

    Raises:
        UserError: Says how much the weights of the classes take, and what to type.
    """
    if not options.use_labels:
        return
    from dnnlib.tflib.devices import memory_of, resolve_device
    from training.class_weights import check_class_weights
    from training.step import network_arguments

    kind = resolve_device(options.device)
    arguments = network_arguments(options, dataset.shape[0], dataset.labels.size)
    device = 'this machine' if kind == 'cpu' else 'a GPU of this machine'
    check_class_weights(arguments, dataset.labels.size, memory_of(kind), device, has_C=options.auxiliary is not None)


def _train_in(run_dir, work, training_set, meter, measuring, stop, processes):
    """Trains in a run directory that is locked."""
    from dnnlib.tflib.machine_code import lines_about_devices
    from training.log import RunLog, Silence
    from training.loop import train

    options = work.options
    if processes.rank != CHIEF:
        train(options, training_set, run_dir, Silence(), meter, stop, processes)
        return
    log = RunLog(run_dir)
    processes.keep = log.keep
    try:
        log.say(f'Run directory {run_dir}')
        for change in work.changes or ():
            log.say(change)
        for line in lines_about_devices(options.device):
            log.say(line)
        snapshots = measuring.snapshots(meter, run_dir, log, options)
        train(options, training_set, run_dir, log, snapshots, stop, processes)
        page = os.path.join(run_dir, REPORT_FILE)
        if os.path.exists(page):
            log.say(f'Look at {page}.')
    except UserError as error:
        log.keep(f'Error: {error.message}')
        measuring.write_page(run_dir, log.say)  # so that the page says it too
        raise
    finally:
        log.close()
