"""The Vendi score of sets whose score is known."""

import numpy as np
import pytest

from metrics.arithmetic.vendi import vendi_score


def test_different_equal_and_halves():
    assert vendi_score(np.eye(7, 16, dtype=np.float32)) == pytest.approx(7, rel=1e-12)
    assert vendi_score(np.tile(np.eye(1, 16, dtype=np.float32), [9, 1])) == pytest.approx(1, rel=1e-12)
    assert vendi_score(np.repeat(np.eye(2, 16, dtype=np.float32), 50, axis=0)) == pytest.approx(2, rel=1e-12)


def test_one_and_nobody():
    assert vendi_score(np.eye(1, 4, dtype=np.float32)) == 1 and vendi_score(np.empty((0, 4), np.float32)) == 0


def test_more_rows_than_are_read_at_a_time():
    random = np.random.RandomState(0)
    rows = random.randn(5000, 8)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    eigenvalues = np.linalg.svd(rows.astype(np.float64), compute_uv=False) ** 2 / 5000
    assert vendi_score(rows) == pytest.approx(np.exp(-np.sum(eigenvalues * np.log(eigenvalues))), rel=1e-9)
