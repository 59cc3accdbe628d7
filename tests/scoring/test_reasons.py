"""Why a row is suspicious: shares, expectations with their intervals, and texts."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest
import torch
from cases import SMALL
from data import LIBRARIES, few_columns, mixed_frame, with_holes
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator

import anomalib_vae
from anomalib_vae import VAE, AnomalyDetector
from anomalib_vae.codec import frames
from anomalib_vae.losses.divergences import gaussian_divergence
from anomalib_vae.losses.student_t import StudentT

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")

PARTS = ["share", "expected", "low", "high", "probability", "found_probability"]


@pytest.fixture(scope="module")
def detector():
    """Fitted to four numbers, long enough to know them."""
    return AnomalyDetector(VAE(**{**SMALL, "max_epochs": 100}), contamination=0.1).fit(few_columns())


@pytest.fixture(scope="module")
def mixed():
    """Fitted to columns of every kind, one that is constant and one without a cell."""
    return AnomalyDetector(VAE(**SMALL)).fit(odd_frame())


def odd_frame() -> pd.DataFrame:
    return mixed_frame().assign(constant=5, nothing=np.nan)


def first_columns(reasons: pd.DataFrame) -> list[str]:
    return reasons["reason_1"].str.split(" = ").str[0].tolist()


# ------------------------------------------------------------------ explain
def test_explanations_have_the_rows_and_columns_of_the_frame(fitted_model):
    frame = mixed_frame()
    explained = AnomalyDetector(FrozenEstimator(fitted_model)).fit(frame).explain(frame)
    assert list(explained.columns) == [(part, column) for part in PARTS for column in frame]
    assert explained.columns.names == ["part", "column"]
    pd.testing.assert_index_equal(explained.index, frame.index)
    assert explained["expected"].dtypes.tolist() == frame.dtypes.tolist()
    assert explained["expected"].notna().all(axis=None)
    for column in frame:
        low, expected, high = (explained[part][column] for part in ("low", "expected", "high"))
        if fitted_model.codec_.codecs[list(frame).index(column)].kind == "real":
            assert ((low <= expected) & (expected <= high)).all()
            assert low.dtype == high.dtype == frame[column].dtype
            assert low.min() >= frame[column].min()
            assert high.max() <= frame[column].max()
            assert explained["probability"][column].isna().all()
        else:
            assert low.isna().all()
            assert high.isna().all()
            assert explained["probability"][column].between(0, 1).all()


def test_shares_add_up_to_the_scores_data_term():
    """What is left of the score is the divergence of the code, which one can write down for a normal prior."""
    frame = mixed_frame()
    detector = AnomalyDetector(VAE(**SMALL, prior="normal")).fit(frame)
    model = detector.model_
    with torch.inference_mode():
        batch = model.codec_.encode(frame).to(torch.float64).for_members(model.n_members)
        divergence = gaussian_divergence(*model.network_.moments(batch)).sum(-1).mean(0).numpy()
    np.testing.assert_allclose(detector.explain(frame)["share"].sum(axis=1) - divergence, model.score_samples(frame))


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_the_library_of_the_frame_changes_no_explanation(library):
    frame, model = mixed_frame(), VAE(**{**SMALL, "max_epochs": 2})
    by_pandas, other = (
        AnomalyDetector(model).fit(make(frame)).explain(make(frame))
        for make in (LIBRARIES["pandas"], LIBRARIES[library])
    )
    assert isinstance(other, pd.DataFrame)
    for part in PARTS:
        one, same = ([column.texts for column in frames.read(f[part])] for f in (by_pandas, other))
        assert one == same, part
    assert other["expected"]["datetime"].dtype.kind == other["high"]["datetime"].dtype.kind == "M"
    assert other["expected"]["timedelta"].dtype.kind == "m"
    assert other["expected"]["int64"].dtype == np.int64


def test_arrays_are_explained_too():
    values = few_columns().to_numpy()
    detector = AnomalyDetector(VAE(**{**SMALL, "max_epochs": 2})).fit(values)
    explained = detector.explain(values)
    assert list(explained["share"].columns) == ["x0", "x1", "x2", "x3"]
    assert (explained[["expected", "low", "high"]].dtypes == np.float64).all()
    assert detector.reasons(values).iloc[0, 0].startswith("x")
    cells = np.array([["a", 1.5, True], ["b", 2.5, False], ["a", 3.5, True]] * 20, dtype=object)
    explained = AnomalyDetector(VAE(**{**SMALL, "max_epochs": 2})).fit(cells).explain(cells)
    assert set(explained["expected"]["x0"]) <= {"a", "b"}
    assert explained["low"]["x1"].between(1.5, 3.5).all()


def test_names_and_indices_of_all_sorts_are_kept():
    frame = few_columns().set_axis([0, 1, 2, 3], axis=1).set_axis([7] * 178, axis=0)
    detector = AnomalyDetector(VAE(**{**SMALL, "max_epochs": 2})).fit(frame)
    explained, reasons = detector.explain(frame), detector.reasons(frame)
    assert list(explained["share"].columns) == [0, 1, 2, 3]
    assert set(explained.index) == set(reasons.index) == {7}


def test_a_missing_cell_has_no_share_and_an_expectation(mixed):
    frame = odd_frame()
    explained, missing = mixed.explain(frame), frame.isna()
    assert (explained["share"].to_numpy()[missing] == 0).all()
    assert explained["found_probability"].to_numpy()[missing].dtype.kind == "f"
    assert np.isnan(explained["found_probability"].to_numpy()[missing]).all()
    assert explained["expected"].drop(columns="nothing").notna().all(axis=None)
    labels = ["bool", "boolean", "category", "string", "object"]
    found = explained["found_probability"][labels]
    assert (found.notna() == frame[labels].notna()).all(axis=None)
    assert (found <= explained["probability"][labels] + 1e-12).where(found.notna(), True).all(axis=None)
    hit = explained["expected"][labels].astype(str) == frame[labels].astype(str)
    pd.testing.assert_frame_equal(found.where(hit), explained["probability"][labels].where(hit))


def test_columns_that_never_vary_are_expected_as_they_are(mixed):
    frame = odd_frame().assign(constant=7)
    explained = mixed.explain(frame)
    assert (explained[["expected", "low", "high"]].xs("constant", axis=1, level="column") == 5).all(axis=None)
    assert explained.xs("nothing", axis=1, level="column").drop(columns="share").isna().all(axis=None)
    assert (explained["share"]["nothing"] == 0).all()
    texts = mixed.reasons(frame, n_reasons=16)
    assert not texts.apply(lambda column: column.str.startswith("nothing")).any(axis=None)
    assert texts.apply(lambda column: column.str.startswith("constant = 7, expected 5 [5, 5] (")).any(axis=1).all()


def test_a_label_never_seen_is_treated_as_missing(mixed):
    frame = odd_frame().iloc[[20]].assign(object="martian")
    with pytest.warns(UserWarning, match="treated as missing"):
        explained, reasons = mixed.explain(frame), mixed.reasons(frame, n_reasons=16)
    assert explained["share"]["object"].item() == 0
    assert math.isnan(explained["found_probability"]["object"].item())
    assert "martian" not in "".join(reasons.iloc[0])


def test_a_rare_level_shares_its_probability_and_is_never_expected():
    frame = pd.DataFrame({"key": [f"k{i}" for i in range(150)] + ["usual"] * 20, "x": range(170)})
    with pytest.warns(UserWarning, match="150 levels|151 levels"):
        detector = AnomalyDetector(VAE(**SMALL)).fit(frame)
    explained = detector.explain(frame)
    assert set(explained["expected"]["key"]) <= set(detector.model_.codec_.codecs[0].levels)
    assert (explained["probability"]["key"] < 0.5).all()  # half of all cells are in the feature that rare levels share


def test_a_row_is_explained_regardless_of_the_rows_beside_it(mixed):
    frame = odd_frame()
    together, alone = mixed.explain(frame), mixed.explain(frame.iloc[[40]])
    for part in ("share", "probability"):
        np.testing.assert_allclose(alone[part].to_numpy(), together[part].iloc[[40]].to_numpy(), atol=1e-9)
    assert mixed.reasons(frame).iloc[40].tolist() == mixed.reasons(frame.iloc[[40]]).iloc[0].tolist()


def test_an_interval_widens_with_its_level_and_covers_most_cells(detector):
    narrow, wide = (detector.explain(few_columns(), level=level) for level in (0.5, 0.99))
    assert (narrow["low"] >= wide["low"]).all(axis=None)
    assert (narrow["high"] <= wide["high"]).all(axis=None)
    assert ((wide["high"] - wide["low"]) > (narrow["high"] - narrow["low"])).all(axis=None)
    inside = (wide["low"] <= few_columns()) & (few_columns() <= wide["high"])
    assert inside.to_numpy().mean() > 0.9


def test_a_likelihood_without_a_variance_may_hold_anything_seen():
    model = VAE(**{**SMALL, "max_epochs": 2}, likelihood=StudentT(2.0))
    explained = AnomalyDetector(model).fit(few_columns()).explain(few_columns())
    assert (explained["low"] == few_columns().min()).all(axis=None)
    assert (explained["high"] == few_columns().max()).all(axis=None)


@pytest.mark.parametrize("level", [0, 1, 90, -0.5])
def test_a_level_is_between_0_and_1(detector, level):
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        detector.explain(few_columns(), level=level)


# ------------------------------------------------------------------ reasons
def test_a_reason_says_what_was_found_and_what_was_expected(detector):
    far = few_columns().iloc[[3]].assign(alcohol=30.0)
    explained = detector.explain(far).xs("alcohol", axis=1, level="column")
    expected, low, high = (explained[part].item() for part in ("expected", "low", "high"))
    assert 1 < high - low < 10  # an interval so wide is worth two decimals
    first = detector.reasons(far).iloc[0, 0]
    found = re.fullmatch(r"alcohol = 30, expected ([\d.]+) \[([\d.]+), ([\d.]+)\] \((-\d+) nats\)", first)
    assert found, first
    assert [float(text) for text in found.groups()[:3]] == [round(value, 2) for value in (expected, low, high)]
    assert int(found[4]) < -10


def test_an_odd_label_is_named_with_the_probability_of_the_expected_one():
    frame = pd.DataFrame({"one": ["a", "b", "c", "d"] * 40, "other": ["a", "b", "c", "d"] * 40, "yes": [True] * 160})
    detector = AnomalyDetector(VAE(**{**SMALL, "max_epochs": 250})).fit(frame)
    odd = pd.DataFrame({"one": ["a", "b"], "other": ["a", "b"], "yes": [False, True]})
    reasons, explained = detector.reasons(odd), detector.explain(odd)
    probability = explained["probability"]["yes"].iloc[0]
    assert re.fullmatch(rf"yes = False, expected True {probability:.2f} \(-\d+ nats\)", reasons.iloc[0, 0])
    contradiction = pd.DataFrame({"one": ["a"], "other": ["c"], "yes": [True]})
    assert set(first_columns(detector.reasons(contradiction))) <= {"one", "other"}
    explained = detector.explain(contradiction)["expected"]
    assert (explained["one"].item(), explained["other"].item()) == ("c", "a")


@pytest.mark.parametrize("library", LIBRARIES)
def test_reasons_write_cells_as_people_do(library):
    frame = mixed_frame()
    frame.loc[3] = frame.loc[10]
    detector = AnomalyDetector(VAE(**{**SMALL, "max_epochs": 2})).fit(LIBRARIES[library](frame))
    texts = detector.reasons(LIBRARIES[library](frame), n_reasons=14)
    written = {text.split(" = ")[0]: text.split(" = ", 1)[1] for text in texts.iloc[0] if text}
    assert set(written) == set(frame.columns[frame.loc[3].notna()])
    day, span = r"2024-\d\d-\d\d [\d:]+", r"\d+ days [\d:]+"
    patterns = {
        "string": rf"{frame['string'].iloc[0]}, expected \w+ 0\.\d\d",
        "int64": rf"{frame['int64'].iloc[0]}, expected \d+ \[\d+, \d+\]",
        "bool": r"(True|False), expected (True|False) (0\.\d\d|1\.00)",
        "datetime": rf"{day}, expected {day} \[{day}, {day}\]",
        "timedelta": rf"{span}, expected {span} \[{span}, {span}\]",
    }
    for column, pattern in patterns.items():
        assert re.fullmatch(pattern + r" \([+-]\d+ nats\)", written[column]), written[column]


def test_reasons_have_a_row_each_and_the_index_of_the_frame(detector):
    frame = few_columns().set_axis(range(100, 278))
    reasons = detector.reasons(frame)
    assert reasons.index.equals(frame.index)
    assert list(reasons.columns) == ["reason_1", "reason_2", "reason_3"]
    assert list(detector.reasons(frame, n_reasons=99).columns) == [f"reason_{k}" for k in range(1, 5)]


@pytest.mark.parametrize("n_reasons", [0, -1])
def test_there_is_at_least_one_reason(detector, n_reasons):
    with pytest.raises(ValueError, match="n_reasons must be at least 1"):
        detector.reasons(few_columns(), n_reasons=n_reasons)


def test_missing_cells_are_no_reasons(detector):
    frame = with_holes(few_columns(), 0.5)
    reasons = detector.reasons(frame, n_reasons=4)
    named = reasons.apply(lambda column: column.str.split(" = ").str[0])
    for row, columns in zip(frame.to_dict("records"), named.to_numpy().tolist(), strict=True):
        observed = {column for column, cell in row.items() if not np.isnan(cell)}
        assert set(columns[: len(observed)]) == observed
        assert columns[len(observed) :] == [""] * (4 - len(observed))


def test_fewer_reasons_are_the_first_of_more(mixed):
    one, three, all_of_five = (mixed.reasons(odd_frame(), n_reasons=n) for n in (1, 3, 5))
    pd.testing.assert_frame_equal(three[["reason_1"]], one)
    pd.testing.assert_frame_equal(all_of_five[["reason_1", "reason_2", "reason_3"]], three)


def test_reasons_are_ordered_by_what_the_row_loses_by_the_cell(detector):
    model, frame = detector.model_, few_columns()
    scores = [detector.score_samples(frame.assign(**{name: np.nan})) for name in model.codec_.layout.columns]
    nats = detector.score_samples(frame)[:, None] - np.column_stack(scores)
    nats -= [model.typical_column_scores_[name] for name in model.codec_.layout.columns]
    order = np.array(model.codec_.layout.columns)[nats.argsort(axis=1)]
    named = detector.reasons(frame, n_reasons=4).apply(lambda column: column.str.split(" = ").str[0])
    assert named.to_numpy().tolist() == order.tolist()


def test_the_guilty_column_comes_first(detector):
    frame, rng = few_columns(), np.random.default_rng(0)
    guilty = rng.choice(frame.columns, len(frame))
    for i, column in enumerate(guilty):
        frame.iloc[i, frame.columns.get_loc(column)] += 5 * few_columns()[column].std() * rng.choice([-1, 1])
    assert np.mean(np.array(first_columns(detector.reasons(frame))) == guilty) >= 0.95


# ------------------------------------------------------------------ around them
def test_reasons_survive_a_save_and_a_load(mixed, tmp_path):
    mixed.save(tmp_path / "saved")
    again = anomalib_vae.load(tmp_path / "saved")
    pd.testing.assert_frame_equal(again.explain(odd_frame()), mixed.explain(odd_frame()))
    pd.testing.assert_frame_equal(again.reasons(odd_frame()), mixed.reasons(odd_frame()))


def test_a_model_that_does_not_tell_columns_apart_gives_no_reasons():
    detector = AnomalyDetector(PCA(2)).fit(few_columns())
    for use in (detector.explain, detector.reasons):
        with pytest.raises(TypeError, match="PCA gives no reasons"):
            use(few_columns())
