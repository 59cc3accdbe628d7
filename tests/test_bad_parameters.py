"""Parameters and arguments that make no sense: each is refused with an error that names it."""

from __future__ import annotations

import numpy as np
import pytest
from cases import SMALL, quick
from data import few_columns
from sklearn.mixture import GaussianMixture

from anomalib_vae import VAE, AnomalyDetector, HierarchicalVAE, SequenceVAE, VAEImputer

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")

WRONG_PARAMETERS = [
    (VAE(latent_dim=-1), ValueError, "VAE.latent_dim must be at least 1, got -1"),
    (VAE(latent_dim=2.5), TypeError, "VAE.latent_dim must be an integer or a string, got 2.5"),
    (VAE(latent_dim=True), TypeError, "VAE.latent_dim must be an integer"),
    (VAE(latent_dim="wide"), ValueError, r"VAE.latent_dim must be one of 'auto' \(or an integer\), got 'wide'"),
    (VAE(hidden_dims=16), TypeError, "VAE.hidden_dims must be a tuple"),
    (VAE(hidden_dims=(16, 0)), ValueError, "VAE.hidden_dims must be at least 1, got 0"),
    (VAE(n_members=0), ValueError, "VAE.n_members must be at least 1"),
    (VAE(activation="sin"), ValueError, "VAE.activation must be one of 'relu'.*got 'sin'"),
    (VAE(dropout=1.0), ValueError, "VAE.dropout must be below 1"),
    (VAE(max_epochs=0), ValueError, "VAE.max_epochs must be at least 1"),
    (VAE(batch_size=0), ValueError, "VAE.batch_size must be at least 1"),
    (VAE(learning_rate=0), ValueError, "VAE.learning_rate must be above 0"),
    (VAE(learning_rate=float("nan")), ValueError, "VAE.learning_rate must be above 0.*nan"),
    (VAE(weight_decay=-1.0), ValueError, "VAE.weight_decay must be at least 0"),
    (VAE(validation_fraction=1.0), ValueError, "VAE.validation_fraction must be below 1"),
    (VAE(patience=0), ValueError, "VAE.patience must be at least 1"),
    (VAE(device="toaster"), ValueError, "device='toaster' is not available"),
    (VAE(callbacks=(1,)), TypeError, "callbacks must be Callback objects, got 1"),
    (VAE(callbacks=5), TypeError, "VAE.callbacks must be"),
    (VAE(random_state="lucky"), TypeError, "VAE.random_state must be an integer"),
    (VAE(verbose=3), TypeError, "VAE.verbose must be True or False or None"),
    (VAE(likelihood="cauchy"), ValueError, "VAE.likelihood must be one of 'gaussian'.*got 'cauchy'"),
    (VAE(likelihood=None), TypeError, "VAE.likelihood must be a string or Likelihood"),
    (VAE(corruption="blur"), ValueError, "VAE.corruption must be one of 'mask'.*got 'blur'"),
    (VAE(beta=-0.1), ValueError, "VAE.beta must be at least 0"),
    (VAE(beta="1"), TypeError, "VAE.beta must be a number, got '1'"),
    (VAE(warmup=1.5), ValueError, "VAE.warmup must be at most 1"),
    (VAE(free_bits=-1), ValueError, "VAE.free_bits must be at least 0"),
    (VAE(importance_samples=0), ValueError, "VAE.importance_samples must be at least 1"),
    (
        SequenceVAE(n_bins=3),
        ValueError,
        "SequenceVAE.n_bins must be 0, got 3: the steps of a window are read as they are",
    ),
    (SequenceVAE(channels=(4,)), ValueError, r"SequenceVAE.channels must be \(16, 32\), got \(4,\)"),
    (VAE(n_bins=-1), ValueError, "VAE.n_bins must be at least 0"),
    (HierarchicalVAE(n_levels=1), ValueError, "HierarchicalVAE.n_levels must be at least 2"),
    (HierarchicalVAE(hidden_dims=()), ValueError, "hidden_dims"),
    (AnomalyDetector(contamination=-0.1), ValueError, "AnomalyDetector.contamination must be at least 0"),
    (AnomalyDetector(contamination=0.51), ValueError, "AnomalyDetector.contamination must be at most 0.5"),
    (AnomalyDetector(contamination=float("nan")), ValueError, "AnomalyDetector.contamination.*nan"),
    (AnomalyDetector(contamination="some"), ValueError, "AnomalyDetector.contamination must be one of 'auto'"),
    (AnomalyDetector(contamination=None), TypeError, "AnomalyDetector.contamination must be a number or a string"),
    (AnomalyDetector(contamination=True), TypeError, "AnomalyDetector.contamination must be a number or a string"),
    (AnomalyDetector(3), TypeError, "3"),
    (AnomalyDetector(VAE), TypeError, "instance"),
    (AnomalyDetector(VAE(beta=-1)), ValueError, "VAE.beta must be at least 0"),
    (VAEImputer(GaussianMixture()), TypeError, "VAEImputer.model"),
]


@pytest.mark.parametrize(
    ("estimator", "error", "message"), WRONG_PARAMETERS, ids=[" ".join(repr(e).split()) for e, _, _ in WRONG_PARAMETERS]
)
def test_fit_refuses_parameters(estimator, error, message):
    with pytest.raises(error, match=message):
        estimator.fit(few_columns())


@pytest.fixture(scope="module")
def model():
    return quick(VAE(**SMALL, latent_dim=2)).fit(few_columns())


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.zeros(4), r"codes must have shape \(rows, 4\), got \(4,\)"),
        (np.zeros((3, 5)), r"codes must have shape \(rows, 4\), got \(3, 5\)"),
        (np.zeros((2, 3, 4)), r"codes must have shape \(rows, 4\)"),
        (np.full((2, 4), np.nan), "codes must be finite"),
        (np.full((2, 4), np.inf), "codes must be finite"),
        ([["a"] * 4], "could not convert"),
    ],
)
def test_inverse_transform_refuses(model, codes, message):
    with pytest.raises(ValueError, match=message):
        model.inverse_transform(codes)


@pytest.mark.parametrize("n_samples", [0, -1, 1.5, "2", None])
def test_sample_needs_a_whole_number(model, n_samples):
    with pytest.raises(ValueError, match=f"n_samples must be a whole number, at least 1, got {n_samples!r}"):
        model.sample(n_samples)
