"""`run_metrics.py` on a run in miniature, and on what it must refuse."""

import dataclasses
import filecmp
import os
import re
import shutil

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from click.testing import CliRunner

import config
import run_metrics
from dnnlib import tflib
from dnnlib.download import cache_path
from dnnlib.errors import UserError
from dnnlib.records.tfrecords import MultiResolutionDataset, fingerprint
from metrics import meter, registry
from metrics.meter import Result
from metrics.registry import FrechetDistance
from metrics.results import Snapshot, append_result
from tests.metrics_command import invoke, refused, results
from tests.toy_run import SMALL, SMALL_G, make_dataset

pytestmark = pytest.mark.usefixtures('shared_networks', 'few_images')


def test_measures_every_snapshot_and_keeps_the_best(own_sessions, run_dir, finished):
    outcome = invoke(run_dir, '--metrics', 'fd_onet5k', '--seed', '1')
    assert outcome.exit_code == 0, outcome.stderr
    records = results(run_dir)
    with MultiResolutionDataset(finished[1]) as dataset:
        sha256 = fingerprint(dataset)
    assert [(r['snapshot'], r['kimg'], r['metric']) for r in records] == [
        ('network-snapshot-000000.pkl', 0, 'fd_onet5k'),
        ('network-snapshot-000004.pkl', 4, 'fd_onet5k'),
    ]
    assert all(
        r['value'] > 0
        and r['seconds'] > 0
        and r['settings']
        == {
            'features': 'onet',
            'num_fakes': 40,
            'num_reals': 30,
            'dataset': 'toy',
            'dataset_images': 12,
            'dataset_sha256': sha256,
            'mirror': True,
            'seed': 1,
        }
        for r in records
    )
    best = min(records, key=lambda record: record['value'])
    assert f'Best fd_onet5k: {best["snapshot"]} with {best["value"]:.4f}' in outcome.stdout
    assert outcome.stdout.count('<- best') == 1
    assert filecmp.cmp(os.path.join(run_dir, best['snapshot']), os.path.join(run_dir, 'network-best.pkl'), False)
    with open(os.path.join(run_dir, 'report.html'), encoding='utf-8') as file:
        assert f'its fd_onet5k of {best["value"]:.4f} is the lowest of 2 measured snapshots' in file.read()


def test_measured_once_unless_forced_and_the_same_seed_gives_the_same_number(run_dir):
    for name in ('network-snapshot-000000.pkl', 'network-final.pkl'):
        os.remove(os.path.join(run_dir, name))
    assert invoke(run_dir).exit_code == 0  # with the run's own metric, seed and mirroring
    again = invoke(run_dir)
    assert again.exit_code == 0 and '1 of 1 networks are measured already' in again.stdout
    assert 'networks:' not in again.stderr  # no bar over nothing
    assert len(results(run_dir)) == 1
    assert invoke(run_dir, '--no-mirror').exit_code == 0
    assert invoke(run_dir, '--force').exit_code == 0
    first, plain, repeated = results(run_dir)
    assert (first['settings']['mirror'], plain['settings']['mirror']) == (True, False)
    assert first['settings']['seed'] == 1000 and first['metric'] == 'fd_onet5k'
    assert repeated['settings'] == first['settings']
    assert repeated['value'] == first['value']


@pytest.mark.slow
def test_a_network_that_took_the_name_of_a_measured_one_is_measured(run_dir):
    for name in ('network-snapshot-000000.pkl', 'network-final.pkl'):
        os.rename(os.path.join(run_dir, name), os.path.join(run_dir, name + '.bak'))
    assert invoke(run_dir).exit_code == 0
    target = os.path.join(run_dir, 'network-snapshot-000004.pkl')
    os.replace(os.path.join(run_dir, 'network-snapshot-000000.pkl.bak'), target)
    outcome = invoke(run_dir)
    assert outcome.exit_code == 0 and 'measured already' not in outcome.stdout
    first, second = results(run_dir)
    assert first['snapshot'] == second['snapshot'] and first['value'] != second['value']
    assert 'measured already' in invoke(run_dir).stdout


