"""Learn images of all classes but one, find the images of that one, and draw what was learned."""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import numpy as np
import pandas as pd
import tracking
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score

import anomalib_vae
from anomalib_vae import VAE, AnomalyDetector, report
from anomalib_vae.datasets import read_images
from anomalib_vae.integrations.mlflow import MLflowCallback, log_model

TEST_SHARE = 1 / 3  # where the data come without a part for tests
PAIRS = 6  # between whose images are interpolated
OTHERS = {"SequenceVAE", "RecurrentVAE", "Pix2Pix", "CycleGAN"}  # read series, or learn from two sets of images
MODELS = [n for n, home in anomalib_vae._HOME.items() if home.startswith("anomalib_vae.models.") and n not in OTHERS]


class Images(NamedTuple):
    """images: (n, height, width) or with channels.  labels: (n,)."""

    images: np.ndarray
    labels: np.ndarray

    def where(self, chosen: np.ndarray) -> Images:
        return Images(self.images[chosen], self.labels[chosen])

    def of_class(self, label: str | None) -> np.ndarray:
        """Which of them are, (n,); none where the label is None."""
        return (self.labels.astype(str) == label) & (label is not None)


def read(chosen: argparse.Namespace) -> tuple[Images, Images]:
    """The images to learn from and those to test with, of all classes; at most so many rows of each."""
    parts = (None, None)
    if chosen.folder:
        files = read_images(chosen.folder, chosen.size)
        whole = Images(files.images, files.labels)
    elif chosen.data:
        with np.load(chosen.data) as file:
            whole = Images(file["x_train"], file["y_train"])
            if "x_test" in file:
                parts = whole, Images(file["x_test"], file["y_test"])
    else:
        digits = load_digits()
        whole = Images((digits.images * (255 / 16)).round().astype(np.uint8), digits.target)
    if parts[0] is None:
        order = np.random.default_rng(chosen.seed).permutation(len(whole.images))
        held_out = round(TEST_SHARE * len(order))
        parts = whole.where(order[held_out:]), whole.where(order[:held_out])
    return tuple(part.where(np.arange(len(part.images))[: chosen.rows]) for part in parts)


def left_out(labels: np.ndarray, wanted: str | None) -> str | None:
    """The class that is the anomaly; None where there is one class only."""
    classes = np.unique(labels).astype(str)
    if wanted is None:
        return classes[0] if len(classes) > 1 else None
    if wanted not in classes or len(classes) == 1:
        raise SystemExit(f"--anomaly {wanted}: the class must be one of several; there are {', '.join(classes)}")
    return wanted


def model_named(name: str, **settings: Any):
    """The model with those of the settings that it has."""
    model_class = getattr(anomalib_vae, name)
    return model_class(**{key: value for key, value in settings.items() if key in model_class._get_param_names()})


def comparison(model, detector, train: Images, test: Images, is_anomaly: np.ndarray, seed: int) -> pd.DataFrame:
    """How well each tells the images of the held-out class, and how far reconstructions of the others are off."""
    flat, later = (part.images.reshape(len(part.images), -1) for part in (train, test))
    pca, forest = PCA(0.9).fit(flat), IsolationForest(random_state=seed).fit(flat)
    scores = {
        type(model).__name__: model.score_samples(test.images),
        "AnomalyDetector": detector.score_samples(test.images),
        "PCA (90 % of the variance)": pca.score_samples(later),
        "IsolationForest": forest.score_samples(later),
    }
    width = model.codec_.high - model.codec_.low
    rebuilt = {
        type(model).__name__: model.reconstruct(test.images).reshape(later.shape),
        "PCA (90 % of the variance)": pca.inverse_transform(pca.transform(later)),
    }
    off = {name: (values - later.astype(float))[~is_anomaly] / width for name, values in rebuilt.items()}
    table = pd.DataFrame(index=pd.Index(scores, name="model"))
    table["reconstruction error"] = pd.Series({name: np.sqrt(np.mean(part**2)) for name, part in off.items()})
    if is_anomaly.any():
        table["AUROC"] = pd.Series({name: roc_auc_score(is_anomaly, -found) for name, found in scores.items()})
    return table


