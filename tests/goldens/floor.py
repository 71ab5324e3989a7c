"""Golden files of what surrounds the networks; see `tests.goldens.networks` for the functions' form."""

import json
import pathlib
import re
import tempfile
from unittest import mock

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.images import create_image_grid, to_pil
from dnnlib.records.tfrecords import MultiResolutionDataset, MultiResolutionWriter, shuffled_order
from metrics.arithmetic.frechet import frechet_distance, statistics
from metrics.figures import paper_figures as figures
from metrics.figures.drawing import run
from metrics.figures.noise_detail import draw_noise_detail
from metrics.figures.style_mixing import draw_style_mixing
from tests.bookkeeping import bookkeeping_runs, run_to_the_end
from tests.goldens.files import LEVEL_TOLERANCE, ROUNDING_TOLERANCE, Comparison, relative_error
from tests.goldens.networks import _unknown
from training import loop
from training.schedule import training_schedule
from training.snapshots import grid_size_for
from training.step import Gs_beta

# ---------------------------------------------------------------------------------------------------------------------
# Optimizer


def optimizer_families(golden):
    """A case for each set of options."""
    return sorted({key.split('/')[0] for key in golden.keys if '/step' in key})


def optimizer(golden, family, open_session):
    """Trajectories of Adam."""
    session = open_session(device='cpu', seed=1)
    names = list(golden.under('init/'))
    variables = [tf.get_variable(name, initializer=tf.constant(golden['init/' + name])) for name in names]
    gradients = [tf.placeholder(tf.float32, v.shape) for v in variables]
    learning_rate = tf.placeholder(tf.float32, [])
    options, steps = _optimizer_options(golden, family)
    adam = tflib.Optimizer('opt', learning_rate, **options)
    adam.register_gradients(_linear_loss(variables, gradients), variables)
    update = adam.apply_updates()
    session.run(tf.variables_initializer(variables))
    for number, step in enumerate(steps):
        prefix = f'{family}/step{number}/'
        before = session.run(variables)
        if step.get('reset'):
            adam.reset_state()
        feed = {gradient: golden[f'{prefix}grad/{name}'] for gradient, name in zip(gradients, names)}
        session.run(update, {learning_rate: step['lr'], **feed})
        for name, old, new in zip(names, before, session.run(variables)):
            yield golden.compare('variables', f'{prefix}value/{name}', new, ROUNDING_TOLERANCE)
            if 'bad' in step:
                yield Comparison('skipped steps', f'{prefix}value/{name}', relative_error(new, old), 0)
        if prefix + 'loss_scaling_log2' in golden:
            yield golden.compare(
                'loss scale', prefix + 'loss_scaling_log2', session.run(adam.loss_scaling_log2), ROUNDING_TOLERANCE
            )


def _optimizer_options(golden, family):
    """Arguments of `Optimizer` and the steps, from the meta data, the family's name and, failing these, its course."""
    count = len({key.split('/')[1] for key in golden.keys if key.startswith(family + '/')})
    by_name = re.fullmatch(r'adam_b1_(?P<beta1>.+)_b2_(?P<beta2>.+)_eps_(?P<epsilon>.+)_lr_(?P<lr>.+)', family)
    if by_name:
        options = {name: float(value) for name, value in by_name.groupdict().items()}
        return options, [{'lr': options.pop('lr')}] * count
    options, steps = dict(golden.meta['adam']), golden.meta['steps'][:count]
    scales = [
        golden[f'{family}/step{number}/loss_scaling_log2']
        for number in range(count)
        if f'{family}/step{number}/loss_scaling_log2' in golden
    ]
    if scales:
        options['use_loss_scaling'] = True
    if scales and family != 'loss_scaling':  # that one has the defaults
        bad = next(number for number, step in enumerate(steps) if 'bad' in step)
        options.update(
            loss_scaling_inc=scales[1] - scales[0],
            loss_scaling_init=2 * scales[0] - scales[1],
            loss_scaling_dec=scales[bad - 1] - scales[bad],
        )
    return options, steps


def _linear_loss(variables, gradients):
    """A loss whose gradients are given."""
    return tf.add_n([tf.reduce_sum(v * g) for v, g in zip(variables, gradients)])


def towers(golden, _case, open_session):
    """One step of several replicas, each with a gradient of its own."""
    count = len(golden.matches(re.compile(r'grad\d+')))
    open_session(device='cpu', cpu_replicas=count)
    adam = tflib.Optimizer('opt', golden.meta['lr'])
    variables, gradients = [], []
    for replica, device in enumerate(tflib.replica_devices('cpu', count)):
        with tf.device(device):
            variables.append(tf.get_variable(f'v{replica}', initializer=tf.constant(golden['init'])))
            gradients.append(tf.placeholder(tf.float32, variables[-1].shape))
            loss = _linear_loss(variables[-1:], gradients[-1:])
        adam.register_gradients(loss, variables[-1:], device)
    update = adam.apply_updates()
    tflib.run(tf.variables_initializer(variables))
    tflib.run(update, {gradient: golden[f'grad{replica}'] for replica, gradient in enumerate(gradients)})
    for value in tflib.run(variables):
        yield golden.compare('variables', 'after', value, ROUNDING_TOLERANCE)


