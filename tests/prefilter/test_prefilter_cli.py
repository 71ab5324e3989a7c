import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from unittest import mock

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from shelves import Here, files_of

import dnnlib.faces.runtimes
import dnnlib.folders
import dnnlib.tflib.devices
import prefilter.__main__
from dnnlib.jobs.workers import Workers
from dnnlib.records.tfrecords import MultiResolutionDataset, shuffled_order
from prefilter.__main__ import main
from prefilter.sources.tars import StreamReader
from prefilter.spool import Spool

ROOT = str(pathlib.Path(__file__).parents[2])
pytestmark = pytest.mark.usefixtures('charts_drawn_once')


def manifest(out):
    return [json.loads(line) for line in (out / 'manifest.jsonl').read_text().splitlines()]


def test_photographs_become_a_dataset(run_in_processes, photographs, tmp_path):
    out = tmp_path / 'sets' / 'people'
    result = run_in_processes(photographs, '--out', out, '--size', 64, '--labels', 'identity')
    assert result.exit_code == 0, result.stderr
    assert '7 images: 3 accepted, 4 refused (2 no-face, 2 not-an-image); other files left out: 1; ' in result.stdout
    assert 'images/s' in result.stdout and 'Finding faces' in result.stderr
    lines = manifest(out)
    assert [(line['path'], line['reason']) for line in lines] == [
        ('coins.png', 'no-face'),
        ('eileen/1.png', None),
        ('eileen/2.jpg', None),
        ('empty.jpg', 'not-an-image'),
        ('man/1.png', None),
        ('rocket.jpg', 'no-face'),
        ('text.png', 'not-an-image'),
    ]
    assert lines[4]['crop'] == [173, 92, 278, 218] and lines[4]['faces'] == 1
    accepted = [line for line in lines if line['accepted']]
    assert [line['index'] for line in accepted] == np.argsort(shuffled_order(3)).tolist()
    with MultiResolutionDataset(out) as dataset:
        assert (dataset.name, dataset.shape, dataset.num_images) == ('people', [3, 64, 64], 3)
        for line in accepted:
            pixels = np.asarray(Image.open(str(photographs / line['path'])).convert('RGB'))
            left, top, right, bottom = line['crop']
            crop = Image.fromarray(pixels[top:bottom, left:right]).resize((64, 64), Image.BILINEAR)
            np.testing.assert_array_equal(dataset.read(line['index']), np.asarray(crop).transpose(2, 0, 1))
            assert dataset.labels[line['index']].tolist() == [line['path'][0] == 'e', line['path'][0] == 'm']
    assert Image.open(str(out / 'accepted.png')).size == (3 * 132 + 4, 136)
    assert Image.open(str(out / 'rejected.png')).size == (2 * 132 + 4, 136)


def test_force_replaces_and_only_force(run, photographs, tmp_path):
    out = tmp_path / 'set'
    assert run(photographs / 'man', '--out', out, '--size', 8).exit_code == 0
    before = manifest(out)
    result = run(photographs / 'eileen', '--out', out, '--size', 16)
    assert result.exit_code == 2 and f'--out {out} exists already' in result.stderr and '--force' in result.stderr
    assert manifest(out) == before
    assert run(photographs / 'eileen', '--out', out, '--size', 16, '--no-shuffle', '--force').exit_code == 0
    assert [line['path'] for line in manifest(out)] == ['1.png', '2.jpg']
    with MultiResolutionDataset(out) as dataset:
        assert (dataset.resolution, dataset.num_images) == (16, 2)


def test_the_dataset_may_lie_inside_the_source(run, photographs):
    out = photographs / 'set'
    for _ in range(2):
        assert '7 images: 3 accepted' in run(photographs, '--out', out, '--size', 8, '--force').stdout


