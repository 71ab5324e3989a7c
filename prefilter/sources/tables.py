"""Lists that come with image sets: read with a sentence for every line that is not as expected."""

import codecs
import csv
import functools
import io
import math
import os
import re
import sys
import unicodedata

from dnnlib.errors import UserError
from dnnlib.wrong_files import name_of_no_text

LINE_END = re.compile('\r\n|\r|\n')  # str.splitlines would also split at characters that stand in names
BYTE_ORDER_MARKS = (  # the longer first: one begins with another
    (codecs.BOM_UTF32_LE, 'utf-32'),
    (codecs.BOM_UTF32_BE, 'utf-32'),
    (codecs.BOM_UTF16_LE, 'utf-16'),
    (codecs.BOM_UTF16_BE, 'utf-16'),
    (codecs.BOM_UTF8, 'utf-8-sig'),
)
DELIMITERS = ',\t;'  # the first that is in the header: Excel writes tabs and semicolons too
POWERSHELL = '#TYPE '  # begins a line above the header
EXCEL = 'sep='  # the same
LOOKED_AT = 1 << 16  # bytes that have the header
SHOWN = 80  # characters of a line or a value in a message

csv.field_size_limit(sys.maxsize)  # some lists keep an embedding in a column


# ----------------------------------------------------------------------------------------------------------------------
# Text.


def decoded(files, path):
    """The text of a file among the others of `Files`: UTF-8, or UTF-16 as Excel and PowerShell write it.

    Raises:
        UserError: It cannot be read, is no text, or has a NUL or half a character; says what it is, or in which line.
    """
    data = files.read_other(path)
    what = name_of_no_text(data, 'name a list, or replace it by the one of the set')
    if what is not None:
        raise UserError(f'{path} is {what}.')
    try:
        text = data.decode(_encoding(data), 'surrogateescape')
    except UnicodeDecodeError as error:
        raise UserError(f'{path} is no text ({error.reason}, byte {error.start:,}): copy it again.') from error
    if '\0' in text:
        line = 1 + len(LINE_END.findall(text[: text.index('\0')]))
        raise UserError(f'{path}, line {line}: found a NUL character, which no text has: remove it, or copy the file.')
    return text


def _encoding(data):
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return encoding
    zeros = [byte == 0 for byte in data[:4]]
    return {(False, True) * 2: 'utf-16-le', (True, False) * 2: 'utf-16-be'}.get(tuple(zeros), 'utf-8')


def read_lines(files, path):
    """List of (number of the line, line) of a text file, without empty lines."""
    return [(number, line) for number, line in enumerate(LINE_END.split(decoded(files, path)), 1) if line.strip()]


def bad_line(path, number, line, expected):
    """The `UserError` for a line that is not as expected."""
    return UserError(
        f'{path}, line {number}: expected {expected}, found {line[:SHOWN]!r}: correct the line, or replace the file.'
    )


# ----------------------------------------------------------------------------------------------------------------------
# CSV.


def read_csv(files, path, columns, free=None):
    """Yields (number of the line, tuple of the values of some columns) for each row of a CSV file with a header.

    Args:
        files: `Files` that has it.
        path: Its path in there.
        columns: Names that the header must have, in any case; spaces around names and values do not count.
        free: Name of a column whose values may have commas without quotes, or None.
    """
    header, rows = open_csv(files, path, free)
    header = [name.lower() for name in header]
    missing = [name for name in columns if name.lower() not in header]
    if missing:
        raise UserError(
            f'{path} has no column {", ".join(missing)}: expected {", ".join(columns)}, found {", ".join(header)}.'
        )
    places = [place_of(path, header, name.lower()) for name in columns]
    for number, row in rows:
        yield number, tuple(row[place] for place in places)


def place_of(path, header, name):
    """The place of a column; raises `UserError` if the header has it twice."""
    if header.count(name) > 1:
        raise UserError(f'{path} has {header.count(name)} columns {name}: give the others another name.')
    return header.index(name)


def open_csv(files, path, free=None):
    """Opens a CSV file with a header.

    Returns:
        (names of the columns, generator of (number of the line, list of values)). Rows without any value
        are left out; a row with more or fewer values than the header has raises `UserError`.
    """
    lines, skipped, delimiter = _without_preamble(decoded(files, path))
    # Strict: a quote that is never closed would swallow all lines behind it.
    rows = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    _, header = next(_rows(path, rows, skipped), (0, []))
    free = next((place for place, name in enumerate(header) if name.lower() == free), None)
    return header, _fitting_rows(path, _rows(path, rows, skipped), len(header), free)


