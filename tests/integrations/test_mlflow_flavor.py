"""Models saved, logged and loaded through MLflow."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import torch
from cases import SMALL
from data import as_polars, digits, few_columns, mixed_frame, with_holes
from mlflow.models import Model
from mlflow.pyfunc.scoring_server import infer_and_parse_data
from mlflow.types.schema import AnyType, DataType
from sklearn.frozen import FrozenEstimator

import anomalib_vae
from anomalib_vae import VAE, AnomalyDetector, VAEImputer
from anomalib_vae.integrations.mlflow import load_model, log_model, save_model
from anomalib_vae.integrations.mlflow.cells import as_in_training

TINY = {**SMALL, "max_epochs": 2}


def detected(detector, X):
    frame = pd.DataFrame({"score": detector.score_samples(X), "verdict": detector.predict(X)}, index=X.index)
    return frame.join(detector.reasons(X))


EXPECTED = {  # what a pyfunc prediction is, by the class of the estimator
    "AnomalyDetector": detected,
    "VAEImputer": lambda imputer, X: imputer.transform(X),
    "VAE": lambda model, X: model.score_samples(X),
}
ESTIMATORS = [AnomalyDetector(VAE(**TINY), contamination=0.1), VAEImputer(VAE(**TINY)), VAE(**TINY)]


@pytest.fixture(params=ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def estimator(request):
    return request.param.fit(mixed_frame())


def frame_with_holes_everywhere():
    """As pandas makes them: floats of integers and objects of booleans where a cell is missing."""
    frame = mixed_frame().astype({"int64": float, "int8": float, "bool": object})
    frame.iloc[3, frame.columns.get_indexer(["int64", "int8", "bool"])] = None
    return frame


def assert_same(found, expected):
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected)
    else:
        assert np.array_equal(found, expected)


# ------------------------------------------------------------------ the way through a store
def test_a_logged_model_predicts_as_the_original(experiment, estimator):
    with mlflow.start_run() as run:
        info = log_model(estimator, input_example=mixed_frame().head(4))
    assert info.signature is not None
    expected = EXPECTED[type(estimator).__name__]
    for uri in (info.model_uri, f"runs:/{run.info.run_id}/model"):
        served = mlflow.pyfunc.load_model(uri)
        for X in (mixed_frame(), frame_with_holes_everywhere(), mixed_frame().head(1)):
            assert_same(served.predict(X), expected(estimator, X))
    loaded = load_model(info.model_uri)
    assert type(loaded) is type(estimator)
    assert_same(expected(loaded, mixed_frame()), expected(estimator, mixed_frame()))


def test_a_saved_model_serves_json(tmp_path, estimator):
    X = frame_with_holes_everywhere().head(6)
    save_model(estimator, tmp_path / "model", input_example=X)
    request = json.loads((tmp_path / "model" / "serving_input_example.json").read_text())
    model = mlflow.pyfunc.load_model(tmp_path / "model")
    served = model.predict(infer_and_parse_data(request, model.metadata.get_input_schema()))
    expected = EXPECTED[type(estimator).__name__](estimator, X.reset_index(drop=True))
    if isinstance(estimator, VAEImputer):  # JSON has one type of number: whole columns come back as in training
        served, expected = served.astype(object), expected.astype(object)
    assert_same(served, expected)


def test_nothing_is_pickled(tmp_path, estimator, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a pickle was written or read")

    for module in (pickle, torch):
        monkeypatch.setattr(module, "load", refuse)
    for name in ("loads", "dump", "dumps", "Unpickler", "Pickler"):
        monkeypatch.setattr(pickle, name, refuse)
    save_model(estimator, tmp_path / "model")
    load_model(tmp_path / "model")
    mlflow.pyfunc.load_model(tmp_path / "model").predict(mixed_frame())
    files = [path for path in (tmp_path / "model").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {"", ".json", ".yaml", ".txt", ".safetensors", ".arrow"}
    others = [path for path in files if path.suffix != ".safetensors"]  # which begins with the length of its header
    assert not [path for path in others if path.read_bytes().startswith((b"\x80", b"PK"))]  # pickle, torch's archive


# ------------------------------------------------------------------ what is in the folder
def test_the_folder_says_what_it_needs_and_takes(tmp_path, monkeypatch):
    monkeypatch.setattr(mlflow.models, "infer_pip_requirements", None)  # runs for a minute; never needed
    detector = AnomalyDetector(VAE(**TINY)).fit(mixed_frame())
    save_model(detector, tmp_path, metadata={"team": "fraud"}, extra_pip_requirements=["boto3"])
    model = Model.load(str(tmp_path))
    assert set(model.flavors) == {"anomalib_vae", "python_function"}
    assert model.flavors["anomalib_vae"]["estimator"] == "AnomalyDetector"
    assert model.flavors["python_function"]["loader_module"] == "anomalib_vae.integrations.mlflow"
    assert model.metadata == {"team": "fraud"}
    lines = (tmp_path / "requirements.txt").read_text().split()
    assert f"torch=={torch.__version__.partition('+')[0]}" in lines
    assert f"anomalib-vae=={anomalib_vae.__version__}" in lines
    assert {"mlflow", "scikit-learn", "pandas", "safetensors"} <= {line.partition("==")[0] for line in lines}
    assert "boto3" in lines
    assert not [line for line in lines if "pytest" in line or "+" in line]


def test_the_signature_declares_what_mlflow_can_check(tmp_path):
    save_model(AnomalyDetector(VAE(**TINY)).fit(mixed_frame()), tmp_path)
    signature = Model.load(str(tmp_path)).signature
    types = {column.name: column.type for column in signature.inputs.inputs}
    assert list(types) == list(mixed_frame().columns)
    assert {name for name, kind in types.items() if kind == DataType.double} == {"float64", "float32", "Float64"}
    assert {name for name, kind in types.items() if kind == DataType.string} == {"string", "object"}
    assert {name for name, kind in types.items() if kind == DataType.datetime} == {"datetime"}
    assert all(types[name] == AnyType() for name in ("int64", "Int64", "bool", "boolean", "category", "datetime_tz"))
    assert signature.outputs.input_names() == ["score", "verdict", "reason_1", "reason_2", "reason_3"]


@pytest.mark.parametrize("model", [VAE(**TINY), AnomalyDetector(VAE(**TINY))], ids=["model", "detector"])
def test_images_are_declared_by_their_shape(tmp_path, model):
    model.fit(digits())
    save_model(model, tmp_path)
    (images,) = Model.load(str(tmp_path)).signature.inputs.inputs
    assert images.shape == (-1, 8, 8)
    found = mlflow.pyfunc.load_model(tmp_path).predict(digits())
    scores = found["score"] if isinstance(model, AnomalyDetector) else found
    np.testing.assert_allclose(scores, model.score_samples(digits()))


def test_signature_and_example_can_be_given_or_left_out(tmp_path):
    model = VAE(**TINY).fit(few_columns())
    save_model(model, tmp_path / "without", signature=False)
    assert Model.load(str(tmp_path / "without")).signature is None
    given = mlflow.models.infer_signature(few_columns())
    save_model(model, tmp_path / "given", signature=given, input_example=few_columns().head(2))
    saved = Model.load(str(tmp_path / "given"))
    assert saved.signature == given
    pd.testing.assert_frame_equal(saved.load_input_example(str(tmp_path / "given")), few_columns().head(2))


def test_a_folder_in_use_and_a_foreign_model_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="give a new folder"):
        save_model(VAE(**TINY).fit(few_columns()), tmp_path)
    foreign = Model()
    foreign.add_flavor("other", data="x")
    foreign.save(str(tmp_path / "MLmodel"))
    with pytest.raises(mlflow.MlflowException, match="no flavor 'anomalib_vae', only"):
        load_model(tmp_path)


# ------------------------------------------------------------------ other inputs
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, object])
def test_a_model_of_an_array_takes_arrays_and_frames(tmp_path, dtype):
    X = few_columns().round().to_numpy().astype(dtype)
    imputer = VAEImputer(VAE(**TINY)).fit(X)
    save_model(imputer, tmp_path)
    served = mlflow.pyfunc.load_model(tmp_path)
    holes = with_holes(pd.DataFrame(X)).to_numpy()
    for rows in (X, holes):
        expected = imputer.transform(rows).astype(np.float32)
        for given in (rows, pd.DataFrame(rows)):
            assert np.array_equal(served.predict(given).astype(np.float32), expected)


def test_a_model_of_a_polars_frame_is_served_pandas_frames(tmp_path):
    X = as_polars(mixed_frame())
    detector = AnomalyDetector(VAE(**TINY)).fit(X)
    save_model(detector, tmp_path, input_example=X.head(3))
    served = mlflow.pyfunc.load_model(tmp_path).predict(X.to_pandas())
    assert np.array_equal(served["score"], detector.score_samples(X))
    assert "polars==" in (tmp_path / "requirements.txt").read_text()


def test_columns_without_text_names(tmp_path):
    X = few_columns().set_axis(range(4), axis=1)
    model = VAE(**TINY).fit(X)
    save_model(model, tmp_path)
    assert np.array_equal(mlflow.pyfunc.load_model(tmp_path).predict(X), model.score_samples(X))


def test_a_frozen_model_and_a_column_without_values(tmp_path):
    X = few_columns().assign(empty=None)
    detector = AnomalyDetector(FrozenEstimator(VAE(**TINY).fit(X))).fit(X)
    save_model(detector, tmp_path)
    served = mlflow.pyfunc.load_model(tmp_path)
    for empty in (None, np.nan):
        assert np.array_equal(served.predict(X.assign(empty=empty))["score"], detector.score_samples(X))


@pytest.mark.parametrize(
    ("cells", "dtype", "expected"),
    [
        ([1, 2], "uint8", pd.Series([1, 2], dtype="uint8")),
        ([1, 300], "uint8", pd.Series([1, 300])),  # 300 would wrap around
        ([1.0, 2.5], "int64", pd.Series([1.0, 2.5])),
        ([1.0, np.nan], "int64", pd.Series([1.0, np.nan])),
        ([1.0, np.nan], "Int64", pd.Series([1, None], dtype="Int64")),
        ([True, None], "bool", pd.Series([True, None], dtype=object)),
        (["a", "z"], pd.CategoricalDtype(["b", "a"]), pd.Series(pd.Categorical(["a", "z"], ["b", "a", "z"]))),
        (["2024-01-02", None], "datetime64[us]", pd.Series(pd.to_datetime(["2024-01-02", None])).astype("M8[us]")),
        (["soon"], "datetime64[us]", pd.Series(["soon"])),
        ([pd.NaT], "timedelta64[us]", pd.Series([None], dtype="timedelta64[us]")),
        ([None], "bool", pd.Series([None], dtype=object)),
    ],
)
def test_cells_come_back_in_the_dtype_of_training_or_as_they_are(cells, dtype, expected):
    template = pd.DataFrame({"x": pd.Series([], dtype=dtype)})
    found = as_in_training(pd.DataFrame({"x": cells}), template)["x"]
    pd.testing.assert_series_equal(found, expected, check_names=False)


# ------------------------------------------------------------------ the optional package
def test_mlflow_is_imported_only_where_it_is_used():
    script = (
        "import sys, anomalib_vae; from anomalib_vae import *; assert 'mlflow' not in sys.modules;"
        "import anomalib_vae.integrations.mlflow as plugin; assert 'mlflow' not in sys.modules;"
        "import mlflow; assert mlflow is not plugin and mlflow.__version__"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parent)


@pytest.mark.parametrize("use", [log_model, load_model])
def test_without_mlflow_the_error_names_the_extra(monkeypatch, use):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ImportError, match=r'pip install "anomalib-vae\[mlflow\]"'):
        use("anything")
