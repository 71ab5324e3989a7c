"""Archives read in place: nothing is unpacked, so no name in them can lead to a place on disk.

Any member of a .zip or .tar can be read at once. A compressed .tar (.tgz, .tar.gz, .tar.bz2, .tar.xz) can only be read
forward, so its images are not sorted: they stand in the order of the archive. A process that reads them in this order
decompresses the archive once; going back starts again at the beginning.

Hidden members, folders, links, devices, and names that are absolute or lead upwards with '..' are left out. A hard link
to a member of a .tar is read as that member. If members have the same name, the last one counts, as when an archive is
unpacked.
"""

import re

from dnnlib.errors import UserError
from dnnlib.wrong_files import HEAD_BYTES, name_of_no_text
from prefilter.sources.members import DAMAGE
from prefilter.sources.readers import check_can_open
from prefilter.sources.tars import is_tar, list_tar
from prefilter.sources.zips import PART_NAME, list_zip

ZIP_BEGINNINGS = b'PK\x03\x04', b'PK\x05\x06', b'PK\x07\x08'  # the last two: without members, of several parts
ARCHIVE_NAME = re.compile(r'\.(zip|tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz))$', re.IGNORECASE)
CUT_NAME = re.compile(r'\.(zip|tgz|tbz2?|txz|tar(\.(gz|bz2|xz))?)(?P<part>\.(\d{2,3}|(part)?[a-z]{2}))$', re.IGNORECASE)
UNREAD_NAME = re.compile(r'\.(7z|rar|zst|tzst|lz4|lzma|lz|cab|iso|dmg|squashfs)(\.\d+)?$|\.r\d\d$', re.IGNORECASE)


def is_archive(path):
    """Whether a file has the name of an archive."""
    return ARCHIVE_NAME.search(path) is not None


def list_archive(path):
    """Lists the files in an archive.

    Args:
        path: A .zip, .tar or compressed .tar.

    Returns:
        (`Index` of its files, the reader of their entries, `LeftOut`: members that are left out, not counting folders
        and hidden ones).

    Raises:
        UserError: It cannot be opened, or is damaged, cut short, encrypted or a bomb.
    """
    check_can_open(path)
    with open(path, 'rb') as file:
        head = file.read(HEAD_BYTES)
    by_name = list_zip if path.lower().endswith('.zip') else list_tar
    by_content = _lister_of(head)
    try:
        return (by_content or by_name)(path)
    except DAMAGE as error:
        what = None if by_content else name_of_no_text(head, 'name an archive or a folder of images')
        what = what or f'no whole archive ({error or type(error).__name__}): get or copy it again'
        raise UserError(f'{path} is {what}.') from error


def _lister_of(head):
    """What lists an archive that begins so, whatever its name is; None for other bytes."""
    if head.startswith(ZIP_BEGINNINGS):
        return list_zip
    return list_tar if is_tar(head) else None


def how_to_unpack(path):
    """What to do with an archive that is not read, or a part of one; None for any other file."""
    if PART_NAME.search(path):
        return f'{path} is a part of an archive: name the file that ends with .zip'
    match = CUT_NAME.search(path)
    if match and not is_archive(path):
        whole = path[: match.start('part')]
        return f'{path} is a part of a file: put the parts together with "cat {whole}.* > {whole}", and name that'
    if UNREAD_NAME.search(path):
        return f'{path} is an archive, or a part of one, of a kind that is not read: unpack it, and name the folder'
    return None
