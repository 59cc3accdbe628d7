"""One kind of image against all others: how well a detector that has seen the one tells the others from it.

    python benchmarks/image_anomaly.py                                     # MNIST and Fashion-MNIST, about an hour each
    python benchmarks/image_anomaly.py --data mnist --classes 3,8 --seeds 0,1
    python benchmarks/image_anomaly.py --data digits.npz --train 500 --model Autoencoder --set latent_dim=16

Each class in turn is normal: the detector is fitted to its training images, without labels, and scores all test images.
Figures are AUROC x 100, of the class against the others:
detector: AnomalyDetector, of VAE() unless another model is asked for.  model: that model's score alone; distances: the
rest of the detector's score, from the nearest training images.
IsolationForest, nearest (training image, by pixels), PCA (reconstruction error, 95 % of the variance): scikit-learn's.
Goals of the mean: at least 97.5 on MNIST and 92.5 on Fashion-MNIST.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import common
import numpy as np
import pandas as pd
import torch
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from anomalib_vae import AnomalyDetector

FOLDER = common.BENCH.parent / "data" / "images"
EXPLAINED = 0.95  # of the variance, by PCA's components
SCORES = ("detector", "model", "distances", "IsolationForest", "nearest", "PCA")


def scores_of_detector(detector: AnomalyDetector, train: np.ndarray, test: np.ndarray) -> tuple[dict, dict]:
    """The scores of the test images, (images,), higher = more normal, by what gave them; and the seconds it took."""
    started = time.perf_counter()
    detector.fit(train)
    fitted = time.perf_counter()
    whole = detector.score_samples(test)
    seconds = {"fit_s": fitted - started, "score_s": time.perf_counter() - fitted}
    alone = detector.model_.score_samples(test)
    return {"detector": whole, "model": alone, "distances": whole - alone}, seconds


def scores_of_others(train: np.ndarray, test: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """The same of scikit-learn's, on pixels from 0 to 1."""
    train, test = (images.reshape(len(images), -1) / 255.0 for images in (train, test))
    pca = PCA(EXPLAINED, svd_solver="full").fit(train)
    return {
        "IsolationForest": IsolationForest(random_state=seed).fit(train).score_samples(test),
        "nearest": -NearestNeighbors(n_neighbors=1, algorithm="brute").fit(train).kneighbors(test)[0][:, 0],
        "PCA": -np.square(pca.inverse_transform(pca.transform(test)) - test).sum(1),
    }


def figures_of_class(chosen: argparse.Namespace, data: dict[str, np.ndarray], normal: int, seed: int) -> dict:
    train = data["x_train"][data["y_train"] == normal][: chosen.train]
    is_normal = data["y_test"] == normal
    settings = common.fit_settings(chosen, seed)
    detector = AnomalyDetector(common.model(chosen, "VAE", **settings))
    scores, seconds = scores_of_detector(detector, train, data["x_test"])
    scores |= scores_of_others(train, data["x_test"], seed)
    return {"images": len(train), **seconds} | {
        name: 100 * roc_auc_score(is_normal, values) for name, values in scores.items()
    }


def read(source: str) -> dict[str, np.ndarray]:
    """source: a path, or the name of a data set beside the checkout."""
    path = Path(source) if source.endswith(".npz") else FOLDER / f"{source}.npz"
    with np.load(path) as data:
        return {name: data[name] for name in ("x_train", "y_train", "x_test", "y_test")}


def summary(figures: pd.DataFrame) -> pd.DataFrame:
    """By data set, the mean of each score over classes and seeds, its worst class and that one's mean over seeds."""
    rows = {}
    for source, of_source in figures.groupby("data", sort=False):
        by_class = of_source.groupby("class")[list(SCORES)].mean()
        rows[source, "mean"], rows[source, "worst"] = by_class.mean(), by_class.min()
        rows[source, "worst class"] = by_class.idxmin()
    return pd.DataFrame(rows).T


def options() -> argparse.Namespace:
    found = common.plain_parser(__doc__)
    found.add_argument(
        "--data", default="mnist,fashion_mnist", help="comma-separated names, or .npz files of x_train, y_train, ..."
    )
    found.add_argument("--classes", default="", help="comma-separated; all by default")
    found.add_argument("--train", type=int, default=None, help="training images a class at most; all by default")
    common.fit_options(found)
    common.model_options(found)
    return found.parse_args()


def main() -> None:
    chosen = options()
    torch.set_num_threads(chosen.threads)
    rows: list[dict] = []
    for source in chosen.data.split(","):
        data = read(source)
        classes = [int(label) for label in chosen.classes.split(",") if label] or np.unique(data["y_train"]).tolist()
        for seed in map(int, chosen.seeds.split(",")):
            for normal in classes:
                found = figures_of_class(chosen, data, normal, seed)
                rows.append({"data": Path(source).stem, "class": normal, "seed": seed, **found})
                shown = {
                    name: round(value, 2) if isinstance(value, float) else value for name, value in rows[-1].items()
                }
                print(shown, flush=True)
                figures = common.save(rows, chosen.output)
    with pd.option_context("display.width", 160, "display.max_columns", None):
        print(summary(figures).round(2).to_string())


if __name__ == "__main__":
    main()
