"""Files that people take for a network pickle: each is called by its name, with what to do."""

import bz2
import gzip
import io
import lzma
import pickle
import tarfile
import types
import zipfile

import numpy as np
import pytest

from dnnlib.errors import UserError
from dnnlib.network_file import read_network_file
from dnnlib.records.tfrecords import MultiResolutionWriter
from dnnlib.wrong_files import name_of_bytes, name_of_module
from tests.goldens.files import FOLDER
from tests.hostile_pickles import network, pickled, plain, text
from training.checkpoint import Checkpoints

OFFICIAL = FOLDER / 'official_tiny_16_nosrc.pkl'
WHOLE = OFFICIAL.read_bytes()
V1 = 'this program reads StyleGAN v1.'


def archived(**files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w') as archive:
        for name, content in files.items():
            archive.writestr(name.replace('__', '/').replace('_dot_', '.'), content)
    return stream.getvalue()


def tarred():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w') as archive:
        archive.add(str(OFFICIAL), 'n.pkl')
    return stream.getvalue()


def saved(save, *arrays):
    stream = io.BytesIO()
    save(stream, *arrays)
    return stream.getvalue()


def naming(module, name):
    return b'\x80\x02c%s\n%s\n)\x81.' % (module.encode(), name.encode())


def page(title, words=''):
    return f'<!DOCTYPE html><html><head><title>Google Drive - {title}</title></head><body>{words}</body>'.encode()


TOO_MANY = 'Too many users have viewed or downloaded this file recently.'
FILES = {
    'Drive, quota': (page('Quota exceeded', TOO_MANY), 'sent in place of the file, because too many people have downl'),
    'Drive, virus': (page('Virus scan warning'), 'a web page, which Google Drive sent in place of the file, to ask wh'),
    'Drive, sign in': (page('Sign-in'), 'a web page, which Google Drive sent in place of the file: download the file'),
    'page': (b'\n<html>nope</html>', 'a web page, as servers such as Google Drive send in place of a file: download'),
    'XML': (b'\xef\xbb\xbf<?xml version="1.0"?><Error>', 'a web page'),
    'LFS': (
        b'version https://git-lfs.github.com/spec/v1\noid sha256:f2\nsize 3\n',
        'a Git LFS pointer, .*git lfs pull',
    ),
    'torch': (archived(archive__data_dot_pkl=b'1', archive__version=b'3'), f'a PyTorch file: {V1}'),
    'old torch': (pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2), f'a PyTorch file: {V1}'),
    'zip': (archived(network_dot_pkl=WHOLE), 'a zip archive: unpack it, and name what is in it'),
    'half a zip': (archived(network_dot_pkl=WHOLE)[:5000], 'a zip archive: unpack it'),
    'gzip': (gzip.compress(WHOLE), 'compressed by gzip: decompress it with gunzip'),
    'bzip2': (bz2.compress(WHOLE), 'compressed by bzip2'),
    'xz': (lzma.compress(WHOLE), 'compressed by xz'),
    'tar': (tarred(), 'a tar archive: unpack it'),
    '7z': (b"7z\xbc\xaf'\x1c" + bytes(100), 'a 7z archive: unpack it'),
    'rar': (b'Rar!\x1a\x07\x01\0' + bytes(100), 'a RAR archive: unpack it'),
    'HDF5': (b'\x89HDF\r\n\x1a\n' + bytes(2000), f'an HDF5 file, as Keras writes: {V1}'),
    'ONNX': (b'\x08\x06\x12\x07pytorch\x1a\x03' + bytes(50), f'an ONNX file: {V1}'),
    'safetensors': (b'\x20' + bytes(7) + b'{"a":{"dtype":"F32"}}' + bytes(60), f'a safetensors file, .*: {V1}'),
    'npy': (saved(np.save, np.zeros([3, 4])), 'a NumPy array .*: name a network pickle'),
    'npz': (saved(np.savez, np.zeros(3)), 'an archive of NumPy arrays .*: name a network pickle'),
    'PNG': (b'\x89PNG\r\n\x1a\n' + bytes(100), 'a picture .PNG.: name a network pickle'),
    'JPEG': (b'\xff\xd8\xff\xe0' + bytes(100), 'a picture .JPEG.: name a network pickle'),
    'text': (b'hello world this is no pickle\n' * 10, 'text: download the file again, or name another one'),
    'JSON': (b'{"error": {"code": 403}}', 'text .JSON., perhaps the answer of a server'),
    'empty': (b'', 'empty: download the file again'),
    'half': (
        WHOLE[: len(WHOLE) // 2],
        'truncated or damaged, not a whole network pickle .*: download or copy it again',
    ),
    'without its end': (WHOLE[:-1], 'truncated or damaged, not a whole network pickle .*: download or copy it again'),
    'line ends': (WHOLE.replace(b'\n', b'\r\n'), 'because a program has changed its line ends: .*, in binary mode'),
    'line ends of protocol 0': (
        pickle.dumps(['text', np.zeros(3)], 0).replace(b'\n', b'\r\n'),
        'because a program has changed its line ends: .*, in binary mode',
    ),
    'saved as text': (WHOLE.decode('latin-1').encode('utf-8'), 'damaged, because a program saved it as text'),
    'damaged': (b'\x80\x04\xee' + WHOLE[3:], 'not a whole network pickle .*: download or copy it again, or name'),
    'StyleGAN2': (pickled(network(version=plain(4))), f'of StyleGAN2 .its state version is 4.: {V1}'),
    'StyleGAN3': (naming('torch_utils.persistence', '_reconstruct_persistent_obj'), f'StyleGAN3 .PyTorch.: {V1}'),
    'torch tensors': (naming('torch._utils', '_rebuild_tensor_v2'), f'a PyTorch file: {V1}'),
    'ProGAN in Theano': (
        naming('network', 'Network'),
        f'of the first ProGAN, in Theano: {V1}',
    ),
    'scikit-learn': (naming('sklearn.svm.classes', 'SVC'), 'a pickle of scikit-learn objects: name a network pickle'),
}


@pytest.mark.parametrize('kind', sorted(FILES))
def test_a_file_is_called_by_its_name_with_what_to_do(tmp_path, kind):
    content, sentence = FILES[kind]
    (tmp_path / 'a.pkl').write_bytes(content)
    with pytest.raises(UserError, match=f'^{tmp_path}/a.pkl: is .*{sentence}') as caught:
        read_network_file(str(tmp_path / 'a.pkl'))
    assert caught.value.message.endswith('.') and '\n' not in caught.value.message


def test_a_training_state_is_named_with_what_takes_it(tmp_path):
    Checkpoints(str(tmp_path)).save({'a': np.zeros(3)}, {'cur_nimg': 8})
    with pytest.raises(UserError, match='8.npz: is a training state: --resume takes its run directory; other commands'):
        read_network_file(str(tmp_path / 'training-state-000000008.npz'))


def test_records_are_no_network(tmp_path):
    with MultiResolutionWriter(str(tmp_path), 'set') as writer:
        writer.add(np.zeros([3, 4, 4], np.uint8))
    with pytest.raises(UserError, match='set-r02.tfrecords: is a TFRecord file, of a dataset: name a network pickle'):
        read_network_file(str(tmp_path / 'set-r02.tfrecords'))


@pytest.mark.parametrize(
    'content, what',
    [({'w': 1}, 'a dict'), ([1], 'a list'), (np.zeros(3), 'an array')],
)
def test_another_pickle_is_told_what_it_holds(tmp_path, content, what):
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps(content))
    with pytest.raises(UserError, match=f'holds something other than networks .{what}.: name a network pickle'):
        read_network_file(str(tmp_path / 'a.pkl'))


def test_networks_in_a_dict_are_told_the_form_that_is_expected(tmp_path):
    (tmp_path / 'a.pkl').write_bytes(pickled(b'}' + text('G') + network() + b's'))
    with pytest.raises(UserError, match='.a dict of networks, where a tuple .G, D, Gs. or one network is expected'):
        read_network_file(str(tmp_path / 'a.pkl'))


@pytest.mark.parametrize('module, program', [('stylegan.dnnlib.tflib.network', 'StyleGAN'), ('pggan.tfutil', 'ProGAN')])
def test_a_program_that_has_the_modules_in_a_folder_wrote_networks_too(tmp_path, module, program):
    (tmp_path / 'a.pkl').write_bytes(pickled(network()).replace(b'dnnlib.tflib.network', module.encode()))
    assert [each['program'] for each in read_network_file(str(tmp_path / 'a.pkl')).networks] == [program]


def test_networks_are_not_taken_for_anything_else():
    assert name_of_bytes(WHOLE) is None and name_of_module('numpy.core.multiarray') is None
    for protocol in range(5):
        content = pickle.dumps([types.SimpleNamespace(), 'text', 1.5], protocol)
        assert name_of_bytes(content) is None, protocol
