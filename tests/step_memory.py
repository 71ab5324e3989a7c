"""The memory that TensorFlow takes for a training step, beside the memory that --dry-run estimates."""

import os
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.records.tfrecords import write_labels
from tests.toy_run import make_dataset
from training.dataset import TrainingSet
from training.footprint import step_bytes
from training.plan import count_parameters
from training.schedule import phases, training_schedule
from training.step import TrainingStep


def compare(options, label_size=0):
    """Yields (row of the schedule, 'D' or 'G', bytes measured, bytes estimated) for every phase of a run."""
    tflib.init_tf('cpu', seed=1)
    networks = count_parameters(options, 3, label_size)
    with tempfile.TemporaryDirectory() as folder:
        data = make_dataset(os.path.join(folder, 'toy'), options.resolution, 16)
        if label_size:
            write_labels(data, 'toy', np.append(np.arange(15), label_size - 1))
        training_set = TrainingSet(data, max_label_size='full')
        step = TrainingStep(options, training_set, tflib.Replicas(['/cpu:0']))
        for row in phases(options.total_kimg, options.resolution, **options.schedule_options()):
            schedule = training_schedule(
                (row.begin_kimg + min(row.end_kimg, row.begin_kimg + 600)) * 500,
                options.resolution,
                **options.schedule_options(),
            )
            step.set_lod(schedule.lod)
            batch = training_set.minibatch(0, schedule.minibatch, int(schedule.lod))
            for which, run in (
                ('D', lambda s=schedule, b=batch: step.train_D(s, 0, *b)),
                ('G', lambda s=schedule: step.train_G(s, 0)),
            ):
                yield (
                    row,
                    which,
                    traced_peak(run),
                    step_bytes(which, networks, options, row.resolution, row.minibatch, row.what == 'fade in', 'NHWC'),
                )


def traced_peak(run, allocator=''):
    """Most bytes that TensorFlow's allocators hold at once for what `run()` runs in the default session.

    Args:
        run: Function; what its last call of `Session.run` ran is traced.
        allocator: Beginning of the names of the allocators that count: 'GPU' for the memory of a GPU; '': all.
    """
    session = tf.get_default_session()
    plain_run, metadata = session.run, tf.RunMetadata()
    session.run = lambda fetches, feed_dict=None: plain_run(
        fetches, feed_dict, options=tf.RunOptions(trace_level=tf.RunOptions.SOFTWARE_TRACE), run_metadata=metadata
    )
    try:
        run()
    finally:
        session.run = plain_run
    changes = []
    for device in metadata.step_stats.dev_stats:
        for node in device.node_stats:
            for memory in node.memory:
                if memory.allocator_name.startswith(allocator):
                    changes += _without_workspace(
                        node, [(record.alloc_micros, record.alloc_bytes) for record in memory.allocation_records]
                    )
    return int(np.max(np.cumsum([0, *(size for _, size in sorted(changes))])))


def _without_workspace(node, changes):
    """Leaves out what a convolution takes and gives back while it runs: a GPU has other workspaces."""
    if 'Backprop' not in node.node_name:
        return changes
    end = node.all_start_micros + node.op_end_rel_micros
    kept = list(changes)
    for time, size in changes:
        if size < 0 and time <= end:
            kept.remove((time, size))
            kept.remove(next(change for change in kept if change[1] == -size))
    return kept
