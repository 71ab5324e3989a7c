"""`generate_figures.py` on a run in miniature, and on what it must refuse."""

import os
import shutil

import PIL.Image
from click.testing import CliRunner

import generate_figures
from metrics.meter import Result
from metrics.results import Snapshot, append_result, keep_best
from tests.toy_run import make_dataset


def invoke(*args):
    return CliRunner(mix_stderr=False).invoke(generate_figures.main, list(args) + ['--device', 'cpu'])


def refused(outcome, status):
    assert outcome.exit_code == status and isinstance(outcome.exception, SystemExit), outcome.exception
    return outcome.stderr


def size(*path):
    with PIL.Image.open(os.path.join(*path)) as image:
        return image.size


def measure(run_dir, kimg, value):
    append_result(
        run_dir, Snapshot(f'network-snapshot-{kimg:06d}.pkl', kimg), Result('fd_onet5k', value, 1.0, {}))


def test_draws_everything_of_a_measured_run_from_its_best_network(run_dir):
    measure(run_dir, 0, 2.0)
    measure(run_dir, 4, 3.0)
    keep_best(run_dir, 'fd_onet5k')
    outcome = invoke(run_dir)
    assert outcome.exit_code == 0, outcome.stderr
    assert 'Network: ' + os.path.join(run_dir, 'network-best.pkl') in outcome.stdout
    out = os.path.join(run_dir, 'figures')
    assert sorted(os.listdir(out)) == [
        'gallery-accepted.png', 'gallery-rejected.png', 'metric-fd_onet5k.png', 'noise.png', 'truncation.png',
        'uncurated.png']
    assert size(out, 'uncurated.png') == (8 * 48, 8 * 32)
    assert size(out, 'noise.png') == (2 * 8, 2 * 8) and size(out, 'truncation.png') == (6 * 8, 2 * 8)
    assert '12 of 15 images accepted' in outcome.stdout and '3 of 15 images rejected' in outcome.stdout
    with open(os.path.join(out, 'gallery-rejected.png'), 'rb') as file:
        assert file.read() == b'rejected.png'


def test_an_unmeasured_run_is_drawn_from_its_newest_snapshot_and_says_what_it_skips(run_dir, tmp_path):
    outcome = invoke(run_dir, '--out', str(tmp_path / 'out'), '--data', str(tmp_path))
    assert outcome.exit_code == 0, outcome.stderr
    assert 'network-snapshot-000004.pkl' in outcome.stdout
    assert 'metrics: skipped.' in outcome.stdout and 'galleries: skipped.' in outcome.stdout
    assert sorted(os.listdir(str(tmp_path / 'out'))) == ['noise.png', 'truncation.png', 'uncurated.png']


def test_only_the_figures_asked_for_with_the_seeds_given(finished, tmp_path):
    pickle_path = shutil.copy(os.path.join(finished[0], 'network-final.pkl'), str(tmp_path / 'mine.pkl'))
    outcome = invoke(pickle_path, '--figures', 'truncation,noise', '--truncation-seeds', '1,2,3', '--noise-seeds', '4')
    assert outcome.exit_code == 0, outcome.stderr
    assert sorted(os.listdir(str(tmp_path / 'figures'))) == ['noise.png', 'truncation.png']
    assert size(str(tmp_path), 'figures', 'truncation.png') == (6 * 8, 3 * 8)
    assert size(str(tmp_path), 'figures', 'noise.png') == (8, 2 * 8)


def test_the_best_network_is_enough(run_dir):
    os.rename(os.path.join(run_dir, 'network-snapshot-000000.pkl'), os.path.join(run_dir, 'network-best.pkl'))
    os.remove(os.path.join(run_dir, 'network-snapshot-000004.pkl'))
    os.remove(os.path.join(run_dir, 'network-final.pkl'))
    assert invoke(run_dir, '--figures', 'truncation').exit_code == 0


