"""Messages between processes that TF_CONFIG joins. Here each of them is a thread; sums need processes."""

import contextlib
import queue
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import click
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib.errors import UserError
from dnnlib.processes import LOST, Failed
from dnnlib.tflib import collective_processes
from dnnlib.tflib.collective_processes import CollectiveProcesses
from tests.joined_processes import free_ports
from training.stop import Stopped

COUNT = 3


@pytest.fixture
def together():
    """A function that calls another one with each of `COUNT` processes, in threads; returns results or errors."""
    workers = [f'localhost:{port}' for port in free_ports(COUNT)]
    with ThreadPoolExecutor(COUNT) as pool:
        processes = list(pool.map(lambda rank: CollectiveProcesses(rank, workers), range(COUNT)))

        def call(action):
            def try_action(each):
                try:
                    return action(each)
                except BaseException as error:
                    return error

            return list(pool.map(try_action, processes))

        call.processes = processes
        yield call
        for each in processes:
            each.leave()


def test_processes_know_their_places_on_the_machine(together):
    places = [(each.rank, each.size, each.local_rank, each.local_size) for each in together.processes]
    assert places == [(rank, 3, rank, 3) for rank in range(3)]


def test_values_of_all_reach_all_in_the_order_of_the_ranks(together):
    arrays = [np.random.RandomState(rank).randn(1 + 400000 * rank) for rank in range(COUNT)]  # up to 6 MB
    for _ in range(2):
        for found in together(lambda each: each.gather(arrays[each.rank])):
            assert all(np.array_equal(*pair) for pair in zip(found, arrays))
    assert together(lambda each: each.broadcast(each.rank + 7)) == [7] * 3
    assert together(lambda each: each.any(each.rank == 2)) == [True] * 3
    assert together(lambda each: each.any(False)) == [False] * 3


def test_the_chief_acts_for_all_and_its_errors_end_all(together):
    callers = []

    def act(each):
        return each.on_chief(lambda: callers.append(each.rank) or 'done')

    assert together(act) == ['done'] * 3 and callers == [0]

    def fail(error):
        def action(each):
            def act():
                raise error

            return each.on_chief(act)

        return together(action)

    assert [type(found) for found in fail(Stopped())] == [Stopped] * 3
    assert not any(each._is_over for each in together.processes)  # they save the state together
    chief, *others = fail(UserError('the disk is full'))
    assert chief.message == 'the disk is full'
    assert [(type(other), other.exit_code) for other in others] == [(Failed, 1)] * 2


def test_an_error_of_the_chief_is_told_although_another_process_is_gone_already(together, monkeypatch):
    monkeypatch.setattr(collective_processes, 'GRACE_SEC', 0)
    chief, gone, other = together.processes
    other.leave()

    def act():
        for each in (chief, gone):  # the chief is about to end, so it does not end for this reason
            each.leave()
        gone._others[0]._socket.shutdown(socket.SHUT_RDWR)
        raise UserError('the disk is full')

    with pytest.raises(UserError, match='the disk is full'):
        chief.on_chief(act)
    with pytest.raises(UserError, match=LOST):
        gone.gather(None)


def test_a_wrong_command_line_ends_all_with_the_same_status(together):
    def refuse():
        raise click.UsageError('--data: name the folder of a dataset')

    assert [found.exit_code for found in together(lambda each: each.on_chief(refuse))] == [2] * 3


def test_processes_that_differ_are_refused_and_both_are_named(together):
    same = {'--minibatch': '8', 'the dataset': 'x'}
    assert together(lambda each: each.check_alike(lambda: same)) == [None] * 3
    found = together(lambda each: each.check_alike(lambda: {**same, '--minibatch': '16' if each.rank == 2 else '8'}))
    host = socket.gethostname()
    assert found[0].message == (
        f'--minibatch is 8 on {host} (rank 0), but 16 on {host} (rank 2): give the same command, dataset and versions '
        'to all processes.'
    )
    assert [type(other) for other in found[1:]] == [Failed] * 2


def test_a_process_whose_partner_is_gone_says_so_and_ends(together, monkeypatch, capfd):
    ended, statuses, kept = threading.Semaphore(0), [], []
    monkeypatch.setattr(collective_processes, 'GRACE_SEC', 0)
    monkeypatch.setattr(collective_processes.os, '_exit', lambda status: statuses.append(status) or ended.release())
    chief, other, gone = together.processes
    chief.keep = kept.append
    other.leave()  # its run is over already, so it does not mind
    gone.leave()
    for connection in gone._others.values():
        connection._socket.shutdown(socket.SHUT_RDWR)
    ended.acquire()
    assert statuses == [1] and kept == [f'Error: {LOST}'] and 'give the same' in LOST.lower()
    assert capfd.readouterr().err == f'Error: {LOST}\n'


