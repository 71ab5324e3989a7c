"""`train.py --find`, by which `make demo` knows which run to measure: the finished one of the same flags."""

import dataclasses
import json
import pathlib
import shlex
import subprocess

from click.testing import CliRunner

import train
from training.checkpoint import Checkpoints
from training.options import resolve_options
from training.run_state import NOTHING

MAKEFILE = pathlib.Path(__file__).parents[1] / 'Makefile'
DATA = 'tests/golden/tfrecords/tiny32'


def make_run(run_dir, nimg, **given):
    run_dir.mkdir(parents=True)
    options = dataclasses.asdict(resolve_options('demo', dict(given, data=DATA), 32))
    (run_dir / 'options.json').write_text(json.dumps(options))
    Checkpoints(str(run_dir)).save({}, {'cur_nimg': nimg, 'due': NOTHING})


def flags_of_demo(results):
    return ['--data', DATA, '--preset', 'demo', '--desc', 'demo', '--results', str(results)]


def find(results, *flags):
    return CliRunner().invoke(train.main, [*flags_of_demo(results), *flags, '--find'])


def test_the_finished_run_of_the_same_flags_is_found_and_no_other(tmp_path):
    assert 'has no finished run of this command' in find(tmp_path).output
    make_run(tmp_path / '00000-demo', 56000)
    make_run(tmp_path / '00001-demo', 30000, total_kimg=70.0)  # newer, and not finished
    assert find(tmp_path).output.strip() == str(tmp_path / '00000-demo')
    assert find(tmp_path, '--kimg', '70').exit_code == 1
    make_run(tmp_path / '00002-demo', 70000, total_kimg=70.0)
    assert find(tmp_path, '--kimg', '70').output.strip() == str(tmp_path / '00002-demo')
    assert find(tmp_path).output.strip() == str(tmp_path / '00000-demo')


# Stands for Python: keeps its arguments, and has a finished run once something was trained.
PYTHON = """#!/bin/sh
echo "$@" >> calls
case "$*" in *--find) test -e trained && echo results/00003-demo;; train.py*) touch trained; echo remark >&2;; esac
"""


def test_make_demo_trains_once_and_measures_the_run_of_its_flags(tmp_path):
    (tmp_path / 'datasets' / 'demo').mkdir(parents=True)
    (tmp_path / 'results' / '00004-demo').mkdir(parents=True)  # of other flags
    (tmp_path / 'python').write_text(PYTHON)
    (tmp_path / 'python').chmod(0o755)
    make = ['make', '-f', str(MAKEFILE), '-o', 'venv', 'demo', 'PY=./python', 'DEMO_FLAGS=--kimg 9']
    calls = []
    for _ in range(2):
        outcome = subprocess.run(make, cwd=str(tmp_path), check=True, capture_output=True)
        assert outcome.stderr == b'remark\n'  # nothing is hidden
        calls.append((tmp_path / 'calls').read_text().splitlines())
        (tmp_path / 'calls').unlink()
    train_demo = 'train.py --data datasets/demo --preset demo --desc demo --kimg 9'
    measured = ['run_metrics.py results/00003-demo', 'generate_figures.py results/00003-demo']
    measured += ['run_metrics.py results/00003-demo/network-best.pkl', '-m synthesis']
    for found in calls:
        assert found[:2] == [train_demo, f'{train_demo} --find']  # a finished run is not trained again, see below
        assert [' '.join(shlex.split(call)[:2]) for call in found[2:]] == measured


def test_the_command_of_a_finished_run_does_nothing(tmp_path):
    make_run(tmp_path / '00000-demo', 56000)
    before = sorted(tmp_path.rglob('*'))
    outcome = CliRunner().invoke(train.main, flags_of_demo(tmp_path))
    assert outcome.exit_code == 0 and f'{tmp_path / "00000-demo"} has finished these options' in outcome.output
    assert sorted(tmp_path.rglob('*')) == before
