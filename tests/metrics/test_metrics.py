"""What all measures share: a menu that is light to import, what they take, and what they refuse."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from anomalib_vae import metrics

MEASURES = [getattr(metrics, name) for name in metrics.__all__]
ROWS = np.random.default_rng(0).standard_normal((60, 3))
OTHERS = np.random.default_rng(1).standard_normal((50, 3)).astype(np.float32)


def broken(value: float) -> np.ndarray:
    rows = ROWS.copy()
    rows[4, 1] = value
    return rows


@pytest.mark.parametrize("measure", MEASURES)
def test_tensors_and_lists_are_taken_too(measure):
    expected = measure(ROWS, OTHERS)
    assert measure(torch.from_numpy(ROWS).requires_grad_(), torch.from_numpy(OTHERS)) == expected
    assert measure(ROWS.tolist(), OTHERS.tolist()) == expected


@pytest.mark.parametrize("measure", MEASURES)
def test_the_arguments_stay_what_they_are(measure):
    rows, others = ROWS.copy(), OTHERS.copy()
    measure(rows, others)
    assert np.array_equal(rows, ROWS)
    assert np.array_equal(others, OTHERS)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    ("real", "generated", "error", "message"),
    [
        (ROWS, OTHERS[:, :2], ValueError, "real has 3 features and generated has 2: compute both"),
        (ROWS, broken(np.nan), ValueError, "generated must be finite, got nan in row 4, feature 1"),
        (broken(np.inf), OTHERS, ValueError, "real must be finite, got inf in row 4, feature 1"),
        (ROWS[:1], OTHERS, ValueError, r"real must have at least \d+ rows, got 1"),
        (ROWS, OTHERS[:0], ValueError, r"generated must have at least \d+ rows, got 0"),
        (ROWS[:, 0], OTHERS, ValueError, r"real must have shape \(rows, features\), got \(60,\)"),
        (ROWS, OTHERS[:, :0], ValueError, r"generated must have shape \(rows, features\), got \(50, 0\)"),
        (ROWS.astype(str), OTHERS, TypeError, "real must hold numbers, got an array of <U"),
    ],
)
def test_what_is_wrong_is_named(measure, real, generated, error, message):
    with pytest.raises(error, match=message):
        measure(real, generated)


def test_the_menu_matches_and_knows_nothing_else():
    assert sorted(metrics._HOME) == metrics.__all__ == dir(metrics)
    for name in metrics.__all__:
        assert getattr(metrics, name).__module__ == metrics._HOME[name]
    with pytest.raises(AttributeError, match="has no attribute 'inception_score'"):
        metrics.inception_score  # noqa: B018


def test_importing_a_measure_imports_nothing_slow():
    code = (
        "import sys; from anomalib_vae.metrics import coverage, frechet_distance, kernel_distance;"
        "print([n for n in ('torch', 'sklearn', 'pandas', 'scipy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
