"""Ctrl-C and SIGTERM as wishes."""

import os
import signal
import time

import pytest

from dnnlib.processes import Processes
from training.stop import Stopped, StopRequest


@pytest.fixture(autouse=True)
def restored_handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_signals_are_remembered_however_often_they_come(number, capfd):
    with StopRequest() as stop:
        assert not stop.requested
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        assert stop.requested
    os.kill(os.getpid(), number)
    assert capfd.readouterr().err == 'Stopping after the current step ...\n'


def test_signal_leaves_a_block_that_loses_nothing_by_it():
    with StopRequest() as stop:
        with pytest.raises(Stopped), stop.at_once():
            os.kill(os.getpid(), signal.SIGTERM)
            pytest.fail('went on')
        os.kill(os.getpid(), signal.SIGTERM)  # outside of it nothing is raised
        with pytest.raises(Stopped), stop.at_once():
            pytest.fail('was entered')


def test_tensorflow_is_left_only_when_it_returns():
    code, returned = {'__name__': 'tensorflow.python.ops'}, []
    exec('def call(function):\n    function()\n    return True', code)
    with StopRequest() as stop, pytest.raises(Stopped), stop.at_once():
        returned.append(code['call'](lambda: os.kill(os.getpid(), signal.SIGTERM)))
        for _ in range(1000):
            time.sleep(0.01)
        pytest.fail('went on')
    assert returned == [True]


def test_a_block_that_tensorflow_ends_is_left_at_its_end():
    code = {'__name__': 'tensorflow.python.ops'}
    exec('def call(function):\n    function()', code)
    with StopRequest() as stop, pytest.raises(Stopped), stop.at_once():
        code['call'](lambda: os.kill(os.getpid(), signal.SIGTERM))


def test_a_message_between_processes_is_received_to_its_end():
    received = []

    class Slow(Processes):
        def gather(self, value):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.05)  # the signal would end this at once
            received.append(value)
            return [value]

    with StopRequest() as stop, pytest.raises(Stopped), stop.at_once():
        Slow().broadcast('message')
        for _ in range(1000):
            time.sleep(0.01)
        pytest.fail('went on')
    assert received == ['message']


def test_process_that_was_not_asked_to_stop_has_its_handlers_back():
    before = signal.getsignal(signal.SIGTERM)
    with StopRequest():
        pass
    assert signal.getsignal(signal.SIGTERM) == before
