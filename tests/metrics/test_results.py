"""The metrics file of a run and the snapshot it singles out."""

import json
import os

import numpy as np
import pytest

from dnnlib.errors import UserError
from dnnlib.records.tfrecords import MultiResolutionDataset, fingerprint, old_fingerprint
from metrics.figures.curves import draw_curves
from metrics.meter import Result
from metrics.registry import METRICS, FrechetDistance
from metrics.results import (
    Snapshot,
    append_result,
    delete_snapshots,
    drop_results,
    find_result,
    find_snapshots,
    format_table,
    keep_best,
    network_fingerprint,
    read_results,
    renew_fingerprints,
    series,
)
from metrics.run_summary import summarise_run
from tests.toy_run import make_dataset

SETTINGS = {'features': 'onet', 'seed': 0}


@pytest.fixture
def run_dir(tmp_path):
    for kimg in (0, 10, 20):
        (tmp_path / f'network-snapshot-{kimg:06d}.pkl').write_bytes(b'network after %d kimg' % kimg)
    return str(tmp_path)


def measured(run_dir, kimg, value, metric='fd_onet5k', settings=SETTINGS):
    return append_result(
        run_dir, Snapshot(f'network-snapshot-{kimg:06d}.pkl', kimg), Result(metric, value, 1.5, settings)
    )


def best_content(run_dir):
    with open(os.path.join(run_dir, 'network-best.pkl'), 'rb') as file:
        return file.read()


def test_snapshots_by_growing_kimg_and_only_those(run_dir, tmp_path):
    (tmp_path / 'network-snapshot-000005.pkl').write_bytes(b'')
    (tmp_path / 'network-snapshot-1234567.pkl').write_bytes(b'')
    for name in ('network-best.pkl', '.network-snapshot-000007.pkl.x.part', 'network-snapshot-000007.txt'):
        (tmp_path / name).write_bytes(b'')
    assert [kimg for _, kimg in find_snapshots(run_dir)] == [0, 5, 10, 20, 1234567]


def test_the_final_network_counts_unless_it_equals_the_last_snapshot(run_dir, tmp_path):
    final = tmp_path / 'network-final.pkl'
    final.write_bytes(b'network after 20 kimg')
    assert len(find_snapshots(run_dir)) == 3
    final.write_bytes(b'network after 25 kimg')
    assert find_snapshots(run_dir, final_kimg=25)[-1] == ('network-final.pkl', 25)


def test_a_result_is_one_line_with_the_documented_fields(run_dir):
    assert read_results(run_dir) == []
    measured(run_dir, 10, 12.5)
    with open(os.path.join(run_dir, 'metrics.jsonl')) as file:
        assert [json.loads(line) for line in file] == [
            {
                'snapshot': 'network-snapshot-000010.pkl',
                'kimg': 10,
                'metric': 'fd_onet5k',
                'value': 12.5,
                'seconds': 1.5,
                'settings': SETTINGS,
                'network_sha256': network_fingerprint(run_dir, 'network-snapshot-000010.pkl'),
            }
        ]
    measured(run_dir, 20, 11.5)
    assert [record['value'] for record in read_results(run_dir)] == [12.5, 11.5]


def test_what_is_not_a_number_is_never_recorded(run_dir):
    with pytest.raises(ValueError):
        measured(run_dir, 10, float('nan'))


def add_to_file(run_dir, content):
    with open(os.path.join(run_dir, 'metrics.jsonl'), 'ab') as file:
        file.write(content)


@pytest.mark.parametrize(
    'line',
    [
        b'{"snapshot": "network-sn\n',
        b'\xff\n',
        b'\n',
        b'[]\n',
        b'{"snapshot": "s", "kimg": 1, "metric": "m", "value": 1, "settings": {}}\n',  # no seconds
        b'{"snapshot": "s", "kimg": "1", "metric": "m", "value": 1, "seconds": 1, "settings": {}}\n',
        b'{"snapshot": "s", "kimg": 1, "metric": [], "value": 1, "seconds": 1, "settings": {}}\n',
        b'{"snapshot": "s", "kimg": 1, "metric": "m", "value": "1", "seconds": 1, "settings": {}}\n',
        b'{"snapshot": "s", "kimg": 1, "metric": "m", "value": true, "seconds": 1, "settings": {}}\n',
        b'{"snapshot": "s", "kimg": 1, "metric": "m", "value": 1, "seconds": null, "settings": {}}\n',
        b'{"snapshot": "s", "kimg": 1, "metric": "m", "value": 1%s, "seconds": 1, "settings": {}}\n' % (b'0' * 400),
        b'{"snapshot": "s", "kimg": 1%s, "metric": "m", "value": 1, "seconds": 1, "settings": {}}\n' % (b'0' * 400),
        b'[' * 100000 + b'\n',
    ],
)
def test_a_damaged_line_is_named(run_dir, line):
    measured(run_dir, 10, 12.5)
    add_to_file(run_dir, line)
    with pytest.raises(UserError, match='metrics.jsonl line 2 is damaged'):
        read_results(run_dir)


