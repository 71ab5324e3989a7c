"""Makes the missing shard files of a job, on this machine or on a cluster, and shows how far it is."""

import array
import contextlib
import os
import shutil
import sys
import time

from dnnlib.errors import UserError
from dnnlib.jobs.shards import shard_path
from dnnlib.progress import Progress

LINE_BYTES = 600  # a generous guess for a line of the manifest
SHOWN_REFUSALS = 10  # files that are named on the screen; the manifest names all


def make_shards(job, work, pool, cluster=None):
    """Makes the shard files that are missing.

    Args:
        job: `dnnlib.jobs.job.Job`.
        work: `dnnlib.folders.Unfinished`; the files come into its folder `parts`.
        pool: Open `dnnlib.jobs.workers.Workers` whose state is made by `job.work.prepare`.
        cluster: `dnnlib.jobs.beam_runner.Cluster` whose workers do it instead; or None.

    Returns:
        (number of images that this call examined, seconds that took).

    Raises:
        UserError: The disk is too small or fails, or the processes die.
    """
    with _open_examiner(job, work, pool, cluster) as examiner:
        return _examine(job, work, examiner)


def check_room(folder, needs, later=(), quiet=False):
    """Prints how much disk is needed.

    Args:
        folder: On that disk.
        needs: List of (what, bytes).
        later: Likewise; only printed.
        quiet: Whether nothing is printed if there is room.

    Raises:
        UserError: `needs` do not fit.
    """
    free = shutil.disk_usage(folder).free
    said = [f'{size / 1e9:.2f} GB for {what}' for what, size in [*needs, *later]]
    line = f'Disk: up to {" and ".join(said)}, {free / 1e9:.2f} GB free.'
    if not quiet:
        Progress.write(line, file=sys.stderr)
    if free < sum(size for _, size in needs):
        raise UserError(f'{line} Make room in {os.path.dirname(folder)}, or choose an --out on a larger disk.')


@contextlib.contextmanager
def _open_examiner(job, work, pool, cluster):
    """Yields an object with `examine(missing, progress)`, which makes shard files, and `room(missing)` (`BeamRun`)."""
    if cluster is None:
        yield _Pool(job, work, pool)
        return
    from dnnlib.jobs.beam_runner import BeamRun  # here: it needs apache-beam, which is optional

    with BeamRun(cluster, job, work) as examiner:
        yield examiner


class _Pool:
    """The processes of this machine."""

    def __init__(self, job, work, pool):
        self._job, self._work, self._pool = job, work, pool

    def room(self, missing):
        return []

    def examine(self, missing, progress):
        job = self._job
        with job.supply(self._work.path) as supply:
            tasks = (
                job.work.task(number, shard_path(self._work.parts, number), *supply.take(job.shards[number]))
                for number in missing
            )
            for task, named in self._pool.run(tasks, progress.on_report):
                progress.on_done(job.shards[task.number], named)
                supply.free(task.reader)


def _examine(job, work, examiner):
    finished, shards = job.finished(work.parts), job.shards
    missing = array.array('Q', (number for number in range(len(shards)) if number not in finished))
    count = sum(shards[number].stop - shards[number].start for number in missing)
    done = shards.num_images - count
    if done:
        Progress.write(
            f'Going on with an unfinished run: {done:,} of {shards.num_images:,} {job.unit} are {job.done}.',
            file=sys.stderr,
        )
    if not count:
        return 0, 0.0
    now, later = job.room(count)
    check_room(work.path, [*now, *examiner.room(missing)], later, job.quiet)
    started = time.perf_counter()
    with JobProgress(job, done) as progress:
        try:
            examiner.examine(missing, progress)
        except UserError:
            for number in progress.doubtful:  # perhaps the disk failed there already: they are examined again
                os.remove(shard_path(work.parts, number))
            raise
    return count, time.perf_counter() - started


class JobProgress:
    """The bar, and the names of the first files without pixels."""

    def __init__(self, job, done):
        self._job = job
        total, unit = job.shards.num_images, f' {job.unit}'
        self._bar = Progress(total=total, initial=done, desc=job.doing, unit=unit, file=sys.stderr)
        self._counted, self._named = {}, 0
        self.doubtful = []  # numbers of the shards with an image that a fault of the machine may have refused

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self._bar.close()

    def on_report(self, task, report):
        """Takes a report of a task: ('together', number of its images that are done)."""
        kind, images = report
        if kind == 'together':
            self._bar.update(images - self._counted.get(task.number, 0))  # fewer, if the shard is tried again
            self._counted[task.number] = images

    def on_done(self, shard, named):
        """Takes note of a `Shard` whose file is there, and names some images; see `dnnlib.jobs.job.Work.task`."""
        self._bar.update(shard.stop - shard.start - self._counted.pop(shard.number, 0))
        if any(self._job.is_doubtful(refusal) for _, refusal in named):
            self.doubtful.append(shard.number)
        for path, refusal in named[: SHOWN_REFUSALS - self._named]:
            Progress.write(f'{path!r} is {refusal.reason}: {refusal.detail}', file=sys.stderr)
            self._named += 1
            if self._named == SHOWN_REFUSALS:
                Progress.write('(further ones are only named in manifest.jsonl)', file=sys.stderr)
        self._job.on_done(shard.number)
