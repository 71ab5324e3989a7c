"""Networks that exist only as a pickle with their build function as source text, such as the published Inception."""

import contextlib

import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.files import sha256_of_file


class ForeignNetwork:
    """A network that is opened when it is first needed, once in each graph.

    Opening it runs the code in the file, and prints a line that says so. Only trusted files are opened.

    Args:
        path: The pickle.
        num_inputs: How many inputs the network must have.

    Raises:
        UserError: The file is no network pickle, or is not trusted.
    """

    def __init__(self, path, num_inputs=1):
        tflib.check_trusted(path)
        self.path, self._num_inputs = path, num_inputs
        self._graph = self._network = self._sha256 = None

    def open(self):
        """The `Network` in the default graph and session.

        Raises:
            UserError: The network has another number of inputs.
        """
        if self._graph is not tf.get_default_graph():
            network = tflib.load_networks(self.path)
            if len(getattr(network, 'input_shapes', ())) != self._num_inputs:
                raise UserError(
                    f'{self.path} holds no network with {self._num_inputs} inputs, so it is not the file that its name '
                    'says: delete it, and it is downloaded again.'
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
        """A block in which errors of TensorFlow become UserErrors that say what to do."""
        try:
            yield
        except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError) as error:
            raise UserError(
                f'The network in {self.path} cannot run on this machine; its layers may need a GPU: use one, or '
                f'choose --metrics fd_onet5k ({error.message.splitlines()[0]}).'
            ) from error
