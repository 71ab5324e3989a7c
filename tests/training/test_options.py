"""Presets, what the user gives on top, and what is refused."""

import click
import pytest

from training.options import PRESETS, resolve_options


def resolve(preset='paper', dataset_resolution=256, **given):
    return resolve_options(preset, dict(given, data='datasets/x'), dataset_resolution)


def test_paper_on_two_gpus_is_the_official_configuration():
    options = resolve(gpus=2)
    assert (options.minibatch, options.minibatch_by_resolution[8], options.minibatch_by_resolution[256]) == (8, 256, 8)
    assert (options.r1_gamma, options.total_kimg, options.mirror, options.metrics) == (10.0, 25000, True, ['fid50k'])
    assert (options.lrate, options.lrate_by_resolution[256]) == (0.001, 0.002)


def test_what_is_given_wins_over_the_preset():
    assert resolve('demo', 32).total_kimg == PRESETS['demo']['total_kimg']
    assert resolve('demo', 32, total_kimg=1).total_kimg == 1


def test_given_minibatch_replaces_the_table():
    options = resolve(gpus=3, minibatch=12)
    assert (options.minibatch, options.minibatch_by_resolution) == (12, {})


def test_runs_do_not_share_tables():
    resolve(gpus=2).minibatch_by_resolution[8] = 1
    assert resolve(gpus=2).minibatch_by_resolution[8] == 256


def test_small_dataset_starts_at_its_own_resolution():
    assert resolve(dataset_resolution=4).initial_resolution == 4


@pytest.mark.parametrize(
    'given, sentence',
    [
        ({'gpus': 3}, '--gpus 3: the official minibatches are for 1, 2, 4 or 8 GPUs; give --minibatch too'),
        ({'gpus': 2, 'minibatch': 9}, '--minibatch 9 .* cannot be divided among 2 GPUs; use a multiple of 2'),
        ({'gpus': 2, 'minibatch': 12}, '--minibatch 12 .* gives each GPU 6 images, .*; use a multiple of 8'),
        (
            {'gpus': 2, 'minibatch': 8, 'minibatch_by_resolution': {8: 8, 16: 8, 32: 8, 64: 7, 128: 8, 256: 8}},
            '--minibatch 7 .at 64x64.',
        ),
        ({'resolution': 48}, '--resolution 48: must be a power of two'),
        ({'resolution': 512}, '--resolution 512: the dataset has 256x256 images'),
        ({'gpus': 1, 'minibatch': 0}, '--minibatch 0 .*: must be at least 1'),
        ({'minibatch': 8, 'minibatch_by_resolution': {8: 64, 256: 8}}, '--minibatch: the value for 16x16 is missing'),
        ({'initial_resolution': 512}, '--initial-resolution 512: training ends at 256x256'),
        ({'phase_kimg': 0, 'fade_kimg': 0}, 'leave no time to grow; .* give --initial-resolution 256'),
        ({'fmap_base': 127}, '--fmap-base 127: leaves no feature maps at 256x256; use at least 128'),
        ({'initial_resolution': 10}, '--initial-resolution 10: must be a power of two'),
        ({'half_levels': 2}, '--half-levels: float32 has no half precision; give --precision mixed too'),
        (
            {'architecture': 'progan', 'precision': 'mixed'},
            "--precision mixed: ProGAN's networks train in float32 only",
        ),
    ],
)
def test_refused_with_the_flag_and_the_hint(given, sentence):
    with pytest.raises(click.UsageError, match=sentence):
        resolve(**given)


def test_single_image_per_gpu_is_a_group_of_its_own():
    assert resolve(gpus=2, minibatch=2).minibatch == 2
