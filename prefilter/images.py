"""Decodes the bytes of an image to pixels, or says why it has none.

By default the pixels are those that a viewer shows: the image is turned as its EXIF says, CMYK becomes RGB, transparent
parts become white, 16 bits are cut to the high 8, and colour profiles are turned to sRGB. The reference filter was
cruder: `decode_as_reference` gives its pixels.
"""

import functools
import io
import re
import warnings

import numpy as np
from PIL import Image, UnidentifiedImageError

from dnnlib.wrong_files import has_changed_line_ends
from prefilter.formats import bmp, jpeg, png, tiff, webp
from prefilter.formats.notes import without_damaged_notes
from prefilter.formats.profiles import to_srgb
from prefilter.reasons import Refusal

# The formats that are decoded, told by content. Strangers' files could attack every further decoder.
FORMATS = ('JPEG', 'PNG', 'WEBP', 'BMP', 'GIF', 'TIFF', 'PPM')
IMAGE_EXTENSIONS = frozenset(
    ['.bmp', '.gif', '.jfif', '.jpe', '.jpeg', '.jpg', '.pbm', '.pgm', '.png', '.pnm', '.ppm', '.tif', '.tiff', '.webp']
)
NPY_MAGIC = b'\x93NUMPY'  # begins a NumPy array file, in which some sources keep pixels

MAX_PIXELS = 120_000_000  # of one image: 108-megapixel photographs pass, and take the detector 0.5 GB
REFERENCE_MAX_PIXELS = 178_956_970  # above this PIL, and so the reference, takes an image for a bomb

