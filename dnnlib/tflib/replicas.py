"""The replicas of a training run: the ones in this process, and the ones in all processes."""

from typing import Any, Dict, List

import tensorflow.compat.v1 as tf
from tensorflow.python.ops import nccl_ops

from dnnlib.processes import ALONE, Processes


class Replicas:
    """Knows which replicas are in this process, and averages over the replicas of all processes.

    Every process has equally many replicas. They are numbered over all processes, in the order of the ranks.

    Args:
        devices: Names of the devices of the replicas in this process.
        processes: `Processes` that train together.

    Attributes:
        devices, processes: As given.
        count: Number of replicas in all processes.
        own: `range` with the numbers of the replicas in this process.
    """

    def __init__(self, devices: List[str], processes: Processes = ALONE):
        self.devices, self.processes = devices, processes
        here = len(devices)
        self.count = here * processes.size
        self.own = range(here * processes.rank, here * (processes.rank + 1))

    def share_of(self, size: int) -> slice:
        """The part of a minibatch of `size` images that the replicas in this process train on."""
        share = size // self.count
        return slice(share * self.own.start, share * self.own.stop)

    def means(self, values: List[Dict[str, tf.Tensor]]) -> Dict[str, tf.Tensor]:
        """Means over the replicas of all processes.

        Args:
            values: For each replica in this process, a dict of name to float32 scalar.
        """
        names = list(values[0])
        here = [tf.add_n([each[name] for each in values]) for name in names]
        with tf.device(self.devices[0]):
            sums = self.processes.sums(here)
        return {name: total / self.count for name, total in zip(names, sums)}

    def averages(self, gradients: List[List[Any]]) -> List[List[Any]]:
        """Each gradient averaged over the replicas of all processes, on the device of each replica in this process.

        Args:
            gradients: List [replica][variable] of tensors, for the replicas in this process.

        Returns:
            Such a list.
        """
        if self.count == 1:
            return gradients
        here = [self._sums_here(copies) for copies in zip(*gradients)]
        with tf.device(self.devices[0]):
            overall = self.processes.sums([sums[0] for sums in here])
        averaged = [[] for _ in self.devices]
        for sums, total in zip(here, overall):
            for replica, device in enumerate(self.devices):
                # NCCL has put the sum of this process on each device.
                summand = sums[replica] if total is sums[0] else total
                with tf.device(device):
                    averaged[replica].append(summand * (1.0 / self.count))
        return averaged

    def _sums_here(self, copies):
        """The sum of a gradient over the replicas in this process, for each of them."""
        if len(copies) == 1:
            return copies
        if all('gpu' in device.lower() for device in self.devices):
            sums = nccl_ops.all_sum(copies)
            # Who evaluates only one of them would wait for ever, as where the sum over all processes needs the first.
            with tf.device(self.devices[0]), tf.control_dependencies(sums):
                return [tf.identity(sums[0]), *sums[1:]]
        with tf.device(self.devices[0]):
            # TensorFlow would turn c a + c b into c (a + b), which rounds otherwise than a sum over processes does. It
            # leaves alone what has another shape between.
            total = tf.add_n([tf.expand_dims(copy, 0) for copy in copies])
            return [tf.squeeze(total, 0)] * len(copies)
