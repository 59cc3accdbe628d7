"""Every estimator of the package, once: each behaviour is one test over these lists."""

from __future__ import annotations

from anomalib_vae import VAE, AnomalyDetector, DenoisingVAE, HierarchicalVAE, RobustVAE, VAEImputer

SMALL = {"hidden_dims": (16,), "n_members": 2, "max_epochs": 20, "batch_size": 64, "random_state": 0}

MODELS = [
    VAE(**SMALL),
    VAE(**SMALL, importance_samples=3, free_bits=0.05, warmup=0.3, dropout=0.1),
    VAE(**SMALL, likelihood="student_t", validation_fraction=0.2, patience=5),
    DenoisingVAE(**SMALL),
    DenoisingVAE(**SMALL, corruption="salt_and_pepper", seen_weight=1.0),
    RobustVAE(**SMALL),
    HierarchicalVAE(**SMALL, n_levels=3),
]
ROLES = [AnomalyDetector(VAE(**SMALL), contamination=0.1), VAEImputer(DenoisingVAE(**SMALL))]
ESTIMATORS = [*MODELS, *ROLES]


def name(estimator) -> str:
    """The estimator with the parameters that differ from its defaults, as a test's id."""
    return repr(estimator).replace("\n", "").replace(" ", "")[:80]
