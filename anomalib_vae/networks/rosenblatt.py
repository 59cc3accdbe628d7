"""Rows as independent noise, and noise as rows: the transformation by conditional distributions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from anomalib_vae.codec.batch import Batch
from anomalib_vae.losses.bernoulli import Bernoulli
from anomalib_vae.networks.observation import Observation

LEAST_CHANCE = 1e-12  # of what lies further out the code says no more than that


class Rosenblatt:
    """A row to a number for each column, and back: where its cell lies in the distribution given those before it.

    Rosenblatt 1952, "Remarks on a multivariate transformation".  Of a number it is the residual in learned scales, of a
    boolean, label or black-and-white pixel Φ⁻¹ of the middle of the cell's share of the distribution function (Dunn &
    Smyth 1996, "Randomized quantile residuals").  Under a Gaussian likelihood the codes of numbers are so independent
    standard normals; a missing cell has the code 0, the median.
    """

    def __init__(self, observation: Observation):
        self.observation = observation
        self.layout = observation.layout.given_back
        self.of_pixels = isinstance(observation.likelihood, Bernoulli)

    def encode(self, output: Tensor, batch: Batch) -> Tensor:
        """Parameters of the observation, (members, rows, targets), to codes, (members, rows, columns)."""
        o, values = self.observation, batch.select(self.observation.targets).values
        real, location = values[..., o.real], output[..., o.real]
        codes = [_half(real.clamp(0.0, 1.0), location) if self.of_pixels else (real - location) / o.log_scale.exp()]
        codes.append(_half(values[..., o.binary], output[..., o.binary]))
        for block in self.layout.of_kind("category"):
            span = slice(block.start, block.stop)
            share = output[..., span].softmax(-1)
            middle = values[..., span] * (share.cumsum(-1) - share / 2)
            codes.append(_normal(middle.sum(-1, keepdim=True)))
        return torch.cat(codes, -1) * batch.observed[..., [block.start for block in o.layout.blocks]]

    def decoder(self, codes: Tensor) -> Callable[[int, Tensor], Tensor]:
        """What gives, of a column and its part of the observation's parameters, the targets that its codes stand for,
        (members, rows, its targets)."""
        scale = self.observation.log_scale.exp()

        def decode(column: int, output: Tensor) -> Tensor:
            code, kind = codes[..., column, None], self.layout.blocks[column].kind
            if kind == "real" and not self.of_pixels:
                return output + scale[..., column, None] * code
            share = torch.special.ndtr(code)
            if kind != "category":
                return (share > torch.sigmoid(-output)).to(output)
            level = (output.softmax(-1).cumsum(-1) < share).sum(-1).clamp_max(output.shape[-1] - 1)
            return nn.functional.one_hot(level, output.shape[-1]).to(output)

        return decode

    def noise(self, like: Tensor, generator: torch.Generator) -> Tensor:
        """Codes of rows drawn at random, of the shape of these."""
        drawn = torch.randn(like.shape, generator=generator, dtype=like.dtype, device=like.device)
        if not self.of_pixels:
            real = like[..., self.observation.real]
            standard = torch.zeros_like(real)
            drawn[..., self.observation.real] = self.observation.likelihood.sample(standard, standard, generator)
        return drawn


def _half(values: Tensor, logits: Tensor) -> Tensor:
    """The code of 0 and 1: the lower part of the distribution function, as large as the chance of 0, is that of 0."""
    return _normal((torch.sigmoid(-logits) + values) / 2)


def _normal(share: Tensor) -> Tensor:
    return torch.special.ndtri(share.clamp(LEAST_CHANCE, 1.0 - LEAST_CHANCE))
