"""What the command that filters refuses: wrong flags, wrong files, and before TensorFlow starts."""

import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import dnnlib.faces.runtimes
import dnnlib.folders
import dnnlib.tflib.devices

pytestmark = pytest.mark.usefixtures('charts_drawn_once')


ROOT = str(pathlib.Path(__file__).parents[2])


def test_force_replaces_nothing_but_a_dataset(run, photographs, tmp_path):
    result = run('lfw-subset', '--out', photographs, '--force')
    assert (
        result.exit_code == 2
        and 'is neither a dataset nor a training run, so --force does not replace it' in result.stderr
    )
    (tmp_path / 'x-r02.tfrecords').write_bytes(b'')
    result = run(photographs, '--out', tmp_path, '--force')
    assert result.exit_code == 2 and 'holds SOURCE, so --force does not replace it' in result.stderr
    assert (photographs / 'coins.png').exists()


@pytest.mark.parametrize(
    'args, sentence',
    [
        (['nowhere', '--out', 'x'], 'nowhere does not exist: name a folder or an archive of images, or lfw-subset.'),
        (['photos', '--out', 'x', '--size', '100'], '100 is no power of two from 4 to 1024: try 256.'),
        (['photos', '--out', 'x', '--size', '2'], "Invalid value for '--size': 2 is no power of two"),
        (['photos', '--out', 'x', '--margin', '-1'], "Invalid value for '--margin'"),
        (['photos', '--out', 'x', '--labels', 'age'], "Invalid value for '--labels'"),
        (['photos', '--out', 'x', '--device', 'tpu'], "Invalid value for '--device'"),
        (['photos', '--out', 'x', '--device', 'gpu'], '--device gpu: TensorFlow sees no GPU on this machine'),
        (['photos'], "Missing option '--out'"),
        (['photos', '--out', 'x', '--no-detect', '--margin', '10'], '--margin is about finding faces'),
        (['photos', '--out', 'x', '--no-detect', '--device', 'cpu'], '--device is about finding faces'),
        (['photos', '--out', 'x', '--no-detect', '--min-score', '0.9'], '--min-score is about finding faces'),
        (['photos', '--out', 'x', '--seed', '1'], '--seed is for --max-images'),
        (['photos', '--out', 'x', '--max-images', '0'], "Invalid value for '--max-images'"),
        (['photos', '--out', 'x', '--partition', 'test'], '--partition test: --format tree has none'),
        (['photos', '--out', 'x', '--max-pixels', '0'], "Invalid value for '--max-pixels'"),
        (['photos', '--out', 'x', '--export', 'lmdb'], "Invalid value for '--export'"),
        (['photos', '--out', 'x', '--export', 'lfw'], 'lfw needs to know who is in an image: add --labels identity.'),
        (['photos', '--out', 'x', '--test-share', '1'], "Invalid value for '--test-share'"),
        (['photos', '--out', 'photos/notes.txt'], 'exists already'),
        (['photos', '--out', 'x', '--runner', 'spark'], "Invalid value for '--runner'"),
        (['photos', '--out', 'x', '--staging', 'gs://b'], '--staging is for --runner beam'),
        (['photos', '--out', 'x', '--beam-options', '--runner=FlinkRunner'], '--beam-options is for --runner beam'),
        (['photos', '--out', 'x', '--runner', 'beam', '--gpus', '2'], '--gpus is for --runner local'),
        (['photos', '--out', 'x', '--runner', 'beam', '--device', 'gpu'], '--device gpu is for --runner local'),
    ],
)
def test_wrong_usage_is_status_2(run, photographs, tmp_path, monkeypatch, args, sentence):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dnnlib.tflib.devices, 'list_gpus', list)
    result = run(*args)
    assert result.exit_code == 2 and sentence in result.stderr
    assert sorted(os.listdir('.')) == ['photos']


