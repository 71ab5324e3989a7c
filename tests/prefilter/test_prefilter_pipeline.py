import errno
import json
import shutil
from collections import Counter
from unittest import mock

import numpy as np
import pytest
from oracles import Oracle
from shelves import PATHS, files_of, run, shelf

from dnnlib.errors import UserError
from dnnlib.jobs import run as job_run
from dnnlib.records.tfrecords import MultiResolutionDataset, shuffled_order
from prefilter import merge, pipeline
from prefilter.merge import MANIFEST_FIELDS, find_copies

MANY = [f'{number:03d}.png' for number in range(200)]  # three shards and a part of one


pytestmark = pytest.mark.usefixtures('charts_drawn_once')


def lines(folder):
    return [json.loads(line) for line in (folder / 'manifest.jsonl').read_text().splitlines()]


def test_records_stand_in_the_original_tools_order(tmp_path):
    result = run(shelf(PATHS), tmp_path / 'set')
    assert (result['total'], result['accepted'], result['reasons']) == (30, 15, {'no-face': 15})
    with MultiResolutionDataset(tmp_path / 'set') as dataset:
        reds = [dataset.read(index)[0, 0, 0] for index in range(15)]
        assert (dataset.name, dataset.shape, dataset.labels) == ('set', [3, 8, 8], None)
    assert reds == (2 * shuffled_order(15)).tolist()
    names = sorted(path.name for path in (tmp_path / 'set').iterdir())
    assert names == [
        'accepted.png',
        'distributions.png',
        'manifest.jsonl',
        'options.json',
        'rejected.png',
        'report.html',
        'set-r02.tfrecords',
        'set-r03.tfrecords',
    ]
    assert [path.name for path in tmp_path.iterdir()] == ['set']


def test_records_stand_sorted_without_shuffle(tmp_path):
    run(shelf(PATHS), tmp_path / 'set', no_shuffle=True)
    with MultiResolutionDataset(tmp_path / 'set') as dataset:
        assert [dataset.read(index)[0, 0, 0] for index in range(15)] == list(range(0, 30, 2))


def test_manifest_has_a_line_an_image_and_knows_its_record(tmp_path):
    source = shelf(PATHS, refused=['b/04.png'])
    run(source, tmp_path / 'set', margin=11)
    manifest = lines(tmp_path / 'set')
    assert [line['path'] for line in manifest] == list(source.paths)
    assert all(list(line) == MANIFEST_FIELDS for line in manifest)
    accepted = [line for line in manifest if line['accepted']]
    assert sorted(line['index'] for line in accepted) == list(range(14))
    with MultiResolutionDataset(tmp_path / 'set') as dataset:
        for line in accepted:
            assert dataset.read(line['index'])[0, 0, 0] == PATHS.index(line['path'])
            assert (line['box'], line['crop']) == ([20, 10, 40.5, 30.5], [14, 4, 46, 36])
            assert (line['width'], line['height'], line['faces'], line['score']) == (60, 40, 1, 0.9)
            assert line['reason'] is None and len(line['sha256']) == 64
    no_face = manifest[1]
    assert (no_face['reason'], no_face['faces'], no_face['box'], no_face['index']) == ('no-face', 0, None, None)
    broken = next(line for line in manifest if line['path'] == 'b/04.png')
    assert (broken['reason'], broken['faces'], broken['width']) == ('not-an-image', None, None)
    assert len(broken['sha256']) == 64


def test_identity_labels_follow_their_records(tmp_path):
    loose = ['loose.png', 'loose2.png']
    run(shelf([*PATHS, *loose]), tmp_path / 'set', labels='identity')
    with MultiResolutionDataset(tmp_path / 'set') as dataset:
        for line in lines(tmp_path / 'set'):
            if line['accepted']:
                folder = line['path'][0] if '/' in line['path'] else ''
                assert dataset.labels[line['index']].tolist() == [float(folder == name) for name in ('', *'abc')]


def test_class_numbers_follow_their_records(tmp_path, monkeypatch):
    monkeypatch.setattr('dnnlib.records.label_file.LARGEST_LABELS', 0)
    result = run(shelf(PATHS), tmp_path / 'set', labels='identity')
    with MultiResolutionDataset(tmp_path / 'set') as dataset:
        assert dataset.labels.shape == (result['accepted'], 3)
        for line in lines(tmp_path / 'set'):
            if line['accepted']:
                assert dataset.labels.numbers[line['index']] == 'abc'.index(line['path'][0])


