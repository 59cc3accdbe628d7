"""The parts that fill gaps in series: each does what its docstring says."""

from __future__ import annotations

import numpy as np
import pytest

from anomalib_vae.imputing.series.experts import BELIEFS, Experts
from anomalib_vae.imputing.series.filler import Filler
from anomalib_vae.imputing.series.fillers import Fillers
from anomalib_vae.imputing.series.gate import FARTHEST, surroundings
from anomalib_vae.imputing.series.gated_mixture import GatedMixture
from anomalib_vae.imputing.series.hidden_cells import HiddenCells
from anomalib_vae.imputing.series.interpolation import NEVER, interpolate, moving_mean
from anomalib_vae.imputing.series.marginal import Marginal
from anomalib_vae.imputing.series.mixture import EDGE, N_BINS, NOWHERE, bins, usual_shares
from anomalib_vae.imputing.series.rehearsal import rehearsals
from anomalib_vae.imputing.series.spread import Spread
from anomalib_vae.imputing.series.stationary_gaussian import StationaryGaussian, autocovariance, completions
from anomalib_vae.imputing.series.stepped import SteppedSeries

NAN = np.nan


def series(values, bounds=None) -> SteppedSeries:
    values = np.asarray(values, float)
    values = values[:, None] if values.ndim == 1 else values
    return SteppedSeries(values, np.array(bounds or [0, len(values)]), np.arange(len(values)))


def autoregression(steps: int, memory: float = 0.9, seed: int = 0) -> np.ndarray:
    """Two sensors of variance 1, (steps, 2), the second a noisy copy of the first."""
    rng = np.random.default_rng(seed)
    noise, values = rng.normal(size=steps), np.zeros(steps)
    for i in range(1, steps):
        values[i] = memory * values[i - 1] + np.sqrt(1 - memory**2) * noise[i]
    return np.stack([values, 0.8 * values + 0.6 * rng.normal(size=steps)], 1)


def holed(values: np.ndarray, rate: float, seed: int = 1) -> np.ndarray:
    return np.where(np.random.default_rng(seed).random(values.shape) < rate, NAN, values)


# ---------------------------------------------------------------- interpolation
def test_a_line_over_each_gap_and_how_far_its_ends_are():
    found = interpolate(series([NAN, 1, NAN, NAN, 4, NAN, NAN, 8, NAN], [0, 6, 9]))
    assert found.values[:, 0].tolist() == [1, 1, 2, 3, 4, 4, 8, 8, 8]
    assert found.before[:, 0].tolist() == [NEVER, 0, 1, 2, 0, 1, NEVER, 0, 1]
    assert found.after[:, 0].tolist() == [1, 0, 2, 1, 0, NEVER, 1, 0, NEVER]


def test_where_nothing_is_known_the_mean_stands():
    assert interpolate(series([NAN, NAN])).values.tolist() == [[0], [0]]


def test_a_moving_mean_stays_in_its_segment():
    values = np.array([[1.0], [2.0], [3.0], [10.0], [20.0]])
    assert moving_mean(values, series(values, [0, 3, 5]), 2).ravel().tolist() == [1.5, 2, 2.5, 15, 15]


def test_bins_tell_how_deep_a_cell_lies():
    found = bins(interpolate(series([NAN, 1, NAN, 1, NAN, NAN, NAN, 1, NAN])))[:, 0]
    assert found.tolist() == [EDGE, 0, 0, 0, EDGE, 1, EDGE, 0, EDGE]
    assert bins(interpolate(series([NAN])))[0, 0] == NOWHERE


# ---------------------------------------------------------------- marginal
def test_a_bent_axis_makes_a_skewed_sensor_more_normal_and_goes_back():
    values = np.exp(np.random.default_rng(0).normal(size=(2000, 1)))
    marginal = Marginal.fit(values)
    bent = marginal.forward(values)

    def skew(x):
        return float(np.mean((x - x.mean()) ** 3) / x.std() ** 3)

    assert abs(skew(bent)) < 0.5 * skew(values)
    assert bent.std() == pytest.approx(1, abs=0.02)
    outside = np.array([[-3.0], [60.0], [0.5]])
    np.testing.assert_allclose(marginal.back(marginal.forward(outside)), outside, atol=1e-9)


