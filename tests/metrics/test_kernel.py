"""The kernel distance is unbiased, and its standard error says how far it is from the truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomalib_vae.metrics import kernel_distance


def normal(rows: int, width: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, width)) + shift


def test_it_is_the_estimate_written_out():
    first, second = normal(4, 3, 0), normal(4, 3, 1, 0.5)

    def kernel(x, y):
        return (x @ y / 3 + 1) ** 3

    def expected(a, b):
        return kernel(a[0], a[1]) + kernel(b[0], b[1]) - 2 * np.mean([kernel(x, y) for x in a for y in b])

    order = np.random.default_rng(7)
    places = [order.permutation(4).reshape(2, 2) for _ in range(2)]
    subsets = [expected(first[i], second[j]) for i, j in zip(*places, strict=True)]
    distance, error = kernel_distance(first, second, n_subsets=2, random_state=7)
    assert distance == pytest.approx(np.mean(subsets))
    assert error == pytest.approx(abs(subsets[0] - subsets[1]) / 2)


def test_a_feature_with_a_moved_mean_has_the_distance_of_its_first_three_moments():
    # (xy + 1)³ = 1 + 3xy + 3x²y² + x³y³, and N(1, 1) has the moments 1, 2, 4 where N(0, 1) has 0, 1, 0
    distance, error = kernel_distance(normal(4000, 1, 0), normal(4000, 1, 1, 1.0))
    assert abs(distance - (3 * 1**2 + 3 * 1**2 + 4**2)) < 4 * error
    assert error < 3.0


def test_two_halves_of_one_sample_vary_around_zero():
    found = np.array([kernel_distance(*np.split(normal(400, 4, seed), 2)) for seed in range(60)])
    distances, errors = found.T
    assert abs(distances.mean()) < 3 * distances.std(ddof=1) / np.sqrt(60)
    assert (distances < 0).any()
    assert 0.7 < errors.mean() / distances.std(ddof=1) < 1.3


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(2, 30))
def test_a_seed_gives_the_same_distance_again(seed, width, size):
    first, second = normal(40, width, seed), normal(50, width, seed + 1)
    once = kernel_distance(first, second, subset_size=size, random_state=seed)
    assert once == kernel_distance(first, second, subset_size=size, random_state=seed)
    assert np.isfinite(once).all()
    assert once[1] >= 0.0


def test_too_small_subsets_are_refused():
    with pytest.raises(ValueError, match="n_subsets must be at least 2, got 1"):
        kernel_distance(normal(40, 2, 0), normal(40, 2, 1), n_subsets=1)
    with pytest.raises(ValueError, match="subset_size must be at least 2, got 1"):
        kernel_distance(normal(40, 2, 0), normal(40, 2, 1), subset_size=1)
    with pytest.raises(ValueError, match="generated must have at least 20 rows, got 19"):
        kernel_distance(normal(40, 2, 0), normal(19, 2, 1))