# ---------------------------------------------------------------------------------------------------------------------
# Schedule


class ScheduleGolden:
    """The schedule's file, which is JSON."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.meta = json.loads((folder / (name + '.json')).read_text())


def schedules(golden):
    """A case for each set of options, one for the decay of Gs, and one for each simulated run's books."""
    return [
        f'{part}/{name}' for part in ('settings', 'extra_settings', 'loop_simulation') for name in golden.meta[part]
    ] + ['Gs_beta']


def schedule(golden, case, _open_session):
    """The growing schedule, row by row; the decay of Gs; the books of the loop."""
    meta, (part, _, name) = golden.meta, case.partition('/')
    if part == 'Gs_beta':
        smoothing = float(re.search(r'G_smoothing_kimg=([\d.]+)', meta['Gs_beta_formula'])[1])
        for minibatch, beta in meta['Gs_beta'].items():
            yield Comparison(
                'decay of Gs', minibatch, relative_error(Gs_beta(int(minibatch), smoothing), beta), ROUNDING_TOLERANCE
            )
        return
    if part == 'loop_simulation':
        yield from _books(name, meta[part][name])
        return
    if part == 'settings':
        num_gpus, options = int(re.search(r'gpus(\d+)', name)[1]), meta[part][name]
    else:
        num_gpus, options = meta[part][name]['num_gpus'], meta[part][name]['kwargs']
    rows = meta[part.replace('settings', 'results')][name]
    first = dict(zip(meta['columns'], rows[0]))
    resolution = int(first['resolution'] * 2 ** np.floor(first['lod']))
    for cur_nimg, row in zip(meta['grid'], rows):
        actual = training_schedule(cur_nimg, resolution, num_gpus, **with_integer_keys(options))
        same = [actual[column] for column in meta['columns']] == row and actual.kimg == cur_nimg / 1000
        yield Comparison('rows', f'{case} {cur_nimg}', 0 if same else np.inf, 0)


def _books(name, expected):
    gpus, resolution, total, resume = re.fullmatch(r'(\d+)gpu_(\d+)_total(\d+)(?:_resume(\d+))?', name).groups()
    # The sums of the losses, which no event shows, would take half of the time.
    with bookkeeping_runs() as make_run, mock.patch.object(loop, 'add_step', lambda counters, stats: None):
        run = make_run(int(resume or 0) * 1000, int(resolution), gpus=int(gpus), total_kimg=int(total))
        iterations = run_to_the_end(run)
    yield Comparison('books: iterations', name, 0 if abs(iterations - expected['iterations']) < 1 else np.inf, 0)
    yield Comparison('books: images', name, relative_error(run.counters.cur_nimg, expected['final_nimg']), 0)
    for number, event in enumerate(expected['events']):
        actual = run.step.events[number] if number < len(run.step.events) else [None]
        same = actual[0] == event[0] and np.allclose(actual[1:], event[1:], rtol=ROUNDING_TOLERANCE, atol=0)
        yield Comparison('books: events', f'{name} {number}', 0 if same else np.inf, 0)
    yield Comparison('books: events', name, 0 if len(run.step.events) == len(expected['events']) else np.inf, 0)


def with_integer_keys(options):
    """Undoes what JSON does to the keys of dicts."""
    return {
        name: {int(key): item for key, item in value.items()} if isinstance(value, dict) else value
        for name, value in options.items()
    }


# ---------------------------------------------------------------------------------------------------------------------
# Files: TFRecords and images


def tfrecords(golden, _case, _open_session):
    """Datasets of the original tool: what is read from them, and what is written to be like them."""
    folder = golden.folder / golden.name.replace('_expected', '')
    main = golden.meta['files'][0].rpartition('-r')[0]
    for path in sorted(folder.iterdir()):
        prefix = 'out/' if path.name == main else f'out/{path.name}/'
        with MultiResolutionDataset(path) as dataset:
            for lod in range(dataset.resolution.bit_length() - 2):
                side = dataset.resolution.bit_length() - 1 - lod
                images = np.stack([dataset.read(index, lod) for index in range(dataset.num_images)])
                yield golden.compare('images read', f'{prefix}images_r{side:02d}', images, 0)
                if f'{prefix}labels_lod{lod}' in golden:
                    yield golden.compare('labels read', f'{prefix}labels_lod{lod}', dataset.labels, 0)
            side = dataset.resolution.bit_length() - 1
            known = dataset.name == path.name and dataset.shape == list(golden[f'{prefix}images_r{side:02d}'].shape[1:])
            labelled = any(path.glob('*.labels')) == (dataset.labels is not None)
            yield Comparison('names, shapes', path.name, 0 if known and labelled else np.inf, 0)
    for key, match in golden.matches(re.compile(r'out/order_RandomState123_n(\d+)')):
        yield golden.compare('order', key, shuffled_order(int(match[1])), 0)
    yield from _written(golden, folder / main)
    yield from _unknown(golden)