def test_images_of_small_identities_are_refused_and_a_finished_examination_is_used_again(tmp_path, monkeypatch):
    source, stop = shelf(PATHS), UserError('no room')
    with monkeypatch.context() as patch, pytest.raises(UserError, match='no room'):
        patch.setattr(pipeline, 'merge_records', mock.Mock(side_effect=stop))
        run(source, tmp_path / 'set')
    before = Counter(path[0] for number, path in enumerate(PATHS) if number % 2 == 0)
    (name, most), *_ = sorted(before.items(), key=lambda item: (-item[1], item[0]))
    with pytest.raises(
        UserError, match='--min-images 99: no identity has so many accepted images .15 few-images, 15 no-face'
    ):
        run(source, tmp_path / 'set', min_images=99)
    result = run(source, tmp_path / 'set', labels='identity', max_identities=1)
    assert (result['examined'], result['accepted']) == (0, most)
    assert result['reasons'] == {'no-face': 15, 'few-images': 15 - most}
    with MultiResolutionDataset(tmp_path / 'set') as dataset:
        assert dataset.num_images == most and dataset.labels.shape == (most, 1)
        for line in lines(tmp_path / 'set'):
            assert line['accepted'] == (line['index'] is not None) == (line['reason'] is None)
            if line['accepted']:
                assert line['path'][0] == name and dataset.read(line['index'])[0, 0, 0] == PATHS.index(line['path'])
    options = json.loads((tmp_path / 'set' / 'options.json').read_text())
    assert options['max-identities'] == 1 and 'min-images' not in options
    assert 'few-images' in (tmp_path / 'set' / 'report.html').read_text(encoding='utf-8')


def test_folders_of_one_name_are_not_one_identity(tmp_path):
    # As in the YouTube Faces database, where the videos of every person are numbered from 0.
    source = shelf([f'{person}/{video}/{frame}.png' for person in 'ab' for video in '01' for frame in range(2)])
    run(source, tmp_path / 'set', labels='identity')
    with MultiResolutionDataset(tmp_path / 'set') as dataset:
        assert dataset.labels.shape == (4, 4) and dataset.labels[:].sum(axis=0).tolist() == [1, 1, 1, 1]


def test_an_image_that_exhausts_memory_is_refused(tmp_path, capsys):
    result = run(shelf(PATHS), tmp_path / 'set', Oracle(exhausting=4))
    assert result['reasons'] == {'no-face': 15, 'too-large': 1} and result['accepted'] == 14
    line = lines(tmp_path / 'set')[4]
    assert (line['accepted'], line['reason'], line['faces'], line['width']) == (False, 'too-large', None, 60)
    assert f'{PATHS[4]!r} is too-large: Unable to allocate 101. MiB' in capsys.readouterr().err


def test_only_the_first_unreadable_files_are_named_on_screen(tmp_path, capsys):
    run(shelf(MANY, refused=MANY[1:130]), tmp_path / 'set')
    errors = capsys.readouterr().err
    assert errors.count('is not-an-image: ') == 10 and "'001.png' is not-an-image: no JPEG" in errors
    assert errors.count('further ones') == 1


def test_no_face_at_all_is_a_sentence_and_leaves_nothing(tmp_path):
    with pytest.raises(UserError) as error:
        run(shelf(PATHS), tmp_path / 'new' / 'set', Oracle([[]]))
    assert 'None of the 30 images in SOURCE has a usable face (30 no-face)' in error.value.message
    assert list(tmp_path.iterdir()) == []


# ----------------------------------------------------------------------------------------------------------------------
# Several processes, and one that dies.


def test_any_number_of_processes_gives_the_same_bytes(tmp_path):
    # A source that can only be read forward says so loudly when it is read backwards.
    for name, workers, forward_only in (('one', 1, False), ('three', 3, False), ('forward', 3, True)):
        source = shelf(MANY, refused=MANY[50:60], same=range(70, 90), forward_only=forward_only)
        run(source, tmp_path / name / 'set', workers=workers, labels='identity')
    assert files_of(tmp_path / 'one') == files_of(tmp_path / 'three') == files_of(tmp_path / 'forward')


