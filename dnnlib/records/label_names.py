"""The names of a dataset's labels, a line each in the order of their columns: `label-names.txt`.

Where labels are numbers that were scaled to [-1, 1], a line is `NAME<tab>LOW<tab>HIGH`: what -1 and 1 stand for.
"""

import os
from typing import List, Optional, Sequence, Tuple

from dnnlib.errors import UserError, disk_errors
from dnnlib.records.names import LABEL_NAMES_FILE


def write_label_names(folder: str, names: List[str], ranges: Optional[Sequence[Tuple[float, float]]] = None) -> None:
    """Writes the file; spaces and line ends within a name become one space.

    Args:
        folder: Of the dataset.
        names: In the order of the columns.
        ranges: What -1 and 1 stand for in each column; written behind the name, with tabs. None for attributes.
    """
    lines = [' '.join(name.split()) for name in names]
    if ranges is not None:
        lines = [f'{line}\t{low!r}\t{high!r}' for line, (low, high) in zip(lines, ranges)]
    with open(os.path.join(folder, LABEL_NAMES_FILE), 'w', encoding='utf-8') as file:
        file.writelines(line + '\n' for line in lines)


def read_label_names(data: str) -> Optional[List[str]]:
    """The names of the labels of a dataset, which train.py --data takes; None if it does not say them.

    Raises:
        UserError: The file cannot be read.
    """
    path = os.path.join(data, LABEL_NAMES_FILE)
    if not os.path.isfile(path):
        return None
    with disk_errors('read', path):
        try:
            with open(path, encoding='utf-8') as file:
                return [line.split('\t')[0] for line in file.read().splitlines()]
        except ValueError as error:
            raise UserError(f'{path} is damaged ({error}): restore it, or remove it.') from error
