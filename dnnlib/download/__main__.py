"""The verb `python -m dnnlib.download`: published networks into the cache, and whose source text may run."""

from dnnlib.verb import Verb  # noqa: I001  first: Ctrl-C shows no traceback, and TensorFlow keeps quiet

import os
import re

import click
from tabulate import tabulate

import config
from dnnlib.download.cache import find_cached
from dnnlib.download.published import METRIC_GROUP, check_source, find_entry, name_of, names_of_kind, resolve, trust
from dnnlib.errors import UserError
from dnnlib.files import sha256_of_file

EPILOG = """\b
Examples:
  python -m dnnlib.download --list
  python -m dnnlib.download celeba-256x256
  python -m dnnlib.download --trust-embedded-source metrics

A download that was interrupted goes on where it was. You can also download a file by hand and put it into the cache,
under the name that the error says.
"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument('names', nargs=-1, metavar='[NAME]...')
@click.option('--list', 'as_list', is_flag=True, help='List the published networks, and say which are in the cache.')
@click.option('--offline', is_flag=True, help='Do not download: only check what is in the cache.')
@click.option(
    '--trust-embedded-source',
    'trusted',
    multiple=True,
    metavar='NAME|SHA256|metrics',
    help='Let the source text inside a network run, with all your rights, when the network is opened. Name a file, a '
    'published network (it is downloaded), the SHA-256 of a file, or all metric networks of the list.',
)
def main(names, as_list, offline, trusted):
    """Download published networks, by NAME or URL, into the cache folder and print where they are.

    NAME may be `metrics`: all networks that metrics use.
    """
    if not (names or as_list or trusted):
        raise click.UsageError('Name a network, or see --list.')
    names, trusted = _without_groups(names), _without_groups(trusted)
    for name in [*names, *(name for name in trusted if not _is_sha256(name))]:
        check_source(name)  # all of them, before the first download
    if as_list:
        _print_list()
    work = [*((_fetch, name) for name in names), *((_trust, name) for name in trusted)]
    failures = []
    for do, name in work:  # a name that fails does not stop the others
        try:
            do(name, offline)
        except UserError as error:
            failures.append(error.message)
    if failures:
        raise UserError('\n'.join(failures))


def _fetch(name, offline):
    click.echo(resolve(name, offline))


def _without_groups(names):
    return [member for name in names for member in (names_of_kind(config.METRIC) if name == METRIC_GROUP else [name])]


def _is_sha256(text):
    return re.fullmatch('[0-9a-fA-F]{64}', text) is not None


def _trust(name, offline):
    if _is_sha256(name):
        sha256, what = name.lower(), 'a file of that SHA-256'
    else:
        path = resolve(name, offline)
        if not os.path.isfile(path):
            raise UserError(f'--trust-embedded-source {name}: is no file.')
        sha256, what = sha256_of_file(path), name_of(name)
    trust(sha256, what)
    click.echo(
        f'{what}: source text in the file of SHA-256 {sha256} runs when it is opened; to forbid that again, '
        f'delete its line from {config.TRUST_FILE}.'
    )


def _print_list():
    rows = [('NAME', 'SIZE', 'SHA-256', 'IN CACHE', 'LICENCE', 'ADDRESS')]
    for name, entry in config.NETWORKS.items():
        cached = find_cached(find_entry(name), config.CACHE_DIR)
        size = os.path.getsize(cached) if cached else entry['size']
        rows.append(
            (
                name,
                '?' if size is None else f'{size / 1e6:.0f} MB',
                'known' if entry['sha256'] else '?',
                'yes' if cached else 'no',
                entry['licence'],
                entry['url'],
            )
        )
    click.echo(tabulate(rows, tablefmt='plain', disable_numparse=True))


if __name__ == '__main__':
    main(prog_name='python -m dnnlib.download')