@pytest.mark.parametrize('number', ['NaN', '-Infinity', '1e999'])
def test_what_is_no_finite_number_is_neither_drawn_nor_the_best(run_dir, number):
    measured(run_dir, 10, 12.5)
    line = b'{"snapshot": "network-snapshot-000020.pkl", "kimg": %s, "metric": "fd_onet5k", "value": %s, "seconds": 1, '
    for pair in (('20', number), (number, '3')):
        add_to_file(run_dir, line % tuple(part.encode() for part in pair))
        add_to_file(run_dir, b'"settings": {"features": "onet", "seed": 0}}\n')
    assert [record['value'] for record in read_results(run_dir)] == [12.5]
    assert keep_best(run_dir, 'fd_onet5k')['kimg'] == 10
    assert [*draw_curves(run_dir)] == ['fd_onet5k']
    assert summarise_run(run_dir).curves['fd_onet5k'] == read_results(run_dir)


@pytest.mark.parametrize('part', [b'{"snapshot": "network-sn', b'\xc3', b'\0' * 100])
def test_what_a_full_disk_left_of_a_last_line_is_ignored_and_does_not_glue_with_the_next(run_dir, part):
    measured(run_dir, 10, 12.5)
    add_to_file(run_dir, part)
    assert [record['value'] for record in read_results(run_dir)] == [12.5]
    measured(run_dir, 20, 11.5)
    assert [record['value'] for record in read_results(run_dir)] == [12.5, 11.5]


def test_a_last_line_that_only_lacks_its_end_counts(run_dir):
    measured(run_dir, 10, 12.5)
    path = os.path.join(run_dir, 'metrics.jsonl')
    os.truncate(path, os.path.getsize(path) - 1)
    assert [record['value'] for record in read_results(run_dir)] == [12.5]
    measured(run_dir, 20, 11.5)
    assert [record['value'] for record in read_results(run_dir)] == [12.5, 11.5]


def test_files_that_cannot_be_read_or_written_are_named(run_dir, monkeypatch):
    os.mkdir(os.path.join(run_dir, 'metrics.jsonl'))
    with pytest.raises(UserError, match='metrics.jsonl cannot be read .Is a directory.'):
        read_results(run_dir)
    with pytest.raises(UserError, match='metrics.jsonl cannot be written .Is a directory.: check the path'):
        measured(run_dir, 10, 12.5)

    def refuse(path):
        raise PermissionError(13, 'Permission denied', path)

    monkeypatch.setattr(os, 'listdir', refuse)
    with pytest.raises(UserError, match='cannot be read .Permission denied.'):
        find_snapshots(run_dir)


def test_the_best_snapshot_is_the_one_of_the_lowest_value_and_its_copy_follows_it(run_dir):
    assert keep_best(run_dir, 'fd_onet5k') is None
    measured(run_dir, 0, 90.0)
    assert keep_best(run_dir, 'fd_onet5k')['kimg'] == 0 and best_content(run_dir) == b'network after 0 kimg'
    measured(run_dir, 10, 30.0)
    assert keep_best(run_dir, 'fd_onet5k')['kimg'] == 10 and best_content(run_dir) == b'network after 10 kimg'
    measured(run_dir, 20, 30.0)
    measured(run_dir, 20, 5.0, metric='fid50k')
    assert keep_best(run_dir, 'fd_onet5k')['kimg'] == 10 and best_content(run_dir) == b'network after 10 kimg'
    assert not [name for name in os.listdir(run_dir) if name.endswith('.part')]


def test_the_copy_is_made_only_when_its_content_changes(run_dir):
    best = os.path.join(run_dir, 'network-best.pkl')
    measured(run_dir, 10, 30.0)
    keep_best(run_dir, 'fd_onet5k')
    before = os.stat(best).st_ino
    measured(run_dir, 20, 40.0)
    keep_best(run_dir, 'fd_onet5k')
    assert os.stat(best).st_ino == before
    measured(run_dir, 0, 20.0)
    keep_best(run_dir, 'fd_onet5k')
    assert os.stat(best).st_ino != before and best_content(run_dir) == b'network after 0 kimg'


