"""The command line of the command that trains: what it refuses, and --dry-run."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from dnnlib.exports.forms import ExportOptions, write_form
from dnnlib.exports.images import DatasetImages
from dnnlib.network_file import read_network_file
from dnnlib.records.datasets import open_dataset
from dnnlib.records.tfrecords import MultiResolutionWriter, write_labels
from dnnlib.tflib.versions import IS_TF2
from tests.toy_run import make_dataset
from tests.train_command import TINY, read_lines, run_here
from train import main
from training.footprint import Networks

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture
def data(tmp_path):
    return make_dataset(str(tmp_path / 'toy'))


@pytest.fixture
def uncounted(monkeypatch):
    """Leaves out the numbers of parameters of a dry run, since tests/training/test_plan.py builds networks for them."""
    monkeypatch.setattr('training.plan.count_parameters', lambda *args: Networks(4, 3, 2, 1))


@pytest.fixture
def run(built_steps):
    """Runs the command in this process."""
    return lambda *args: run_here(built_steps, args)


@pytest.mark.slow
def test_new_run_starts_from_a_published_network_by_its_name(uncounted, read_pickle_once, run, data, published_toy):
    flags = ['--data', data, '--initial-resolution', '4', '--phase-kimg', '0.1', '--fade-kimg', '0.1', '--dry-run']
    result = run(*flags, '--offline', '--resume', published_toy)
    assert result.exit_code == 0 and '_toy.pkl go on at kimg 0.2' in result.output
    result = run(*flags, '--resume', 'toy')
    assert result.exit_code == 0  # by the name of its file
    assert 'no published network of that name' in run(*flags, '--resume', 'nobody').output


def test_dry_run_prints_the_papers_schedule_and_makes_nothing(uncounted, run, tmp_path):
    data = make_dataset(str(tmp_path / 'celeba'), resolution=256, count=2)
    result = run('--data', data, '--gpus', 2, '--results', tmp_path / 'results', '--dry-run')
    assert result.exit_code == 0
    named = [line.split()[0] for line in result.output.split('Options:')[1].split('\n\n')[0].splitlines() if line]
    assert {'--data', '--gpus', '--gamma'} <= set(named) <= {name for param in main.params for name in param.opts}
    rows = [line.split() for line in result.output.split('Schedule:')[1].split('\n\n')[0].splitlines()[2:]]
    assert [row[-5:] for row in rows] == [
        ['8x8', '0', '600', '256', '0.001'],
        ['16x16', '600', '1200', '128', '0.001'],
        ['16x16', '1200', '1800', '128', '0.001'],
        ['32x32', '1800', '2400', '64', '0.001'],
        ['32x32', '2400', '3000', '64', '0.001'],
        ['64x64', '3000', '3600', '32', '0.001'],
        ['64x64', '3600', '4200', '32', '0.001'],
        ['128x128', '4200', '4800', '16', '0.0015'],
        ['128x128', '4800', '5400', '16', '0.0015'],
        ['256x256', '5400', '6000', '8', '0.002'],
        ['256x256', '6000', '25000', '8', '0.002'],
    ]
    assert [' '.join(row[:-5]) for row in rows] == ['train'] + ['fade in', 'train'] * 5
    assert not (tmp_path / 'results').exists()


def test_a_dry_run_plans_processes_and_is_told_by_the_first_one_alone(uncounted, run, data, tmp_path, monkeypatch):
    flags = ['--data', data, '--results', tmp_path / 'results', *TINY, '--gpus', 2]
    assert '2 processes have 1 replica each.' in run(*flags, '--dry-run', '--processes', 2).output
    refused = run(*flags, '--dry-run', '--processes', 3)
    assert refused.exit_code == 2 and '--gpus 2 cannot be divided among 3 processes' in refused.output
    assert '--processes: give --dry-run too' in run(*flags, '--processes', 2).output.replace('\n', ' ')
    monkeypatch.setenv('HOROVOD_SIZE', '2')
    for rank, told in (('0', 'Schedule:'), ('1', '')):
        monkeypatch.setenv('HOROVOD_RANK', rank)
        output = run(*flags, '--dry-run').output
        assert told in output and bool(told) == bool(output)


def damage(data, kind):
    files = sorted(name for name in os.listdir(data) if name.endswith('.tfrecords'))
    path = os.path.join(data, files[-1])
    content = pathlib.Path(path).read_bytes()
    if kind == 'missing':
        os.remove(os.path.join(data, files[0]))
    elif kind == 'truncated':
        pathlib.Path(path).write_bytes(content[:-7])
    elif kind == 'unequal':
        pathlib.Path(path).write_bytes(content[: len(content) // 12 * 11])
    elif kind == 'empty':
        for name in files:
            os.remove(os.path.join(data, name))


@pytest.mark.parametrize('kind', ['missing', 'truncated', 'unequal', 'empty'])
def test_damaged_dataset_is_refused_before_any_work(run, data, tmp_path, kind):
    damage(data, kind)
    result = run('--data', data, '--results', tmp_path / 'results', *TINY)
    assert result.exit_code == 1
    assert result.output.startswith('Error: ') and data in result.output
    assert len(result.output.splitlines()) == 1
    assert not (tmp_path / 'results').exists()


@pytest.mark.parametrize(
    'flags, sentence',
    [
        (['--gpus', '3', '--device', 'cpu'], '--gpus 3: the official minibatches are for 1, 2, 4 or 8 GPUs'),
        (['--gpus', '2', '--device', 'cpu', '--minibatch', '9'], 'cannot be divided among 2 GPUs; use a multiple of 2'),
        (['--device', 'gpu'], '--device gpu: TensorFlow sees no GPU'),
        (['--resolution', '16'], '--resolution 16: the dataset has 8x8 images'),
        (['--resolution', '6'], '--resolution 6: must be a power of two'),
        (['--minibatch', 'many'], "'many' is neither a number nor pairs"),
        (['--grid', '4'], "'4' is not like 15x8"),
        (['--metrics', 'fid'], 'fid'),
        (['--kimg', '0'], '--kimg'),
        (['--lrate', 'nan'], 'not a finite number'),
        (['--labels'], '--labels: '),
        (['--desc', 'a/b'], "'a/b' must not be empty or contain a slash"),
        (['--seed', str(2**32)], '--seed'),
        (['--metrics', 'none,fid50k'], 'none cannot be combined with other names'),
        (['--resume-kimg', '5'], '--resume-kimg: give --resume with a network pickle too'),
    ],
)
def test_wrong_usage_names_the_flag_and_the_hint(run, data, tmp_path, flags, sentence):
    result = run('--data', data, '--results', tmp_path / 'results', '--device', 'cpu', *flags)
    assert result.exit_code == 2
    assert sentence in result.output.replace('\n', ' ')
    assert not (tmp_path / 'results').exists()


def test_more_gpus_than_there_are_is_refused(run, data, tmp_path, monkeypatch):
    monkeypatch.setattr('dnnlib.tflib.devices.list_gpus', lambda: ['/gpu:0'])
    result = run('--data', data, '--results', tmp_path / 'results', '--gpus', '2')
    assert result.exit_code == 2
    assert '--gpus 2: this machine has 1 GPU; use --gpus 1 or fewer, or --device cpu.' in result.output


def test_missing_data_folder_is_wrong_usage(run, tmp_path):
    result = run('--data', tmp_path / 'nowhere')
    assert result.exit_code == 2
    assert '--data' in result.output


def test_unwritable_results_folder_is_refused(run, data, tmp_path):
    (tmp_path / 'results').write_text('a file')
    result = run('--data', data, '--results', tmp_path / 'results', *TINY)
    assert result.exit_code == 1
    assert '--results' in result.output


@pytest.mark.parametrize(
    'flag, value',
    [
        ('--kimg', '1e308'),
        ('--tick-kimg', '1e-320'),
        ('--tick-kimg', '1e308'),
        ('--phase-kimg', '1e308'),
        ('--fade-kimg', '1e308'),
        ('--image-ticks', '1' + '0' * 400),
        ('--snapshot-ticks', '1' + '0' * 400),
        ('--fmap-base', '1' + '0' * 400),
        ('--fmap-max', '1' + '0' * 20),
        ('--latent-size', '1' + '0' * 20),
        ('--mapping-layers', '1' + '0' * 20),
    ],
)
def test_numbers_beyond_all_measure_are_refused(run, data, flag, value):
    result = run('--data', data, '--minibatch', 4, flag, value, '--dry-run')
    assert result.exit_code == 2 and flag in result.output and 'is not in the range' in result.output


@pytest.mark.parametrize(
    'flags, sentence',
    [
        (['--labels'], '--labels: '),
        (['--metrics', 'kid50k'], 'kid50k needs 50000 different reals, and dataset'),
        (['--resolution', '16'], '--resolution 16: the dataset has 8x8 images'),
    ],
)
def test_a_dry_run_refuses_what_the_run_refuses(run, data, tmp_path, flags, sentence):
    outputs = []
    for dry in ([], ['--dry-run']):
        result = run('--data', data, '--results', tmp_path / 'results', '--device', 'cpu', *flags, *dry)
        assert result.exit_code in (1, 2)
        outputs.append(result.output)
    assert outputs[0] == outputs[1] and sentence in outputs[0].replace('\n', ' ')
    assert not (tmp_path / 'results').exists()


@pytest.mark.parametrize('dry', [[], ['--dry-run']])
def test_classes_that_the_device_cannot_hold_are_refused_before_anything_is_made(
    uncounted, run, data, tmp_path, monkeypatch, dry
):
    write_labels(data, 'toy', np.arange(12))
    monkeypatch.setattr('dnnlib.tflib.devices.memory_of', lambda kind: 1000)
    result = run('--data', data, '--results', tmp_path / 'results', '--device', 'cpu', *TINY, '--labels', *dry)
    assert result.exit_code == 1 and not (tmp_path / 'results').exists()
    assert result.output.splitlines()[-1].startswith('Error: --labels: the weights of 12 classes take 0.0 GB with Adam')
    assert 'and this machine has 0.0 GB' in result.output
    assert ('Weights of 12 classes, GB' in result.output) == bool(dry)


@pytest.mark.thorough
def test_a_dry_run_with_200_000_identities_does_not_make_their_weights(tmp_path):
    identities = 200000
    folder = tmp_path / 'many'
    folder.mkdir()
    with MultiResolutionWriter(str(folder), 'many') as writer:
        writer.add(np.zeros([3, 8, 8], np.uint8))
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes() * identities)
    write_labels(str(folder), 'many', np.arange(identities)[::-1])
    code = (
        'import resource, sys; sys.argv[:1] = ["train.py"]\n'
        'from train import main\n'
        'try: main()\n'
        'finally: print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)'
    )
    flags = ['--data', str(folder), '--dry-run', '--labels', '--device', 'cpu', '--results', str(tmp_path / 'results')]
    flags += ['--metrics', 'none']
    result = subprocess.run([sys.executable, '-c', code, *flags], cwd=str(ROOT), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    weights = result.stdout.split('Weights of 200,000 classes, GB')[1].split('\n\n')[0]
    assert weights.split()[-1] == '2.87'
    most = 1.4e9 if IS_TF2 else 1e9  # TensorFlow 2.21 itself takes 0.26 GB more
    assert int(result.stderr.split('peak')[1]) * 1024 < most


LABELLED = ['--labels', '--auxiliary', 'vac', '--loss', 'logistic-saturating']  # a penalty makes the graph larger
SHORTER = [*TINY, '--phase-kimg', '0.032', '--fade-kimg', '0.032', '--kimg', '0.128']


@pytest.mark.thorough
def test_a_run_goes_on_with_C_which_is_in_no_pickle(run, tmp_path):
    data = make_dataset(str(tmp_path / 'toy'), resolution=4)
    write_labels(data, 'toy', np.arange(12) % 3)
    flags = ['--data', data, *SHORTER, *LABELLED, '--desc', 'run', '--results']
    whole, stopped = tmp_path / 'whole' / '00000-run', tmp_path / 'stopped' / '00000-run'
    assert run(*flags, whole.parent).exit_code == 0
    assert run(*flags, stopped.parent, '--kimg', '0.064').exit_code == 0
    assert run('--resume', stopped, '--kimg', '0.128').exit_code == 0
    pickles = [(each / 'network-final.pkl').read_bytes() for each in (whole, stopped)]
    assert pickles[0] == pickles[1]
    assert [net['name'] for net in read_network_file(str(whole / 'network-final.pkl')).networks] == ['G', 'D', 'Gs']
    with np.load(str(next(iter(sorted(whole.glob('training-state-*')))))) as state:
        assert {'C/4x4/Conv/weight', 'C/lod'} < set(state.files)
    ticks = read_lines(whole / 'stats.jsonl')
    assert all(0 <= tick['C_real_accuracy'] <= 1 and tick['G_label_loss'] > 0 for tick in ticks)
    assert f' label {ticks[-1]["C_fake_loss"]:.3f}' in (whole / 'log.txt').read_text()
    assert 'Labels that C reads right' in (whole / 'report.html').read_text()
    refusal = run('--resume', stopped, '--kimg', '0.3', '--auxiliary', 'var').output
    assert '--auxiliary: the run was started with vac, not var' in refusal
    for numbers, sentence in (
        ('vac', 'learns classes, or attributes of 0 and 1'),
        ('var', 'go from 0 to 11, and must'),
    ):
        write_labels(data, 'toy', np.arange(12)[:, np.newaxis])
        result = run('--data', data, *TINY, '--labels', '--auxiliary', numbers, '--results', tmp_path / 'none')
        assert result.exit_code == 2 and sentence in result.output


@pytest.mark.slow
def test_training_on_zip_files_is_training_on_tfrecords(run, data, tmp_path):
    write_labels(data, 'toy', np.arange(12) % 3)
    with open_dataset(data) as dataset:
        write_form('zips', DatasetImages(dataset), str(tmp_path / 'zips'), {'': np.arange(12)}, ExportOptions())
    flags, trained = [*SHORTER, '--labels', '--desc', 'run', '--results'], []
    for number, folder in enumerate((data, tmp_path / 'zips')):
        result = run('--data', folder, *flags, tmp_path / str(number))
        assert result.exit_code == 0, result.output
        pickle = tmp_path / str(number) / '00000-run' / 'network-final.pkl'
        trained.append(read_network_file(str(pickle)).networks[1]['variables'])  # of D, which sees the reals
    assert len(trained[0]) == len(trained[1]) > 5
    for (name, value), (other, from_zips) in zip(*trained):
        assert name == other
        np.testing.assert_array_equal(value, from_zips)
    result = run('--data', tmp_path / 'zips', *flags, tmp_path / '1')  # its fingerprint is known again
    assert result.exit_code == 0 and 'has finished these options' in result.output
