"""Folders that file systems and their programs make: thumbnails, rubbish, notes. Nobody means the pictures in them."""

NAMES = frozenset(
    [
        '__macosx',  # what macOS packs beside the files
        '@eadir',  # thumbnails of Synology's disks
        '@recycle',  # QNAP
        '#recycle',  # Synology
        '#snapshot',  # Synology's older versions of all files
        '@recently-snapshot',  # QNAP's
        'network trash folder',  # macOS, on disks of others
        'temporary items',  # the same
        'found.000',  # what Windows has found when it repaired a disk
        '$recycle.bin',  # Windows
        'recycler',  # Windows XP
        'system volume information',  # Windows
        'lost+found',  # Linux
    ]
)


def is_of_a_file_system(name):
    """Whether a folder has one of these names, in any case."""
    return name.lower() in NAMES