def test_a_network_whose_kimg_nothing_tells_is_no_rival(run_dir):
    measured(run_dir, 10, 30.0)
    keep_best(run_dir, 'fd_onet5k')
    append_result(run_dir, Snapshot('network-best.pkl', None), Result('fd_onet5k', 29.0, 1.5, SETTINGS))
    assert keep_best(run_dir, 'fd_onet5k')['snapshot'] == 'network-snapshot-000010.pkl'
    assert [record['value'] for record in series(read_results(run_dir), 'fd_onet5k')] == [30.0]


def test_values_of_other_settings_are_not_compared(run_dir):
    measured(run_dir, 0, 1.0, settings={'features': 'onet', 'seed': 9})
    measured(run_dir, 10, 50.0)
    assert keep_best(run_dir, 'fd_onet5k')['kimg'] == 10
    assert keep_best(run_dir, 'fd_onet5k', {'features': 'onet', 'seed': 9})['kimg'] == 0


def test_measuring_again_replaces_the_earlier_value(run_dir):
    measured(run_dir, 10, 1.0)
    measured(run_dir, 0, 3.0)
    measured(run_dir, 10, 4.0)
    records = read_results(run_dir)
    assert [(record['kimg'], record['value']) for record in series(records, 'fd_onet5k')] == [(0, 3.0), (10, 4.0)]
    assert find_result(records, 'network-snapshot-000010.pkl', 'fd_onet5k', SETTINGS)['value'] == 4.0
    assert find_result(records, 'network-snapshot-000010.pkl', 'fd_onet5k', {}) is None


@pytest.mark.parametrize('size', [1, 10**5, 2**21 + 10**5, 10**7])
def test_another_network_under_the_name_of_a_snapshot_is_not_measured_yet(run_dir, tmp_path, size):
    name, rng = 'network-snapshot-000010.pkl', np.random.RandomState(1)

    def found(records):
        return find_result(records, name, 'fd_onet5k', SETTINGS, network_fingerprint(run_dir, name))

    (tmp_path / name).write_bytes(rng.bytes(size))
    measured(run_dir, 10, 4.0)
    records = read_results(run_dir)
    assert found(records)['value'] == 4.0
    (tmp_path / name).write_bytes(rng.bytes(size))  # a network of another training has as many bytes
    assert found(records) is None
    del records[0]['network_sha256']  # as an earlier version wrote it
    assert found(records)['value'] == 4.0
    (tmp_path / name).unlink()
    assert network_fingerprint(run_dir, name) is None and 'network_sha256' not in measured(run_dir, 10, 4.0)


def test_a_best_snapshot_deleted_since_lives_on_as_the_copy(run_dir):
    measured(run_dir, 10, 1.0)
    keep_best(run_dir, 'fd_onet5k')
    os.remove(os.path.join(run_dir, 'network-snapshot-000010.pkl'))
    measured(run_dir, 20, 2.0)
    assert keep_best(run_dir, 'fd_onet5k')['kimg'] == 10 and best_content(run_dir) == b'network after 10 kimg'
    os.remove(os.path.join(run_dir, 'network-best.pkl'))
    with pytest.raises(UserError, match='000010.pkl has the best fd_onet5k but is gone'):
        keep_best(run_dir, 'fd_onet5k')


def test_run_that_goes_back_forgets_what_was_measured_since_and_half_a_record(run_dir):
    drop_results(run_dir, 5)
    for kimg in (0, 10, 20):
        measured(run_dir, kimg, 1.0)
    append_result(run_dir, Snapshot('network-final.pkl', None), Result('fd_onet5k', 29.0, 1.5, SETTINGS))
    add_to_file(run_dir, b'{"snapshot": "network-sn')
    drop_results(run_dir, 10.001)
    assert [record['kimg'] for record in read_results(run_dir)] == [0, 10, None]
    drop_results(run_dir, 10)
    assert [record['kimg'] for record in read_results(run_dir)] == [0, None]


def snapshots_in(run_dir):
    return [name for name in sorted(os.listdir(run_dir)) if name.startswith('network-snapshot')]


