"""What a likelihood of real-valued features is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Likelihood:
    """The density of one real feature, given its location and the logarithm of its scale.

    All arguments are tensors that broadcast; results are elementwise, in nats.
    """

    def log_prob(self, values: Tensor, location: Tensor, log_scale: Tensor) -> Tensor:
        raise NotImplementedError

    def objective(
        self, values: Tensor, location: Tensor, log_scale: Tensor, observed: Tensor, progress: float
    ) -> Tensor:
        """What training maximises; the log-density itself unless a robust surrogate takes its place.

        observed: 1 where the feature was observed.  progress: the part of the training that is done, from 0 to 1.
        """
        return self.log_prob(values, location, log_scale)

    def mean(self, location: Tensor) -> Tensor:
        """Of the feature, given the location: the location itself unless the likelihood says otherwise."""
        return location

    def variance(self, log_scale: Tensor, location: Tensor | None = None) -> Tensor:
        """Of the feature about its mean; infinite where the density has none.  location: where it matters."""
        raise NotImplementedError

    def sample(self, location: Tensor, log_scale: Tensor, generator: Generator | None) -> Tensor:
        raise NotImplementedError
