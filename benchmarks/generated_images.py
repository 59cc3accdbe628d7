"""How well generated images match real ones, on the features of one classifier trained here: MNIST, or --data.

    python benchmarks/generated_images.py                                     # every model, 5,000 samples of each
    python benchmarks/generated_images.py --model VAE --set latent_dim=10 --seeds 0,1,2 --picture samples.png
    python benchmarks/generated_images.py --data digits.npz --train 500       # x_train, y_train, x_test, y_test

Generated images are held against the test images; all are seen through the penultimate layer of a small classifier,
trained on the training images and kept in --cache.

frechet, kernel       distances, 0 is best; kernel_error is the standard error of the second
density, coverage     fidelity, about 1, and diversity, 0 to 1
confidence            the mean probability of the class that is seen
class_entropy         of the histogram of the classes seen, in nats: ln 10 = 2.30 for ten equally frequent ones
requested             of a model that is asked for a class: the share of samples that show it; the goal is .95
fit_s, sample_s       seconds

Beside the models stand the floor, training images in the place of generated ones, and the ceiling: each pixel drawn by
itself from its values in training, and uniform noise.  "expected" are a VAE's images without its likelihood's noise.
"""

from __future__ import annotations

import argparse
import inspect
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import common
import numpy as np
import pandas as pd
import torch
from image_classifier import CACHE, ImageClassifier, classifier

import anomalib_vae
from anomalib_vae import VAE
from anomalib_vae.metrics import density_and_coverage, frechet_distance, kernel_distance

DATA = common.BENCH.parent / "data" / "images" / "mnist.npz"
SHOWN = 16  # images of each kind in the picture
MODELS: list[tuple[str, dict]] = [  # those that the package has
    ("VAE", {}),
    ("VAE", {"prior": "aggregate"}),
    ("HierarchicalVAE", {}),
    ("ConditionalVAE", {}),
    ("AdversarialAutoencoder", {}),
    ("GenerativeMatchingNetwork", {}),
    ("GAN", {}),
    ("ConditionalGAN", {}),
    ("ProgressiveGAN", {}),
    ("PixelCNN", {"likelihood": "bernoulli", "augmentation": "binarize"}),
]


class Measure:
    """What is measured of images that stand for `real` ones, seen through the classifier."""

    def __init__(self, eye: ImageClassifier, real: np.ndarray):
        self.eye, self.real = eye, eye.look(real)[0]

    def __call__(self, images: np.ndarray, requested: np.ndarray | None = None) -> dict:
        features, probabilities = self.eye.look(images)
        seen = probabilities.argmax(1)
        kernel, error = kernel_distance(self.real, features)
        density, coverage = density_and_coverage(self.real, features)
        return {
            "frechet": frechet_distance(self.real, features),
            "kernel": kernel,
            "kernel_error": error,
            "density": density,
            "coverage": coverage,
            "confidence": float(probabilities.max(1).mean()),
            "class_entropy": entropy(np.bincount(seen)),
            "requested": np.nan if requested is None else float((self.eye.classes[seen] == requested).mean()),
        }


