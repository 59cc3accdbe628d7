"""Learn what normal data look like: score anomalies, fill in missing values, denoise and generate.

from anomalib_vae import AnomalyDetector, VAEImputer

AnomalyDetector(random_state=0).fit(frame).predict(frame)   # +1 normal, -1 anomaly
VAEImputer(random_state=0).fit_transform(frame)             # the same frame, gaps filled
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_HOME = {
    "VAE": "anomalib_vae.models.vae",
    "DenoisingVAE": "anomalib_vae.models.denoising",
    "RobustVAE": "anomalib_vae.models.robust",
    "ConditionalVAE": "anomalib_vae.models.conditional_vae",
    "HierarchicalVAE": "anomalib_vae.models.hierarchical",
    "SequenceVAE": "anomalib_vae.models.sequence",
    "RecurrentVAE": "anomalib_vae.models.recurrent",
    "Autoencoder": "anomalib_vae.models.autoencoder",
    "StackedAutoencoder": "anomalib_vae.models.stacked",
    "SparseAutoencoder": "anomalib_vae.models.sparse",
    "ContractiveAutoencoder": "anomalib_vae.models.contractive",
    "AdversarialAutoencoder": "anomalib_vae.models.adversarial",
    "GenerativeMatchingNetwork": "anomalib_vae.models.matching",
    "GAN": "anomalib_vae.models.gan",
    "ConditionalGAN": "anomalib_vae.models.conditional_gan",
    "ProgressiveGAN": "anomalib_vae.models.progressive_gan",
    "PixelCNN": "anomalib_vae.models.pixel_cnn",
    "Pix2Pix": "anomalib_vae.models.pix2pix",
    "CycleGAN": "anomalib_vae.models.cycle_gan",
    "AnomalyDetector": "anomalib_vae.detection",
    "VAEImputer": "anomalib_vae.imputation",
    "compare": "anomalib_vae.missingness.comparison",
    "load": "anomalib_vae.persistence",
    "pool": "anomalib_vae.imputing.pooling",
    "report_missing": "anomalib_vae.missingness.summary",
}
__all__ = [
    "GAN",
    "VAE",
    "AdversarialAutoencoder",
    "AnomalyDetector",
    "Autoencoder",
    "ConditionalGAN",
    "ConditionalVAE",
    "ContractiveAutoencoder",
    "CycleGAN",
    "DenoisingVAE",
    "GenerativeMatchingNetwork",
    "HierarchicalVAE",
    "Pix2Pix",
    "PixelCNN",
    "ProgressiveGAN",
    "RecurrentVAE",
    "RobustVAE",
    "SequenceVAE",
    "SparseAutoencoder",
    "StackedAutoencoder",
    "VAEImputer",
    "compare",
    "load",
    "pool",
    "report_missing",
]


def __getattr__(name: str):
    """Import a public name when it is first asked for: torch takes seconds, and not every use needs it."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
