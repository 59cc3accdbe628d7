"""What sets autoencoders apart, on MNIST: PCA, pre-training, sparsity, contraction, denoising, correntropy.

    python benchmarks/autoencoders.py                                  # 10,000 training and 2,000 test images
    python benchmarks/autoencoders.py --parts linear,sparse --seeds 0,1,2
    python benchmarks/autoencoders.py --data digits.npz --train 500    # x_train and x_test, images of any size

linear: the test error of a linear Autoencoder against that of PCA with as many components; the goal is within 1 %.
pretraining: a deep logistic StackedAutoencoder with a part of its epochs spent on single layers, against none.
sparse: the mean activation of SparseAutoencoder's code against the one that was asked for; the goal is within 0.02.
contractive: the mean squared Frobenius norm of the encoder's Jacobian, of plain (penalty 0) and contractive ones.
denoising: PSNR of spoiled test digits and of what models make of them that were trained on digits so spoiled.
robust: the error on clean test digits of models that knew spoiled digits only, by correntropy against squared error.
Errors are mean squares of pixels from 0 to 1 on test images.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path

import common
import numpy as np
import pandas as pd
import torch
from sklearn.decomposition import PCA

from anomalib_vae import Autoencoder, ContractiveAutoencoder, DenoisingVAE, SparseAutoencoder, StackedAutoencoder
from anomalib_vae.losses.corruptions import GaussianNoise, Mask, SaltAndPepper
from anomalib_vae.networks.jacobian import squared_jacobian

DATA = common.BENCH.parent / "data" / "images" / "mnist.npz"
WIDTH = 32  # of the codes that are compared
DEEP = (500, 250)
JACOBIAN_IMAGES = 500
SPARSITIES = (0.05, 0.1)
SPOILED = (0.1, 0.25)  # of the pixels
PENALTIES = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1)
CORRUPTIONS = {
    "mask 50 %": Mask(0.5, 0.5),
    "noise 0.3": GaussianNoise(0.3),
    "salt and pepper 25 %": SaltAndPepper(0.25),
}


def linear(train: np.ndarray, test: np.ndarray, settings: dict) -> Iterator[dict]:
    flat = train.reshape(len(train), -1)
    pca = PCA(min(WIDTH, *flat.shape), random_state=0).fit(flat)
    pixels = test.reshape(len(test), -1)
    yield {"model": "PCA", "error": mean_square(pca.inverse_transform(pca.transform(pixels)) - pixels)}
    plain = Autoencoder(latent_dim=WIDTH, hidden_dims=(), activation="linear", backbone="dense", **settings)
    yield {"model": "linear Autoencoder", **fitted(plain, train, test)}


def pretraining(train: np.ndarray, test: np.ndarray, settings: dict) -> Iterator[dict]:
    for share in (0.3, 0.0):
        model = StackedAutoencoder(hidden_dims=DEEP, latent_dim=WIDTH, pretraining=share, **settings)
        yield {"model": f"StackedAutoencoder, pretraining={share}", **fitted(model, train, test)}


def sparse(train: np.ndarray, test: np.ndarray, settings: dict) -> Iterator[dict]:
    for sparsity in SPARSITIES:
        model = SparseAutoencoder(sparsity=sparsity, backbone="dense", hidden_dims=(), **settings)
        figures = fitted(model, train, test)
        mean = float(model.transform(test).mean())
        yield {"model": f"SparseAutoencoder, sparsity={sparsity}", **figures, "mean_activation": mean}


def contractive(train: np.ndarray, test: np.ndarray, settings: dict) -> Iterator[dict]:
    for penalty in PENALTIES:
        model = ContractiveAutoencoder(penalty=penalty, latent_dim=4 * WIDTH, **settings)
        figures = fitted(model, train, test)
        network, some = model.network_, model.encode(test[:JACOBIAN_IMAGES])
        norms = squared_jacobian(network, some.to(torch.float64).for_members(network.n_members))
        norm = float(norms.detach().mean())
        yield {"model": f"ContractiveAutoencoder, penalty={penalty}", **figures, "squared_jacobian": norm}


def denoising(train: np.ndarray, test: np.ndarray, settings: dict) -> Iterator[dict]:
    plain = Autoencoder(**settings)
    figures = {"fit_s": fitted(plain, train, test)["fit_s"]}
    for name, corruption in CORRUPTIONS.items():
        yield {"model": f"plain Autoencoder, {name}", **figures, **restored(plain, corruption, test)}
        for kind in (Autoencoder, DenoisingVAE):
            model = kind(corruption=corruption, **settings)
            seconds = fitted(model, train, test)["fit_s"]
            yield {"model": f"{kind.__name__}, {name}", "fit_s": seconds, **restored(model, corruption, test)}


def robust(train: np.ndarray, test: np.ndarray, settings: dict) -> Iterator[dict]:
    """Qi et al. 2014: salt and pepper in the training images themselves, which no model is told of."""
    for share in SPOILED:
        rng = np.random.default_rng(0)
        coins = rng.random((2, *train.shape))
        spoiled = np.where(coins[0] < share, (coins[1] < 0.5).astype(train.dtype), train)
        for kind in (Autoencoder, StackedAutoencoder):
            for likelihood in ("squared_error", "correntropy"):
                figures = fitted(kind(likelihood=likelihood, latent_dim=WIDTH, **settings), spoiled, test)
                yield {"model": f"{kind.__name__}, {likelihood}, {share:.0%} of pixels spoiled", **figures}


def restored(model, corruption, test: np.ndarray) -> dict:
    """What the model makes of spoiled test images; hidden pixels are missing for it, and black in what it is beside."""
    codec = model.codec_
    spoiled = corruption(codec.encode(test), codec.layout, torch.Generator().manual_seed(0))
    images = codec.as_images(spoiled.values.clamp(0.0, 1.0).double().numpy())
    given = np.where(codec.as_images(spoiled.observed.numpy()) > 0, images, np.nan)
    error = mean_square(model.reconstruct(given) - test)
    return {"error": error, "psnr_spoiled": psnr(mean_square(images - test)), "psnr_restored": psnr(error)}


PARTS = {part.__name__: part for part in (linear, pretraining, sparse, contractive, denoising, robust)}


def fitted(model, train: np.ndarray, test: np.ndarray) -> dict:
    """Fit the model; its test error before pixels are clipped to their range, as PCA's are not."""
    started = time.perf_counter()
    model.fit(train)
    seconds = time.perf_counter() - started
    return {"error": mean_square(model.expected_features(test) - test.reshape(len(test), -1)), "fit_s": seconds}


