"""`generate_figures.py` on a run in miniature, and on what it must refuse."""

import os
import shutil

import numpy as np
import PIL.Image
import pytest
import tensorflow.compat.v1 as tf
from click.testing import CliRunner

import generate_figures
from dnnlib import tflib
from metrics.meter import Result
from metrics.results import Snapshot, append_result, keep_best
from tests.earlier import earlier_run
from tests.toy_run import SMALL, SMALL_G, make_dataset

pytestmark = pytest.mark.usefixtures('shared_networks')


def invoke(*args):
    return CliRunner(mix_stderr=False).invoke(generate_figures.main, list(args) + ['--device', 'cpu'])


def refused(outcome, status):
    assert outcome.exit_code == status and isinstance(outcome.exception, SystemExit), outcome.exception
    return outcome.stderr


def size(*path):
    with PIL.Image.open(os.path.join(*path)) as image:
        return image.size


def measure(run_dir, kimg, value):
    append_result(run_dir, Snapshot(f'network-snapshot-{kimg:06d}.pkl', kimg), Result('fd_onet5k', value, 1.0, {}))


@pytest.mark.slow
def test_draws_everything_of_a_measured_run_from_its_best_network(own_sessions, run_dir):
    measure(run_dir, 0, 2.0)
    measure(run_dir, 4, 3.0)
    keep_best(run_dir, 'fd_onet5k')
    outcome = invoke(run_dir)
    assert outcome.exit_code == 0, outcome.stderr
    assert 'Network: ' + os.path.join(run_dir, 'network-best.pkl') in outcome.stdout
    out = os.path.join(run_dir, 'figures')
    assert sorted(os.listdir(out)) == [
        'comparison.png',
        'directions.png',
        'gallery-accepted.png',
        'gallery-rejected.png',
        'interpolation.gif',
        'interpolation.mp4',
        'metric-fd_onet5k.png',
        'noise-detail.png',
        'noise.png',
        'style-mixing.png',
        'truncation.png',
        'uncurated.png',
    ]
    assert size(out, 'uncurated.png') == (8 * 48, 8 * 32)
    assert size(out, 'noise.png') == (2 * 8, 2 * 8) and size(out, 'truncation.png') == (6 * 8, 2 * 8)
    assert size(out, 'style-mixing.png') == (6 * 8, 7 * 8) and size(out, 'noise-detail.png') == (3 * 8, 2 * 8)
    assert size(out, 'comparison.png') == (20 * 8 + 4, 10 * 8) and size(out, 'interpolation.gif') == (32, 32)
    assert size(out, 'directions.png') == (7 * 8, 5 * 8)
    assert '120 frames at 15 a second' in outcome.stdout and 'No MP4' not in outcome.stdout
    assert '12 of 15 images accepted' in outcome.stdout and '3 of 15 images rejected' in outcome.stdout
    with open(os.path.join(out, 'gallery-rejected.png'), 'rb') as file:
        assert file.read() == b'rejected.png'


