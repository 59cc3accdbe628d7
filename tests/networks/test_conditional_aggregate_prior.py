"""A mixture of posteriors for each class in the place of N(0, I)."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal
from torch.nn.functional import one_hot

from anomalib_vae.networks.conditional_aggregate_prior import ConditionalAggregatePrior

MEMBERS, WIDTH, CLASSES = 2, 3, 4
CLASS_OF = torch.tensor([[2, 0, 0, 2, 0, 1], [1, 0, 2, 2, 2, 0]])  # of six references of each member; none of the last


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def references():
    mean, log_variance = torch.randn(2, MEMBERS, 6, WIDTH, generator=generator(), dtype=torch.float64)
    return 2 * mean, log_variance - 1


@pytest.fixture
def prior():
    prior = ConditionalAggregatePrior(MEMBERS, WIDTH, CLASSES).double()
    prior.fit_classes(*references(), CLASS_OF)
    return prior


def codes(rows=40):
    z = 2 * torch.randn(MEMBERS, rows, WIDTH, generator=generator(1), dtype=torch.float64)
    y = torch.arange(rows).expand(MEMBERS, -1) % CLASSES
    return torch.cat([z, one_hot(y, CLASSES).double()], -1), y


def normal(z, mean, log_variance):
    """log N(z; mean, variance) without the constant, of each of some means (n, width): (n,)."""
    return Normal(mean, (log_variance / 2).exp()).log_prob(z).sum(-1) + WIDTH / 2 * math.log(2 * math.pi)


def test_is_the_mixture_of_the_class_without_its_best_component_and_of_a_standard_normal(prior):
    code, y = codes()
    mean, log_variance = references()
    for member in range(MEMBERS):
        for row in range(code.shape[1]):
            z, of_class = code[member, row, :WIDTH], CLASS_OF[member] == y[member, row]
            rows = normal(z, mean[member, of_class], log_variance[member, of_class]).exp()
            standard = normal(z, torch.zeros(WIDTH).double(), torch.zeros(WIDTH).double()).exp()
            kept = rows.sort().values[:-1]
            expected = torch.log((kept.sum() + standard) / (len(kept) + 1))
            torch.testing.assert_close(prior.log_density(code)[member, row], expected)


def test_claims_no_more_than_a_density_may():
    """In one dimension its integral is at most 1 in each class, so that bounds made with it stay bounds."""
    prior = ConditionalAggregatePrior(1, 1, 3).double()
    mean, log_variance = (
        torch.tensor([[[-1.0], [0.0], [2.0]]]).double(),
        torch.tensor([[[0.0], [-2.0], [1.0]]]).double(),
    )
    prior.fit_classes(mean, log_variance, torch.tensor([[1, 0, 1]]))
    z = torch.linspace(-20, 20, 40_001, dtype=torch.float64)
    for label in torch.eye(3).double():
        density = prior.log_density(torch.cat([z[None, :, None], label.expand(1, len(z), 3)], -1))[0].exp()
        assert 0.5 < float(torch.trapezoid(density / math.sqrt(2 * math.pi), z)) <= 1.0 + 1e-9


def test_samples_lie_at_the_references_of_their_class_or_are_the_noise(prior):
    noise = torch.randn(MEMBERS, 40_000, WIDTH, generator=generator(2), dtype=torch.float64)
    mean, log_variance = references()
    for label in range(CLASSES):
        labels = one_hot(torch.tensor(label), CLASSES).double().expand(MEMBERS, 40_000, CLASSES)
        drawn = prior.sample(torch.cat([noise, labels], -1), generator(3))
        assert torch.equal(drawn[..., WIDTH:], labels)
        for member in range(MEMBERS):
            own, z = CLASS_OF[member] == label, drawn[member, :, :WIDTH]
            count = int(own.sum()) + 1
            torch.testing.assert_close(z.mean(0), mean[member, own].sum(0) / count, atol=0.05, rtol=0)
            second = (mean[member, own].square() + log_variance[member, own].exp()).sum(0) + 1.0
            torch.testing.assert_close(z.square().mean(0), second / count, atol=0.2, rtol=0.05)
            as_it_was = (z == noise[member]).all(-1).double().mean()
            assert float(as_it_was) == pytest.approx(1 / count, abs=0.02)


def test_a_row_is_drawn_whatever_the_labels_of_the_others(prior):
    code, _ = codes()
    others = code.clone()
    others[:, 1::2, WIDTH:] = code[:, :-1:2, WIDTH:]
    drawn = prior.sample(code, generator(3))
    assert torch.equal(drawn[:, ::2], prior.sample(others, generator(3))[:, ::2])


def test_a_saved_one_can_be_loaded_into_an_empty_one(prior):
    again = ConditionalAggregatePrior(MEMBERS, WIDTH, CLASSES).double()
    assert not again.fitted
    again.load_state_dict(prior.state_dict())
    assert again.fitted
    assert torch.equal(again.log_density(codes()[0]), prior.log_density(codes()[0]))
