"""Density and coverage count the balls around real rows that generated ones lie in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomalib_vae.metrics import coverage, density_and_coverage, neighbourhoods

LINE = np.arange(4.0)[:, None]  # with k = 1 each has a ball of radius 1


def normal(rows: int, seed: int, width: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, width))


@pytest.mark.parametrize(
    ("generated", "density", "covered"),
    [([[0.5]], 2.0, 0.5), ([[-0.5], [9.0]], 0.5, 0.25), ([[1.0]], 3.0, 0.75), ([[9.0]], 0.0, 0.0)],
)
def test_by_hand(generated, density, covered):
    assert density_and_coverage(LINE, generated, k=1) == (density, covered)


def test_the_ball_reaches_to_the_kth_other_row():
    assert coverage(LINE, [[4.9]], k=1) == 0.0
    assert coverage(LINE, [[4.9]], k=2) == 0.25  # the last one's ball, of radius 2


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.booleans())
def test_a_copy_covers_everything_also_where_rows_repeat(seed, k, repeated):
    rows = normal(20, seed) + 1e6
    rows = np.repeat(rows[:2], 10, axis=0) if repeated else rows
    density, covered = density_and_coverage(rows, rows[::-1], k)
    assert covered == 1.0
    assert density >= 1.0


def test_rows_drawn_alike_have_the_expected_coverage_and_a_density_of_one():
    n, m, k = 1000, 700, 5
    found = np.mean([density_and_coverage(normal(n, i), normal(m, 99 + i), k) for i in range(8)], axis=0)
    missed = np.prod([(n - i) / (n + m - i) for i in range(1, k + 1)])  # Naeem et al. 2020, equation 9
    assert found == pytest.approx([1.0, 1.0 - missed], abs=0.02)


def test_a_collapsed_set_covers_next_to_nothing():
    rows = normal(500, 0)
    one = np.repeat(rows[:1], 300, axis=0)
    assert coverage(rows, one) < 0.05
    assert coverage(rows, one + 100.0) == 0.0
    assert coverage(rows, normal(300, 1)) > 0.8


def test_distances_are_held_in_parts_that_change_nothing(monkeypatch):
    first, second = normal(60, 0), normal(45, 1)
    whole = density_and_coverage(first, second)
    monkeypatch.setattr(neighbourhoods, "ENTRIES", 420)
    assert max(len(part) for part in neighbourhoods._chunks(first, 60)) == 7
    assert density_and_coverage(first, second) == whole


def test_too_few_real_rows_for_k_are_refused():
    with pytest.raises(ValueError, match="real must have at least 5 rows, got 4"):
        coverage(LINE, LINE, k=4)
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        coverage(LINE, LINE, k=0)
