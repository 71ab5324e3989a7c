"""What a finished set keeps about how it was made: `options.json`."""

import json
import os

from dnnlib.errors import UserError, disk_errors
from dnnlib.records.names import OPTIONS_FILE, SYNTHETIC

PRUNED = 'pruned'  # in the record of a set that `python -m synthesis prune` made
_KINDS = {'plan': dict, 'ending': dict, 'network': dict, 'images': int, 'refused': int}


def save_record(folder, options, record):
    """Writes `options.json`: the options, and what else the set follows from.

    Args:
        folder: Of the set.
        options: Dict of flag without dashes to value, as `synthesis.options.GenerateOptions.record` returns it.
        record: Dict. `plan`: what the images follow from; `ending`: what the rest of the set follows from; `network`:
            its name, source, SHA-256 and training set; `images`, `refused`: numbers of images and of refused draws.
            Of a set from which images were taken out also `PRUNED`.
    """
    with open(os.path.join(folder, OPTIONS_FILE), 'w', encoding='utf-8') as file:
        json.dump({**options, SYNTHETIC: record}, file, indent=2)
        file.write('\n')


def read_record(folder):
    """The dict that `save_record` got, with the record of the `options` too.

    Raises:
        UserError: The folder is no set that `python -m synthesis generate` made.
    """
    path = os.path.join(folder, OPTIONS_FILE)
    record = find_record(folder)
    if record is None:
        raise UserError(
            f'{folder} is no synthetic dataset ({path} does not say so): name a folder that python -m synthesis '
            'generate made.'
        )
    return record


def find_record(folder):
    """As `read_record`; None if the folder is no synthetic dataset.

    Raises:
        UserError: `options.json` is damaged, or cannot be read.
    """
    path = os.path.join(folder, OPTIONS_FILE)
    with disk_errors('read', path, 'or name another folder'):
        try:
            with open(path, encoding='utf-8') as file:
                found = json.load(file)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, RecursionError) as error:
            raise _damaged(path, error) from error
    if not isinstance(found, dict) or SYNTHETIC not in found:
        return None
    record = found[SYNTHETIC]
    for name, kind in _KINDS.items():
        value = record.get(name) if isinstance(record, dict) else None
        if type(value) is not kind:
            raise _damaged(path, f'its {name} is {value!r}')
    return {**record, 'options': {name: found[name] for name in found if name != SYNTHETIC}}


def _damaged(path, what):
    return UserError(f'{path} is damaged ({what}): restore it from a copy, or remove the set and make it again.')