def test_links_to_nothing_are_unreadable_images(run, photographs, tmp_path):
    (photographs / 'man' / 'gone.jpg').symlink_to('nowhere.jpg')
    (photographs / 'man' / 'self.jpg').symlink_to('self.jpg')
    (photographs / 'man' / 'lost').symlink_to('nowhere')
    result = run(photographs / 'man', '--out', tmp_path / 'x', '--size', 8)
    assert result.exit_code == 0, result.stderr
    assert '3 images: 1 accepted, 2 refused (2 unreadable); other files left out: 1; ' in result.stdout
    assert "'gone.jpg' is unreadable: No such file or directory" in result.stderr


@pytest.mark.slow
def test_a_compressed_archive_gives_what_its_folder_does(run_in_processes, photographs, tmp_path, monkeypatch):
    with tarfile.open(str(tmp_path / 'photos.tgz'), 'w:gz') as archive:
        for path in sorted(photographs.rglob('*.*')):
            archive.add(str(path), str(path.relative_to(photographs)))
    read, parked = [], []
    original, take = StreamReader.read, Spool.take
    monkeypatch.setattr(StreamReader, 'read', lambda self, entry: read.append(entry) or original(self, entry))
    monkeypatch.setattr(Spool, 'take', lambda self, shard: parked.append(shard) or take(self, shard))
    for source, name, workers in ((photographs, 'a', Here), (tmp_path / 'photos.tgz', 'b', Workers)):
        monkeypatch.setattr('prefilter.pipeline.Workers', workers)
        args = source, '--out', tmp_path / name / 'set', '--size', 8, '--labels', 'identity', '--workers', 2
        result = run_in_processes(*args)
        assert result.exit_code == 0, result.stderr
    assert len(parked) == 1 and len(read) == 7 and read == sorted(read)  # by this process alone, forward, once
    files = [{path.name: path.read_bytes() for path in (tmp_path / name / 'set').iterdir()} for name in 'ab']
    assert json.loads(files[1].pop('options.json').decode())['source'] == 'photos.tgz'  # and the report says so too
    assert all(files[0][name] == files[1][name] for name in {*files[0], *files[1]} - {'options.json', 'report.html'})


@pytest.fixture
def calls(monkeypatch):
    """What `make_dataset` is called with, instead of calling it."""
    made = []

    def make_dataset(source, options, workers, environments, cluster):
        made.append({**vars(options), 'workers': workers, 'environments': environments})
        return {'total': 1, 'accepted': 1, 'reasons': {}, 'duplicates': 0, 'examined': 1, 'seconds': 1}

    monkeypatch.setattr(prefilter.__main__, 'make_dataset', make_dataset)
    return made


def test_processes_are_one_a_core_or_one_a_gpu(run, photographs, calls, monkeypatch):
    monkeypatch.setattr(dnnlib.faces.runtimes, '_has_nvidia_driver', lambda: True)
    monkeypatch.setattr(dnnlib.tflib.devices, 'list_gpus', lambda: ['/gpu:0', '/gpu:1'])
    monkeypatch.setattr(os, 'sched_getaffinity', lambda process: {0, 1, 5})
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    for args in (['--device', 'cpu'], ['--device', 'cpu', '--workers', 7], ['--no-detect'], [], ['--gpus', 2]):
        assert run(photographs, '--out', 'x', *args).exit_code == 0
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '3,1')
    assert run(photographs, '--out', 'x', '--gpus', 2).exit_code == 0
    assert [(call['device'], call['workers']) for call in calls] == [
        ('cpu', 3),
        ('cpu', 7),
        (None, 3),
        ('gpu', 1),
        ('gpu', 2),
        ('gpu', 2),
    ]
    assert [call['environments'] for call in calls] == [
        None,
        None,
        None,
        *[[{'CUDA_VISIBLE_DEVICES': name} for name in names] for names in ('0', '01', '31')],
    ]
    for args, sentence in (
        (['--gpus', 3], '--gpus 3: this machine has 2 GPUs'),
        (['--workers', 2], '--workers is for CPUs'),
        (['--device', 'cpu', '--gpus', 1], '--gpus is for --device gpu'),
    ):
        result = run(photographs, '--out', 'x', *args)
        assert result.exit_code == 2 and sentence in result.stderr


