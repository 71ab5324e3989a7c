"""Members of archives: which names are safe, and what is left out."""

import dataclasses
import lzma
import re
import tarfile
import zipfile
import zlib

from prefilter.sources.file_systems import is_of_a_file_system

LARGEST_RATIO = 100  # size : compressed size; photographs compress little, bombs a thousandfold
RATIO_FROM = 64 << 20  # bytes; less than this is harmless at any ratio
DAMAGE = (  # what the libraries raise for a damaged archive
    tarfile.TarError,
    zipfile.BadZipFile,
    NotImplementedError,
    OverflowError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
)


def safe_name(name):
    """A member's name as a relative path; '' if it is hidden, None if it would lead out of a folder."""
    parts = [part for part in name.replace('\\', '/').split('/') if part not in ('', '.')]
    if name.startswith(('/', '\\')) or '..' in parts or '\0' in name or re.match('[A-Za-z]:', name):
        return None
    if any(part.startswith('.') or is_of_a_file_system(part) for part in parts):
        return ''
    return '/'.join(parts)


@dataclasses.dataclass
class LeftOut:
    """Numbers of members of an archive that are left out, by reason.

    Attributes:
        links: Symbolic links, and hard links to what is no member.
        unsafe: Names that are absolute or lead out of the archive.
        repeated: Members whose name a later one has.
        devices: Devices, pipes, sparse files and other things that are no ordinary files.
        behind: Parts behind the end of the archive that are no archive.
    """

    links: int = 0
    unsafe: int = 0
    repeated: int = 0
    devices: int = 0
    behind: int = 0

    def add(self, is_link):
        """Counts a member that is a link, or else no ordinary file."""
        if is_link:
            self.links += 1
        else:
            self.devices += 1

    @property
    def total(self):
        """Number of members."""
        return self.links + self.unsafe + self.repeated + self.devices

    def describe(self):
        """A sentence for a person; '' if nothing was left out."""
        kinds = {
            'links': self.links,
            'names that are absolute or lead out of it': self.unsafe,
            'members whose name a later one has': self.repeated,
            'devices and other things that are no files': self.devices,
            'parts behind its end that are no archive': self.behind,
        }
        found = [f'{kind} ({count:,})' for kind, count in kinds.items() if count]
        return f'Left out of the archive: {", ".join(found)}.' if found else ''
