"""Films: their frames, their time, and what becomes of them without ffmpeg, with one, and with a broken one."""

import os
import stat
import subprocess

import imageio_ffmpeg
import numpy as np
import PIL.Image
import pytest

from dnnlib.errors import UserError
from metrics.figures.video import check_film, save_film


def frames_of(count, height=16, width=32, channels=3):
    """Frames of one colour each, all different."""
    for index in range(count):
        yield np.full([height, width, channels], 10 + 20 * index, np.uint8)


@pytest.fixture
def without_ffmpeg(monkeypatch):
    def fail():
        raise RuntimeError('No ffmpeg exe could be found.')

    monkeypatch.setattr('metrics.figures.video.get_ffmpeg_exe', fail)


@pytest.fixture
def program(monkeypatch, tmp_path):
    """The path of what is taken for ffmpeg."""
    (tmp_path / 'bin').mkdir()
    monkeypatch.setenv('IMAGEIO_FFMPEG_EXE', str(tmp_path / 'bin' / 'ffmpeg'))
    return tmp_path / 'bin' / 'ffmpeg'


@pytest.fixture
def stand_in(program):
    """Makes the script that is `ffmpeg` from now on."""

    def make(text):
        program.write_text('#!/bin/sh\n' + text)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    return make


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('fps, milliseconds', [(20, [50] * 7), (15, [70, 60, 70, 70, 60, 70, 70]), (50, [20] * 7)])
def test_the_gif_has_the_frames_plays_for_ever_and_keeps_time(without_ffmpeg, tmp_path, channels, fps, milliseconds):
    paths, remark = save_film(str(tmp_path / 'film'), frames_of(7, channels=channels), 7, fps)
    assert paths == [str(tmp_path / 'film.gif')] and 'no ffmpeg' in remark
    assert os.listdir(str(tmp_path)) == ['film.gif']
    with PIL.Image.open(paths[0]) as film:
        assert film.n_frames == 7 and film.info['loop'] == 0 and film.size == (32, 16)
        durations = []
        for index, frame in enumerate(frames_of(7)):
            film.seek(index)
            durations.append(film.info['duration'])
            np.testing.assert_array_equal(np.asarray(film.convert('RGB')), frame)
    assert abs(sum(durations) - sum(milliseconds)) < 1e-6 and durations == milliseconds


def test_ffmpeg_gets_the_size_the_rate_and_all_pixels(stand_in, tmp_path):
    stand_in(f'echo "$@" > {tmp_path}/arguments\nfor last; do :; done\ncat > "$last"\n')
    paths, remark = save_film(str(tmp_path / 'film'), frames_of(3), 3, 12)
    assert remark is None and paths == [str(tmp_path / 'film.gif'), str(tmp_path / 'film.mp4')]
    assert (tmp_path / 'film.mp4').read_bytes() == b''.join(frame.tobytes() for frame in frames_of(3))
    arguments = (tmp_path / 'arguments').read_text()
    assert '-pix_fmt rgb24 -s 32x16 -r 12 -i pipe:0' in arguments and '-pix_fmt yuv420p' in arguments
    save_film(str(tmp_path / 'gray'), frames_of(3, channels=1), 3, 12)
    assert '-pix_fmt gray -s 32x16' in (tmp_path / 'arguments').read_text()


@pytest.mark.parametrize(
    'script, reason',
    [
        ('echo "some text" >&2\necho "Unknown encoder" >&2\nexit 1\n', 'Unknown encoder'),
        ('cat > /dev/null\nexit 3\n', 'exit code 3'),
        ('cat > /dev/null\n', 'exit code 0'),
    ],
)
def test_a_broken_ffmpeg_leaves_the_gif_and_is_named(stand_in, tmp_path, script, reason):
    stand_in(script)
    paths, remark = save_film(str(tmp_path / 'film'), frames_of(9, 256, 256), 9, 10)
    assert paths == [str(tmp_path / 'film.gif')] and os.path.exists(paths[0])
    assert 'No MP4' in remark and reason in remark and not os.path.exists(str(tmp_path / 'film.mp4'))


def test_a_program_that_cannot_run_is_a_remark(program, tmp_path):
    program.write_bytes(b'\x7fELF is not enough')
    program.chmod(0o755)
    assert 'Exec format error' in save_film(str(tmp_path / 'film'), frames_of(2), 2, 10)[1]


def test_a_failure_while_frames_are_made_leaves_no_file(stand_in, tmp_path):
    stand_in('cat > /dev/null\n')

    def broken():
        yield from frames_of(2)
        raise RuntimeError('out of memory')

    with pytest.raises(RuntimeError):
        save_film(str(tmp_path / 'film'), broken(), 5, 10)
    assert sorted(os.listdir(str(tmp_path))) == ['bin']


def test_the_mp4_plays_the_frames_and_needs_nothing_on_the_path(tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.delenv('IMAGEIO_FFMPEG_EXE', raising=False)
    paths, remark = save_film(str(tmp_path / 'film'), frames_of(6, 32, 64), 6, 10)
    assert remark is None
    pixels = subprocess.run(
        [
            imageio_ffmpeg.get_ffmpeg_exe(),
            '-loglevel',
            'error',
            '-i',
            paths[1],
            '-f',
            'rawvideo',
            '-pix_fmt',
            'rgb24',
            'pipe:1',
        ],
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    played = np.frombuffer(pixels, np.uint8).reshape(6, 32, 64, 3)
    assert np.abs(played.astype(int) - np.stack(list(frames_of(6, 32, 64)))).max() <= 6  # it is lossy


def test_what_is_too_large_for_a_gif_is_refused_before_it_is_made():
    check_film(1024, 1024, 100)
    for size in ((65536, 4, 1), (4, 65536, 1), (2048, 2048, 600)):
        with pytest.raises(UserError, match='too large for a GIF'):
            check_film(*size)
