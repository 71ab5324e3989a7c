"""The `mtcnn` package and its Keras models, run eagerly: Keras 3 cannot run models in graphs and sessions."""

import numpy as np
from tensorflow.python.eager import context

from dnnlib.faces.mtcnn_weights import read_weights


def package_model(network):
    """The package's own model of a network: a function of [N, W, H, 3] that returns its outputs, scores last."""
    from mtcnn.network.factory import NetworkFactory

    with context.eager_mode():
        model = getattr(NetworkFactory(), f'build_{network}')()
        model.set_weights(read_weights(network))

    def run(inputs):
        with context.eager_mode():
            return [np.asarray(output) for output in model.predict_on_batch(inputs)]

    return run


def package_detector():
    """An `mtcnn.MTCNN`, and a function that calls its `detect_faces` with an image, uint8 [H, W, 3]."""
    from mtcnn import MTCNN

    with context.eager_mode():
        package = MTCNN()
    for model in (package._pnet, package._rnet, package._onet):
        model.predict = model.predict_on_batch  # `predict` joins minibatches by what graphs of TensorFlow 1 lack

    def detect(image):
        with context.eager_mode():
            return package.detect_faces(image)

    return package, detect
