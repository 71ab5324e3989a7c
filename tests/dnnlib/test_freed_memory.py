"""Freed memory: reused where glibc allows it, and left to the user's own settings."""

import os
import pathlib
import platform
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]

# Prints whether memory is kept, and the page faults of filling 128 MB that were filled and freed before.
PROGRAM = """
import ctypes, resource
from dnnlib.freed_memory import keep_freed_memory

libc, size = ctypes.CDLL(None), 1 << 27
libc.malloc.restype = libc.memset.restype = ctypes.c_void_p
kept = keep_freed_memory()
for _ in range(2):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = ctypes.c_void_p(libc.malloc(ctypes.c_size_t(size)))
    libc.memset(block, 1, ctypes.c_size_t(size))
    libc.free(block)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(kept, faults)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='only glibc is told to keep memory')
@pytest.mark.parametrize('settings, kept', [({}, True), ({'MALLOC_ARENA_MAX': '2'}, False)])
def test_freed_memory_is_used_again_unless_the_user_has_settings(settings, kept):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(('MALLOC_', 'GLIBC_'))}
    printed = subprocess.check_output(
        [sys.executable, '-c', PROGRAM], cwd=str(ROOT), env={**environment, **settings}, universal_newlines=True
    ).split()
    assert printed[0] == str(kept)
    assert (int(printed[1]) < 100) == kept
