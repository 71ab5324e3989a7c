"""Draws the paper's figures, and more, for a training run or a network pickle."""

from dnnlib.verb import Verb  # noqa: I001  first: Ctrl-C shows no traceback, and TensorFlow keeps quiet

import os
import re
import tempfile

import click

import config
from dnnlib.download.published import NetworkSource, name_of, offline_option, resolve
from dnnlib.errors import UserError, disk_errors
from dnnlib.files import sha256_of_file
from dnnlib.flags import DEVICE_CHOICES, FiniteRange, GridSize, LayerRange, Numbers, layer_range
from dnnlib.folder_kinds import DATASET, kind_of
from dnnlib.progress import Progress
from metrics.figures import classes, comparison, directions, interpolation, noise_detail, paper_figures, style_mixing
from metrics.figures.drawing import TRUNCATION_PSI, save_png
from metrics.figures.galleries import copy_galleries
from metrics.figures.labels import label_size, with_labels
from metrics.figures.video import LARGEST_FPS, check_film, save_film
from metrics.named_directions import read_directions, split_choice
from metrics.sources import LARGEST_SEED, check_device, find_source, open_generator, representative_network

# In the order in which they are drawn; the slowest comes last.
GALLERIES = ('rejected', 'accepted')
OF_NETWORK = ('uncurated', 'noise', 'truncation', 'style-mixing', 'noise-detail', 'classes', 'directions', 'comparison')
OF_NETWORK += ('interpolation',)
FIGURES = (*GALLERIES, 'metrics', *OF_NETWORK)
BY_NUMBER = dict(
    zip(
        range(1, 9),
        (  # of the paper, which shows some of two datasets
            'rejected',
            'rejected',
            'accepted',
            'accepted',
            'uncurated',
            'uncurated',
            'noise',
            'truncation',
        ),
    )
)
EPILOG = """\b
Figures, by name or by number in the paper (7 or figure7):
  rejected       Figures 1, 2: images that the pre-filter refused
  accepted       Figures 3, 4: crops of images that it accepted
  uncurated      Figures 5, 6: samples as they come, psi = 0.7 for 4x4 to 32x32
  noise          Figure 7: noise in all, no, fine and coarse layers
  truncation     Figure 8: one row for each seed, psi = 1, 0.7, 0.5, 0, -0.5, -1
  style-mixing   coarse, middle and fine styles of one sample in another one
  noise-detail   what changes in a sample when only the noise does
  classes        the same samples under each class of a network with labels
  directions     what the directions in W that change most do, each one a row
  comparison     reals beside as many fakes
  metrics        each metric against kimg, the best snapshot marked
  interpolation  a walk through latent space: a GIF and an MP4
  galleries      rejected and accepted

Two numbers: the paper shows the figure for CASIA-WebFace and for CelebA. Both numbers draw the same figure here, of the
network that you name or its dataset.

\b
Examples:
  python generate_figures.py results/00000-demo
  python generate_figures.py results/00000-demo/network-best.pkl --out figures --figures 5,8,style-mixing
  python generate_figures.py results/00000-demo --figures uncurated,classes --classes 3,7
  python generate_figures.py results/00000-demo --figures interpolation --video-grid 3x2 --video-seconds 4
  python generate_figures.py celeba-256x256
"""


class FigureNames(click.ParamType):
    """Comma-separated names or numbers of figures; converts to a tuple of names in the order of FIGURES."""

    name = 'NAME|NUMBER,...'

    def convert(self, value, param, ctx):
        if isinstance(value, tuple):
            return value
        chosen = {name for part in value.split(',') for name in self._named(part.strip().lower(), param, ctx)}
        return tuple(name for name in FIGURES if name in chosen)

    def _named(self, part, param, ctx):
        if part == 'galleries':
            return GALLERIES
        number = re.fullmatch(r'(?:fig(?:ure|\.)?[ -]?)?([1-8])', part)
        if not number and part not in FIGURES:
            self.fail(
                f'{part!r}: choose from {", ".join(FIGURES)}, galleries, or the numbers 1 to 8 of the paper.',
                param,
                ctx,
            )
        return [BY_NUMBER[int(number.group(1))] if number else part]


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