def test_too_little_memory_is_answered_by_a_smaller_minibatch(run_dir, monkeypatch):
    plain = FrechetDistance.values

    def values(self, *arrays, **kwargs):
        if minibatches[-1] > 4:
            raise tf.errors.ResourceExhaustedError(None, None, 'OOM when allocating tensor')
        return plain(self, *arrays, **kwargs)

    def work(*args):
        minibatches.append(work_of(*args).minibatch_size)
        return work_of(*args)

    minibatches, work_of = [], meter.plan_work
    monkeypatch.setattr(meter, 'plan_work', work)
    monkeypatch.setattr(FrechetDistance, 'values', values)
    message = refused(invoke(run_dir), 1)
    sentence = f'too little memory to measure {minibatches[-1]} images at a time: measure with run_metrics.py and a '
    assert sentence + '--minibatch below that, and train with --metrics none.' in message
    assert not os.path.exists(os.path.join(run_dir, 'metrics.jsonl'))
    assert invoke(run_dir, '--minibatch', '4').exit_code == 0
    assert len(results(run_dir)) == 2


def test_a_single_pickle_is_measured_against_the_data_it_is_given(finished, tmp_path):
    pickle_path = shutil.copy(os.path.join(finished[0], 'network-final.pkl'), str(tmp_path / 'mine.pkl'))
    outcome = invoke(pickle_path, '--data', finished[1], '--metrics', 'fd_onet5k')
    assert outcome.exit_code == 0, outcome.stderr
    assert 'mine.pkl' in outcome.stdout and os.listdir(str(tmp_path)) == ['mine.pkl']


def test_a_pickle_of_a_run_is_measured_as_that_runs_snapshot(run_dir):
    assert invoke(os.path.join(run_dir, 'network-snapshot-000004.pkl'), '--metrics', 'fd_onet5k').exit_code == 0
    assert [record['kimg'] for record in results(run_dir)] == [4]
    assert os.path.exists(os.path.join(run_dir, 'network-best.pkl'))


@pytest.mark.parametrize('name', ['network-best.pkl', 'network-final.pkl', 'mine.pkl'])
def test_a_copy_in_a_run_is_measured_as_the_snapshot_it_is_a_copy_of(run_dir, name):
    shutil.copy(os.path.join(run_dir, 'network-snapshot-000004.pkl'), os.path.join(run_dir, name))
    assert invoke(os.path.join(run_dir, name)).exit_code == 0
    assert [(record['snapshot'], record['kimg']) for record in results(run_dir)] == [('network-snapshot-000004.pkl', 4)]


def test_a_run_whose_options_hold_what_they_cannot(run_dir):
    for options, message in (
        ('[]', 'it holds no object'),
        ('{"metrics": 5}', 'metrics is 5'),
        ('{"metrics": [5]}', 'metrics is'),
        ('{"data": 5}', 'data is 5'),
        ('{"seed": -1}', 'seed is -1'),
        ('{"resolution": "8"}', "resolution is '8'"),
        ('{"mirror": "no"}', "mirror is 'no'"),
        ('{"total_kimg": "4"}', "total_kimg is '4'"),
    ):
        with open(os.path.join(run_dir, 'options.json'), 'w') as file:
            file.write(options)
        stderr = refused(invoke(run_dir), 1)
        assert 'options.json: is damaged' in stderr and message in stderr and '--new-run' in stderr


def test_wrong_usage_names_the_flag(run_dir, finished, tmp_path):
    pickle_path = shutil.copy(os.path.join(run_dir, 'network-final.pkl'), str(tmp_path / 'mine.pkl'))
    assert '--data: name the dataset' in refused(invoke(pickle_path, '--metrics', 'fd_onet5k'), 2)
    assert 'choose from fd_onet5k, fd_onet5k_inf, fid50k, ' in refused(invoke(run_dir, '--metrics', 'fid'), 2)
    assert '--metrics none: choose what to measure' in refused(invoke(run_dir, '--metrics', 'none'), 2)
    assert 'nowhere' in refused(invoke(str(tmp_path / 'nowhere')), 2)
    assert '--seed' in refused(invoke(run_dir, '--seed', str(2**32)), 2)
    assert '--minibatch' in refused(invoke(run_dir, '--minibatch', '0'), 2)
    assert not os.path.exists(os.path.join(run_dir, 'metrics.jsonl'))


