"""Which test file goes to a process first, under `pytest -n 2 --dist loadfile`."""

from xdist.scheduler import LoadFileScheduling

# The files that take longest come first, so that the processes end at about the same time.
DEAREST = (
    'tests/training/test_losses.py',
    'tests/training/test_networks_stylegan.py',
    'tests/test_train_processes.py',
    'tests/faults/test_train_disk_full.py',
    'tests/faults/test_train_kills.py',
    'tests/test_run_metrics.py',
    'tests/training/test_schedule.py',
    'tests/dnnlib/tflib/test_pickles.py',
    'tests/metrics/test_cached_stages.py',
    'tests/test_train_runs.py',
    'tests/training/test_replicas.py',
    'tests/test_crossing.py',
    'tests/training/test_step.py',
    'tests/prefilter/test_prefilter_cli.py',
    'tests/test_generate_figures.py',
)


class DearestFirst(LoadFileScheduling):
    """Gives out whole files: first the ones in DEAREST, then the ones with most tests."""

    def _assign_work_unit(self, node):
        dearest = next((file for file in DEAREST if file in self.workqueue), None)
        if dearest is not None:
            self.workqueue.move_to_end(dearest, last=False)
        super()._assign_work_unit(node)
