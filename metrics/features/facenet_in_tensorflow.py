"""The default face embedding in TensorFlow, for GPUs."""

import dnnlib.quiet  # noqa: F401, I001  before TensorFlow

import numpy as np
import tensorflow.compat.v1 as tf

from metrics.features import facenet


class TensorFlowFacenet:
    """The frozen graph in a graph and session of its own. Called as `metrics.features.embedding_runs.OnnxRun`.

    Do not use it in a process that is forked later: TensorFlow does not survive a fork.
    """

    def __init__(self):
        definition = tf.GraphDef.FromString(facenet.read_file())
        for node in definition.node:
            if node.name in facenet.SHAPES:  # the file computes one image at a time
                node.attr['value'].tensor.CopyFrom(tf.make_tensor_proto(facenet.SHAPES[node.name], tf.int32))
        graph = tf.Graph()
        with graph.as_default():
            self._images = tf.placeholder(tf.float32, [None, facenet.SIDE, facenet.SIDE, 3])
            [self._outputs] = tf.import_graph_def(
                definition, {'input:0': self._images}, ['embeddings:0'], name='facenet'
            )
        _compute_in_float32()
        # Takes GPU memory only as needed, because the process may need the rest for other things.
        self._session = tf.Session(graph=graph, config=tf.ConfigProto(gpu_options={'allow_growth': True}))

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Outputs, float32 [N, size]."""
        try:
            return self._session.run(self._outputs, {self._images: images.transpose(0, 2, 3, 1)})
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError(error.message.splitlines()[0]) from error


def _compute_in_float32():
    """Keeps new GPUs from rounding products to 10 bits, which would move scores by as much as thresholds are apart."""
    switch = getattr(tf.config.experimental, 'enable_tensor_float_32_execution', None)
    if switch is not None:  # TensorFlow 1.15 does not know such GPUs
        switch(False)