@pytest.mark.parametrize(
    'args, sentence',
    [
        (['empty', '--out', 'new/x'], 'SOURCE has no images (1 other files): choose a folder with .jpg'),
        (['photos/notes.txt', '--out', 'new/x'], 'SOURCE has no images (1 other files)'),
        (
            ['photos', '--out', 'new/x', '--labels', 'attributes'],
            '--labels attributes: this SOURCE, read as tree, has no attributes',
        ),
        (['faceless', '--out', 'new/x'], 'None of the 1 images in SOURCE has a usable face (1 no-face)'),
        (
            ['photos', '--out', 'photos/notes.txt/x'],
            'cannot be read or written (Not a directory): check the path, or choose another',
        ),
    ],
)
def test_the_rest_is_status_1(run, photographs, tmp_path, monkeypatch, args, sentence):
    monkeypatch.chdir(tmp_path)
    os.mkdir('empty')
    (tmp_path / 'empty' / 'readme.md').write_text('')
    os.mkdir('faceless')
    shutil.copy(str(photographs / 'coins.png'), 'faceless')
    result = run(*args)
    assert result.exit_code == 1 and sentence in result.stderr and 'Traceback' not in result.stderr
    assert sorted(os.listdir('.')) == ['empty', 'faceless', 'photos']


def test_a_folder_without_permission_is_a_sentence(run, photographs, tmp_path, monkeypatch):
    scandir = os.scandir

    def refuse_one(folder):
        if os.path.basename(folder) == 'man':
            raise PermissionError(13, 'Permission denied', folder)
        return scandir(folder)

    monkeypatch.setattr(os, 'scandir', refuse_one)
    result = run(photographs, '--out', tmp_path / 'x')
    assert (result.exit_code, result.stdout) == (1, '')
    assert result.stderr == (
        f'Error: {photographs / "man"} cannot be read (Permission denied): change its permissions, or move it away.\n'
    )
    assert not (tmp_path / 'x').exists()


def test_without_beam_a_sentence_says_what_to_install(run, photographs, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    result = run(photographs, '--out', tmp_path / 'x', '--runner', 'beam')
    assert result.exit_code == 2 and not (tmp_path / 'x').exists()
    assert 'needs Apache Beam, in an environment with TensorFlow 1.15 (make venv)' in result.stderr
    assert 'pip install -r requirements.txt -r requirements-beam.txt' in result.stderr


REFUSED_EARLY = {
    'SOURCE has no images': ['empty', '--out', 'x'],
    '--labels attributes: this SOURCE': ['people', '--out', 'x', '--labels', 'attributes'],
    '--out people exists already': ['people', '--out', 'people'],
}


@pytest.fixture(scope='module')
def refused_early(tmp_path_factory):
    """What the command prints for each entry of REFUSED_EARLY, in a process without TensorFlow."""
    folder = tmp_path_factory.mktemp('early')
    (folder / 'empty').mkdir()
    (folder / 'people').mkdir()
    (folder / 'people' / 'a.png').write_bytes(b'')
    code = (
        'import json, sys; sys.modules["tensorflow"] = None;'  # importing it is an error
        'from click.testing import CliRunner; from prefilter.__main__ import main;'
        'results = [CliRunner(mix_stderr=False).invoke(main, args) for args in json.loads(sys.argv[1])];'
        'print(json.dumps([[result.exit_code, result.stderr] for result in results]))'
    )
    run = subprocess.run(
        [sys.executable, '-c', code, json.dumps(list(REFUSED_EARLY.values()))],
        cwd=str(folder),
        env={**os.environ, 'PYTHONPATH': ROOT},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return dict(zip(REFUSED_EARLY, json.loads(run.stdout)))


@pytest.mark.parametrize('sentence', REFUSED_EARLY)
def test_what_needs_no_tensorflow_is_refused_before_it_starts(refused_early, sentence):
    exit_code, errors = refused_early[sentence]
    assert exit_code in (1, 2) and sentence in errors and 'Traceback' not in errors
