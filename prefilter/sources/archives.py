"""Archives read in place: nothing is unpacked, so no name in them can lead to a place on disk.

Any member of a .zip or .tar can be read at once. A compressed .tar (.tgz, .tar.gz, .tar.bz2, .tar.xz) can only be read
forward, so its images are not sorted: they stand in the order of the archive. A process that reads them in this order
decompresses the archive once; going back starts again at the beginning.

Hidden members, folders, links, devices, and names that are absolute or lead upwards with '..' are left out. If members
have the same name, the last one counts, as when an archive is unpacked.
"""

import bz2
import gzip
import lzma
import os
import re
import stat
import struct
import tarfile
import zipfile
import zlib

from tqdm import tqdm

from dnnlib.errors import UserError
from prefilter.reasons import Refusal
from prefilter.sources.index import Index
from prefilter.sources.readers import PerProcess, RandomAccess, check_bytes, check_can_open, open_unbuffered

LARGEST_RATIO = 100  # size : compressed size; photographs compress little, bombs a thousandfold
RATIO_FROM = 64 << 20  # bytes; less than this is harmless at any ratio
LARGEST_HEADER = 16 << 20  # bytes that may be read from a .tar at once while it is listed
CHUNK = 1 << 20  # bytes
COMPRESSIONS = {b'\x1f\x8b': gzip.open, b'BZh': bz2.open, b'\xfd7zXZ': lzma.open}  # by the first bytes of such files
ARCHIVE_NAME = re.compile(r'\.(zip|tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz))$', re.IGNORECASE)
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
LOCAL_HEADER = struct.Struct('<4s22xHH')  # of a member of a .zip: signature, lengths of the name and of the extra field


def is_archive(path):
    """Whether a file has the name of an archive."""
    return ARCHIVE_NAME.search(path) is not None


def list_archive(path):
    """Lists the files in an archive.

    Args:
        path: A .zip, .tar or compressed .tar.

    Returns:
        (`Index` of its files, the reader of their entries, number of members that are left out, not counting folders
        and hidden ones).

    Raises:
        UserError: It cannot be opened, or is damaged, cut short, encrypted or a bomb.
    """
    check_can_open(path)
    try:
        if path.lower().endswith('.zip'):
            return _list_zip(path)
        return _list_tar(path)
    except DAMAGE as error:
        raise UserError(
            f'{path} is no whole archive ({error or type(error).__name__}): get or copy it again.'
        ) from error


def safe_name(name):
    """A member's name as a relative path; '' if it is hidden, None if it would lead out of a folder."""
    parts = [part for part in name.replace('\\', '/').split('/') if part not in ('', '.')]
    if name.startswith(('/', '\\')) or '..' in parts or '\0' in name or re.match('[A-Za-z]:', name):
        return None
    if any(part.startswith('.') or part == '__MACOSX' for part in parts):
        return ''
    return '/'.join(parts)


# ----------------------------------------------------------------------------------------------------------------------
# .zip


def _list_zip(path):
    index, unsafe = Index(4), 0
    spans = []
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = safe_name(member.filename)
            kind = stat.S_IFMT(member.external_attr >> 16)
            if name == '' or member.is_dir():
                continue
            if name is None or kind not in (0, stat.S_IFREG):
                unsafe += 1
                continue
            if member.flag_bits & 1:
                raise UserError(f'{path} is encrypted: unpack it with its password.')
            index.add(name, member.header_offset, member.compress_size, member.file_size, member.CRC)
            spans.append((member.header_offset, member.compress_size))
    _refuse_overlaps(path, spans)
    kept = index.without_repeats(is_sorted=True)
    return kept, ZipReader(path), unsafe + len(index) - len(kept)


def _refuse_overlaps(path, spans):
    end = 0
    for offset, size in sorted(spans):
        if offset < end:
            raise UserError(
                f'{path} has members that share their bytes, as only bombs do: unpack it yourself if you trust it.'
            )
        end = offset + LOCAL_HEADER.size + size


