"""Imports point downwards only: a room imports what lies below it. Packages of others are pinned, and the list of tests
that run once names tests that are there."""

import ast
import functools
import importlib.util
import os
import re

import pytest

from tests.selection import left_out

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# What each room may import beside itself, lowest rooms first. A module is in the longest of these names that begins its
# own; `dnnlib` is the small files: errors, files, folders, run directories, ...
BELOW_VERBS = ['config', 'dnnlib', 'dnnlib.records.names', 'dnnlib.folder_kinds', 'dnnlib.records', 'dnnlib.download']
BELOW_VERBS += ['dnnlib.tflib', 'dnnlib.faces', 'dnnlib.pages', 'dnnlib.jobs', 'dnnlib.exports']
MAY_IMPORT = {
    'config': [],
    'dnnlib.records.names': [],
    'dnnlib': ['config'],
    'dnnlib.folder_kinds': ['dnnlib', 'dnnlib.records.names'],
    'dnnlib.records': ['dnnlib', 'dnnlib.records.names', 'dnnlib.folder_kinds'],
    'dnnlib.download': ['config', 'dnnlib', 'dnnlib.folder_kinds'],
    'dnnlib.tflib': ['config', 'dnnlib', 'dnnlib.download'],
    'dnnlib.faces': ['config', 'dnnlib', 'dnnlib.records', 'dnnlib.tflib'],
    'dnnlib.pages': ['dnnlib'],
    'dnnlib.exports': ['dnnlib', 'dnnlib.records', 'dnnlib.records.names', 'dnnlib.pages'],
    'dnnlib.jobs': ['dnnlib', 'dnnlib.folder_kinds', 'dnnlib.records', 'dnnlib.tflib'],
    'dnnlib.describe': BELOW_VERBS,
    'dnnlib.original': ['config', 'dnnlib', 'dnnlib.download'],
    'dnnlib.verify': BELOW_VERBS,
    'training': BELOW_VERBS,
    'metrics': BELOW_VERBS,
    'prefilter': BELOW_VERBS,
    'synthesis': [*BELOW_VERBS, 'metrics'],
    'train': [*BELOW_VERBS, 'training', 'metrics'],
    'run_metrics': [*BELOW_VERBS, 'metrics'],
    'generate_figures': [*BELOW_VERBS, 'metrics'],
}
ROOMS = list(MAY_IMPORT)
# Nothing else imports these two. The benchmarks use what the tests have made up; the tests run the benchmarks.
MAY_IMPORT['tests'] = [*ROOMS, 'benchmarks']
MAY_IMPORT['benchmarks'] = [*ROOMS, 'tests']

# Names of packages, where the module has another.
PACKAGES = {
    '_distutils_hack': 'setuptools',
    'PIL': 'pillow',
    'cv2': 'opencv-python',
    'skimage': 'scikit-image',
    'sklearn': 'scikit-learn',
}
# What `--runner beam` and Horovod need is installed by its user, and stands in a file of its own.
OPTIONAL = {'apache-beam', 'horovod'}


def room_of(module):
    return max((room for room in MAY_IMPORT if (module + '.').startswith(room + '.')), key=len, default=None)


def modules_below(folder):
    for path, folders, names in os.walk(os.path.join(ROOT, folder)):
        folders[:] = [name for name in folders if not name.startswith(('.', '__'))]
        for name in names:
            if name.endswith('.py'):
                yield os.path.join(path, name)


@functools.lru_cache(maxsize=None)
def imported_modules(path):
    """Dotted names of what a file imports, anywhere in it."""
    with open(path, encoding='utf-8') as file:
        tree = ast.parse(file.read())
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path} imports relative to itself'
            # `from dnnlib import tflib` imports the module of that name.
            names += [f'{node.module}.{alias.name}' for alias in node.names]
    return names


def files():
    top = sorted({room.partition('.')[0] for room in MAY_IMPORT})
    for name in top:
        single = os.path.join(ROOT, name + '.py')
        yield from [single] if os.path.exists(single) else modules_below(name)


def test_imports_point_downwards():
    wrong = []
    for path in files():
        module = os.path.relpath(path, ROOT)[: -len('.py')].replace(os.sep, '.')
        room = room_of(module)
        for imported in imported_modules(path):
            other = room_of(imported)
            below = MAY_IMPORT[room]
            if other not in (None, room, *below):
                wrong.append(f'{module} ({room}) imports {imported} ({other})')
    assert not wrong, '\n'.join(wrong)


def test_no_room_is_above_itself():
    for room in ROOMS:
        assert set(MAY_IMPORT[room]) <= set(ROOMS[: ROOMS.index(room)]), room


def test_test_files_have_names_of_their_own():
    """pytest imports them by their names alone, because the folders of tests are no packages."""
    names = [os.path.basename(path) for path in modules_below('tests') if os.path.basename(path).startswith('test_')]
    assert sorted(names) == sorted(set(names))


def test_progress_has_one_home():
    users = {
        os.path.relpath(path, ROOT)
        for path in files()
        if 'tqdm' in {name.split('.')[0] for name in imported_modules(path)}
    }
    assert users == {os.path.join('dnnlib', 'progress.py')}


def foreign_packages():
    """Names of the packages of others that the product imports, with a file that imports each."""
    found = {}
    for path in files():
        if room_of(os.path.relpath(path, ROOT).replace(os.sep, '.')) not in ('tests', 'benchmarks'):
            found.update((name.partition('.')[0], path) for name in imported_modules(path) if not room_of(name))
    for module, path in found.items():
        if module == 'distutils':  # of Python itself, up to 3.11
            continue
        spec = importlib.util.find_spec(module)
        if spec is None or 'site-packages' in (spec.origin or ''):
            yield PACKAGES.get(module, module).replace('_', '-'), path


@pytest.mark.parametrize('file', ['requirements.txt', 'requirements-tf2.txt', 'requirements-tf2-horovod.txt'])
def test_what_the_product_imports_is_pinned(file):
    with open(os.path.join(ROOT, file), encoding='utf-8') as lines:
        pinned = {name.lower() for line in lines for name in re.findall(r'^([\w-]+?)(?:-gpu)?==', line)}
    missing = {name: path for name, path in foreign_packages() if name.lower() not in pinned | OPTIONAL}
    assert 'numpy' in pinned and missing == {}


@pytest.mark.parametrize('where', [None, 'NCHW'])
def test_what_is_left_out_elsewhere_is_there(where):
    for beginning in left_out(where):
        path, _, name = beginning.partition('[')[0].partition('::')
        assert os.path.exists(os.path.join(ROOT, path)), beginning
        if name:
            with open(os.path.join(ROOT, path), encoding='utf-8') as file:
                assert f'\ndef {name}' in file.read(), beginning
