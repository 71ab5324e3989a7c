"""What an earlier version, 0.5 at commit 24f9110, wrote: tests/golden/earlier.

- `filtered` and `unfinished_filter`, of `python -m prefilter lfw-subset --size 8`: the dataset, and a work folder as
  SIGKILL left it.
- `photos.tgz` and `unfinished_archive`, of `python -m prefilter photos.tgz --size 8`: the work folder as SIGKILL left
  it, but for one of two spooled shards.
- `trained`, of `train.py --data toy` with FLAGS: a run that SIGTERM stopped at kimg 3.072. Its snapshot of kimg 1,
  network-best.pkl and report.html have been deleted since.
- `trained_to_its_end`: the figures of the same run, undisturbed.
- `metrics.json`: the settings and the values of each metric.
- `outputs.npz`: what the networks in `trained/network-snapshot-000002.pkl` made.
"""

import pathlib
import shlex
import shutil

from dnnlib.records.tfrecords import MultiResolutionDataset, fingerprint
from metrics.registry import FrechetDistance

EARLIER = pathlib.Path(__file__).parent / 'golden' / 'earlier'
DATA = EARLIER.parent / 'crossing' / 'tensorflow-1.15' / 'data'  # equals the dataset that the run was trained on
METRIC = FrechetDistance('fd_onet5k', 'onet', 40, 30)  # what that version measured by this name, but of fewer images
FLAGS = shlex.split(
    '--latent-size 8 --mapping-layers 2 --fmap-base 32 --fmap-max 8 --minibatch 64 --initial-resolution 4 '
    '--phase-kimg 2 --fade-kimg 2 --kimg 4 --tick-kimg 0.25 --snapshot-ticks 4 --metrics fd_onet5k '
    '--grid 3x2 --device cpu'
)


def earlier_run(folder):
    """Copies the unfinished run and its dataset, `toy`, to where that version had them: in a folder, its current one.

    Returns:
        Path of the run directory.
    """
    shutil.copytree(str(DATA), str(folder / 'toy'))
    return pathlib.Path(shutil.copytree(str(EARLIER / 'trained'), str(folder / 'results' / '00000-toy-8-paper-1gpu')))


def new_fingerprint():
    """The fingerprint of the run's dataset; that version wrote one of the old kind."""
    with MultiResolutionDataset(str(DATA)) as dataset:
        return fingerprint(dataset)
