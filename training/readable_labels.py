"""Which labels the network of --auxiliary can learn to read from images."""

import click
import numpy as np

from dnnlib.records.labels import ATTRIBUTES, CLASSES, NUMBERS
from training.options import CLASSIFIER, REGRESSOR

_TRAINABLE = {CLASSIFIER: (CLASSES, ATTRIBUTES), REGRESSOR: (NUMBERS,)}


def check_auxiliary(options, labels):
    """Refuses labels that the network of --auxiliary cannot learn.

    Args:
        options: `TrainingOptions` of a run that trains on labels.
        labels: `dnnlib.records.labels.Labels` of the dataset.

    Raises:
        click.UsageError: The message says what the labels are, and what to type.
    """
    if options.auxiliary is None:
        return
    if (labels.array == labels.array[:1]).all():
        raise click.UsageError(
            f'--auxiliary {options.auxiliary}: all images of {options.data} have the same label, so there is nothing '
            'to read; leave --auxiliary out, or name a dataset whose labels differ.'
        )
    kind = labels.kind()
    if kind not in _TRAINABLE[options.auxiliary]:
        if options.auxiliary == REGRESSOR:
            raise click.UsageError(
                f'--auxiliary {REGRESSOR}: learns numbers, and the labels of {options.data} are {kind}; give '
                f'--auxiliary {CLASSIFIER}.'
            )
        raise click.UsageError(
            f'--auxiliary {CLASSIFIER}: learns classes, or attributes of 0 and 1, and the labels of {options.data} are '
            f'other numbers; give --auxiliary {REGRESSOR}.'
        )
    if kind == NUMBERS and np.abs(labels.array).max(initial=0) > 1:
        raise click.UsageError(
            f'--auxiliary {REGRESSOR}: the labels of {options.data} go from {labels.array.min():g} to '
            f'{labels.array.max():g}, and must be from -1 to 1; python -m prefilter --labels numbers scales them.'
        )
