"""docs/prefilter.md repeats what the code says: formats, partitions, reasons, limits and fields."""

import pathlib
import re

from prefilter.images import FORMATS as DECODED
from prefilter.images import MAX_PIXELS, REFERENCE_MAX_PIXELS
from prefilter.merge import MANIFEST_FIELDS
from prefilter.reasons import REASONS
from prefilter.sources import FORMATS, PARTITIONS

PAGE = (pathlib.Path(__file__).parents[2] / 'docs' / 'prefilter.md').read_text(encoding='utf-8')


def first_cells(table):
    """What stands in backquotes in the first column of the table with this title."""
    rows = PAGE[PAGE.index(f'\n| {table} |') :].lstrip('\n').split('\n\n')[0].splitlines()[2:]
    return [name for row in rows for name in re.findall('`([^`]*)`', row.split('|')[1])]


def test_the_tables_have_every_format_and_reason():
    assert first_cells('`--format`') == sorted(FORMATS, key=list(FORMATS).index)
    assert sorted(first_cells('code')) == sorted(REASONS)


def test_limits_formats_and_partitions_are_those_of_the_code():
    assert f'{MAX_PIXELS:,}' in PAGE and f'{REFERENCE_MAX_PIXELS:,}' in PAGE
    assert all(name in PAGE.upper() for name in DECODED)
    for layout, names in PARTITIONS.items():
        assert re.search(rf'`[^`]*{re.escape("|".join(names))}`[^;]*`{layout}`', PAGE)


def test_the_manifest_has_the_fields_of_the_page():
    row = next(line for line in PAGE.splitlines() if line.startswith('| `manifest.jsonl`'))
    assert set(re.findall('`([^`]*)`', row.split('|')[2])) == set(MANIFEST_FIELDS)
