"""The losses of a critic and a generator."""

from __future__ import annotations

import math

import torch

from anomalib_vae.losses.adversarial import critic_loss, generator_loss, gradient_penalty


def test_a_critic_that_cannot_tell_loses_two_bits():
    logits = torch.zeros(3, 5)
    torch.testing.assert_close(critic_loss(logits, logits), torch.full((3,), 2 * math.log(2)))
    torch.testing.assert_close(generator_loss(logits), torch.full((3,), math.log(2)))


def test_they_are_the_logarithms_of_the_chances():
    real, fake = torch.tensor([[2.0, -1.0]]), torch.tensor([[0.5, -3.0]])
    chance = torch.sigmoid
    torch.testing.assert_close(critic_loss(real, fake), -(chance(real).log() + (1 - chance(fake)).log()).mean(-1))
    torch.testing.assert_close(generator_loss(fake), -chance(fake).log().mean(-1))


def test_the_penalty_is_half_the_squared_slope_of_each_members_critic():
    slopes = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    values = torch.randn(2, 6, 2, generator=torch.Generator().manual_seed(0), requires_grad=True)
    logits = (values * slopes[:, None]).sum(-1)
    torch.testing.assert_close(gradient_penalty(logits, values), torch.tensor([12.5, 0.5]))


def test_the_penalty_can_be_learned_from():
    slope = torch.tensor(3.0, requires_grad=True)
    values = torch.ones(1, 4, 1, requires_grad=True)
    gradient_penalty((slope * values)[..., 0], values).sum().backward()
    torch.testing.assert_close(slope.grad, torch.tensor(3.0))
