"""How strongly an encoder's code depends on what it reads."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from anomalib_vae.codec.batch import Batch
from anomalib_vae.networks.autoencoder import AutoencoderNetwork
from anomalib_vae.networks.layers import ACTIVATIONS, StackedLinear
from anomalib_vae.networks.mlp import MLP


def squared_jacobian(network: AutoencoderNetwork, batch: Batch) -> Tensor:
    """‖∂f(x)/∂x‖² of each row, the squared Frobenius norm over the observed features, (members, rows); exact, and with
    a gradient.

    Where the encoder is one layer, a = xW + b and z = s(a), it is Σ_j s'(a_j)² Σ_i W_ij² (Rifai et al. 2011); else
    every unit of the code is differentiated backwards, all of them at once.
    """
    with torch.enable_grad():
        one_layer = isinstance(network.encoder, MLP) and not network.encoder.hidden and not network.inputs.n_bins
        return _of_one_layer(network, batch) if one_layer else _of_layers(network, batch)


def _of_one_layer(network: AutoencoderNetwork, batch: Batch) -> Tensor:
    activation = ACTIVATIONS[network.architecture.code_activation]
    before = network.preactivation(batch)
    before = before if before.requires_grad else before.requires_grad_()
    (slope,) = torch.autograd.grad(activation(before).sum(), before, create_graph=True)
    head = cast(StackedLinear, network.encoder.head)
    squares = head.weight[:, : network.layout.width].square()
    seen = batch.observed[:, :1] if batch.is_complete else batch.observed
    return (slope.square() * (seen @ squares)).sum(-1)


def _of_layers(network: AutoencoderNetwork, batch: Batch) -> Tensor:
    values = batch.values.clone().requires_grad_()  # rows that members share are rows of their own here
    code = network.encode(Batch(values, batch.observed))
    units = torch.eye(code.shape[-1], dtype=code.dtype, device=code.device)[:, None, None].expand(-1, *code.shape)
    (jacobian,) = torch.autograd.grad(code, values, units, create_graph=True, is_grads_batched=True)
    return (jacobian * batch.observed).square().sum((0, -1))
