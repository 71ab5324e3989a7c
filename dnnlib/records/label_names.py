"""The names of a dataset's labels, a line each in the order of their columns: `label-names.txt`."""

import os
from typing import List, Optional

from dnnlib.errors import UserError, disk_errors
from dnnlib.records.names import LABEL_NAMES_FILE


def write_label_names(folder: str, names: List[str]) -> None:
    """Writes the file; spaces and line ends within a name become one space."""
    with open(os.path.join(folder, LABEL_NAMES_FILE), 'w', encoding='utf-8') as file:
        file.writelines(' '.join(name.split()) + '\n' for name in names)


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
                return file.read().splitlines()
        except ValueError as error:
            raise UserError(f'{path} is damaged ({error}): restore it, or remove it.') from error