class LayerRanges(click.ParamType):
    """'0-3,4-7,8': a range of layers for each row."""

    name = 'N-N,N-N,...'

    def convert(self, value, param, ctx):
        ranges = [layer_range(part) for part in value.split(',')]
        if None in ranges:
            self.fail(f'{value!r} is no list of layers such as 0-3,0-3,4-7,8-13, one for each row.', param, ctx)
        return ranges


def seed_option(flag, default, what):
    """The flag of one seed."""
    return click.option(flag, type=click.IntRange(0, LARGEST_SEED), default=default, show_default=True, help=what)


def seeds_option(flag, default, what):
    """The flag of several seeds."""
    return click.option(flag, type=Seeds(), default=default, help=f'{what}  [default: {",".join(map(str, default))}]')


@click.command(cls=Verb, epilog=EPILOG)
@click.argument('run_or_network', type=NetworkSource())
@click.option(
    '--figures',
    'names',
    type=FigureNames(),
    help='What to draw, see below.  [default: all that can be drawn]',
)
@click.option(
    '--out',
    type=click.Path(file_okay=False),
    metavar='DIR',
    help='Folder for the files.  [default: figures, in the run directory, beside the pickle, or in results/NAME]',
)
@click.option(
    '--data',
    type=click.Path(),
    metavar='DIR',
    help='Dataset for the galleries and the reals.  [default: the dataset of the run]',
)
@click.option(
    '--psi',
    type=FiniteRange(-10, 10),
    metavar='X',
    default=TRUNCATION_PSI,
    show_default=True,
    help='Truncation psi at 4x4 to 32x32, for uncurated, classes, directions, comparison and interpolation; 1 is no '
    'truncation.',
)
@click.option(
    '--classes',
    'chosen_classes',
    type=Numbers(),
    help='Classes of a network with labels: all figures show these.  [default: labels of the dataset]',
)
@seeds_option('--class-seeds', classes.CLASS_SEEDS, 'Seeds of the classes, one for each row.')
@seed_option('--uncurated-seed', paper_figures.UNCURATED_SEED, 'Seed of the uncurated samples.')
@seeds_option(
    '--noise-seeds', paper_figures.NOISE_SEEDS, 'Seeds of Figure 7, one for each column; the second image is mirrored.'
)
@seeds_option('--truncation-seeds', paper_figures.TRUNCATION_SEEDS, 'Seeds of Figure 8, one for each row.')
@seeds_option('--mixing-sources', style_mixing.SOURCE_SEEDS, 'Seeds of style mixing, one for each column.')
@seeds_option('--mixing-destinations', style_mixing.DESTINATION_SEEDS, 'Seeds of style mixing, one for each row.')
@click.option(
    '--mixing-layers',
    type=LayerRanges(),
    help='Layers that each row takes from the sources.  [default: at 256x256 0-3 in half of the rows, then '
    '4-7, then 8-13]',
)
@seeds_option('--detail-seeds', noise_detail.DETAIL_SEEDS, 'Seeds of the noise detail, one for each row.')
@click.option(
    '--detail-samples',
    type=click.IntRange(min=noise_detail.CROPS + 1),
    default=noise_detail.NUM_SAMPLES,
    show_default=True,
    help='Images for each row of the noise detail.',
)
@click.option(
    '--directions',
    'named',
    metavar='FILE[:NAME,...]',
    help='Draw directions of a file of python -m synthesis directions.  [default: those that change an image most]',
)
@seed_option('--direction-seed', directions.DIRECTIONS_SEED, 'Seed of the sample that directions move.')
@click.option(
    '--direction-layers',
    type=LayerRange(),
    help='Layers that directions move.  [default: 0-1, which are 4x4, or as the file says]',
)
@click.option(
    '--direction-count',
    type=click.IntRange(min=1),
    default=directions.NUM_DIRECTIONS,
    show_default=True,
    help='Number of directions, the one that changes most first.',
)
@click.option(
    '--direction-distance',
    type=FiniteRange(min=0, min_open=True, max=1000),
    metavar='X',
    default=directions.DISTANCE,
    show_default=True,
    help='How far directions move w at both ends of a row.',
)
@seed_option('--comparison-seed', comparison.COMPARISON_SEED, 'Seed of the choice of reals, and of the fakes.')
@click.option(
    '--comparison-grid', type=GridSize(), help='Images in each half of the comparison.  [default: 4x4 at 256x256]'
)
@seed_option('--video-seed', interpolation.VIDEO_SEED, 'Seed of the interpolation.')
@click.option(
    '--video-seconds',
    type=FiniteRange(min=0, min_open=True, max=86400),
    metavar='S',
    default=interpolation.SECONDS,
    show_default=True,
    help='Length of the interpolation, s.',
)
@click.option(
    '--video-fps',
    type=click.IntRange(1, LARGEST_FPS),
    default=interpolation.FPS,
    show_default=True,
    help='Frames a second of the interpolation.',
)
@click.option(
    '--video-grid', type=GridSize(), help='Images in a frame of the interpolation.  [default: 2x2 at 256x256]'
)
@click.option(
    '--device', type=click.Choice(DEVICE_CHOICES), default='auto', show_default=True, help='Where to compute.'
)
@offline_option
def main(run_or_network, names, out, data, device, offline, named, chosen_classes, **options):
    """Draw the paper's figures, and more, for RUN_OR_NETWORK: PNG files, and a film.

    RUN_OR_NETWORK is a run directory, a network pickle, a URL, or the name of a published network, which is downloaded
    (python -m dnnlib.download --list). For a run, the best network is drawn, or the newest if none has been measured.
    The same seeds give the same figures. A network with labels gets labels of its dataset, or the classes given.
    """
    chosen = FIGURES if names is None else names
    options.update(named=_named_directions(named, chosen), classes=chosen_classes)
    source = find_source(run_or_network) if os.path.exists(run_or_network) else None
    folder = source.folder if source else os.path.join(config.RESULTS_DIR, name_of(run_or_network))
    out = _make_folder(out or os.path.join(folder, 'figures'))
    if set(chosen) & set(OF_NETWORK):
        check_device(device, 1)
    path = resolve(run_or_network, offline)
    source = source or find_source(path)
    data = data or source.data
    galleries = [name for name in GALLERIES if name in chosen]
    if galleries:
        _draw_or_skip('galleries', names, lambda: _copy_galleries(data, out, galleries))
    if 'metrics' in chosen:
        from metrics.figures.curves import draw_curves  # here: it brings matplotlib

        _draw_or_skip(
            'metrics',
            names,
            lambda: [_save(out, _file_of(metric), curve) for metric, curve in draw_curves(source.folder).items()],
        )
    if set(chosen) & set(OF_NETWORK):
        network = representative_network(path)
        click.echo(f'Network: {network}')
        if options['named']:
            options['named'].check_network(sha256_of_file(network))
        with open_generator(network, device) as opened:
            Gs, remark = with_labels(opened, data, chosen_classes)
            if remark:
                click.echo(remark)
            if 'mapping' not in Gs.components:
                click.echo('The network is a ProGAN: it has no w, no truncation and no noise, so --psi has no effect.')
            for name in OF_NETWORK:
                if name in chosen and (name != 'classes' or names is not None or label_size(Gs)):
                    _draw_or_skip(name, names, lambda name=name: _draw(name, Gs, out, data, options))


