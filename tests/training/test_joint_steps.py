"""Two processes with a replica each take the steps of one process with two replicas, bit for bit."""

import signal
import time

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib.processes import ALONE, LOST
from dnnlib.records.tfrecords import write_labels
from tests.joined_processes import Joined
from tests.joint_steps import take_steps
from tests.sessions import close_open_sessions, without_graph_optimizer
from tests.toy_run import make_dataset

pytestmark = pytest.mark.slow  # each process builds its graph


@pytest.fixture(scope='module')
def trained_and_killed(tmp_path_factory, engine):
    """Steps of one process, and of two, the first of which is killed in a later step.

    Returns:
        Tuple of what one process came to, and each of two: three dicts of arrays; and how the two ended.
    """
    folder = tmp_path_factory.mktemp('joint')
    data = make_dataset(str(folder / 'toy'), resolution=4)
    write_labels(data, 'toy', np.arange(12) % 2)  # so that C is trained too
    joint, alone = folder / 'joint', folder / 'alone'
    joint.mkdir()
    alone.mkdir()
    processes = Joined(engine, *[['-m', 'tests.joint_steps', data, joint, 2, 0, 1]] * 2)
    with tf.Graph().as_default(), without_graph_optimizer():
        take_steps(ALONE, data, str(alone))
        close_open_sessions()
    paths = alone / 'rank0.npz', joint / 'rank0.npz', joint / 'rank1.npz'
    while not all(path.exists() for path in paths):
        assert processes.is_alive(), processes.end()
        time.sleep(0.01)
    processes.send_signal(0, signal.SIGKILL)
    return [dict(np.load(str(path))) for path in paths], processes.end()


@pytest.fixture
def steps(trained_and_killed):
    return trained_and_killed[0]


def differing(found, other):
    assert found.keys() == other.keys()
    return {name for name, value in found.items() if value.tobytes() != other[name].tobytes()}


def test_the_state_of_two_processes_is_the_state_of_one(steps):
    alone, chief, _ = steps
    assert np.any(alone['after/G/dlatent_avg'] != alone['after/G_replica1/dlatent_avg'])
    assert differing(alone, chief) == set() and 'after/C/4x4/Conv/weight' in chief


def test_processes_agree_on_all_but_the_average_of_w_in_Gs(steps):
    _, chief, other = steps
    assert differing(chief, other) == {'after/Gs/dlatent_avg', 'after_nan/Gs/dlatent_avg'}


def test_a_step_that_is_not_finite_in_one_process_changes_nothing_in_any(steps):
    for found in steps:
        assert all(np.isnan(found[f'nan_stats/{name}']) for name in ('D_loss', 'G_loss'))
        assert np.isfinite(found['stats/D_loss'])
        for name, value in found.items():
            kept = name.replace('after_nan/', 'after/')
            if 'after_nan/' in name and not name.endswith(('dlatent_avg', 'lod')) and '/Gs/' not in name:
                np.testing.assert_array_equal(value, found[kept], err_msg=name)


def test_a_process_whose_partner_is_killed_in_a_step_ends_and_says_what_to_do(trained_and_killed, engine):
    texts, statuses = trained_and_killed[1]
    assert all(statuses), texts
    assert engine == 'horovod' or (statuses == [-signal.SIGKILL, 1] and f'Error: {LOST}' in texts[1]), texts
