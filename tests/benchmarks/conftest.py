"""The measuring programs as modules, and digits for those that measure images."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from data import digits
from programs import FOLDER


@pytest.fixture
def program_of(monkeypatch):
    """Finds a measuring program by its name, as a module."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


@pytest.fixture(scope="session")
def digits_file(tmp_path_factory):
    """100 digits to train on and 50 to test on, in bytes."""
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    images = (255 * digits()).astype(np.uint8)
    np.savez(path, x_train=images[:100], x_test=images[100:])
    return path
