"""Sets without what should not be given away: which images stay, in which bytes, and what is said about the others."""

import json
import re
import zipfile
from unittest import mock

import numpy as np
import pytest
from click.testing import CliRunner
from made_up_sets import is_whole, lines_of, make_up, noise_images, pngs_of
from sets import files_of

from dnnlib.errors import UserError
from dnnlib.records.datasets import open_dataset
from synthesis import generate
from synthesis.options import GenerateOptions
from synthesis.prune import copying
from synthesis.prune_verb import prune

SCORES = [0.99, 0.98, 0.5, 0.97, 0.2, 0.3, 0.96, 0.95, 0.999, 0.94, 0.93, 0.92]  # of 4 identities with 3 images


@pytest.fixture(scope='module')
def made_up(tmp_path_factory):
    return make_up(tmp_path_factory.mktemp('made-up') / 'set', noise_images(12), 3, SCORES, keep_w=True)


def run(source, out, *flags):
    return CliRunner().invoke(
        prune, [str(source), '--out', str(out), '--unique-far', '0', '--no-audit', *map(str, flags)]
    )


def pruned(source, out, *flags):
    result = run(source, out, *flags)
    assert result.exit_code == 0, result.output
    return out


def listed(folder, text):
    path = folder / 'asked.txt'
    path.write_text(text)
    return path


def test_images_stay_as_they_are_and_the_manifest_says_what_became_of_all(made_up, tmp_path):
    out = pruned(made_up, tmp_path / 'out', '--drop', listed(tmp_path, '0\n'), '--min-score', 0.9)
    kept, removed = lines_of(out / 'manifest.jsonl'), lines_of(out / 'removed.jsonl')
    assert [line['source_index'] for line in kept] == [3, 6, 7, 8, 9, 10, 11]
    assert [(line['identity'], line['label'], line['variation']) for line in kept] == [
        *[(1, 0, 0), (2, 1, 0), (2, 1, 1), (2, 1, 2)],
        *[(3, 2, 0), (3, 2, 1), (3, 2, 2)],
    ]
    assert [(line['source_index'], line['reason']) for line in removed] == [
        *[(0, 'asked'), (1, 'asked'), (2, 'asked')],
        *[(4, 'low-score'), (5, 'low-score')],
    ]
    before, after = pngs_of(made_up), pngs_of(out)
    source = lines_of(made_up / 'manifest.jsonl')
    assert len(after) == 7
    for line in kept:
        original = source[line['source_index']]
        assert after[line['path']] == before[original['path']]
        assert {name: line[name] for name in original if name not in ('index', 'path')} == {
            name: value for name, value in original.items() if name not in ('index', 'path')
        }
    assert np.load(str(out / 'w' / '00000.npy'))[:, 0, 0].tolist() == [line['source_index'] for line in kept]
    assert is_whole(out)


def test_train_reads_the_set_and_its_labels_have_no_gaps(made_up, tmp_path):
    out = pruned(made_up, tmp_path / 'out', '--drop', listed(tmp_path, '1\n'))
    with open_dataset(str(out)) as dataset:
        assert dataset.num_images == 9 and dataset.labels.classes().tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
        assert np.array_equal(dataset.read(3), noise_images(12)[6])


def test_a_pruned_set_is_pruned_again(made_up, tmp_path):
    first = pruned(made_up, tmp_path / 'first', '--drop', listed(tmp_path, '0\n'))
    path = lines_of(first / 'manifest.jsonl')[3]['path']  # an image of identity 2
    second = pruned(first, tmp_path / 'second', '--drop', listed(tmp_path, f'{path}  # by letter\n\n'))
    assert [line['identity'] for line in lines_of(second / 'manifest.jsonl')] == [1, 1, 1, 3, 3, 3]
    both = pruned(made_up, tmp_path / 'both', '--drop', listed(tmp_path, '2\n0\n'))
    assert pngs_of(both) == pngs_of(second)