def header_of(files, path):
    """The names of the columns of a file that may be CSV, by a look at its beginning; [] if it cannot be read."""
    data = files.head(path, LOOKED_AT)
    lines, _, delimiter = _without_preamble(data.decode(_encoding(data), 'replace').replace('\0', ''))
    try:
        return [name.strip() for name in next(csv.reader(lines, delimiter=delimiter, skipinitialspace=True), [])]
    except csv.Error:
        return []


def _without_preamble(text):
    """(the lines from the header on as a file, number of lines above it, delimiter)."""
    file, skipped, delimiter = io.StringIO(text, newline=''), 0, None
    while True:
        start = file.tell()
        line = file.readline()
        if not line or line.strip() and not line.startswith((POWERSHELL, EXCEL)):
            file.seek(start)
            break
        if line.startswith(EXCEL):
            delimiter = line[len(EXCEL) :].rstrip('\r\n')[:1] or None
        skipped += 1
    outside_quotes = re.sub('"[^"]*"', '', line)
    return file, skipped, delimiter or next((each for each in DELIMITERS if each in outside_quotes), ',')


def _rows(path, rows, skipped):
    """Yields (number of the first line, values) of each row that has a value."""
    while True:
        number = skipped + rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise UserError(
                f'{path}, line {number}: {error}: correct the line; a quote within quotes is written twice.'
            ) from error
        if row is None:
            return
        row = [value.strip() for value in row]
        if any(row):
            yield number, row


def _fitting_rows(path, rows, width, free):
    for number, row in rows:
        surplus = len(row) - width
        while surplus > 0 and not row[-1]:
            row.pop()
            surplus -= 1
        if surplus > 0 and free is not None:
            row[free : free + surplus + 1] = [', '.join(row[free : free + surplus + 1])]
            surplus = 0
        if surplus:
            hint = 'put a value that has commas into quotes' if surplus > 0 else 'correct the line'
            found = ', '.join(row)[:SHOWN]
            raise UserError(f'{path}, line {number}: expected {width} values, found {len(row)} ({found}): {hint}.')
        yield number, row


# ----------------------------------------------------------------------------------------------------------------------
# Values.

_DOTS = re.compile(r'(?<![^/])\./+|(?<=/)/+')  # './' and repeated slashes


def without_dots(path):
    """A path without './' and repeated slashes."""
    return _DOTS.sub('', path)


def is_unnamed(column):
    """Whether a column has no name: an empty one, or the one that pandas gives to it."""
    return re.match(r'(unnamed: \d+)?$', column, re.IGNORECASE) is not None


def without_point(name):
    """The name '7' for '7.0', which pandas writes if a column has a gap; any other name unchanged."""
    return re.sub(r'^([+-]?\d+)\.0*$', r'\1', name, flags=re.ASCII)


@functools.lru_cache(maxsize=4096)
def flag(value):
    """1, 0 or -1 for a value such as '1', '0.0', '-1' or 'True'; None for any other."""
    words = {'true': 1, 'false': 0}
    if value.lower() in words:
        return words[value.lower()]
    return whole_number(value) if whole_number(value) in (-1, 0, 1) else None


def finite_number(value):
    """The float that a text such as '-1.5e3' stands for, or None."""
    try:
        number = float(value) if value.isascii() and '_' not in value else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def whole_number(value):
    """The int that a text such as '7' or '7.0' stands for (pandas writes 7.0 if a column has a gap), or None."""
    match = re.match(r'([+-]?\d{1,18})(\.0*)?$', value, re.ASCII)
    return int(match.group(1)) if match else None


def put(values, key, value, path, number):
    """Sets `values[key]`; raises `UserError` if a line above gave it another value."""
    if values.setdefault(key, value) != value:
        raise UserError(
            f'{path}, line {number}: {key} has {value!r} here and {values[key]!r} above: remove one of the lines.'
        )


def plain_name(name):
    """One form for all spellings of a path or a name: '/' for a backslash, and composed characters (NFC)."""
    name = name.replace('\\', '/')
    return name if name.isascii() else unicodedata.normalize('NFC', name)


def spelled_as_on_disk(folder, path):
    """A path of a list in the spelling of the file below `folder` that it means; unchanged if there is none.

    A list may have Windows' backslashes or code page, and composed characters where the folder has decomposed ones. One
    file has one path: './x.png' becomes 'x.png'.
    """
    path = without_dots(path)
    if path.isascii() and '\\' not in path:
        return path
    texts = [path]
    if any('\udc80' <= letter <= '\udcff' for letter in path):  # bytes that are no UTF-8
        texts.append(path.encode('utf-8', 'surrogateescape').decode('cp1252', 'replace'))
    texts += [text.replace('\\', '/') for text in texts]
    spellings = texts + [unicodedata.normalize(form, text) for text in texts for form in ('NFC', 'NFD')]
    return without_dots(next((each for each in spellings if os.path.lexists(os.path.join(folder, each))), path))
