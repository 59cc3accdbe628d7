"""What a network draws, without the noise of single pixels, and which codes the normal distribution stands for."""

from __future__ import annotations

from typing import cast

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from anomalib_vae.networks.autoencoder import AutoencoderNetwork
from anomalib_vae.networks.conditional_variational import ConditionalVariationalNetwork
from anomalib_vae.networks.network import Network
from anomalib_vae.networks.variational import VariationalNetwork


def width_of(network: Network) -> int:
    """Of a member's code, without the label that a conditional VAE has beside it."""
    return getattr(network, "z_width", network.code_width)


def codes_of(network: Network, noise: Tensor, label: int | None = None) -> Tensor:
    """Codes that are to the network's codes what the noise is to N(0, I), both (members, rows, code width).

    Those of a VAE follow its prior, those of an autoencoder the Gaussian of its training codes, all others N(0, I).
    label: the position of a class, for a conditional VAE; the noise then has no part for it.
    """
    if label is not None:
        return _with_label(network, noise, label)
    if isinstance(network, VariationalNetwork):
        return network.prior(noise)
    if isinstance(network, AutoencoderNetwork):
        return network.code_mean + noise @ network.code_factor.mT
    return noise


def expected_draws(network: Network, rows: int, generator: Generator, label: int | None = None) -> Tensor:
    """Targets of new rows, (rows, targets): of a VAE the means of p(x|z) at codes from its prior, the members in turn;
    of other networks what they generate.  label: the position of a class, for a conditional VAE."""
    if not isinstance(network, VariationalNetwork):
        return network.generate(rows, generator)
    if label is None:
        code = network.new_codes(rows, generator)
    else:
        classes = network.code_width - width_of(network)
        one = one_hot(torch.tensor([label], device=generator.device), classes)
        code = cast(ConditionalVariationalNetwork, network).new_codes(rows, generator, one)
    return network.expect(code).movedim(0, 1).flatten(0, 1)[:rows]


def _with_label(network: Network, code: Tensor, label: int) -> Tensor:
    """The codes in that class."""
    z, classes = code[..., : width_of(network)], network.code_width - width_of(network)
    one = one_hot(torch.tensor(label, device=code.device), classes).to(code)
    return torch.cat([z, one.expand(*z.shape[:-1], classes)], -1)
