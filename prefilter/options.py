"""How a dataset was made: the flags that decide what is in it, kept beside it."""

import json
import os

from dnnlib.errors import UserError
from dnnlib.records.names import OPTIONS_FILE

# Parameters that change nothing in the dataset.
HOW_NOT_WHAT = (
    'out',
    'force',
    'restart',
    'download',
    'device',
    'workers',
    'gpus',
    'runner',
    'beam_options',
    'staging',
)


def used_options(context, format, settings):
    """The flags of a run of `python -m prefilter`, defaults too, that decide what its dataset holds.

    Args:
        context: The `click.Context` of the command.
        format: What --format auto turned out to be.
        settings: `prefilter.shards.Settings` that came of the flags.

    Returns:
        Dict of flag, without its dashes, to value; `source` is only the last part of its path, since a dataset travels.
    """
    given = context.params
    used = {'source': os.path.basename(os.path.abspath(given['source']))}
    for parameter in context.command.params:
        if parameter.name not in (*HOW_NOT_WHAT, 'source') and (given['detect'] or parameter.name != 'margin'):
            value = given[parameter.name]
            used[parameter.opts[0].lstrip('-')] = sorted(set(value)) if isinstance(value, tuple) else value
    used['format'] = format
    used['max-pixels'] = settings.max_pixels
    return used


def save_options(folder, options):
    """Writes `options.json` into a dataset's folder; `options` as from `used_options`."""
    with open(os.path.join(folder, OPTIONS_FILE), 'w', encoding='utf-8') as file:
        json.dump(options, file, indent=2)
        file.write('\n')


def read_options(folder):
    """The dict that `save_options` wrote; an empty one for a dataset without the file. Raises UserError."""
    path = os.path.join(folder, OPTIONS_FILE)
    try:
        with open(path, encoding='utf-8') as file:
            options = json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(f'{path} cannot be read ({error}): mend that, or remove it.') from error
    if not isinstance(options, dict):
        raise UserError(f'{path} is no JSON object: remove it.')
    return options
