"""A small classifier of images, trained once and kept in a folder: what generated images are looked at with.

Two convolutions, each followed by pooling, a hidden layer whose values are the features, and the classes.  Images of
any size, grey or in colours, uint8 or from 0 to 1.  The same images and seed give the same classifier.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

CACHE = Path(tempfile.gettempdir()) / "anomalib_vae-classifiers"
CHANNELS = (16, 32)
GRID = 4  # an image is pooled to so many fields in height and width, whatever its size
FEATURES = 64
EPOCHS, BATCH, LEARNING_RATE, WEIGHT_DECAY = 4, 128, 5e-3, 1e-2
CHUNK = 1000  # images looked at together after training


class Network(nn.Module):
    """(images, channels, height, width) to features, and from there to the logits of the classes."""

    def __init__(self, channels: int, classes: int, generator: torch.Generator):
        super().__init__()
        few, many = CHANNELS
        self.body = nn.Sequential(
            nn.Conv2d(channels, few, 3, padding=1, bias=False),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.BatchNorm2d(few),
            nn.ReLU(),
            nn.Conv2d(few, many, 3, padding=1, bias=False),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.BatchNorm2d(many),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(GRID),
            nn.Flatten(),
            nn.Linear(many * GRID**2, FEATURES, bias=False),
            nn.BatchNorm1d(FEATURES),  # without it a third of the features was 0 for every image
            nn.ReLU(),
        )
        self.head = nn.Linear(FEATURES, classes)
        for layer in [*self.body, self.head]:
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, generator=generator)
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(images)
        return features, self.head(features)


@dataclass(frozen=True)
class ImageClassifier:
    """A trained network and the labels that its outputs stand for."""

    network: Network
    classes: np.ndarray

    def look(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features (images, FEATURES) and probabilities of the classes (images, classes)."""
        with torch.inference_mode():
            parts = [self.network(pixels(part)) for part in _chunks(images)]
        features, logits = (torch.cat(both).double() for both in zip(*parts, strict=True))
        return features.numpy(), logits.softmax(-1).numpy()

    def predict(self, images: np.ndarray) -> np.ndarray:
        return self.classes[self.look(images)[1].argmax(1)]


def classifier(images: np.ndarray, labels: np.ndarray, cache: Path = CACHE, seed: int = 0) -> ImageClassifier:
    """The classifier of these images, from the folder where it has been trained before."""
    classes, targets = np.unique(labels, return_inverse=True)
    generator = torch.Generator().manual_seed(seed)
    network = Network(pixels(images[:1]).shape[1], len(classes), generator)
    path = cache / f"{_fingerprint(images, targets, seed)}.safetensors"
    if path.exists():
        network.load_state_dict(load_file(path))
    else:
        _train(network, images, torch.from_numpy(targets), generator)
        cache.mkdir(parents=True, exist_ok=True)
        save_file(network.state_dict(), path)
    return ImageClassifier(network.eval().requires_grad_(False), classes)


def pixels(images: np.ndarray) -> Tensor:
    """Images as the network takes them: float32 from 0 to 1, channels before height and width."""
    values = torch.from_numpy(np.ascontiguousarray(images))
    values = values.float() / (255.0 if values.dtype == torch.uint8 else 1.0)
    return values[:, None] if values.ndim == 3 else values.movedim(-1, 1)


def _train(network: Network, images: np.ndarray, targets: Tensor, generator: torch.Generator) -> None:
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    batches = max(1, len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=EPOCHS * batches)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(images), generator=generator).tensor_split(batches):
            loss = nn.functional.cross_entropy(network(pixels(images[rows.numpy()]))[1], targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def _chunks(images: np.ndarray):
    return (images[start : start + CHUNK] for start in range(0, len(images), CHUNK))


def _fingerprint(images: np.ndarray, targets: np.ndarray, seed: int) -> str:
    """What the trained weights depend on: the data, the seed and this file."""
    found = hashlib.sha256(Path(__file__).read_bytes())
    for part in (f"{images.shape} {images.dtype} {seed}".encode(), np.ascontiguousarray(images), targets):
        found.update(part)
    return found.hexdigest()[:16]
