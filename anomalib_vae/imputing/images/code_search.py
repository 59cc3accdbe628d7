"""Missing pixels from the code that explains the observed ones best, for models that can't read an image with gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from anomalib_vae.codec.batch import Batch, Rows
from anomalib_vae.models.chunks import CHUNK, by_parts
from anomalib_vae.networks.network import Network
from anomalib_vae.training.optimizer import AdamW

STEPS, PACE = 30, 0.1  # of Adam, in standard deviations of a code
SMALLEST = 1e-2  # standard deviation of codes and pixels


@dataclass(frozen=True)
class CodeSearch:
    """z = argmin |x_o - g(z)_o|² / variance + |z|² over the observed pixels o of an image, codes in units of their
    spread in training: the most probable code, of which g(z) gives the missing pixels too.

    Yeh et al. 2017, "Semantic image inpainting with deep generative models".

    centre, spread: of the codes, (members, 1, code width).  variance: of an observed pixel around the best.
    """

    centre: Tensor
    spread: Tensor
    variance: float

    @classmethod
    def fit(cls, network: Network, images: Batch) -> Self:
        """images: encoded ones that the network knows, (images, pixels)."""
        batch = images.to(network.device, torch.float64).for_members(network.n_members)
        with torch.no_grad():
            code = network.encode(batch)
            off = (network.expect(code) - batch.values).square() * batch.observed
        variance = float(off.sum() / batch.observed.sum().clamp_min(1.0))
        return cls(
            code.mean(1, keepdim=True), code.std(1, keepdim=True).clamp_min(SMALLEST), max(variance, SMALLEST**2)
        )

    def expected(self, network: Network, rows: Rows) -> np.ndarray:
        """(images, pixels), the mean of the members."""

        def of_part(part: Batch) -> np.ndarray:
            return np.concatenate([self._of_chunk(network, part[i : i + CHUNK]) for i in range(0, len(part), CHUNK)])

        return by_parts(of_part, rows)

    def state(self) -> dict[str, Tensor]:
        variance = torch.tensor([self.variance], dtype=torch.float64)
        return {"centre": self.centre, "spread": self.spread, "variance": variance}

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> Self:
        return cls(state["centre"], state["spread"], state["variance"].item())

    def _of_chunk(self, network: Network, chunk: Batch) -> np.ndarray:
        batch = chunk.to(self.centre.device, torch.float64)
        shape = (*self.centre.shape[:1], len(batch), self.centre.shape[-1])
        step = self.centre.new_zeros(shape, requires_grad=True)
        optimizer = AdamW([step], PACE, weight_decay=0.0)
        for _ in range(STEPS):
            optimizer.zero_grad()
            off = (network.expect(self.centre + self.spread * step) - batch.values) * batch.observed
            (0.5 * off.square().sum() / self.variance + 0.5 * step.square().sum()).backward()
            optimizer.step()
        with torch.no_grad():
            return network.expect(self.centre + self.spread * step).mean(0).cpu().numpy()