@pytest.mark.parametrize('drop_duplicates', [False, True])
def test_what_is_read_forward_is_read_once_and_gives_the_same_pictures_and_page(tmp_path, drop_duplicates):
    refused, same = MANY[50:130], range(131, 199, 2)
    for forward_only in (False, True):
        source = shelf(MANY, refused, same, forward_only)
        run(source, tmp_path / str(forward_only) / 'set', size=128, drop_duplicates=drop_duplicates)
    assert files_of(tmp_path / 'True') == files_of(tmp_path / 'False')


@pytest.mark.slow
def test_a_process_that_dies_once_changes_nothing(tmp_path):
    run(shelf(MANY), tmp_path / '1' / 'set')
    run(shelf(MANY), tmp_path / '2' / 'set', Oracle(once=str(tmp_path / 'killed')), workers=2)
    assert (tmp_path / 'killed').exists()
    assert files_of(tmp_path / '1') == files_of(tmp_path / '2')


@pytest.mark.slow
def test_images_that_processes_die_of_are_refused(tmp_path, capsys):
    result = run(shelf(PATHS), tmp_path / 'set', Oracle(deadly=[6, 14]))
    assert result['reasons'] == {'no-face': 15, 'crash': 2} and result['accepted'] == 13
    assert [line['path'] for line in lines(tmp_path / 'set') if line['reason'] == 'crash'] == [PATHS[6], PATHS[14]]
    assert f'{PATHS[6]!r} is crash: every process that examines it dies' in capsys.readouterr().err


# ----------------------------------------------------------------------------------------------------------------------
# Going on.


@pytest.fixture(scope='module')
def sets(tmp_path_factory):
    """A folder with two datasets named `set`: in `before` one of 8x8 pixels, in `whole` one of 16x16."""
    folder = tmp_path_factory.mktemp('sets')
    for name, size in (('before', 8), ('whole', 16)):
        run(shelf(PATHS), folder / name / 'set', size=size)
    return folder