def _written(golden, theirs):
    """Our writer's files, given the original's photographs."""
    order = shuffled_order(len(golden['in/images']))
    with tempfile.TemporaryDirectory() as folder:
        with MultiResolutionWriter(folder, theirs.name) as writer:
            for image in golden['in/images'][order]:
                writer.add(image)
            if 'in/labels' in golden:
                writer.add_labels(golden['in/labels'][order])
        names = [sorted(path.name for path in side.iterdir()) for side in (theirs, pathlib.Path(folder))]
        yield Comparison('files written', theirs.name, 0 if names[0] == names[1] else np.inf, 0)
        for path in sorted(theirs.iterdir()):
            ours = pathlib.Path(folder) / path.name
            same = (
                ours.exists()
                and ours.stat().st_size == path.stat().st_size
                and (
                    ours.read_bytes() == path.read_bytes()
                    if path.suffix == '.labels'
                    else decoded_by_tensorflow(ours) == decoded_by_tensorflow(path)
                )
            )
            yield Comparison('files written', path.name, 0 if same else np.inf, 0)


def decoded_by_tensorflow(path):
    """Every record as (shape, pixels); TensorFlow checks both checksums of each."""
    records = []
    for record in tf.io.tf_record_iterator(str(path)):
        feature = tf.train.Example.FromString(record).features.feature
        records.append((tuple(feature['shape'].int64_list.value), feature['data'].bytes_list.value[0]))
    return records


def image_utils(golden, _case, _open_session):
    """Grids of images, their rounding, and the grid that fills a screen."""
    for key, match in golden.matches(re.compile(r'out/grid_(?:(gray)_)?(?:auto|(\d+)x(\d+))')):
        kind, columns, rows = match.groups()
        size = (int(columns), int(rows)) if columns else None
        yield golden.compare('grids', key, create_image_grid(golden['in/' + (kind or 'rgb')], size), 0)
    for key, match in golden.matches(re.compile(r'out/pil_(rgb|gray|half)(?:_drange(\d+))?')):
        kind, high = match.groups()
        source = {'rgb': 'out/grid_auto', 'gray': 'out/grid_gray_auto'}.get(kind, 'in/' + kind)
        pixels = np.asarray(to_pil(golden[source], (0, int(high)) if high else (-1, 1)))
        yield golden.compare('rounding', key, pixels, 0)
    screens = {'4k': (3840, 2160), '1080p': (1920, 1080)}
    for name, size in golden.meta['snapshot_grid_sizes'].items():
        screen, side = name.split('_')
        actual = list(grid_size_for([3, int(side), int(side)], screens[screen]))
        yield Comparison('sizes of grids', name, 0 if actual == size else np.inf, 0)
    yield from _unknown(golden)


# ---------------------------------------------------------------------------------------------------------------------
# Figures and metrics


def drawn_figures(golden, _case, open_session):
    """Figures of a small generator, each from the arguments that the file has for it."""
    open_session(seed=1)
    Gs, args = golden.network('Gs', 'G_style'), golden.meta['args']
    draw = {
        'noise_components': lambda seeds, flips, noise_ranges: figures.draw_noise_components(
            Gs, seeds, flips, noise_ranges
        ),
        'truncation': lambda seeds, psis: figures.draw_truncation(Gs, seeds, psis),
        'style_mixing': lambda src_seeds, dst_seeds, style_ranges: draw_style_mixing(
            Gs, src_seeds, dst_seeds, style_ranges
        ),
        'noise_detail': lambda seeds, num_samples: draw_noise_detail(Gs, seeds, num_samples),
    }
    for name in draw:
        if name in args:
            given = {key: value for key, value in args[name].items() if key not in 'wh'}
            yield from golden.compare_levels('out/' + name, draw[name](**given))
    for name, value in tflib.run(Gs.vars).items():
        yield golden.compare('variables afterwards', 'Gs/' + name, value, 0)
    if 'uncurated' in args:
        layout = args['uncurated']
        canvas = figures.uncurated(
            lambda latents: run(Gs, latents, None),
            Gs.input_shape[1],
            [layout[key] for key in ('cx', 'cy', 'cw', 'ch')],
            layout['rows'],
            layout['lods'],
            layout['seed'],
        )
        # Pillow's Lanczos differs by a level between its versions, anywhere.
        yield Comparison(
            '8-bit levels', 'out/uncurated', relative_error(canvas, golden['out/uncurated'], of=255), LEVEL_TOLERANCE
        )
    yield from _unknown(golden)


def frechet(golden, _case, _open_session):
    """The statistics of features and the distance between two of them."""
    for case, expected in golden.meta.items():
        both = {}
        for which in ('real', 'fake'):
            both[which] = statistics(golden[f'{case}/in/features_{which}'])
            yield golden.compare('mean features', f'{case}/out/mu_{which}', both[which].mean, 0)
            yield Comparison(
                'covariances',
                f'{case}/sigma_{which}',
                relative_error(both[which].covariance, np.array(expected[f'sigma_{which}'])),
                1e-12,
            )
        distance = frechet_distance(both['fake'], both['real'])
        yield Comparison('distance', f'{case}/fid', abs(distance / expected['fid'] - 1), 1e-9)
    yield from _unknown(golden)