@pytest.mark.skipif(bool(tflib.list_gpus()), reason='this machine has a GPU')
def test_a_gpu_that_is_not_there_is_refused(run_dir):
    not_downloaded = 'https://127.0.0.1:9/network.pkl'  # is looked for in the cache only after the device
    for named in (run_dir, not_downloaded):
        outcome = CliRunner(mix_stderr=False).invoke(run_metrics.main, [named, '--offline', '--device', 'gpu'])
        assert '--device gpu' in refused(outcome, 2)


def test_a_folder_without_networks(tmp_path):
    assert 'no network-snapshot-*.pkl' in refused(invoke(str(tmp_path), '--metrics', 'fd_onet5k'), 1)


def test_a_file_that_is_no_network(tmp_path, finished):
    (tmp_path / 'mine.pkl').write_bytes(b'not a pickle')
    message = refused(invoke(str(tmp_path / 'mine.pkl'), '--data', finished[1], '--metrics', 'fd_onet5k'), 1)
    assert 'mine.pkl' in message


def test_a_discriminator_is_no_generator(tmp_path, finished):
    path = str(tmp_path / 'd.pkl')
    with tf.Graph().as_default(), tf.Session():
        tflib.save_networks(
            path, tflib.Network('D', 'training.networks_stylegan.D_basic', resolution=8, num_channels=3, fmap_max=8)
        )
    assert 'holds no generator of StyleGAN or ProGAN' in refused(
        invoke(path, '--data', finished[1], '--metrics', 'fd_onet5k'), 1
    )


def test_a_dataset_that_is_gone_or_of_another_size(run_dir, tmp_path):
    missing = str(tmp_path / 'gone')
    assert missing in refused(invoke(run_dir, '--data', missing, '--metrics', 'fd_onet5k'), 1)
    smaller = make_dataset(str(tmp_path / 'smaller'), resolution=4)
    assert 'resolution' in refused(invoke(run_dir, '--data', smaller, '--metrics', 'fd_onet5k'), 1)
    larger = make_dataset(str(tmp_path / 'larger'), resolution=16)
    assert invoke(run_dir, '--data', larger, '--metrics', 'fd_onet5k').exit_code == 0  # has an 8x8 level too
    pickle_path = shutil.copy(os.path.join(run_dir, 'network-final.pkl'), str(tmp_path / 'mine.pkl'))
    assert invoke(pickle_path, '--data', larger, '--metrics', 'fd_onet5k').exit_code == 0
    message = refused(invoke(pickle_path, '--data', smaller, '--metrics', 'fd_onet5k'), 1)
    assert '3x8x8' in message and '3x4x4' in message and '--data' in message


def test_fid_without_its_network_says_where_to_put_it(run_dir, monkeypatch, tmp_path):
    entry = {'url': 'http://127.0.0.1:9/x', 'file': 'inception_v3_features.pkl', 'size': None, 'sha256': None}
    monkeypatch.setattr('config.NETWORKS', {'inception': entry})
    monkeypatch.setattr('config.CACHE_DIR', str(tmp_path / 'cache'))
    monkeypatch.setattr('dnnlib.download.transfer.FIRST_PAUSE', 0.01)
    monkeypatch.setenv('NO_PROXY', '127.0.0.1')
    message = refused(invoke(run_dir, '--metrics', 'fid50k'), 1)
    assert str(tmp_path / 'cache') in message and 'by hand' in message
    assert not os.path.exists(os.path.join(run_dir, 'metrics.jsonl'))


def test_damaged_options(run_dir):
    with open(os.path.join(run_dir, 'options.json'), 'w') as file:
        file.write('{"data": ')
    assert 'options.json: is damaged' in refused(invoke(run_dir, '--metrics', 'fd_onet5k'), 1)


def test_a_published_network_is_measured_by_its_name(published_toy, finished):
    outcome = invoke(published_toy, '--metrics', 'fd_onet5k', '--data', finished[1], '--offline')
    assert outcome.exit_code == 0, outcome.stderr
    assert [line.split()[:3] for line in outcome.stdout.splitlines()[1:]] == [['toy-8x8', '-', 'fd_onet5k']]