@pytest.fixture(scope='module')
def example(tmp_path_factory):
    """The example of the help, run as printed: its words after `prefilter`, the process, and the dataset's folder."""
    help_text = CliRunner().invoke(main, ['--help']).output
    words = next(line for line in help_text.splitlines() if 'Example: ' in line).split('Example: ')[1].split()
    assert words[:3] == ['python', '-m', 'prefilter']
    folder = tmp_path_factory.mktemp('example')
    run = subprocess.run(
        [sys.executable, *words[1:]],
        cwd=str(folder),
        env={**os.environ, 'PYTHONPATH': ROOT},
        capture_output=True,
        text=True,
    )
    return words[3:], run, folder / 'datasets' / 'faces'


@pytest.mark.slow
def test_the_example_of_the_help_runs_as_printed(example):
    _, run, faces = example
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith('200 images: ')
    lines = [line for line in run.stderr.replace('\r', '\n').splitlines() if line]
    expected = 'Disk: ', 'Finding faces:', 'Writing records:'
    assert all(line.startswith(expected) for line in lines)  # and nothing else
    lines = manifest(faces)
    found = [line['accepted'] for line in lines if '/face_' in line['path']]
    assert sum(found) >= 90
    assert not any(line['accepted'] for line in lines if '/background_' in line['path'])
    with MultiResolutionDataset(faces) as dataset:
        assert (dataset.num_images, dataset.shape) == (sum(found), [3, 32, 32])


def test_whole_images_with_attributes_and_exports(run, tmp_path):
    folder = tmp_path / 'sets'
    folder.mkdir()
    pixels = np.random.RandomState(0).randint(0, 256, [3, 16, 16, 3]).astype(np.uint8)
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(str(folder / f'{number}.png'))
    (folder / 'list.csv').write_text('path,hat,wig\n0.png,1,0\n1.png,1,1\nmissing.png,0,0\n2.png,0,1\n')
    out = tmp_path / 'out'
    args = ['--out', out, '--size', 8, '--no-detect', '--labels', 'attributes', '--no-shuffle']
    result = run(folder / 'list.csv', *args, '--export', 'zip', '--export', 'png')
    assert result.exit_code == 0, result.stderr
    assert '4 images: 3 accepted, 1 refused (1 unreadable)' in result.stdout
    assert 'accepted.png, rejected.png, png, out.zip.' in result.stdout
    assert 'list.csv is read as --format csv: 4 images.' in result.stderr
    with MultiResolutionDataset(out) as dataset:
        assert dataset.labels[:].tolist() == [[1, 0], [1, 1], [0, 1]]
        mean = pixels[1].astype(np.float32).reshape(8, 2, 8, 2, 3).mean(axis=(1, 3))
        np.testing.assert_array_equal(dataset.read(1), np.rint(mean).astype(np.uint8).transpose(2, 0, 1))
    assert manifest(out)[1]['crop'] == [0, 0, 16, 16] and manifest(out)[1]['faces'] is None
    for name in ('png', 'out.zip'):  # and they are sources again
        again = run(out / name, '--out', tmp_path / f'again-{name}', '--size', 8, '--no-detect', '--no-shuffle')
        assert again.exit_code == 0, again.stderr
        with MultiResolutionDataset(out) as first, MultiResolutionDataset(tmp_path / f'again-{name}') as second:
            np.testing.assert_array_equal([first.read(n) for n in range(3)], [second.read(n) for n in range(3)])


