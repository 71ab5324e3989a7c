"""Prints how far this project's results are from the original code's, file by file."""

import collections
import pathlib
import sys

import click
import numpy as np

import dnnlib.quiet  # noqa: F401


@click.command()
@click.argument('folder', type=click.Path(exists=True, file_okay=False), default='tests/golden')
@click.option('--layout', type=click.Choice(['NHWC', 'NCHW']), help='Only this one; files without layouts as ever.')
def main(folder, layout):
    """Compare this project's results with the golden files in FOLDER (tests/golden), in each layout that runs here.

    A row is one quantity of one file: how many results there are, and the largest error, relative to the largest
    expected value. Exit code 1 if one is over its tolerance.

    \b
    Example:
      python -m tests.golden_table tests/golden
    """
    from tests.goldens.kinds import golden_files, is_wrong
    from tests.layouts import LAYOUTS

    if layout not in (None, *LAYOUTS):
        raise click.UsageError(f'--layout {layout}: TensorFlow does not run it here; take the Python of .venv-nchw.')
    layouts = [layout] if layout else LAYOUTS
    folder = pathlib.Path(folder)
    files = golden_files(folder)
    if not files:
        raise click.UsageError(f'{folder}: holds no golden file that this project knows.')
    row = '{:<30} {:<26} {:>7}' + ' {:>10}' * len(layouts) + ' {:>10}  {}'
    click.echo(row.format('file', 'quantity', 'results', *layouts, 'tolerance', ''))
    wrong = 0
    for path, kind in files.items():
        by_layout = {
            layout: results_by_quantity(path, kind, layout) for layout in (layouts if kind.has_layouts else LAYOUTS[:1])
        }
        for quantity, results in next(iter(by_layout.values())).items():
            over = any(is_wrong(result) for results in by_layout.values() for result in results[quantity])
            wrong += over
            errors = [largest(results[quantity], 'error') for results in by_layout.values()]
            tolerance = largest(results, 'tolerance')
            verdict = 'TOO LARGE' if over else 'ok' if tolerance != '-' else 'left out'
            click.echo(
                row.format(
                    path.name, quantity, len(results), *errors, *[''] * (len(layouts) - len(errors)), tolerance, verdict
                )
            )
    others = sorted(path.name for path in folder.iterdir() if path.suffix == '.npz' and path not in files)
    click.echo(
        f'{len(files)} files, {wrong} quantities over their tolerance.'
        + (f' Not compared, since the project does not have it: {", ".join(others)}.' if others else '')
    )
    sys.exit(1 if wrong else 0)


def results_by_quantity(path, kind, layout):
    """All results of a golden file: a dict of their quantity to a list of `tests.goldens.files.Comparison`.

    Args:
        path, kind: As from `tests.goldens.kinds.golden_files`.
        layout: 'NHWC' on the CPU, or 'NCHW', on a GPU if there is one.
    """
    from tests.goldens.kinds import open_golden
    from tests.layouts import device_for, networks_in
    from tests.sessions import one_session_at_a_time

    found = collections.defaultdict(list)
    for case in kind.cases(open_golden(path)):
        with networks_in(layout), one_session_at_a_time() as open_session:

            def open_it(**options):
                return open_session(**{'device': device_for(layout), **options})

            for result in kind.evaluate(open_golden(path), case, open_it):
                found[result.quantity].append(result)
    return found


def largest(results, field):
    """The largest error or tolerance of some results, as text; '-' for what the project does not have."""
    numbers = [getattr(result, field) for result in results]
    return '-' if None in numbers else f'{np.max(numbers):.1e}'  # not a number, if one is none


if __name__ == '__main__':
    main()
