"""Tells what is in a network pickle, without running anything in it: `python -m dnnlib.describe network-best.pkl`."""

from dnnlib.verb import Verb  # noqa: I001  first: Ctrl-C shows no traceback, and TensorFlow keeps quiet

import os
import textwrap
from typing import Any, Dict, Iterator, Optional

import click
import numpy as np
from tabulate import tabulate

from dnnlib.download.published import NetworkSource, offline_option, resolve, trusted_as
from dnnlib.errors import UserError
from dnnlib.folder_kinds import kind_of
from dnnlib.network_file import BUILD_FUNCTIONS, NetworkFile, own_build_function, read_network_file, shown, walk
from dnnlib.own_modules import source_of
from dnnlib.run_dir import BEST_PICKLE

# What build functions make: family of programs, kind of network, side of its images without a `resolution` in px.
KINDS = {
    'G_style': ('StyleGAN', 'generator', 1024),
    'G_mapping': ('StyleGAN', 'mapping network', None),
    'G_synthesis': ('StyleGAN', 'synthesis network', 1024),
    'D_basic': ('StyleGAN', 'discriminator', 32),
    'G_paper': ('ProGAN', 'generator', 32),
    'D_paper': ('ProGAN', 'discriminator', 32),
    'G_main': ('StyleGAN2', 'generator', 1024),
    'G_synthesis_stylegan2': ('StyleGAN2', 'synthesis network', 1024),
    'G_synthesis_stylegan_revised': ('StyleGAN2', 'synthesis network', 1024),
    'D_stylegan2': ('StyleGAN2', 'discriminator', 1024),
    'D_stylegan': ('StyleGAN2', 'discriminator', 1024),
}

EPILOG = """\b
Examples:
  python -m dnnlib.describe results/00000-demo/network-best.pkl
  python -m dnnlib.describe stylegan-ffhq-1024x1024 --no-variables
"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument('network', type=NetworkSource())
@click.option('--variables/--no-variables', default=True, show_default=True, help='List every variable.')
@offline_option
def main(network, variables, offline):
    """Print what is in NETWORK, a network pickle, a URL, or the name of a published network.

    For each network and its components: its name, the function that builds it, the function's arguments, whose source
    text is in the file, and the variables. Nothing in the file is executed.
    """
    if os.path.isdir(network):
        raise UserError(f'{network} is {kind_of(network)}: name a network pickle, such as {BEST_PICKLE} of a run.')
    for line in describe(read_network_file(resolve(network, offline)), variables):
        click.echo(line)


def describe(file: NetworkFile, with_variables: bool = True) -> Iterator[str]:
    """Yields lines of text about a `dnnlib.network_file.NetworkFile`; with a line for each variable if asked."""
    what = f'{len(file.networks)} networks' if len(file.networks) > 1 else '1 network'
    yield f'{file.path}: {what}, {file.num_bytes:,} bytes, SHA-256 {file.sha256}'
    for top in file.networks:
        for path, network in walk(top):
            total = sum(count_values(part) for _, part in walk(network))
            yield ''
            yield (
                f'{path}: {network["build_func_name"]}, state version {network["version"]}, {total:,} parameters '
                f'and buffers{" with its components" if network["components"] else ""}'
            )
            yield f'  what    {describe_kind(network)}'
            yield f'  source  {describe_source(file, network)}'
            for key, value in network['static_kwargs'].items():
                yield f'  {key} = {shown(value)}'
            if with_variables:
                yield from _variable_lines(network['variables'])


def describe_kind(network: Dict[str, Any]) -> str:
    """Says which family of programs a network is of, what it takes or makes, and whether it has finished growing.

    Progressive growing is over when lod, the level of detail, is 0.
    """
    family, what, default_side = KINDS.get(network['build_func_name'], ('of a program', 'that is not known here', None))
    told = [f'{family} {what}']
    settings, variables = network['static_kwargs'], dict(network['variables'])
    side = settings.get('resolution', default_side)
    if default_side is not None and isinstance(side, int):
        told.append(f'{side}x{side} px')
        told += {1: ['grey'], 3: ['RGB']}.get(settings.get('num_channels'), [])
    if settings.get('label_size'):
        told.append(f'labels of {shown(settings["label_size"])} numbers')
    lod = variables.get('lod')
    if lod is not None and np.size(lod) == 1 and np.isfinite(lod):
        told.append(_growth(float(lod), side))
    return ', '.join(told)


def _growth(lod, side):
    if lod <= 0:
        return 'lod 0: finished growing'
    grown = f', so its images have the detail of {side >> int(lod)} px' if isinstance(side, int) else ''
    return f'lod {lod:.4g}: still growing{grown}'


def describe_source(file: NetworkFile, network: Dict[str, Any]) -> str:
    """Says in a few words whose source text a network carries, and whether it would run."""
    source = network['build_module_src']
    if source == own_source(network['build_func_name']):
        return "this project's, as it is here; not run"
    size = f'{len(source):,} characters of another version or code'
    if own_build_function(network) is not None:
        return f"{size}; not run: this project's {network['build_func_name']} is"
    name = trusted_as(file.sha256)
    return f'{size}; ' + ('not trusted, so it cannot be opened' if name is None else f'runs when opened, as {name}')


def own_source(build_func_name: str) -> Optional[str]:
    """Source text of the project's module that has this build function, or None. Does not import the module."""
    module_name = BUILD_FUNCTIONS.get(build_func_name, '').rpartition('.')[0]
    return source_of(module_name) if module_name else None


def count_values(network: Dict[str, Any]) -> int:
    """Number of values in a network's own variables."""
    return sum(int(np.size(value)) for _, value in network['variables'])


def _variable_lines(variables):
    rows = [
        (name, 'x'.join(map(str, np.shape(value))) or 'scalar', value.dtype.name, f'{np.size(value):,}')
        for name, value in variables
    ]
    alignments = ('left', 'left', 'left', 'right') if rows else ()
    table = tabulate(rows, tablefmt='plain', colalign=alignments, disable_numparse=True)
    yield from textwrap.indent(table, '    ').splitlines()


if __name__ == '__main__':
    main(prog_name='python -m dnnlib.describe')
