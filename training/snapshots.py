"""Image grids of a run, and what happens to its final networks when the run goes on."""

import filecmp
import os

import numpy as np

from dnnlib.images import save_image_grid, to_uint8
from dnnlib.random_streams import GRID_LATENTS, GRID_NOISE, GRID_REALS, noise_seed, seed_from
from dnnlib.run_dir import FINAL_PICKLE, REALS_FILE, SNAPSHOT_PATTERN, fakes_kimg, snapshot_kimg


def grid_size_for(shape, screen=(3840, 2160)):
    """(columns, rows) of the grid that fills a screen with images: 7 to 32 columns, 4 to 32 rows on 4k.

    Args:
        shape: [C, H, W] of an image.
        screen: Width and height in px. On a screen smaller than 4k the grid has at least 3 columns and 2 rows.
    """
    least = (7, 4) if screen[0] >= 3840 else (3, 2)
    return tuple(int(np.clip(side // size, low, 32)) for side, size, low in zip(screen, (shape[2], shape[1]), least))


class ImageGrids:
    """Draws the same latents, and labels, at every snapshot, so that a run's grids show its progress.

    Args:
        run_dir: Folder of the run.
        training_set: `TrainingSet`; its first images fill reals.png.
        latent_size: Length of z.
        grid_size: (columns, rows); None chooses by `grid_size_for`.
        seed: Seed of latents, labels and noise.
    """

    def __init__(self, run_dir, training_set, latent_size, grid_size, seed):
        self._run_dir, self._training_set = run_dir, training_set
        self.grid_size = tuple(grid_size) if grid_size else grid_size_for(training_set.shape)
        count = self.grid_size[0] * self.grid_size[1]
        self._latents = np.random.RandomState(seed_from(seed, GRID_LATENTS)).randn(count, latent_size)
        # The same noise at every snapshot. Below 2^30, because networks add numbers to it and the sum must fit int32.
        self._noise_seed = noise_seed(seed, GRID_NOISE)
        self._labels = training_set.random_labels(count, np.random.RandomState(seed_from(seed, GRID_REALS)))

    def save_reals(self):
        """Writes reals.png: the first images of the training stream."""
        reals, _, _ = self._training_set.minibatch(0, len(self._latents))
        save_image_grid(os.path.join(self._run_dir, REALS_FILE), reals, self.grid_size, drange=(0, 255))

    def save_fakes(self, Gs, name, minibatch_size):
        """Writes a grid of fakes.

        Args:
            Gs: The moving average of the generator; it runs without truncation.
            name: Of the file, from `dnnlib.run_dir.fakes_name`.
            minibatch_size: Images at a time.

        Returns:
            The images, uint8 [N, H, W, C].
        """
        images = Gs.run(
            self._latents, self._labels, minibatch_size=minibatch_size, is_validation=True, random_seed=self._noise_seed
        )
        save_image_grid(os.path.join(self._run_dir, name), images, self.grid_size)
        return to_uint8(images).transpose(0, 2, 3, 1)


def names_before(run_dir, nimg):
    """The counters of names for a state that does not have them, as closely as the names of the files tell them.

    Args:
        run_dir: Folder of the run.
        nimg: Reals shown so far; files of more do not count.

    Returns:
        Dict of `named_nimg` and `grid_nimg`, see `training.run_state.new_counters`.
    """
    names = os.listdir(run_dir)

    def newest(kimg_of):
        kimgs = map(kimg_of, names)
        return max((kimg * 1000 for kimg in kimgs if isinstance(kimg, int) and kimg * 1000 <= nimg), default=-1)

    return {'named_nimg': newest(snapshot_kimg), 'grid_nimg': newest(fakes_kimg)}


def retire_final(run_dir, name):
    """Removes network-final.pkl when the run goes on, because it is no longer the final network.

    If no snapshot has the same content, network-final.pkl is renamed to a snapshot. If a snapshot of that name exists,
    nothing is changed, because no snapshot is ever replaced. That happens when the newest state is damaged and the run
    goes on from an older one.

    Args:
        run_dir: Folder of the run.
        name: File name for the snapshot.
    """
    final = os.path.join(run_dir, FINAL_PICKLE)
    if not os.path.exists(final):
        return
    snapshots = [os.path.join(run_dir, other) for other in os.listdir(run_dir) if SNAPSHOT_PATTERN.fullmatch(other)]
    if any(filecmp.cmp(final, snapshot, shallow=False) for snapshot in snapshots):
        os.remove(final)
    elif not os.path.exists(os.path.join(run_dir, name)):
        os.rename(final, os.path.join(run_dir, name))
