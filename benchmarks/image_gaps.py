"""How well are missing pixels filled?  VAEImputer beside the mean, the nearest images and a Gaussian.

    python benchmarks/image_gaps.py                              # MNIST, 10,000 training and 1,000 test images
    python benchmarks/image_gaps.py --data fashion --methods VAE,kNN
    python benchmarks/image_gaps.py --data digits.npz --train 500    # x_train and x_test, images of any size

Training images are complete; holes are made in test images: `random`, each pixel with probability 1/2; `square`, half
as high and as wide as the image, at a random place; `lower`, the lower half.

- rmse: of the missing pixels, from 0 to 1;
- covered: the part of them inside their 90 % interval, and width: the mean width of these;
- fit_s, fill_s: seconds of the fit and of filling the test images.

mean: of each pixel.  kNN: the mean of the 5 images nearest at the observed pixels, what scikit-learn's KNNImputer gives
where all donors are complete, with all training images as donors.  Gaussian: the conditional mean of one with the mean
and covariance of the training images.  The others are models inside VAEImputer: DenoisingVAE is its default, a frozen
VAE was fitted before and has never seen an image with gaps.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import common
import numpy as np
import pandas as pd
import torch
from sklearn.frozen import FrozenEstimator

from anomalib_vae import VAE, DenoisingVAE, VAEImputer

DATA = common.BENCH.parent / "data" / "images"
SHORT = {"mnist": DATA / "mnist.npz", "fashion": DATA / "fashion_mnist.npz"}
NEIGHBOURS = 5
RIDGE = 1e-3  # on the diagonal of the Gaussian's covariance: corners are always black
LEVEL = 0.9

Fill = Callable[[np.ndarray], np.ndarray]  # images with gaps to images without


# ---------------------------------------------------------------------- holes
def random_pixels(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Where pixels are missing, (n, height, width) of bool."""
    return rng.random(images.shape[:3]) < 0.5


def square(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    holes = np.zeros(images.shape[:3], bool)
    height, width = (side // 2 for side in images.shape[1:3])
    for hole in holes:
        top, left = (rng.integers(side - part + 1) for side, part in zip(hole.shape, (height, width), strict=True))
        hole[top : top + height, left : left + width] = True
    return holes


def lower_half(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    holes = np.zeros(images.shape[:3], bool)
    holes[:, images.shape[1] // 2 :] = True
    return holes


HOLES = {"random": random_pixels, "square": square, "lower": lower_half}


# ---------------------------------------------------------------------- fills to compare with
def mean_fill(train: np.ndarray) -> Fill:
    mean = train.mean(axis=0)
    return lambda images: np.where(np.isnan(images), mean, images)


def nearest_fill(train: np.ndarray) -> Fill:
    donors = train.reshape(len(train), -1)

    def fill(images: np.ndarray) -> np.ndarray:
        rows = images.reshape(len(images), -1)
        seen, known = ~np.isnan(rows), np.nan_to_num(rows)
        distances = seen.astype(float) @ (donors**2).T - 2 * known @ donors.T  # less what all donors have in common
        nearest = np.argpartition(distances, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
        return np.where(seen, rows, donors[nearest].mean(axis=1)).reshape(images.shape)

    return fill


def gaussian_fill(train: np.ndarray) -> Fill:
    rows = train.reshape(len(train), -1)
    mean, covariance = rows.mean(axis=0), np.cov(rows.T) + RIDGE * np.eye(rows.shape[1])

    def fill(images: np.ndarray) -> np.ndarray:
        filled = images.reshape(len(images), -1).copy()
        patterns, of_row = np.unique(np.isnan(filled), axis=0, return_inverse=True)
        for position, missing in enumerate(patterns):
            at, seen = np.flatnonzero(of_row.ravel() == position), ~missing
            away = np.linalg.solve(covariance[np.ix_(seen, seen)], (filled[np.ix_(at, seen)] - mean[seen]).T)
            filled[np.ix_(at, missing)] = mean[missing] + (covariance[np.ix_(missing, seen)] @ away).T
        return np.clip(filled, 0.0, 1.0).reshape(images.shape)

    return fill


OTHERS = {"mean": mean_fill, "kNN": nearest_fill, "Gaussian": gaussian_fill}
MODELS: dict[str, Callable] = {
    "DenoisingVAE": lambda train, **settings: DenoisingVAE(**settings),  # the default
    "VAE": lambda train, **settings: VAE(**settings),
    "frozen VAE": lambda train, **settings: FrozenEstimator(VAE(**settings).fit(train)),
}


# ---------------------------------------------------------------------- measuring
def figures(fill: Fill, complete: np.ndarray, holes: np.ndarray) -> dict:
    """Error and seconds of a fill of these holes."""
    started = time.perf_counter()
    off = (fill(np.where(holes, np.nan, complete)) - complete)[holes]
    return {"rmse": float(np.sqrt(np.mean(off**2))), "fill_s": time.perf_counter() - started}


def coverage(imputer: VAEImputer, complete: np.ndarray, holes: np.ndarray) -> dict:
    found = imputer.intervals(np.where(holes, np.nan, complete), LEVEL)
    low, high, truth = found["low"][holes], found["high"][holes], complete[holes]
    return {"covered": float(np.mean((low <= truth) & (truth <= high))), "width": float(np.mean(high - low))}


def measured(method: str, train: np.ndarray, test: np.ndarray, kinds: list[str], settings: dict) -> Iterator[dict]:
    started = time.perf_counter()
    imputer = None
    if method in MODELS:
        imputer = VAEImputer(MODELS[method](train, **settings), random_state=settings["random_state"]).fit(train)
    fill = imputer.transform if imputer else OTHERS[method](train)
    fit_s = time.perf_counter() - started
    for kind in kinds:
        holes = HOLES[kind](test, np.random.default_rng(0))
        found = {"holes": kind, **figures(fill, test, holes), "fit_s": fit_s}
        yield found | (coverage(imputer, test, holes) if imputer else {})


def options() -> argparse.Namespace:
    found = common.plain_parser(__doc__)
    found.add_argument("--data", default="mnist", help="mnist, fashion, or an .npz file with x_train and x_test")
    found.add_argument("--train", type=int, default=10_000, help="training images")
    found.add_argument("--test", type=int, default=1_000, help="test images")
    found.add_argument("--methods", default=",".join([*OTHERS, *MODELS]), help="comma-separated; all by default")
    found.add_argument("--holes", default=",".join(HOLES), help="comma-separated; all by default")
    common.fit_options(found)
    return found.parse_args()


def main() -> None:
    chosen = options()
    torch.set_num_threads(chosen.threads)
    with np.load(SHORT.get(chosen.data, chosen.data)) as data:
        train, test = (data[name] / 255.0 for name in ("x_train", "x_test"))
    train, test = train[: chosen.train], test[: chosen.test]
    rows: list[dict] = []
    for method in chosen.methods.split(","):
        for seed in map(int, chosen.seeds.split(",") if method in MODELS else "0"):
            settings = common.fit_settings(chosen, seed)
            for row in measured(method, train, test, chosen.holes.split(","), settings):
                rows.append({"method": method, "seed": seed, **row})
                shown = {key: round(value, 4) if isinstance(value, float) else value for key, value in rows[-1].items()}
                print(shown, flush=True)
    found = common.save(rows, chosen.output).drop(columns="seed")
    with pd.option_context("display.width", 160, "display.max_columns", None):
        print(found.groupby(["holes", "method"], sort=False).mean().round(4).fillna("").to_string())


if __name__ == "__main__":
    main()
