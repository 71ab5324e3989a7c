"""`python -m benchmarks.gpu_check`: is this program right and fast on this GPU?"""

import dnnlib.quiet  # noqa: F401, I001  first: silences TensorFlow before anything imports it

import functools
import sys
import time
from typing import Any, NamedTuple

import click

from benchmarks.gpu_check import card
from benchmarks.gpu_check.parts import Part, run_parts
from benchmarks.gpu_check.report import Report, Row
from training.options import resolve_options


class Size(NamedTuple):
    """How much is measured."""

    run: Any  # arguments of `resolve_options`
    resolution: int  # px
    sides: Any  # that train, px
    goldens: Any  # names of golden files; None: all
    photographs: int


PAPER = Size({'gpus': 2}, 256, (8, 16, 32, 64, 128, 256), None, 64)
_TOY_RUN = {'gpus': 2, 'fmap_base': 64, 'fmap_max': 8, 'latent_size': 8, 'mapping_layers': 2}
TOY = Size(_TOY_RUN, 8, (8,), ('ema', 'process_reals', 'd_basic_32'), 2)


@click.command(
    epilog='\b\nExamples:\n  python -m benchmarks.gpu_check\n  python -m benchmarks.gpu_check --write gpu.json'
)
@click.option(
    '--seconds',
    type=click.FloatRange(min=0),
    default=300.0,
    show_default=True,
    help='Time, after the first kernels have started. What does not fit is left out and named.',
)
@click.option(
    '--write', type=click.Path(dir_okay=False), help='Also write the rows to this file, for a bug report: JSON.'
)
@click.option(
    '--device',
    type=click.Choice(['gpu', 'cpu']),
    default='gpu',
    show_default=True,
    help='cpu: try the check itself, with small networks.',
)
def main(seconds, write, device):
    """Check on a GPU that the numbers are right, and how fast training and generating are.

    Prints a table: what card it is; the golden files of the original code; two replicas; the paper's networks from 8 to
    256 px, with speed and memory; images a second; the decisions of the filter. Exit code 1 if a row fails.

    If the card has no machine code in this TensorFlow, the first start takes up to half an hour. It is not counted.
    """
    report = Report(write)
    check(device, seconds, PAPER if device == 'gpu' else TOY, report)
    click.echo(report.table())
    sys.exit(1 if report.failed else 0)


def check(device, seconds, size, report, now=time.monotonic):
    """Runs the whole check.

    Args:
        device: 'gpu' or 'cpu'.
        seconds: For all that comes after the first kernels.
        size: `Size`.
        report: `Report`, takes the rows.
        now: The clock, in seconds.
    """
    compiled_before = card.kernel_cache_bytes()
    rows, there_is_a_card = card.rows_about_the_card(device)
    report.add(rows)
    if not there_is_a_card:
        report.add([Row('all others', '', 'need a GPU')])
        return
    # Only now, since these run first kernels too when they are imported.
    from benchmarks.gpu_check.goldens import layout_for
    from tests.layouts import networks_in

    with networks_in(layout_for(device)):
        run_parts(parts_of(device, size), seconds, report, now)
    if device == 'gpu':
        report.add([card.row_about_compilation(compiled_before)])


def parts_of(device, size):
    """The parts, list of `Part`."""
    from benchmarks.gpu_check import faces, generating, goldens, replicas, training

    options = resolve_options('paper', {'data': '', **size.run}, size.resolution)
    return [
        Part(goldens.PART, 60, functools.partial(goldens.open_goldens, device, size.goldens)),
        Part(replicas.PART, 20, functools.partial(replicas.open_replicas, device)),
        Part(training.PART, 120, functools.partial(training.open_training, device, options, size.sides)),
        Part(generating.PART, 30, functools.partial(generating.open_generating, device, options)),
        Part(faces.PART, 30, functools.partial(faces.open_faces, size.photographs)),
        Part(goldens.PART_TF32, 40, functools.partial(goldens.open_goldens_in_tf32, device, size.goldens)),
    ]


if __name__ == '__main__':
    main()