def _named_directions(text, chosen):
    """The `NamedDirections` for --directions; None without the flag."""
    if text is None:
        return None
    if 'directions' not in chosen:
        raise click.UsageError('--directions is for --figures directions: add directions there, or leave it out.')
    path, names = split_choice(text)
    return read_directions(path).choose(names)


def _make_folder(folder):
    if os.path.isdir(folder) and kind_of(folder) == DATASET:
        raise UserError(f'--out {folder} is a dataset: name another folder for the figures.')
    with disk_errors('written', folder, 'or name another folder with --out'):
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):  # fails before anything is drawn
            pass
    return folder


def _draw_or_skip(name, asked_for, draw):
    """Calls `draw`. A figure that cannot be drawn is skipped, unless the user asked for it by name."""
    try:
        draw()
    except UserError as error:
        if asked_for is not None:
            raise
        click.echo(f'{name}: skipped. {error.message}')


def _draw(name, Gs, out, data, options):
    """Draws a figure, one of OF_NETWORK, into the folder `out`; `options` are from the command line."""
    psi = options['psi']
    if name == 'interpolation':
        _film(Gs, os.path.join(out, name), options)
        return
    draw = {
        'uncurated': lambda: paper_figures.draw_uncurated(Gs, options['uncurated_seed'], psi),
        'noise': lambda: paper_figures.draw_noise_components(Gs, options['noise_seeds']),
        'truncation': lambda: paper_figures.draw_truncation(Gs, options['truncation_seeds']),
        'style-mixing': lambda: style_mixing.draw_style_mixing(
            Gs, options['mixing_sources'], options['mixing_destinations'], options['mixing_layers']
        ),
        'noise-detail': lambda: noise_detail.draw_noise_detail(Gs, options['detail_seeds'], options['detail_samples']),
        'classes': lambda: classes.draw_classes(Gs, options['class_seeds'], options['classes'], psi),
        'directions': lambda: directions.draw_directions(
            Gs,
            options['direction_seed'],
            options['direction_layers'],
            options['direction_count'],
            options['direction_distance'],
            psi,
            options['named'],
        ),
        'comparison': lambda: comparison.draw_comparison(
            Gs, _required(data), options['comparison_seed'], options['comparison_grid'], psi
        ),
    }[name]
    _save(out, name, draw())


