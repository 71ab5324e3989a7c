"""Draws the paper's figures for a training run or a network pickle."""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import os
import tempfile

import click

import config
from dnnlib import tflib
from dnnlib.errors import UserError
from dnnlib.published import NetworkSource, name_of, offline_option, resolve
from metrics import figures
from metrics.curves import draw_curves
from metrics.galleries import copy_galleries
from metrics.sources import LARGEST_SEED, find_source, open_generator, representative_network

FIGURES = ('uncurated', 'noise', 'truncation', 'galleries', 'metrics')
EPILOG = """\b
Figures:
  uncurated   Figures 5, 6: samples as they come, psi = 0.7 for 4x4 to 32x32
  noise       Figure 7: noise in all, no, fine and coarse layers
  truncation  Figure 8: one row for each seed, psi = 1, 0.7, 0.5, 0, -0.5, -1
  galleries   Figures 1 to 4: images the pre-filter accepted and rejected
  metrics     each metric against kimg, the best snapshot marked

\b
Examples:
  python generate_figures.py results/00000-demo
  python generate_figures.py results/00000-demo/network-best.pkl --out figures --figures uncurated,truncation
  python generate_figures.py celeba-256x256
"""


class Seeds(click.ParamType):
    """Comma-separated integers from 0 to LARGEST_SEED."""

    name = 'N,N,...'

    def convert(self, value, param, ctx):
        if isinstance(value, tuple):
            return value
        try:
            seeds = tuple(int(part) for part in value.split(','))
        except ValueError:
            seeds = ()
        if not seeds or min(seeds) < 0 or max(seeds) > LARGEST_SEED:
            self.fail(f'{value!r} is no list of whole numbers from 0 to {LARGEST_SEED} such as 91,388.', param, ctx)
        return seeds


@click.command(epilog=EPILOG)
@click.argument('run_or_network', type=NetworkSource())
@click.option('--figures', 'names', metavar='NAME[,NAME...]',
              help='Which to draw.  [default: all there is something to draw for]')
@click.option('--out', type=click.Path(file_okay=False), metavar='DIR',
              help='Folder for the PNG files.  [default: figures, in the run directory, beside the pickle, or in '
                   'results/NAME]')
@click.option('--data', type=click.Path(), metavar='DIR', help='Dataset of the galleries.  [default: that of the run]')
@click.option('--uncurated-seed', type=click.IntRange(0, LARGEST_SEED), default=figures.UNCURATED_SEED,
              show_default=True, help='Of the uncurated samples.')
@click.option('--noise-seeds', type=Seeds(), default=figures.NOISE_SEEDS,
              help='One for each column of Figure 7; the second is mirrored.  [default: 1967,1555]')
@click.option('--truncation-seeds', type=Seeds(), default=figures.TRUNCATION_SEEDS,
              help='One for each row of Figure 8.  [default: 91,388]')
@click.option('--device', type=click.Choice(['auto', 'gpu', 'cpu']), default='auto', show_default=True,
              help='Where to compute.')
@offline_option
def main(run_or_network, names, out, data, uncurated_seed, noise_seeds, truncation_seeds, device, offline):
    """Draw the paper's figures for RUN_OR_NETWORK as PNG files.

    It is a run directory, of which the best network is drawn, or the newest snapshot when none has been measured; a
    network pickle; a URL; or the name of a published network, which is downloaded (python -m dnnlib.download --list).
    """
    chosen = _chosen(names)
    tflib.replica_devices(device, 1)  # refuses a device that is not there
    path = resolve(run_or_network, offline)
    source = find_source(path)
    is_local = os.path.exists(run_or_network)
    out = _made(out or os.path.join(
        source.folder if is_local else os.path.join(config.RESULTS_DIR, name_of(run_or_network)), 'figures'))
    drawers = {
        'uncurated': lambda Gs: figures.draw_uncurated(Gs, uncurated_seed),
        'noise': lambda Gs: figures.draw_noise_components(Gs, noise_seeds),
        'truncation': lambda Gs: figures.draw_truncation(Gs, truncation_seeds),
    }
    if set(chosen) & set(drawers):
        network = representative_network(path)
        click.echo(f'Network: {network}')
        with open_generator(network, device, uncurated_seed) as Gs:
            for name in chosen:
                if name in drawers:
                    _attempt(name, names, lambda name=name: _save(out, name, drawers[name](Gs)))
    if 'galleries' in chosen:
        _attempt('galleries', names, lambda: _galleries(data or source.data, out))
    if 'metrics' in chosen:
        _attempt('metrics', names, lambda: [
            _save(out, 'metric-' + metric, curve) for metric, curve in draw_curves(source.folder).items()])


def _chosen(names):
    chosen = FIGURES if names is None else [name.strip() for name in names.split(',')]
    unknown = [name for name in chosen if name not in FIGURES]
    if unknown:
        raise click.UsageError('--figures {}: choose from {}.'.format(','.join(unknown) or "''", ', '.join(FIGURES)))
    return chosen


def _made(folder):
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):  # known before anything is drawn
            pass
    except OSError as error:
        raise UserError(f'{folder} cannot be written ({error.strerror}): name another folder with --out.') from error
    return folder


def _attempt(name, asked_for, draw):
    """Draws a figure; one that was not asked for by name may turn out to have nothing to draw."""
    try:
        draw()
    except UserError as error:
        if asked_for is not None:
            raise
        click.echo(f'{name}: skipped. {error.message}')


def _save(out, name, canvas):
    path = os.path.join(out, name + '.png')
    try:
        figures.save_png(path, canvas)
    except OSError as error:
        raise UserError(f'{path} cannot be written: {error.strerror}.') from error
    click.echo(f'{path}: {canvas.shape[1]}x{canvas.shape[0]}')


def _galleries(data, out):
    if data is None:
        raise UserError('No dataset is known: name it with --data.')
    for path, caption in copy_galleries(data, out):
        click.echo(f'{path}: {caption}')


if __name__ == '__main__':
    main()
