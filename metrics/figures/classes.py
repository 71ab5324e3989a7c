"""What the labels of a generator change: the same latents under each class, or along each number of the labels."""

import numpy as np

from dnnlib.errors import UserError
from dnnlib.records.labels import ATTRIBUTES, CLASSES
from metrics.figures.drawing import TRUNCATION_CUTOFF, TRUNCATION_PSI, latents_of, run, tile
from metrics.figures.labels import known_labels, label_size

CLASS_SEEDS = (0, 1, 2, 3)
MOST = 8  # classes, or numbers, that are shown without a choice
STEPS = 5  # from the least to the largest value of a number


def rows_of_labels(labels, size, classes=None):
    """The labels of the figure.

    Args:
        labels: `dnnlib.records.labels.Labels` of the dataset; None if they are not known.
        size: Numbers in a label.
        classes: Class numbers to show; None shows the first ones, or numbers where labels are no classes.

    Returns:
        float32 [rows, columns, size]. Of classes, there is one row, with a column for each class. Else each row changes
        one number: attributes are 0, then 1; other numbers go from the least to the largest in the dataset. The other
        numbers are as they are most often, or their mean.
    """
    kind = CLASSES if labels is None or classes else labels.kind()
    if kind == CLASSES:
        return np.eye(size, dtype=np.float32)[np.newaxis, list(classes or range(min(size, MOST)))]
    middle = labels.array.mean(axis=0)
    middle = np.round(middle) if kind == ATTRIBUTES else middle
    shown = min(size, MOST)
    rows = np.tile(middle.astype(np.float32), [shown, 2 if kind == ATTRIBUTES else STEPS, 1])
    for number in range(shown):
        values = labels.array[:, number]
        ends = (0, 1) if kind == ATTRIBUTES else (values.min(), values.max())
        rows[number, :, number] = np.linspace(*ends, rows.shape[1])
    return rows


def draw_classes(Gs, seeds=CLASS_SEEDS, classes=None, psi=TRUNCATION_PSI):
    """Latents under each class, with fixed noise. Where labels are no classes: one latent along each number.

    Args:
        Gs: Generator `Network`, or a `metrics.figures.labels.LabelledNetwork`.
        seeds: Seeds of the latents, one for each row; where labels are no classes, the first one is used.
        classes: Class numbers, one for each column; None shows the first ones.
        psi: Truncation psi at 4x4 to 32x32.

    Returns:
        uint8 [rows H, columns W, C].

    Raises:
        UserError: The network takes no labels.
    """
    size = label_size(Gs)
    if not size:
        raise UserError('This network takes no labels, so there are no classes to draw.')
    rows = rows_of_labels(known_labels(Gs), size, classes)
    latents = latents_of(Gs, seeds)
    latents = np.repeat(latents[:1], len(rows), axis=0) if len(rows) > 1 else latents
    rows = np.broadcast_to(rows, [len(latents), *rows.shape[1:]])
    images = run(
        Gs,
        np.repeat(latents, rows.shape[1], axis=0),
        rows.reshape(-1, size),
        truncation_psi=psi,
        truncation_cutoff=TRUNCATION_CUTOFF,
        randomize_noise=False,
    )
    return tile(images, rows.shape[1], len(latents))
