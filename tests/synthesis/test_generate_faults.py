"""Bad input, full disks and damaged sets: each is a sentence, and nothing is lost or half written."""

import errno
import json
import os
import pathlib
import zipfile
from unittest import mock

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from click.testing import CliRunner
from painted_sets import Easel, Here, command, make, sentence
from sets import NETWORK, files_of

from dnnlib import tflib
from dnnlib.errors import UserError
from synthesis import generate, generator, tasks, volumes
from synthesis.generate_verb import generate as verb
from synthesis.job import MakeImages
from synthesis.show import show_image
from synthesis.show_verb import show as show_verb
from synthesis.source import find_network
from synthesis.variations import inputs_of
from tests.toy_run import SMALL, SMALL_G

RUN = os.path.dirname(NETWORK)
pytestmark = pytest.mark.usefixtures('in_this_process')


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp('finished') / 'set'
    with mock.patch.object(generate, 'Workers', Here), mock.patch.object(MakeImages, 'prepare', lambda self: Easel()):
        make(folder, keep_w=True)
    return files_of(folder)


# ----------------------------------------------------------------------------------------------------------------------
# What is no generator, or none that fits.


@pytest.mark.parametrize('dry', [False, True])
@pytest.mark.parametrize(
    'name, status, message',
    [
        (os.path.join(RUN, 'training-state-000000064.npz'), 1, 'is a training state'),
        (os.path.join(RUN, '..', 'data'), 1, 'is a dataset: name the directory of a training run, or a network pickle'),
        ('results/99999-none', 2, 'there is no such file or folder'),
    ],
)
def test_what_is_no_network_is_refused_before_anything_is_made(tmp_path, name, status, message, dry):
    assert message in sentence(command(name, '--out', tmp_path / 'set', *['--dry-run'] * dry), status)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope='module')
def networks(tmp_path_factory):
    """Pickles by name, of networks of 8x8."""
    folder = tmp_path_factory.mktemp('networks')
    paths = {name: str(folder / f'{name}.pkl') for name in ('classes', 'plain', 'critic', 'nan')}
    with tf.Graph().as_default(), tf.Session():
        module, arguments = 'training.networks_stylegan.', {**SMALL, **SMALL_G}
        tflib.save_networks(paths['classes'], tflib.Network('Gs', module + 'G_style', label_size=3, **arguments))
        G, Gs = (tflib.Network(name, module + 'G_style', **arguments) for name in ('G', 'Gs'))
        critic = tflib.Network('D', module + 'D_basic', **SMALL)
        tflib.save_networks(paths['critic'], critic)
        tflib.save_networks(paths['plain'], (G, critic, Gs))
        latents = np.random.RandomState(0).randn(1, *Gs.input_shape[1:])
        name = max(Gs.components.mapping.trainables)
        value = Gs.components.mapping.get_var(name)
        Gs.components.mapping.set_var(name, np.full_like(value, np.nan))
        assert not np.isfinite(Gs.run(latents, None)).all()
        tflib.save_networks(paths['nan'], Gs)
    return paths


@pytest.mark.parametrize(
    'name, args, status, message',
    [
        ('critic', [], 1, 'is no generator (its network is made by D_basic)'),
        ('nan', [], 1, 'values that are not numbers (NaN or infinite) for 16 of 16 images: choose an earlier snapshot'),
        ('nan', ['--dry-run'], 1, 'values that are not numbers'),
        ('plain', ['--classes', 'balanced'], 2, '--classes is for networks with labels, and this one has none'),
        ('classes', ['--classes', '1,3'], 2, 'there is no class 3; this network has classes 0 to 2'),
        ('classes', ['--classes', '1,3', '--dry-run'], 2, 'there is no class 3'),
        ('plain', ['--size', '16'], 2, '--size 16'),
        ('plain', ['--psi', 'nan'], 2, '--psi nan: give a number from -10 to 10'),
        ('plain', ['--psi', '11', '--dry-run'], 2, '--psi 11'),
    ],
)
@pytest.mark.slow
def test_a_network_that_does_not_fit_is_refused_before_the_set_is_begun(
    networks, tmp_path, name, args, status, message
):
    result = CliRunner().invoke(verb, [networks[name], '--out', str(tmp_path / 'set'), '--device', 'cpu', *args])
    assert message in sentence(result, status)
    assert not list(tmp_path.iterdir())


