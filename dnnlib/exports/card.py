"""The card of a set: what people need to know before they use it, and the SHA-256 of every file.

`README.md` is for people and for Hugging Face, which reads the YAML at its head. `metadata.json` has the same facts in
the vocabulary of Croissant 1.0, which dataset search and loaders read. `sha256sum -c sha256sums.txt` checks a copy.
"""

import dataclasses
import hashlib
import json
import os
import re
import sys
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import jinja2

from dnnlib.errors import UserError, disk_errors
from dnnlib.exports.croissant import croissant
from dnnlib.exports.forms import BLOCK, EXPORTS
from dnnlib.files import atomic_write
from dnnlib.pages.html_page import bytes_in_words, in_words, printable
from dnnlib.progress import Progress

CARD_FILE, CROISSANT_FILE, SUMS_FILE = CARD_FILES = 'README.md', 'metadata.json', 'sha256sums.txt'
CHUNK = 1 << 20  # bytes read at once
NOT_STATED = 'not stated'
_SUM_LINE = re.compile(r'(\\?)([0-9a-f]{64})  (.+)\n')  # as `sha256sum` writes them
_ESCAPED = re.compile(r'\\(n|\\)')  # in a name whose line begins with a backslash
# What Hugging Face knows by name; other licences are 'other', with the name beside.
KNOWN_LICENCES = ('apache-2.0', 'mit', 'cc0-1.0', 'cc-by-4.0', 'cc-by-sa-4.0', 'cc-by-nc-4.0', 'cc-by-nc-sa-4.0')
KNOWN_LICENCES += ('cc-by-nc-nd-4.0', 'cc-by-nd-4.0', 'cc-by-2.0', 'cc-by-nc-2.0', 'bsd-2-clause', 'bsd-3-clause')
KNOWN_LICENCES += ('gpl-3.0', 'odc-by', 'odbl', 'pddl', 'openrail', 'unlicense')
SIZES = ((10**3, '1K'), (10**4, '10K'), (10**5, '100K'), (10**6, '1M'), (10**7, '10M'), (10**8, '100M'), (10**9, '1B'))
SIZES += ((10**10, '10B'), (10**11, '100B'), (10**12, '1T'))