def _save(out, name, canvas):
    path = os.path.join(out, name + '.png')
    with disk_errors('written', path):
        save_png(path, canvas)
    click.echo(f'{path}: {canvas.shape[1]}x{canvas.shape[0]}')


def _film(Gs, stem, options):
    side = Gs.output_shape[2]
    columns, rows = options['video_grid'] or interpolation.video_grid(side)
    fps = options['video_fps']
    num_frames = max(round(options['video_seconds'] * fps), 1)
    check_film(columns * side, rows * side, num_frames)
    latents = interpolation.looped_latents(num_frames, columns * rows, Gs.input_shape[1], fps, options['video_seed'])
    frames = interpolation.interpolation_frames(Gs, latents, (columns, rows), options['psi'])
    with disk_errors('written', stem + '.gif'), Progress(
        frames, desc='interpolation', total=num_frames, unit='frame', leave=False, delay=1
    ) as bar:
        paths, remark = save_film(stem, bar, num_frames, fps)
    for path in paths:
        click.echo(f'{path}: {columns * side}x{rows * side}, {num_frames} frames at {fps} a second')
    if remark:
        click.echo(remark)


def _required(data):
    if data is None:
        raise UserError('No dataset is known: name it with --data.')
    return data


def _file_of(metric):
    """The name of a curve's file. The metric's name comes from metrics.jsonl, and must not lead to another folder."""
    return 'metric-' + re.sub(r'[^\w.+-]', '_', metric)


def _copy_galleries(data, out, which):
    for path, caption in copy_galleries(_required(data), out, which):
        click.echo(f'{path or "No gallery"}: {caption}')


if __name__ == '__main__':
    main()
