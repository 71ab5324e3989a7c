"""This project's modules, also for programs whose own folder has modules of the same names.

Python looks into the folder of the program first. Many programs for StyleGAN have a folder `training` or a `config.py`.
"""

import hashlib
import importlib
import importlib.util
import os
import re
import sys
import types

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PREFIX = 'retrain_stylegan_'  # begins the name of a module that another one hides


def own_module(name: str) -> types.ModuleType:
    """This project's module of a name, such as 'config' or 'training.networks_stylegan'.

    If another module hides it, it is loaded from its file, under a name of its own. It must import no hidden module.
    """
    path = _path_of(name)
    try:
        module = importlib.import_module(name)
        if os.path.realpath(getattr(module, '__file__', None) or '') == os.path.realpath(path):
            return module
    except ImportError:
        if not os.path.exists(path):
            raise
    own_name = _PREFIX + name.replace('.', '_')
    if own_name not in sys.modules:
        spec = importlib.util.spec_from_file_location(own_name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[own_name] = module
        spec.loader.exec_module(module)
    return sys.modules[own_name]


def _path_of(name):
    return os.path.join(_ROOT, *name.split('.')) + '.py'


# Lines of a module, between which it takes names from another module of this project.
_TAKEN = re.compile(r'^# <from ([\w.]+)>\n.*?^# </from>\n', re.DOTALL | re.MULTILINE)


def self_contained(source: str) -> str:
    """The source text of a module, as a pickle needs it: with the text of the module from which it takes names.

    Args:
        source: Source text. It may have lines `# <from MODULE>` and `# </from>`. What is between them is replaced.
    """
    return _TAKEN.sub(lambda match: source_of(match.group(1)), source)


def source_of(name: str) -> str:
    """The source text of this project's module of a name, `self_contained`. Does not import the module."""
    with open(_path_of(name), encoding='utf-8') as file:
        return self_contained(file.read())


def fingerprint_of_sources(*folders: str) -> str:
    """Tells apart two versions of this project's modules in some folders, by their contents."""
    digest = hashlib.sha256()
    for folder in folders:
        for name in sorted(os.listdir(os.path.join(_ROOT, folder))):
            if name.endswith('.py'):
                with open(os.path.join(_ROOT, folder, name), 'rb') as file:
                    digest.update(name.encode() + file.read())
    return digest.hexdigest()[:16]
