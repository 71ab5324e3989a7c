"""The growing schedule against the original's, and the table of its phases against the schedule."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.goldens.files import FOLDER
from tests.goldens.floor import with_integer_keys
from tests.goldens.kinds import assert_agreement, golden_cases
from training.options import resolve_options
from training.schedule import LRATE_BY_RESOLUTION, MINIBATCHES_BY_GPUS, phases, training_schedule

GOLDEN = json.loads((FOLDER / 'schedule.json').read_text())


def paper_options(num_gpus):
    minibatch_base, minibatch_dict = MINIBATCHES_BY_GPUS[num_gpus]
    return {
        'num_gpus': num_gpus,
        'lod_initial_resolution': 8,
        'minibatch_base': minibatch_base,
        'minibatch_dict': minibatch_dict,
        'G_lrate_dict': LRATE_BY_RESOLUTION,
        'D_lrate_dict': LRATE_BY_RESOLUTION,
    }


@golden_cases('schedule*')
def test_grows_as_the_original(open_session, kind, path, case):
    assert_agreement(kind, path, case, open_session)


@pytest.mark.parametrize('name', GOLDEN['settings'])
def test_presets_are_the_published_settings(name):
    resolution, num_gpus = (int(number) for number in name.replace('res', '').split('_gpus'))
    published = dict(with_integer_keys(GOLDEN['settings'][name]), num_gpus=num_gpus)
    assert published == paper_options(num_gpus)
    options = resolve_options('paper', {'gpus': num_gpus, 'data': 'datasets/x'}, resolution).schedule_options()
    for cur_nimg in GOLDEN['grid']:
        assert training_schedule(cur_nimg, resolution, **options) == training_schedule(
            cur_nimg, resolution, **published
        )


@pytest.mark.parametrize(
    'phase_kimg, fade_kimg, cur_nimg, lod', [(1.2, 0.6, 4800, 3), (0.7, 1.0, 5800, 2), (4.1, 0.6, 8800, 4)]
)
def test_lod_that_a_float32_holds_as_a_whole_number_is_one(phase_kimg, fade_kimg, cur_nimg, lod):
    schedule = training_schedule(cur_nimg, 128, lod_training_kimg=phase_kimg, lod_transition_kimg=fade_kimg)
    assert (schedule.lod, schedule.resolution) == (lod, 128 // 2**lod)


def test_generator_and_discriminator_have_learning_rates_of_their_own():
    schedule = training_schedule(0, 8, G_lrate_base=0.5, D_lrate_base=0.25, D_lrate_dict={4: 0.125})
    assert (schedule.G_lrate, schedule.D_lrate) == (0.5, 0.125)


# ---------------------------------------------------------------------------------------------------------------------
# The table


def test_the_papers_run_as_a_table():
    rows = phases(25000, 256, **paper_options(2))
    assert [(r.what, r.resolution, r.begin_kimg, r.end_kimg, r.minibatch, r.G_lrate, r.D_lrate) for r in rows] == [
        ('train', 8, 0, 600, 256, 0.001, 0.001),
        ('fade in', 16, 600, 1200, 128, 0.001, 0.001),
        ('train', 16, 1200, 1800, 128, 0.001, 0.001),
        ('fade in', 32, 1800, 2400, 64, 0.001, 0.001),
        ('train', 32, 2400, 3000, 64, 0.001, 0.001),
        ('fade in', 64, 3000, 3600, 32, 0.001, 0.001),
        ('train', 64, 3600, 4200, 32, 0.001, 0.001),
        ('fade in', 128, 4200, 4800, 16, 0.0015, 0.0015),
        ('train', 128, 4800, 5400, 16, 0.0015, 0.0015),
        ('fade in', 256, 5400, 6000, 8, 0.002, 0.002),
        ('train', 256, 6000, 25000, 8, 0.002, 0.002),
    ]


KIMG = st.one_of(st.integers(0, 3), st.sampled_from([0.25, 0.5, 600]))


@settings(database=None)
@given(
    total_kimg=st.one_of(st.integers(1, 30), st.sampled_from([0.5, 5000])),
    log2=st.integers(2, 5),
    initial_log2=st.integers(2, 5),
    lengths=st.tuples(KIMG, KIMG),
    num_gpus=st.integers(1, 3),
)
def test_the_table_says_what_the_schedule_does(total_kimg, log2, initial_log2, lengths, num_gpus):
    options = {
        'num_gpus': num_gpus,
        'lod_initial_resolution': 2 ** min(initial_log2, log2),
        'minibatch_base': 6,
        'minibatch_dict': {4: 32, 8: 24, 16: 12},
        'G_lrate_dict': {8: 0.1, 16: 0.2},
        'D_lrate_dict': {16: 0.3, 32: 0.4},
        'lod_training_kimg': lengths[0],
        'lod_transition_kimg': lengths[1],
    }
    rows = phases(total_kimg, 2**log2, **options)
    assert rows[0].begin_kimg == 0 and rows[-1].end_kimg == total_kimg
    assert [row.end_kimg for row in rows[:-1]] == [row.begin_kimg for row in rows[1:]]
    for row in rows:
        begin, end = row.begin_kimg * 1000, row.end_kimg * 1000
        assert begin < end
        for cur_nimg in (begin + 1, (begin + end) / 2, end - 1):
            schedule = training_schedule(cur_nimg, 2**log2, **options)
            for column in ('resolution', 'minibatch', 'G_lrate', 'D_lrate'):
                assert row[column] == schedule[column]
            assert (row.what == 'fade in') == (schedule.lod % 1 > 0)


@pytest.mark.parametrize(
    'total_kimg, options, expected',
    [
        (300, {}, [('train', 4, 0, 300)]),
        (1000, {}, [('train', 4, 0, 600), ('fade in', 8, 600, 1000)]),
        (1000, {'lod_initial_resolution': 8}, [('train', 8, 0, 1000)]),
        (1000, {'lod_transition_kimg': 0}, [('train', 4, 0, 600), ('train', 8, 600, 1000)]),
        (1000, {'lod_training_kimg': 0}, [('fade in', 8, 0, 600), ('train', 8, 600, 1000)]),
        (1000, {'lod_training_kimg': 0, 'lod_transition_kimg': 0}, [('train', 4, 0, 1000)]),
        (0, {}, []),
    ],
)
def test_phases_of_no_length_have_no_row(total_kimg, options, expected):
    rows = phases(total_kimg, 8, **options)
    assert [(row.what, row.resolution, row.begin_kimg, row.end_kimg) for row in rows] == expected


def test_a_phase_of_next_to_no_length_is_over_at_once():
    options = {'lod_initial_resolution': 4, 'lod_training_kimg': 1e-310, 'lod_transition_kimg': 0}
    assert training_schedule(10**9, 1024, **options).lod == 0
    assert phases(25000, 8, **options)[-1].resolution == 8
