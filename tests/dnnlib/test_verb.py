"""What all commands share: Ctrl-C ends each in one sentence, with the exit status that shells expect; empty text."""

import functools
import os
import pathlib
import shutil
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from dnnlib.verb import SENTENCE, Verb

ROOT = pathlib.Path(__file__).parents[2]
DATA = 'tests/golden/tfrecords/tiny32'
NETWORK = 'tests/golden/official_tiny_16_nosrc.pkl'
# Runs a command, and lets Ctrl-C come when it imports a module.
PROGRAM = """
import runpy, sys

class CtrlC:
    @staticmethod
    def find_spec(name, *_):
        if name == wanted:
            raise KeyboardInterrupt

verb, wanted, *sys.argv[1:] = sys.argv[1:]
sys.meta_path.insert(0, CtrlC)
if verb.endswith('.py'):
    runpy.run_path(verb, run_name='__main__')
else:
    runpy.run_module(verb, run_name='__main__', alter_sys=True)
"""
slow_param = functools.partial(pytest.param, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    'verb, module, args',
    [
        slow_param('train.py', 'training.options', ['--help']),
        ('train.py', 'tensorflow', ['--data', DATA, '--device', 'cpu', '--dry-run']),
        slow_param('run_metrics.py', 'metrics.cache', ['--help']),
        slow_param('run_metrics.py', 'tensorflow', [NETWORK, '--metrics', 'ppl_wend']),
        slow_param('generate_figures.py', 'metrics.figures.drawing', ['--help']),
        ('generate_figures.py', 'tensorflow', [NETWORK, '--figures', 'uncurated', '--out']),
        ('prefilter', 'prefilter.pipeline', ['--help']),
        slow_param('dnnlib.verify', 'tensorflow', [DATA]),
    ],
)
def test_ctrl_c_during_imports_and_work_is_one_sentence(verb, module, args, tmp_path):
    args = [*args, str(tmp_path / 'out')] if args[-1] == '--out' else args
    outcome = subprocess.run(
        [sys.executable, '-c', PROGRAM, verb, module, *args],
        cwd=str(ROOT),
        capture_output=True,
        text=True,
    )
    assert outcome.returncode == 130, outcome.stderr
    assert SENTENCE in outcome.stderr and 'Traceback' not in outcome.stderr


@pytest.mark.parametrize(
    'args, what',
    [
        ([''], 'the first argument'),
        (['SOURCE', '--out', ''], 'what follows --out'),
        (['SOURCE', '--out='], 'what follows --out'),
        (['--out', 'OUT', ''], 'what follows OUT'),
    ],
)
def test_empty_arguments_are_refused(args, what):
    @click.command(cls=Verb)
    @click.argument('source')
    @click.option('--out')
    def command(source, out):
        click.echo(f'{source} {out}')

    outcome = CliRunner().invoke(command, args)
    assert outcome.exit_code == 2
    assert f'Error: {what} is empty, as where a shell variable is not set: give a value.' in outcome.output
    assert CliRunner().invoke(command, ['SOURCE', '--out=OUT']).output == 'SOURCE OUT\n'


@pytest.mark.slow
def test_paths_are_printed_whatever_their_bytes_and_the_terminal(tmp_path):
    folder = tmp_path / 'é-\udcff'
    shutil.copytree(str(ROOT / DATA), str(folder))
    outcome = subprocess.run(
        [sys.executable, '-m', 'dnnlib.verify', os.fsencode(str(folder))],
        cwd=str(ROOT),
        capture_output=True,
        env=dict(os.environ, PYTHONIOENCODING='ascii'),
    )
    assert outcome.returncode == 0, outcome.stderr
    assert b'\\xe9-\\udcff is whole' in outcome.stdout
