"""Memory that a process frees and soon needs again."""

import ctypes
import os
import platform

# Parameters of `mallopt`, from glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8


def keep_freed_memory() -> bool:
    """Lets glibc keep memory that is freed, for what the process allocates next.

    TensorFlow allocates every tensor anew on a CPU. By default, glibc asks the kernel for each large one and gives it
    back at once, and the kernel fills all of it with zeros: a sixth of the CPU time of making images of 256x256 px.
    The process then stays as large as it was at its largest, which becomes up to a tenth more. Call this before threads
    start. Nothing changes without glibc, or if the user has settings in the environment: MALLOC_... or GLIBC_TUNABLES.

    Returns:
        Whether the memory is kept.
    """
    own_settings = any(name.startswith('MALLOC_') or name == 'GLIBC_TUNABLES' for name in os.environ)
    if own_settings or platform.libc_ver()[0] != 'glibc':
        return False
    mallopt = ctypes.CDLL(None).mallopt
    # Nothing is mapped by itself, and nothing given back. One arena: the others have no room for large tensors.
    return all([mallopt(_MMAP_MAX, 0), mallopt(_TRIM_THRESHOLD, -1), mallopt(_ARENA_MAX, 1)])
