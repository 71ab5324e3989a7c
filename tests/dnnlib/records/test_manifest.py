import json

import pytest

from dnnlib.errors import UserError
from dnnlib.records.manifest import read_manifest


def test_lines_come_one_by_one(tmp_path):
    lines = [{'path': 'a.jpg', 'accepted': True, 'index': 0}, {'path': 'b\udc80.jpg', 'accepted': False}]
    (tmp_path / 'manifest.jsonl').write_text(''.join(json.dumps(line) + '\n' for line in lines) + 'no JSON\n')
    manifest = read_manifest(str(tmp_path))
    assert [next(manifest), next(manifest)] == lines
    with pytest.raises(UserError) as error:
        next(manifest)
    assert 'manifest.jsonl line 3 is damaged' in error.value.message


@pytest.mark.parametrize('line', ['{"path": "a.jpg"}', '{"accepted": 1}', '[]', '{"path": "a"', '\xff'])
def test_a_damaged_line_is_named(tmp_path, line):
    (tmp_path / 'manifest.jsonl').write_bytes(line.encode('latin-1'))
    with pytest.raises(UserError) as error:
        list(read_manifest(str(tmp_path)))
    assert 'manifest.jsonl line 1 is damaged: make the dataset anew' in error.value.message


def test_a_folder_without_one_is_a_sentence(tmp_path):
    with pytest.raises(UserError) as error:
        list(read_manifest(str(tmp_path), 'galleries'))
    assert 'has no manifest.jsonl, so no galleries: make a dataset with python -m prefilter' in error.value.message
