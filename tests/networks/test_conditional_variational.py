"""The mathematics of a conditional network: labels are latent where they are not observed, and given where they are."""

from __future__ import annotations

import pytest
import torch
from data import few_columns, mixed_frame

from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.labels import Labels, beside
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.losses.corruptions import Mask
from anomalib_vae.networks.conditional_variational import Architecture, ConditionalVariationalNetwork
from anomalib_vae.networks.network import Step

MEMBERS, SHARES = 2, (0.2, 0.5, 0.3)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def network_of(frame, **options) -> ConditionalVariationalNetwork:
    options = {"hidden_dims": (8,), "latent_dims": (2, 3), **options}
    architecture = Architecture(n_members=MEMBERS, class_shares=SHARES, **options)
    network = ConditionalVariationalNetwork(TableCodec.fit(frame).layout, architecture, generator()).double().eval()
    with torch.no_grad():
        network.class_shares.copy_(torch.tensor(SHARES))  # without the rounding of float32
        for parameter in network.classifier.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator(1))
    return network


def encoded(frame) -> Batch:
    return TableCodec.fit(frame).encode(frame).to(torch.float64).for_members(MEMBERS)


def with_labels(batch: Batch, y) -> Batch:
    labels = Labels((0, 1, 2), SHARES).encode(y, len(batch)).to(batch.values.dtype)
    return beside(batch, labels.for_members(batch.values.shape[0]))


def turns(rows, *labels):
    return (list(labels) * rows)[:rows]


# ------------------------------------------------------------------ players
def test_each_player_moves_its_own_parameters_and_no_other_member():
    network, batch = network_of(mixed_frame()), encoded(mixed_frame())
    batch = with_labels(batch, turns(len(batch), 0, 1, None, 2))
    players = network.players()
    assert sorted(id(p) for player in players.values() for p in player.parameters) == sorted(
        id(p) for p in network.parameters()
    )
    for name, player in players.items():
        loss = network.loss(name, batch, Step(0.5, generator()))
        assert loss.shape == (MEMBERS,)
        gradients = torch.autograd.grad(loss[0], list(network.parameters()), allow_unused=True, materialize_grads=True)
        of_player = {id(p) for p in player.parameters}
        for parameter, gradient in zip(network.parameters(), gradients, strict=True):
            assert not gradient[1:].any()
            assert id(parameter) in of_player or not gradient.any()
        assert any(gradient[0].any() for gradient in gradients)


def test_the_classifier_minimises_the_cross_entropy_of_known_labels():
    network, batch = network_of(few_columns()), encoded(few_columns())
    loss = network.loss("classifier", with_labels(batch, turns(len(batch), 0, None, 2)), Step(0.5, generator()))
    logits = network.classifier(network.inputs(batch))
    y = torch.tensor(turns(len(batch), 0, -100, 2)).expand(MEMBERS, -1)
    wanted = [torch.nn.functional.cross_entropy(logits[m], y[m]) for m in range(MEMBERS)]
    torch.testing.assert_close(loss, torch.stack(wanted))
    nothing = network.loss("classifier", with_labels(batch, [None] * len(batch)), Step(0.5, generator()))
    assert nothing.tolist() == [0.0] * MEMBERS


def test_a_corruption_spares_labels():
    network, batch = network_of(mixed_frame(), corruption=Mask(1.0, 1.0)), encoded(mixed_frame())
    labelled = with_labels(batch, turns(len(batch), 0, 1, None))
    spoiled_rows, spoiled_labels = network.apart(network.spoil(labelled, generator()))
    _, labels = network.apart(labelled)
    assert not spoiled_rows.observed.any()
    assert torch.equal(spoiled_labels.values, labels.values)
    assert torch.equal(spoiled_labels.observed, labels.observed)
    assert all(torch.isfinite(network.loss(p, labelled, Step(0.5, generator()))).all() for p in network.players())


# ------------------------------------------------------------------ scores
@pytest.mark.parametrize("importance_samples", [1, 3])
def test_a_score_without_a_label_is_the_log_sum_over_the_classes(importance_samples):
    network = network_of(mixed_frame(), importance_samples=importance_samples)
    batch = encoded(mixed_frame())
    given = torch.stack([network.score(with_labels(batch, [y] * len(batch))) for y in range(3)], -1)
    marginal = torch.log((torch.tensor(SHARES, dtype=torch.float64) * given.exp()).sum(-1))
    torch.testing.assert_close(network.score(batch), marginal)
    some = network.score(with_labels(batch, turns(len(batch), None, 1)))
    torch.testing.assert_close(some[:, ::2], marginal[:, ::2])
    torch.testing.assert_close(some[:, 1::2], given[:, 1::2, 1])
    assert given.std(-1).min() > 0


def test_draws_of_the_label_and_z_together_have_the_likelihood_of_all_classes():
    """Importance weighting over (y, z) without labels, against the sum over y of that over z."""
    network, batch = network_of(few_columns(), latent_dims=(1, 3)), encoded(few_columns())[:, :8]
    with torch.no_grad():
        given = [network.log_likelihood(with_labels(batch, [y] * 8), 6000) for y in range(3)]
        found = network.log_likelihood(batch, 12_000)
    wanted = torch.logsumexp(torch.stack(given, -1) + torch.tensor(SHARES, dtype=torch.float64).log(), -1)
    torch.testing.assert_close(found, wanted, atol=0.1, rtol=0)


