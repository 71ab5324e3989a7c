"""How fast are records written, compared with TensorFlow's own writer, which the filter used before?"""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import functools
import multiprocessing
import os
import tempfile
import time

import click
import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib.files import sha256_of_file
from dnnlib.records.tfrecords import allocate_records, write_records
from tests.tensorflow_records import serialized


@click.command(epilog='\b\nExample:\n  python -m benchmarks.records --count 500')
@click.option('--size', default=256, show_default=True, help='Side of the images, px.')
@click.option('--count', default=2000, show_default=True, help='Images.')
@click.option('--workers', default=2, show_default=True, help='Processes of the parallel writer.')
@click.option('--rounds', default=3, show_default=True, help='Times that everything is measured; the shortest counts.')
def main(size, count, workers, rounds):
    """Time writing COUNT images at all resolutions: through TensorFlow, by one process, and by WORKERS processes.

    Fails if the files are not the same byte for byte. The processes of the parallel writer run before the time starts,
    as in the filter.
    """
    with tempfile.TemporaryDirectory() as folder, multiprocessing.get_context('spawn').Pool(workers) as pool:
        pool.map(len, [''] * workers)
        ways = {
            'TensorFlow': write_with_tensorflow,
            'one process': functools.partial(write_ranges, map),
            f'{workers} processes': functools.partial(write_ranges, pool.imap_unordered),
        }
        times, contents = {way: [] for way in ways}, set()
        for number in range(rounds):
            for way, write in ways.items():
                out = os.path.join(folder, f'{number} {way}')
                os.mkdir(out)
                begin, cpu = time.perf_counter(), time.process_time()
                write(out, size, count)
                times[way].append((time.perf_counter() - begin, time.process_time() - cpu))
                contents.add(read_and_remove(out))
    if len(contents) > 1:
        raise click.ClickException('The files differ.')
    best = {way: np.min(seconds, axis=0) for way, seconds in times.items()}
    print(f'{count} images of {size}x{size}, load {os.getloadavg()[0]:.1f}')
    print('        writer  images/s  ratio  CPU ms here')
    for way, (wall, cpu) in best.items():
        print(f'{way:>14s}  {count / wall:8.0f}  {best["TensorFlow"][0] / wall:5.2f}  {1000 * cpu / count:11.3f}')


def images(size, start, stop):
    """Yields random images, uint8 [3, size, size]: a few in turns, because making many takes time."""
    few = np.random.RandomState(0).randint(0, 256, [8, 3, size, size]).astype(np.uint8)
    return (few[number % len(few)] for number in range(start, stop))


def write_with_tensorflow(folder, size, count):
    """Writes records like the filter did before it wrote them itself."""
    writers = [
        tf.io.TFRecordWriter(os.path.join(folder, f'set-r{level:02d}.tfrecords'))
        for level in range(size.bit_length() - 1, 1, -1)
    ]
    for image in images(size, 0, count):
        for writer, level in zip(writers, float_levels(image)):
            writer.write(serialized(level))
    for writer in writers:
        writer.close()


def float_levels(image):
    """The levels of an image as they used to be computed."""
    yield image
    image = image.astype(np.float32)
    while image.shape[1] > 4:
        image = (image[:, 0::2, 0::2] + image[:, 0::2, 1::2] + image[:, 1::2, 0::2] + image[:, 1::2, 1::2]) * 0.25
        yield np.rint(image).clip(0, 255).astype(np.uint8)


def write_ranges(map_any, folder, size, count):
    """Writes records by this project's functions, 256 at once."""
    allocate_records(folder, 'set', (3, size, size), count)
    tasks = [(folder, size, start, min(start + 256, count)) for start in range(0, count, 256)]
    for _ in map_any(write_range, tasks):
        pass


def write_range(task):
    """Writes some of the records."""
    folder, size, start, stop = task
    write_records(folder, 'set', (3, size, size), start, images(size, start, stop))


def read_and_remove(folder):
    """Removes the files in a folder. Returns their names and hashes."""
    found = []
    for name in sorted(os.listdir(folder)):
        found.append((name, sha256_of_file(os.path.join(folder, name))))
        os.remove(os.path.join(folder, name))
    return tuple(found)


if __name__ == '__main__':
    main()
