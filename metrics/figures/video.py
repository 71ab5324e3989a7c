"""Frames to films: a GIF and an MP4. The ffmpeg that makes the MP4 comes with the package imageio-ffmpeg."""

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile

import PIL.Image
from imageio_ffmpeg import get_ffmpeg_exe

from dnnlib.errors import UserError, disk_error
from dnnlib.files import atomic_write

LARGEST_FPS = 50  # of a GIF: browsers play what is faster at 10
_LARGEST_SIDE = 65535  # px, of a GIF
_LARGEST_TOTAL = 2**31  # pixels of all frames of a GIF, a byte each in memory
_CENTISECOND = 10  # ms, the unit of a GIF's time


def check_film(width, height, num_frames):
    """Refuses, as a `UserError`, a film that does not fit a GIF or the memory that writing it takes."""
    if max(width, height) > _LARGEST_SIDE or width * height * num_frames > _LARGEST_TOTAL:
        raise UserError(
            f'A film of {num_frames} frames of {width}x{height} is too large for a GIF, whose sides are up to '
            f'{_LARGEST_SIDE} px and all frames up to {_LARGEST_TOTAL / 1e9:.1f} billion pixels: make it shorter, '
            'slower or of fewer images.'
        )


def save_film(stem, frames, num_frames, fps):
    """Writes STEM.gif, which plays for ever, and STEM.mp4; each whole or not at all.

    Args:
        stem: Path without the ending, in an existing folder.
        frames: Iterable of uint8 [H, W, C], C 1 (gray) or 3 (RGB); made while the films are written.
        num_frames: How many there are, 1 or more.
        fps: Frames a second, up to `LARGEST_FPS`.

    Returns:
        (paths, remark): the files that were written; and a sentence why there is no MP4, or None.

    Raises:
        OSError: The GIF cannot be written.
    """
    try:
        program = get_ffmpeg_exe()
    except RuntimeError:  # the package has no program for this machine
        _save_gif(stem + '.gif', frames, num_frames, fps)
        return [stem + '.gif'], 'No MP4: there is no ffmpeg; install one (Debian: apt-get install ffmpeg).'
    with _Encoder(program, fps) as encoder:
        _save_gif(stem + '.gif', encoder.watch(frames), num_frames, fps)
        remark = encoder.finish(stem + '.mp4')
    return [stem + '.gif'] + ([] if remark else [stem + '.mp4']), remark


def _save_gif(path, frames, num_frames, fps):
    # Each frame ends at the hundredth of a second next to its end, so that rounding does not add up.
    ends = [round(100 * number / fps) for number in range(num_frames + 1)]
    durations = [(end - begin) * _CENTISECOND for begin, end in zip(ends, ends[1:])]
    pictures = (_as_picture(frame) for frame in frames)
    first = next(pictures)
    with atomic_write(path) as file:
        first.save(file, 'GIF', save_all=True, append_images=pictures, duration=durations, loop=0)


def _as_picture(frame):
    """A frame in the up to 256 colours of its own that a GIF allows."""
    if frame.shape[2] == 1:
        return PIL.Image.fromarray(frame[:, :, 0])
    # The median cut, Pillow's own choice, is hardly closer to a photograph and takes far longer.
    return PIL.Image.fromarray(frame).quantize(256, PIL.Image.FASTOCTREE)


class _Encoder:
    """An ffmpeg that takes frames while they are made. A failure of it is a remark, no error: there is the GIF."""

    def __init__(self, program, fps):
        self._program, self._fps = program, fps
        self._process, self._failure = None, None
        self._held = contextlib.ExitStack()
        folder = self._held.enter_context(tempfile.TemporaryDirectory())
        # At its end ffmpeg goes back to the beginning of the file and writes the index there, which a pipe cannot do.
        self._target, self._messages = os.path.join(folder, 'film.mp4'), os.path.join(folder, 'messages.txt')

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if self._process is not None:
            self._process.kill()
            self._close_pipe()
            self._process.wait()
        self._held.close()

    def watch(self, frames):
        """Passes frames on, each once ffmpeg has it."""
        frames = iter(frames)
        first = next(frames)
        self._start(*first.shape)
        for frame in itertools.chain([first], frames):
            if self._process is not None:
                with contextlib.suppress(BrokenPipeError):  # it has ended, and `finish` says why
                    self._process.stdin.write(frame.tobytes())
            yield frame

    def finish(self, path):
        """Writes the film; returns None, or a sentence why there is none."""
        if self._process is not None:
            self._close_pipe()
            status = self._process.wait()
            if status == 0 and os.path.exists(self._target):
                try:
                    with open(self._target, 'rb') as film, atomic_write(path) as file:
                        shutil.copyfileobj(film, file)
                    return None
                except OSError as error:
                    return f'No MP4: {disk_error(error, "written", path).message}'
            with open(self._messages, encoding='utf-8', errors='replace') as file:
                lines = [line.strip() for line in file if line.strip()]
            self._failure = lines[-1] if lines else f'exit code {status}'
        return f'No MP4: {self._program} could not write it ({self._failure}).'

    def _start(self, height, width, channels):
        command = [
            self._program,
            '-loglevel',
            'error',
            '-nostdin',
            '-y',
            '-f',
            'rawvideo',
            '-pix_fmt',
            'gray' if channels == 1 else 'rgb24',
            '-s',
            f'{width}x{height}',
            '-r',
            str(self._fps),
            '-i',
            'pipe:0',
            # 4:2:0 is what every player takes; faststart lets a browser begin before it has all.
            '-c:v',
            'libx264',
            '-crf',
            '18',
            '-pix_fmt',
            'yuv420p',
            '-movflags',
            '+faststart',
            self._target,
        ]
        try:
            with open(self._messages, 'wb') as messages:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=messages
                )
        except OSError as error:
            self._failure = error.strerror

    def _close_pipe(self):
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
