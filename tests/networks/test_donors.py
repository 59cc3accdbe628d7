"""Rows of training that are alike give the cells that a row lacks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from data import with_holes

from anomalib_vae import DenoisingVAE, load
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.networks import denoising
from anomalib_vae.networks.conditional_gaussian import ConditionalGaussian
from anomalib_vae.networks.donors import COUNTS, Donors, _nearest, _weights

ROWS = 400
SINGLE = {"rtol": 1e-6, "atol": 1e-6}


def rings() -> pd.DataFrame:
    """y is a function of a that no line tells; noise is of no use, and far wider; the label tells of y's sign."""
    rng = np.random.default_rng(0)
    a, noise = rng.uniform(-3, 3, ROWS), 100 * rng.normal(size=ROWS)
    y = np.sin(2 * a) + 0.3 * a
    return pd.DataFrame({"a": a, "y": y, "noise": noise, "label": np.where(y > 0, "up", "down")})


@pytest.fixture(scope="module")
def table():
    """The codec's layout, donors and the completed rows that they were fitted to, in float64."""
    codec = TableCodec.fit(rings())
    rows, gaussian = codec.encode(rings()), ConditionalGaussian(codec.layout.width)
    gaussian.fit(rows)
    donors, completed = Donors(codec.layout).double(), rows.values[:, codec.layout.targets].double()
    donors.fit(completed[: ROWS // 2], torch.ones(ROWS // 2, 4), gaussian.double())
    return codec.layout, donors, completed[ROWS // 2 :]


def asked_for(layout, name: str, rows: int) -> torch.Tensor:
    missing = torch.zeros((rows, 4), dtype=torch.bool)
    missing[:, layout.columns.index(name)] = True
    return missing


def ask(donors, rows, missing):
    """What they give where cells are missing."""
    return donors(rows, 1.0 - missing.to(rows))


def test_a_column_counts_by_what_it_tells(table):
    layout, donors, _ = table
    relevance = pd.DataFrame(donors.relevance.numpy(), layout.columns)
    relevance = relevance.T.groupby(np.array(layout.columns)[layout.column_of_target]).sum().T
    np.testing.assert_allclose(relevance.sum(axis=1), 1, rtol=1e-6)
    assert (np.diag(relevance.loc[relevance.columns]) == 0).all()
    assert relevance.loc["y", "noise"] < 0.1 * relevance.loc["y", ["a", "label"]].sum()


def test_they_know_what_no_line_tells(table):
    layout, donors, rows = table
    y = layout.column_of_target.index(layout.columns.index("y"))
    emptied = rows.clone()
    emptied[:, y] = 0.0
    others = torch.arange(rows.shape[1]) != y
    for donated in ask(donors, emptied, asked_for(layout, "y", len(rows))):
        assert (donated[:, y] - rows[:, y]).square().mean() < 0.1 * rows[:, y].var()
        assert torch.equal(donated[:, others], rows[:, others])


def test_a_line_makes_up_for_donors_that_are_far_away():
    """They have a between -1 and 1, and are asked what rows at 2 have."""
    a = np.linspace(-1, 1, ROWS)
    codec = TableCodec.fit(frame := pd.DataFrame({"a": a, "y": 3 * a}))
    rows, gaussian = codec.encode(frame), ConditionalGaussian(codec.layout.width, codec.layout.column_of_feature)
    gaussian.fit(rows)
    completed, donors = rows.values[:, codec.layout.targets].double(), Donors(codec.layout).double()
    donors.fit(completed, torch.ones(ROWS, 2), gaussian.double())
    asking = torch.tensor([[3.4, 0.0]], dtype=torch.float64)  # the standardised a of rows at 2, nearly; y is missing
    donated, adjusted = ask(donors, asking, torch.tensor([[False, True]]))
    assert abs(donated[0, 1] - 3.4) > 1.0
    assert abs(adjusted[0, 1] - 3.4) < 0.2


def test_many_give_where_cells_are_noise_and_few_where_they_are_not(table):
    layout, donors, _ = table
    count = dict(zip(layout.columns, donors.count.tolist(), strict=True))
    assert count["noise"] == COUNTS[-1]
    assert count["y"] <= COUNTS[1]


def test_shares_of_levels_are_shares(table):
    layout, donors, rows = table
    donated, _ = ask(donors, rows, asked_for(layout, "label", len(rows)))
    levels = torch.tensor(layout.column_of_target) == layout.columns.index("label")
    torch.testing.assert_close(donated[:, levels].sum(1), torch.ones(len(rows), dtype=torch.float64), **SINGLE)
    assert (donated[:, levels].argmax(1) == rows[:, levels].argmax(1)).double().mean() > 0.9


def test_rows_beside_a_row_make_no_difference(table):
    _, donors, rows = table
    missing = torch.rand((len(rows), 4), generator=torch.Generator().manual_seed(0)) < 0.5
    whole = ask(donors, rows, missing)
    parts = [ask(donors, rows[at : at + 7], missing[at : at + 7]) for at in range(0, len(rows), 7)]
    for of_parts, of_whole in zip(zip(*parts, strict=True), whole, strict=True):
        torch.testing.assert_close(torch.cat(of_parts), of_whole, atol=1e-9, rtol=0)


@pytest.mark.parametrize("givers", [0, 1, COUNTS[0] - 1, COUNTS[0] + 1])
def test_only_observed_cells_are_given(table, givers):
    """All other donors hold a wrong value where they have a gap."""
    layout, _, rows = table
    donors, gaussian = Donors(layout).double(), ConditionalGaussian(layout.width).double()
    given = torch.zeros((50, 4))
    given[:givers] = 1.0
    completed = rows[:50].clone()
    completed[givers:] = 1000.0
    donors.fit(completed, given, gaussian)
    for donated in ask(donors, rows[50:], torch.ones((len(rows) - 50, 4), dtype=torch.bool)):
        assert donated.isfinite().all()
        assert donated.max() < 10.0
        if not givers:
            assert torch.equal(donated, rows[50:])


def test_copies_of_a_row_are_donors_too(table):
    layout, _, rows = table
    donors, gaussian = Donors(layout).double(), ConditionalGaussian(layout.width).double()
    copies = rows[:1].repeat(30, 1)
    donors.fit(copies, torch.ones((30, 4)), gaussian)
    for donated in ask(donors, rows[:1], torch.ones((1, 4), dtype=torch.bool)):
        torch.testing.assert_close(donated, rows[:1], **SINGLE)


def test_a_saved_model_has_its_donors(tmp_path):
    holed = with_holes(rings())
    model = DenoisingVAE(max_epochs=2, random_state=0).fit(holed)
    assert len(model.network_.donors.rows)
    model.save(tmp_path / "model")
    pd.testing.assert_frame_equal(load(tmp_path / "model").reconstruct(holed), model.reconstruct(holed))


def test_a_model_without_held_out_cells_asks_no_donors():
    model = DenoisingVAE(max_epochs=2, random_state=0, stacking_fraction=0.0).fit(with_holes(rings()))
    assert not len(model.network_.donors.rows)
    assert np.isfinite(model.reconstruct(with_holes(rings())).select_dtypes("number")).all(axis=None)


@pytest.mark.parametrize(("gain", "asked"), [(-1.0, True), (1.0, False)])
def test_of_more_rows_than_donors_they_must_be_worth_the_time(gain, asked, monkeypatch):
    monkeypatch.setattr(denoising, "MOST", 100)
    monkeypatch.setattr(denoising, "LEAST_GAIN", gain)
    network = DenoisingVAE(max_epochs=2, random_state=0).fit(with_holes(rings())).network_
    assert bool(len(network.donors.rows)) is asked


def test_only_what_tells_of_the_missing_columns_tells_who_is_near(table):
    """The label tells of the noise alone, and a of y: where y is missing, the label does not matter."""
    layout, _, rows = table
    donors, columns = Donors(layout).double(), torch.tensor(layout.column_of_target)
    donors.fit(rows, torch.ones(len(rows), 4), ConditionalGaussian(layout.width).double())
    a, y, noise, label = (columns == layout.columns.index(name) for name in ("a", "y", "noise", "label"))
    pairs = [(a, y), (y, a), (noise, label), (label, noise)]
    donors.coefficients[:] = sum(one[:, None] & other for one, other in pairs).double()
    missing, changed = asked_for(layout, "y", len(rows)), rows.clone()
    changed[:, label] = 1.0 - changed[:, label]
    found, instead = (ask(donors, part, missing)[0][:, y] for part in (rows, changed))
    torch.testing.assert_close(instead, found, **SINGLE)


def test_columns_that_nothing_joins_have_donors_of_their_own():
    """Pairs of columns, one a function of the other: who is near in one pair is not in the next."""
    rng = np.random.default_rng(0)
    a = rng.uniform(-3, 3, (2 * ROWS, 4))
    frame = pd.DataFrame(np.hstack([a, np.sin(2 * a) + 0.3 * a])).rename(columns=str)
    codec = TableCodec.fit(frame)
    rows, gaussian = codec.encode(frame), ConditionalGaussian(codec.layout.width, codec.layout.column_of_feature)
    gaussian.fit(rows)
    completed, observed = rows.values[:, codec.layout.targets].double(), torch.ones((2 * ROWS, 8))
    observed[:, 4:] = torch.from_numpy(rng.integers(0, 2, (2 * ROWS, 4)))
    donors = Donors(codec.layout).double()
    donors.fit(completed[:ROWS], observed[:ROWS], gaussian.double())
    assert donors.alone[4:].all()

    def error():
        donated, _ = donors(completed[ROWS:], observed[ROWS:])
        return (donated - completed[ROWS:]).square().mean()

    found, donors.prepared = error(), None
    donors.alone[:] = False
    assert found < 0.5 * error()


@pytest.mark.parametrize(("donors", "most"), [(5, 5), (40, 10), (1000, 16)])
def test_about_as_many_are_in_reach_as_are_to_give(donors, most):
    distances = torch.rand((7, donors), generator=torch.Generator().manual_seed(0))
    in_reach = (_weights(distances, _nearest(distances, 20), 10) > 0).sum(1)
    assert (in_reach >= min(10, donors)).all()
    assert (in_reach <= most).all()


def test_the_nearer_the_more():
    distances = torch.tensor([[0.5, 0.0, 0.25, 2.0]])
    weights = _weights(distances, _nearest(distances, 3), 3)
    assert weights.argsort(descending=True).tolist() == [[1, 2, 0, 3]]
    assert weights[0, 3] == 0


def test_a_cell_that_is_missing_too_does_not_tell_who_is_near(table):
    layout, donors, rows = table
    missing = asked_for(layout, "y", len(rows)) | asked_for(layout, "a", len(rows))
    moved = rows + 5.0 * missing[:, layout.column_of_target]
    plain, _ = ask(donors, moved, missing)
    asked = missing[:, layout.column_of_target]
    torch.testing.assert_close(plain[asked], ask(donors, rows, missing)[0][asked], **SINGLE)


def test_a_cell_that_no_near_row_has_comes_from_all_that_have_it(table):
    """Only donors far away have seen the label."""
    layout, _, rows = table
    donors, gaussian = Donors(layout).double(), ConditionalGaussian(layout.width).double()
    seen, columns = torch.ones((len(rows), 4)), torch.tensor(layout.column_of_target)
    label, a = (layout.columns.index(name) for name in ("label", "a"))
    order = rows[:, columns == a].flatten().argsort()
    seen[order[: len(rows) - 20], label] = 0.0
    donors.fit(rows, seen, gaussian)
    donors.coefficients[:] = (columns[:, None] != columns).double()
    plain, _ = ask(donors, rows[order[:1]], asked_for(layout, "label", 1))
    torch.testing.assert_close(plain[0, columns == label], rows[order[-20:]][:, columns == label].mean(0), **SINGLE)