def test_a_constant_or_barely_known_sensor_keeps_its_axis():
    values = np.column_stack([np.full(100, 3.0), np.full(100, NAN)])
    marginal = Marginal.fit(values)
    np.testing.assert_allclose(marginal.forward(np.array([[3.0, 7.0]])), [[3.0, 7.0]])


# ---------------------------------------------------------------- the Gaussian
def test_it_expects_what_a_brute_force_conditional_mean_is():
    values = autoregression(4000)
    gaussian = StationaryGaussian.of(autocovariance(series(values), 6))
    observed = np.ones((6, 2), bool)
    observed[2, 0] = observed[3] = False
    window = series(np.where(observed, values[100:106], NAN))
    found = gaussian.expect(window, interpolate(window).values)
    covariance = (gaussian.cholesky @ gaussian.cholesky.T).double().numpy()
    o, m = np.flatnonzero(observed.ravel()), np.flatnonzero(~observed.ravel())
    expected = covariance[np.ix_(m, o)] @ np.linalg.solve(covariance[np.ix_(o, o)], values[100:106].ravel()[o])
    np.testing.assert_allclose(found.ravel()[m], expected, atol=2e-3)
    np.testing.assert_array_equal(found.ravel()[o], values[100:106].ravel()[o])


def test_draws_have_the_conditional_mean_and_spread():
    values = autoregression(4000)
    gaussian = StationaryGaussian.of(autocovariance(series(values), 8))
    window = series(np.where(np.arange(8)[:, None] == 4, NAN, values[:8]))
    start, rng = interpolate(window).values, np.random.default_rng(0)
    drawn = np.stack([gaussian.draw(window, start, rng)[4] for _ in range(800)])
    np.testing.assert_allclose(drawn.mean(0), gaussian.expect(window, start)[4], atol=0.08)
    precision = gaussian.precision.double().numpy().reshape(8, 2, 8, 2)[4, :, 4, :]
    np.testing.assert_allclose(drawn.std(0), np.sqrt(np.diag(np.linalg.inv(precision))), rtol=0.12)


def test_covariances_survive_missing_cells():
    """Interpolated sensors would look smoother than they are."""
    values = autoregression(6000, memory=0.5)
    truth = autocovariance(series(values), 3)
    gaps = series(holed(values, 0.5))
    drawn = completions(gaps, 24, np.random.default_rng(0))
    found = np.mean([autocovariance(series(draw), 3) for draw in drawn], axis=0)
    np.testing.assert_allclose(found, truth, atol=0.08)
    smooth = autocovariance(series(interpolate(gaps).values), 3)
    assert abs(smooth[0, 0, 0] - truth[0, 0, 0]) > 0.2


def test_many_short_segments_make_a_positive_covariance():
    values = np.concatenate([autoregression(5, seed=i) for i in range(40)])
    short = series(values, list(range(0, 201, 5)))
    gaussian = StationaryGaussian.of(autocovariance(short, 12))
    assert np.isfinite(gaussian.precision.numpy()).all()


def test_disbelief_in_other_sensors_makes_them_count_less():
    values = autoregression(3000)
    lags = autocovariance(series(values), 4)
    window = series([[NAN, 3.0]])
    words = [
        StationaryGaussian.of(lags, independence=share).expect(window, np.zeros((1, 2)))[0, 0] for share in (0, 0.5, 1)
    ]
    assert words[0] > words[1] > words[2]
    assert words[2] == pytest.approx(0, abs=1e-3)


# ---------------------------------------------------------------- experts, mixture, spread
def test_experts_leave_what_is_observed_and_follow_a_level_never_seen():
    values = autoregression(1500)
    draws = completions(series(values), 16, np.random.default_rng(0))
    experts = Experts.fit(series(values), draws, draws, 16)
    far = series(holed(values[:200] + 50.0, 0.2))
    words, line = experts.words(far)
    assert words.shape == (200, 2, 1 + len(BELIEFS))
    assert (words[far.observed] == far.values[far.observed][:, None]).all()
    assert abs(words[~far.observed] - 50).max() < 10
    np.testing.assert_array_equal(words[..., 0], line.values)


