"""What a model of unlabelled images is worth where labels are few: a linear classifier on its codes, on MNIST.

    python benchmarks/few_labels.py                                    # 100, 500 and 1,000 labels, five draws of each
    python benchmarks/few_labels.py --set max_epochs=20 --labels 100 --draws 20
    python benchmarks/few_labels.py --data digits.npz                  # x_train, y_train, x_test, y_test

A VAE (or --model) and PCA see all training images and no label.  Then a logistic regression, its penalty chosen by
cross-validation within the labelled images, learns from the codes of a few of them, as many of each class as the data
have; beside it one on raw pixels.  accuracy: mean and standard deviation over draws of the labelled images, on all test
images.  PCA's codes are as wide as the model's.  Each kind of input is divided by one number, its standard deviation
over all training images, so that the penalties mean the same.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import common
import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split

DATA = common.BENCH.parent / "data" / "images" / "mnist.npz"
PENALTIES = {"C": [0.001, 0.01, 0.1, 1.0]}
FOLDS = 3


def inputs(
    chosen: argparse.Namespace, train: np.ndarray, test: np.ndarray
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """What the classifier may be shown: a name, and the rows of training and test images."""
    flat, flat_test = (images.reshape(len(images), -1) / np.float32(255) for images in (train, test))
    yield "pixels", flat, flat_test
    model = common.model(chosen, "VAE", random_state=chosen.seed)
    started = time.perf_counter()
    model.fit(train)
    print(f"{type(model).__name__}, {model.n_iter_} epochs: {time.perf_counter() - started:.0f} s")
    codes = model.transform(train)
    pca = PCA(min(codes.shape[1], *flat.shape), random_state=0).fit(flat)
    yield f"PCA, {pca.n_components_} codes", pca.transform(flat), pca.transform(flat_test)
    yield f"{type(model).__name__}, {codes.shape[1]} codes", codes, model.transform(test)


def classifier() -> GridSearchCV:
    return GridSearchCV(LogisticRegression(max_iter=1000), PENALTIES, cv=FOLDS)


def accuracy(rows: np.ndarray, labels: np.ndarray, test: tuple[np.ndarray, np.ndarray], count: int, draw: int) -> float:
    """On these test rows and labels, of a classifier that has learned from `count` labelled rows."""
    some, _ = train_test_split(np.arange(len(labels)), train_size=count, stratify=labels, random_state=draw)
    return classifier().fit(rows[some], labels[some]).score(*test)


def options() -> argparse.Namespace:
    found = common.plain_parser(__doc__)
    common.model_options(found)
    found.add_argument("--data", type=Path, default=DATA, help="an .npz file: x_train, y_train, x_test, y_test, uint8")
    found.add_argument("--labels", default="100,500,1000", help="comma-separated numbers of labelled images")
    found.add_argument("--draws", type=int, default=5, help="of the labelled images")
    found.add_argument("--seed", type=int, default=0, help="of the model")
    return found.parse_args()


def main() -> None:
    chosen = options()
    torch.set_num_threads(chosen.threads)
    with np.load(chosen.data) as file:
        train, labels, test, test_labels = (file[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    rows: list[dict] = []
    for name, unscaled, test_codes in inputs(chosen, train, test):
        scale = unscaled.std()
        codes, shown = unscaled / scale, (test_codes / scale, test_labels)
        for count in map(int, chosen.labels.split(",")):
            found = [accuracy(codes, labels, shown, count, draw) for draw in range(chosen.draws)]
            rows += [{"input": name, "labels": count, "draw": i, "accuracy": one} for i, one in enumerate(found)]
            print(f"{name}, {count} labels: {np.mean(found):.4f}", flush=True)
            figures = common.save(rows, chosen.output)
    print(figures.groupby(["input", "labels"], sort=False)["accuracy"].agg(["mean", "std"]).round(4).to_string())


if __name__ == "__main__":
    main()