def test_newest_snapshots_and_the_best_are_kept(run_dir, tmp_path):
    for kimg, value in ((0, 9.0), (10, 1.0), (20, 5.0), (30, 4.0), (40, 3.0)):
        (tmp_path / f'network-snapshot-{kimg:06d}.pkl').write_bytes(b'network after %d kimg' % kimg)
        measured(run_dir, kimg, value)
        keep_best(run_dir, 'fd_onet5k')
    (tmp_path / 'network-snapshot-000050.pkl').write_bytes(b'not measured yet')
    (tmp_path / 'network-final.pkl').write_bytes(b'the end')
    delete_snapshots(run_dir, 'fd_onet5k', 2)
    assert snapshots_in(run_dir) == [f'network-snapshot-{kimg:06d}.pkl' for kimg in (10, 30, 40, 50)]
    assert {'network-final.pkl', 'network-best.pkl'} <= set(os.listdir(run_dir))
    assert best_content(run_dir) == b'network after 10 kimg'
    assert [snapshot.kimg for snapshot in find_snapshots(run_dir)] == [10, 30, 40, 50, None]
    assert len(read_results(run_dir)) == 5


def test_best_snapshot_of_the_time_a_run_may_go_back_to_is_kept(run_dir, tmp_path):
    (tmp_path / 'training-state-000010000.npz').write_bytes(b'')
    (tmp_path / 'training-state-000020000.npz').write_bytes(b'')
    for kimg, value in ((0, 3.0), (10, 4.0), (20, 1.0)):
        measured(run_dir, kimg, value)
    delete_snapshots(run_dir, 'fd_onet5k', 1)
    assert snapshots_in(run_dir) == ['network-snapshot-000000.pkl', 'network-snapshot-000020.pkl']
    drop_results(run_dir, 10.001)
    assert keep_best(run_dir, 'fd_onet5k')['kimg'] == 0 and best_content(run_dir) == b'network after 0 kimg'


def test_without_a_metric_the_newest_snapshots_are_kept(run_dir):
    delete_snapshots(run_dir, None, 2)
    assert snapshots_in(run_dir) == ['network-snapshot-000010.pkl', 'network-snapshot-000020.pkl']


def test_table_marks_the_best():
    records = [
        {'snapshot': 'network-final.pkl', 'kimg': None, 'metric': 'm', 'value': 12.34567, 'seconds': 3.21},
        {'snapshot': 's', 'kimg': 5, 'metric': 'm', 'value': 2, 'seconds': 10},
    ]
    assert format_table(records, best=records[1]) == '\n'.join(
        [
            'snapshot           kimg  metric    value  seconds',
            'network-final.pkl     -  m       12.3457      3.2',
            's                     5  m        2.0000     10.0  <- best',
        ]
    )


def test_what_could_not_be_measured_is_no_number():
    record = {'snapshot': 's', 'kimg': 5, 'metric': 'm', 'value': None, 'seconds': None}
    assert format_table([record]).splitlines()[1].split() == ['s', '5', 'm', 'failed', '-']


def test_where_higher_is_better_the_highest_is_best(run_dir, monkeypatch):
    class Accuracy(FrechetDistance):
        lower_is_better = False

    monkeypatch.setitem(METRICS, 'accuracy', Accuracy('accuracy', 'onet', 2, 2))
    for kimg, value in ((0, 1.0), (10, 3.0), (20, 2.0)):
        measured(run_dir, kimg, value, metric='accuracy')
    assert keep_best(run_dir, 'accuracy')['kimg'] == 10 and best_content(run_dir) == b'network after 10 kimg'


def test_fingerprints_of_the_old_kind_are_compared_the_old_way_and_replaced(run_dir, tmp_path):
    folder = make_dataset(str(tmp_path / 'toy'), count=100)
    with MultiResolutionDataset(folder) as dataset:
        old, new = old_fingerprint(dataset), fingerprint(dataset)
        other = '0123456789abcdef'
        for kimg, sha256 in ((0, old), (10, other), (20, old)):
            measured(run_dir, kimg, 12.5, settings=dict(SETTINGS, dataset_sha256=sha256))
        measured(run_dir, 20, 3.0, 'pl_onet5k_zend')
        before = read_results(run_dir)
        renew_fingerprints(run_dir, dataset)
    after = read_results(run_dir)
    assert [record['settings'].get('dataset_sha256') for record in after] == [new, other, new, None]
    for record in before[0], before[2]:
        record['settings']['dataset_sha256'] = new
    assert after == before