def test_errors_of_tensorflow_over_a_lost_partner_are_that_sentence(together):
    chief = together.processes[0]
    assert chief.explain(tf.errors.ResourceExhaustedError(None, None, 'OOM')) is None
    assert chief.explain(tf.errors.UnavailableError(None, None, 'Socket closed')).message == LOST


def test_silence_counts_as_gone_and_signs_of_life_do_not(monkeypatch):
    monkeypatch.setattr(collective_processes, 'SILENCE_SEC', 0.2)
    here, there = map(collective_processes._Connection, socket.socketpair())
    with ThreadPoolExecutor(1) as pool:
        received = pool.submit(here.receive_all)
        for _ in range(4):
            there.send(b'')
            with contextlib.suppress(TimeoutError):
                assert not received.done()
        there.send(b'message')
        assert here.get() == b'message'
        assert isinstance(received.exception(), socket.timeout)


def test_who_comes_early_gets_signs_of_life_before_all_are_there(monkeypatch):
    heard, receive = queue.Queue(), collective_processes._Connection._receive

    def noted(connection, length):
        content = receive(connection, length)
        heard.put(connection)
        return content

    monkeypatch.setattr(collective_processes._Connection, '_receive', noted)
    monkeypatch.setattr(collective_processes, 'BEAT_SEC', 1)
    workers = [f'localhost:{port}' for port in free_ports(COUNT)]
    with ThreadPoolExecutor(COUNT) as pool:
        chief = pool.submit(CollectiveProcesses, 0, workers)
        early = CollectiveProcesses(1, workers)
        while heard.get() is not early._others[0]:
            pass
        assert not chief.done()
        late = CollectiveProcesses(2, workers)
        for each in (early, late, chief.result()):
            each.leave()


def test_others_that_do_not_come_are_named(monkeypatch, capfd):
    monkeypatch.setattr(collective_processes, 'JOIN_SEC', 0.5)
    monkeypatch.setattr(collective_processes, 'SAID_SEC', 0.1)
    workers = [f'localhost:{port}' for port in free_ports(2)]
    with pytest.raises(UserError, match=f'^{workers[1]} did not come .*: start the same command there, with its own'):
        CollectiveProcesses(0, workers)
    with pytest.raises(UserError, match=f'^{workers[0]}, worker 0 of TF_CONFIG, cannot be reached .*: start the same'):
        CollectiveProcesses(1, workers)
    for_others, for_chief = capfd.readouterr().err.splitlines()
    assert for_others.startswith(f'Waiting for {workers[1]}, as TF_CONFIG says, for up to ')
    assert for_chief.startswith(f'Waiting for {workers[0]} (') and 'refused' in for_chief


def test_the_chief_turns_away_who_has_another_list_of_workers_or_an_index_twice_and_waits_on():
    workers = [f'localhost:{port}' for port in free_ports(COUNT)]
    with ThreadPoolExecutor(COUNT) as pool:
        chief = pool.submit(CollectiveProcesses, 0, workers)
        with pytest.raises(UserError, match=f'^{workers[0]}, .* no process of this run: .* the same list of workers'):
            CollectiveProcesses(1, [*workers[:2], 'localhost:1'])
        first = pool.submit(CollectiveProcesses, 1, workers).result()
        with pytest.raises(UserError, match='^TF_CONFIG: another process has index 1 already: give each process its'):
            CollectiveProcesses(1, workers)
        joined = [pool.submit(CollectiveProcesses, 2, workers).result(), first, chief.result()]
        for each in joined:
            each.leave()


def test_a_port_that_is_taken_is_named():
    with socket.socket() as taken:
        taken.bind(('', 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f'TF_CONFIG: port {port} .* cannot be used .*: name another one'):
            CollectiveProcesses(0, [f'localhost:{port}', 'localhost:1'])


def test_strangers_are_not_taken_for_processes_of_the_run():
    here, there = socket.socketpair()
    there.sendall(b'GET / HTTP/1.1 ' + bytes(40))
    assert collective_processes._greeted(here, b'token' * 6) is None
