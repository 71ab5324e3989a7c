"""Which run a command means, and what it says about a run that it does not go on with."""

import dataclasses
import functools
import json
import shlex

import pytest
from click.testing import CliRunner

import train
from training.checkpoint import Checkpoints
from training.options import resolve_options
from training.resume import stored_options
from training.run_state import NOTHING
from training.same_command import find_run

DATA = 'tests/golden/tfrecords/rgb16_shuffled'  # without labels, which would be mentioned


def make_run(results, nimg, name='00000-demo', counters=None, **given):
    run_dir = results / name
    run_dir.mkdir(parents=True)
    options = dataclasses.asdict(resolve_options('demo', dict(given, data=DATA, device='cpu'), 16))
    (run_dir / 'options.json').write_text(json.dumps(options))
    Checkpoints(str(run_dir)).save({}, {'cur_nimg': nimg, 'due': NOTHING, **(counters or {})})
    return run_dir


slow_param = functools.partial(pytest.param, marks=pytest.mark.slow)


@pytest.fixture
def command(monkeypatch):
    """Gives the command; returns click's result, and whether training would have started, in which directory."""

    def call(results, *flags):
        started = []
        monkeypatch.setattr(train, 'do_work', lambda work, *args: started.append(work.run_dir))
        args = ['--data', DATA, '--preset', 'demo', '--desc', 'demo', '--device', 'cpu', '--results', str(results)]
        result = CliRunner().invoke(train.main, [*args, *map(str, flags)], catch_exceptions=False)
        return result, started

    return call


def follow(sentence, flags=()):
    """Gives train.py the flags that stand in a sentence from --resume on."""
    args = shlex.split(sentence[sentence.index('--resume') :].split(' goes on')[0].replace(' N', ' 100'))
    return CliRunner().invoke(train.main, [*args, *flags, '--dry-run'], catch_exceptions=False)


def test_a_finished_command_says_so_and_starts_nothing(command, tmp_path):
    run_dir = make_run(tmp_path, 56000)
    result, started = command(tmp_path)
    assert result.exit_code == 0 and started == []
    assert result.output == (
        f'{run_dir} has finished these options; --resume {run_dir} --kimg N goes on with it to kimg N, '
        '--new-run starts anew.\n'
    )
    followed = follow(result.output)
    assert followed.exit_code == 0 and 'Schedule from kimg 56 on:' in followed.output
    result, started = command(tmp_path, '--new-run')
    assert result.output == '' and started == [None]


def test_an_unfinished_command_goes_on_without_a_word(command, tmp_path):
    run_dir = make_run(tmp_path, 30000)
    result, (found,) = command(tmp_path)
    assert result.output == '' and found == str(run_dir)


@pytest.mark.parametrize(
    'nimg, given, flags, has, advice',
    [
        (56000, {}, ['--kimg', '70'], 'has finished these options with --kimg 56', '--kimg 70.0'),
        slow_param(30000, {}, ['--kimg', '70'], 'has trained 30.0 kimg of these options with --kimg 56', '--kimg 70.0'),
        slow_param(
            30000,
            {},
            ['--minibatch', '8'],
            'has trained 30.0 kimg of these options with --minibatch 16',
            '--minibatch 8',
        ),
        slow_param(
            30000, {}, ['--lrate', '1e-3'], 'has trained 30.0 kimg of these options with --lrate 0.002', '--lrate 0.001'
        ),
        (
            30000,
            {'tick_kimg': None, 'metrics': []},
            ['--grid', '3x2', '--minibatch', '8:8,16:4'],
            'with --minibatch 16 --metrics none no --tick-kimg --grid 12x8',
            '--minibatch 8:8,16:4 --metrics fd_onet5k --tick-kimg 2 --grid 3x2',
        ),
    ],
)
def test_a_command_that_leaves_a_run_behind_says_how_to_go_on_with_it(
    command, tmp_path, nimg, given, flags, has, advice
):
    run_dir = make_run(tmp_path, nimg, **given)
    result, started = command(tmp_path, *flags)
    assert started == [None] and result.exit_code == 0
    assert has in result.output and len(result.output.splitlines()) == 1
    assert f'; --resume {run_dir} {advice} goes on with it. This command starts a new run.' in result.output
    followed = follow(result.output)
    assert followed.exit_code == 0 and f'Schedule from kimg {nimg // 1000} on:' in followed.output


def test_other_runs_are_not_mentioned(command, tmp_path):
    make_run(tmp_path, 30000, '00000-demo', seed=1)
    make_run(tmp_path, 30000, '00001-other', total_kimg=70.0)
    make_run(tmp_path, 0, '00002-demo', total_kimg=70.0)  # nothing would be lost
    damaged = make_run(tmp_path, 30000, '00003-demo', total_kimg=70.0)
    (damaged / 'training-state-000030000.npz').write_bytes(b'PK')
    make_run(tmp_path, 60000, '00004-demo', total_kimg=70.0)  # past the end of this command
    result, started = command(tmp_path)
    assert result.output == '' and started == [None]


def test_a_run_with_changed_options_is_the_run_of_its_new_options(tmp_path):
    make_run(tmp_path, 30000, changes=[{'kimg': 1.0, 'option': 'minibatch', 'before': 16, 'after': 8}], minibatch=8)
    options = resolve_options('demo', {'data': DATA, 'device': 'cpu', 'minibatch': 8}, 16)
    assert find_run(str(tmp_path), 'demo', options).kimg == 30
    assert find_run(str(tmp_path), 'demo', dataclasses.replace(options, minibatch=16)) is None


def test_a_run_of_an_earlier_version_is_found_though_its_options_lack_what_came_later(tmp_path):
    path = make_run(tmp_path, 8000) / 'options.json'
    stored = json.loads(path.read_text())
    del stored['loss'], stored['architecture']
    path.write_text(json.dumps(stored))
    options = stored_options(str(path.parent), stored)
    assert (options.loss, options.architecture) == ('logistic-r1', 'stylegan')
    assert find_run(str(tmp_path), 'demo', options).run_dir == str(path.parent)
