import io
import os
import pty

import pytest

from dnnlib import progress
from dnnlib.progress import Progress


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress.time, 'monotonic', clock)
    return clock


def test_a_file_gets_a_line_every_few_seconds(clock):
    file = io.StringIO()
    with Progress(total=100, desc='Reading', unit=' images', file=file) as bar:
        for _ in range(100):
            clock.now += 0.25
            bar.update()
            bar.refresh()
    lines = file.getvalue().split('\n')
    assert '\r' not in file.getvalue() and lines.pop() == ''
    assert len(lines) == 25 // progress.LINE_SECONDS
    assert lines[0].startswith('Reading:  20% 20/100 [') and lines[-1].startswith('Reading: 100% 100/100 [')
    assert all('images/s' in line and len(line) < 80 for line in lines)


def test_other_output_prints_no_further_lines(clock):
    file = io.StringIO()
    with Progress(total=9, file=file):
        for number in range(5):
            Progress.write(f'remark {number}', file=file)
        assert file.getvalue() == ''.join(f'remark {number}\n' for number in range(5))


@pytest.mark.parametrize('options', [{'leave': False}, {'delay': 60}, {'disable': True}])
def test_bars_that_leave_nothing_leave_no_line(clock, options):
    file = io.StringIO()
    assert list(Progress(range(9), file=file, **options)) == list(range(9))
    assert file.getvalue() == ''


def test_an_end_by_an_error_is_printed_once(clock):
    file = io.StringIO()
    with pytest.raises(KeyError), Progress(total=9, file=file) as bar:
        bar.update(3)
        raise KeyError
    bar.close()
    assert file.getvalue().count('\n') == 1 and '33% 3/9' in file.getvalue()


def test_a_terminal_gets_a_bar():
    leader, follower = pty.openpty()
    with os.fdopen(follower, 'w') as file:
        for _ in Progress(range(3), file=file):
            pass
        shown = b''
        while b'3/3' not in shown:
            shown += os.read(leader, 1 << 16)
    os.close(leader)
    shown = shown.decode()
    assert '\r' in shown and '100%|' in shown