SIGNATURES = {  # of each format: whether a file begins with it
    'JPEG': lambda data: data.startswith(jpeg.SIGNATURE),
    'PNG': lambda data: data.startswith(png.SIGNATURE),
    'WEBP': webp.is_webp,
    'BMP': bmp.is_bmp,
    'GIF': lambda data: data.startswith((b'GIF87a', b'GIF89a')),
    'TIFF': lambda data: data.startswith(tiff.SIGNATURES),
    'PPM': lambda data: data[:1] == b'P' and data[1:2] in b'123456' and data[2:3] in b' \t\r\n#',
}
OTHERS = {  # what often has the name of an image and is none that is decoded
    'AVIF': lambda data: data[4:12] in (b'ftypavif', b'ftypavis'),
    'HEIC, as phones write it': lambda data: data[4:10] in (b'ftyphe', b'ftypmi', b'ftypms'),
    'JPEG 2000': lambda data: data.startswith((b'\0\0\0\x0cjP', b'\xff\x4f\xff\x51')),
    'JPEG XL': lambda data: data.startswith((b'\xff\x0a', b'\0\0\0\x0cJXL')),
    'a web page': lambda data: data.lstrip()[:5].lower() in (b'<html', b'<!doc'),
    'a pointer of Git LFS': lambda data: data.startswith(b'version https://git-lfs'),
    'a PNG whose line ends a program has changed': lambda data: data.startswith((b'\x89PNG\r\r\n', b'\x89PNG\n')),
}
COMPRESSED = ('JPEG', 'WEBP', 'GIF')  # formats whose decoders make other pixels of changed bytes, without a word
CHECKS = {'PNG': png.check, 'WEBP': webp.check}  # of what Pillow does not notice
SIXTEEN_BITS_AS_I = ('PNG', 'PPM')  # PIL calls their 16-bit grey I, 32-bit integers, which these formats do not have
UNKNOWN_RANGE = ('I', 'F', 'LAB')  # modes of PIL
WITH_ALPHA = ('LA', 'La', 'PA', 'RGBA', 'RGBa')
BITS_PER_SAMPLE, PHOTOMETRIC, ORIENTATION = 258, 262, 274  # tags of TIFF and EXIF
WHITE_IS_ZERO = 0  # value of PHOTOMETRIC
UPRIGHT = {  # value of ORIENTATION -> what turns the stored pixels upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

Image.MAX_IMAGE_PIXELS = None  # PIL's own limit; `_open` checks every header against the caller's


def read_bytes(source, place):
    """The bytes of one image of a source, by its place in `source.paths`. Raises `Refusal`."""
    try:
        return source.read(place)
    except OSError as error:
        raise Refusal.of_disk(error) from error


def decode(data, max_pixels=MAX_PIXELS):
    """Decodes an image as a viewer would show it; from an animation or a TIFF of several pages, the first image.

    Args:
        data: The file's bytes: one of `FORMATS`, or a NumPy array file (.npy) of uint8 pixels, [H, W], [H, W, 3],
            [3, H, W] or [1, 3, H, W].
        max_pixels: Width x height above which it is refused by its header, before anything is decoded.

    Returns:
        uint8 [H, W, 3], RGB, dynamic range [0, 255]; grey becomes three equal channels.

    Raises:
        Refusal: With a reason from `prefilter.reasons`; never another exception for damaged bytes.
    """
    if data.startswith(NPY_MAGIC):
        return _decode_npy(data, max_pixels)
    return _decode(data, functools.partial(_shown, max_pixels=max_pixels))


def decode_as_reference(data, max_pixels=REFERENCE_MAX_PIXELS):
    """Decodes an image into the very pixels that the reference filter (scipy.misc.imread, facenet) worked on.

    EXIF is ignored, 16-bit grey is cut to its low byte, the first three inks of CMYK pass for RGB, alpha is dropped.

    Args:
        data: The file's bytes, one of `FORMATS`.
        max_pixels: Width x height above which it is refused; the default is where the reference gives up.

    Returns:
        uint8 [H, W, 3], as the reference has it.

    Raises:
        Refusal: Also if the reference skips the file; 'reference-fails' if the file stops its whole run.
    """
    return _decode(data, functools.partial(_as_reference, max_pixels=max_pixels))


def _decode(data, read):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # PIL's remarks about odd files that it nevertheless reads
            pixels = read(data)
    except Refusal:
        raise
    except MemoryError as error:
        raise Refusal.of_memory(error) from error
    except Exception as error:  # on damaged files PIL's decoders raise nearly any type, and none may end the run
        raise _refusal(data, error) from error
    if pixels.size == 0:
        raise Refusal('unreadable', 'it has no pixels')
    return pixels


def _refusal(data, error):
    file_format = format_of(data)
    if file_format is None:
        other = next((f', but {name}' for name, begins in OTHERS.items() if begins(data)), '')
        return Refusal('not-an-image', f'no {", ".join(FORMATS)} file{other}' if data else 'the file is empty')
    unsupported = {'JPEG': jpeg.what_is_unsupported, 'TIFF': tiff.what_is_unsupported}
    what = unsupported.get(file_format, lambda data: None)(data)
    if what is not None:
        return Refusal('unsupported', f'{what}: save it as 8-bit RGB')
    is_header = isinstance(error, UnidentifiedImageError)
    detail = f'it begins as {file_format}, but its header is damaged' if is_header else str(error)
    code = re.fullmatch(r'(?:decoder error )?(-?\d+)', detail)  # of libtiff; later versions of PIL call it an error
    if _is_cut(data, file_format):
        of_header = is_header or code  # numbers say nothing
        return Refusal('truncated', 'it ends within its header' if of_header else detail or type(error).__name__)
    if code:
        detail = f'its decoder fails (code {code.group(1)})'
    return Refusal('truncated' if 'truncated' in detail.lower() else 'unreadable', detail or type(error).__name__)


def format_of(data):
    """The one of `FORMATS` whose signature stands at the beginning, or None."""
    return next((name for name, begins in SIGNATURES.items() if begins(data)), None)


def _open(data, max_pixels):
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    _check_size(*image.size, max_pixels)
    return image


def _check_size(width, height, max_pixels):
    if width * height > max_pixels:
        raise Refusal(
            'too-large', f'{width}x{height} are {width * height:,} pixels, more than --max-pixels {max_pixels}'
        )


def _is_cut(data, file_format):
    """Whether a file that could not be decoded ends too early; its format tells how it ends, or how long it is."""
    if file_format == 'JPEG':
        return b'\xff\xd9' not in data[-1024:]  # some cameras write a little after the end of the image
    if file_format == 'PNG':
        return b'IEND' not in data[-1024:]
    if file_format == 'GIF':
        return not data.rstrip(b'\0').endswith(b';')
    if file_format == 'WEBP':
        return webp.is_cut(data)
    if file_format == 'BMP':
        return len(data) < int.from_bytes(data[2:6], 'little')
    return file_format == 'TIFF' and tiff.is_cut(data)


# ----------------------------------------------------------------------------------------------------------------------
# As a viewer shows it.


def _shown(data, max_pixels):
    if format_of(data) in COMPRESSED and has_changed_line_ends(data):
        raise Refusal('unreadable', 'a program has changed its line ends: copy it again, in binary mode')
    if bmp.is_bmp(data):
        return _shown_bmp(data, max_pixels)
    try:
        return _shown_by_pillow(data, max_pixels)
    except (Refusal, MemoryError):
        raise
    except Exception:
        salvaged = without_damaged_notes(data, lambda file: _can_open(file, max_pixels))
        if salvaged is None:
            raise
        return _shown_by_pillow(salvaged.data, max_pixels, salvaged.profile)


def _can_open(data, max_pixels):
    try:
        _open(data, max_pixels).close()
    except (Refusal, MemoryError):
        raise
    except Exception:
        return False
    return True


def _shown_bmp(data, max_pixels):
    header = bmp.read_header(data)
    _check_size(header.width, header.height, max_pixels)
    image = bmp.decode(data, header)
    if isinstance(image, bytes):
        return _shown_by_pillow(image, max_pixels)
    return np.asarray(_opaque(image))


def _shown_by_pillow(data, max_pixels, profile=None):
    with _open(data, max_pixels) as image:
        if image.format in ('JPEG', 'MPO'):
            jpeg.load(image, data)
        else:
            image.load()
            CHECKS.get(image.format, lambda data: None)(data)
        return _converted(image, profile)


def _converted(image, profile):
    if profile:
        image.info['icc_profile'] = profile
    if image.mode.startswith('I;16') or (image.mode == 'I' and image.format in SIXTEEN_BITS_AS_I):
        grey = Image.fromarray(_eight_bits(image))  # PIL's conversion would make all values above 255 white
        grey.info = image.info
        return np.asarray(_upright(image, _opaque(grey)))
    if image.mode in UNKNOWN_RANGE:
        raise Refusal('unsupported', f'nothing says which of its values is white ({image.mode}): save it as RGB')
    return np.asarray(_upright(image, _opaque(image)))


def _eight_bits(image):
    tags = getattr(image, 'tag_v2', {})
    bits = tags.get(BITS_PER_SAMPLE, (16,))[0]
    grey = (np.asarray(image) >> (bits - 8)).clip(0, 255).astype(np.uint8)
    return 255 - grey if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO else grey


def _opaque(image):
    """RGB, white where the image is transparent, because hidden pixels may be anything."""
    profile = image.info.get('icc_profile')
    if 'transparency' not in image.info and image.mode not in WITH_ALPHA:
        return _in_srgb(image, profile)
    layer = image.convert('RGBA')
    alpha = layer.getchannel('A')
    colours = _in_srgb(layer if image.mode not in ('L', 'LA', 'La', '1') else layer.getchannel('R'), profile)
    if alpha.getextrema() == (255, 255):
        return colours
    colours.putalpha(alpha)
    return Image.alpha_composite(Image.new('RGBA', layer.size, 'white'), colours).convert('RGB')


def _in_srgb(image, profile):
    """RGB without transparency; a large image is copied only if its mode or its profile asks for it."""
    if image.mode == '1':
        image = image.convert('L')
    elif image.mode not in ('RGB', 'L', 'CMYK'):
        image = image.convert('RGB')
    image = to_srgb(image, profile)
    return image if image.mode == 'RGB' else image.convert('RGB')


def _upright(image, pixels):
    if image.format == 'TIFF':  # PIL has turned it
        return pixels
    try:
        turn = UPRIGHT.get(image.getexif().get(ORIENTATION))
    except Exception:  # damaged EXIF, whose parser raises nearly any type, makes no photograph unusable
        turn = None
    return pixels if turn is None else pixels.transpose(turn)


def _decode_npy(data, max_pixels):
    try:
        file = io.BytesIO(data)
        version = np.lib.format.read_magic(file)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, fortran_order, dtype = read_header[version](file)
    except Exception as error:  # the header is Python text, whose parsers raise nearly any type
        raise Refusal('unreadable', f'it begins as a NumPy array file, but its header is damaged ({error})') from error
    channels_first = len(shape) in (3, 4) and shape[-3] == 3 and set(shape[:-3]) <= {1}
    channels_last = len(shape) == 3 and shape[2] == 3
    is_image = channels_first or channels_last or len(shape) == 2
    if not is_image or dtype != np.uint8 or fortran_order or min(shape) < 1:
        raise Refusal('unsupported', f'an array {list(shape)} of {dtype} is no uint8 image, grey or RGB')
    height, width = shape[-2:] if channels_first or len(shape) == 2 else shape[:2]
    _check_size(width, height, max_pixels)
    count, found = height * width * (1 if len(shape) == 2 else 3), len(data) - file.tell()
    if found < count:
        raise Refusal('truncated', f'it has {found} bytes for an array {list(shape)}')
    pixels = np.frombuffer(data, np.uint8, count, file.tell()).reshape(shape)
    if len(shape) == 2:
        return np.stack([pixels] * 3, axis=-1)
    return np.ascontiguousarray(pixels.reshape(3, height, width).transpose(1, 2, 0)) if channels_first else pixels


# ----------------------------------------------------------------------------------------------------------------------
# As the reference reads it: scipy 1.2's misc.imread, then facenet's first lines.


def _as_reference(data, max_pixels):
    with _open(data, max_pixels) as image:
        return _reference_pixels(image)


def _reference_pixels(image):
    if image.mode == 'P':
        image = image.convert('RGBA' if 'transparency' in image.info else 'RGB')
    elif image.mode == '1':
        image = image.convert('L')
    image.load()  # at a failure, numpy would give an array without dimensions, which the reference then refuses
    values = np.array(image)
    if values.ndim == 2:
        with np.errstate(invalid='ignore'):
            return np.stack([values.astype(np.uint8)] * 3, axis=-1)  # of 16 bits, modulo 256
    if values.shape[2] < 3:
        raise Refusal('reference-fails', 'grey with alpha, which stops the run of the reference (ValueError)')
    return np.ascontiguousarray(values[:, :, :3])
