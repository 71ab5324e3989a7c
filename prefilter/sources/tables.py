"""Lists that come with image sets: read with a sentence for every line that is not as expected."""

import csv
import io

from dnnlib.errors import UserError


def read_lines(files, path):
    """The lines of a text file among the others of `Files`, without empty ones."""
    return [line for line in decoded(files, path).splitlines() if line.strip()]


def read_csv(files, path, columns):
    """Yields some columns of a CSV file with a header, a tuple a row, in the order of `columns`.

    Args:
        files: `Files` that has it.
        path: Its path in there.
        columns: Names that the header must have, in any case; spaces around names and values do not count.
    """
    header, rows = open_csv(files, path)
    missing = [name for name in columns if name.lower() not in header]
    if missing:
        raise UserError(
            f'{path} has no column {", ".join(missing)}: expected {", ".join(columns)}, found {", ".join(header)}.'
        )
    places = [header.index(name.lower()) for name in columns]
    for row in rows:
        yield tuple(row[place] for place in places)


def open_csv(files, path):
    """(names of the columns in lower case, generator of rows as lists of str) of a CSV file with a header."""
    rows = csv.reader(io.StringIO(decoded(files, path)), skipinitialspace=True)
    header = [name.strip().lower() for name in next(rows, [])]
    return header, _checked_rows(path, rows, len(header))


def _checked_rows(path, rows, width):
    for row in rows:
        if row and len(row) < width:
            raise UserError(
                f'{path}, line {rows.line_num}: expected {width} columns, found {len(row)}: correct the line.'
            )
        if row:
            yield [value.strip() for value in row]


def decoded(files, path):
    """The text of a file, UTF-8 with or without a byte order mark."""
    return files.read_other(path).decode('utf-8-sig', 'surrogateescape')


def bad_line(path, line, expected):
    """The `UserError` for a line that is not as expected."""
    return UserError(f'{path}: expected {expected}, found {line[:80]!r}: correct or replace the file.')
