"""What all tests share: one thread (the models are tiny), and each estimator of the list fitted once."""

from __future__ import annotations

import warnings
from functools import cache

import pytest
import torch
from cases import ESTIMATORS, MODELS, name
from data import mixed_frame
from sklearn.base import clone

torch.set_num_threads(1)


@cache
def _fitted(position: int):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a model this small may collapse; the tests of the warning ask for it
        return clone(ESTIMATORS[position]).fit(mixed_frame())


@pytest.fixture(params=range(len(ESTIMATORS)), ids=[name(e) for e in ESTIMATORS])
def fitted(request):
    """Every estimator, fitted to `mixed_frame()`; shared, so a test must not change it."""
    return _fitted(request.param)


@pytest.fixture(params=range(len(MODELS)), ids=[name(e) for e in MODELS])
def fitted_model(request):
    """Every model, fitted to `mixed_frame()`; shared, so a test must not change it."""
    return _fitted(request.param)


@pytest.fixture(params=range(len(ESTIMATORS)), ids=[name(e) for e in ESTIMATORS])
def estimator(request):
    """Every estimator, unfitted and unshared."""
    return clone(ESTIMATORS[request.param])


@pytest.fixture(params=range(len(MODELS)), ids=[name(e) for e in MODELS])
def model(request):
    """Every model, unfitted and unshared."""
    return clone(MODELS[request.param])
