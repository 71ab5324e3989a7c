"""The study of sizes: one row for each network, from the files of runs and of audited sets."""

import hashlib
import json

import pytest
from click.testing import CliRunner
from made_up_sets import make_up, noise_images

from dnnlib.exports.dataset_json import write_zip
from dnnlib.exports.encoding import png_bytes
from synthesis.study.size import Row, common_size, read_rows
from synthesis.study_verb import size


def dataset(folder, count):
    """A dataset of `count` images. Returns its path."""
    write_zip(
        str(folder), ((f'{place:03d}.png', png_bytes(image), None) for place, image in enumerate(noise_images(count)))
    )
    return str(folder)


def make_run(folder, data, values):
    """A run with two snapshots, whose values of fd_onet5k are given; the smaller is better."""
    folder.mkdir()
    options = {'data': data, 'total_kimg': 8, 'metrics': ['fd_onet5k'], 'resolution': 8}
    (folder / 'options.json').write_text(json.dumps(options))
    ticks = [{'tick': tick, 'kimg': 4 * tick, 'total_sec': 1800 * tick} for tick in (0, 1, 2)]
    (folder / 'stats.jsonl').write_text(''.join(json.dumps(tick) + '\n' for tick in ticks))
    with open(str(folder / 'metrics.jsonl'), 'w') as file:
        for kimg, value in values.items():
            name = f'network-snapshot-{kimg:06d}.pkl'
            (folder / name).write_bytes(f'{folder.name} {kimg}'.encode())
            record = {'snapshot': name, 'kimg': kimg, 'metric': 'fd_onet5k', 'value': value, 'seconds': 1.0}
            record['settings'] = {'dataset_sha256': hashlib.sha256(data.encode()).hexdigest()}
            file.write(json.dumps(record) + '\n')
    return folder


def make_set(folder, network=None, alike=0.25, training=None):
    """An audited set, made by the file of a network."""
    make_up(folder, noise_images(4))
    if network is not None:
        options = json.loads((folder / 'options.json').read_text())
        sha256 = hashlib.sha256(network.read_bytes()).hexdigest()
        options['synthetic']['network'].update(name=str(network), sha256=sha256)
        (folder / 'options.json').write_text(json.dumps(options))
    level = {'far': 1e-3, 'with a look-alike': alike, 'beside real people': {'real with a look-alike': 0.05}}
    audit = {
        'judged at': 1e-3,
        'people': {
            'people': 4,
            'levels': [{**level, 'far': 1e-2, 'with a look-alike': 0.9}, level],
            'curves': {'sizes': [1, 2, 4], 'kept': [[1, 1, 1], [1, 2, 3]]},
        },
        'training': training and {'images': training},
        'leakage': training
        and {'judged at': 1e-3, 'levels': [{'far': 1e-3, 'share': 0.125, 'held-out share': 0.0625}]},
    }
    audit['diversity'] = training and {'embedding': {'set': {'recall': 0.75}}}
    (folder / 'audit.json').write_text(json.dumps(audit))
    return folder


def test_a_row_has_the_best_network_of_a_run_and_what_its_set_shows(tmp_path):
    few = make_run(tmp_path / '00000-few', dataset(tmp_path / 'few.zip', 5), {4: 3.0, 8: 2.5})
    many = make_run(tmp_path / '00001-many', dataset(tmp_path / 'many.zip', 9), {4: 1.5, 8: 1.75})
    own = make_set(tmp_path / 'own', few / 'network-snapshot-000004.pkl', training=5)
    other = make_set(tmp_path / 'other', alike=0.5)
    rows = read_rows([str(path) for path in (many, own, other, few)])
    assert [(row.name, row.images, row.kimg, row.hours) for row in rows] == [
        ('00000-few', 5, 4, 1.0),
        ('00001-many', 9, 4, 1.0),
        ('other', None, None, None),
    ]
    assert [row.metrics['fd_onet5k']['value'] for row in rows[:2]] == [3.0, 1.5]  # of the network that made the set
    assert (rows[0].people, rows[0].far, rows[0].alike, rows[0].real_alike) == (4, 1e-3, 0.25, 0.05)
    assert (rows[0].leaked, rows[0].held_out, rows[0].kept_of(4)) == (0.125, 0.0625, 3)
    assert (
        (rows[0].recall, rows[2].recall) == (0.75, None)
        and rows[1].people is None
        and rows[2].alike == 0.5
        and rows[2].leaked is None
    )


def test_sets_of_different_sizes_are_compared_at_the_size_of_the_smaller_one():
    rows = [Row('small', sizes=[1, 3, 10], kept=[1, 3, 8]), Row('run'), Row('large', sizes=[1, 8, 64], kept=[1, 7, 35])]
    assert common_size(rows) == 10 and [row.kept_of(10) for row in rows] == [8, None, 8]
    assert common_size(rows[1:2]) is None and rows[0].kept_of(11) is None and rows[2].kept_of(64) == 35


def test_the_command_writes_table_numbers_and_figure(tmp_path):
    few = make_run(tmp_path / '00000-few', dataset(tmp_path / 'few.zip', 5), {4: 3.0})
    many = make_run(tmp_path / '00001-many', dataset(tmp_path / 'many.zip', 9), {8: 1.75})
    own = make_set(tmp_path / 'own', few / 'network-snapshot-000004.pkl', training=5)
    result = CliRunner().invoke(size, [str(few), str(many), str(own), '--out', str(tmp_path / 'out')])
    assert result.exit_code == 0, result.output
    table = (tmp_path / 'out' / 'size.md').read_text()
    assert 'K(4)' in table and '0.750' in table and '12.50%' in table and '1.75' in table
    assert 'measure all against one, with python run_metrics.py RUN --data DATASET' in table
    assert 'trained for different times (kimg)' in result.output
    record = json.loads((tmp_path / 'out' / 'size.json').read_text())
    assert [row['images'] for row in record['rows']] == [5, 9]
    assert (tmp_path / 'out' / 'size.png').read_bytes().startswith(b'\x89PNG')


@pytest.mark.parametrize(
    'name, sentence',
    [
        ('thesis', 'is neither a dataset nor a training run: name training runs'),
        ('plain', 'name training runs, and sets that python -m synthesis generate made'),
        ('unaudited', 'was not audited: python -m synthesis audit'),
        ('damaged', 'audit.json is damaged'),
    ],
)
def test_what_is_no_run_and_no_audited_set_is_refused(tmp_path, name, sentence):
    (tmp_path / 'thesis').mkdir()
    (tmp_path / 'thesis' / 'thesis.txt').write_text('years of work')
    (tmp_path / 'plain').mkdir()
    dataset(tmp_path / 'plain' / '00000.zip', 2)
    make_up(tmp_path / 'unaudited', noise_images(2))
    (make_set(tmp_path / 'damaged') / 'audit.json').write_text('{"people": 4}')
    result = CliRunner().invoke(size, [str(tmp_path / name), '--out', str(tmp_path / 'out')])
    assert result.exit_code == 1 and sentence in result.output, result.output
    assert not (tmp_path / 'out').exists()
