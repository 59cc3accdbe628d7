"""How uncertain an imputer is: draws, intervals and probabilities, and that they are calibrated."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cases import SMALL, quick
from data import LIBRARIES, as_polars, complete_frame, few_columns, mixed_frame, shoppers, wine, with_holes
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from test_imputation import native

from anomalib_vae import VAE, DenoisingVAE, HierarchicalVAE, VAEImputer, load, pool
from anomalib_vae.models.left_out import LeftOut, by_column

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")

IMPUTER = quick(VAEImputer(DenoisingVAE(**SMALL), random_state=0), epochs=5)
NUMBERS = ("float64", "float32", "Float64", "Int64")


@pytest.fixture(scope="module")
def imputer():
    return clone(IMPUTER).fit(mixed_frame())


@pytest.fixture(scope="module")
def trained():
    """An imputer that has learned something, and wines that it has not seen with a third of the cells missing."""
    wines = wine().sample(frac=1, random_state=0)
    model = DenoisingVAE(**{**SMALL, "max_epochs": 150, "hidden_dims": (32,)})
    imputer = VAEImputer(model, random_state=0).fit(with_holes(wines[:120], 0.3))
    return imputer, with_holes(wines[120:], 0.3, seed=1), wines[120:]


# ---------------------------------------------------------------------- draws
@pytest.mark.parametrize("library", LIBRARIES)
def test_draws_fill_gaps_and_leave_the_rest_untouched(library):
    frame = LIBRARIES[library](mixed_frame())
    draws = clone(IMPUTER).fit(frame).sample_imputations(frame, m=2)
    before, complete = native(frame), native(LIBRARIES[library](complete_frame()))
    for drawn in draws:
        assert type(drawn) is type(frame)
        after = native(drawn)
        for name, cells in before.items():
            for cell, result in zip(cells, after[name], strict=True):
                assert result is not None, name
                assert cell is None or cell == result, name
                assert type(result) is type(complete[name][0]), name


def test_draws_differ_and_come_again(imputer):
    frame = mixed_frame()
    one, two, three = imputer.sample_imputations(frame, m=3)
    assert len(imputer.sample_imputations(frame)) == 20
    for name in ("float64", "boolean", "category"):  # of each kind
        assert not one[name].equals(two[name])
        assert not two[name].equals(three[name])
    again = imputer.sample_imputations(frame, m=3)
    for first, second in zip((one, two, three), again, strict=True):
        pd.testing.assert_frame_equal(first, second)


def test_draws_follow_the_wishes_of_transform():
    frame = with_holes(few_columns(), 0.3)
    missing = frame.isna()
    imputer = clone(IMPUTER).fit(frame)
    plain = imputer.sample_imputations(frame, m=5)
    lower = clone_fitted(imputer).set_params(delta={"alcohol": -1.0}).sample_imputations(frame, m=5)
    shift = np.mean([(a - b)["alcohol"][missing["alcohol"]].mean() for a, b in zip(plain, lower, strict=True)])
    assert 0.5 * frame["alcohol"].std() < shift <= 1.05 * frame["alcohol"].std()
    bounded = clone_fitted(imputer).set_params(bounds={"proline": (700, 800)}).sample_imputations(frame, m=2)
    assert all(drawn["proline"][missing["proline"]].between(700, 800).all() for drawn in bounded)
    only = clone_fitted(imputer).set_params(only=("proline",)).sample_imputations(frame, m=1)[0]
    assert only["proline"].notna().all()
    assert only["alcohol"].isna().equals(missing["alcohol"])


def clone_fitted(imputer):
    return pickle.loads(pickle.dumps(imputer))


def test_levels_are_drawn_by_their_probabilities(imputer):
    frame = mixed_frame()
    gap = frame["string"].isna()
    expected = imputer.probabilities(frame)["string"][gap]
    draws = imputer.sample_imputations(frame, m=200)
    drawn = pd.concat([d["string"][gap] for d in draws]).value_counts(normalize=True)
    share = drawn.reindex(expected.columns, fill_value=0.0)
    np.testing.assert_allclose(share, expected.mean(), atol=0.06)


def test_draws_of_numbers_spread_as_far_as_the_intervals(trained):
    imputer, frame, _ = trained
    bounds = imputer.intervals(frame, 0.8)
    draws = imputer.sample_imputations(frame, m=50)
    inside = [((bounds["low"] <= d) & (d <= bounds["high"])).to_numpy()[frame.isna()] for d in draws]
    assert np.mean(inside) == pytest.approx(0.8, abs=0.07)


def test_cells_missing_together_are_drawn_together():
    rng = np.random.default_rng(0)
    common = rng.normal(size=400)
    frame = pd.DataFrame({name: common + 0.4 * rng.normal(size=400) for name in "ab"} | {"c": rng.normal(size=400)})
    gap = rng.random(400) < 0.4
    holed = frame.assign(a=frame["a"].mask(gap), b=frame["b"].mask(gap))
    model = DenoisingVAE(**{**SMALL, "hidden_dims": (32,), "max_epochs": 60, "learning_rate": 1e-2}, n_bins=0)
    draws = VAEImputer(model, random_state=0).fit(holed).sample_imputations(holed, m=5)
    assert frame[gap].corr().loc["a", "b"] > 0.8
    assert np.mean([drawn[gap].corr().loc["a", "b"] for drawn in draws]) > 0.6


def test_no_gap_and_a_single_row(imputer):
    complete = complete_frame()
    for drawn in imputer.sample_imputations(complete, m=2):
        pd.testing.assert_frame_equal(drawn, imputer.transform(complete))
    assert imputer.sample_imputations(mixed_frame()[:1], m=1)[0].notna().all(axis=None)


@pytest.mark.parametrize(
    "model", [VAE(**SMALL), VAE(**SMALL, likelihood="student_t"), HierarchicalVAE(**SMALL)], ids=str
)
def test_any_model_draws(model):
    frame = with_holes(few_columns())
    draws = VAEImputer(quick(model), random_state=0).fit(frame).sample_imputations(frame, m=3)
    assert all(np.isfinite(drawn.to_numpy()).all() for drawn in draws)
    assert not draws[0].equals(draws[2])


@pytest.mark.parametrize("m", [0, 2.5, "many"])
def test_bad_m(imputer, m):
    with pytest.raises((ValueError, TypeError), match="m must"):
        imputer.sample_imputations(mixed_frame(), m=m)


# ---------------------------------------------------------------------- intervals
def test_intervals_are_frames_like_x(imputer):
    frame = mixed_frame()
    found = imputer.intervals(frame)
    assert found.columns.names == ["part", "column"]
    for part in ("low", "high"):
        assert list(found[part]) == list(frame)
        assert found[part].index.equals(frame.index)
    filled, missing = imputer.transform(frame), frame.isna()
    for name in NUMBERS:
        low, high, middle = (f[name].astype(float) for f in (found["low"], found["high"], filled))
        assert low.notna().equals(missing[name]), name
        assert (low <= high)[missing[name]].all(), name
        assert low.min() >= frame[name].min(), name
        assert high.max() <= frame[name].max(), name
        assert ((low <= middle) & (middle <= high))[missing[name]].mean() > 0.8, name
    for name in ("string", "boolean", "category"):
        assert found["low"][name].isna().all(), name


def test_intervals_of_times(imputer):
    frame = mixed_frame()
    found = imputer.intervals(frame)
    for name in ("datetime", "datetime_tz", "timedelta"):
        low, high = found["low"][name], found["high"][name]
        assert low.notna().equals(frame[name].isna())
        assert (low <= high)[frame[name].isna()].all()
        assert frame[name].min() <= low.min()
        assert high.max() <= frame[name].max()


def test_a_higher_level_has_wider_intervals(trained):
    imputer, frame, _ = trained
    half, ninety = (imputer.intervals(frame, level) for level in (0.5, 0.9))
    assert (ninety["low"] <= half["low"]).to_numpy()[frame.isna()].all()
    assert (half["high"] <= ninety["high"]).to_numpy()[frame.isna()].all()
    assert (half["high"] < ninety["high"]).to_numpy()[frame.isna()].any()
    for level in (0, 1, 90):
        with pytest.raises(ValueError, match="level must be between 0 and 1"):
            imputer.intervals(frame, level)


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_intervals_cover_cells_of_new_rows(trained, level):
    imputer, frame, truth = trained
    found = imputer.intervals(frame, level)
    inside = ((found["low"] <= truth) & (truth <= found["high"])).to_numpy()[frame.isna()]
    assert inside.mean() == pytest.approx(level, abs=0.08)


def test_bounds_hold_for_intervals():
    frame = with_holes(few_columns())
    found = clone(IMPUTER).set_params(bounds={"proline": (700, 800)}, exclude=("alcohol",)).fit(frame).intervals(frame)
    assert found["low"]["proline"].min() >= 700
    assert found["high"]["proline"].max() <= 800
    assert found["low"]["alcohol"].isna().all()


# ---------------------------------------------------------------------- probabilities
def test_probabilities(imputer):
    frame = mixed_frame()
    found, filled = imputer.probabilities(frame), imputer.transform(frame)
    assert found.index.equals(frame.index)
    assert found.columns.names == ["column", "level"]
    for name in ("string", "boolean", "category"):
        gap = frame[name].isna()
        assert found[name].notna().all(axis=1).equals(gap)
        np.testing.assert_allclose(found[name][gap].sum(axis=1), 1.0)
        assert found[name][gap].idxmax(axis=1).astype(str).equals(filled[name][gap].astype(str)), name
    assert not set(NUMBERS) & set(found.columns.get_level_values("column"))


def test_arrays_and_other_libraries_have_them_too():
    frame = with_holes(few_columns())
    of_array = clone(IMPUTER).fit(frame.to_numpy()).intervals(frame.to_numpy())
    assert list(of_array["low"]) == ["x0", "x1", "x2", "x3"]
    assert clone(IMPUTER).fit(frame).probabilities(frame).shape == (len(frame), 0)
    polars = as_polars(frame)
    assert clone(IMPUTER).fit(polars).intervals(polars)["low"]["proline"].notna().sum() == frame["proline"].isna().sum()


# ---------------------------------------------------------------------- calibration
def test_calibration_rows_are_held_out_of_the_fit():
    frame = with_holes(few_columns())
    some = clone(IMPUTER).set_params(calibration_fraction=0.5).fit(frame)
    assert not some.transform(frame).equals(clone(IMPUTER).fit(frame).transform(frame))
    assert some.intervals(frame)["low"].notna().equals(frame.isna())


def held_out_by(model, frame, rows: int) -> list[LeftOut]:
    """The cells of the first rows, as if the model had not learned from them, each predicted to be 7 too low."""
    encoded, layout = model.encode(frame)[:rows], model.codec_.layout
    truth = encoded.values[:, layout.targets].numpy()
    return by_column(layout, encoded, np.ones((rows, len(layout.blocks)), bool), truth - 7.0, np.ones_like(truth))


def test_cells_that_the_model_held_out_calibrate():
    frame = with_holes(few_columns())

    class Sparing(DenoisingVAE):
        def fit(self, X, y=None):
            super().fit(X, y)
            self.unseen_cells_ = held_out_by(self, X, 50)
            return self

    imputer = VAEImputer(quick(Sparing(**SMALL)), random_state=0).fit(frame)
    assert set(imputer.completion_.calibration.residuals[0].round(3)) == {7.0}
    assert not hasattr(imputer.model_, "unseen_cells_")


def test_cells_that_a_denoising_vae_holds_out_are_predicted_without_them():
    frame = with_holes(few_columns())
    model = DenoisingVAE(**SMALL, stacking_fraction=0.3).fit(frame)
    layout, rows = model.codec_.layout, model.encode(frame)
    held_out = np.zeros(frame.shape, bool)
    for column, (cells, at) in enumerate(zip(model.unseen_cells_, layout.target_slices, strict=True)):
        held_out[cells.row, column] = True
        assert np.array_equal(cells.truth, rows.values[cells.row][:, layout.targets[at]])
        assert (np.abs(cells.truth - cells.prediction) > 1e-3).mean() > 0.9
    assert not (held_out & frame.isna().to_numpy()).any()
    assert held_out.sum() == pytest.approx(0.3 * frame.notna().to_numpy().sum(), rel=0.2)


def test_a_frozen_model_is_calibrated():
    frame = with_holes(few_columns())
    model = quick(DenoisingVAE(**SMALL)).fit(frame)
    imputer = VAEImputer(FrozenEstimator(model), random_state=0).fit(frame)
    assert imputer.intervals(frame)["high"].notna().equals(frame.isna())


def test_a_frozen_model_is_calibrated_on_cells_that_it_held_out():
    """Of other rows any cell will do."""
    frame = with_holes(few_columns())
    model = quick(DenoisingVAE(**SMALL)).fit(frame)
    model.unseen_cells_ = held_out_by(model, frame, 50)
    imputer = VAEImputer(FrozenEstimator(model), random_state=0).fit(frame)
    assert set(imputer.completion_.calibration.residuals[0].round(3)) == {7.0}
    other = VAEImputer(FrozenEstimator(model), random_state=0).fit(frame[::-1])
    assert len(other.completion_.calibration.residuals[0]) == frame["alcohol"].notna().sum()


def test_saved_pickled_and_refitted_it_draws_the_same(imputer, tmp_path):
    frame = mixed_frame()
    expected = imputer.sample_imputations(frame, m=2)[1]
    for other in (load(imputer.save(tmp_path) and tmp_path), clone_fitted(imputer), clone(imputer).fit(frame)):
        pd.testing.assert_frame_equal(other.sample_imputations(frame, m=2)[1], expected)
        pd.testing.assert_frame_equal(other.intervals(frame), imputer.intervals(frame))
        pd.testing.assert_frame_equal(other.probabilities(frame), imputer.probabilities(frame))


def test_unfitted():
    for ask in (IMPUTER.sample_imputations, IMPUTER.intervals, IMPUTER.probabilities):
        with pytest.raises(NotFittedError):
            ask(mixed_frame())


def test_around_a_model_alone_it_is_not_calibrated(tmp_path):
    frame = with_holes(few_columns())
    imputer = VAEImputer()
    imputer.relearn({"model": quick(DenoisingVAE(**SMALL)).fit(frame)})
    assert load(imputer.save(tmp_path) and tmp_path).transform(frame).notna().all(axis=None)
    with pytest.raises(NotFittedError, match="is not calibrated: fit a VAEImputer"):
        imputer.intervals(frame)


def test_a_column_never_observed():
    frame = with_holes(few_columns()).assign(empty=np.nan)
    imputer = clone(IMPUTER).fit(frame)
    with pytest.warns(UserWarning, match="stay as they are: empty") as caught:
        drawn = imputer.sample_imputations(frame, m=3)[2]
    assert len(caught) == 1
    assert Path(caught[0].filename) == Path(__file__)
    assert drawn["empty"].isna().all()


# ---------------------------------------------------------------------- Rubin
def test_pooled_draws_tell_how_sure_they_are(monkeypatch):
    """van Buuren 2018, section 2.5, a few repetitions; `benchmarks/rubin.py` has many."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))
    import rubin

    monkeypatch.setitem(rubin.TINY, "max_epochs", 100)
    found = {
        name: rubin.summary(pd.DataFrame([rubin.repetition(rubin.METHODS[name], 80, 5, seed) for seed in range(8)]))
        for name in ("draws", "expectations")
    }
    assert found["draws"]["coverage"] >= 0.75
    assert abs(found["draws"]["bias %"]) < 12
    assert found["expectations"]["bias %"] > 15
    assert found["expectations"]["width"] < found["draws"]["width"]
    del sys.modules["rubin"]


def test_the_share_of_gaps_is_the_missing_information():
    frame = with_holes(shoppers()[["product_related", "product_related_duration"]], 0.4)
    draws = clone(IMPUTER).fit(frame).sample_imputations(frame, m=20)
    means = [d["product_related"].mean() for d in draws]
    errors = [d["product_related"].var() / len(d) for d in draws]
    assert 0.02 < pool(means, errors).missing_information < 0.8
