"""What can be done with the codes of a model."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from anomalib_vae.models.chunks import CHUNK
from anomalib_vae.networks.network import Network


class Codes(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """From rows to codes and back, between the codes of two rows, and to the rows with codes nearby."""

    codec_: Any
    network_: Network
    rows: Callable[[Any], Any]
    _evaluate: Callable[..., np.ndarray]
    _place: Callable[[], torch.device]

    def transform(self, X):
        """The latent code of each row, (rows, members x latent_dim), members side by side; a VAE's is the posterior's
        mean."""
        return self._evaluate(lambda batch: self.network_.encode(batch).movedim(0, 1).flatten(1), self.rows(X))

    def inverse_transform(self, codes):
        """Codes (rows, members x latent_dim) to rows like those of the training data, the members' mean."""
        check_is_fitted(self)
        codes = np.asarray(codes, np.float64)
        if codes.ndim != 2 or codes.shape[1] != self._n_features_out:
            raise ValueError(f"codes must have shape (rows, {self._n_features_out}), got {codes.shape}")
        if not np.isfinite(codes).all():
            raise ValueError("codes must be finite, as `transform` gives them")
        network = self.network_
        stacked = torch.from_numpy(codes).to(self._place()).unflatten(1, (network.n_members, -1)).movedim(1, 0)
        features = [self._cells_of(network.expect(part).mean(0)) for part in stacked.split(CHUNK, 1)]
        return self.codec_.decode(torch.cat(features).cpu().numpy())

    def interpolate(self, a, b, steps: int = 10):
        """What lies between two rows: the codes on the straight line from one's to the other's, decoded.

        a, b: one row each, as `transform` takes them; of images also without the first dimension.
        Gives `steps` rows like those of the training data, the first and the last of them reconstructions of a and b.
        """
        check_is_fitted(self)
        whole_number("steps", steps, 2)
        start, end = self._code_of_one("a", a), self._code_of_one("b", b)
        share = np.linspace(0.0, 1.0, steps)[:, None]
        return self.inverse_transform((1.0 - share) * start + share * end)

    def neighbours(self, X, k: int = 5, among=None) -> np.ndarray:
        """The rows most like each row of X: (rows, k) positions in `among`, the most similar first, by the Euclidean
        distance of codes.

        among: rows like X; None: X itself, where a row is not its own neighbour.
        """
        codes = np.asarray(self.transform(X))
        others = codes if among is None else np.asarray(self.transform(among))
        whole_number("k", k, 1)
        most = len(others) - (among is None)
        if k > most:
            raise ValueError(f"k must be at most {most}, the number of other rows, got {k}")
        from sklearn.neighbors import NearestNeighbors  # slow to import, and takes rich along

        found = NearestNeighbors(n_neighbors=k).fit(others)
        return found.kneighbors(None if among is None else codes, return_distance=False)

    def _code_of_one(self, name: str, row) -> np.ndarray:
        row = row[None] if np.shape(row) == getattr(self.codec_, "shape", None) else row
        code = np.asarray(self.transform(row))
        if len(code) != 1:
            raise ValueError(f"{name} must be one row, got {len(code)}")
        return code

    @property
    def _n_features_out(self) -> int:
        return self.network_.n_members * self.network_.code_width

    def _cells_of(self, targets: torch.Tensor) -> torch.Tensor:
        """Of what codes stand for, (codes, targets), the part that makes a row of a frame."""
        return targets


def whole_number(name: str, value: Any, at_least: int) -> None:
    """Raise ValueError where the value is not a whole number, at least so large."""
    if not isinstance(value, numbers.Integral) or value < at_least:
        raise ValueError(f"{name} must be a whole number, at least {at_least}, got {value!r}")