class Field(NamedTuple):
    """A field of the lines of the manifest: its name, its type in schema.org's words ('sc:Integer'), what it means.

    Of a list the type is that of its values.
    """

    name: str
    kind: str
    meaning: str


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a card says. None and empty values are said to be unknown; nothing is assumed.

    Attributes:
        name: Of the set, as its folder.
        title: For people.
        summary: A sentence or two: what the set is.
        num_images, num_identities: Counts; the identities may be None.
        shape: (C, H, W) of the images.
        how_made: Sentences about what was done, and the command.
        network, network_sha256: Name of the network that made the images, and of its file the SHA-256.
        training_set: What is known of the images that the network was trained on: their fingerprint.
        options: Flag to value, as the command had them.
        licence: Of the set, as the user gave it.
        network_licence, training_licence: Of the network and of the images that it was trained on.
        intended_use: Paragraphs: what the set is for, and what it is not for.
        audit: Findings, a sentence each; empty if there was none yet.
        url: Where the set can be had.
        manifest: Name of the file with a line of JSON for each image.
        fields: Of its lines. Those that its first line lacks, or has null for, are left out.
        tags: Further ones.
    """

    name: str
    title: str
    summary: str
    num_images: int
    shape: Tuple[int, int, int]
    how_made: Sequence[str] = ()
    num_identities: Optional[int] = None
    network: Optional[str] = None
    network_sha256: Optional[str] = None
    training_set: Optional[str] = None
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    licence: Optional[str] = None
    network_licence: Optional[str] = None
    training_licence: Optional[str] = None
    intended_use: Sequence[str] = ()
    audit: Sequence[str] = ()
    url: Optional[str] = None
    manifest: Optional[str] = None
    fields: Sequence[Field] = ()
    tags: Sequence[str] = ()


class File(NamedTuple):
    """A file of a set: path below its folder, bytes, SHA-256."""

    path: str
    size: int
    sha256: str


def write_card(folder: str, facts: Facts, known: Optional[Mapping[str, str]] = None) -> None:
    """Writes `README.md`, `metadata.json` and `sha256sums.txt` into the folder of a set, each whole or not at all.

    All other files of the folder are read, hidden ones excepted. The same files and facts give the same bytes. Memory
    does not grow with single pictures in folders; of other files it keeps path and SHA-256.

    Args:
        folder: Of the set; earlier cards in it are replaced.
        facts: What the card says.
        known: {path: SHA-256} of files that need not be read, because that was done just now.

    Raises:
        UserError: A file cannot be read or written.
    """
    with disk_errors('read or written', folder), atomic_write(os.path.join(folder, SUMS_FILE), 'w') as sums:
        files, folders = _sum_up(folder, sums, known or {})
        metadata = croissant(facts, files, sorted(folders), _first_line(folder, facts.manifest))
        text = json.dumps(metadata, indent=2, ensure_ascii=False) + '\n'
        for name, content in ((CROISSANT_FILE, text), (CARD_FILE, card(facts, files, folders))):
            with atomic_write(os.path.join(folder, name), 'w') as file:
                file.write(content)
            sums.write(_sum_line(name, hashlib.sha256(content.encode()).hexdigest()))


def _first_line(folder, manifest):
    """The first line of a manifest, a dict; an empty one if there is none."""
    if manifest is None or not os.path.exists(os.path.join(folder, manifest)):
        return {}
    with open(os.path.join(folder, manifest), encoding='utf-8') as file:
        return json.loads(file.readline() or '{}')


def read_sums(folder: str) -> Iterator[Tuple[str, str]]:
    """Yields (path, SHA-256) of the files that `sha256sums.txt` names.

    Raises:
        UserError: The file cannot be read, or is damaged.
    """
    path = os.path.join(folder, SUMS_FILE)
    with disk_errors('read', path, 'or restore it from a copy'), open(path, encoding='utf-8', newline='\n') as lines:
        try:
            for line in lines:
                found = _SUM_LINE.fullmatch(line)
                if found is None:
                    raise ValueError(f'it has the line {line!r}')
                escaped, sha256, name = found.groups()
                yield (
                    (_ESCAPED.sub(lambda each: '\n' if each.group(1) == 'n' else '\\', name) if escaped else name),
                    sha256,
                )
        except ValueError as error:
            raise UserError(f'{path} is damaged ({error}): restore it from a copy.') from error


def _meant(escaped):
    return '\n' if escaped.group(1) == 'n' else '\\'


def check_sums(folder: str, paths: Sequence[str]) -> Dict[str, str]:
    """Refuses a set whose files are not those of its `sha256sums.txt`.

    Args:
        folder: Of the set.
        paths: Of the files to read, below the folder.

    Returns:
        {path: SHA-256} of these files.

    Raises:
        UserError: Names a file that has changed, or is missing.
    """
    wanted, known = set(paths), {}
    known.update((path, sha256) for path, sha256 in read_sums(folder) if path in wanted)
    for path in paths:
        if path not in known:
            raise UserError(f'{os.path.join(folder, SUMS_FILE)} does not name {path}: restore both from a copy.')
    with disk_errors('read', folder, 'or restore it from a copy'):
        total = sum(os.path.getsize(os.path.join(folder, path)) for path in paths)
        with Progress(total=total, desc='Checking SHA-256', unit='B', unit_scale=True, delay=2, file=sys.stderr) as bar:
            for path in paths:
                if _read(folder, path, bar).sha256 != known[path]:
                    raise UserError(
                        f'{os.path.join(folder, path)} has changed since the set was made (its SHA-256 is not the one '
                        f'in {SUMS_FILE}): restore it from a copy.'
                    )
    return known


def _sum_up(folder, sums, known):
    """Writes the sums of all files. Returns [File] without single pictures, {folder of pictures: [count, bytes]}."""
    of_pictures = {kind.name for kind in EXPORTS.values() if kind.block == BLOCK}
    files, folders = [], {}
    total = sum(os.path.getsize(os.path.join(folder, path)) for path in _paths(folder))
    with Progress(total=total, desc='Adding up SHA-256', unit='B', unit_scale=True, delay=2, file=sys.stderr) as bar:
        for path in _paths(folder):
            if path in known:
                size = os.path.getsize(os.path.join(folder, path))
                file = File(path, size, known[path])
                bar.update(size)
            else:
                file = _read(folder, path, bar)
            sums.write(_sum_line(file.path, file.sha256))
            top = path.partition('/')[0]
            if top in of_pictures and top != path:
                counted = folders.setdefault(top, [0, 0])
                counted[0] += 1
                counted[1] += file.size
            else:
                files.append(file)
    return files, folders


def _paths(folder: str) -> Iterator[str]:
    """Paths of the files below a folder, sorted within each folder, without hidden ones and the card's."""
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith('.'))
        relative = os.path.relpath(here, folder)
        for name in sorted(names):
            path = name if relative == os.curdir else os.path.join(relative, name).replace(os.sep, '/')
            if not name.startswith('.') and path not in CARD_FILES:
                yield path


