"""Every estimator of the package, once: each behaviour is one test over these lists."""

from __future__ import annotations

from sklearn.base import clone

from anomalib_vae import (
    GAN,
    VAE,
    AdversarialAutoencoder,
    AnomalyDetector,
    Autoencoder,
    ConditionalGAN,
    ConditionalVAE,
    ContractiveAutoencoder,
    CycleGAN,
    DenoisingVAE,
    GenerativeMatchingNetwork,
    HierarchicalVAE,
    Pix2Pix,
    PixelCNN,
    ProgressiveGAN,
    RecurrentVAE,
    RobustVAE,
    SequenceVAE,
    SparseAutoencoder,
    StackedAutoencoder,
    VAEImputer,
)

SMALL = {"hidden_dims": (16,), "n_members": 2, "max_epochs": 20, "batch_size": 64, "random_state": 0}


class ByTurns:
    """Before a model that needs labels among the bases of a class: rows that come without any get some, in turns, so
    that the tests of all models are its own too."""

    def fit(self, X, y=None):
        return super().fit(X, ([0, 1, 2, 1, None] * len(X))[: len(X)] if y is None else y)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


class ConditionalVAEByTurns(ByTurns, ConditionalVAE):
    """A conditional VAE of such labels."""


class ConditionalGANByTurns(ByTurns, ConditionalGAN):
    """A conditional GAN of such labels."""


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
    AdversarialAutoencoder(**SMALL),
    GenerativeMatchingNetwork(**SMALL),
    GenerativeMatchingNetwork(**SMALL, matched="codes"),
    GAN(**SMALL, learning_rate=0.01),
    ConditionalVAEByTurns(**SMALL),
    ConditionalGANByTurns(**SMALL, learning_rate=0.01),
    PixelCNN(**SMALL, channels=(8, 8)),
]
IMAGE_MODELS = [ProgressiveGAN(**SMALL, learning_rate=0.01, channels=(4, 8))]  # that take no tables
TRANSLATORS = [  # that take images of two sets
    Pix2Pix(**SMALL, learning_rate=0.01, channels=(4, 8), critic_channels=(8,)),
    CycleGAN(**SMALL, learning_rate=0.01, channels=(4, 8), critic_channels=(8,)),
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
