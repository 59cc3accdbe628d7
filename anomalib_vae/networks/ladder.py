"""The network of a hierarchical variational autoencoder: several levels of latent variables."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from anomalib_vae.losses.divergences import gaussian_divergence, gaussian_log_density
from anomalib_vae.networks.layers import smooth_clamp
from anomalib_vae.networks.variational import LOG_VARIANCE_RANGE, Posterior, VariationalNetwork, for_draws


class LadderNetwork(VariationalNetwork):
    """Levels from the data upwards, inferred from the top down (Sønderby et al. 2016, "Ladder variational
    autoencoders"), each posterior a correction of its prior (the residual posterior of Vahdat & Kautz 2020, NVAE).

    p(z) = p(z_L) p(z_L-1 | z_L) ... p(z_1 | z_2);  q(z_l | x, z_l+1) = N(m + Δm, v exp(Δ)) where p's are m and v.
    The decoder reads all levels.
    """

    def build_latents(self, generator):
        a = self.architecture
        if not a.hidden_dims:
            raise ValueError(
                "HierarchicalVAE.hidden_dims must name at least one width: each level reads a hidden layer."
            )
        bottom_up: list[Any] = [self.reader(None, generator)]
        for _ in a.latent_dims[1:]:
            bottom_up.append(self.mlp(bottom_up[-1].width, a.hidden_dims, None, generator))
        self.bottom_up = nn.ModuleList(bottom_up)
        above = [*a.latent_dims[1:], 0]
        self.corrections = nn.ModuleList(
            self.mlp(layer.width + up, a.hidden_dims[-1:], 2 * dim, generator)
            for layer, dim, up in zip(bottom_up, a.latent_dims, above, strict=True)
        )
        self.priors = nn.ModuleList(
            self.mlp(up, a.hidden_dims[-1:], 2 * dim, generator)
            for dim, up in zip(a.latent_dims[:-1], above[:-1], strict=True)
        )

    def posterior(self, batch, noise, generator=None):
        evidence, hidden = [], self.inputs(batch)
        for layer in self.bottom_up:
            hidden = layer(hidden, generator)
            evidence.append(for_draws(hidden, noise))
        codes: list[Tensor] = []
        divergences: list[Tensor] = []
        log_variances: list[Tensor] = []
        log_prior, above = noise.new_zeros(noise.shape[:-1]), noise[..., :0]
        for level, part in self._from_the_top(noise):
            prior_mean, prior_log_variance = self._prior(level, above, part)
            correction = self.corrections[level](torch.cat([evidence[level], above], -1), generator)
            shift, stretch = correction.chunk(2, -1)
            mean = prior_mean + shift
            log_variance = smooth_clamp(prior_log_variance + stretch, *LOG_VARIANCE_RANGE)
            above = mean + torch.exp(0.5 * log_variance) * part
            log_prior = log_prior + gaussian_log_density(above, prior_mean, prior_log_variance).sum(-1)
            log_variances.insert(0, log_variance)
            divergences.insert(0, gaussian_divergence(mean, log_variance, prior_mean, prior_log_variance))
            codes.insert(0, above)
        code, divergence, log_variance = (torch.cat(parts, -1) for parts in (codes, divergences, log_variances))
        return Posterior(code, divergence, log_variance, noise, log_prior)

    def encode(self, batch):
        return self.posterior(batch, batch.values.new_zeros(self.n_members, len(batch), self.code_width)).code

    def prior(self, noise):
        codes: list[Tensor] = []
        above = noise[..., :0]
        for level, part in self._from_the_top(noise):
            mean, log_variance = self._prior(level, above, part)
            above = mean + torch.exp(0.5 * log_variance) * part
            codes.insert(0, above)
        return torch.cat(codes, -1)

    def _from_the_top(self, noise):
        parts = noise.split(self.architecture.latent_dims, -1)
        return reversed(list(enumerate(parts)))

    def _prior(self, level, above, like):
        if level == len(self.priors):
            return torch.zeros_like(like), torch.zeros_like(like)
        mean, raw = self.priors[level](above).chunk(2, -1)
        return mean, smooth_clamp(raw, *LOG_VARIANCE_RANGE)
