"""The metrics' own face features of each image of a dataset: 256 values of O-Net, as `fd_onet` reads them."""

import dataclasses

from dnnlib.faces.mtcnn_weights import identity_of
from synthesis.audit.measure_job import Measure
from synthesis.job import hidden_gpus

COLUMN, SIZE = 'features', 256


@dataclasses.dataclass(frozen=True)
class ONetFeatures(Measure):
    """The features of each image. A process starts TensorFlow."""

    name = 'features'
    doing = 'Features of O-Net'
    environment = hidden_gpus('cpu')
    columns = {COLUMN: ('<f4', (SIZE,))}

    @property
    def identity(self):
        """Of the weights."""
        return identity_of('onet')

    def open(self):
        """A function from images to the features."""
        import dnnlib.quiet  # noqa: F401, I001
        from dnnlib import tflib
        from metrics.features.onet import ONet

        tflib.init_tf()
        network = ONet()
        return lambda images: {COLUMN: network(images)}
