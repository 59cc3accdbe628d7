"""Models to draw, each fitted once; a test must not change them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from cases import SMALL
from data import digits, few_columns

from anomalib_vae import VAE, Autoencoder
from anomalib_vae.report import SampleSnapshots

ALONE = SMALL | {"n_members": 1, "max_epochs": 6}


def as_bytes() -> np.ndarray:
    return (255 * digits()).round().astype(np.uint8)


def in_colour() -> np.ndarray:
    """Digits of 7 x 8 pixels in three colours, with a gap in the first one."""
    images = np.stack([digits(), digits() ** 2, digits()[::-1]], -1)[:, :7]
    images[0, 2:4, 3] = np.nan
    return images


def fitted(model, X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a model this small may collapse
        return model.fit(X)


@pytest.fixture(scope="session")
def of_bytes():
    return fitted(VAE(**SMALL | {"max_epochs": 6}, callbacks=(SampleSnapshots(5, every=2),)), as_bytes())


@pytest.fixture(scope="session")
def of_colours():
    return fitted(Autoencoder(**ALONE, latent_dim=2), in_colour())


@pytest.fixture(scope="session")
def of_plane():
    return fitted(VAE(**ALONE, latent_dim=2), digits())


@pytest.fixture(scope="session")
def of_table():
    return fitted(VAE(**SMALL | {"max_epochs": 6}, validation_fraction=0.2), few_columns())
