"""What an earlier version of the filter left opens, and a run that it began goes on."""

import shutil

from click.testing import CliRunner

from dnnlib.records.tfrecords import MultiResolutionDataset
from prefilter.__main__ import main
from tests.earlier import EARLIER


def test_an_unfinished_run_of_an_earlier_version_ends_in_its_dataset(tmp_path):
    shutil.copytree(str(EARLIER / 'unfinished_filter'), str(tmp_path / '.faces.unfinished'))
    out = tmp_path / 'faces'
    result = CliRunner(mix_stderr=False).invoke(main, ['lfw-subset', '--out', str(out), '--size', '8'])
    assert result.exit_code == 0, result.stderr
    assert 'Going on with an unfinished run: 64 of 200 images' in result.stderr
    for path in (EARLIER / 'filtered').iterdir():
        assert (out / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_dataset_of_an_earlier_version_opens():
    with MultiResolutionDataset(EARLIER / 'filtered') as dataset:
        assert (dataset.name, dataset.shape, dataset.num_images) == ('faces', [3, 8, 8], 95)
        assert all(dataset.read(index).std() > 0 for index in range(95))
