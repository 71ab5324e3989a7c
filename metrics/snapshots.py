"""What happens to each snapshot of a run: it is measured, the best one is copied, the page is written."""

import numpy as np

from dnnlib.errors import UserError
from dnnlib.faces.detector import FaceDetector
from dnnlib.util import format_duration
from metrics.results import Snapshot, append_result, delete_snapshots, drop_results, keep_best
from metrics.run_report import RunReport


class MeasuredSnapshots:
    """Measures each snapshot of a run, copies the best one, and counts the fakes in the grid that show a face.

    After each snapshot the page about the run, `report.html`, is written anew.

    Args:
        run_dir: Folder of the run.
        meter: `metrics.meter.Meter` with the metrics of the run.
        log: `training.log.RunLog`.
        options: `training.options.TrainingOptions`; `gpus` and `keep_snapshots` are read.
    """

    def __init__(self, run_dir, meter, log, options):
        self._run_dir, self._meter, self._log, self._options = run_dir, meter, log, options
        self._report = RunReport(run_dir)
        meter.renew_fingerprints(run_dir)
        self._detector = FaceDetector('cpu')  # fast enough on a CPU; the GPUs are for training

    def measure(self, name, kimg, Gs, images):
        """Measures a snapshot that has just been written.

        Args:
            name: File name of the snapshot.
            kimg: Thousands of reals shown so far.
            Gs: The generator of the snapshot.
            images: Fakes of the image grid, uint8 [N, H, W, C].

        Raises:
            UserError: A metric could not be measured. The values of the other metrics are kept.
        """
        failures = []
        for _, results in self._meter.measure(self._meter.metrics, Gs, num_gpus=self._options.gpus):
            if isinstance(results, UserError):
                failures.append(results)
                continue
            for result in results:
                append_result(self._run_dir, Snapshot(name, kimg), result)
                best = keep_best(self._run_dir, result.metric) if result.metric == self._meter.decisive else None
                remark = '' if best is None else f'  best so far {best["value"]:.4f} at kimg {best["kimg"]:g}'
                seconds = format_duration(result.seconds)
                self._log.say(f'{name}: {result.metric} {result.value:.4f} in {seconds}{remark}')
                self._log.add_scalars({result.metric: result.value}, kimg)
        # The detector takes RGB: a gray channel is repeated.
        faces = self._detector.count_faces(np.broadcast_to(images, [*images.shape[:3], 3]))
        self._log.say(f'{name}: MTCNN finds a face in {faces} of {len(images)} fakes of the grid')
        self._log.add_scalars({'faces_found': faces / len(images)}, kimg)
        if self._options.keep_snapshots is not None:
            delete_snapshots(self._run_dir, self._meter.decisive, self._options.keep_snapshots)
        self._report.write_or_warn(self._log.say)
        if failures:
            raise failures[0]

    def forget_from(self, kimg):
        """Drops the results at `kimg` thousand reals and later, because the run goes on from an earlier state."""
        drop_results(self._run_dir, kimg)