def mean_square(differences: np.ndarray) -> float:
    return float(np.square(differences).mean())


def psnr(error: float) -> float:
    """Peak signal-to-noise ratio in dB of a mean squared error of pixels from 0 to 1."""
    return -10 * math.log10(error)


def options() -> argparse.Namespace:
    found = common.plain_parser(__doc__)
    found.add_argument("--data", type=Path, default=DATA, help="an .npz file with x_train and x_test")
    found.add_argument("--train", type=int, default=10_000, help="training images")
    found.add_argument("--test", type=int, default=2_000, help="test images")
    found.add_argument("--parts", default=",".join(PARTS), help="comma-separated; all by default")
    common.fit_options(found)
    return found.parse_args()


def main() -> None:
    chosen = options()
    torch.set_num_threads(chosen.threads)
    with np.load(chosen.data) as data:
        train, test = (data[name] / 255.0 for name in ("x_train", "x_test"))
    train, test = train[: chosen.train], test[: chosen.test]
    rows: list[dict] = []
    for part in chosen.parts.split(","):
        for seed in map(int, chosen.seeds.split(",")):
            settings = common.fit_settings(chosen, seed)
            for row in PARTS[part](train, test, settings):
                rows.append({"part": part, "seed": seed, **row})
                print({key: round(value, 5) if isinstance(value, float) else value for key, value in rows[-1].items()})
    figures = common.save(rows, chosen.output).drop(columns="seed")
    with pd.option_context("display.width", 160, "display.max_columns", None):
        print(figures.groupby(["part", "model"], sort=False).mean().round(5).fillna("").to_string())


if __name__ == "__main__":
    main()