def pairs(test: Images) -> list:
    """An image of each class with one of the next class."""
    firsts = [test.images[test.labels == label][0] for label in np.unique(test.labels)]
    firsts = firsts if len(firsts) > 1 else list(test.images[: PAIRS + 1])
    return list(itertools.pairwise(firsts))[:PAIRS]


def pictures(model, detector, flat_model, test: Images, is_anomaly: np.ndarray) -> dict:
    """All pictures of the model, by their names; flat_model: the same data with a code of two dimensions."""
    normal = test.where(~is_anomaly)
    drawn = {
        "reconstructions": report.reconstructions(model, normal.images, heat_map=True),
        "samples": report.samples(model),
        "samples_over_time": report.samples_over_time(model),
        "interpolations": report.interpolations(model, pairs(normal)),
        "training_curves": report.training_curves(model),
        "latent_space": report.latent_space(model, test.images, test.labels),
        "latent_space_2d": report.latent_space(flat_model, test.images, test.labels),
        "latent_manifold": report.latent_manifold(flat_model),
        "score_histogram": report.score_histogram(detector.score_samples(test.images), detector.offset_, is_anomaly),
    }
    if is_anomaly.any():
        drawn["anomalies"] = report.reconstructions(model, test.images[is_anomaly], heat_map=True)
    return drawn


def arguments() -> argparse.Namespace:
    options = tracking.parser(__doc__)
    source = options.add_mutually_exclusive_group()
    source.add_argument("--data", type=Path, help=".npz with x_train, y_train and perhaps x_test, y_test, not digits")
    source.add_argument("--folder", type=Path, help="image files, a sub-folder for each class, instead of digits")
    options.add_argument("--size", type=int, default=None, help="height and width that a folder's images are scaled to")
    options.add_argument("--rows", type=int, default=None, help="so many images of each part; all by default")
    options.add_argument("--model", choices=MODELS, default="VAE", metavar="NAME", help="one of anomalib_vae's")
    options.add_argument("--anomaly", default=None, help="the class that is not learned; the first one by default")
    return options.parse_args()


def main() -> None:
    chosen = arguments()
    train, test = read(chosen)
    anomaly = left_out(train.labels, chosen.anomaly)
    train, is_anomaly = train.where(~train.of_class(anomaly)), test.of_class(anomaly)
    folder = chosen.output / "images"
    folder.mkdir(parents=True, exist_ok=True)
    with tracking.start_run(chosen.mlruns, "images"):
        size = " x ".join(map(str, train.images.shape[1:]))
        without = f", of all classes but {anomaly}" if anomaly else ""
        tracking.say(f"Fitting {chosen.model} to {len(train.images):,} images of {size} pixels{without}")
        settings = {"max_epochs": chosen.max_epochs, "random_state": chosen.seed}
        model = model_named(chosen.model, **settings, callbacks=(MLflowCallback(), report.SampleSnapshots()))
        model.fit(train.images, train.labels)
        detector = AnomalyDetector(FrozenEstimator(model), random_state=chosen.seed).fit(train.images)
        table = comparison(model, detector, train, test, is_anomaly, chosen.seed)
        score = {"ELBO" if isinstance(model, VAE) else "score": model.score(test.images[~is_anomaly])}
        tracking.say("Fitting a VAE with a code of two dimensions, and drawing")
        flat_model = VAE(latent_dim=2, **settings).fit(train.images)
        for name, figure in pictures(model, detector, flat_model, test, is_anomaly).items():
            figure.savefig(folder / f"{name}.png")
        ours = table.loc[type(model).__name__].rename(lambda name: name.replace(" ", "_"))
        mlflow.log_metrics({**ours, **score})
        mlflow.log_table(table.reset_index(), "comparison.json")
        mlflow.log_artifacts(str(folder), folder.name)
        log_model(model, name="model")

    shown = table.astype(object).where(table.notna(), "–")
    tracking.show(f"{len(test.images):,} images that were not learned, {is_anomaly.sum():,} of them anomalies", shown)
    (name, value), *_ = score.items()
    tracking.say(f"{name} of the others: {value:.2f} nats an image; errors are parts of the way from black to white")
    tracking.say_where(chosen.mlruns, folder)


if __name__ == "__main__":
    main()
