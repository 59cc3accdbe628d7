"""Several draws of a row: what reads the row is computed once, and the result is as if the row were there so often."""

from __future__ import annotations

import pytest
import torch
from data import mixed_frame, wine

from anomalib_vae.codec.table import TableCodec
from anomalib_vae.networks.ladder import LadderNetwork
from anomalib_vae.networks.variational import Architecture, VariationalNetwork

MEMBERS, DRAWS = 2, 3
KINDS = {"one level": (VariationalNetwork, (4,)), "ladder": (LadderNetwork, (4, 2))}


@pytest.mark.parametrize("frame", [wine(), mixed_frame()], ids=["complete", "with gaps"])
@pytest.mark.parametrize("kind", KINDS)
def test_draws_are_those_of_repeated_rows(kind, frame):
    network_class, latent_dims = KINDS[kind]
    codec, generator = TableCodec.fit(frame), torch.Generator().manual_seed(0)
    architecture = Architecture(latent_dims=latent_dims, hidden_dims=(8,), n_members=MEMBERS)
    network = network_class(codec.layout, architecture, generator).double().eval()
    batch = codec.encode(frame).to(torch.float64).for_members(MEMBERS)
    shape = (MEMBERS, DRAWS * len(batch), network.code_width)
    noise = torch.randn(shape, generator=generator, dtype=torch.float64)
    once, repeated = network.posterior(batch, noise), network.posterior(batch.repeat(DRAWS), noise)
    for name in ("code", "divergence", "log_variance"):
        torch.testing.assert_close(getattr(once, name), getattr(repeated, name))
    output = network.decode(once.code)
    observation = network.observation
    torch.testing.assert_close(observation.log_prob(output, batch), observation.log_prob(output, batch.repeat(DRAWS)))
