"""Test likelihood of dynamically binarised MNIST: a VAE, an importance-weighted one, a hierarchical one, a PixelCNN.

    python benchmarks/likelihood.py                              # ten minutes of training each, and as long to measure
    python benchmarks/likelihood.py --models VAE --epochs 10 --test 500                        # a quick look
    python benchmarks/likelihood.py --held-out 10000 --set activation=relu --epochs 10         # to choose settings by
    python benchmarks/likelihood.py --folder trained             # keep the models, and measure those that are kept

Each training image is binarised anew whenever it is drawn, each test image once, by a fixed seed.  nll is the mean of
-log p(x) in nats by importance weighting with 1,000 samples (`VAE.log_likelihood`), nll_se its standard error over the
images; the samples, which all images share, add an error of 0.06.  PixelCNN has its likelihood exactly.  bound is what
training minimised, of the same images: -ELBO, of IWAE the bound with k = 5.  goal is what is asked of 40 minutes on two
cores.  published: Burda, Grosse & Salakhutdinov 2016, "Importance weighted autoencoders", table 1 (one stochastic
layer, k = 1 and k = 5, 3,280 passes over the data), Sønderby et al. 2016, "Ladder variational autoencoders" (five
levels), and van den Oord et al. 2016, "Pixel recurrent neural networks" (images binarised once).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import common
import numpy as np
import pandas as pd
import torch

from anomalib_vae import VAE, HierarchicalVAE, PixelCNN, load
from anomalib_vae.cli import assignments
from anomalib_vae.networks.network import Step
from anomalib_vae.training.callbacks import Callback

DATA = common.BENCH.parent / "data" / "images" / "mnist.npz"
BINARY = {"augmentation": "binarize", "likelihood": "bernoulli"}
DENSE = BINARY | {
    "backbone": "dense",
    "latent_dim": 40,
    "hidden_dims": (512, 512),
    "activation": "silu",
    "batch_size": 128,
    "learning_rate": 3e-3,
}
MODELS = {
    "VAE": (VAE, DENSE | {"max_epochs": 60}),
    "IWAE": (VAE, DENSE | {"max_epochs": 24, "importance_samples": 5}),
    "HierarchicalVAE": (HierarchicalVAE, DENSE | {"max_epochs": 32}),
    "PixelCNN": (PixelCNN, BINARY),
}
GOALS = {"VAE": 88.5, "IWAE": 87.3, "HierarchicalVAE": 86.5}
PUBLISHED = {"VAE": 86.8, "IWAE": 85.5, "HierarchicalVAE": 81.7, "PixelCNN": 81.3}
AT_ONCE = 500  # images
BINARIZATION_SEED = 0  # of the images that are measured


class ProcessorTime(Callback):
    """Puts the processor's seconds of each epoch into the history: those of the clock depend on who else is working."""

    def on_epoch_begin(self, run):
        self.started = time.process_time()

    def on_epoch_end(self, run):
        run.history[-1]["cpu_seconds"] = time.process_time() - self.started


def binarized(images: np.ndarray) -> np.ndarray:
    """Each pixel of grey images, from 0 to 255, black or white with the probability that it tells."""
    uniform = np.random.default_rng(BINARIZATION_SEED).random(images.shape)
    return np.where(uniform < images / 255.0, 255, 0).astype(np.uint8)


def images(chosen: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Grey images to train on, and binarised ones to measure on."""
    with np.load(chosen.data) as data:
        train, test = data["x_train"], data["x_test"]
    if chosen.held_out:
        train, test = train[: -chosen.held_out], train[-chosen.held_out :]
    return train[: chosen.train], binarized(test)[: chosen.test]


def trained(name: str, seed: int, train: np.ndarray, chosen: argparse.Namespace) -> VAE | PixelCNN:
    """The model of the name, from the folder where it is there; else fitted, and kept where a folder is given."""
    path = chosen.folder / f"{name}-{seed}" if chosen.folder else None
    if path and path.exists():
        return load(path)
    kind, own = MODELS[name]
    given = assignments.read(chosen.set, kind)
    model = kind(**own | given | common.fit_settings(chosen, seed), callbacks=(ProcessorTime(),)).fit(train)
    return model.save(path) if path else model


def figures(model: VAE | PixelCNN, test: np.ndarray, samples: int) -> dict:
    """What is measured of a fitted model; fit_s are seconds of its epochs by the clock, fit_cpu_s by the processor."""
    started = time.perf_counter()
    exact = isinstance(model, PixelCNN)
    log_likelihood = model.score_samples(test) if exact else model.log_likelihood(test, samples)
    return {
        "epochs": model.n_iter_,
        "fit_s": round(float(model.history_["seconds"].sum())),
        "fit_cpu_s": round(float(model.history_["cpu_seconds"].sum())),
        "evaluation_s": round(time.perf_counter() - started),
        "nll": -float(log_likelihood.mean()),
        "nll_se": float(log_likelihood.std() / np.sqrt(len(test))),
        "bound": None if exact else bound(model, test),
    }


def bound(model: VAE, test: np.ndarray) -> float:
    """The mean loss of the images, each with a draw of its own: those of `score_samples` are few and the same for all,
    which ranks rows well, but leaves an error of nats that all of them share."""
    network, rows = model.network_, model.encode(test)
    step, losses = Step(1.0, torch.Generator().manual_seed(0)), []
    with torch.inference_mode():
        for part in np.array_split(np.arange(len(rows)), -(-len(rows) // AT_ONCE)):
            batch = rows[part].to(torch.float64).for_members(network.n_members)
            losses.append(len(part) * float(network.loss("model", batch, step).mean()))
    return sum(losses) / len(rows)


def options() -> argparse.Namespace:
    found = common.plain_parser(__doc__)
    found.add_argument("--data", type=Path, default=DATA, help="an .npz file with x_train and x_test, uint8")
    found.add_argument("--train", type=int, default=60_000, help="training images")
    found.add_argument("--test", type=int, default=10_000, help="test images")
    found.add_argument("--held-out", type=int, default=0, help="measure on so many of the last training images instead")
    found.add_argument("--models", default=",".join(MODELS), help="comma-separated; all by default")
    common.fit_options(found)
    found.add_argument("--samples", type=int, default=1000, help="importance samples of an image")
    found.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="another parameter of models")
    found.add_argument("--folder", type=Path, default=None, help="keep the models here, and take those that are here")
    return found.parse_args()


def main() -> None:
    chosen = options()
    torch.set_num_threads(chosen.threads)
    train, test = images(chosen)
    rows: list[dict] = []
    for name in chosen.models.split(","):
        for seed in map(int, chosen.seeds.split(",")):
            row = figures(trained(name, seed, train, chosen), test, chosen.samples)
            rows.append({"model": name, "seed": seed, **row, "goal": GOALS.get(name), "published": PUBLISHED[name]})
            print({key: round(value, 2) if isinstance(value, float) else value for key, value in rows[-1].items()})
    with pd.option_context("display.width", 160, "display.max_columns", None):
        print(common.save(rows, chosen.output).round(2).to_string(index=False))


if __name__ == "__main__":
    main()
