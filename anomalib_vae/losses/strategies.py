"""The strategies that a parameter can name by a string, and all that a saved model can hold."""

from __future__ import annotations

from anomalib_vae.losses.augmentations import Binarize
from anomalib_vae.losses.bernoulli import Bernoulli
from anomalib_vae.losses.correntropy import Correntropy
from anomalib_vae.losses.corruptions import BlockMask, GaussianNoise, Mask, SaltAndPepper
from anomalib_vae.losses.gaussian import Gaussian
from anomalib_vae.losses.mean_seeking import MeanSeeking
from anomalib_vae.losses.squared_error import SquaredError
from anomalib_vae.losses.student_t import StudentT

LIKELIHOODS = {
    "gaussian": Gaussian,
    "student_t": StudentT,
    "correntropy": Correntropy,
    "mean_seeking": MeanSeeking,
    "squared_error": SquaredError,
    "bernoulli": Bernoulli,
}
CORRUPTIONS = {"mask": Mask, "block_mask": BlockMask, "gaussian": GaussianNoise, "salt_and_pepper": SaltAndPepper}
AUGMENTATIONS = {"binarize": Binarize}
ALL = {strategy.__name__: strategy for kind in (LIKELIHOODS, CORRUPTIONS, AUGMENTATIONS) for strategy in kind.values()}


def likelihood(choice):
    """A likelihood from its name, or the object itself."""
    return LIKELIHOODS[choice]() if isinstance(choice, str) else choice


def corruption(choice):
    """A corruption from its name, the object itself, or None."""
    return CORRUPTIONS[choice]() if isinstance(choice, str) else choice


def augmentation(choice):
    """An augmentation from its name, the object itself, or None."""
    return AUGMENTATIONS[choice]() if isinstance(choice, str) else choice
