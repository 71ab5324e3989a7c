"""Are the numbers the original code's? The golden files, in the layout of GPUs."""

import contextlib
import functools

from benchmarks.gpu_check.report import Row, judged
from dnnlib.tflib.versions import IS_TF2, allow_tf32
from tests.golden_table import results_by_quantity
from tests.goldens.files import FOLDER
from tests.goldens.kinds import golden_files, is_wrong
from tests.layouts import LAYOUTS

PART, PART_TF32 = 'golden files', 'golden files, TF32'


def open_goldens(device, names, _stack):
    """The items: a file each.

    Args:
        device: 'gpu' or 'cpu'.
        names: Of the files without their ending; None: all whose results depend on the layout.
    """
    layout = layout_for(device)
    return [(path.name, functools.partial(check_file, path, kind, layout)) for path, kind in _chosen(names)]


def open_goldens_in_tf32(device, names, _stack):
    """The same for information, with TF32, if TensorFlow has it."""
    if not IS_TF2:
        return [('all', lambda: [Row(PART_TF32, 'all', 'TensorFlow 1.15 has no TF32')])]
    layout = layout_for(device)
    return [(path.name, functools.partial(check_file_in_tf32, path, kind, layout)) for path, kind in _chosen(names)]


def layout_for(device):
    """The layout of GPUs; on a CPU too, where TensorFlow can execute it there."""
    return 'NCHW' if device == 'gpu' else LAYOUTS[-1]


def _chosen(names):
    return [
        (path, kind)
        for path, kind in golden_files(FOLDER).items()
        if kind.has_layouts and (names is None or path.stem in names)
    ]


def check_file(path, kind, layout):
    """The row of a golden file: its largest error beside the tolerance, of the worst quantity."""
    comparisons = _comparisons(path, kind, layout)
    wrong = [each for each in comparisons if is_wrong(each)]
    worst = max(wrong or comparisons, key=lambda each: each.error / max(each.tolerance, 1e-30))
    what = f'{path.name}, {worst.quantity}' if wrong else path.name
    row = judged(PART, what, f'{worst.error:.1e} in {layout}', f'at most {worst.tolerance:.1e}', not wrong)
    return [row._replace(detail=', '.join(f'{each.quantity} {each.key}' for each in wrong))]


def check_file_in_tf32(path, kind, layout):
    """The row with TF32, which GPUs from Ampere on have."""
    with tf32():
        worst = max(_comparisons(path, kind, layout), key=lambda each: each.error)
    return [Row(PART_TF32, path.name, f'{worst.error:.1e} in {layout}')]


@contextlib.contextmanager
def tf32():
    """A block in which GPUs may round float32 to TF32."""
    allow_tf32(True)
    try:
        yield
    finally:
        allow_tf32(False)


def _comparisons(path, kind, layout):
    found = results_by_quantity(path, kind, layout)
    return [each for results in found.values() for each in results if each.error is not None]
