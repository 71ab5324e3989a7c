"""Archives of the kind .tar, plain or compressed."""

import bz2
import gzip
import lzma
import os
import tarfile
import zlib

from dnnlib.errors import UserError
from dnnlib.progress import Progress
from prefilter.sources.index import Index
from prefilter.sources.members import DAMAGE, LARGEST_RATIO, RATIO_FROM, LeftOut, safe_name
from prefilter.sources.readers import PerProcess, RandomAccess, check_bytes, open_again, open_unbuffered

LARGEST_HEADER = 16 << 20  # bytes that may be read from a .tar at once while it is listed
CHUNK = 1 << 20  # bytes
COMPRESSIONS = {b'\x1f\x8b': gzip.open, b'BZh': bz2.open, b'\xfd7zXZ': lzma.open}  # by the first bytes of such files


def is_tar(head):
    """Whether a file that begins so is a .tar, or compressed as one may be."""
    return head[257:262] == b'ustar' or head.startswith(tuple(COMPRESSIONS))


def list_tar(path):
    """As `prefilter.sources.archives.list_archive`, for a .tar; also for several that cat has put together."""
    with open(path, 'rb') as file:
        beginning = file.read(6)
    decompress = next((opener for magic, opener in COMPRESSIONS.items() if beginning.startswith(magic)), None)
    index, links, left_out = Index(2), [], LeftOut()
    with _Guarded(path, decompress) as stream:
        start = 0
        while start is not None:
            stream.seek(start)
            start = _list_one(stream, index, links, left_out)
    index = _with_links(index, links, left_out, in_order=decompress is not None)
    kept = index.without_repeats(is_sorted=decompress is None)
    left_out.repeated += len(index) - len(kept)
    reader = RandomAccess(path) if decompress is None else StreamReader(path, decompress)
    return kept, reader, left_out


def _list_one(stream, index, links, left_out):
    """Lists the archive that begins here. Returns where the next one begins, or None."""
    archive = tarfile.TarFile(fileobj=stream, errors='surrogateescape')
    for member in _members(archive):
        name = safe_name(member.name)
        if member.isdir() or name == '':
            continue
        if name is None:
            left_out.unsafe += 1
        elif member.islnk():
            links.append((len(index), name, safe_name(member.linkname)))
        elif not member.isreg() or member.issparse():
            left_out.add(is_link=member.issym())
        else:
            index.add(name, member.offset_data, member.size)
    if stream.last.strip(b'\0'):  # tarfile takes a damaged header for the end; the real end is a block of zeros
        raise tarfile.ReadError(f'no header at byte {archive.offset:,}')
    return _start_of_next(stream, left_out)


def _start_of_next(stream, left_out):
    """Where another archive begins behind the zeros that end one; None if the file ends with them."""
    try:
        while True:
            start, data = stream.tell(), stream.read(CHUNK)
            filled = len(data) - len(data.lstrip(b'\0'))
            if filled < len(data):
                break
            if not data:
                return None
        header = data[filled // tarfile.BLOCKSIZE * tarfile.BLOCKSIZE :][: tarfile.BLOCKSIZE]
        tarfile.TarInfo.frombuf(header, tarfile.ENCODING, 'surrogateescape')
    except DAMAGE:
        left_out.behind += 1
        return None
    return start + filled // tarfile.BLOCKSIZE * tarfile.BLOCKSIZE


def _with_links(index, links, left_out, in_order):
    """The index with hard links to members as these members; `in_order` of their bytes, else in the archive's."""
    if not links:
        return index
    known = dict.fromkeys(target for _, _, target in links)
    merged, waiting = Index(2), iter([*links, (len(index) + 1, None, None)])
    before, name, target = next(waiting)
    for place in range(len(index) + 1):
        while before == place:
            if known.get(target) is None:
                left_out.add(is_link=True)
            else:
                merged.add(name, *known[target])
                if name in known:
                    known[name] = known[target]
            before, name, target = next(waiting)
        if place < len(index):
            merged.add(index[place], *index.entry(place))
            if index[place] in known:
                known[index[place]] = index.entry(place)
    return merged.sorted_by_first_number() if in_order else merged


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
        self._stream = PerProcess(open_again, path, decompress)
        self._last = None, b''  # entry and bytes of what was read last: a hard link to it needs no way back

    def __getstate__(self):
        return {**self.__dict__, '_last': (None, b'')}

    def read(self, entry):
        """The member's bytes; fast if it comes after the member that was read before."""
        offset, size = entry
        check_bytes(size)
        with self._stream.lock:
            if entry == self._last[0]:
                return self._last[1]
            stream = self._stream.get()
            try:
                stream.seek(offset)
                data = stream.read(size)
            except (EOFError, zlib.error, lzma.LZMAError) as error:
                raise OSError(f'the archive is damaged ({error})') from error
        if len(data) < size:
            raise OSError('the archive ends before this file does')
        self._last = entry, data
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
        self._bar = Progress(desc='Listing', total=size, unit='B', unit_scale=True, disable=decompress is None)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self._bar.close()
        self._stream.close()
        self._file.close()

    def tell(self):
        return self._stream.tell()

    def seek(self, offset):
        offset = max(offset, 0)  # tarfile seeks to -1 in an archive without members
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