def test_the_same_command_makes_the_same_bytes(made_up, tmp_path):
    names = [pruned(made_up, tmp_path / where / 'out', '--min-score', 0.9) for where in 'ab']
    assert files_of(names[0]) == files_of(names[1])


def test_all_exports_name_the_identities_as_before(made_up, tmp_path):
    forms = ('zip', 'png', 'zips', 'tfrecords', 'folders', 'lfw', 'recordio', 'webdataset')
    flags = [flag for form in forms for flag in ('--export', form) if form != 'zips']
    out = pruned(made_up, tmp_path / 'out', '--drop', listed(tmp_path, '1\n'), '--test-share', 0.2, *flags)
    people = {path.name for part in ('train', 'test') for path in (out / 'folders' / part).iterdir()}
    assert people == {'000000', '000002', '000003'}
    assert 'zips' in run(made_up, tmp_path / 'other', '--export', 'zips').output
    assert is_whole(out) and not (tmp_path / 'other').exists()


def test_several_volumes_and_a_kill_in_between(tmp_path, monkeypatch):
    for module in ('synthesis.prune.copying', 'synthesis.volumes', 'synthesis.whole', 'synthesis.images'):
        monkeypatch.setattr(f'{module}.IMAGES_PER_ZIP', 4)
    for module in ('made_up_sets', 'dnnlib.exports.dataset_json'):
        monkeypatch.setattr(f'{module}.IMAGES_PER_ZIP', 4)
    source = make_up(tmp_path / 'set', noise_images(20), keep_w=True)
    asked = listed(tmp_path, '3\n4\n11\n')
    whole, write = pruned(source, tmp_path / 'whole', '--drop', asked), copying._write_volume

    def stop(parts, volume, rows, reader):
        if volume == 2:
            raise KeyboardInterrupt
        write(parts, volume, rows, reader)

    with mock.patch.object(copying, '_write_volume', stop):
        result = run(source, tmp_path / 'again', '--drop', asked)
    assert result.exit_code == 130 and 'The same command goes on' in result.output
    assert not (tmp_path / 'again').exists()
    written = []

    def note(parts, volume, rows, reader):
        written.append(volume)
        write(parts, volume, rows, reader)

    with mock.patch.object(copying, '_write_volume', note):
        again = pruned(source, tmp_path / 'again', '--drop', asked)
    assert written == [2, 3, 4]
    found, expected = files_of(again), files_of(whole)
    assert found.keys() == expected.keys()
    assert all(found[name] == expected[name] for name in found if name.endswith(('.zip', '.jsonl', '.npy')))
    assert [line['source_index'] for line in lines_of(again / 'manifest.jsonl')] == [
        *[0, 1, 2, 5, 6, 7, 8, 9, 10],
        *range(12, 20),
    ]


def test_what_it_says(made_up, tmp_path):
    out = pruned(made_up, tmp_path / 'out', '--drop', listed(tmp_path, '0\n'), '--min-score', 0.9, '--licence', 'MIT')
    card, page = (out / 'README.md').read_text(), (out / 'report.html').read_text()
    assert 'without what was taken out (3 asked, 2 low-score)' in card and 'license: "mit"' in card
    assert 'What was taken out' in page and 'low-score' in page and '1 to 3' in page
    assert 'Whether some resemble people of its training set is not known.' in page  # that was not looked for
    assert 'enlarges it' not in page and 'enlarges it' not in card
    record = json.loads((out / 'options.json').read_text())['synthetic']
    assert record['images'] == 7 and record['pruned']['identities'] == 3
    assert record['pruned']['images taken out'] == {'asked': 3, 'low-score': 2}
    assert record['pruned']['identities taken out'] == {'asked': 1}


def test_a_dry_run_makes_nothing(made_up, tmp_path):
    result = run(made_up, tmp_path / 'out', '--min-score', 0.9, '--dry-run')
    assert result.exit_code == 0 and '9 images would stay' in result.output and not list(tmp_path.iterdir())