def test_what_was_asked_for_and_cannot_be_drawn_is_an_error(run_dir, finished, tmp_path):
    assert 'run_metrics.py' in refused(invoke(run_dir, '--figures', 'metrics'), 1)
    assert 'manifest.jsonl' in refused(invoke(run_dir, '--figures', 'galleries', '--data', str(tmp_path)), 1)
    pickle_path = shutil.copy(os.path.join(finished[0], 'network-final.pkl'), str(tmp_path / 'mine.pkl'))
    assert '--data' in refused(invoke(pickle_path, '--figures', 'galleries'), 1)


def test_a_gallery_without_its_picture_is_an_error(run_dir, tmp_path):
    data = make_dataset(str(tmp_path / 'data'))
    os.remove(os.path.join(data, 'rejected.png'))
    assert 'rejected.png is missing' in refused(invoke(run_dir, '--figures', 'galleries', '--data', data), 1)
    with open(os.path.join(data, 'manifest.jsonl'), 'w') as file:
        file.write('{"accepted": true}\n')
    assert invoke(run_dir, '--figures', 'galleries', '--data', data).exit_code == 0
    for damaged in (b'{"accep', b'\xff\n', b'5\n'):
        with open(os.path.join(data, 'manifest.jsonl'), 'wb') as file:
            file.write(damaged)
        assert 'line 1 is damaged' in refused(invoke(run_dir, '--figures', 'galleries', '--data', data), 1)
    os.remove(os.path.join(data, 'manifest.jsonl'))
    os.mkdir(os.path.join(data, 'manifest.jsonl'))
    assert 'manifest.jsonl cannot be read' in refused(invoke(run_dir, '--figures', 'galleries', '--data', data), 1)


def test_what_cannot_be_written_is_named_and_the_rest_is_drawn(run_dir, tmp_path):
    taken = ('gallery-accepted.png', 'truncation.png')
    for name in taken:
        os.makedirs(str(tmp_path / 'out' / name))
    outcome = invoke(run_dir, '--out', str(tmp_path / 'out'))
    assert outcome.exit_code == 0, outcome.stderr
    for name, figure in zip(taken, ('galleries', 'truncation')):
        path = str(tmp_path / 'out' / name)
        assert f'{figure}: skipped. {path} cannot be written: Is a directory.' in outcome.stdout
        assert f'{path} cannot be written' in refused(
            invoke(run_dir, '--out', str(tmp_path / 'out'), '--figures', figure), 1)
    assert os.path.exists(str(tmp_path / 'out' / 'uncurated.png'))


def test_wrong_usage_names_the_flag(run_dir, tmp_path):
    assert 'choose from uncurated' in refused(invoke(run_dir, '--figures', 'mixing'), 2)
    assert '--noise-seeds' in refused(invoke(run_dir, '--noise-seeds', '1,x'), 2)
    for seed in ('-1', '4294967296'):
        assert '--truncation-seeds' in refused(invoke(run_dir, '--truncation-seeds', seed), 2)
        assert '--uncurated-seed' in refused(invoke(run_dir, '--uncurated-seed', seed), 2)
    assert 'nowhere' in refused(invoke(str(tmp_path / 'nowhere')), 2)


def test_a_folder_that_cannot_be_made(run_dir, tmp_path):
    (tmp_path / 'file').write_bytes(b'')
    assert '--out' in refused(invoke(run_dir, '--out', str(tmp_path / 'file' / 'out')), 1)


def test_a_folder_without_networks(tmp_path):
    assert 'no network-snapshot-*.pkl' in refused(invoke(str(tmp_path)), 1)


def test_a_published_network_is_drawn_by_its_name_into_the_results(published_toy, tmp_path):
    outcome = invoke(published_toy, '--figures', 'truncation', '--offline')
    assert outcome.exit_code == 0, outcome.stderr
    assert os.listdir(str(tmp_path / 'results' / 'toy-8x8' / 'figures')) == ['truncation.png']
    assert 'perhaps toy-8x8?' in refused(invoke('toy-16x16'), 2)