@pytest.mark.parametrize('failure', [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize('place', ['Survey', 'merge_records', 'merge_manifest', '_save_gallery', 'write_report'])
@pytest.mark.parametrize('existing', [False, True])
def test_a_run_that_ended_midway_goes_on(tmp_path, sets, capsys, failure, place, existing):
    target = tmp_path / 'sets' / 'set'
    if existing:
        shutil.copytree(str(sets / 'before'), str(target.parent))
        before = files_of(target)
    with mock.patch.object(pipeline, place, side_effect=failure('midway')), pytest.raises(failure):
        run(shelf(PATHS), target, size=16, force=existing)
    assert files_of(target) == before if existing else not target.exists()
    result = run(shelf(PATHS), target, Oracle(idle=True), size=16, force=existing)
    assert result['examined'] == 0 and 'Going on with an unfinished run: 30 of 30 images' in capsys.readouterr().err
    assert files_of(target) == files_of(sets / 'whole' / 'set')
    assert [path.name for path in target.parent.iterdir()] == ['set']


def stop_after(shards):
    """Has the examination end with a Ctrl-C after some shards."""
    done = job_run.JobProgress.on_done
    calls = []

    def on_done(self, task, named):
        done(self, task, named)
        calls.append(task)
        if len(calls) == shards:
            raise KeyboardInterrupt

    return mock.patch.object(job_run.JobProgress, 'on_done', on_done)


def test_finished_shards_are_kept_and_no_others(tmp_path, capsys):
    with stop_after(2), pytest.raises(KeyboardInterrupt):
        run(shelf(MANY), tmp_path / 'sets' / 'set')
    assert [path.name for path in (tmp_path / 'sets').iterdir()] == ['.set.unfinished']
    result = run(shelf(MANY), tmp_path / 'sets' / 'set', workers=3, no_shuffle=True)  # how it ends may change
    assert result['examined'] == 200 - 128
    assert 'Going on with an unfinished run: 128 of 200 images' in capsys.readouterr().err
    run(shelf(MANY), tmp_path / 'whole' / 'set', no_shuffle=True)
    assert files_of(tmp_path / 'sets') == files_of(tmp_path / 'whole')


def test_other_options_or_images_are_refused_and_nothing_is_lost(tmp_path):
    with stop_after(2), pytest.raises(KeyboardInterrupt):
        run(shelf(MANY), tmp_path / 'set')
    before = files_of(tmp_path)
    with pytest.raises(UserError, match='--size was 8 and is 16.: give the same ones .* or --restart to begin anew'):
        run(shelf(MANY), tmp_path / 'set', size=16)
    with pytest.raises(UserError, match='the list of its images has changed'):
        run(shelf(MANY[:-1]), tmp_path / 'set')
    assert files_of(tmp_path) == before
    assert run(shelf(MANY), tmp_path / 'set', size=16, restart=True)['examined'] == 200


def test_a_damaged_shard_is_made_again(tmp_path):
    with mock.patch.object(pipeline, 'Survey', side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        run(shelf(MANY), tmp_path / 'set')
    shard = tmp_path / '.set.unfinished' / 'parts' / '0000001.shard'
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(UserError, match='was damaged .* the same command examines its images again'):
        run(shelf(MANY), tmp_path / 'set')
    assert run(shelf(MANY), tmp_path / 'set')['examined'] == 64


def test_a_shard_of_another_version_with_other_reasons_is_made_again(tmp_path):
    with mock.patch.object(pipeline, 'Survey', side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        run(shelf(MANY), tmp_path / 'set')
    shard = tmp_path / '.set.unfinished' / 'parts' / '0000001.shard'
    shard.write_bytes(shard.read_bytes().replace(b'"no-face"', b'"no-nose"'))
    with pytest.raises(UserError, match="knows no reason 'no-nose' .* the same command examines its images again"):
        run(shelf(MANY), tmp_path / 'set')
    assert run(shelf(MANY), tmp_path / 'set')['examined'] == 64


def test_too_little_room_is_a_sentence(tmp_path):
    with mock.patch.object(shutil, 'disk_usage', lambda path: mock.Mock(free=1000)), pytest.raises(
        UserError, match='GB for crops .* 0.00 GB free. Make room in .*, or choose an --out on a larger disk'
    ):
        run(shelf(PATHS), tmp_path / 'set')
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_what_is_done(tmp_path):
    full = OSError(errno.ENOSPC, 'No space left on device')
    with mock.patch.object(merge, 'allocate_records', side_effect=full), pytest.raises(
        UserError, match='No space left on device'
    ):
        run(shelf(PATHS), tmp_path / 'set')
    assert run(shelf(PATHS), tmp_path / 'set')['examined'] == 0


# ----------------------------------------------------------------------------------------------------------------------
# Duplicates.


@pytest.mark.parametrize('workers', [1, 3])
def test_duplicates_are_named_and_dropped_on_demand(tmp_path, workers):
    copies = [5, 70, 199]  # of image 0, in other shards too
    source = shelf(MANY, refused=MANY[150:151], same=copies)
    kept = run(source, tmp_path / 'kept', workers=workers)
    dropped = run(source, tmp_path / 'dropped', workers=workers, drop_duplicates=True, labels='identity')
    assert kept['duplicates'] == dropped['duplicates'] == 3
    assert kept['accepted'] == 101 and dropped['accepted'] == 98  # 5 and 199 were odd
    for name, reason in (('kept', None), ('dropped', 'duplicate')):
        manifest = lines(tmp_path / name)
        assert [place for place, line in enumerate(manifest) if line['duplicate_of']] == copies
        assert all(manifest[place]['duplicate_of'] == MANY[0] for place in copies)
        assert all(manifest[place]['reason'] == reason for place in copies)
        assert manifest[0]['accepted'] and manifest[0]['duplicate_of'] is None
        with MultiResolutionDataset(tmp_path / name) as dataset:
            for line in manifest:
                if line['accepted']:
                    place = MANY.index(line['path'])
                    red = 0 if place in copies else place
                    assert dataset.read(line['index'])[0, 0, 0] == red
    assert sum(line['index'] is None for line in lines(tmp_path / 'dropped')) == 102


def test_the_first_of_several_copies_counts_and_unknown_bytes_are_no_copies():
    digests = np.array([[0, 0], [7, 1], [7, 2], [7, 1], [0, 0], [7, 2], [7, 1]], np.uint64)
    copies, originals = find_copies(digests)
    assert copies.tolist() == [3, 5, 6] and originals.tolist() == [1, 2, 1]
    assert find_copies(digests[:0])[0].tolist() == []
