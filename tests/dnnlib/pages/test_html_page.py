"""Templates of pages: what is put into them is escaped, and they are found wherever the program runs."""

import os

import pytest

from dnnlib.pages.html_page import page, render
from tests.parsed_page import ParsedPage

HOSTILE = '</title><script>alert(1)</script>&"\''


@pytest.fixture
def template(tmp_path):
    (tmp_path / 'mine.html').write_text(
        "{% extends 'base.html' %}{% import 'parts.html' as parts %}{% block title %}{{ name }}{% endblock %}"
        '{% block main %}{{ parts.tiles([(name, name)]) }}{{ parts.options([(name, [name, 3])], 9999) }}{% endblock %}'
    )
    return str(tmp_path / 'mine.html')


def test_text_is_escaped_also_inside_macros(template):
    parsed = ParsedPage(page(template, name=HOSTILE))
    assert [tag for tag, _ in parsed.elements].count('script') == 0 and parsed.text.count(HOSTILE) == 5
    assert parsed.table('option') == [[HOSTILE, f'{HOSTILE}, 3']]


def test_only_the_script_of_the_page_may_run(template):
    parsed = ParsedPage(page(template, 'p { color: red }', "document.title = '1 < 2'", name='x'))
    policy = next(attributes['content'] for _, attributes in parsed.elements if 'http-equiv' in attributes)
    assert "script-src 'sha256-" in policy and "default-src 'none'" in policy
    html = page(template, 'p { color: red }', "document.title = '1 < 2'", name='x')
    assert b"<script>document.title = '1 < 2'</script>" in html and b'p { color: red }</style>' in html


def test_templates_are_found_from_any_folder(template, tmp_path, monkeypatch):
    expected = page(template, name='x')
    (tmp_path / 'elsewhere').mkdir()
    monkeypatch.chdir(tmp_path / 'elsewhere')
    assert page(os.path.relpath(template), name='x') == expected


def test_a_value_that_is_not_given_is_an_error_not_a_gap(template):
    with pytest.raises(Exception, match="'name' is undefined"):
        render(template, policy='', style='', script=None)
