"""Which test file goes to a process first, under `pytest -n 2 --dist loadfile`."""

from xdist.scheduler import LoadFileScheduling

# Files that share what takes long to build, and that one process therefore gets together.
TOGETHER = {
    'training steps': (
        'tests/test_train.py',
        'tests/test_train_advice.py',
        'tests/test_train_processes.py',
        'tests/test_train_runs.py',
        'tests/training/test_loop_run.py',
        'tests/training/test_step.py',
    ),
    'networks of pickles': (
        'tests/metrics/test_cached_stages.py',
        'tests/metrics/test_path_length.py',
        'tests/test_generate_figures.py',
        'tests/test_run_metrics.py',
        'tests/test_run_metrics_together.py',
    ),
}

# What takes longest comes first, so that the processes end at about the same time.
DEAREST = (
    'tests/faults/test_joint_training.py',
    'tests/training/test_joint_steps.py',
    'tests/faults/test_train_kills.py',
    'networks of pickles',
    'training steps',
    'tests/training/test_networks_stylegan.py',
    'tests/training/test_losses.py',
    'tests/faults/test_synthesis_kills.py',
    'tests/training/test_footprint.py',
    'tests/dnnlib/tflib/test_pickles.py',
    'tests/training/test_networks_progan.py',
    'tests/prefilter/test_prefilter_cli.py',
    'tests/faults/test_train_disk_full.py',
    'tests/prefilter/test_prefilter_pipeline.py',
    'tests/training/test_replicas.py',
    'tests/synthesis/test_generate.py',
    'tests/synthesis/test_generate_faults.py',
    'tests/dnnlib/test_own_modules.py',
    'tests/test_crossing.py',
    'tests/training/test_networks_stylegan_layers.py',
    'tests/synthesis/test_directions_verb.py',
    'tests/test_train_progan.py',
    'tests/dnnlib/tflib/test_progan_pickles.py',
    'tests/dnnlib/jobs/test_workers.py',
    'tests/dnnlib/test_verb.py',
)


class DearestFirst(LoadFileScheduling):
    """Gives out whole files, or files of TOGETHER: first the ones in DEAREST, then the ones with most tests."""

    def _split_scope(self, nodeid):
        file = super()._split_scope(nodeid)
        return next((name for name, files in TOGETHER.items() if file in files), file)

    def _assign_work_unit(self, node):
        dearest = next((scope for scope in DEAREST if scope in self.workqueue), None)
        if dearest is not None:
            self.workqueue.move_to_end(dearest, last=False)
        super()._assign_work_unit(node)
