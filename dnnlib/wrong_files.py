"""Names the files that people take for a network pickle, a dataset or its labels, and says what to do with them."""

import io
import re
import zipfile
from typing import Optional

from dnnlib.checksum import begins_record
from dnnlib.run_dir import BEST_PICKLE

ONLY_V1 = 'this program reads StyleGAN v1'
NAME_A_PICKLE = 'name a network pickle'
_UNPACK = 'unpack it, and name what is in it'
_AGAIN = 'download the file again'
HEAD_BYTES = 1 << 12  # enough for `name_of_bytes`, but for the kinds of zip files

# What a file begins with -> what it is, and what to do.
_BEGINNINGS = (
    (b'version https://git-lfs', 'a Git LFS pointer, which stands for a file: get the file by git lfs pull'),
    (b'\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.', f'a PyTorch file: {ONLY_V1}'),
    (b'\x1f\x8b', 'compressed by gzip: decompress it with gunzip'),
    (b'BZh', 'compressed by bzip2: decompress it with bunzip2'),
    (b'\xfd7zXZ\0', 'compressed by xz: decompress it with unxz'),
    (b'\x28\xb5\x2f\xfd', 'compressed by zstd: decompress it with unzstd'),
    (b'Rar!', f'a RAR archive: {_UNPACK}'),
    (b"7z\xbc\xaf'\x1c", f'a 7z archive: {_UNPACK}'),
    (b'\x89HDF\r\n\x1a\n', f'an HDF5 file, as Keras writes: {ONLY_V1}'),
    (b'\x93NUMPY', 'a NumPy array (.npy)'),
    (b'\x89PNG\r\n', 'a picture (PNG)'),
    (b'\xff\xd8\xff', 'a picture (JPEG)'),
    (b'GIF8', 'a picture (GIF)'),
    (b'%PDF-', 'a PDF document'),
    (b'\xef\xbf\xbd', f'damaged, because a program saved it as text: {_AGAIN}, in binary mode'),
    (b'\xc2\x80', f'damaged, because a program saved it as text: {_AGAIN}, in binary mode'),
)
_PAGE = re.compile(rb'(\xef\xbb\xbf)?\s*<(!doctype|html|head|body|\?xml|!--)', re.IGNORECASE)
_PICKLE_AS_TEXT = re.compile(rb'\np\d+\r?\n')  # of protocol 0
_TEXT = re.compile(rb'[\t\n\x0c\r\x20-\x7e\x80-\xff]+')


def name_of_bytes(data: bytes, otherwise: str = NAME_A_PICKLE) -> Optional[str]:
    """What a file is, by its content, and what to do with it.

    Args:
        data: Content of the file, or at least its first `HEAD_BYTES`.
        otherwise: What to do with a file that only another file can replace.

    Returns:
        The end of a sentence after 'is ', without a full stop; None if the content is none of the known ones.
    """
    return _with_hint(_name_of(data), otherwise)


def name_of_no_text(data: bytes, otherwise: str) -> Optional[str]:
    """As `name_of_bytes`, for a file that should be text: None for any text but a web page or a Git LFS pointer."""
    what = _name_of(data) if data else None
    return None if what is None or what.startswith('text') else _with_hint(what, otherwise)


def _with_hint(what, otherwise):
    return what if what is None or ': ' in what else f'{what}: {otherwise}'


def _name_of(data):
    head = bytes(data[:HEAD_BYTES])
    if not head:
        return f'empty: {_AGAIN}'
    if _PAGE.match(head):
        return _name_of_page(head)
    found = next((what for beginning, what in _BEGINNINGS if head.startswith(beginning)), None)
    if found is not None:
        return found
    if head.startswith(b'PK\x03\x04'):
        return _name_of_zip(data)
    if head[257:262] == b'ustar':
        return f'a tar archive: {_UNPACK}'
    if begins_record(head):
        return 'a TFRecord file, of a dataset'
    if head[:1] == b'\x08' and any(maker in head[:100] for maker in (b'pytorch', b'tf2onnx', b'onnx')):
        return f'an ONNX file: {ONLY_V1}'
    if head[8:10] == b'{"' and int.from_bytes(head[:8], 'little') < 1 << 27:
        return f'a safetensors file, as PyTorch programs write: {ONLY_V1}'
    if head[0] != 0x80 and _TEXT.fullmatch(head) and not _PICKLE_AS_TEXT.search(head):
        return _name_of_text(head)
    return None


def _name_of_page(head):
    text = head.lower()
    if b'google drive' in text or b'drive.google' in text:
        why = ''
        if b'quota' in text or b'too many users' in text:
            why = ', because too many people have downloaded it'
        elif b'virus' in text:
            why = ', to ask whether you want a file that it cannot scan for viruses'
        return f'a web page, which Google Drive sent in place of the file{why}: {_AGAIN}, or with a browser'
    return f'a web page, as servers such as Google Drive send in place of a file: {_AGAIN}, or with a browser'


def _name_of_zip(data):
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        names = []
    if any(name.endswith('/data.pkl') for name in names):
        return f'a PyTorch file: {ONLY_V1}'
    if 'counters_json.npy' in names:
        return (
            'a training state: --resume takes its run directory; other commands take a network pickle of it, such as '
            f'{BEST_PICKLE}'
        )
    if 'xl/workbook.xml' in names:
        return 'a workbook of Excel: save it as CSV'
    if names and all(name.endswith('.npy') for name in names):
        return 'an archive of NumPy arrays (.npz)'
    return f'a zip archive: {_UNPACK}'


def _name_of_text(head):
    if head.lstrip()[:1] in (b'{', b'['):
        return f'text (JSON), perhaps the answer of a server in place of a file: {_AGAIN}, or name another one'
    return f'text: {_AGAIN}, or name another one'


def has_changed_line_ends(data: bytes) -> bool:
    """Whether a program seems to have put a carriage return before every line feed of a binary file."""
    feeds = data.count(b'\n')
    return feeds > 9 and data.count(b'\r\n') == feeds


# Modules that pickles of other programs name -> what the pickle is of, and what to do.
_MODULES = (
    ('torch_utils.', f'of StyleGAN2-ADA or StyleGAN3 (PyTorch): {ONLY_V1}'),
    ('torch.', f'a PyTorch file: {ONLY_V1}'),
    ('torch', f'a PyTorch file: {ONLY_V1}'),
    ('network', f'of the first ProGAN, in Theano: {ONLY_V1}, and ProGAN in TensorFlow'),
    ('tensorflow.', 'a pickle of TensorFlow objects'),
    ('keras.', 'a pickle of Keras objects'),
    ('sklearn.', 'a pickle of scikit-learn objects'),
    ('pandas.', 'a pickle of pandas tables'),
)


def name_of_module(module: str) -> Optional[str]:
    """What a pickle is that names a module, and what to do with it; as from `name_of_bytes`, None if not known."""
    found = next(
        (what for name, what in _MODULES if module == name or (name.endswith('.') and module.startswith(name))), None
    )
    return _with_hint(found, NAME_A_PICKLE)
