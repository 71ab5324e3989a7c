"""Joins the processes that a launcher has started: with Horovod, or with TensorFlow's own collective operations."""

import tensorflow.compat.v1 as tf

from dnnlib.errors import UserError
from dnnlib.processes import HOROVOD, Launch, Processes
from dnnlib.tflib.devices import list_gpus

NEWEST_WITH_HOROVOD = (2, 15)  # Horovod 0.28.1 cannot be built with a newer TensorFlow


def join(launch: Launch) -> Processes:
    """Waits for the other processes of the run.

    Call it before onnxruntime is imported, which Horovod cannot be loaded after.

    Raises:
        UserError: The engine is not there, or the others do not come.
    """
    if launch.engine == HOROVOD:
        _check_horovod()
        from dnnlib.tflib.horovod_processes import HorovodProcesses  # here: it is optional

        return HorovodProcesses()
    from dnnlib.tflib.collective_processes import CollectiveProcesses

    return CollectiveProcesses(launch.rank, launch.workers)


def _check_horovod():
    instead = 'or start the processes with TF_CONFIG, as docs/cluster.md says'
    version = tuple(int(part) for part in tf.__version__.split('.')[:2])
    if version > NEWEST_WITH_HOROVOD:
        newest = '.'.join(map(str, NEWEST_WITH_HOROVOD))
        raise UserError(
            f'Horovod cannot be built with TensorFlow {tf.__version__}: use TensorFlow {newest} or older, {instead}.'
        )
    try:
        import horovod.tensorflow  # noqa: F401
    except ImportError as error:
        raise UserError(
            f'A launcher has started several processes, and Horovod is missing ({error}): make horovod builds it, '
            f'{instead}.'
        ) from error


def give_gpus(config: tf.ConfigProto, processes: Processes) -> None:
    """Shows a session only the GPUs of this process. Each process of a machine has equally many."""
    gpus = len(list_gpus())
    if config.device_count.get('GPU', 1) and gpus:  # without a GPU, TensorFlow 1.15 aborts over a list of devices
        count = gpus // processes.local_size
        own = range(count * processes.local_rank, count * (processes.local_rank + 1))
        config.gpu_options.visible_device_list = ','.join(map(str, own))