def test_draws_a_run_of_an_earlier_version(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_dir = str(earlier_run(tmp_path))
    outcome = invoke(run_dir, '--figures', 'metrics,galleries,comparison,truncation')
    assert outcome.exit_code == 0, outcome.stderr
    assert sorted(os.listdir(os.path.join(run_dir, 'figures'))) == [
        'comparison.png',
        'gallery-accepted.png',
        'gallery-rejected.png',
        'metric-fd_onet5k.png',
        'truncation.png',
    ]
    assert '12 of 15 images accepted' in outcome.stdout


@pytest.mark.slow
def test_an_unmeasured_run_is_drawn_from_its_newest_snapshot_and_says_what_it_skips(run_dir, tmp_path):
    outcome = invoke(run_dir, '--out', str(tmp_path / 'out'), '--data', str(tmp_path), '--video-seconds', '0.2')
    assert outcome.exit_code == 0, outcome.stderr
    assert 'network-snapshot-000004.pkl' in outcome.stdout
    assert 'metrics: skipped.' in outcome.stdout and 'galleries: skipped.' in outcome.stdout
    assert 'comparison: skipped.' in outcome.stdout
    assert sorted(os.listdir(str(tmp_path / 'out'))) == [
        'directions.png',
        'interpolation.gif',
        'interpolation.mp4',
        'noise-detail.png',
        'noise.png',
        'style-mixing.png',
        'truncation.png',
        'uncurated.png',
    ]


def test_only_the_figures_asked_for_with_the_seeds_given(finished, tmp_path):
    pickle_path = shutil.copy(os.path.join(finished[0], 'network-final.pkl'), str(tmp_path / 'mine.pkl'))
    outcome = invoke(pickle_path, '--figures', 'truncation,noise', '--truncation-seeds', '1,2,3', '--noise-seeds', '4')
    assert outcome.exit_code == 0, outcome.stderr
    assert sorted(os.listdir(str(tmp_path / 'figures'))) == ['noise.png', 'truncation.png']
    assert size(str(tmp_path), 'figures', 'truncation.png') == (6 * 8, 3 * 8)
    assert size(str(tmp_path), 'figures', 'noise.png') == (8, 2 * 8)


@pytest.mark.parametrize(
    'asked, files',
    [
        ('1', ['gallery-rejected.png']),
        ('figure2', ['gallery-rejected.png']),
        ('Fig. 3', ['gallery-accepted.png']),
        ('4', ['gallery-accepted.png']),
        ('galleries', ['gallery-accepted.png', 'gallery-rejected.png']),
        ('5,6', ['uncurated.png']),
        ('fig7, 8', ['noise.png', 'truncation.png']),
    ],
)
def test_figures_go_by_their_numbers_in_the_paper_too(run_dir, asked, files):
    outcome = invoke(run_dir, '--figures', asked)
    assert outcome.exit_code == 0, outcome.stderr
    assert sorted(os.listdir(os.path.join(run_dir, 'figures'))) == files
    assert ('Network:' in outcome.stdout) == ('gallery' not in files[0])


def test_the_options_of_the_other_figures_reach_them(run_dir, tmp_path):
    outcome = invoke(
        run_dir,
        '--out',
        str(tmp_path),
        '--figures',
        'style-mixing,noise-detail,directions,comparison,interpolation',
        '--mixing-sources',
        '1',
        '--mixing-destinations',
        '2,3,4',
        '--mixing-layers',
        '0,1-2,0-3',
        '--detail-seeds',
        '1',
        '--detail-samples',
        '6',
        '--direction-seed',
        '2',
        '--direction-layers',
        '1-3',
        '--direction-count',
        '2',
        '--direction-distance',
        '5',
        '--comparison-grid',
        '3x2',
        '--comparison-seed',
        '9',
        '--video-grid',
        '2x1',
        '--video-seconds',
        '0.5',
        '--video-fps',
        '8',
        '--video-seed',
        '4',
        '--psi',
        '0.5',
    )
    assert outcome.exit_code == 0, outcome.stderr
    assert size(str(tmp_path), 'style-mixing.png') == (2 * 8, 4 * 8)
    assert size(str(tmp_path), 'noise-detail.png') == (3 * 8, 8)
    assert size(str(tmp_path), 'directions.png') == (7 * 8, 2 * 8)
    assert size(str(tmp_path), 'comparison.png') == (6 * 8 + 4, 2 * 8)
    assert size(str(tmp_path), 'interpolation.gif') == (2 * 8, 8)
    assert '4 frames at 8 a second' in outcome.stdout
    with PIL.Image.open(str(tmp_path / 'style-mixing.png')) as image:
        mixed = np.asarray(image)
    np.testing.assert_array_equal(mixed[24:, 8:], mixed[:8, 8:])  # all layers come from the source


@pytest.mark.slow
def test_a_network_with_labels_is_drawn_with_zeros_for_them(tmp_path):
    with tf.Graph().as_default(), tf.Session():
        Gs = tflib.Network('Gs', 'training.networks_stylegan.G_style', **SMALL, **SMALL_G, label_size=3)
        tflib.save_networks(str(tmp_path / 'labels.pkl'), Gs)
    outcome = invoke(str(tmp_path / 'labels.pkl'), '--video-seconds', '0.2', '--detail-samples', '5')
    assert outcome.exit_code == 0, outcome.stderr
    assert size(str(tmp_path / 'figures'), 'classes.png') == (3 * 8, 4 * 8)
    assert sorted(os.listdir(str(tmp_path / 'figures'))) == [
        'classes.png',
        'directions.png',
        'interpolation.gif',
        'interpolation.mp4',
        'noise-detail.png',
        'noise.png',
        'style-mixing.png',
        'truncation.png',
        'uncurated.png',
    ]


@pytest.mark.slow
def test_figures_of_the_classes_that_are_chosen(run_dir, tmp_path):
    with tf.Graph().as_default(), tf.Session():
        Gs = tflib.Network('Gs', 'training.networks_stylegan.G_style', **SMALL, **SMALL_G, label_size=3)
        Gs.set_var('G_mapping/LabelConcat/weight', 100 * Gs.get_var('G_mapping/LabelConcat/weight'))
        tflib.save_networks(str(tmp_path / 'labels.pkl'), Gs)
    chosen = 'truncation,classes', '--class-seeds', '5,91', '--truncation-seeds', '91', '--psi', '1'
    outcome = invoke(str(tmp_path / 'labels.pkl'), '--figures', *chosen, '--classes', '2,0')
    assert outcome.exit_code == 0, outcome.stderr
    assert 'Each image is of one of the classes 0, 2.\n' in outcome.stdout
    under_classes, truncated = (
        np.asarray(PIL.Image.open(str(tmp_path / 'figures' / name))) for name in ('classes.png', 'truncation.png')
    )
    assert under_classes.shape == (2 * 8, 2 * 8, 3)
    first, second = under_classes[8:, :8].astype(int), under_classes[8:, 8:].astype(int)
    assert np.abs(first - second).max() > 10  # the same latents, another class
    assert min(np.abs(truncated[:, :8] - each).max() for each in (first, second)) <= 1
    refusal = refused(invoke(str(tmp_path / 'labels.pkl'), '--figures', 'classes', '--classes', '3'), 1)
    assert '--classes: there is no class 3; this network has classes 0 to 2' in refusal
    assert '--classes is for networks with labels' in refused(invoke(run_dir, '--classes', '0'), 1)


def test_a_generator_without_its_mapping_network_is_refused(tmp_path):
    with tf.Graph().as_default(), tf.Session():
        synthesis = tflib.Network('Gs', 'training.networks_stylegan.G_synthesis', dlatent_size=8, **SMALL)
        tflib.save_networks(str(tmp_path / 'synthesis.pkl'), synthesis)
    assert 'no generator of StyleGAN or ProGAN' in refused(invoke(str(tmp_path / 'synthesis.pkl')), 1)


def test_the_best_network_is_enough(run_dir):
    os.rename(os.path.join(run_dir, 'network-snapshot-000004.pkl'), os.path.join(run_dir, 'network-best.pkl'))
    os.remove(os.path.join(run_dir, 'network-snapshot-000000.pkl'))
    os.remove(os.path.join(run_dir, 'network-final.pkl'))
    assert invoke(run_dir, '--figures', 'truncation').exit_code == 0


def test_what_was_asked_for_and_cannot_be_drawn_is_an_error(run_dir, finished, tmp_path):
    assert 'run_metrics.py' in refused(invoke(run_dir, '--figures', 'metrics'), 1)
    assert 'manifest.jsonl' in refused(invoke(run_dir, '--figures', 'galleries', '--data', str(tmp_path)), 1)
    pickle_path = shutil.copy(os.path.join(finished[0], 'network-final.pkl'), str(tmp_path / 'mine.pkl'))
    for figure in ('galleries', 'comparison'):
        assert '--data' in refused(invoke(pickle_path, '--figures', figure), 1)
    assert 'too large for a GIF' in refused(
        invoke(pickle_path, '--figures', 'interpolation', '--video-grid', '9000x1'), 1
    )
    assert 'no layer 7' in refused(
        invoke(pickle_path, '--figures', 'style-mixing', '--mixing-destinations', '1', '--mixing-layers', '2-7'), 1
    )
    assert 'no layer 4' in refused(invoke(pickle_path, '--figures', 'directions', '--direction-layers', '2-7'), 1)


def test_a_gallery_without_its_picture_is_an_error(run_dir, tmp_path):
    data = make_dataset(str(tmp_path / 'data'))
    os.remove(os.path.join(data, 'rejected.png'))
    assert 'rejected.png is missing' in refused(invoke(run_dir, '--figures', 'galleries', '--data', data), 1)
    with open(os.path.join(data, 'manifest.jsonl'), 'w') as file:
        file.write('{"accepted": true}\n')
    outcome = invoke(run_dir, '--figures', 'galleries', '--data', data)
    assert outcome.exit_code == 0 and 'No gallery: 0 of 1 images rejected' in outcome.stdout
    for damaged in (b'{"accep', b'\xff\n', b'5\n'):
        with open(os.path.join(data, 'manifest.jsonl'), 'wb') as file:
            file.write(damaged)
        assert 'line 1 is damaged' in refused(invoke(run_dir, '--figures', 'galleries', '--data', data), 1)
    os.remove(os.path.join(data, 'manifest.jsonl'))
    os.mkdir(os.path.join(data, 'manifest.jsonl'))
    assert 'manifest.jsonl cannot be read' in refused(invoke(run_dir, '--figures', 'galleries', '--data', data), 1)


def test_what_cannot_be_written_is_named_and_the_rest_is_drawn(run_dir, tmp_path):
    taken = ('gallery-accepted.png', 'truncation.png', 'interpolation.gif')
    for name in taken:
        os.makedirs(str(tmp_path / 'out' / name))
    outcome = invoke(run_dir, '--out', str(tmp_path / 'out'), '--video-seconds', '0.2')
    assert outcome.exit_code == 0, outcome.stderr
    for name, figure in zip(taken, ('galleries', 'truncation', 'interpolation')):
        path = str(tmp_path / 'out' / name)
        assert f'{figure}: skipped. {path} cannot be written (Is a directory): check the path.' in outcome.stdout
        assert f'{path} cannot be written' in refused(
            invoke(run_dir, '--out', str(tmp_path / 'out'), '--figures', figure), 1
        )
    assert os.path.exists(str(tmp_path / 'out' / 'uncurated.png'))


def test_wrong_usage_names_the_flag(run_dir, tmp_path):
    for name in ('mixing', '9', '0', 'figure', '5;7'):
        assert 'choose from rejected, accepted' in refused(invoke(run_dir, '--figures', name), 2)
    for layers in ('', '3-1', '1-', 'a', '-1'):
        assert '--mixing-layers' in refused(invoke(run_dir, '--mixing-layers', layers), 2)
    for flag, value in (
        ('--detail-samples', '4'),
        ('--direction-layers', '3-1'),
        ('--direction-count', '0'),
        ('--direction-distance', '0'),
        ('--comparison-grid', '3'),
        ('--video-grid', '0x1'),
        ('--video-seconds', '0'),
        ('--video-seconds', 'inf'),
        ('--video-fps', '51'),
        ('--psi', 'nan'),
    ):
        assert flag in refused(invoke(run_dir, flag, value), 2)
    assert '--noise-seeds' in refused(invoke(run_dir, '--noise-seeds', '1,x'), 2)
    for seed in ('-1', '4294967296'):
        assert '--truncation-seeds' in refused(invoke(run_dir, '--truncation-seeds', seed), 2)
        assert '--uncurated-seed' in refused(invoke(run_dir, '--uncurated-seed', seed), 2)
    assert 'nowhere' in refused(invoke(str(tmp_path / 'nowhere')), 2)


def test_a_folder_that_cannot_be_made(run_dir, tmp_path):
    (tmp_path / 'file').write_bytes(b'')
    assert '--out' in refused(invoke(run_dir, '--out', str(tmp_path / 'file' / 'out')), 1)


@pytest.mark.skipif(bool(tflib.list_gpus()), reason='this machine has a GPU')
def test_a_gpu_that_is_not_there_is_refused_before_any_download(tmp_path):
    args = ['https://127.0.0.1:9/network.pkl', '--offline', '--out', str(tmp_path), '--device', 'gpu']
    assert '--device gpu' in refused(CliRunner(mix_stderr=False).invoke(generate_figures.main, args), 2)


def test_a_folder_without_networks(tmp_path):
    assert 'no network-snapshot-*.pkl' in refused(invoke(str(tmp_path)), 1)


def test_a_published_network_is_drawn_by_its_name_into_the_results(published_toy, tmp_path):
    outcome = invoke(published_toy, '--figures', 'truncation', '--offline')
    assert outcome.exit_code == 0, outcome.stderr
    assert os.listdir(str(tmp_path / 'results' / 'toy-8x8' / 'figures')) == ['truncation.png']
    assert 'perhaps toy-8x8?' in refused(invoke('toy-16x16'), 2)


def test_the_name_of_a_metric_leads_to_no_other_folder(run_dir):
    append_result(run_dir, Snapshot('network-snapshot-000000.pkl', 0), Result('../../<x>', 1.0, 1.0, {}))
    before = set(os.listdir(os.path.dirname(run_dir)))
    outcome = invoke(run_dir, '--figures', 'metrics')
    assert outcome.exit_code == 0, outcome.stderr
    assert os.listdir(os.path.join(run_dir, 'figures')) == ['metric-.._..__x_.png']
    assert set(os.listdir(os.path.dirname(run_dir))) == before
