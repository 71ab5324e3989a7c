"""Numbers of each image of a dataset, by a resumable job; the cache keeps them, whole or not at all.

The numbers depend on the pixels of an image and on the `Measure`. So the cache knows them by the fingerprint of the
dataset and the identity of the measure: a dataset that was made anew under its name is measured anew.
"""

import contextlib
import os

import numpy as np

import config
from dnnlib.errors import UserError
from dnnlib.folders import unfinished_folder
from dnnlib.jobs.run import make_shards
from dnnlib.jobs.shards import ShardFile, shard_path
from dnnlib.jobs.workers import Workers
from dnnlib.records.datasets import open_dataset
from dnnlib.records.tfrecords import fingerprint
from synthesis.audit.measure_job import BATCH, DatasetReader, MeasureJob, TimeMeasure

DIGITS = 32  # of fingerprints in names of folders


def measured(path, measure, processes, cluster=None):
    """The numbers of all images of a dataset: from the cache, or measured by a job that goes on where it ended.

    Args:
        path: Of a dataset that `dnnlib.records.datasets.open_dataset` opens.
        measure: `Measure`.
        processes: `synthesis.generate.Processes`.
        cluster: `dnnlib.jobs.beam_runner.Cluster` whose workers do it instead; or None.

    Returns:
        (folder, fingerprint): the folder has a file NAME.npy for each column, an array [number of images, ...]; the
        fingerprint is of the dataset.

    Raises:
        UserError: There is no such dataset, the disk refuses, or the measure does not take the images.
        KeyboardInterrupt, SystemExit: Passed on; the finished shards are kept for the next call.
    """
    with open_dataset(path) as dataset:
        known_as = fingerprint(dataset)
        folder = folder_of(known_as, measure)
        if _is_whole(folder, measure, dataset.num_images):
            return folder, known_as
        is_damaged = os.path.isdir(folder)
        with unfinished_folder(folder, _plan_of(known_as, measure), {}, replace=is_damaged) as work:
            if work.result is None:
                job = MeasureJob(path, dataset, known_as, measure)
                with _pool(job.work, processes, cluster) as pool:
                    make_shards(job, work, pool, cluster)
                if dataset_stamp(path) != dataset.stamp():
                    work.discard()
                    raise UserError(f'{path} was changed while it was read: give the same command again.')
                _join(job, work.parts, work.begin_content())
                work.complete('whole')
    return folder, known_as


def dataset_stamp(path):
    """The stamp of the dataset that is at a path now."""
    with open_dataset(path) as dataset:
        return dataset.stamp()


def is_measured(dataset_fingerprint, measure):
    """Whether the cache has the numbers of a dataset."""
    return _is_whole(folder_of(dataset_fingerprint, measure), measure)


def _is_whole(folder, measure, count=None):
    """Whether a folder of the cache has all columns, in full; somebody may have removed or cut files."""
    for name, (dtype, shape) in measure.columns.items():
        try:
            found = np.load(column_path(folder, name), mmap_mode='r', allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return False
        if found.dtype != np.dtype(dtype) or found.shape[1:] != tuple(shape) or count not in (None, len(found)):
            return False
    return os.path.isdir(folder)


def folder_of(dataset_fingerprint, measure):
    """The folder in the cache with the numbers of a dataset."""
    name = f'{dataset_fingerprint[:DIGITS]}-{measure.identity[:DIGITS]}'
    return os.path.join(config.CACHE_DIR, measure.name, name)


def keep_measured(path, measure, columns):
    """Keeps the numbers of all images of a dataset that are known already: {name: array [number of images, ...]}."""
    with open_dataset(path) as dataset:
        known_as = fingerprint(dataset)
    folder = folder_of(known_as, measure)
    if _is_whole(folder, measure):
        return
    with unfinished_folder(folder, _plan_of(known_as, measure), {}, replace=os.path.isdir(folder)) as work:
        if work.result is None:
            content = work.begin_content()
            for name, values in columns.items():
                np.save(column_path(content, name), values)
            work.complete('whole')


def _plan_of(dataset_fingerprint, measure):
    return {'the images': dataset_fingerprint, 'the measure': measure.identity}


def seconds_an_image(path, measure, processes):
    """How long a process takes for an image, when it works alone; errors of the measure show here, early."""
    with open_dataset(path) as dataset:
        reader = DatasetReader(os.path.abspath(path), fingerprint(dataset))
        task = TimeMeasure(reader, min(BATCH, dataset.num_images))
    environments = processes.environments and processes.environments[:1]
    with Workers(1, measure.open, environments) as pool:
        [(_, seconds)] = pool.run([task])
    return seconds


def _pool(work, processes, cluster):
    if cluster is not None:
        return contextlib.nullcontext()
    environments = processes.environments or [work.environment] * processes.count
    return Workers(processes.count, work.prepare, environments)


def _join(job, parts, folder):
    """Writes the columns from the shard files; memory does not grow with the dataset."""
    with contextlib.ExitStack() as opened:
        files = {}
        for name, (dtype, shape) in job.work.measure.columns.items():
            files[name] = opened.enter_context(open(column_path(folder, name), 'wb'))
            header = {'descr': np.dtype(dtype).str, 'fortran_order': False, 'shape': (job.shards.num_images, *shape)}
            np.lib.format.write_array_header_1_0(files[name], header)
        for shard in job.shards:
            path = shard_path(parts, shard.number)
            with _open(path) as file:
                for name, target in files.items():
                    target.write(file.column(name).tobytes())


def _open(path):
    try:
        return ShardFile(path)
    except ValueError as error:
        os.remove(path)
        raise UserError(f'{path} was damaged ({error}) and is removed: the same command makes it again.') from error


def column_path(folder, name):
    """The file of a column."""
    return os.path.join(folder, name + '.npy')