def entropy(counts: np.ndarray) -> float:
    """Of a histogram, in nats."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def references(train: np.ndarray, samples: int, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """The floor and the ceiling of the distances, by name."""
    yield "training images", train[rng.choice(len(train), min(samples, len(train)), replace=False)]
    places = rng.integers(len(train), size=(samples, *train.shape[1:]))
    yield "each pixel by itself", np.take_along_axis(train, places, axis=0)
    noise = rng.random((samples, *train.shape[1:]))
    yield "uniform noise", (255 * noise).astype(np.uint8) if train.dtype == np.uint8 else noise


def candidates(chosen: argparse.Namespace, seed: int) -> Iterator[tuple[str, Any]]:
    """The unfitted models that the options ask for, by name."""
    for name, settings in [(chosen.model, {})] if chosen.model else MODELS:
        if hasattr(anomalib_vae, name):
            title = ", ".join([name, *(f"{key}={value}" for key, value in settings.items())])
            yield title, common.model(chosen, name, **settings | common.fit_settings(chosen, seed))


def takes_classes(model) -> bool:
    return "y" in inspect.signature(model.sample).parameters


def draws(model, samples: int, classes: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray | None, float]]:
    """What the fitted model draws: how, images, the classes that were asked for and the seconds it took."""
    started = time.perf_counter()
    requested = np.resize(classes, samples) if takes_classes(model) else None
    images = model.sample(samples) if requested is None else model.sample(samples, y=requested)
    yield "", images, requested, time.perf_counter() - started
    if isinstance(model, VAE):
        started = time.perf_counter()
        images = expected(model, samples, requested)
        yield ", expected", images, requested, time.perf_counter() - started


def expected(model: VAE, samples: int, requested: np.ndarray | None) -> np.ndarray:
    """What codes from the prior stand for, without the noise of pixels."""
    network, generator = model.network_, torch.Generator().manual_seed(0)
    count = samples * network.n_members
    if requested is None:
        codes = network.new_codes(count, generator)
    else:
        labels = torch.from_numpy(requested.repeat(network.n_members)[:, None] == model.classes_)
        codes = network.new_codes(count, generator, labels)
    return model.inverse_transform(codes.movedim(1, 0).flatten(1).numpy())


def measured(chosen: argparse.Namespace, data: dict[str, np.ndarray]) -> Iterator[tuple[dict, np.ndarray]]:
    """One row of figures after the other, each with the images that it is of."""
    train, labels, test = data["x_train"], data["y_train"], data["x_test"]
    eye = classifier(train, labels, chosen.cache)
    print(f"the classifier is right on {np.mean(eye.predict(test) == data['y_test']):.2%} of the test images")
    measure, limit = Measure(eye, test), chosen.train
    for name, images in references(train[:limit], chosen.samples, np.random.default_rng(0)):
        yield {"model": name, **measure(images)}, images
    for seed in map(int, chosen.seeds.split(",")):
        for name, model in candidates(chosen, seed):
            started = time.perf_counter()
            model.fit(train[:limit], *([labels[:limit]] if takes_classes(model) else []))
            fit_s = time.perf_counter() - started
            for how, images, requested, sample_s in draws(model, chosen.samples, eye.classes):
                figures = measure(images, requested)
                yield {"model": name + how, "seed": seed, **figures, "fit_s": fit_s, "sample_s": sample_s}, images


def draw(kinds: list[tuple[str, np.ndarray]], path: Path) -> None:
    """A line of images of each kind."""
    from anomalib_vae.report.canvas import new_figure

    figure = new_figure(8.0, 0.4 + 0.55 * len(kinds))
    for axes, (name, images) in zip(figure.subplots(len(kinds), squeeze=False)[:, 0], kinds, strict=True):
        white = 255 if images.dtype == np.uint8 else 1
        axes.imshow(np.concatenate(list(images), axis=1), cmap="gray", vmin=0, vmax=white)
        axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
        axes.set(xticks=[], yticks=[])
    figure.savefig(path)


def options() -> argparse.Namespace:
    found = common.plain_parser(__doc__)
    common.model_options(found)
    found.add_argument("--data", type=Path, default=DATA, help="an .npz file: x_train, y_train, x_test, y_test")
    found.add_argument("--train", type=int, default=None, help="training images of the models; all by default")
    found.add_argument("--samples", type=int, default=5_000, help="images drawn from each model")
    common.fit_options(found)
    found.add_argument("--cache", type=Path, default=CACHE, help="the folder of trained classifiers")
    found.add_argument("--picture", type=Path, default=None, help="draw some images of each kind to this file")
    return found.parse_args()


def main() -> None:
    chosen = options()
    torch.set_num_threads(chosen.threads)
    with np.load(chosen.data) as file:
        data = dict(file)
    rows: list[dict] = []
    kinds = [("test images", data["x_test"][:SHOWN])]
    for row, images in measured(chosen, data):
        rows.append(row)
        kinds.append((row["model"], images[:SHOWN]))
        print({key: round(value, 5) if isinstance(value, float) else value for key, value in row.items()}, flush=True)
        common.save(rows, chosen.output)
    with pd.option_context("display.width", 200, "display.max_columns", None):
        means = pd.DataFrame(rows).drop(columns="seed", errors="ignore").groupby("model", sort=False).mean()
        print(means.astype(float).round(4).to_string(na_rep=""))
    if chosen.picture:
        draw(kinds, chosen.picture)


if __name__ == "__main__":
    main()
