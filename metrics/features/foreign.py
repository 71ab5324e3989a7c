"""Networks that exist only as a pickle whose build function is source text inside it, as those of the metrics do."""

import contextlib

import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.files import sha256_of_file


class ForeignNetwork:
    """A network that is opened when it is first needed, once in each graph.

    A printed line says then that the file's own code runs, which happens only for a file that is trusted.

    Args:
        path: The pickle.
        num_inputs: How many inputs the network is to have.

    Raises:
        UserError: It is no network pickle, or not trusted.
    """

    def __init__(self, path, num_inputs=1):
        tflib.check_trusted(path)
        self.path, self._num_inputs = path, num_inputs
        self._graph = self._network = self._sha256 = None

    def open(self):
        """The `Network` in the default graph and session.

        Raises:
            UserError: It is a network of another kind.
        """
        if self._graph is not tf.get_default_graph():
            network = tflib.load_networks(self.path)
            if len(getattr(network, 'input_shapes', ())) != self._num_inputs:
                raise UserError(
                    f'{self.path} holds no network of {self._num_inputs} inputs: it is another file than '
                    'its name says; delete it, and it is downloaded again.'
                )
            self._network, self._graph = network, tf.get_default_graph()
        return self._network

    @property
    def identity(self):
        """SHA-256 of the file, read once."""
        if self._sha256 is None:
            self._sha256 = sha256_of_file(self.path)
        return self._sha256

    @contextlib.contextmanager
    def errors_as_sentences(self):
        """Says of errors of TensorFlow inside the block what they mean."""
        try:
            yield
        except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError) as error:
            raise UserError(
                f'The network in {self.path} cannot run on this machine, as its layers may need a GPU: use one, or '
                f'choose --metrics fd_onet5k ({error.message.splitlines()[0]}).'
            ) from error
