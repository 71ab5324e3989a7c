"""`train.py --find`, by which `make demo` knows which run to measure: the finished one of the same flags."""

import dataclasses
import json

from click.testing import CliRunner

import train
from training.checkpoint import Checkpoints
from training.options import resolve_options
from training.run_state import NOTHING

DATA = 'tests/golden/tfrecords/tiny32'


def make_run(run_dir, nimg, **given):
    run_dir.mkdir(parents=True)
    options = dataclasses.asdict(resolve_options('demo', dict(given, data=DATA), 32))
    (run_dir / 'options.json').write_text(json.dumps(options))
    Checkpoints(str(run_dir)).save({}, {'cur_nimg': nimg, 'due': NOTHING})


def find(results, *flags):
    args = ['--data', DATA, '--preset', 'demo', '--desc', 'demo', '--results', str(results), *flags, '--find']
    return CliRunner().invoke(train.main, args)


def test_the_finished_run_of_the_same_flags_is_found_and_no_other(tmp_path):
    assert 'has no finished run of this command' in find(tmp_path).output
    make_run(tmp_path / '00000-demo', 56000)
    make_run(tmp_path / '00001-demo', 30000, total_kimg=70.0)  # newer, and not finished
    assert find(tmp_path).output.strip() == str(tmp_path / '00000-demo')
    assert find(tmp_path, '--kimg', '70').exit_code == 1
    make_run(tmp_path / '00002-demo', 70000, total_kimg=70.0)
    assert find(tmp_path, '--kimg', '70').output.strip() == str(tmp_path / '00002-demo')
    assert find(tmp_path).output.strip() == str(tmp_path / '00000-demo')