def test_path_lengths_need_neither_data_nor_a_run(finished, tmp_path, monkeypatch):
    metric = dataclasses.replace(registry.METRICS['pl_onet5k_wend'], num_samples=10)
    monkeypatch.setitem(registry.METRICS, 'pl_onet5k_wend', metric)
    pickle_path = shutil.copy(os.path.join(finished[0], 'network-final.pkl'), str(tmp_path / 'mine.pkl'))
    outcome = invoke(pickle_path, '--metrics', 'pl_onet5k_wend')
    assert outcome.exit_code == 0, outcome.stderr
    assert [line.split()[:3] for line in outcome.stdout.splitlines()[1:]] == [['mine.pkl', '-', 'pl_onet5k_wend']]
    assert '--data: name the dataset' in refused(invoke(pickle_path, '--metrics', 'pl_onet5k_wend,fd_onet5k'), 2)


def test_what_cannot_be_measured_shows_as_such_and_the_rest_is_measured(run_dir, monkeypatch):
    def fail(self, reading):
        raise UserError('no such thing')

    metric = registry.METRICS['pl_onet5k_wend']
    monkeypatch.setattr('metrics.generator.GeneratorReadings.paths', fail)
    outcome = invoke(run_dir, '--metrics', f'{metric.name},fd_onet5k')
    assert 'no such thing' in refused(outcome, 1) and outcome.stderr.count('no such thing') == 1
    assert [r['metric'] for r in results(run_dir)] == ['fd_onet5k'] * 2
    rows = [line.split() for line in outcome.stdout.splitlines() if metric.name in line]
    assert [row[3:] for row in rows] == [['failed', '-']] * 2


def test_the_papers_table_has_the_best_networks_numbers_and_is_written(run_dir, tmp_path):
    outcome = invoke(run_dir, '--metrics', 'fd_onet5k')
    best = min(results(run_dir), key=lambda record: record['value'])
    fid = {**registry.METRICS['fid50k'].settings(), 'seed': 1}
    for snapshot, value in (('network-snapshot-000000.pkl', 7.5), ('network-snapshot-000004.pkl', 8.5)):
        append_result(run_dir, Snapshot(snapshot, 0), Result('fid50k', value, 1.0, fid))
    expected = {'network-snapshot-000000.pkl': '7.5000', 'network-snapshot-000004.pkl': '8.5000'}
    folder = str(tmp_path / 'table')
    for path, snapshot in ((run_dir, best['snapshot']), *((os.path.join(run_dir, name), name) for name in expected)):
        outcome = invoke(path, '--metrics', 'fd_onet5k', '--table', '--write', folder)
        assert outcome.exit_code == 0, outcome.stderr
        (line,) = [line for line in outcome.stdout.splitlines() if line.startswith('FID50k')]
        assert f'beside {snapshot}' in outcome.stdout and line.split()[1] == expected[snapshot]
        assert re.search('ls in W +not measured', outcome.stdout)
    assert sorted(os.listdir(folder)) == ['table1.csv', 'table1.md', 'table1.tex']


def test_a_later_measurement_stands_at_the_kimg_that_training_recorded(run_dir):
    name = 'network-snapshot-000004.pkl'
    append_result(run_dir, Snapshot(name, 4.25), Result('fid50k', 9.0, 1.0, {}))
    for flags in ([], ['--force']):
        assert invoke(os.path.join(run_dir, name), '--metrics', 'fd_onet5k', *flags).exit_code == 0
        assert results(run_dir)[-1]['metric'] == 'fd_onet5k' and results(run_dir)[-1]['kimg'] == 4.25


def test_a_run_that_has_no_number_of_the_paper_gets_a_table_in_its_shape(run_dir):
    outcome = invoke(os.path.join(run_dir, 'network-snapshot-000004.pkl'), '--metrics', 'fd_onet5k', '--table')
    assert outcome.exit_code == 0, outcome.stderr
    assert "In the shape of the paper's Table I: network-snapshot-000004.pkl" in outcome.stdout
    assert re.search("\\nfd_onet5k +[0-9.]+  Frechet distance of O-Net's features", outcome.stdout)
    assert 'FID50k' not in outcome.stdout and 'CelebA' not in outcome.stdout


