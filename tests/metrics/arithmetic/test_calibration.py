"""Thresholds measured on all pairs of some images: counts, copies, intervals, what is observed."""

import itertools

import numpy as np

from metrics.arithmetic import calibration
from metrics.arithmetic.calibration import FARS, calibrate
from metrics.arithmetic.thresholds import tar_at, threshold_at


def people(count, images=2, spread=0.4, seed=0, size=16):
    """Vectors of length 1 about a direction for each of some people, and who is in each."""
    random = np.random.RandomState(seed)
    vectors = np.repeat(random.randn(count, size), images, axis=0) + spread * random.randn(count * images, size)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    order = random.permutation(len(vectors))
    return vectors[order].astype(np.float32), np.repeat(np.arange(count) * 7, images)[order]


def brute_force(vectors, labels):
    """The scores of mated and non-mated pairs, one by one in float64, and the number of copies."""
    mated, nonmated, copies = [], [], 0
    for one, other in itertools.combinations(range(len(vectors)), 2):
        score = vectors[one].astype(np.float64) @ vectors[other]
        if score >= 0.999:
            copies += 1
        else:
            (mated if labels[one] == labels[other] else nonmated).append(score)
    return np.array(mated), np.array(nonmated), copies


def test_thresholds_are_those_of_all_pairs(monkeypatch):
    monkeypatch.setattr(calibration, 'ROWS', 37)
    vectors, labels = people(60)
    vectors[labels.argsort()[0]] = vectors[labels.argsort()[-1]]  # two names on one photograph
    vectors[labels == 14] = vectors[labels == 14][0]  # a photograph that is there twice
    found = calibrate(vectors, labels)
    mated, nonmated, copies = brute_force(vectors, labels)
    assert (found.images, found.identities, found.mated, found.nonmated) == (120, 60, len(mated), len(nonmated))
    assert found.copies == copies == 2
    assert [each.far for each in found.thresholds] == [1e-2]  # 7,079 pairs
    [threshold] = found.thresholds
    assert threshold.is_observed and threshold.low < threshold.cosine < threshold.high
    assert abs(threshold.cosine - threshold_at(nonmated, 1e-2)) < 1e-6
    assert abs(threshold.tar - tar_at(mated, threshold.cosine)) < 1e-9
    accepted, missed = (np.sort(scores) for scores in (nonmated, mated))
    errors = [max(np.mean(accepted >= edge), np.mean(missed < edge)) for edge in np.linspace(-1, 1, 4001)]
    assert abs(found.eer - min(errors)) < 0.01


def test_few_pairs_give_no_threshold_and_the_tail_is_marked():
    vectors, labels = people(20, images=1)
    assert calibrate(vectors, labels, extrapolate=True).thresholds == []  # 190 pairs
    vectors, labels = people(300)
    observed, extrapolated = (calibrate(vectors, labels, extrapolate=each).thresholds for each in (False, True))
    assert observed == extrapolated[:3] and [each.far for each in observed] == [1e-2, 1e-3, 1e-4]  # 179,400 pairs
    assert [each.far for each in extrapolated] == list(FARS)
    assert [each.is_observed for each in extrapolated] == [True] * 3 + [False] * 4
    cosines = [each.cosine for each in extrapolated]
    assert cosines == sorted(cosines) and cosines[-1] < 1
    more, _ = people(3000, images=1, seed=5)
    scores = (more @ more.T)[np.triu_indices(len(more), 1)]
    for each in extrapolated[3:5]:  # other people of the same kind, 4.5 million pairs
        assert each.low - 0.01 < threshold_at(scores, each.far) < each.high + 0.01


def test_the_interval_holds_the_threshold_of_other_people_of_that_kind():
    many, _ = people(2000, images=1, seed=99)
    truth = threshold_at((many @ many.T)[np.triu_indices(len(many), 1)], 1e-2)
    inside = 0
    for seed in range(20):
        [threshold] = calibrate(*people(60, seed=seed), seed=seed).thresholds
        inside += threshold.low <= truth <= threshold.high
    assert inside >= 15


def test_the_same_seed_gives_the_same_numbers():
    vectors, labels = people(60)
    assert calibrate(vectors, labels, seed=3) == calibrate(vectors, labels, seed=3)
    assert calibrate(vectors, labels, seed=3).thresholds[0].low != calibrate(vectors, labels, seed=4).thresholds[0].low


def test_few_people_with_many_images_have_thresholds_too():
    vectors, labels = people(20, images=60)  # 5 % of the pairs are mated, as many as are kept
    found = calibrate(vectors, labels)
    scores, same = vectors @ vectors.T, labels[:, np.newaxis] == labels
    nonmated = scores[np.triu(~same)]
    assert found.nonmated == len(nonmated) == 684_000
    for each in found.thresholds:
        assert abs(each.cosine - threshold_at(nonmated, each.far)) < 1e-6


def test_scores_that_take_few_values_have_no_tail():
    vectors, labels = people(300)
    coarse = np.eye(4, dtype=np.float32)[np.abs(vectors).argmax(axis=1) % 4]  # scores are 0 or 1
    coarse[:, 3] = 0.3
    coarse /= np.linalg.norm(coarse, axis=1, keepdims=True)
    found = calibrate(coarse, labels, extrapolate=True)
    assert [each.far for each in found.thresholds] == [1e-2, 1e-3, 1e-4]
