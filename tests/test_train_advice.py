"""What the command that trains advises when a run cannot go on: each advice is followed, and the run goes on."""

import json
import os
import re
import shlex

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from dnnlib.records.tfrecords import MultiResolutionWriter, write_labels
from dnnlib.run_dir import locked_run
from tests.toy_run import make_dataset, toy_images
from tests.train_command import NAME, TINY, read_lines, run_here
from training import loop
from training.footprint import Networks

pytestmark = pytest.mark.slow  # each advice is followed, by a further run


@pytest.fixture
def data(tmp_path):
    return make_dataset(str(tmp_path / 'toy'), count=100)


@pytest.fixture(autouse=True)
def uncounted(monkeypatch):
    """Leaves out the numbers of parameters of a dry run, since tests/training/test_plan.py builds networks for them."""
    monkeypatch.setattr('training.plan.count_parameters', lambda *args: Networks(4, 3, 2, 1))


@pytest.fixture
def run(built_steps):
    """Runs the command in this process."""
    return lambda *args: run_here(built_steps, args)


def advice(output):
    """The arguments of the command that stands in a message."""
    (command,) = re.findall(r'train\.py (--resume .*?)(?: goes on|; or|\. |: |$)', output.splitlines()[-1])
    return shlex.split(command)


def write_images(folder, images):
    for name in os.listdir(folder):
        if name.endswith(('.tfrecords', '.labels')):
            os.remove(os.path.join(folder, name))
    with MultiResolutionWriter(folder, 'toy') as writer:
        for image in images:
            writer.add(image)


@pytest.mark.thorough
def test_too_little_memory_for_a_resolution_loses_no_run(run, data, tmp_path, monkeypatch):
    train_iteration = loop._Run.train_iteration

    def train_with_little_memory(self):
        if self._schedule_now().resolution > 4 and self.options.minibatch > 4:
            self._follow_schedule()
            raise tf.errors.ResourceExhaustedError(None, None, 'OOM when allocating tensor')
        train_iteration(self)

    monkeypatch.setattr(loop._Run, 'train_iteration', train_with_little_memory)
    results = tmp_path / 'results'
    result = run('--data', data, '--results', results, *TINY)
    run_dir = results / NAME
    sentence = (
        f'Error: The device has too little memory for minibatches of 8 at 8x8: train.py --resume {run_dir} --minibatch '
        '4:8,8:4 goes on with this run.'
    )
    assert result.exit_code == 1 and result.output.splitlines()[-1] == sentence
    # The same command with a smaller minibatch starts another run, but not without a word.
    smaller = run('--data', data, '--results', results, *TINY, '--minibatch', '4', '--dry-run').output
    assert f'--minibatch 8; --resume {run_dir} --minibatch 4 goes on with it.' in smaller
    result = run(*advice(sentence))
    assert result.exit_code == 0, result.output
    assert 'Going on at kimg 0.1' in result.output and 'Trained 0.3 kimg' in result.output
    assert 'From kimg 0.064 on, --minibatch is 4:8,8:4; before, it was 8.' in (run_dir / 'log.txt').read_text()
    assert [tick['minibatch'] for tick in read_lines(run_dir / 'stats.jsonl')] == [8, 4, 4, 4]
    options = json.loads((run_dir / 'options.json').read_text())
    change = {'kimg': 0.064, 'option': 'minibatch', 'before': 8, 'after': {'4': 8, '8': 4}}
    assert (options['minibatch'], options['changes']) == (4, [change])
    assert os.listdir(str(results)) == [NAME]


def test_memory_that_is_short_for_one_image_is_no_matter_of_the_minibatch(run, data, tmp_path, monkeypatch):
    def start(self, state):
        raise tf.errors.ResourceExhaustedError(None, None, 'OOM when allocating tensor')

    monkeypatch.setattr(loop._Run, 'start_or_resume', start)
    output = run('--data', data, '--results', tmp_path / 'results', *TINY, '--minibatch', '1').output
    assert output.endswith(
        'of 1 at 4x4: train smaller networks in a new run, with a smaller --resolution or --fmap-max.\n'
    )


def test_a_learning_rate_that_explodes_can_be_lowered(run, data, tmp_path):
    output = run('--data', data, '--results', tmp_path / 'r', *TINY, '--lrate', '1e30', '--max-nonfinite', '4').output
    command = advice(output)
    assert command == ['--resume', str(tmp_path / 'r' / NAME), '--lrate', '5e+29']
    page = (tmp_path / 'r' / NAME / 'report.html').read_text(encoding='utf-8')
    assert 'Error: The losses of 4 steps in a row were not finite' in page and 'ETA' not in page
    result = run(*command[:3], '0.001')
    assert result.exit_code == 0 and 'on, --lrate is 0.001; before, it was 1e+30.' in result.output
    assert 'Error: ' not in (tmp_path / 'r' / NAME / 'report.html').read_text(encoding='utf-8')


