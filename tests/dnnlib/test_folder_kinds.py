"""Every verb that is given the wrong kind of folder, or a file, says which kind it is and what to type."""

import json
import os

import numpy as np
import pytest
from click.testing import CliRunner

import dnnlib.describe
import dnnlib.verify
import generate_figures
import metrics.run_report
import prefilter.__main__
import prefilter.report
import run_metrics
import train
from dnnlib.errors import UserError
from dnnlib.folder_kinds import DATASET, EMPTY, FILE, OTHER, RUN, check_kind, kind_of
from dnnlib.records.tfrecords import MultiResolutionWriter
from metrics.sources import find_source
from tests.metrics.made_up_run import make_run
from tests.pictures import picture


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A dataset, a run, a file, an empty folder and a folder of photographs, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'photos').mkdir()
    (tmp_path / 'photos' / 'a.png').write_bytes(picture(1))
    (tmp_path / 'dataset').mkdir()
    with MultiResolutionWriter('dataset', 'dataset') as writer:
        writer.add(np.zeros([3, 8, 8], np.uint8))
    (tmp_path / 'dataset' / 'manifest.jsonl').write_text('{"path": "a.png", "accepted": true, "index": 0}\n')
    (tmp_path / 'dataset' / 'options.json').write_text('{"source": "photos", "size": 8}')
    (tmp_path / 'dataset' / 'report.html').write_text('the page about the dataset')
    (tmp_path / 'dataset' / 'accepted.png').write_bytes(picture(3))
    make_run(tmp_path / 'run', values=[])
    (tmp_path / 'run' / 'network-final.pkl').write_bytes(b'')
    (tmp_path / 'file').write_bytes(b'text')
    (tmp_path / 'empty').mkdir()
    return tmp_path


def content(folder):
    return {
        os.path.join(parent, name): (os.stat(os.path.join(parent, name)).st_mtime_ns)
        for parent, folders, files in os.walk(str(folder))
        for name in folders + files
    }


def test_a_folder_is_known_by_its_files(places):
    kinds = {'dataset': DATASET, 'run': RUN, 'file': FILE, 'empty': EMPTY, 'photos': OTHER}
    assert {name: kind_of(name) for name in kinds} == kinds
    (places / 'photos' / 'options.json').write_text(json.dumps({'quality': 90}))
    assert kind_of('photos') == OTHER
    (places / 'empty' / 'network-snapshot-000010.pkl').write_bytes(b'')
    assert kind_of('empty') == RUN
    with pytest.raises(UserError, match='nowhere cannot be read'):
        kind_of('nowhere')


def test_a_hint_for_one_kind_comes_before_the_hint_for_all(places):
    check_kind('run', RUN, 'x')
    for name, sentence in (('dataset', 'dataset is a dataset: type b'), ('empty', 'empty is an empty folder: type a')):
        with pytest.raises(UserError) as caught:
            check_kind(name, RUN, 'type a', DATASET, 'type b')
        assert caught.value.message == f'{sentence}.'


A_RUN, A_DATASET, A_PICKLE = 'name the directory of a training run', 'name a dataset folder', 'name a network pickle'
KINDS = {'dataset': DATASET, 'run': RUN, 'file': FILE, 'empty': EMPTY}


@pytest.mark.parametrize(
    'main, words, hints',
    [
        (
            metrics.run_report.main,
            ['{}'],
            {'dataset': 'python -m prefilter.report dataset', 'file': A_RUN, 'empty': A_RUN},
        ),
        (
            prefilter.report.main,
            ['{}'],
            {
                'run': 'python -m metrics.run_report run',
                'file': 'name a folder that python -m prefilter made',
                'empty': 'name a folder that python -m prefilter made',
            },
        ),
        (dnnlib.verify.main, ['{}'], {'run': A_DATASET, 'file': A_DATASET, 'empty': A_DATASET}),
        (dnnlib.describe.main, ['{}'], {'dataset': A_PICKLE, 'run': A_PICKLE, 'empty': A_PICKLE}),
        (run_metrics.main, ['{}', '--device', 'cpu'], {'dataset': A_RUN, 'empty': A_RUN}),
        (generate_figures.main, ['{}', '--device', 'cpu'], {'dataset': A_RUN, 'empty': A_RUN}),
        (train.main, ['--dry-run', '--data', '{}'], {'run': A_DATASET, 'file': A_DATASET, 'empty': A_DATASET}),
        (
            train.main,
            ['--dry-run', '--resume', '{}'],
            {'dataset': 'give it with --data', 'empty': 'name the directory of a run, or a network pickle'},
        ),
        (
            train.main,
            ['--dry-run', '--data', 'dataset', '--results', '{}'],
            {'dataset': 'name the folder that takes the runs'},
        ),
        (
            generate_figures.main,
            ['run', '--figures', 'metrics', '--device', 'cpu', '--out', '{}'],
            {'dataset': 'name another folder for the figures'},
        ),
        (prefilter.__main__.main, ['{}', '--out', 'new'], {'run': 'name a folder or an archive of photographs'}),
        (
            prefilter.__main__.main,
            ['{}', '--out', 'new', '--format', 'tree', '--no-detect'],
            {'dataset': 'name the folder of photographs, or give --format tfrecords'},
        ),
        (
            prefilter.__main__.main,
            ['photos', '--out', '{}'],
            dict.fromkeys(('dataset', 'run', 'file', 'empty'), 'choose another name'),
        ),
        (
            prefilter.__main__.main,
            ['photos', '--force', '--out', '{}'],
            dict.fromkeys(('run', 'file', 'empty'), 'choose another name'),
        ),
    ],
)
def test_a_verb_says_which_kind_it_got_and_what_to_type(places, main, words, hints):
    before = content(places)
    for name, hint in hints.items():
        result = CliRunner(mix_stderr=False).invoke(main, [word.format(name) for word in words])
        assert result.exit_code in (1, 2), (name, result.stdout, result.exception)
        sentence = result.stderr.splitlines()[-1]
        assert f'{name} is {KINDS[name]}' in sentence or f'{name} exists already and is {KINDS[name]}' in sentence
        assert hint in sentence and content(places) == before


def test_a_pickle_in_a_dataset_is_of_no_run(places):
    (places / 'dataset' / 'network-best.pkl').write_bytes(b'networks')
    source = find_source(os.path.join('dataset', 'network-best.pkl'))
    assert not source.is_run and source.data is None
    with pytest.raises(UserError, match='dataset is a dataset: .*python -m prefilter.report dataset'):
        metrics.run_report.RunReport('dataset').write()