def test_a_pruned_set_is_not_enlarged(made_up, tmp_path):
    out = pruned(made_up, tmp_path / 'out', '--drop', listed(tmp_path, '3\n'))
    options = GenerateOptions(network='results/00000-made-up', out=str(out), identities=9, per_identity=3, device='cpu')
    with pytest.raises(UserError, match='cannot grow: enlarge the set that it was taken from'):
        generate.set_before(options, {})


@pytest.mark.parametrize(
    'flags, text, sentence',
    [
        (['--drop', 'LIST'], '7\n', "line 1: '7' names nobody"),
        (['--drop', 'LIST'], '1\n00000/img00000099.png\n', "line 2: '00000/img00000099.png' names nobody"),
        (['--drop', 'LIST'], '\u00b2\n', 'line 1: .* names nobody'),
        (['--drop', 'LIST'], '# nobody\n', 'names nobody: write the number'),
        (['--drop', 'LIST'], '0\n1\n2\n3\n', 'No image would be left \\(12 asked\\)'),
        (['--min-score', '1'], '', 'No image would be left'),
        (['--leak-far', '0.001'], '', '--leak-far is about the people of the training set'),
        (['--drop', 'nowhere.txt'], '', 'nowhere.txt'),
    ],
)
def test_bad_input_is_a_sentence_and_makes_nothing(made_up, tmp_path, flags, text, sentence):
    path = listed(tmp_path, text)
    result = run(made_up, tmp_path / 'out', *[str(path) if flag == 'LIST' else flag for flag in flags])
    assert result.exit_code in (1, 2) and 'Traceback' not in result.output
    assert re.search(sentence, result.output), result.output
    assert [path.name for path in tmp_path.iterdir()] == ['asked.txt']


def test_scores_that_the_manifest_lacks_are_measured(tmp_path, monkeypatch):
    source = make_up(tmp_path / 'set', noise_images(3))
    np.save(str(tmp_path / 'score.npy'), np.float32([0.9, 0, 0.99]))
    monkeypatch.setattr('synthesis.prune.run.measured', lambda path, looks, *rest: (str(tmp_path), path))
    out = pruned(source, tmp_path / 'out', '--min-score', 0.5)
    assert [line['source_index'] for line in lines_of(out / 'manifest.jsonl')] == [0, 2]


def test_sets_that_do_not_do(made_up, tmp_path):
    unscored = make_up(tmp_path / 'set', noise_images(3))
    (tmp_path / 'thesis').mkdir()
    assert 'is no synthetic dataset' in run(tmp_path / 'thesis', tmp_path / 'out').output
    for out, sentence in (
        (tmp_path / 'thesis', 'exists already'),
        (unscored, 'lie in each other'),
        (unscored / 'inside', 'lie in each other'),
    ):
        result = run(unscored, out)
        assert result.exit_code == 1 and sentence in result.output, result.output
    result = run(unscored, tmp_path / 'thesis', '--force')
    assert 'no synthetic one, so --force does not replace it' in result.output
    before = files_of(made_up)
    assert run(unscored, tmp_path / 'out', '--drop', listed(tmp_path, '0\n')).exit_code == 0
    result = run(made_up, tmp_path / 'out', '--force')
    assert result.exit_code == 0 and len(pngs_of(tmp_path / 'out')) == 12 and files_of(made_up) == before
    (tmp_path / 'out' / 'notes.txt').write_text('mine')
    assert 'has notes.txt, which is not of the set' in run(made_up, tmp_path / 'out', '--force').output


def test_a_set_that_was_changed_after_its_manifest_is_refused(tmp_path):
    source = make_up(tmp_path / 'set', noise_images(4))
    path = source / '00000.zip'
    pngs = pngs_of(source)
    with zipfile.ZipFile(str(path), 'w') as archive:
        names = sorted(pngs)
        for name, data in zip(names, [pngs[names[1]], *[pngs[name] for name in names[1:]]]):
            archive.writestr(name, data)
    result = run(source, tmp_path / 'out')
    assert result.exit_code == 1 and 'it is not the image in manifest.jsonl' in result.output
    assert [path.name for path in tmp_path.iterdir()] == ['set']