def broken_network(path, **changes):
    """A pickle of a generator as of the run, but for some of its arguments and variables."""
    kwargs = {**SMALL, **SMALL_G, **changes}
    bias = kwargs.pop('bias', None)
    with tf.Graph().as_default(), tf.Session():
        Gs = tflib.Network('Gs', 'training.networks_stylegan.G_style', **kwargs)
        if bias is not None:
            name = next(name for name in Gs.vars if name.endswith('ToRGB_lod0/bias'))
            tflib.set_vars({Gs.vars[name]: np.full(Gs.vars[name].shape.as_list(), bias)})
        tflib.save_networks(path, Gs)
    return path


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'resolution': 16}, '3x16x16 .*holds 3x8x8: name the dataset it was trained on with --data'),
        ({'num_channels': 1}, '1x8x8 .*holds 3x8x8'),
        ({'bias': np.nan}, 'values that are not numbers.*measure an earlier snapshot'),
        ({'label_size': 4}, 'labels of 4 numbers.*--data'),
    ],
)
@pytest.mark.slow
def test_networks_that_cannot_be_measured_are_a_sentence_and_nothing_is_kept(tmp_path, finished, changes, message):
    path = broken_network(str(tmp_path / 'mine.pkl'), **changes)
    outcome = invoke(path, '--metrics', 'fd_onet5k', '--data', finished[1])
    assert re.search(message, ' '.join(refused(outcome, 1).split()))
    assert re.search('mine.pkl +- +fd_onet5k +failed +-', outcome.stdout)
    assert not os.path.exists(os.path.join(config.CACHE_DIR, 'measurements'))


@pytest.mark.slow
def test_path_lengths_that_are_no_numbers_are_a_sentence_and_nothing_is_kept(tmp_path, monkeypatch):
    metric = dataclasses.replace(registry.METRICS['pl_onet5k_wend'], num_samples=10)
    monkeypatch.setitem(registry.METRICS, 'pl_onet5k_wend', metric)
    path = broken_network(str(tmp_path / 'mine.pkl'), bias=3e38)
    assert 'not a number' in refused(invoke(path, '--metrics', 'pl_onet5k_wend'), 1)
    assert not os.path.exists(os.path.join(config.CACHE_DIR, 'measurements'))


def test_fewer_reals_than_a_metric_needs_are_refused_before_any_work(run_dir):
    message = refused(invoke(run_dir, '--metrics', 'kd_onet5k'), 1)
    assert 'kd_onet5k needs 5000 different reals, and dataset' in message and 'has 12' in message
    assert not os.path.exists(os.path.join(config.CACHE_DIR, 'measurements'))
    assert not os.path.exists(os.path.join(run_dir, 'metrics.jsonl'))


def test_a_run_without_snapshots_is_a_sentence(run_dir):
    for name in os.listdir(run_dir):
        if name.endswith('.pkl'):
            os.remove(os.path.join(run_dir, name))
    assert 'has no network-snapshot-*.pkl' in refused(invoke(run_dir), 1)


def test_a_metric_network_that_is_another_file_is_a_sentence_and_nothing_is_kept(run_dir, tmp_path, monkeypatch):
    entry = {'url': 'http://127.0.0.1:9/x', 'file': 'inception_v3_features.pkl', 'size': None, 'sha256': None}
    monkeypatch.setattr('config.NETWORKS', {'inception': entry})
    os.makedirs(config.CACHE_DIR, exist_ok=True)
    for content in (b'', b'<html>Quota exceeded</html>'):
        with open(cache_path(entry, config.CACHE_DIR), 'wb') as file:
            file.write(content)
        assert 'inception_v3_features.pkl' in refused(invoke(run_dir, '--metrics', 'fid50k', '--offline'), 1)
    assert not os.path.exists(os.path.join(config.CACHE_DIR, 'measurements'))
    assert not os.path.exists(os.path.join(run_dir, 'metrics.jsonl'))