def _read(folder, path, bar):
    digest, size = hashlib.sha256(), 0
    with open(os.path.join(folder, path), 'rb') as file:
        for chunk in iter(lambda: file.read(CHUNK), b''):
            digest.update(chunk)
            size += len(chunk)
            bar.update(len(chunk))
    return File(path, size, digest.hexdigest())


def _sum_line(path, sha256):
    # sha256sum marks a line whose name it had to escape by a backslash at its beginning.
    escaped = path.replace('\\', '\\\\').replace('\n', '\\n')
    return f'{"" if escaped == path else chr(92)}{sha256}  {escaped}\n'


# ----------------------------------------------------------------------------------------------------------------------
# README.md


def card(facts: Facts, files: Sequence[File], folders: Mapping[str, Sequence[int]]) -> str:
    """The text of `README.md`.

    Args:
        facts: What it says.
        files: All files but single pictures.
        folders: {folder of single pictures: (number of files, bytes)}.
    """
    return _template().render(
        facts=facts,
        files=_grouped(files),
        folders=folders,
        licence=licence_lines(facts.licence),
        size_category=size_category(facts.num_images),
        sums=SUMS_FILE,
        croissant=CROISSANT_FILE,
        not_stated=NOT_STATED,
    )


def size_category(count: int) -> str:
    """Hugging Face's name for the size of a set: '10K<n<100K'."""
    smaller = [name for limit, name in SIZES if limit <= count]
    larger = [name for limit, name in SIZES if limit > count]
    if not larger:
        return f'n>{smaller[-1]}'
    return f'{smaller[-1]}<n<{larger[0]}' if smaller else f'n<{larger[0]}'


def licence_lines(licence: Optional[str]) -> Dict[str, str]:
    """Hugging Face's keys about a licence that a user gave by name; 'unknown' if none was given."""
    if licence is None:
        return {'license': 'unknown'}
    name = re.sub(r'[\s_]+', '-', licence.strip().lower())
    return {'license': name} if name in KNOWN_LICENCES else {'license': 'other', 'license_name': licence}


def _grouped(files) -> List[Tuple[str, int, int]]:
    """(name, number of files, bytes) in the order of the first ones: files of a folder stand together."""
    groups = {}
    for file in files:
        top, _, rest = file.path.partition('/')
        group = groups.setdefault(f'{top}/' if rest else top, [0, 0])
        group[0] += 1
        group[1] += file.size
    return [(name, count, size) for name, (count, size) in groups.items()]


def _template():
    environment = jinja2.Environment(  # noqa: S701  Markdown, whose values go through the filters below
        loader=jinja2.FileSystemLoader(os.path.dirname(os.path.abspath(__file__))),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        bytes=bytes_in_words,
        count='{:,}'.format,
        in_words=in_words,
        line=markdown_line,
        yaml=lambda value: json.dumps(value, ensure_ascii=False),  # JSON is YAML too
    )
    return environment.get_template('card.md')


def markdown_line(text: Any) -> str:
    """Any text as one line of Markdown that shows it as it is: no tag, no link, no end of a table's cell."""
    return re.sub(r'([\\`*_\[\]<>|#])', r'\\\1', printable(text, 2000))
