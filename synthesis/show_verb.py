"""The verb `python -m synthesis show`: makes one image of a set again, and says how it was made."""

from dnnlib.verb import Verb  # noqa: I001  first: Ctrl-C shows no traceback, and TensorFlow keeps quiet

import click

from dnnlib.download.published import NetworkSource
from dnnlib.download.published import offline_option
from dnnlib.errors import disk_errors
from dnnlib.files import atomic_write
from synthesis.show import show_image


@click.command(cls=Verb, epilog='Example: python -m synthesis show datasets/synthetic 123 --out image.png')
@click.argument('dataset', type=click.Path())
@click.argument('index', type=click.IntRange(min=0))
@click.option('--out', type=click.Path(dir_okay=False), help='PNG file to write, at the full size of the network.')
@click.option(
    '--network', type=NetworkSource(), help='The network, if it is no longer where it was.  [default: as it was named]'
)
@offline_option
def show(dataset, index, out, network, offline):
    """Make image INDEX of DATASET again, compare it with the one in the set, and print how it was made.

    INDEX is the place in manifest.jsonl, from 0. The image is made from the seed, the options and its line there.
    """
    lines, png, is_equal = show_image(dataset, index, network, offline)
    for line in lines:
        click.echo(line)
    click.echo(
        'Made again, it has the same bytes as in the set.'
        if is_equal
        else 'Made again, it differs from the one in the set: this machine or TensorFlow rounds differently.'
    )
    if out is not None:
        with disk_errors('written', out, 'or give another --out'), atomic_write(out) as file:
            file.write(png)
        click.echo(f'{out} is written.')
