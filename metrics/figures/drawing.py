"""Parts of all figures of a generator: its images, its fine layers, canvases."""

import numpy as np
import PIL.Image

from dnnlib.images import create_image_grid, save_image_grid
from dnnlib.progress import Progress
from metrics.batches import seed_noise

MINIBATCH_SIZE = 8  # images at a time, as in the original's figures
WHITE = 255
TRUNCATION_PSI = 0.7
TRUNCATION_CUTOFF = 8  # layers below this one are truncated: resolutions 4x4 to 32x32


def to_levels():
    """An output transform for `Network.run`: images become uint8 [N, H, W, C]."""
    from dnnlib import tflib  # here: a command line is checked before TensorFlow starts

    return {'func': tflib.convert_images_to_uint8, 'nchw_to_nhwc': True}


def run(network, *inputs, noise_seed=None, **kwargs):
    """Images of a network, with a progress bar if it takes long.

    Args:
        network: A generator or synthesis `Network`.
        *inputs: An array [N, ...] for each input. None stands for zeros, or for labels of a dataset if it is
            a `metrics.figures.labels.LabelledNetwork`.
        noise_seed: Seed of fresh noise. On the same device it always gives the same images. None: `kwargs` decide about
            noise.
        **kwargs: Arguments of the network's build function.

    Returns:
        uint8 [N, H, W, C].
    """
    pieces = []
    with Progress(total=len(inputs[0]), desc='images', unit='img', leave=False, delay=1) as bar:
        for begin in range(0, len(inputs[0]), MINIBATCH_SIZE):
            arrays = [array if array is None else array[begin : begin + MINIBATCH_SIZE] for array in inputs]
            noise = {} if noise_seed is None else {'random_seed': seed_noise(noise_seed, begin)}
            pieces.append(network.run(*arrays, output_transform=to_levels(), **noise, **kwargs))
            bar.update(len(arrays[0]))
    return np.concatenate(pieces)


def latents_of(Gs, seeds):
    """Latents, one from each seed; float64 [len(seeds), latent_size]."""
    return np.stack([np.random.RandomState(seed).randn(*Gs.input_shape[1:]) for seed in seeds])


def fine_layers(num_layers):
    """The fine layers: layer 8 and higher (64x64 and up). If there are 8 layers or fewer, the later half.

    Args:
        num_layers: Layers of the synthesis network, 14 at 256x256.

    Returns:
        A range. All layers before it are coarse.
    """
    return range(TRUNCATION_CUTOFF if num_layers > TRUNCATION_CUTOFF else num_layers // 2, num_layers)


def white_canvas(height, width, channels):
    """uint8 [height, width, channels], all white."""
    return np.full([height, width, channels], WHITE, np.uint8)


def tile(images, columns, rows):
    """A grid of images, row by row. Cells without an image are white.

    Args:
        images: uint8 [N, H, W, C], N up to columns * rows.
        columns: Images side by side.
        rows: Images one above the other.

    Returns:
        uint8 [rows * H, columns * W, C].
    """
    missing = np.full([columns * rows - len(images), *images.shape[1:]], WHITE, np.uint8)
    cells = np.concatenate([images, missing]).transpose(0, 3, 1, 2)
    return create_image_grid(cells, (columns, rows)).transpose(1, 2, 0)


def resize(image, size, resample):
    """Resizes an image of any number of channels.

    Args:
        image: uint8 [H, W, C].
        size: (width, height) of the result, px.
        resample: A filter of PIL, such as `PIL.Image.LANCZOS`.

    Returns:
        uint8 [height, width, C]; the same array if it has this size.
    """
    if size == image.shape[1::-1]:
        return image
    planes = [PIL.Image.fromarray(image[:, :, channel]).resize(size, resample) for channel in range(image.shape[2])]
    return np.stack([np.asarray(plane) for plane in planes], axis=2)


def save_png(path, canvas):
    """Writes a figure as PNG, whole or not at all.

    Args:
        path: Target file in an existing folder.
        canvas: uint8 [H, W, C], C 1 (gray) or 3 (RGB).
    """
    save_image_grid(path, canvas.transpose(2, 0, 1)[np.newaxis], drange=(0, 255))
