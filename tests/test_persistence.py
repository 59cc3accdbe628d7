"""Save and load: the same estimator comes back, nothing is executed, nothing is written elsewhere."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from cases import ESTIMATORS, MODELS, SMALL, name, quick
from data import LIBRARIES, few_columns, mixed_frame, with_holes
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture

from anomalib_vae import VAE, AnomalyDetector, DenoisingVAE, VAEImputer, load
from anomalib_vae.losses.correntropy import Correntropy
from anomalib_vae.losses.corruptions import SaltAndPepper
from anomalib_vae.losses.student_t import StudentT

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")


def results(estimator, frame) -> list:
    """All that an estimator says about a frame."""
    methods = ("score_samples", "predict", "explain", "reasons", "transform", "reconstruct")
    return [getattr(estimator, method)(frame) for method in methods if hasattr(estimator, method)]


def same(one, other) -> None:
    assert type(one) is type(other)
    assert one.equals(other) if hasattr(one, "equals") else np.array_equal(one, other)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("estimator", [MODELS[0], *ESTIMATORS[-2:]], ids=name)
def test_results_are_identical(estimator, library, tmp_path):
    frame = LIBRARIES[library](mixed_frame())
    fitted = quick(estimator).fit(frame)
    fitted.save(tmp_path / "saved")
    again = load(tmp_path / "saved")
    for before, after in zip(results(fitted, frame), results(again, frame), strict=True):
        same(before, after)
    assert repr(again) == repr(fitted)
    assert list(again.feature_names_in_) == list(fitted.feature_names_in_)
    assert again.n_features_in_ == fitted.n_features_in_
    if hasattr(fitted, "sample"):
        same(fitted.sample(9), again.sample(9))
    if hasattr(fitted, "offset_"):
        assert again.offset_ == fitted.offset_


def test_a_model_of_an_array_has_no_names(tmp_path):
    values = few_columns().to_numpy()
    model = quick(VAE(**SMALL)).fit(values)
    model.save(tmp_path)
    again = load(tmp_path)
    np.testing.assert_array_equal(model.sample(5), again.sample(5))
    assert not hasattr(again, "feature_names_in_")


def test_parameters_of_every_kind_come_back(tmp_path):
    model = VAE(
        **{**SMALL, "hidden_dims": (8, 4), "max_epochs": np.int64(2)},
        latent_dim=3,
        learning_rate=np.float32(0.002),
        likelihood=StudentT(degrees_of_freedom=5.0),
        corruption=SaltAndPepper(rate=0.2),
        patience=None,
    ).fit(few_columns())
    model.save(tmp_path)
    parameters = load(tmp_path).get_params()
    assert parameters == model.get_params()
    assert parameters["hidden_dims"] == (8, 4)
    assert parameters["likelihood"] == StudentT(degrees_of_freedom=5.0)


def test_what_cannot_be_saved_is_named(tmp_path):
    model = quick(VAE(**{**SMALL, "random_state": np.random.RandomState(0)})).fit(few_columns())
    with pytest.warns(UserWarning, match=r"random_state=.* can't be saved; it is None in the loaded model"):
        model.save(tmp_path)
    assert load(tmp_path).random_state is None


def test_a_loaded_estimator_can_be_fitted_again(tmp_path):
    model = quick(VAE(**SMALL)).fit(few_columns())
    model.save(tmp_path)
    again = load(tmp_path).fit(few_columns())
    np.testing.assert_array_equal(model.score_samples(few_columns()), again.score_samples(few_columns()))


def test_a_loaded_estimator_can_be_saved_again(tmp_path):
    quick(VAE(**SMALL)).fit(mixed_frame()).save(tmp_path / "one")
    load(tmp_path / "one").save(tmp_path / "two")
    for part in (tmp_path / "one").iterdir():
        assert (tmp_path / "two" / part.name).read_bytes() == part.read_bytes(), part.name


def test_a_frozen_model_stays_frozen(tmp_path):
    model = quick(DenoisingVAE(**SMALL)).fit(with_holes(few_columns()))
    VAEImputer(FrozenEstimator(model)).fit(with_holes(few_columns())).save(tmp_path)
    again = load(tmp_path)
    assert isinstance(again.model, FrozenEstimator)
    pd.testing.assert_frame_equal(
        again.fit(with_holes(few_columns())).model_.reconstruct(few_columns()), model.reconstruct(few_columns())
    )


def test_a_role_around_a_foreign_model_says_that_it_cannot_be_saved(tmp_path):
    detector = AnomalyDetector(GaussianMixture()).fit(few_columns())
    with pytest.raises(TypeError, match="GaussianMixture"):
        detector.save(tmp_path / "saved")


# ------------------------------------------------------------------ safety
def test_nothing_is_pickled_or_unpickled(fitted, tmp_path, monkeypatch):
    def forbidden(*args, **kwargs):
        raise AssertionError("a pickle was used")

    for module, names in {
        pickle: ("load", "loads", "dump", "dumps", "Unpickler", "Pickler"),
        torch: ("load", "save"),
    }.items():
        for forbidden_name in names:
            monkeypatch.setattr(module, forbidden_name, forbidden)
    fitted.save(tmp_path / "saved")
    load(tmp_path / "saved")


def test_nothing_is_written_outside_the_folder(fitted, tmp_path):
    (tmp_path / "neighbour.txt").write_text("untouched")
    fitted.save(tmp_path / "saved")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["neighbour.txt", "saved"]
    assert (tmp_path / "neighbour.txt").read_text() == "untouched"
    written = {p.name for p in (tmp_path / "saved").rglob("*") if p.is_file()}
    assert written <= {"model.json", "weights.safetensors", "columns.arrow"}


def test_a_description_cannot_reach_files_outside(tmp_path):
    """The names of the parts are fixed; what the description says of them does not matter."""
    quick(VAE(**SMALL)).fit(few_columns()).save(tmp_path / "saved")
    text = (tmp_path / "saved" / "model.json").read_text()
    description = json.loads(text)
    description["learned"]["weights"] = "../../elsewhere.safetensors"
    (tmp_path / "saved" / "model.json").write_text(json.dumps(description))
    assert np.isfinite(load(tmp_path / "saved").score_samples(few_columns())).all()


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    model = quick(VAE(**SMALL)).fit(few_columns())
    with pytest.raises(FileExistsError, match="holds other files and no model: give an empty or a new folder"):
        model.save(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "model").write_text("a file")
    with pytest.raises(FileExistsError):
        quick(VAE(**SMALL)).fit(few_columns()).save(tmp_path / "model")
    assert (tmp_path / "model").read_text() == "a file"


def test_folders_on_the_way_are_made_and_strings_are_paths(tmp_path):
    model = quick(VAE(**SMALL)).fit(few_columns())
    assert model.save(str(tmp_path / "a" / "b")) is model
    assert np.isfinite(load(str(tmp_path / "a" / "b")).score_samples(few_columns())).all()


KINDS = {
    "frame": lambda: quick(VAE(**SMALL)).fit(mixed_frame()),
    "array": lambda: quick(VAE(**SMALL)).fit(few_columns().to_numpy()),
    "detector": lambda: quick(AnomalyDetector(VAE(**SMALL))).fit(few_columns()),
    "imputer": lambda: quick(VAEImputer(DenoisingVAE(**SMALL))).fit(few_columns().to_numpy()),
}
EXAMPLES = {"frame": mixed_frame, "array": lambda: few_columns().to_numpy(), "detector": few_columns}
EXAMPLES["imputer"] = EXAMPLES["array"]


@pytest.mark.parametrize("second", KINDS)
@pytest.mark.parametrize("first", KINDS)
def test_a_model_replaces_one_of_another_kind(first, second, tmp_path):
    KINDS[first]().save(tmp_path / "one")
    model = KINDS[second]()
    model.save(tmp_path / "one")
    model.save(tmp_path / "fresh")
    for before, after in zip(
        results(model, EXAMPLES[second]()), results(load(tmp_path / "one"), EXAMPLES[second]()), strict=True
    ):
        same(before, after)
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == sorted(
        p.name for p in (tmp_path / "fresh").iterdir()
    )


def test_the_description_is_readable_json(tmp_path):
    quick(VAE(**SMALL, likelihood=Correntropy(bandwidth=3.0))).fit(mixed_frame()).save(tmp_path)
    description = json.loads((tmp_path / "model.json").read_text())
    assert description["class"] == "VAE"
    assert description["parameters"]["likelihood"]["strategy"] == "Correntropy"
    assert description["parameters"]["likelihood"]["bandwidth"] == 3.0


@pytest.mark.parametrize("labels", [[1, 2], [1.5, 2.5], [True, False], ["", "ä€"]])
def test_labels_of_every_type_come_back(labels, tmp_path):
    frame = pd.DataFrame({"x": few_columns()["alcohol"], "label": pd.Categorical(labels * 89, categories=labels)})
    model = quick(VAE(**SMALL)).fit(frame)
    model.save(tmp_path)
    again = load(tmp_path)
    np.testing.assert_array_equal(model.score_samples(frame), again.score_samples(frame))
    pd.testing.assert_frame_equal(model.sample(20), again.sample(20))


@pytest.mark.parametrize("labels", [[True, "x"], ["a", 1], [pd.Interval(0, 1), pd.Interval(1, 2)]])
def test_labels_that_no_file_can_hold_are_named_before_anything_is_written(labels, tmp_path):
    frame = pd.DataFrame({"x": few_columns()["alcohol"], "label": pd.Categorical(labels * 89, categories=labels)})
    with pytest.raises(TypeError, match=r"column 'label'.*astype\(str\)"):
        quick(VAE(**SMALL)).fit(frame).save(tmp_path / "saved")
    assert not (tmp_path / "saved").exists() or not list((tmp_path / "saved").iterdir())


@pytest.mark.parametrize("names", [[0, 1], ["größe", "a/b"], [("a", 1), ("b", 2)]])
def test_names_of_every_type_come_back(names, tmp_path):
    frame = few_columns()[["alcohol", "proline"]]
    frame.columns = pd.Index(names, tupleize_cols=False)
    model = quick(VAE(**SMALL)).fit(frame)
    model.save(tmp_path)
    again = load(tmp_path)
    np.testing.assert_array_equal(model.score_samples(frame), again.score_samples(frame))
    pd.testing.assert_frame_equal(model.sample(3), again.sample(3))