def test_labels_that_nobody_trains_on_are_mentioned(run, data, tmp_path):
    write_labels(data, 'toy', np.eye(100))
    flags = ['--data', data, '--results', tmp_path / 'results', *TINY, '--dry-run']
    assert run(*flags).output.startswith(f'{data} has labels of 100 numbers; --labels trains on them.')
    assert 'has labels' not in run(*flags, '--labels').output


@pytest.fixture
def stopped(trained, tmp_path):
    """A run that has trained, and its dataset, in folders of their own."""
    from shutil import copytree

    data = copytree(str(trained[0].parents[1] / 'toy'), str(tmp_path / 'toy'))
    run_dir = tmp_path / 'results' / NAME
    copytree(str(trained[0]), str(run_dir))
    options = json.loads((run_dir / 'options.json').read_text())
    (run_dir / 'options.json').write_text(json.dumps(dict(options, data=data)))
    return run_dir, data


def test_other_images_are_refused_and_both_ways_out_are_open(run, stopped, tmp_path):
    run_dir, data = stopped
    moved = make_dataset(str(tmp_path / 'moved' / 'toy'))
    images = toy_images()
    images[-1, 0, 0, 0] ^= 1
    write_images(data, images)
    for flags in ([], ['--dry-run']):
        result = run('--resume', run_dir, '--kimg', '0.3', *flags)
        assert result.exit_code == 1 and result.output.count('\n') == 1
    assert f'{data} does not hold the images that {run_dir} was started with: bring them back' in result.output
    command = advice(result.output)
    assert command[-2:] == ['--data', 'FOLDER']
    assert run(*command[:-1], moved, '--kimg', '0.3', '--dry-run').exit_code == 0
    assert f'train.py --data {data} --new-run.' in result.output
    assert run('--data', data, '--new-run', '--dry-run', *TINY).exit_code == 0


def test_a_dataset_that_is_gone_or_too_small_is_named_by_a_flag_that_helps(run, stopped, tmp_path):
    run_dir, data = stopped
    moved = str(tmp_path / 'elsewhere')
    os.rename(data, moved)
    result = run('--resume', run_dir)
    assert result.exit_code == 2 and f'--data: {data}, on which {run_dir} was trained, is gone' in result.output
    assert run('--resume', run_dir, '--data', moved, '--dry-run').exit_code == 0
    small = make_dataset(str(tmp_path / 'small'), resolution=4)
    for flags in ([], ['--dry-run']):
        result = run('--resume', run_dir, '--data', small, *flags)
        assert result.exit_code == 2
        assert f'--data: {small} has 4x4 images, and {run_dir} trains at 8x8; name a dataset of' in result.output


def test_a_run_that_is_being_trained_has_one_beside_it(run, stopped):
    run_dir, data = stopped
    same = ['--data', data, '--results', run_dir.parent, *TINY, '--kimg', '0.32']
    assert f'--resume {run_dir} --kimg 0.32 goes on with it.' in run(*same, '--dry-run').output
    with locked_run(str(run_dir)):
        result = run('--resume', run_dir, '--kimg', '0.32')
        assert result.exit_code == 1 and f'{run_dir} is being trained by process {os.getpid()}' in result.output
        assert 'start another run: with --new-run, and without --resume.' in result.output
        beside = run(*same, '--new-run')
    assert beside.exit_code == 0 and 'Trained 0.3 kimg' in beside.output
    assert sorted(os.listdir(str(run_dir.parent))) == [NAME, NAME.replace('00000', '00001')]


def test_a_run_whose_states_are_all_damaged_leaves_two_ways_on(run, stopped, read_pickle_once):
    run_dir, data = stopped
    states = sorted(run_dir.glob('training-state-*.npz'))
    for state in states:
        state.write_bytes(b'no zip')
    for flags in (['--resume', run_dir], ['--data', data, '--results', run_dir.parent, *TINY]):
        result = run(*flags, '--dry-run')
        assert result.exit_code == 1 and all(f'{state} is damaged' in result.output for state in states)
    assert 'start anew with --new-run, and without --resume of this run; its network snapshots' in result.output
    new = run('--data', data, '--results', run_dir.parent, *TINY, '--new-run', '--dry-run')
    assert new.exit_code == 0 and 'Schedule:' in new.output
    snapshot = max(run_dir.glob('network-snapshot-*.pkl'))
    ours = ['--data', data, '--results', run_dir.parent, *TINY, '--kimg', '1']
    result = run(*ours, '--resume', snapshot, '--dry-run')
    assert result.exit_code == 0 and f'The networks of {snapshot} go on at kimg' in result.output, result.output


def test_a_pickle_and_a_dataset_that_do_not_fit_are_both_named(run, trained, read_pickle_once, tmp_path):
    pickle = trained[0] / 'network-final.pkl'
    small = make_dataset(str(tmp_path / 'small'), resolution=4)
    sentence = (
        f'The networks in {pickle} make 8x8 images, the dataset {small} has 4x4: choose another dataset or pickle.'
    )
    for flags in ([], ['--resolution', '4']):
        assert sentence in run('--data', small, '--resume', pickle, '--dry-run', *flags).output
