"""What tests of several packages share."""

import contextlib
import os
import shutil
import sys

import pytest

import dnnlib.quiet  # noqa: F401


@pytest.fixture(autouse=True)
def leave_no_session_open():
    """Commands open the process's session for good; the next test is to find none."""
    yield
    if 'tensorflow' in sys.modules:
        tf = sys.modules['tensorflow'].compat.v1
        while tf.get_default_session() is not None:
            session = tf.get_default_session()
            session.__exit__(None, None, None)
            session.close()


@pytest.fixture
def open_session():
    """`tflib.init_tf`, in a fresh graph; session and graph end with the test."""
    import tensorflow.compat.v1 as tf

    from dnnlib import tflib

    with contextlib.ExitStack() as stack:
        def init_tf(**options):
            stack.close()  # the one opened before, if any
            stack.enter_context(tf.Graph().as_default())
            session = tflib.init_tf(**options)
            stack.callback(session.close)
            stack.push(session)
            return session

        yield init_tf


@pytest.fixture
def session(open_session):
    """The default session, on the CPU, in a fresh graph: graphs that grow over tests become slow."""
    return open_session(device='cpu', seed=1)


@pytest.fixture(scope='session')
def finished(tmp_path_factory):
    """A run in miniature and its dataset: paths of their folders, not to be changed."""
    from tests.toy_run import make_dataset, make_run

    folder = str(tmp_path_factory.mktemp('finished'))
    data = make_dataset(os.path.join(folder, 'data'))
    return make_run(os.path.join(folder, 'run'), data), data


@pytest.fixture
def run_dir(finished, tmp_path):
    """A copy of that run."""
    return shutil.copytree(finished[0], str(tmp_path / 'run'))