def test_a_network_that_gives_no_numbers_for_some_images_is_refused_and_what_is_made_stays(networks, tmp_path):
    def some_are_none(draws, recipe, latent_size):
        found = inputs_of(draws, recipe, latent_size)
        for place, draw in enumerate(draws):
            if draw.identity == 90:
                found.latents[place] = np.nan
        return found

    source = find_network(networks['plain'])
    with mock.patch.object(generator, 'inputs_of', some_are_none), pytest.raises(
        UserError, match='not numbers .NaN or infinite. for 1 of 16 images: choose an earlier snapshot'
    ):
        make(tmp_path / 'set', source)
    assert [path.name for path in (tmp_path / '.set.unfinished' / 'parts').iterdir()] == ['0000000.shard']
    assert not (tmp_path / 'set').exists()


def test_a_conditional_network_makes_its_classes_in_turns(networks, tmp_path):
    result = command(networks['classes'], '--out', tmp_path / 'set', '--identities', 30, '--per-identity', 2)
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in (tmp_path / 'set' / 'manifest.jsonl').read_text().splitlines()]
    classes = [line['class'] for line in lines]
    assert classes[::2] == classes[1::2] and np.bincount(classes).tolist() == [20, 20, 20]


def test_a_network_that_is_replaced_after_the_start_is_refused(networks, tmp_path):
    pickle = tmp_path / 'network-best.pkl'
    pickle.write_bytes(pathlib.Path(networks['plain']).read_bytes())
    source = find_network(str(pickle))
    pickle.write_bytes(pathlib.Path(networks['classes']).read_bytes())
    with pytest.raises(UserError, match='network-best.pkl has changed since this command began .* that stays'):
        make(tmp_path / 'set', source)
    assert [path.name for path in tmp_path.iterdir()] == ['network-best.pkl']


# ----------------------------------------------------------------------------------------------------------------------
# Disks.


@pytest.mark.parametrize(
    'module, name',
    [(tasks, 'write_shard'), (volumes, 'write_zip'), (generate, 'place_volumes'), (generate, 'write_report')],
)
def test_a_full_disk_is_a_sentence_and_the_same_command_goes_on(painted, finished, tmp_path, module, name):
    function, calls = getattr(module, name), []

    def fill(*args):
        calls.append(args)
        if len(calls) == (2 if name == 'write_shard' else 1):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return function(*args)

    with mock.patch.object(module, name, fill), pytest.raises(UserError, match='No space left on device.: free space'):
        make(tmp_path / 'set', keep_w=True)
    assert not (tmp_path / 'set').exists()
    left = sorted(path.name for path in (tmp_path / '.set.unfinished' / 'parts').iterdir())
    assert left[0] in ('0000000.shard', '00000.jsonl') and not any(name.endswith('.part') for name in left)
    make(tmp_path / 'set', keep_w=True)
    assert files_of(tmp_path / 'set') == finished


@pytest.mark.parametrize('dry', [False, True])
def test_a_folder_that_cannot_be_written_is_a_sentence(painted, tmp_path, dry):
    (tmp_path / 'file').write_text('mine')
    said = sentence(command(NETWORK, '--out', tmp_path / 'file' / 'set', *['--dry-run'] * dry))
    assert 'cannot be' in said and str(tmp_path / 'file') in said
    with mock.patch('os.access', lambda path, mode: path != str(tmp_path)):
        said = command(NETWORK, '--out', tmp_path / 'set', '--dry-run')
    assert f'nothing can be written in {tmp_path}: choose another folder' in sentence(said)
    assert [path.name for path in tmp_path.iterdir()] == ['file']


# ----------------------------------------------------------------------------------------------------------------------
# Sets that are there.


@pytest.fixture
def copied(finished, tmp_path):
    for name, data in finished.items():
        (tmp_path / 'set' / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'set' / name).write_bytes(data)
    return tmp_path / 'set'


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def other_record(path):
    record = json.loads(path.read_text())
    record['synthetic']['images'] = '200'
    path.write_text(json.dumps(record))


def without_a_line(path):
    path.write_text(''.join(path.read_text().splitlines(True)[:-1]))


def other_line(path):
    lines = path.read_text().splitlines(True)
    path.write_text(''.join([*lines[:7], *lines[8:], lines[7]]))


