"""Translations of images made of MNIST against what they should be: Pix2Pix with pairs, CycleGAN without.

    python benchmarks/image_translation.py --output figures.csv --picture translations.png
    python benchmarks/image_translation.py --pairs inversion --models CycleGAN --seeds 0,1,2
    python benchmarks/image_translation.py --models Pix2Pix --set pixel_weight=10 --data digits.npz --train 500

edges: from the outlines of digits, a morphological gradient, to the digits.  inversion: black becomes white.  rotation:
by a quarter turn.  Pix2Pix learns from pairs of all the training images, CycleGAN from two halves that share none.

rmse, mae            root mean squared and mean absolute error of pixels from 0 to 1, of held-out images of A in B
back_rmse            of held-out images of B in A
cycle_rmse           of images of A there and back
cpu_s                seconds of processor time of the fit

Beside the models stand: the image of A itself, the mean image of B, and a linear ridge regression on the pairs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import common
import numpy as np
import pandas as pd
import torch
from scipy.ndimage import morphological_gradient
from sklearn.linear_model import Ridge

DATA = common.BENCH.parent / "data" / "images" / "mnist.npz"
MODELS = ("Pix2Pix", "CycleGAN")
SHOWN = 12  # images of each kind in the picture


def edges(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return morphological_gradient(images, size=(1, 3, 3)), images


def inversion(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return images, 255 - images


def rotation(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return images, np.rot90(images, axes=(1, 2))


PAIRS: dict[str, Callable] = {make.__name__: make for make in (edges, inversion, rotation)}
Pair = tuple[np.ndarray, np.ndarray]


def baselines(train: Pair, a: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """What needs no network, by name: its translations of the images a."""
    yield "A itself", a
    yield "mean of B", np.broadcast_to(train[1].mean(0), a.shape)
    flat_a, flat_b = (part.reshape(len(part), -1) / 255 for part in train)
    linear = Ridge().fit(flat_a, flat_b).predict(a.reshape(len(a), -1) / 255)
    yield "ridge regression", 255 * linear.clip(0, 1).reshape(a.shape)


def errors(made: np.ndarray, wanted: np.ndarray, prefix: str = "") -> dict:
    difference = (made.astype(float) - wanted) / 255
    return {
        f"{prefix}rmse": float(np.sqrt(np.square(difference).mean())),
        f"{prefix}mae": float(abs(difference).mean()),
    }


def fitted(model, name: str, train: Pair) -> float:
    """Seconds of processor time that the fit takes; without pairs each half of the images shows one side."""
    a, b = train
    half = len(a) // 2
    started = time.process_time()
    model.fit(*((a, b) if name == "Pix2Pix" else (a[:half], b[half:])))
    return time.process_time() - started


def measured(chosen: argparse.Namespace, images: dict[str, np.ndarray]) -> Iterator[tuple[dict, np.ndarray]]:
    """One row of figures after the other, each with the translations that it is of."""
    for pair in chosen.pairs.split(","):
        train = PAIRS[pair](images["x_train"][: chosen.train])
        a, b = PAIRS[pair](images["x_test"][: chosen.test])
        for name, made in baselines(train, a):
            yield {"pair": pair, "model": name, **errors(made, b)}, made
        for name in filter(None, chosen.models.split(",")):
            for seed in map(int, chosen.seeds.split(",")):
                model = common.model(chosen, name, **common.fit_settings(chosen, seed))
                cpu_s = fitted(model, name, train)
                made = model.transform(a)
                row = {"pair": pair, "model": name, "seed": seed, **errors(made, b), "cpu_s": cpu_s}
                row |= {"back_rmse": errors(model.inverse_transform(b), a)["rmse"]}
                row |= {"cycle_rmse": errors(model.reconstruct(a), a)["rmse"]}
                yield row, made
        yield {"pair": pair, "model": "B"}, b


def draw(kinds: list[tuple[str, np.ndarray]], path: Path) -> None:
    """A line of images of each kind."""
    from anomalib_vae.report.canvas import new_figure

    figure = new_figure(8.0, 0.4 + 0.55 * len(kinds))
    for axes, (name, images) in zip(figure.subplots(len(kinds), squeeze=False)[:, 0], kinds, strict=True):
        axes.imshow(np.concatenate(list(images), axis=1), cmap="gray", vmin=0, vmax=255)
        axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
        axes.set(xticks=[], yticks=[])
    figure.savefig(path)


def options() -> argparse.Namespace:
    found = common.plain_parser(__doc__)
    found.add_argument("--data", type=Path, default=DATA, help="an .npz file with x_train and x_test, of uint8")
    found.add_argument("--train", type=int, default=5_000, help="training images")
    found.add_argument("--test", type=int, default=1_000, help="test images")
    found.add_argument("--pairs", default=",".join(PAIRS), help="comma-separated; all by default")
    found.add_argument("--models", default=",".join(MODELS), help="comma-separated; all by default")
    found.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the models")
    common.fit_options(found)
    found.add_argument("--picture", type=Path, default=None, help="draw some images of each kind to this file")
    found.set_defaults(model="")  # each in its turn
    return found.parse_args()


def main() -> None:
    chosen = options()
    torch.set_num_threads(chosen.threads)
    with np.load(chosen.data) as file:
        data = {name: file[name] for name in ("x_train", "x_test")}
    rows, kinds = [], []
    for row, images in measured(chosen, data):
        kinds.append((f"{row['pair']}\n{row['model']}", images[:SHOWN]))
        if "rmse" in row:
            rows.append(row)
            print(
                {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}, flush=True
            )
            common.save(rows, chosen.output)
    if chosen.picture:
        draw(kinds, chosen.picture)
    with pd.option_context("display.width", 160, "display.max_columns", None):
        means = pd.DataFrame(rows).drop(columns="seed", errors="ignore").groupby(["pair", "model"], sort=False).mean()
        print(means.round(4).to_string(na_rep=""))


if __name__ == "__main__":
    main()
