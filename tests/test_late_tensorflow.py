"""TensorFlow takes seconds to start: no command line may wait for it, neither `--help` nor a flag that is refused."""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]
VERBS = (
    'train.py',
    'run_metrics.py',
    'generate_figures.py',
    'prefilter',
    'prefilter.report',
    'metrics.run_report',
    'dnnlib.describe',
    'dnnlib.download',
    'dnnlib.verify',
)
# Runs each command line in one process, and prints its exit status and whether TensorFlow has been imported by then.
PROGRAM = """
import json, runpy, sys
told = []
for verb, *args in json.loads(sys.argv[1]):
    sys.argv = [verb, *args]
    try:
        if verb.endswith('.py'):
            runpy.run_path(verb, run_name='__main__')
        else:
            runpy.run_module(verb, run_name='__main__', alter_sys=True)
    except SystemExit as end:
        told.append([verb, args, end.code, 'tensorflow' in sys.modules])
print()
print(json.dumps(told))
"""


def outcomes(command_lines):
    output = subprocess.check_output(
        [sys.executable, '-c', PROGRAM, json.dumps(command_lines)], cwd=str(ROOT), stderr=subprocess.DEVNULL
    )
    return json.loads(output.decode().splitlines()[-1])


def test_no_verb_starts_tensorflow_for_its_help():
    assert outcomes([[verb, '--help'] for verb in VERBS]) == [[verb, ['--help'], 0, False] for verb in VERBS]


def test_what_is_refused_is_refused_before_tensorflow_starts(tmp_path):
    wrong = [
        ['train.py', '--data', 'tests/golden/tfrecords/tiny32', '--device', 'cpu', '--minibatch', '33', '--gpus', '2'],
        ['train.py', '--data', 'tests/golden/tfrecords/tiny32', '--resolution', '64'],
        ['train.py', '--data', 'tests/golden/tfrecords/tiny32', '--metrics', 'fid'],
        ['run_metrics.py', str(tmp_path)],
        ['run_metrics.py', 'tests/golden/official_tiny_16_nosrc.pkl', '--best', 'fid50k'],
        ['generate_figures.py', str(tmp_path)],
        ['metrics.run_report', str(tmp_path)],
        ['dnnlib.verify', str(tmp_path)],
    ]
    for (verb, args, status, started), command_line in zip(outcomes(wrong), wrong):
        assert [verb, *args] == command_line and status in (1, 2) and not started, command_line
