"""How fast are faces found on one core, beside the `mtcnn` package? How fast is the whole filter on several?"""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import os
import re
import resource
import subprocess
import sys
import tempfile
import time

import click
import numpy as np
from PIL import Image

from dnnlib.faces.detector import FaceDetector
from prefilter.images import decode, read_bytes
from prefilter.reasons import Refusal
from prefilter.sources import open_source

SIZES = {
    (178, 218): 32,
    (250, 250): 32,
    (1024, 768): 4,
}  # (width, height) in px: number of photographs of this size in a round
BATCH = 16  # photographs given to our detector at once
PIPELINE_SIZE, PIPELINE_COUNT = (250, 250), 2400  # of the photographs that the whole filter gets


@click.command(
    epilog='\b\nExamples:\n  python -m benchmarks.prefilter --rounds 1\n'
    '  python -m benchmarks.prefilter --photos photos'
)
@click.option(
    '--photos',
    type=click.Path(exists=True),
    help='Folder or archive of photographs.  [default: the ones that come with scikit-image]',
)
@click.option('--rounds', default=3, show_default=True, help='Times that everything is measured; the shortest counts.')
def main(photos, rounds):
    """Time finding faces, by this project's detector and by `mtcnn.MTCNN().detect_faces`, on one core.

    Both see the same photographs, resized to each size, in turns in one run. If a photograph is smaller than the size,
    the next ones are put beside it, so at 1024x768 there may be many faces.

    Then time the whole filter, `python -m prefilter`, from JPEG files to records, with one process and with two, in
    turns. Its speed is the number of images a second that it prints. Its CPU time is the time of all its processes for
    an image, with their start and the records.
    """
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before TensorFlow counts the cores
    from tests.package_models import package_detector

    (_, detect), ours = package_detector(), FaceDetector('cpu')
    originals = list(read_photographs(photos, max(SIZES.values())) if photos else bundled_photographs())
    print('      size  photographs  faces  mtcnn img/s  ours img/s  mtcnn CPU ms  ours CPU ms  ratio', flush=True)
    for (width, height), count in SIZES.items():
        images = [at_size(originals, index, width, height) for index in range(count)]
        times = {'mtcnn': [], 'ours': []}
        for _ in range(rounds + 1):  # the first round warms up
            times['mtcnn'].append(seconds(lambda images=images: [detect(image) for image in images]))
            times['ours'].append(seconds(lambda images=images: in_batches(ours, images)))
        faces = sum(len(found) for found in in_batches(ours, images))
        mtcnn, own = (np.min(times[name][1:], axis=0) / count for name in ('mtcnn', 'ours'))  # wall, CPU
        print(
            f'{f"{width}x{height}":>10s}  {count:11d}  {faces:5d}  {1 / mtcnn[0]:11.1f}  {1 / own[0]:10.1f}  '
            f'{1000 * mtcnn[1]:12.1f}  {1000 * own[1]:11.1f}  {mtcnn[1] / own[1]:5.2f}',
            flush=True,
        )
    os.sched_setaffinity(0, cores)
    time_pipeline(originals, rounds)


def time_pipeline(originals, rounds):
    """Times the whole filter on copies of the photographs, and prints it."""
    with tempfile.TemporaryDirectory() as folder:
        photos = os.path.join(folder, 'photos')
        os.mkdir(photos)
        for index in range(PIPELINE_COUNT):
            image = Image.fromarray(at_size(originals, index, *PIPELINE_SIZE))
            image.save(os.path.join(photos, f'{index:04d}.jpg'), quality=95)
        speeds, cpu = {1: [], 2: []}, {1: [], 2: []}
        for number in range(rounds):
            for workers in speeds:
                out = os.path.join(folder, f'{workers}-{number}')
                speed, seconds_used = run_filter(photos, out, workers)
                speeds[workers].append(speed)
                cpu[workers].append(1000 * seconds_used / PIPELINE_COUNT)
    print(
        f'\nThe whole filter, {PIPELINE_COUNT} photographs of {PIPELINE_SIZE[0]}x{PIPELINE_SIZE[1]}, '
        f'{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\nworkers  images/s  CPU ms  ratio'
    )
    for workers in speeds:
        print(
            f'{workers:7d}  {max(speeds[workers]):8.1f}  {min(cpu[workers]):6.1f}  '
            f'{max(speeds[workers]) / max(speeds[1]):5.2f}',
            flush=True,
        )


def run_filter(source, out, workers, *flags):
    """Runs `python -m prefilter`; returns the images a second that it prints, and the CPU seconds of its processes."""
    command = [sys.executable, '-m', 'prefilter', source, '--out', out, '--workers', str(workers), '--device', 'cpu']
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run([*command, *flags], capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode:
        raise click.ClickException(f'{" ".join(command)} failed:\n{run.stderr}')
    speed = float(re.search(r'([\d.]+) images/s', run.stdout).group(1))
    return speed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def in_batches(detector, images):
    """Faces of each image."""
    batches = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
    return [faces for batch in batches for faces in detector.detect_batch(batch)]


def seconds(function):
    """Wall clock and CPU seconds of a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - cpu


def at_size(originals, index, width, height):
    """A photograph at a size: its middle, or, if it is too small, a montage with the next ones."""
    first = originals[index % len(originals)]
    columns, rows = -(-width // (first.shape[1] + 40)), -(-height // (first.shape[0] + 40))
    side = max(width // columns, height // rows) + 1
    cells = [middle_square(originals[(index + cell) % len(originals)], side) for cell in range(columns * rows)]
    grid = np.concatenate([np.concatenate(cells[row * columns : (row + 1) * columns], axis=1) for row in range(rows)])
    top, left = (grid.shape[0] - height) // 2, (grid.shape[1] - width) // 2
    return np.ascontiguousarray(grid[top : top + height, left : left + width])


def middle_square(pixels, side):
    """The largest square in the middle, resized to that side."""
    height, width = pixels.shape[:2]
    shorter = min(height, width)
    left, top = (width - shorter) // 2, (height - shorter) // 2
    image = Image.fromarray(pixels).resize((side, side), Image.BICUBIC, (left, top, left + shorter, top + shorter))
    return np.asarray(image)


def bundled_photographs():
    """Yields what comes with scikit-image: a portrait, then faces and backgrounds of LFW, enlarged."""
    from skimage.data import astronaut, lfw_subset

    yield astronaut()
    faces = np.rint(lfw_subset() * 255).astype(np.uint8)
    for face, background in zip(faces[:40], faces[100:]):
        scene = np.asarray(Image.fromarray(background).resize((250, 250), Image.BICUBIC)).copy()
        scene[60:190, 60:190] = np.asarray(Image.fromarray(face).resize((130, 130), Image.BICUBIC))
        yield np.repeat(scene[:, :, np.newaxis], 3, axis=2)


def read_photographs(path, count):
    """Yields the first readable photographs of a folder or archive."""
    source = open_source(path, 'tree')
    for place in range(len(source.paths)):
        try:
            yield decode(read_bytes(source, place))
        except Refusal:
            continue
        count -= 1
        if count == 0:
            return


if __name__ == '__main__':
    main()
