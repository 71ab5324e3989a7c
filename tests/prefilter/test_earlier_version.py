"""What an earlier version of the filter left opens, and a run that it began goes on."""

import json
import os
import pathlib
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from shelves import Here, files_of

from dnnlib.records.names import MANIFEST_FILE
from dnnlib.records.tfrecords import MultiResolutionDataset
from prefilter.__main__ import main
from tests.earlier import EARLIER


@pytest.mark.slow
def test_an_unfinished_run_of_an_earlier_version_ends_in_its_dataset(tmp_path, monkeypatch):
    monkeypatch.setattr('prefilter.pipeline.Workers', Here)
    shutil.copytree(str(EARLIER / 'unfinished_filter'), str(tmp_path / '.faces.unfinished'))
    out = tmp_path / 'faces'
    result = CliRunner(mix_stderr=False).invoke(main, ['lfw-subset', '--out', str(out), '--size', '8'])
    assert result.exit_code == 0, result.stderr
    assert 'Going on with an unfinished run: 64 of 200 images' in result.stderr
    earlier = files_of(EARLIER / 'filtered')
    found = files_of(out)
    assert_same_but_for_rounding({name: found[name] for name in earlier}, earlier)


def test_an_unfinished_run_on_an_archive_ends_in_the_dataset_of_an_undisturbed_one(tmp_path, monkeypatch):
    monkeypatch.setattr('prefilter.pipeline.Workers', Here)
    photos = pathlib.Path(shutil.copy(str(EARLIER / 'photos.tgz'), str(tmp_path)))
    plan = json.loads((EARLIER / 'unfinished_archive' / 'plan.json').read_text())
    os.utime(str(photos), ns=(plan['the date of its file'][1],) * 2)
    for name in ('whole', 'gone-on'):
        work = tmp_path / name / '.faces.unfinished'
        if name == 'gone-on':
            shutil.copytree(str(EARLIER / 'unfinished_archive'), str(work))
            (work / 'plan.json').write_text(json.dumps(dict(plan, SOURCE=os.path.realpath(str(photos)))))
        args = [str(photos), '--out', str(tmp_path / name / 'faces'), '--size', '8', '--device', 'cpu']
        result = CliRunner(mix_stderr=False).invoke(main, args)
        assert result.exit_code == 0, result.stderr
        assert ('Going on with an unfinished run: 64 of 90 images' in result.stderr) == (name == 'gone-on')
        assert '59 accepted, 31 refused (29 no-face, 1 not-an-image, 1 truncated)' in result.stdout + result.stderr
        assert not work.exists()
    whole, gone_on = (files_of(tmp_path / name) for name in ('whole', 'gone-on'))
    assert 'faces/rejected.png' in whole
    assert_same_but_for_rounding(gone_on, whole, 'faces/' + MANIFEST_FILE)


def test_a_dataset_of_an_earlier_version_opens():
    with MultiResolutionDataset(EARLIER / 'filtered') as dataset:
        assert (dataset.name, dataset.shape, dataset.num_images) == ('faces', [3, 8, 8], 95)
        assert all(dataset.read(index).std() > 0 for index in range(95))


def assert_same_but_for_rounding(found, expected, manifest=MANIFEST_FILE):
    """Compares files, dicts of name to bytes. Another kind of processor rounds boxes and scores differently."""
    found, expected = dict(found), dict(expected)
    verdicts, boxes, scores = parsed(found.pop(manifest))
    expected_verdicts, expected_boxes, expected_scores = parsed(expected.pop(manifest))
    assert verdicts == expected_verdicts
    np.testing.assert_allclose(boxes, expected_boxes, rtol=0, atol=1e-3)  # px
    np.testing.assert_allclose(scores, expected_scores, rtol=0, atol=1e-5)
    assert found == expected


def parsed(manifest):
    """The lines of a manifest without their boxes and scores, and both of these of the accepted photographs."""
    lines = [json.loads(line) for line in manifest.splitlines()]
    boxes, scores = ([line.pop(name) for line in lines if line['accepted']] for name in ('box', 'score'))
    return lines, boxes, scores