def hidden_cells(words, truth, feature, bin_, moves=None, folds: int = 1) -> HiddenCells:
    """Single cells between observed ones; moves: how far the sensor moves in a step around each."""
    around = np.ones((len(truth), 3))
    around[:, 2] = 0.0 if moves is None else moves
    return HiddenCells(words, truth, feature, bin_, around, np.arange(len(truth)) % folds)


def test_a_mixture_believes_who_is_right_where_he_is_right():
    rng = np.random.default_rng(0)
    feature, bin_ = rng.integers(0, 2, 4000), rng.integers(0, 2, 4000)
    truth = rng.normal(size=4000)
    right = truth + 0.1 * rng.normal(size=4000)
    wrong = truth + rng.normal(size=4000)
    words = np.where((feature == bin_)[:, None], np.stack([right, wrong], 1), np.stack([wrong, right], 1))
    cells = hidden_cells(words, truth, feature, bin_)
    shares = usual_shares(cells, 2)
    for f in range(2):
        for b in range(2):
            assert shares[f, b, int(f != b)] > 0.8
    np.testing.assert_allclose(shares.sum(-1), 1)
    assert usual_shares(cells.take(cells.fold < 0), 2).shape == (2, N_BINS, 2)


def test_surroundings_tell_how_far_and_how_restless_within_a_segment():
    around = surroundings(*(lambda s: (s, interpolate(s)))(series([0, NAN, 2, 0, 2, 9, 9, NAN], [0, 5, 8])))[:, 0]
    assert around[1].tolist()[:2] == [1, 1]
    assert around[7].tolist()[:2] == [1, FARTHEST]
    np.testing.assert_allclose(around[:5, 2], (1 + 1 + 2 + 2) / 5)  # the first step of a segment comes from nowhere
    np.testing.assert_allclose(around[5:, 2], 0)


def restless(cells: int, rng: np.random.Generator, one_is_right_when_restless) -> HiddenCells:
    """Two experts, of whom one is right: how far the sensor moves tells which, in its own way in each fold."""
    moves, truth = rng.choice([0.01, 3.0], cells), rng.normal(size=cells)
    right, wrong = truth + 0.1 * rng.normal(size=cells), truth + rng.normal(size=cells)
    first = (moves > 1) == np.asarray(one_is_right_when_restless)[np.arange(cells) % 2]
    words = np.where(first[:, None], np.stack([right, wrong], 1), np.stack([wrong, right], 1))
    return hidden_cells(words, truth, rng.integers(0, 3, cells), np.zeros(cells, int), moves, folds=2)


def test_a_gate_tells_from_the_surroundings_who_is_right():
    rng = np.random.default_rng(0)
    cells, new = (restless(4000, rng, [True, True]) for _ in range(2))
    mixture = GatedMixture.fit(cells, 3, 2, rng)
    assert mixture.trust >= 0.9
    usual = GatedMixture(mixture.shares, None, 0.0)
    error = np.abs(mixture.of_unseen(new) - new.truth).mean()
    assert error < 0.4 * np.abs(usual.of_unseen(new) - new.truth).mean()


def test_a_gate_that_proves_nothing_is_not_heard():
    """What it learns of one part of time is wrong in the other."""
    rng = np.random.default_rng(0)
    mixture = GatedMixture.fit(restless(4000, rng, [True, False]), 3, 2, rng)
    assert mixture.trust <= 0.1
    assert GatedMixture.fit(restless(400, rng, [True, True]), 3, 2, rng).gate is None


def test_hidden_cells_are_judged_by_those_who_have_not_seen_them():
    cells = restless(100, np.random.default_rng(0), [True, True])
    believes_one = np.stack([np.full((3, N_BINS, 2), [1.0, 0.0]), np.full((3, N_BINS, 2), [0.0, 1.0])])
    found = GatedMixture(believes_one, None, 0.0).of_unseen(cells)
    np.testing.assert_array_equal(found, cells.words[np.arange(100), cells.fold])


def test_each_cell_is_filled_by_itself(monkeypatch):
    rng = np.random.default_rng(0)
    mixture = GatedMixture.fit(restless(2000, rng, [True, True]), 3, 2, rng)
    words, around = rng.normal(size=(50, 3, 2)), rng.uniform(0.1, 3, (50, 3, 3))
    bin_, missing = np.zeros((50, 3), int), rng.random((50, 3)) < 0.5
    found = mixture(words, bin_, around, missing)
    np.testing.assert_array_equal(found[~missing], words[~missing][:, 0])
    inside = (words.min(-1) <= found) & (found <= words.max(-1))
    assert inside[missing].all()
    monkeypatch.setattr("anomalib_vae.imputing.series.gated_mixture.AT_ONCE", 7)
    np.testing.assert_allclose(mixture(words, bin_, around, missing), found, rtol=1e-12)