def broken_line(path):
    lines = path.read_bytes().splitlines(True)
    path.write_bytes(b''.join([*lines[:7], lines[7].replace(b'identity', b'\xff'), *lines[8:]]))


def longer(path):
    path.write_text(path.read_text() + path.read_text().splitlines(True)[-1])


def without_an_image(path):
    with zipfile.ZipFile(str(path)) as archive:
        kept = [(info, archive.read(info)) for info in archive.infolist() if 'img00000007' not in info.filename]
    with zipfile.ZipFile(str(path), 'w') as archive:
        for info, data in kept:
            archive.writestr(info, data)


def other_pixels(path):
    data = bytearray(path.read_bytes())
    data[data.index(b'IDAT') + 10] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    'name, damage, message',
    [
        ('options.json', half, 'options.json is damaged'),
        ('options.json', other_record, "options.json is damaged (its images is '200')"),
        ('manifest.jsonl', os.remove, 'manifest.jsonl is missing'),
        ('manifest.jsonl', half, 'manifest.jsonl is damaged (line '),
        ('manifest.jsonl', without_a_line, 'manifest.jsonl is damaged (it has 199 lines, not 200)'),
        ('manifest.jsonl', longer, 'manifest.jsonl is damaged (it has more lines, not 200)'),
        ('manifest.jsonl', other_line, 'manifest.jsonl is damaged (line 8 is not the line of image 7)'),
        ('manifest.jsonl', broken_line, 'manifest.jsonl is damaged (line 8 is not the line of image 7)'),
        ('00000.zip', os.remove, '00000.zip is missing'),
        ('00000.zip', half, '00000.zip is damaged (File is not a zip file)'),
        ('00000.zip', without_an_image, '00000.zip is damaged (image 7 is missing)'),
        ('00000.zip', other_pixels, '00000.zip is damaged at 00000/img00000000.png (Bad CRC-32'),
        ('w/00000.npy', os.remove, '00000.npy is missing'),
        ('w/00000.npy', half, '00000.npy is damaged'),
    ],
)
def test_a_damaged_set_is_not_enlarged(painted, copied, name, damage, message):
    damage(copied / name)
    before = files_of(copied)
    with pytest.raises(UserError) as raised:
        make(copied, identities=300, keep_w=True)
    assert message in raised.value.message
    assert files_of(copied) == before
    assert name == '00000.zip' or not (copied.parent / '.set.unfinished').exists()


@pytest.mark.parametrize(
    'name, damage, message',
    [
        ('options.json', half, 'options.json is damaged'),
        ('options.json', os.remove, 'is no synthetic dataset'),
        ('manifest.jsonl', os.remove, 'manifest.jsonl cannot be read'),
        ('manifest.jsonl', half, 'manifest.jsonl is damaged (line 200 is not the line of image 199)'),
        ('manifest.jsonl', without_a_line, 'manifest.jsonl is damaged (line 200 is not the line of image 199)'),
        ('00000.zip', os.remove, '00000.zip cannot be read'),
        ('00000.zip', half, '00000.zip is damaged (File is not a zip file)'),
    ],
)
def test_an_image_of_a_damaged_set_is_not_shown(copied, name, damage, message):
    damage(copied / name)
    with pytest.raises(UserError) as raised:
        show_image(str(copied), 199)
    assert message in raised.value.message


def test_an_image_that_cannot_be_written_is_a_sentence(copied):
    out = copied / 'options.json' / 'image.png'
    with mock.patch('synthesis.show_verb.show_image', return_value=([], b'PNG', True)):
        result = CliRunner().invoke(show_verb, [str(copied), '0', '--out', str(out)])
    assert 'cannot be written (Not a directory): check the path, or give another --out' in sentence(result)
    with pytest.raises(UserError, match='has no image 1000000000000000000000: give a number from 0 to 199'):
        show_image(str(copied), 10**21)


def test_a_dry_run_refuses_what_the_run_would(painted, copied):
    args = NETWORK, '--out', copied, '--minibatch', 16, '--keep-w', '--dry-run'
    assert 'leave out --dry-run to begin' in sentence(command(*args, '--identities', 300), 0)
    assert 'has 200 images, more than the 100' in sentence(command(*args, '--identities', 100))
    assert '--seed was 0 and is 1' in sentence(command(*args, '--identities', 300, '--seed', 1))
