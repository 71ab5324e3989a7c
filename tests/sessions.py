"""Sessions that end."""

import contextlib
from unittest import mock

import tensorflow.compat.v1 as tf
from tensorflow.python.util import tf_stack

from dnnlib import tflib
from dnnlib.tflib.versions import IS_TF2


@contextlib.contextmanager
def one_session_at_a_time():
    """Gives `tflib.init_tf`, in a fresh graph at each call; session and graph end with the next call or the block."""
    with contextlib.ExitStack() as stack:

        def open_session(**options):
            stack.close()  # the one opened before, if any
            stack.enter_context(tf.Graph().as_default())
            session = tflib.init_tf(**options)
            stack.callback(session.close)
            stack.push(session)
            return session

        yield open_session


class KeptSession:
    """A fresh graph and a session that stay, for networks that several tests share."""

    def __init__(self):
        self.graph = tf.Graph()
        with without_graph_optimizer():
            self._session = tf.Session(graph=self.graph, config=tf.ConfigProto(device_count={'GPU': 0}))

    @contextlib.contextmanager
    def as_default(self):
        """Makes them the default ones inside the block."""
        with self.graph.as_default(), self._session.as_default():
            yield

    def close(self):
        self._session.close()


def close_open_sessions():
    """Ends the sessions that commands leave open for good."""
    while tf.get_default_session() is not None:
        session = tf.get_default_session()
        session.__exit__(None, None, None)
        session.close()


def without_graph_optimizer():
    """A context in which sessions run graphs as they are: optimising a graph takes longer than running it a few times.

    Sessions also place only the operations that they run: otherwise a graph that grows between runs is placed anew as
    a whole each time. What users get is not changed; `train.py` and the other commands that tests start as processes
    optimise.
    """
    open_session = tf.Session.__init__

    def open_plain_session(self, target='', graph=None, config=None):
        plain = tf.ConfigProto()
        if config is not None:
            plain.CopyFrom(config)
        plain.graph_options.rewrite_options.disable_meta_optimizer = True
        plain.graph_options.place_pruned_graph = True
        plain.graph_options.optimizer_options.opt_level = tf.OptimizerOptions.L0
        open_session(self, target, graph, plain)

    return mock.patch.object(tf.Session, '__init__', open_plain_session)


def shorten_stacks(frames=12):
    """Has TensorFlow 1 note only the innermost frames of the calls that make an operation, for the rest of the process.

    They are for error messages. Under pytest there are a hundred, and noting them all takes a tenth of the time in
    which a graph is built.
    """
    if not IS_TF2:
        extract_stack = tf_stack.extract_stack
        tf_stack.extract_stack = lambda limit=-1: extract_stack(frames if limit < 0 else limit)
