"""Archives of the kind .zip."""

import re
import stat
import struct
import zipfile
import zlib

from dnnlib.errors import UserError
from prefilter.reasons import Refusal
from prefilter.sources.index import Index
from prefilter.sources.members import LARGEST_RATIO, RATIO_FROM, LeftOut, safe_name
from prefilter.sources.readers import RandomAccess, check_bytes

LOCAL_HEADER = struct.Struct('<4s22xHH')  # of a member: signature, lengths of the name and of the extra field
LOCAL_SIGNATURE, SPANNED_SIGNATURE = b'PK\3\4', b'PK\7\x08'  # the second begins the first of several parts
END_RECORD = struct.Struct('<4sHHHHIIH')  # signature, number of this part, ..., length of the comment
END_SIGNATURE = b'PK\5\6'
LARGEST_END = END_RECORD.size + (1 << 16)
IN_ZIP64 = 0xFFFF  # number of a part that stands elsewhere
PART_NAME = re.compile(r'\.z\d\d$', re.IGNORECASE)


def list_zip(path):
    """As `prefilter.sources.archives.list_archive`, for a .zip."""
    _refuse_parts(path)
    index, left_out = Index(4), LeftOut()
    spans = []
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = safe_name(member.filename)
            kind = stat.S_IFMT(member.external_attr >> 16)
            if name == '' or member.is_dir():
                continue
            if name is None:
                left_out.unsafe += 1
                continue
            if kind not in (0, stat.S_IFREG):
                left_out.add(is_link=kind == stat.S_IFLNK)
                continue
            if member.flag_bits & 1:
                raise UserError(f'{path} is encrypted: unpack it with its password.')
            index.add(name, member.header_offset, member.compress_size, member.file_size, member.CRC)
            spans.append((member.header_offset, member.compress_size))
    _refuse_overlaps(path, spans)
    _refuse_joined(path, min(spans, default=(0, 0))[0])
    kept = index.without_repeats(is_sorted=True)
    left_out.repeated += len(index) - len(kept)
    return kept, ZipReader(path), left_out


def _end_record(data):
    """The fields of an end record that ends with `data`, or None."""
    place = len(data)
    while True:
        place = data.rfind(END_SIGNATURE, 0, place)
        if place < 0:
            return None
        if place + END_RECORD.size <= len(data):
            fields = END_RECORD.unpack_from(data, place)
            if place + END_RECORD.size + fields[-1] == len(data):
                return fields


def _refuse_parts(path):
    with open(path, 'rb') as file:
        beginning = file.read(4)
        file.seek(max(file.seek(0, 2) - LARGEST_END, 0))
        fields = _end_record(file.read())
    if fields is None or fields[1] in (0, IN_ZIP64):
        return
    if beginning == SPANNED_SIGNATURE:
        raise UserError(
            f'{path} holds the parts of an archive one after another: make it whole with '
            f'"zip -FF {path} --out whole.zip", and name that.'
        )
    raise UserError(
        f'{path} is the last of {fields[1] + 1} parts of an archive (.z01, ...): put them together with '
        f'"zip -s 0 {path} --out whole.zip", and name that.'
    )


def _refuse_joined(path, start):
    """Refuses archives put together by cat; only the members of the last one are listed."""
    with open(path, 'rb') as file:
        is_archive = file.read(4) == LOCAL_SIGNATURE
        file.seek(max(start - LARGEST_END, 0))
        before = file.read(min(start, LARGEST_END))
    if is_archive and _end_record(before):
        raise UserError(
            f'{path} holds several archives one after another, and programs read only the last: unpack each before '
            'they are put together.'
        )


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
