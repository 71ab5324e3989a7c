"""What the classes of a conditional run cost: each has a row in G's label embedding, and a column in D's output."""

from dnnlib.errors import UserError
from training.footprint import FLOAT_BYTES
from training.networks_stylegan import feature_maps

ADAM = 2  # moments of each trained value


def class_values(arguments):
    """How many values a class has in G and in D: (the latent's size, D's last feature maps and a bias).

    Args:
        arguments: As from `training.step.network_arguments`.
    """
    G, D = arguments['G'], arguments['D']
    fmaps = feature_maps(D.get('fmap_base', 8192), D.get('fmap_decay', 1.0), D.get('fmap_max', 512))
    return G.get('latent_size', 512), fmaps(0) + 1


def class_weight_rows(arguments, label_size, has_C=False):
    """What holds the weights of the classes on the first device: list of (what, bytes). C is that of --auxiliary."""
    G, D = (FLOAT_BYTES * label_size * values for values in class_values(arguments))
    return [
        ("G's label embedding", G),
        ('its average, in Gs', G),
        ("D's output", D),
        *([("C's output", D)] if has_C else []),
        (f"Adam's moments of {'all' if has_C else 'both'}", ADAM * (G + (1 + has_C) * D)),
    ]


def check_class_weights(arguments, label_size, memory, device, has_C=False):
    """Refuses more classes than a device can hold with their gradients, whatever the minibatch.

    Args:
        arguments: As from `training.step.network_arguments`.
        label_size: Number of classes, or of other label columns.
        memory: Bytes of the device.
        device: What to call it: 'this machine'.
        has_C: Whether a run has the network of --auxiliary, whose output is as large as D's.

    Raises:
        UserError: Says how much the weights take, and what to type.
    """
    variables = sum(size for _, size in class_weight_rows(arguments, label_size, has_C))
    G, D = (FLOAT_BYTES * label_size * values for values in class_values(arguments))
    gradient = max(G, (1 + has_C) * D)  # G trains in turn with D, and C with D
    if variables + gradient > memory:
        raise UserError(
            f'--labels: the weights of {label_size:,} classes take {variables / 1e9:.1f} GB with Adam, a step '
            f'{gradient / 1e9:.1f} GB more, and {device} has {memory / 1e9:.1f} GB: leave --labels out, make the '
            'dataset with fewer classes (python -m prefilter --max-identities), or give a smaller --latent-size and '
            '--fmap-max.'
        )