def test_forms_by_identity_and_what_their_flags_do(run, tmp_path):
    pixels = np.random.RandomState(0).randint(0, 256, [12, 8, 8, 3]).astype(np.uint8)
    for number, image in enumerate(pixels):
        folder = tmp_path / 'people' / 'abcd'[number % 4]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(str(folder / f'{number}.png'))
    args = [tmp_path / 'people', '--out', tmp_path / 'out', '--size', 8, '--no-detect', '--labels', 'identity']
    flags = ['--export', 'recordio', '--export', 'folders', '--export', 'zips', '--export-size', 4, '--jpeg', 95]
    result = run(*args, *flags, '--pairs', 1)
    assert result.exit_code == 1 and not (tmp_path / '.out.unfinished').exists()
    assert 'Error: --pairs needs 20 identities, two for each of 10 folds, and the set has 4: leave' in result.stderr
    result = run(*args, *flags, '--test-share', 0.999)
    assert result.exit_code == 1
    assert 'Error: --test-share 0.999 leaves no identity for the part train, of 4: give a smaller' in result.stderr
    result = run(*args, *flags, '--test-share', 0.1)  # goes on from there
    assert result.exit_code == 0, result.stderr
    assert '0.00 GB for the exports' in result.stderr and 'Exporting zips: 100% 12/12' in result.stderr
    assert 'accepted.png, rejected.png, folders, recordio, out-zips, train.txt, test.txt.' in result.stdout
    options = json.loads((tmp_path / 'out' / 'options.json').read_text())
    assert [options[name] for name in ('jpeg', 'export-size', 'test-share')] == [95, 4, 0.1] and 'pairs' not in options
    page = (tmp_path / 'out' / 'report.html').read_text()
    assert 'the crops as record files' in page and 'names of the PNG files of the part test' in page
    # The first identity alone is for testing; records and pictures are made again from each form.
    parts = {part: tmp_path / 'out' / 'recordio' / part for part in ('train', 'test')}
    assert {path.name for path in (tmp_path / 'out' / 'folders' / 'test').iterdir()} == {'000000'}
    for part, count in (('train', 9), ('test', 3)):
        again = run(parts[part], '--out', tmp_path / part, '--size', 4, '--no-detect', '--labels', 'identity')
        assert f'{count} images: {count} accepted' in again.stdout, again.stderr
        with MultiResolutionDataset(tmp_path / part) as dataset:
            assert dataset.labels.shape == (count, count // 3)
    archive = tmp_path / 'out' / 'out-zips' / '00000.zip'
    again = run(archive, '--out', tmp_path / 'zips', '--size', 8, '--no-detect', '--no-shuffle')
    assert '12 images: 12 accepted' in again.stdout, again.stderr
    with MultiResolutionDataset(tmp_path / 'out') as first, MultiResolutionDataset(tmp_path / 'zips') as second:
        np.testing.assert_array_equal([first.read(n) for n in range(12)], [second.read(n) for n in range(12)])


@pytest.mark.slow
def test_the_references_loader_and_a_limit_of_pixels(run, bundled, tmp_path):
    folder = tmp_path / 'photos'
    folder.mkdir()
    stored = Image.open(str(bundled / 'astronaut.png')).transpose(Image.ROTATE_90)
    exif = Image.Exif()
    exif[274] = 6
    stored.save(str(folder / 'turned.jpg'), exif=exif)
    stored.convert('LA').save(str(folder / 'grey_alpha.png'))
    Image.new('RGB', (600, 512)).save(str(folder / 'large.png'))
    shutil.copy(str(bundled / 'camera.png'), str(folder))

    def reasons(*args):
        result = run(folder, '--out', tmp_path / 'x', '--size', 8, '--force', *args)
        assert result.exit_code == 0, result.stderr
        return {line['path']: line['reason'] for line in manifest(tmp_path / 'x')}

    # The astronaut, lying on her side, is no face to MTCNN.
    default = {'turned.jpg': None, 'grey_alpha.png': 'no-face', 'large.png': 'no-face', 'camera.png': None}
    assert reasons() == default
    reference = {**default, 'turned.jpg': 'no-face', 'grey_alpha.png': 'reference-fails'}
    assert reasons('--reference-loader') == reference
    assert reasons('--max-pixels', 512 * 512) == {**default, 'large.png': 'too-large'}
    assert reasons('--max-pixels', 512 * 512, '--reference-loader') == {**reference, 'large.png': 'too-large'}


def test_crops_that_are_searched_for_faces_are_pointed_out(run, bundled, tmp_path):
    folder = tmp_path / 'images1024x1024'
    folder.mkdir()
    shutil.copy(str(bundled / 'camera.png'), str(folder / '00000.png'))
    result = run(folder.parent, '--out', tmp_path / 'x', '--size', 8, '--format', 'ffhq')
    assert result.exit_code == 0 and 'crops of faces already: --no-detect would take them whole' in result.stderr


@pytest.fixture(scope='module')
def not_searched(example, tmp_path_factory):
    """The example without finding faces: its words after `prefilter`, and the dataset's folder."""
    words, faces = [*example[0], '--no-detect'], tmp_path_factory.mktemp('not_searched') / 'faces'
    with mock.patch('prefilter.__main__.exit_on_signals', lambda: None), mock.patch('prefilter.pipeline.Workers', Here):
        result = CliRunner().invoke(main, [word.replace('datasets/faces', str(faces)) for word in words])
    assert result.exit_code == 0, result.output
    return words, faces


@pytest.mark.slow
@pytest.mark.parametrize(
    'number',
    [
        pytest.param(signal.SIGINT, marks=pytest.mark.thorough),
        signal.SIGTERM,
        pytest.param(signal.SIGHUP, marks=pytest.mark.thorough),
        signal.SIGKILL,
    ],
)
def test_an_interrupted_run_says_how_to_go_on_and_does(run, example, not_searched, tmp_path, number):
    # Finding faces is what takes long, and one of the signals interrupts that.
    words, undisturbed = (example[0], example[2]) if number == signal.SIGINT else not_searched
    args = [word.replace('datasets/faces', str(tmp_path / 'faces')) for word in words]
    interrupted = subprocess.Popen(
        [sys.executable, '-m', 'prefilter', *args],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # A background job inherits an ignored SIGINT, one under nohup an ignored SIGHUP.
        preexec_fn=lambda: number == signal.SIGKILL or signal.signal(number, signal.SIG_DFL),
    )
    while not list(tmp_path.glob('.faces.unfinished/parts/*.shard')):
        assert interrupted.poll() is None
        time.sleep(0.005)  # the other shards take about a second
    os.killpg(interrupted.pid, number)  # as a terminal does
    rest = interrupted.stderr.read().decode()
    assert 'Traceback' not in rest
    if number == signal.SIGKILL:
        assert interrupted.wait() == -number
    else:
        assert interrupted.wait() == 128 + number
        assert (
            f'Stopped. The same command goes on from here; {tmp_path / ".faces.unfinished"} has what is done.' in rest
        )
    again = run(*args)
    assert again.exit_code == 0 and 'Going on with an unfinished run: ' in again.stderr
    assert os.listdir(str(tmp_path)) == ['faces']
    assert len(files_of(undisturbed)) == 10 and files_of(tmp_path / 'faces') == files_of(undisturbed)


def test_a_run_that_was_complete_when_it_was_killed_says_so(run, photographs, tmp_path, monkeypatch):
    args = [photographs / 'man', '--out', tmp_path / 'x', '--size', 8]
    with monkeypatch.context() as patch:
        patch.setattr(dnnlib.folders.Unfinished, 'leave', lambda self: None)
        assert run(*args).exit_code == 0
    result = run(*args)
    assert result.exit_code == 0 and '1 images: 1 accepted' in result.stdout
    assert 'examined by an earlier run' in result.stdout
    assert run(*args).exit_code == 2
