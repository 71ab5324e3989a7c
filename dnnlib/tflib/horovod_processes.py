"""Processes that Horovod connects. Import this directly after TensorFlow: see `dnnlib.tflib.joining.join`."""

import os
import pickle

import horovod.tensorflow as hvd
import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib.errors import UserError
from dnnlib.processes import LOST, Processes
from dnnlib.tflib.joining import give_gpus


class HorovodProcesses(Processes):
    """The processes that horovodrun, mpirun or srun has started."""

    def __init__(self):
        super().__init__()
        # The others wait while the chief measures; that is no fault to warn about.
        os.environ.setdefault('HOROVOD_STALL_CHECK_DISABLE', '1')
        hvd.init()
        self.rank, self.size = hvd.rank(), hvd.size()
        self.local_rank, self.local_size = hvd.local_rank(), hvd.local_size()
        self._sums = 0
        # Messages have a graph of their own: the first weights of networks depend on how many operations stand before.
        with tf.Graph().as_default() as graph, tf.device('/cpu:0'):
            self._length, self._content = tf.placeholder(tf.int64, [1]), tf.placeholder(tf.uint8, [None])
            self._lengths = hvd.allgather(self._length, name='lengths')
            self._contents = hvd.allgather(self._content, name='contents')
        self._session = tf.Session(graph=graph, config=tf.ConfigProto(device_count={'GPU': 0}))

    def gather(self, value):
        # A launcher starts the processes of one user; TensorFlow itself runs what it is sent.
        content = np.frombuffer(pickle.dumps(value, pickle.HIGHEST_PROTOCOL), np.uint8)
        feed = {self._length: [len(content)], self._content: content}
        try:
            lengths, contents = self._session.run([self._lengths, self._contents], feed)
        except tf.errors.OpError as error:
            raise self.explain(error) or error from error
        ends = np.cumsum(lengths)
        return [pickle.loads(contents[end - length : end].tobytes()) for length, end in zip(lengths, ends)]

    def sums(self, tensors):
        return [self._sum(tensor) for tensor in tensors]

    def _sum(self, tensor):
        self._sums += 1  # the processes build the same graph, and tell tensors apart by name
        return hvd.allreduce(tensor, op=hvd.Sum, name=f'sum{self._sums}')

    def open_session(self, config):
        give_gpus(config, self)
        return tf.Session(config=config)

    def explain(self, error):
        return UserError(LOST) if 'horovod' in f'{error} {error.op and error.op.type}'.lower() else None
