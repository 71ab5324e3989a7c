"""The check of a GPU, tried on the CPU: it passes, finds a wrong kernel, ends by time, and survives errors."""

import functools
import itertools
import json

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.gpu_check import __main__ as command
from benchmarks.gpu_check import card, faces, goldens, replicas
from benchmarks.gpu_check.parts import Part, run_parts
from benchmarks.gpu_check.report import FAILED, LEFT_OUT, OK, Report, Row
from dnnlib import tflib
from training import networks_stylegan


def run(*args):
    result = CliRunner().invoke(command.main, [*map(str, args)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result.exit_code, result.output


@pytest.mark.thorough
def test_the_whole_check_passes_on_a_cpu_and_writes_its_rows(tmp_path):
    code, text = run('--device', 'cpu', '--write', tmp_path / 'rows.json', '--seconds', 10**6)
    assert code == 0, text
    rows = [Row(**row) for row in json.loads((tmp_path / 'rows.json').read_text())['rows']]
    assert {row.verdict for row in rows} == {OK, ''}
    assert list(dict.fromkeys(row.part for row in rows)) == [
        'card',
        'golden files',
        'two replicas',
        'training',
        'generating',
        'faces',
        'golden files, TF32',
    ]
    assert '0 of ' in text.splitlines()[-1] and 'first kernels' in text and 's/kimg' in text
    assert any('ema.npz' in row.what and 'at most' in row.beside for row in rows)


def test_without_time_all_but_the_card_is_left_out_and_named():
    code, text = run('--device', 'cpu', '--seconds', 0)
    assert code == 0
    assert text.count(LEFT_OUT) == 6 and 'TensorFlow' in text and 'give more --seconds' in text


def test_a_machine_without_a_gpu_fails_with_a_hint(monkeypatch):
    monkeypatch.setattr(card, 'cards', list)
    code, text = run()
    assert code == 1
    assert 'TensorFlow sees none' in text and 'nvidia-smi' in text and 'need a GPU' in text
    assert '--seconds' not in text  # more time does not help


class WrongConvolutions(networks_stylegan._Layout):
    """A layout in which convolutions are off by a thousandth."""

    def _conv(self, *args):
        return super()._conv(*args) * 1.001


def test_a_wrong_kernel_fails_the_golden_file_and_the_check(monkeypatch):
    part = Part(goldens.PART, 1, functools.partial(goldens.open_goldens, 'cpu', ['d_basic_32']))
    monkeypatch.setattr(command, 'parts_of', lambda device, size: [part])
    monkeypatch.setattr(networks_stylegan, '_Layout', WrongConvolutions)
    code, text = run('--device', 'cpu')
    assert code == 1
    row = next(line for line in text.splitlines() if 'd_basic_32' in line)
    assert 'd_basic_32.npz, scores' in row and row.endswith(FAILED)
    assert '1 of 4 rows failed' in text


def test_a_sum_that_misses_a_replica_fails(session, monkeypatch):
    both = tflib.Replicas(['/cpu:0', '/cpu:0'])
    assert replicas.row_about_sums(both, 'CPU').verdict == OK
    monkeypatch.setattr(both, '_sums_here', lambda copies: [copies[0]] * 2)
    assert replicas.row_about_sums(both, 'CPU').verdict == FAILED


def test_other_boxes_and_other_decisions_fail(monkeypatch):
    boxes = np.array([[10.0, 10.0, 60.0, 60.0, 0.99]])
    found = {'cpu': [boxes, boxes], 'moved': [boxes + 0.002, boxes], 'none': [boxes[:0], boxes]}
    monkeypatch.setattr(faces, 'detect_faces', lambda images, runtime: found[runtime])
    images = [np.zeros([100, 100, 3], np.uint8)] * 2
    verdicts = {name: faces.check_batch(images, 'cpu', name)[0] for name in found}
    assert [row.verdict for row in verdicts.values()] == [OK, FAILED, FAILED]
    assert verdicts['none'].here.startswith('1 decisions differ')


def test_parts_take_their_share_of_the_time_and_what_is_left_over():
    """A clock that each item moves on by 10 s."""
    time, done = [0.0], []

    def item(part, name):
        def check():
            time[0] += 10
            done.append(name)
            return [Row(part, name, '', '', OK)]

        return name, check

    def part(name, seconds, count):
        return Part(name, seconds, lambda stack: [item(name, f'{name}{number}') for number in range(count)])

    report = Report()
    run_parts([part('a', 2, 1), part('b', 2, 5), part('c', 4, 9)], 80, report, lambda: time[0])
    assert done == ['a0', 'b0', 'b1', 'b2', 'c0', 'c1', 'c2', 'c3'] and time[0] == 80
    left_out = [(row.part, row.what) for row in report.rows if row.verdict == LEFT_OUT]
    assert left_out == [('b', 'b3, b4'), ('c', 'c4, c5, c6, c7, c8')]


def test_an_error_is_a_row_and_the_rest_goes_on(tmp_path):
    def fail(*_):
        raise ValueError('no such kernel\nand more')

    clock = itertools.count()
    report = Report(str(tmp_path / 'rows.json'))
    good = ('good', lambda: [Row('b', 'good', '', '', OK)])
    parts = [Part('a', 1, fail), Part('b', 1, lambda stack: [('bad', fail), good])]
    run_parts(parts, 1000, report, lambda: next(clock))
    assert [(row.part, row.what, row.verdict) for row in report.rows] == [
        ('a', 'begin', FAILED),
        ('b', 'bad', FAILED),
        ('b', 'good', OK),
    ]
    written = json.loads((tmp_path / 'rows.json').read_text())['rows']
    assert written[0]['here'] == 'ValueError: no such kernel' and 'Traceback' in written[0]['detail']


@pytest.mark.parametrize('version', [8904, 10020])
def test_versions_of_loaded_libraries_are_asked_of_them(version, tmp_path, monkeypatch):
    class Function:
        def __call__(self):
            return version

    class Library:
        cudnnGetVersion = Function()

    monkeypatch.setattr(card.ctypes, 'CDLL', {'/usr/lib/libcudnn.so.8.9': Library}.get)
    (tmp_path / 'maps').write_text('7f00-7f01 r-xp 0 08:01 12 /usr/lib/libcudnn.so.8.9\n7f02-7f03 rw-p 0 00:00 0\n')
    assert list(card.loaded_libraries(str(tmp_path / 'maps'))) == [('libcudnn', str(version))]


def test_what_the_driver_compiled_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv('CUDA_CACHE_PATH', str(tmp_path))
    before = card.kernel_cache_bytes()
    assert 'nothing was compiled' in card.row_about_compilation(before).beside
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / 'kernel').write_bytes(bytes(2 * 10**6))
    row = card.row_about_compilation(before)
    assert row.here == '2.0 MB' and 'again' in row.beside


def test_a_file_of_the_driver_that_is_removed_meanwhile_does_not_end_the_check(tmp_path, monkeypatch):
    monkeypatch.setenv('CUDA_CACHE_PATH', str(tmp_path))
    (tmp_path / 'kernel').write_bytes(bytes(1000))
    monkeypatch.setattr(card.os, 'walk', lambda folder: [(folder, [], ['gone', 'kernel'])])
    assert card.kernel_cache_bytes() == 1000
