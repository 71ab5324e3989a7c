"""Sets of images for tests of the lists that come with them."""

from dnnlib.records.tfrecords import MultiResolutionDataset
from tests.pictures import picture, write_files

IMAGES = {f'in/{number}.png': picture(number) for number in range(3)}
CELEBA = {f'img_align_celeba/{number:06d}.jpg': picture(number) for number in (1, 2, 3)}
VGGFACE2 = {f'train/n00000{number}/0001_01.jpg': picture(number) for number in (1, 2)}
STYLEGAN = {f'00000/img0000000{number}.png': picture(number) for number in range(2)}
UMDFACES = {f'umdfaces_batch1/{person}/{person}_1.jpg': picture(number) for number, person in enumerate(['ann', 'bo'])}
VGGFACE = {f'images/{person}/00000001.jpg': picture(number) for number, person in enumerate(['Ann', 'Bo'])}
ULTRAFACE = 'umdfaces_batch1/umdfaces_batch1_ultraface.csv'


def labels_of(out):
    with MultiResolutionDataset(str(out)) as dataset:
        return dataset.labels[:].tolist()


def refused(result):
    """The sentence with which a command refuses, before any image is examined."""
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit), result.exception
    assert 'Reading images' not in result.stderr
    (line,) = [line for line in result.stderr.splitlines() if line.startswith('Error: ')]
    return line


def csv_source(folder, text):
    write_files(folder, {**IMAGES, 'list.csv': text})
    return str(folder / 'list.csv')


def attributes_of(source):
    return {
        name: [int(source.attributes(place)[column]) for place in range(len(source.paths))]
        for column, name in enumerate(source.attribute_names)
    }
