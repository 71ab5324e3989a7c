"""`run_metrics.py` on several things at once, what decides which is best, and the cache."""

import dataclasses
import filecmp
import os
import re
import shutil

import pytest

import config
from metrics import registry
from tests.earlier import earlier_run, new_fingerprint
from tests.metrics_command import invoke, refused, results

pytestmark = pytest.mark.usefixtures('shared_networks', 'few_images')


def cached(folder='.'):
    return sorted(os.listdir(os.path.join(config.CACHE_DIR, 'measurements', folder)))


def forbid_generating(monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError('an image was generated')

    monkeypatch.setattr('metrics.batches.Fakes.batches', fail)


def test_runs_snapshots_pickles_and_published_networks_in_one_command(run_dir, published_toy, finished, tmp_path):
    other = shutil.copytree(finished[0], str(tmp_path / 'other'))
    pickle_path = shutil.copy(os.path.join(finished[0], 'network-final.pkl'), str(tmp_path / 'mine.pkl'))
    snapshot = os.path.join(other, 'network-snapshot-000000.pkl')
    named = run_dir, snapshot, pickle_path, published_toy
    outcome = invoke(*named, '--metrics', 'fd_onet5k', '--data', finished[1], '--seed', '3', '--mirror')
    assert outcome.exit_code == 0, outcome.stderr
    assert [line[:-1] for line in outcome.stdout.splitlines() if line.endswith(':')] == list(named)
    rows = [line.split() for line in outcome.stdout.splitlines() if ' fd_onet5k ' in line and 'Best' not in line]
    assert [row[0] for row in rows] == [
        'network-snapshot-000000.pkl',
        'network-snapshot-000004.pkl',
        'network-snapshot-000000.pkl',
        'mine.pkl',
        'toy-8x8',
    ]
    assert rows[0][3] == rows[2][3] and rows[1][3] == rows[3][3] == rows[4][3] != rows[0][3]
    assert (len(results(run_dir)), len(results(other))) == (2, 1)


def test_what_cannot_be_opened_does_not_keep_the_others_from_being_measured(run_dir, finished, tmp_path):
    broken = str(tmp_path / 'broken.pkl')
    with open(broken, 'wb') as file:
        file.write(b'not a pickle')
    outcome = invoke(broken, run_dir, '--metrics', 'fd_onet5k', '--data', finished[1])
    assert 'broken.pkl' in refused(outcome, 1) and len(results(run_dir)) == 2
    assert re.search('broken.pkl +- +fd_onet5k +failed', outcome.stdout)


def test_best_names_the_value_that_decides_measures_it_and_says_why(run_dir, monkeypatch):
    metric = dataclasses.replace(registry.METRICS['pr_onet5k3'], num_fakes=40, num_reals=12)
    monkeypatch.setitem(registry.METRICS, 'pr_onet5k3', metric)
    outcome = invoke(run_dir, '--metrics', 'fd_onet5k', '--best', 'pr_onet5k3_recall')
    assert outcome.exit_code == 0, outcome.stderr
    records = [record for record in results(run_dir) if record['metric'] == 'pr_onet5k3_recall']
    best = max(records, key=lambda record: record['value'])
    assert (
        len(records) == 2
        and (f'Best pr_onet5k3_recall: {best["snapshot"]} with {best["value"]:.4f}, the highest of 2, copied')
        in outcome.stdout
    )
    assert filecmp.cmp(os.path.join(run_dir, best['snapshot']), os.path.join(run_dir, 'network-best.pkl'), False)
    by_distance = invoke(run_dir, '--best', 'fd_onet5k').stdout
    lowest = min((r for r in results(run_dir) if r['metric'] == 'fd_onet5k'), key=lambda record: record['value'])
    assert f'Best fd_onet5k: {lowest["snapshot"]} with {lowest["value"]:.4f}, the lowest of 2' in by_distance
    assert filecmp.cmp(os.path.join(run_dir, lowest['snapshot']), os.path.join(run_dir, 'network-best.pkl'), False)


def test_one_network_of_a_run_takes_the_place_of_the_best_only_where_both_were_measured_alike(run_dir):
    assert invoke(run_dir, '--metrics', 'fd_onet5k').exit_code == 0
    best, worst = (pick(results(run_dir), key=lambda record: record['value'])['snapshot'] for pick in (min, max))
    names = {name: os.path.join(run_dir, name) for name in (best, worst, 'network-best.pkl')}
    for options in (['--seed', '9'], ['--best', 'fd_onet5k', '--seed', '9']):
        outcome = invoke(names[worst], '--metrics', 'fd_onet5k', *options)
        assert outcome.exit_code == 0 and 'Best ' not in outcome.stdout, outcome.stderr
        assert f'network-best.pkl stays: it has no fd_onet5k with the same settings; name {run_dir}' in outcome.stdout
        assert filecmp.cmp(names[best], names['network-best.pkl'], False)
    shutil.copy(names[worst], names['network-best.pkl'])
    assert 'the lowest of 2, copied' in invoke(names[best], '--metrics', 'fd_onet5k').stdout
    assert filecmp.cmp(names[best], names['network-best.pkl'], False)


def test_best_without_a_run_or_of_nothing_known_and_tables_of_several_are_refused(run_dir, finished, tmp_path):
    pickle_path = shutil.copy(os.path.join(finished[0], 'network-final.pkl'), str(tmp_path / 'mine.pkl'))
    assert '--best: chooses the best snapshot of a run' in refused(invoke(pickle_path, '--best', 'fd_onet5k'), 2)
    assert '--best fid5: choose from' in refused(invoke(run_dir, '--best', 'fid5'), 2)
    assert 'name one run or network' in refused(invoke(run_dir, run_dir, '--table'), 2)
    assert "Missing argument 'RUN|NETWORK...'" in refused(invoke(), 2)
    assert not os.path.exists(os.path.join(config.CACHE_DIR, 'measurements'))


def test_what_an_earlier_version_measured_counts_and_comes_out_the_same_anew(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_dir = str(earlier_run(tmp_path))
    old = results(run_dir)
    for record in old:
        record['settings']['dataset_sha256'] = new_fingerprint()  # in place of that version's, of the old kind
    with monkeypatch.context() as patch:
        forbid_generating(patch)
        outcome = invoke(run_dir)
    assert outcome.exit_code == 0, outcome.stderr
    assert '2 of 2 networks are measured already' in outcome.stdout and results(run_dir) == old
    best = 'network-snapshot-000000.pkl'
    assert f'Best fd_onet5k: {best} with 1.2561, the lowest of 3, copied' in outcome.stdout
    assert filecmp.cmp(os.path.join(run_dir, best), os.path.join(run_dir, 'network-best.pkl'), False)
    with open(os.path.join(run_dir, 'report.html'), encoding='utf-8') as file:
        assert 'its fd_onet5k of 1.2561 is the lowest of 3 measured snapshots' in file.read()
    assert invoke(os.path.join(run_dir, 'network-snapshot-000002.pkl'), '--force').exit_code == 0
    theirs, ours = (dict(records[-1], seconds=None) for records in (old, results(run_dir)))
    assert len(ours.pop('network_sha256')) == 64  # that version wrote none
    assert ours == dict(theirs, value=pytest.approx(theirs['value'], rel=1e-3)) and theirs['kimg'] == 2.048


def test_a_network_measured_in_a_run_needs_nothing_anew_elsewhere(run_dir, finished, tmp_path, monkeypatch):
    first = invoke(run_dir, '--metrics', 'fd_onet5k')
    assert cached() == ['datasets', 'reals', 'values']
    assert f'{os.path.join(config.CACHE_DIR, "measurements")} holds' in first.stderr
    forbid_generating(monkeypatch)
    pickle_path = shutil.copy(os.path.join(run_dir, 'network-best.pkl'), str(tmp_path / 'mine.pkl'))
    outcome = invoke(pickle_path, '--metrics', 'fd_onet5k', '--data', finished[1], '--mirror', '--seed', '1000')
    assert outcome.exit_code == 0, outcome.stderr
    assert f'{min(record["value"] for record in results(run_dir)):.4f}' in outcome.stdout


def test_the_cache_can_be_left_out_and_emptied(run_dir):
    values = []
    for flags in (['--no-cache'], [], ['--no-cache', '--force']):
        outcome = invoke(run_dir, '--metrics', 'fd_onet5k', *flags)
        assert outcome.exit_code == 0, outcome.stderr
        values.append([record['value'] for record in results(run_dir)][-2:])
    assert values[0] == values[1] == values[2]
    assert not os.path.exists(os.path.join(config.CACHE_DIR, 'measurements'))
    assert invoke(run_dir, '--metrics', 'fd_onet5k', '--force').exit_code == 0
    assert cached() == ['datasets', 'reals', 'values']
    outcome = invoke('--clear-cache')
    assert outcome.exit_code == 0 and 'MB deleted' in outcome.stdout
    assert not os.path.exists(os.path.join(config.CACHE_DIR, 'measurements')) and os.path.exists(config.CACHE_DIR)
