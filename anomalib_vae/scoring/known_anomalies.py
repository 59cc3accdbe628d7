"""What a few known anomalies tell about other rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import torch
from torch import Tensor

from anomalib_vae.codec.batch import Batch, Rows

Score = Callable[[Batch], np.ndarray]

REACH = 1.5  # nats: the standard deviation of the log odds before any label
UNLABELLED = 0.3  # of a normal row: what a training row counts that may be an anomaly for all that is known
MAX_NORMAL, MAX_ANOMALIES = 150, 500  # rows that span the log odds; more anomalies than these are not looked at
TRAINING_ROWS = 1000  # that known anomalies are told from
NEWTON_STEPS = 20  # at most
JITTER = 1e-4  # on the diagonal of a kernel of variance 1: rows may be copies
SMALLEST = 1e-6  # of a spread or a length: where most rows have copies it is 0


@dataclass(frozen=True)
class KnownAnomalies:
    """Lowers the score of rows that are like known anomalies, and leaves it elsewhere.

    A row's log odds of being an anomaly are, up to a constant and in nats, asinh(surprise) + g.  Its surprise is how
    far its score lies below the median of the training rows, in interquartile ranges; asinh keeps a far row's from
    drowning what labels say.  g is a Gaussian process over the data space with an exponential kernel, fitted to the
    known anomalies against training rows (Rasmussen & Williams 2006, "Gaussian processes for machine learning", chapter
    3), spanned by these anomalies and some training rows (Williams & Seeger 2001, "Using the Nyström method").  Its
    mean is 0: far from all of them the score stays what it was, and few labels say little.  Training rows that nobody
    has judged may be anomalies, so they count less (Elkan & Noto 2008, "Learning classifiers from only positive and
    unlabeled data").

    anchors: (anchors, features), rows that span g, 0 where a cell is missing; weights: (anchors,), in nats.
    length: (), the distance over which the kernel falls by a factor of e.
    center, spread: (), median and interquartile range of the training rows' scores, in nats.
    """

    anchors: Tensor
    weights: Tensor
    length: Tensor
    center: Tensor
    spread: Tensor

    def lower(self, scores: np.ndarray, rows: Batch) -> np.ndarray:
        """The scores (rows,), in nats, with asinh(surprise) moved by g."""
        log_odds = _kernel(rows.values, self.anchors, self.length) @ self.weights
        surprise = (self.center - torch.from_numpy(scores)) / self.spread
        return (self.center - self.spread * torch.sinh(torch.asinh(surprise) + log_odds)).numpy()

    def state(self) -> dict[str, Tensor]:
        """The fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def apart(X: Any, y: Any) -> tuple[Any, Any, np.ndarray]:
    """The rows of X to train on, the known anomalies, and which of the former are known to be normal, (rows,) of bool.

    y: None, or (rows,) of -1 for a known anomaly, 1 for a normal row and 0 where it isn't known.  Without any -1 it is
    no such labels but a target, which detectors ignore: then the known anomalies are None and all rows are to train on.
    """
    labels = _labels(y, len(X))
    if labels is None:
        return X, None, np.zeros(len(X), bool)
    is_anomaly = labels == -1
    if (~is_anomaly).sum() < 2:
        raise ValueError(
            f"y calls {is_anomaly.sum()} of {len(X)} rows anomalies (-1), which leaves {(~is_anomaly).sum()} for the "
            "model, which needs 2: it learns from normal (1) and unlabelled (0) rows"
        )
    rest = np.flatnonzero(~is_anomaly)
    return take(X, rest), take(X, np.flatnonzero(is_anomaly)), labels[rest] == 1


def take(X: Any, rows: np.ndarray) -> Any:
    """The rows of a frame or an array at the positions, in that order."""
    taken = nw.from_native(X, eager_only=True, pass_through=True)[rows]
    return nw.to_native(taken, pass_through=True)


def learn(model: Any, score: Score, training: Rows, is_normal: np.ndarray, known: Rows) -> KnownAnomalies:
    """What known anomalies tell that `score` does not, against the training rows; both from `rows` of the model.

    is_normal: (training rows,) of bool, those that are known to be normal.
    """
    some = _drawn(len(training), TRAINING_ROWS)
    rows, anomalies = training[some], known[_drawn(len(known), MAX_ANOMALIES)]
    scores, of_anomalies = score(rows), score(anomalies)
    rows, anomalies = model.data_space(rows), model.data_space(anomalies)
    low, center, high = (torch.tensor(value) for value in np.quantile(scores, (0.25, 0.5, 0.75)))
    spread = (high - low).clamp_min(SMALLEST)
    normal = rows.values[:MAX_NORMAL].double()
    anchors = torch.cat([anomalies.values.double(), normal])
    length = torch.pdist(normal).median().clamp_min(SMALLEST)
    root = torch.linalg.cholesky(_kernel(anchors, anchors, length) + JITTER * torch.eye(len(anchors)))
    both = torch.cat([_kernel(part.values, anchors, length) for part in (rows, anomalies)])
    surprise = (center - torch.from_numpy(np.concatenate([scores, of_anomalies]))) / spread
    counts = np.concatenate([np.where(is_normal[some], 1.0, UNLABELLED), np.ones(len(anomalies))])
    mode = _mode(
        features=REACH * torch.linalg.solve_triangular(root, both.T, upper=False).T,
        is_anomaly=(torch.arange(len(both)) >= len(rows)).double(),
        offset=torch.asinh(surprise),
        counts=torch.from_numpy(counts),
    )
    weights = REACH * torch.linalg.solve_triangular(root.T, mode[:, None], upper=True)[:, 0]
    return KnownAnomalies(anchors, weights, length, center, spread)


def _drawn(rows: int, most: int) -> np.ndarray:
    """Positions of at most so many rows, drawn at random and always the same."""
    return torch.randperm(rows, generator=torch.Generator().manual_seed(0))[:most].numpy()


def _kernel(rows: Tensor, anchors: Tensor, length: Tensor) -> Tensor:
    """(rows, anchors), between 0 and 1; a missing cell counts as one in the middle of its column."""
    return torch.exp(-torch.cdist(rows.double(), anchors) / length)


def _mode(features: Tensor, is_anomaly: Tensor, offset: Tensor, counts: Tensor) -> Tensor:
    """The most probable b, (features,), of log odds = features @ b + offset + constant, with b ~ N(0, I); by Newton's
    method.  counts: how many rows each row stands for."""
    features = torch.cat([features, torch.ones_like(offset)[:, None]], 1)
    precision = torch.ones(features.shape[1], dtype=torch.float64)
    precision[-1] = 1e-6  # of the constant: next to none
    odds = (counts * is_anomaly).sum() / (counts * (1 - is_anomaly)).sum()
    b = torch.zeros_like(precision)
    b[-1] = odds.log() - offset.median()

    def loss(b):
        log_odds = features @ b + offset
        return counts @ (torch.nn.functional.softplus(log_odds) - is_anomaly * log_odds) + precision @ b.square() / 2

    for _ in range(NEWTON_STEPS):
        p = torch.sigmoid(features @ b + offset)
        gradient = features.T @ (counts * (p - is_anomaly)) + precision * b
        hessian = features.T @ ((counts * p * (1 - p))[:, None] * features) + torch.diag(precision)
        step, size = torch.linalg.solve(hessian, gradient), 1.0
        while loss(b - size * step) > loss(b) and size > SMALLEST:
            size /= 2
        b = b - size * step
        if gradient @ step < SMALLEST:
            break
    return b[:-1]


def _labels(y: Any, rows: int) -> np.ndarray | None:
    """y as numbers, (rows,); None where it holds no -1."""
    if y is None:
        return None
    given = np.asarray(y)
    if given.shape != (rows,):
        raise ValueError(f"y must hold a label for each of the {rows} rows of X, got the shape {given.shape}")
    try:
        labels = given.astype(float)
    except (TypeError, ValueError):
        strange = given.tolist()[:1]
    else:
        if not (labels == -1).any():
            if len(np.unique(labels)) > 1:
                warnings.warn("y holds no -1, the label of a known anomaly, and is ignored.", stacklevel=4)
            return None
        strange = given[~np.isin(labels, [-1, 0, 1])].tolist()
    if strange:
        raise ValueError(
            f"y must be -1 for a known anomaly, 1 for a normal row and 0 for an unlabelled one, got {strange[0]!r}: "
            "np.where(is_anomaly, -1, 0) makes such labels"
        )
    return labels
