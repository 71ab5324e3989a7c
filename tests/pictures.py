"""Small encoded images for tests, and files and archives of them."""

import io
import tarfile
import zipfile

import numpy as np
from PIL import Image

from prefilter.images import decode


def encoded(image, file_format='PNG', **options):
    """A PIL image, or an array of pixels, as the bytes of a file."""
    file = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(file, file_format, **options)
    return file.getvalue()


def npy(array):
    """An array as the bytes of a .npy."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def gradient(mode='RGB', size=(20, 10)):
    """A picture with many values, in a mode of PIL."""
    ramp = np.arange(size[0] * size[1] * 3, dtype=np.uint32).reshape(size[1], size[0], 3) % 256
    return Image.fromarray(ramp.astype(np.uint8)).convert(mode)


def picture(red):
    """The bytes of a small PNG that is known by its red value."""
    return encoded(Image.new('RGB', (8, 8), (red, 100, 200)))


def red_of(data):
    """What `picture` was given."""
    return Image.open(io.BytesIO(data)).getpixel((0, 0))[0]


def write_files(folder, files):
    """Writes {path below the folder: bytes or text} and returns the folder as a str."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data if isinstance(data, bytes) else data.encode())
    return str(folder)


def identities(source):
    """Who is in each image of a source."""
    return [source.identity(place) for place in range(len(source.paths))]


def reds(source):
    """The red value of each image of a source."""
    return [int(decode(source.read(place))[0, 0, 0]) for place in range(len(source.paths))]


def make_archive(path, files, mode='w'):
    """Archives (name, bytes or TarInfo) pairs in their order; the ending of the path tells the kind."""
    pairs = files.items() if isinstance(files, dict) else files
    if str(path).endswith('.zip'):
        with zipfile.ZipFile(str(path), 'w', zipfile.ZIP_DEFLATED) as archive:
            for name, data in pairs:
                archive.writestr(name, data)
    else:
        with tarfile.open(str(path), mode) as archive:
            for name, data in pairs:
                member = data if isinstance(data, tarfile.TarInfo) else tarfile.TarInfo(name)
                member.name = name
                if data is member:
                    archive.addfile(member)
                else:
                    member.size = len(data)
                    archive.addfile(member, io.BytesIO(data))
    return str(path)


def write_photographs(folder, count):
    """Writes scenes of 250x250, a face of LFW in a background of LFW, as JPEG; every 50th is no image.

    Args:
        folder: `pathlib.Path` of the folder to make; the files are in folders `person0` to `person6` in it.
        count: Number of files.
    """
    from skimage.data import lfw_subset

    patches = np.rint(lfw_subset() * 255).astype(np.uint8)
    for number in range(count):
        scene = np.array(Image.fromarray(patches[100 + number * 7 % 100]).resize((250, 250), Image.BICUBIC))
        top = 30 + number // 100 % 50
        scene[top : top + 130, 60:190] = Image.fromarray(patches[number % 100]).resize((130, 130), Image.BICUBIC)
        path = folder / f'person{number % 7}' / f'{number:06d}.jpg'
        path.parent.mkdir(parents=True, exist_ok=True)
        data = encoded(np.repeat(scene[:, :, np.newaxis], 3, axis=2), 'JPEG', quality=95)
        path.write_bytes(b'no image' if number % 50 == 49 else data)


def face_scenes(count):
    """Images, 250x250, of a face of LFW in a background of LFW, enlarged: at most 100."""
    from skimage.data import lfw_subset

    patches = np.rint(lfw_subset() * 255).astype(np.uint8)
    images = []
    for index in range(count):
        scene = np.array(Image.fromarray(patches[100 + index]).resize((250, 250), Image.BICUBIC))
        face = patches[10 * index % 97]  # the first 97 in another order
        scene[60:190, 60:190] = Image.fromarray(face).resize((130, 130), Image.BICUBIC)
        images.append(np.repeat(scene[:, :, np.newaxis], 3, axis=2))
    return images
