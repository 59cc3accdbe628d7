"""Every estimator of the package, once: each behaviour is one test over these lists."""

from __future__ import annotations

from sklearn.base import clone

from anomalib_vae import (
    VAE,
    AnomalyDetector,
    Autoencoder,
    ContractiveAutoencoder,
    DenoisingVAE,
    HierarchicalVAE,
    RecurrentVAE,
    RobustVAE,
    SequenceVAE,
    SparseAutoencoder,
    StackedAutoencoder,
    VAEImputer,
)

SMALL = {"hidden_dims": (16,), "n_members": 2, "max_epochs": 20, "batch_size": 64, "random_state": 0}

MODELS = [
    VAE(**SMALL),
    VAE(**SMALL, importance_samples=3, free_bits=0.05, warmup=0.3, dropout=0.1),
    VAE(**SMALL, likelihood="student_t", validation_fraction=0.2, patience=5),
    DenoisingVAE(**SMALL),
    DenoisingVAE(**SMALL, corruption="salt_and_pepper", seen_weight=1.0),
    RobustVAE(**SMALL),
    HierarchicalVAE(**SMALL, n_levels=3),
    SequenceVAE(**SMALL, window=6, latent_dim=4),
    RecurrentVAE(**SMALL, window=6, latent_dim=4),
    Autoencoder(**SMALL),
    Autoencoder(
        **SMALL | {"hidden_dims": (16, 12)}, code_activation="step", corruption="mask", validation_fraction=0.2
    ),
    StackedAutoencoder(**SMALL),
    SparseAutoencoder(**SMALL),
    ContractiveAutoencoder(**SMALL | {"hidden_dims": ()}),
    ContractiveAutoencoder(**SMALL),
]
ROLES = [AnomalyDetector(VAE(**SMALL), contamination=0.1), VAEImputer(DenoisingVAE(**SMALL))]
ESTIMATORS = [*MODELS, *ROLES]


def name(estimator) -> str:
    """The estimator with the parameters that differ from its defaults, as a test's id."""
    return repr(estimator).replace("\n", "").replace(" ", "")[:80]


def quick(estimator, epochs: int = 2):
    """An unfitted copy that trains for a few epochs only, for tests in which nothing needs to be learned."""
    parameters = estimator.get_params()
    return clone(estimator).set_params(
        **{key: epochs for key in ("max_epochs", "model__max_epochs") if key in parameters}
    )


def one_of_each_class(estimators) -> list:
    """The first estimator of each class in the list."""
    first: dict[type, object] = {}
    for estimator in estimators:
        first.setdefault(type(estimator), estimator)
    return list(first.values())