class ZipReader:
    """Members of a .zip; entries are (offset of its header, compressed size, size, CRC-32).

    Unlike `zipfile.ZipFile` it does not hold the list of all members in every process.
    """

    def __init__(self, path):
        self._file = RandomAccess(path)

    def read(self, entry):
        """The member's bytes, checked by its CRC-32."""
        offset, packed, size, checksum = entry
        check_bytes(size)
        if size > RATIO_FROM and size > packed * LARGEST_RATIO:
            raise Refusal('too-large', f'it unpacks from {packed:,} to {size:,} bytes, as only bombs do')
        header = self._file.span(offset, LOCAL_HEADER.size)
        signature, name_bytes, extra_bytes = LOCAL_HEADER.unpack(header)
        if signature != b'PK\3\4':
            raise OSError('the archive has no member where its list says')
        method = int.from_bytes(header[8:10], 'little')
        data = self._file.span(offset + LOCAL_HEADER.size + name_bytes + extra_bytes, packed)
        data = _unpacked(data, method, size)
        if len(data) != size or zlib.crc32(data) != checksum:
            raise OSError('its size or checksum is not the one in the archive')
        return data


def _unpacked(data, method, size):
    if method == zipfile.ZIP_STORED:
        return data
    if method != zipfile.ZIP_DEFLATED:
        raise OSError(f'it is packed by method {method}: pack it again as deflated or stored')
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, size + 1)  # no more than claimed, also from a bomb
    except zlib.error as error:
        raise OSError(f'its compressed data is damaged ({error})') from error


# ----------------------------------------------------------------------------------------------------------------------
# .tar


def _list_tar(path):
    with open(path, 'rb') as file:
        beginning = file.read(6)
    decompress = next((opener for magic, opener in COMPRESSIONS.items() if beginning.startswith(magic)), None)
    index, unsafe = Index(2), 0
    with _Guarded(path, decompress) as stream:
        archive = tarfile.TarFile(fileobj=stream, errors='surrogateescape')
        for member in _members(archive):
            name = safe_name(member.name)
            if member.isdir() or name == '':
                continue
            if name is None or not member.isreg() or member.issparse():
                unsafe += 1
            else:
                index.add(name, member.offset_data, member.size)
        if stream.last.strip(b'\0'):  # tarfile takes a damaged header for the end; the real end is a block of zeros
            raise tarfile.ReadError(f'no header at byte {archive.offset:,}')
    kept = index.without_repeats(is_sorted=decompress is None)
    reader = RandomAccess(path) if decompress is None else StreamReader(path, decompress)
    return kept, reader, unsafe + len(index) - len(kept)


def _members(archive):
    while True:
        member = archive.next()
        archive.members.clear()  # it would keep them all
        if member is None:
            return
        yield member


class StreamReader:
    """Members of a compressed .tar; entries are (offset after decompression, size)."""

    forward_only = True  # several processes would each decompress all of it

    def __init__(self, path, decompress):
        self._stream = PerProcess(decompress, path, 'rb')

    def read(self, entry):
        """The member's bytes; fast if it comes after the member that was read before."""
        offset, size = entry
        check_bytes(size)
        with self._stream.lock:
            stream = self._stream.get()
            try:
                stream.seek(offset)
                data = stream.read(size)
            except (EOFError, zlib.error, lzma.LZMAError) as error:
                raise OSError(f'the archive is damaged ({error})') from error
        if len(data) < size:
            raise OSError('the archive ends before this file does')
        return data


class _Guarded:
    """The decompressed bytes of a .tar that is being listed, as a file that refuses bombs and shows its progress."""

    def __init__(self, path, decompress):
        self.last = b''  # what was read last
        self._path = path
        self._file = open_unbuffered(path)
        self._stream = self._file if decompress is None else decompress(self._file)
        size = os.path.getsize(path)
        # Only decompression takes long: in a plain .tar, the file position jumps from header to header.
        self._bar = tqdm(desc='Listing', total=size, unit='B', unit_scale=True, disable=decompress is None)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self._bar.close()
        self._stream.close()
        self._file.close()

    def tell(self):
        return self._stream.tell()

    def seek(self, offset):
        if self._stream is self._file:
            return self._file.seek(offset)
        while self.tell() < offset and self.read(min(CHUNK, offset - self.tell())):
            pass
        return self._stream.seek(offset)

    def read(self, size):
        if size > LARGEST_HEADER:
            raise tarfile.ReadError(f'a header claims {size:,} bytes')
        self.last = data = self._stream.read(size)
        packed = self._file.tell()
        self._bar.update(packed - self._bar.n)
        if self.tell() > max(packed * LARGEST_RATIO, RATIO_FROM):
            raise UserError(
                f'{self._path} unpacks to more than {LARGEST_RATIO} times its size, as only bombs do: unpack it '
                'yourself if you trust it.'
            )
        return data
