"""Small helpers without a better home."""

import importlib
from typing import Any


class EasyDict(dict):
    """A dict whose items can also be read and written as attributes."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name, value):
        self[name] = value

    def __delattr__(self, name):
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None


def format_duration(seconds: float) -> str:
    """Seconds as a person reads them: '41s', '7m 05s', '3h 02m', '12d 04h'.

    Args:
        seconds: A non-negative number, rounded to whole seconds.
    """
    total = int(round(seconds))
    days, hours, minutes = total // 86400, total // 3600 % 24, total // 60 % 60
    if days:
        return f'{days}d {hours:02d}h'
    if hours:
        return f'{hours}h {minutes:02d}m'
    if minutes:
        return f'{minutes}m {total % 60:02d}s'
    return f'{total}s'


# Names that only scripts for the original code use, by the module in which they look for them; see `dnnlib.original`.
ORIGINAL_NAMES = {
    'dnnlib': ('PathType', 'RunContext', 'SubmitConfig', 'SubmitTarget', 'get_path_from_template', 'submit_run'),
    'dnnlib.util': ('open_url',),
}


def find_original(module: str, name: str) -> Any:
    """What `dnnlib.original` has for a name that a module does not have; raises AttributeError if it has nothing."""
    if name not in ORIGINAL_NAMES[module]:
        raise AttributeError(f'module {module!r} has no attribute {name!r}')
    return importlib.import_module('dnnlib.original').find_name(module, name)  # late: it lies above this module


def __getattr__(name):
    return find_original(__name__, name)
