"""The table of golden files: any folder of them, and what is wrong is said."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from dnnlib import tflib
from tests.golden_table import main
from tests.goldens.files import FOLDER, set_lod
from tests.layouts import LAYOUTS
from tests.sessions import one_session_at_a_time

STATIC = {'resolution': 8, 'num_channels': 2, 'label_size': 2, 'fmap_base': 24, 'fmap_max': 5, 'mbstd_group_size': 3}


def save(folder, name, meta, arrays):
    np.savez(str(folder / (name + '.npz')), meta_json=json.dumps(meta), **arrays)


@pytest.fixture
def unseen():
    """A file of a discriminator that no golden file has: its meta data and arrays, as the table takes them."""
    images = np.random.RandomState(3).randn(6, 2, 8, 8).astype(np.float32)
    labels = np.eye(2, dtype=np.float32)[[0, 1] * 3]
    with one_session_at_a_time() as open_session:
        open_session(device='cpu', seed=1)
        D = tflib.Network('D', 'training.networks_stylegan.D_basic', **STATIC)
        set_lod(D, 0.4)
        arrays = {'D/' + name: value for name, value in tflib.run(D.vars).items()}
        arrays.update({'in/images_b6': images, 'in/labels_b6': labels, 'out/scores/some': D.run(images, labels)})
    return {'static_kwargs': STATIC, 'runs': {'some': {'batch': 6, 'kwargs': {}, 'lod': 0.4}}}, arrays


def table_of(folder, *flags):
    result = CliRunner().invoke(main, [str(folder), *flags])
    return result.exit_code, result.output


def test_a_file_of_other_options_and_sizes_has_a_row(unseen, tmp_path):
    save(tmp_path, 'd_basic_8_unseen', *unseen)
    code, text = table_of(tmp_path)
    assert code == 0 and '1 files, 0 quantities over' in text
    assert [line.split()[:3] for line in text.splitlines()[1:2]] == [['d_basic_8_unseen.npz', 'scores', '1']]


def test_a_layout_alone_can_be_asked_for(unseen, tmp_path):  # in both layouts with make test-nchw
    save(tmp_path, 'd_basic_8_unseen', *unseen)
    for layout in ('NHWC', 'NCHW'):
        code, text = table_of(tmp_path, '--layout', layout)
        if layout in LAYOUTS:
            heading, row = map(str.split, text.splitlines()[:2])
            assert code == 0 and heading[3:] == [layout, 'tolerance'] and len(row) == 6
        else:
            assert code == 2 and '--layout NCHW: TensorFlow does not run it here' in text


def test_results_that_are_off_or_unknown_fail(unseen, tmp_path):
    meta, arrays = unseen
    save(tmp_path, 'd_basic_off', meta, dict(arrays, **{'out/scores/some': arrays['out/scores/some'] * 1.001}))
    save(tmp_path, 'd_basic_unknown', meta, dict(arrays, **{'out/logits': np.zeros(3)}))
    code, text = table_of(tmp_path)
    assert code == 1 and text.count('TOO LARGE') == 2 and '2 quantities over' in text
    assert 'not known here' in text and 'nan' in text


def test_files_that_the_project_has_nothing_for_are_named(tmp_path):
    for name in ('optimizer_two_towers', 'metric_other'):
        (tmp_path / (name + '.npz')).write_bytes((FOLDER / 'optimizer_two_towers.npz').read_bytes())
    code, text = table_of(tmp_path)
    assert code == 0 and 'metric_other.npz' in text.splitlines()[-1]
    (tmp_path / 'empty').mkdir()
    assert table_of(tmp_path / 'empty')[0] == 2
