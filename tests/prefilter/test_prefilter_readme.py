import pathlib
import re

from prefilter.images import FORMATS as DECODED
from prefilter.images import MAX_PIXELS, REFERENCE_MAX_PIXELS
from prefilter.reasons import REASONS
from prefilter.sources import FORMATS, PARTITIONS

README = (pathlib.Path(__file__).parents[2] / 'README.md').read_text(encoding='utf-8')
SECTION = README[README.index('\n## Sets, labels and odd files') : README.index('\n## Options')]


def first_cells(table):
    """What stands in backquotes in the first column of the table with this title."""
    rows = SECTION[SECTION.index(f'\n| {table} |') :].lstrip('\n').split('\n\n')[0].splitlines()[2:]
    return [name for row in rows for name in re.findall('`([^`]*)`', row.split('|')[1])]


def test_the_tables_have_every_format_and_reason():
    assert first_cells('`--format`') == sorted(FORMATS, key=list(FORMATS).index)
    assert sorted(first_cells('code')) == sorted(REASONS)


def test_limits_formats_and_partitions_are_those_of_the_code():
    assert f'{MAX_PIXELS:,}' in SECTION and f'{REFERENCE_MAX_PIXELS:,}' in SECTION
    assert all(name in SECTION.upper() for name in DECODED)
    for format, names in PARTITIONS.items():
        assert re.search(rf'`[^`]*{re.escape("|".join(names))}`[^;]*`{format}`', SECTION)