def test_a_spread_holds_the_share_that_it_says():
    rng = np.random.default_rng(0)
    feature, bin_ = rng.integers(0, 2, 8000), rng.integers(0, 3, 8000)
    residuals = rng.standard_t(5, 8000) * (1 + feature) * (1 + bin_)
    spread = Spread.fit(residuals, feature, bin_, 2)
    new = rng.standard_t(5, (9000, 2)) * np.array([1, 2]) * 3
    where = np.full(new.shape, 2)
    inside = (spread.bound(0.05, where) <= new) & (new <= spread.bound(0.95, where))
    np.testing.assert_allclose(inside.mean(0), 0.9, atol=0.02)
    np.testing.assert_allclose(spread.rank(spread.bound(0.3, where), where), 0.3, atol=1e-6)


def test_rehearsals_hide_observed_cells_and_the_levels_of_a_label_together():
    values = holed(np.ones((500, 3)), 0.1)
    values[:, 2] = values[:, 1]
    hidden = rehearsals(series(values), np.array([0, 1, 1]), np.random.default_rng(0))
    for cells in hidden:
        assert not (cells & np.isnan(values)).any()
        np.testing.assert_array_equal(cells[:, 1], cells[:, 2])
        assert 0.02 < cells.mean() < 0.4


# ---------------------------------------------------------------- all together
def test_a_filler_beats_a_line_and_knows_how_sure_it_is():
    values = autoregression(3000)
    truth, test = autoregression(1500, seed=5), None
    filler = Filler.fit(series(holed(values, 0.2)), np.arange(2), np.random.default_rng(0))
    test = series(holed(truth, 0.3, seed=7))
    expected, bin_ = filler.expect(test)
    missing = ~test.observed
    error, line = expected - truth, interpolate(test).values - truth
    assert np.abs(error[missing]).mean() < 0.9 * np.abs(line[missing]).mean()
    inside = (filler.bound(0.05, bin_) <= -error) & (-error <= filler.bound(0.95, bin_))
    assert inside[missing].mean() == pytest.approx(0.9, abs=0.04)
    again = Filler.from_state(filler.state())
    np.testing.assert_array_equal(again.expect(test)[0], expected)


def test_constant_sensors_are_left_out_and_keep_their_value():
    values = np.column_stack([autoregression(400), np.full(400, 4.0)])
    filler = Filler.fit(series(holed(values, 0.2)), np.arange(3), np.random.default_rng(0))
    expected, bin_ = filler.expect(series(holed(values, 0.3, seed=2)))
    assert (expected[:, 2] == 4).all()
    assert bin_.shape == (400, 2)
    constant = Filler.fit(series(np.full((50, 2), 4.0)), np.arange(2), np.random.default_rng(0))
    np.testing.assert_allclose(constant.expect(series([[NAN, 4.0]]))[0], 4.0, atol=1e-6)


def test_many_sensors_are_filled_in_groups_of_whole_columns(monkeypatch):
    monkeypatch.setattr("anomalib_vae.imputing.series.fillers.MOST_FEATURES", 3)
    values = np.hstack([autoregression(600, seed=i) for i in range(3)])
    given = series(holed(values, 0.2))
    fillers = Fillers.fit(given, np.array([0, 1, 1, 2, 3, 4]), np.random.default_rng(0))
    assert fillers.groups.tolist() == [0, 0, 0, 1, 1, 1]
    expected, bins_ = fillers.expect(given)
    assert np.abs(expected - values)[~given.observed].mean() < 0.7
    low, high = fillers.bound(0.05, bins_), fillers.bound(0.95, bins_)
    assert (low <= high).all()
    assert fillers.draw(given, bins_, np.random.default_rng(0)).shape == values.shape
    again = Fillers.from_state(fillers.state())
    np.testing.assert_array_equal(again.expect(given)[0], expected)
