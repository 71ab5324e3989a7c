"""Writes frames as films: a GIF and an MP4. The package imageio-ffmpeg brings the ffmpeg that makes the MP4."""

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

LARGEST_FPS = 50  # of a GIF; browsers play faster ones at 10 fps
_LARGEST_SIDE = 65535  # px, of a GIF
_LARGEST_TOTAL = 2**31  # pixels of all frames of a GIF, a byte each in memory
_CENTISECOND = 10  # ms, the unit of a GIF's time


def check_film(width, height, num_frames):
    """Raises a UserError for a film that is too large for a GIF or for the memory."""
    if max(width, height) > _LARGEST_SIDE or width * height * num_frames > _LARGEST_TOTAL:
        raise UserError(
            f'A film of {num_frames} frames of {width}x{height} is too large for a GIF, which takes sides up to '
            f'{_LARGEST_SIDE} px and {_LARGEST_TOTAL / 1e9:.1f} billion pixels in all frames: make it shorter, with '
            'fewer frames a second, or with fewer images.'
        )


def save_film(stem, frames, num_frames, fps):
    """Writes STEM.gif, which repeats for ever, and STEM.mp4. Each appears whole or not at all.

    Args:
        stem: Path without extension, in an existing folder.
        frames: Iterable of uint8 [H, W, C], C 1 (gray) or 3 (RGB). It is read while the films are written.
        num_frames: Number of frames, 1 or more.
        fps: Frames a second, up to `LARGEST_FPS`.

    Returns:
        (paths, remark): the files that were written, and a sentence that says why there is no MP4, or None.

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
    # The end of each frame is rounded to a hundredth of a second, not its duration, so that rounding does not add up.
    ends = [round(100 * number / fps) for number in range(num_frames + 1)]
    durations = [(end - begin) * _CENTISECOND for begin, end in zip(ends, ends[1:])]
    pictures = (_as_picture(frame) for frame in frames)
    first = next(pictures)
    with atomic_write(path) as file:
        first.save(file, 'GIF', save_all=True, append_images=pictures, duration=durations, loop=0)


def _as_picture(frame):
    """A frame as an image with at most 256 colours, chosen for this frame."""
    if frame.shape[2] == 1:
        return PIL.Image.fromarray(frame[:, :, 0])
    # Median cut, Pillow's default, takes far longer and is hardly closer to the frame.
    return PIL.Image.fromarray(frame).quantize(256, PIL.Image.FASTOCTREE)


class _Encoder:
    """Runs ffmpeg, which gets the frames while they are made. A failure is a remark and no error: the GIF remains."""

    def __init__(self, program, fps):
        self._program, self._fps = program, fps
        self._process, self._failure = None, None
        self._held = contextlib.ExitStack()
        folder = self._held.enter_context(tempfile.TemporaryDirectory())
        # A file and no pipe, because ffmpeg goes back at the end to write the index at the beginning.
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
        """Yields the frames, and gives each one to ffmpeg first."""
        frames = iter(frames)
        first = next(frames)
        self._start(*first.shape)
        for frame in itertools.chain([first], frames):
            if self._process is not None:
                with contextlib.suppress(BrokenPipeError):  # ffmpeg has ended; `finish` says why
                    self._process.stdin.write(frame.tobytes())
            yield frame

    def finish(self, path):
        """Writes the film. Returns None, or a sentence that says why there is no film."""
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
            # Every player takes 4:2:0. With faststart a browser can begin before it has the whole film.
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