def test_labels_are_drawn_as_often_as_the_classifier_thinks_them_probable():
    network, batch, draws = network_of(few_columns()), encoded(few_columns())[:, :4], 8000
    noise = torch.randn(MEMBERS, 4 * draws, network.code_width, generator=generator(), dtype=torch.float64)
    drawn = network.posterior(batch, noise).code[..., 2:].unflatten(1, (draws, 4)).mean(1)
    torch.testing.assert_close(drawn, network.label_probability(batch), atol=0.03, rtol=0)
    assert drawn.std(-1).max() > 0.1


def test_a_known_label_is_part_of_the_code():
    network, batch = network_of(few_columns()), encoded(few_columns())
    labelled = with_labels(batch, turns(len(batch), 2, None, 1))
    noise = torch.randn(MEMBERS, len(batch), network.code_width, generator=generator(), dtype=torch.float64)
    for code in (network.posterior(labelled, noise).code, network.encode(labelled)):
        assert (code[:, ::3, 2:].argmax(-1) == 2).all()
        assert (code[:, 2::3, 2:].argmax(-1) == 1).all()
        torch.testing.assert_close(code[..., 2:].sum(-1), torch.ones_like(code[..., 0]))
    of_unknown = network.encode(batch)
    assert torch.equal(of_unknown[:, 1::3], network.encode(labelled)[:, 1::3])
    assert ((of_unknown[..., 2:] > 0) & (of_unknown[..., 2:] < 1)).all()


# ------------------------------------------------------------------ new rows
def test_the_prior_draws_labels_by_their_shares():
    code = network_of(few_columns()).new_codes(20_000, generator())
    torch.testing.assert_close(code[..., 2:].mean((0, 1)), torch.tensor(SHARES, dtype=torch.float64), atol=0.02, rtol=0)
    assert code[..., :2].std() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("rows", [1, 6, 7])
def test_new_rows_get_their_labels_whichever_member_makes_them(rows, monkeypatch):
    network = network_of(few_columns())
    monkeypatch.setattr(network, "rows_at", lambda code, generator: code.movedim(0, 1).flatten(0, 1))
    labels = torch.eye(3)[torch.arange(rows) % 3]
    codes = network.generate(rows, generator(), labels)
    assert torch.equal(codes[:, 2:], labels.double())
    assert torch.equal(codes[:, :2], network.generate(rows, generator())[:, :2])


def test_the_prior_of_a_class_is_made_of_the_rows_with_its_label_or_that_most_probably_have_it():
    network, batch = network_of(few_columns()), encoded(few_columns())
    labelled = with_labels(batch, turns(len(batch), 2, None, 1))
    network.fit_prior(labelled)
    prior, of_unknown = network.aggregate_prior, network.label_probability(batch).argmax(-1)
    wanted = torch.tensor(turns(len(batch), 2, -1, 1)).expand(MEMBERS, -1)
    wanted = torch.where(wanted < 0, of_unknown, wanted)
    assert torch.equal(prior.class_of, wanted.sort(-1).values)
    assert len(wanted[:, 1::3].unique()) > 1
    codes = network.encode(with_labels(batch, wanted[0].tolist()))[0]
    for label in range(3):
        means, mine = prior.mean[0, prior.class_of[0] == label], codes[wanted[0] == label, :2]
        assert torch.equal(means, mine)


def test_a_score_takes_the_fitted_prior_of_the_label():
    network, batch = network_of(few_columns()), encoded(few_columns())
    labelled = with_labels(batch, turns(len(batch), 0, 1, 2))
    before = network.score(labelled)
    network.fit_prior(labelled)
    posterior, data_term = network._draw(labelled)
    log_posterior = -0.5 * (posterior.noise.square() + posterior.log_variance).sum(-1)
    bound = data_term.sum(-1) + network.aggregate_prior.log_density(posterior.code) - log_posterior
    torch.testing.assert_close(network.score(labelled), bound.unflatten(1, (-1, len(batch))).mean(1))
    assert not torch.allclose(network.score(labelled), before)
    given = torch.stack([network.score(with_labels(batch, [y] * len(batch))) for y in range(3)], -1)
    marginal = torch.log((torch.tensor(SHARES, dtype=torch.float64) * given.exp()).sum(-1))
    torch.testing.assert_close(network.score(batch), marginal)


def test_new_rows_of_a_class_come_from_its_prior():
    network, batch = network_of(few_columns()), encoded(few_columns())
    network.fit_prior(with_labels(batch, turns(len(batch), 0, 1, 2)))
    prior = network.aggregate_prior
    prior.mean = prior.mean + 10.0 * prior.class_of[..., None]
    labels = torch.eye(3)[torch.arange(600) % 3]
    code = network.new_codes(600, generator(), labels)
    assert torch.equal(code.movedim(0, 1).flatten(0, 1)[:, 2:], labels.double())
    for label in range(3):
        drawn = code[0, code[0, :, 2 + label] > 0, :2]
        torch.testing.assert_close(drawn.median(0).values, torch.full((2,), 10.0 * label).double(), atol=1.0, rtol=0)


@pytest.mark.parametrize("hidden_dims", [(), (8,)])
def test_the_flag_of_a_complete_column_has_no_effect_before_training(hidden_dims):
    frame = mixed_frame()
    layout = TableCodec.fit(frame).layout
    network = ConditionalVariationalNetwork(
        layout, Architecture((2, 3), hidden_dims, MEMBERS, class_shares=SHARES), generator()
    ).double()
    zero = Batch.complete(torch.zeros(MEMBERS, 1, layout.width, dtype=torch.float64))
    gone = Batch(zero.values, torch.zeros_like(zero.values))
    assert torch.equal(network.encode(zero), network.encode(gone))
