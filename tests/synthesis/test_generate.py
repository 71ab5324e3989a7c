"""Sets are made whole, in the same bytes, whatever was in between."""

import hashlib
import io
import json
import zipfile
from unittest import mock

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from sets import files_of, make, network, options, shared

from dnnlib.errors import UserError
from dnnlib.jobs import run as job_run
from dnnlib.jobs.shards import ShardFile
from dnnlib.records.tfrecords import MultiResolutionDataset
from synthesis import generate, volumes
from synthesis.prune_verb import prune
from synthesis.show import show_image

ALL = ('noise', 'fine', 'near', 'directions')


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A set of 250 images, with w."""
    folder = tmp_path_factory.mktemp('whole') / 'set'
    result = make(folder, identities=50, per_identity=5, vary=ALL, keep_w=True)
    assert result['images'] == result['made'] == 250 and result['refused'] == 0
    return folder


def lines_of(folder):
    return [json.loads(line) for line in (folder / 'manifest.jsonl').read_text().splitlines()]


def test_a_set_has_images_labels_and_a_line_for_each(whole):
    with zipfile.ZipFile(str(whole / '00000.zip')) as archive:
        labels = json.loads(archive.read('dataset.json'))['labels']
        lines = lines_of(whole)
        assert labels == [[line['path'], line['identity']] for line in lines]
        for place in (0, 7, 249):
            data = archive.read(lines[place]['path'])
            assert hashlib.sha256(data).hexdigest() == lines[place]['sha256']
            assert Image.open(io.BytesIO(data)).size == (8, 8)
    assert [(line['index'], line['identity'], line['variation']) for line in lines] == [
        (place, place // 5, place % 5) for place in range(250)
    ]
    assert len({line['sha256'] for line in lines}) == 250
    w = np.load(str(whole / 'w' / '00000.npy'))
    assert w.dtype == np.float32 and w.shape[0] == 250 and w.ndim == 3
    assert not np.array_equal(w[0], w[1]) and not np.array_equal(w[0], w[5])


def test_two_processes_make_the_same_bytes(whole, tmp_path):
    make(tmp_path / 'set', 2, identities=50, per_identity=5, vary=ALL, keep_w=True)
    assert files_of(tmp_path / 'set') == files_of(whole)


def test_images_do_not_depend_on_how_many_there_are(whole, tmp_path):
    make(tmp_path / 'set', identities=3, per_identity=5, vary=ALL)
    assert [line['sha256'] for line in lines_of(tmp_path / 'set')] == [line['sha256'] for line in lines_of(whole)[:15]]


def test_a_set_is_enlarged_and_its_first_images_are_not_made_again(whole, tmp_path, monkeypatch):
    make(tmp_path / 'set', identities=40, per_identity=5, vary=ALL, keep_w=True)
    result = make(tmp_path / 'set', identities=50, per_identity=5, vary=ALL, keep_w=True)
    assert result['made'] == 90  # two shards of 80 images were whole
    assert files_of(tmp_path / 'set') == files_of(whole)
    assert make(tmp_path / 'set', identities=50, per_identity=5, vary=ALL, keep_w=True)['made'] == 0


def test_a_set_of_several_volumes_is_enlarged(tmp_path, monkeypatch):
    for module in (volumes, generate, 'synthesis.whole', 'synthesis.images', 'dnnlib.exports.dataset_json'):
        monkeypatch.setattr(f'{getattr(module, "__name__", module)}.IMAGES_PER_ZIP', 160, raising=False)
    make(tmp_path / 'whole', identities=500)
    make(tmp_path / 'grown', identities=250)
    assert make(tmp_path / 'grown', identities=500)['made'] == 260  # a volume of 160, and a shard of 80
    assert files_of(tmp_path / 'grown').keys() == files_of(tmp_path / 'whole').keys()
    grown, expected = files_of(tmp_path / 'grown'), files_of(tmp_path / 'whole')
    assert len([name for name in grown if name.endswith('.zip')]) == 4
    assert all(grown[name] == expected[name] for name in grown if name.endswith(('.zip', '.jsonl')))


def test_a_stopped_run_goes_on(whole, tmp_path):
    done = job_run.JobProgress.on_done

    def stop(self, shard, named):
        done(self, shard, named)
        raise KeyboardInterrupt

    with mock.patch.object(job_run.JobProgress, 'on_done', stop), pytest.raises(KeyboardInterrupt):
        make(tmp_path / 'set', identities=50, per_identity=5, vary=ALL, keep_w=True)
    assert not (tmp_path / 'set').exists()
    assert make(tmp_path / 'set', identities=50, per_identity=5, vary=ALL, keep_w=True)['made'] < 250
    assert files_of(tmp_path / 'set') == files_of(whole)
    assert [path.name for path in tmp_path.iterdir()] == ['set']


def test_a_damaged_shard_is_made_again(whole, tmp_path):
    kept = {'identities': 50, 'per_identity': 5, 'vary': ALL, 'keep_w': True}
    with mock.patch.object(volumes, 'join', side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        make(tmp_path / 'set', **kept)
    shard = tmp_path / '.set.unfinished' / 'parts' / '0000001.shard'
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(UserError, match='0000001.shard was damaged .* makes its images again'):
        make(tmp_path / 'set', **kept)
    assert make(tmp_path / 'set', **kept)['made'] == 80
    assert files_of(tmp_path / 'set') == files_of(whole)


def test_other_options_are_refused_and_lose_nothing(whole, tmp_path):
    make(tmp_path / 'set', identities=3)
    before = files_of(tmp_path / 'set')
    for changes, sentence in (
        ({'seed': 1}, '--seed was 0 and is 1'),
        ({'identities': 2}, 'has 3 images, more than the 2 asked for'),
    ):
        with pytest.raises(UserError, match=sentence):
            make(tmp_path / 'set', **{'identities': 3, **changes})
    assert files_of(tmp_path / 'set') == before
    make(tmp_path / 'set', identities=3, seed=1, force=True)
    assert lines_of(tmp_path / 'set')[0]['sha256'] != json.loads(before['manifest.jsonl'].splitlines()[0])['sha256']


def test_what_is_no_set_is_never_replaced(tmp_path):
    (tmp_path / 'set').mkdir()
    (tmp_path / 'set' / 'thesis.txt').write_text('years of work')
    for force in (False, True):
        with pytest.raises(UserError, match='exists already|no synthetic one'):
            make(tmp_path / 'set', force=force)
    assert (tmp_path / 'set' / 'thesis.txt').read_text() == 'years of work'


def test_smaller_and_grey_images(tmp_path):
    make(tmp_path / 'set', identities=3, size=4, grey=True)
    with zipfile.ZipFile(str(tmp_path / 'set' / '00000.zip')) as archive:
        picture = Image.open(io.BytesIO(archive.read('00000/img00000002.png')))
        assert (picture.size, picture.mode) == ((4, 4), 'L')


def test_exports_of_a_set_can_be_made_later(tmp_path):
    make(tmp_path / 'set', identities=30, per_identity=2)
    images = (tmp_path / 'set' / '00000.zip').read_bytes()
    result = make(tmp_path / 'set', identities=30, per_identity=2, exports=('tfrecords', 'folders'))
    assert result['made'] == 0 and (tmp_path / 'set' / '00000.zip').read_bytes() == images
    with MultiResolutionDataset(str(tmp_path / 'set' / 'tfrecords')) as dataset:
        assert dataset.num_images == 60 and dataset.labels.shape == (60, 30)
        with zipfile.ZipFile(str(tmp_path / 'set' / '00000.zip')) as archive:
            picture = np.asarray(Image.open(io.BytesIO(archive.read('00000/img00000031.png'))))
        np.testing.assert_array_equal(dataset.read(31), picture.transpose(2, 0, 1))
    assert len(list((tmp_path / 'set' / 'folders').rglob('*.png'))) == 60
    make(tmp_path / 'set', identities=30, per_identity=2, test_share=0.1)  # of the images that are there
    names = [(tmp_path / 'set' / f'{part}.txt').read_text().splitlines() for part in ('train', 'test')]
    assert sorted(sum(names, [])) == [f'00000/img{place:08d}.png' for place in range(60)]


def test_a_network_of_other_content_is_another_plan(tmp_path):
    other = network()._replace(sha256='0' * 64)
    assert generate.plan_of(other, options(tmp_path)) != generate.plan_of(network(), options(tmp_path))


def test_show_makes_an_image_again(whole):
    with mock.patch('synthesis.show.Workers', shared):
        for index in (0, 7, 249):
            told, png, is_equal = show_image(str(whole), index)
            assert is_equal and Image.open(io.BytesIO(png)).size == (8, 8)
            assert f'Identity {index // 5}, image {index % 5} of it' in '\n'.join(told)
        with pytest.raises(UserError, match='has no image 250: give a number from 0 to 249'):
            show_image(str(whole), 250)


def test_an_image_of_a_pruned_set_is_made_again_too(whole, tmp_path):
    (tmp_path / 'asked.txt').write_text('0\n3\n')
    flags = ['--drop', str(tmp_path / 'asked.txt'), '--unique-far', '0', '--no-audit', '--out', str(tmp_path / 'out')]
    result = CliRunner().invoke(prune, [str(whole), *flags])
    assert result.exit_code == 0, result.output
    with mock.patch('synthesis.show.Workers', shared):
        told, _, is_equal = show_image(str(tmp_path / 'out'), 12)  # identities 1, 2 and 4 are the first three
    assert is_equal and 'Identity 4, image 2 of it' in '\n'.join(told)


def test_shard_files_hold_columns(tmp_path):
    with mock.patch.object(volumes, 'join', side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        make(tmp_path / 'set', identities=10, keep_w=True)
    with ShardFile(str(tmp_path / '.set.unfinished' / 'parts' / '0000000.shard')) as shard:
        assert shard.column('w').shape[0] == 10 and shard.image(3).startswith(b'\x89PNG')
