"""Names of the original StyleGAN code's `training.misc` that its users' scripts take from there."""

import glob
import os
import pickle
from typing import Any, List, Optional, Sequence, Tuple, Union

import numpy as np
import PIL.Image
import tensorflow.compat.v1 as tf

from dnnlib import images as image_files
from dnnlib import tflib
from dnnlib.download.published import resolve
from dnnlib.errors import UserError, disk_errors
from dnnlib.files import atomic_write
from dnnlib.images import create_image_grid
from dnnlib.own_modules import own_module
from dnnlib.run_dir import FINAL_PICKLE, find_runs, snapshot_kimg

__all__ = [
    'adjust_dynamic_range',
    'convert_to_pil_image',
    'create_image_grid',
    'list_network_pkls',
    'load_pkl',
    'locate_network_pkl',
    'save_image_grid',
    'save_pkl',
]
Range = Sequence[float]


def load_pkl(file_or_url: str) -> Any:
    """Opens a network pickle, in the default session; nothing in the file is executed.

    Args:
        file_or_url: Path, URL, or name of a published network.

    Returns:
        A tuple such as (G, D, Gs), or a `Network`.

    Raises:
        UserError: There is no such file, or it holds something else than networks; `pickle.load` reads that.
    """
    return tflib.load_networks(resolve(file_or_url))


def save_pkl(obj: Any, filename: str) -> None:
    """Writes a pickle, whole or not at all: networks as `tflib.save_networks` does, other objects as `pickle.dump`."""
    parts = obj if isinstance(obj, (tuple, list)) else [obj]
    if parts and all(isinstance(part, tflib.Network) for part in parts):
        tflib.save_networks(filename, obj)
        return
    with disk_errors('written', filename), atomic_write(filename) as file:
        pickle.dump(obj, file, protocol=pickle.HIGHEST_PROTOCOL)


def adjust_dynamic_range(data: np.ndarray, drange_in: Range, drange_out: Range) -> np.ndarray:
    """Maps the range `drange_in` to `drange_out`, such as [0, 255] to [-1, 1]; float32, the same array if they are one.

    Works on tensors too.
    """
    if list(drange_in) == list(drange_out):
        return data
    scale = (drange_out[1] - drange_out[0]) / (drange_in[1] - drange_in[0])
    data = tf.cast(data, tf.float32) if tflib.is_tf_expression(data) else np.asarray(data, np.float32)
    return data * np.float32(scale) + np.float32(drange_out[0] - drange_in[0] * scale)


def convert_to_pil_image(image: np.ndarray, drange: Range = (0, 1)) -> PIL.Image.Image:
    """An image [C, H, W] of 1 or 3 channels, [1, C, H, W] or [H, W], of dynamic range `drange`, as a `PIL.Image`."""
    return image_files.to_pil(image[0] if image.ndim == 4 else image, tuple(drange))


def save_image_grid(
    images: np.ndarray, filename: str, drange: Range = (0, 1), grid_size: Optional[Tuple[int, int]] = None
) -> None:
    """Writes images [N, C, H, W] side by side as one PNG; `grid_size` is (columns, rows), None a near-square grid."""
    image_files.save_image_grid(filename, images, grid_size, tuple(drange))


def list_network_pkls(run_id_or_run_dir: Union[int, str], include_final: bool = True) -> List[str]:
    """Paths of the snapshots of a run, sorted by kimg; at the end network-final.pkl, if it is there and wanted.

    Args:
        run_id_or_run_dir: A folder; or the number of a run in `config.RESULTS_DIR`, such as 3 or '00003'.

    Raises:
        UserError: There is no such run.
    """
    folder = _find_run(run_id_or_run_dir)
    found = [path for path in glob.glob(os.path.join(glob.escape(folder), '*.pkl')) if _kimg_of(path) is not None]
    final = os.path.join(folder, FINAL_PICKLE)
    return sorted(found, key=_kimg_of) + [final] * (include_final and os.path.exists(final))


def locate_network_pkl(
    run_id_or_run_dir_or_network_pkl: Union[int, str], snapshot: Optional[Union[int, str]] = None
) -> str:
    """The path of a network pickle.

    Args:
        run_id_or_run_dir_or_network_pkl: A pickle, which is itself meant; or a run, see `list_network_pkls`.
        snapshot: Of a run: kimg, such as 8040; 'final'; None takes the last one.

    Raises:
        UserError: There is no such run or snapshot.
    """
    named = run_id_or_run_dir_or_network_pkl
    if isinstance(named, str) and os.path.isfile(named):
        return named
    paths = list_network_pkls(named)
    if snapshot is not None:
        paths = [path for path in paths if _is_wanted(path, str(snapshot))]
    if not paths:
        what = 'network-*.pkl' if snapshot is None else f'network-snapshot-*.pkl of {snapshot} kimg'
        raise UserError(f'{_find_run(named)} has no {what}: name another run or snapshot.')
    return paths[-1]


def _is_wanted(path, snapshot):
    kimg = _kimg_of(path)
    if kimg is None:
        return snapshot == 'final'
    try:
        return float(snapshot) == kimg
    except ValueError:
        return False


def _kimg_of(path):
    return snapshot_kimg(os.path.basename(path))


def _find_run(named):
    if isinstance(named, str) and os.path.isdir(named):
        return named
    results = own_module('config').RESULTS_DIR
    text = str(named)
    for path in find_runs(results):
        name = os.path.basename(path)
        if name == text or (text.isdigit() and int(name.split('-')[0]) == int(text)):
            return path
    raise UserError(f'There is no run {text} in {results}, nor a folder of that name: name the directory of a run.')
