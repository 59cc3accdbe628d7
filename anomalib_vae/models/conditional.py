"""What a network says of rows with missing cells: one expectation, a spread around it, and draws from its posterior.

All take a network after training and encoded rows, and give float64 arrays.  What they say of a row does not depend on
the rows beside it, also where the network computes in single precision.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from anomalib_vae.codec.batch import Batch, Rows
from anomalib_vae.models.chunks import CHUNK, evaluate
from anomalib_vae.networks.network import Network
from anomalib_vae.networks.observation import mixture_moments
from anomalib_vae.networks.steady import enough
from anomalib_vae.networks.variational import VariationalNetwork

SINGLE_CHUNK = 4 * CHUNK  # rows evaluated at once in single precision


def expected(network: Network, rows: Rows) -> np.ndarray:
    """The mean of the members' reconstructions, (rows, targets)."""
    return _evaluated(network, lambda batch: network.reconstruct(batch).mean(0), rows)


def moments(network: VariationalNetwork, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the mixture of all members' decoders, each (rows, targets).

    A deviation that is not finite, as of Student's t with two degrees of freedom, is given as 1: the column's own.
    """

    def of_batch(batch: Batch) -> torch.Tensor:
        return torch.stack(mixture_moments(*network.predictive(batch), dim=0), -1)

    found = _evaluated(network, of_batch, rows)
    deviation = np.sqrt(found[..., 1])
    return found[..., 0], np.where(np.isfinite(deviation) & (deviation > 0), deviation, 1.0)


def decoder_variance(network: VariationalNetwork) -> np.ndarray:
    """The part of the variance of numeric targets, which come first, that decoders have by themselves: (numbers,)."""
    observation = network.observation
    variance = observation.likelihood.variance(observation.log_scale).mean((0, 1))
    return torch.where(variance.isfinite(), variance, 1.0).double().cpu().numpy()


def posterior_draws(network: VariationalNetwork, rows: Batch, rng: np.random.Generator) -> np.ndarray:
    """Each member's decoder at a code drawn from its posterior: what it expects there, (members, rows, targets)."""
    parts = []
    with torch.inference_mode():
        for start in range(0, len(rows), CHUNK):
            batch = _for(network, rows[start : start + CHUNK])
            noise = rng.standard_normal((network.n_members, len(batch), network.code_width))
            code = network.posterior(batch, torch.from_numpy(noise).to(batch.values)).code
            parts.append(network.expect(code))
    return torch.cat(parts, 1).double().cpu().numpy()


def _evaluated(network: Network, function: Callable[[Batch], torch.Tensor], rows: Rows) -> np.ndarray:
    """The function, of rows as the network reads them, part by part: (rows, ...)."""
    single = network.dtype == torch.float32

    def of_part(part: Batch) -> torch.Tensor:
        some = part[enough(len(part))] if single and len(part) else part
        return function(_for(network, some))[: len(part)]

    return np.asarray(evaluate(of_part, rows, chunk=SINGLE_CHUNK if single else CHUNK), float)


def _for(network: Network, rows: Batch) -> Batch:
    return rows.to(network.device, network.dtype).for_members(network.n_members)
