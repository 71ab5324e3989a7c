"""Which golden file is evaluated by what. Files are found by pattern, so that others of the same form fit too."""

import collections

import pytest

from tests.goldens import floor, losses, networks, paths, separability
from tests.goldens.files import FOLDER, Golden
from tests.selection import D_PAPER_VARIANTS, D_VARIANTS, G_PAPER_VARIANTS, G_VARIANTS

Kind = collections.namedtuple('Kind', 'pattern evaluate cases has_layouts')
Kind.__doc__ = """A kind of golden file: the pattern of its name without the ending, the function that evaluates one
case, the function that names the cases, and whether its results depend on the layout inside the networks."""


def _one_case(_golden):
    return [None]


KINDS = [
    Kind('g_style_*', networks.generator, networks.variants, True),
    Kind('d_basic_*', networks.discriminator, networks.variants, True),
    Kind('g_paper_*', networks.paper_generator, networks.variants, True),
    Kind('d_paper_*', networks.discriminator, networks.variants, True),
    Kind('losses_progan_*', losses.losses_on_papers, _one_case, True),
    Kind('losses_acgan_*', losses.acgan_losses, _one_case, True),
    Kind('progan_*_expected', networks.pickled_papers, _one_case, True),
    Kind('losses_*', losses.losses_and_gradients, _one_case, True),
    Kind('process_reals*', losses.reals, _one_case, True),
    Kind('ema*', networks.moving_average, _one_case, True),
    Kind('official_*_expected', networks.pickled_networks, _one_case, True),
    Kind('optimizer_*towers*', floor.towers, _one_case, False),
    Kind('optimizer*', floor.optimizer, floor.optimizer_families, False),
    Kind('schedule*', floor.schedule, floor.schedules, False),
    Kind('tfrecords_expected', floor.tfrecords, _one_case, False),
    Kind('image_utils*', floor.image_utils, _one_case, False),
    Kind('figures*', floor.drawn_figures, _one_case, True),
    Kind('metric_fid*', floor.frechet, _one_case, False),
    Kind('metric_ls*', separability.entropies_and_scores, _one_case, False),
    Kind('metric_ppl*', paths.path_lengths, paths.cases, False),
]


def golden_files(folder):
    """The files of a folder that something evaluates.

    Args:
        folder: `pathlib.Path`.

    Returns:
        Dict of `pathlib.Path` to its `Kind`, in the order of KINDS.
    """
    found = {}
    for kind in KINDS:
        for path in sorted([*folder.glob(kind.pattern + '.npz'), *folder.glob(kind.pattern + '.json')]):
            found.setdefault(path, kind)
    return found


def open_golden(path):
    """The file, as the functions of its kind take it."""
    opener = floor.ScheduleGolden if path.suffix == '.json' else Golden
    return opener(path.stem, folder=path.parent)


def golden_cases(pattern):
    """Parametrises a test over `kind`, `path` and `case` of all files of a kind."""
    found = [
        (kind, path, case)
        for path, kind in golden_files(FOLDER).items()
        if kind.pattern == pattern
        for case in kind.cases(open_golden(path))
    ]
    assert found, pattern
    params = []
    for kind, path, case in found:
        name = path.stem + (f'-{case}' if case else '')
        params.append(pytest.param(kind, path, case, id=name, marks=_marks(name)))
    return pytest.mark.parametrize('kind, path, case', params)


THOROUGH = (
    'losses_16_label',
    'losses_32_fusedTrue',
    'schedule-loop_simulation/8gpu_256_total25000',  # the whole run of the paper
    *(f'g_style_16_variants-{each}' for each in G_VARIANTS),
    *(f'd_basic_16_variants-{each}' for each in D_VARIANTS),
    *(f'g_paper_16_variants-{each}' for each in G_PAPER_VARIANTS),
    *(f'd_paper_16_variants-{each}' for each in D_PAPER_VARIANTS),
    'losses_progan_16_plain_label',
)


def _marks(name):
    """`thorough`: 128 px, and THOROUGH, which repeats the operations of others. `slow`: other networks over 16 px."""
    if '_128_' in name or name in THOROUGH:
        return [pytest.mark.thorough]
    slow = name.startswith(('g_style_32', 'g_style_64', 'd_basic_64')) or name == 'losses_acgan_16_nolabel'
    return [pytest.mark.slow] if slow else []


def assert_agreement(kind, path, case, open_session):
    """Fails if a result of a case is off by more than its tolerance, or if there is none."""
    results = list(kind.evaluate(open_golden(path), case, open_session))
    assert results
    assert [result for result in results if is_wrong(result)] == []


def is_wrong(result):
    """Whether a `Comparison` is over its tolerance, or not a number; what the project does not have is neither."""
    return result.error is not None and not result.error <= result.tolerance
