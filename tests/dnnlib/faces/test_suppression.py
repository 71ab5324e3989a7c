import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dnnlib.faces import suppression
from dnnlib.faces.suppression import suppress


def plain(boxes, scores, threshold, relative_to):
    """Takes the best box, drops what overlaps it, and begins again; as the references do."""
    left, top, right, bottom = boxes.T
    area = (right - left + 1) * (bottom - top + 1)
    order, kept = np.argsort(scores), []
    while order.size:
        best, rest = order[-1], order[:-1]
        kept.append(best)
        width = np.maximum(0, np.minimum(right[best], right[rest]) - np.maximum(left[best], left[rest]) + 1)
        height = np.maximum(0, np.minimum(bottom[best], bottom[rest]) - np.maximum(top[best], top[rest]) + 1)
        common = width * height
        smaller, union = np.minimum(area[best], area[rest]), area[best] + area[rest] - common
        order = rest[common / (smaller if relative_to == 'smaller' else union) <= threshold]
    return kept


def random_case(seed, count, extent, groups=1):
    random = np.random.RandomState(seed)
    corners = random.randint(0, extent, [count, 2])
    boxes = np.concatenate([corners, corners + random.randint(1, extent, [count, 2])], axis=1).astype(np.float64)
    scores = random.randint(0, 20, count) / 20  # many ties, which more than 16 numbers do not keep in order
    return boxes, scores, np.sort(random.randint(0, groups, count))


@hypothesis.settings(deadline=None, max_examples=200)
@hypothesis.given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(0, 120),
    extent=st.sampled_from([3, 30, 300]),
    groups=st.integers(1, 5),
    threshold=st.sampled_from([0.0, 0.3, 0.5, 0.7]),
    relative_to=st.sampled_from(['union', 'smaller']),
    pairs=st.sampled_from([1, 50, 1 << 20]),
)
def test_keeps_what_plain_suppression_keeps_in_its_order(seed, count, extent, groups, threshold, relative_to, pairs):
    boxes, scores, group = random_case(seed, count, extent, groups)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suppression, 'PAIRS_AT_ONCE', pairs)
        kept = suppress(boxes, scores, group, threshold, relative_to)
    expected = []
    for number in range(groups):
        places = np.flatnonzero(group == number)
        expected += places[plain(boxes[places], scores[places], threshold, relative_to)].tolist()
    assert kept.tolist() == expected


@hypothesis.settings(deadline=None, max_examples=100)
@hypothesis.given(
    corners=hnp.arrays(np.float64, [20, 2], elements=st.floats(-50, 50)),
    sides=hnp.arrays(np.float64, [20, 2], elements=st.floats(0, 60)),
    scores=hnp.arrays(np.float64, 20, elements=st.floats(0, 1)),
)
def test_of_boxes_between_pixels_too(corners, sides, scores):
    boxes = np.concatenate([corners, corners + sides], axis=1)
    kept = suppress(boxes, scores, np.zeros(20, np.int64), 0.7, 'smaller')
    assert kept.tolist() == plain(boxes, scores, 0.7, 'smaller')


def test_the_last_pixels_count():
    # 2x2 and 2x1 pixels overlap by half the union; without the last pixels the second would have no area at all.
    boxes = np.array([[0.0, 0, 1, 1], [0, 0, 1, 0]])
    scores, groups = np.array([0.9, 0.8]), np.zeros(2, np.int64)
    assert suppress(boxes, scores, groups, 0.5).tolist() == [0, 1]
    assert suppress(boxes, scores, groups, 0.49).tolist() == [0]


def test_more_candidates_than_16_bits_can_count():
    grid = np.stack(np.meshgrid(np.arange(200) * 30.0, np.arange(200) * 30.0), axis=-1).reshape(-1, 2)
    boxes = np.repeat(np.concatenate([grid, grid + 20], axis=1), 2, axis=0)  # 80,000, in pairs of equals
    scores = np.random.RandomState(0).permutation(len(boxes)) / len(boxes)
    kept = suppress(boxes, scores, np.zeros(len(boxes), np.int64), 0.5)
    best_of_pairs = scores.reshape(-1, 2).argmax(axis=1) + 2 * np.arange(len(grid))
    assert kept.tolist() == best_of_pairs[np.argsort(-scores[best_of_pairs])].tolist()
