"""The command line, from files to files."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_diabetes, load_wine
from typer.testing import CliRunner

import anomalib_vae
from anomalib_vae import VAE, AnomalyDetector, VAEImputer
from anomalib_vae.cli.app import app

QUICK = ["--max-epochs", "5", "--set", "hidden_dims=16", "--set", "n_members=2", "--random-state", "0"]
COMMANDS = ["fit", "score", "impute", "sample"]


def run(*arguments, code: int = 0):
    """The result of a command, which must end with this exit code, without a traceback."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def error_of(*arguments, code: int) -> str:
    """The one line that a failing command writes to the error stream."""
    (line,) = run(*arguments, code=code).stderr.splitlines()
    assert line.startswith("error: ")
    return line


def with_gaps() -> pd.DataFrame:
    """Wine with columns of all kinds: numbers, whole numbers, labels, codes with leading zeros, truth values."""
    frame = load_wine(as_frame=True).frame
    frame["proline"] = frame["proline"].astype("Int64")
    frame["region"] = frame["target"].map({0: "north", 1: "NA", 2: "south, west"}).astype("category")
    frame["zip"] = frame["target"].map({0: "007", 1: "010", 2: "123"})
    frame["organic"] = (frame["hue"] > 1).astype("boolean")
    frame = frame.drop(columns="target")
    random = np.random.default_rng(0)
    for name in ("alcohol", "proline", "region", "zip", "organic"):
        frame.loc[random.random(len(frame)) < 0.1, name] = None
    return frame


def write(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_csv(path, index=False)
    return path


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path, dtype={"zip": str}, keep_default_na=False, na_values=[""])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Tables of wine in three formats, and a detector and an imputer fitted to the Parquet one."""
    folder = tmp_path_factory.mktemp("wine")
    for suffix in (".csv", ".csv.gz", ".parquet"):
        write(with_gaps(), folder / f"wine{suffix}")
    run("fit", folder / "wine.parquet", "--output", folder / "detector", "--contamination", "0.1", *QUICK)
    run("fit", folder / "wine.csv", "--output", folder / "imputer", "--role", "imputer", *QUICK)
    return folder


# ---------------------------------------------------------------------- help
@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example_and_explains_what_goes_in_and_out(command):
    text = run(command, "--help").output
    assert f"anomalib-vae {command} " in text.split("Example")[1]
    assert "In:" in text
    assert "Out:" in text


def test_without_arguments_the_commands_are_listed():
    assert run().output == run("--help").output
    assert all(f"│ {command}" in run().output for command in COMMANDS)


def test_version():
    assert run("--version").output == f"anomalib-vae {anomalib_vae.__version__}\n"


def test_help_imports_nothing_slow():
    code = (
        "import sys\nfrom anomalib_vae.cli import main\nsys.argv = ['anomalib-vae', 'fit', '--help']\n"
        "try: main()\nexcept SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.split()
    assert "typer" in modules
    assert not {"torch", "sklearn", "pandas", "numpy", "pyarrow", "mlflow"} & set(modules)


# ---------------------------------------------------------------------- fit
def test_fit_saves_what_it_was_asked_for(tmp_path, folder):
    settings = ["--set", "latent_dim=3", "--set", "hidden_dims=8,8", "--set", "corruption=none", "--set", "dropout=0"]
    output = run(
        "fit", folder / "wine.csv", "--output", tmp_path / "model", "--model", "RobustVAE", "--drop", "zip,alcohol",
        "--contamination", "0.05", "--max-epochs", "2", "--random-state", "0", *settings,
    ).output  # fmt: skip
    assert "AnomalyDetector(RobustVAE) saved" in output.replace("\n", " ")
    detector = anomalib_vae.load(tmp_path / "model")
    model = detector.model_
    assert type(model) is anomalib_vae.RobustVAE
    assert (model.latent_dim, model.hidden_dims, model.corruption, model.n_iter_) == (3, (8, 8), None, 2)
    assert detector.contamination == 0.05
    assert list(model.feature_names_in_) == [name for name in with_gaps() if name not in ("zip", "alcohol")]


def test_the_default_model_is_the_roles_own(folder):
    assert type(anomalib_vae.load(folder / "detector").model_) is VAE
    imputer = anomalib_vae.load(folder / "imputer")
    assert type(imputer) is VAEImputer
    assert type(imputer.model_) is anomalib_vae.DenoisingVAE


def test_fit_on_a_file_is_fit_on_its_frame(folder):
    frame = pd.read_parquet(folder / "wine.parquet")
    model = VAE(max_epochs=5, hidden_dims=(16,), n_members=2)
    here = AnomalyDetector(model, contamination=0.1, random_state=0).fit(frame)
    there = anomalib_vae.load(folder / "detector")
    np.testing.assert_allclose(there.score_samples(frame), here.score_samples(frame), rtol=1e-6)
    assert there.offset_ == pytest.approx(here.offset_, rel=1e-6)


def test_a_csv_columns_kind_is_read_from_its_cells(folder):
    model = anomalib_vae.load(folder / "imputer").model_
    families = dict(zip(model.codec_.names, model.codec_.families, strict=True))
    assert families.pop("proline") == "integer"
    assert families.pop("organic") == "boolean"
    assert families.pop("region") == families.pop("zip") == "label"
    assert set(families.values()) == {"number"}


def test_dates_are_read_where_asked_for(tmp_path):
    days = pd.date_range("2024-01-01", periods=40).strftime("%Y-%m-%d")
    path = write(pd.DataFrame({"day": days, "value": np.arange(40.0)}), tmp_path / "days.csv")
    run("fit", path, "--output", tmp_path / "with", "--dates", "day", *QUICK)
    run("fit", path, "--output", tmp_path / "without", *QUICK)
    families = {name: anomalib_vae.load(tmp_path / name).model_.codec_.families for name in ("with", "without")}
    assert families == {"with": ["time", "number"], "without": ["label", "number"]}
    run(
        "score", path, "--model", tmp_path / "with", "--output", tmp_path / "scores.csv"
    )  # the model knows them as dates


# ---------------------------------------------------------------------- score
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_score_gives_index_score_verdict_and_reasons(folder, tmp_path, suffix):
    output = tmp_path / f"scores{suffix}"
    shown = run("score", folder / f"wine{suffix}", "--model", folder / "detector", "--output", output, "--reasons", "2")
    scores, detector = read(output), anomalib_vae.load(folder / "detector")
    frame = pd.read_parquet(folder / "wine.parquet")
    assert list(scores) == ["row", "score", "verdict", "reason_1", "reason_2"]
    assert scores["row"].tolist() == list(range(len(frame)))
    np.testing.assert_allclose(scores["score"], detector.score_samples(frame), rtol=1e-9)
    np.testing.assert_array_equal(scores["verdict"], detector.predict(frame))
    assert scores["reason_1"].tolist() == detector.reasons(frame)["reason_1"].tolist()
    worst = scores.nsmallest(10, "score")
    positions = [shown.output.find(f"│ {row} ") for row in worst["row"]]
    assert -1 not in positions
    assert positions == sorted(positions)


def test_score_picks_its_columns_by_name(folder, tmp_path):
    shuffled = with_gaps().iloc[:, ::-1].assign(label="fraud")
    path = write(shuffled, tmp_path / "shuffled.parquet")
    for name, table in (("plain.csv", folder / "wine.parquet"), ("shuffled.csv", path)):
        run("score", table, "--model", folder / "detector", "--output", tmp_path / name, "--reasons", "0")
    pd.testing.assert_frame_equal(read(tmp_path / "plain.csv"), read(tmp_path / "shuffled.csv"))


def test_score_keeps_the_index(folder, tmp_path):
    frame = with_gaps().set_index(pd.Index([f"bottle {i}" for i in range(178)], name="bottle"))
    write(frame, tmp_path / "named.parquet")
    frame.rename_axis(None).to_csv(tmp_path / "named.csv")
    for suffix, column in ((".parquet", "bottle"), (".csv", "row")):
        table, output = tmp_path / f"named{suffix}", tmp_path / f"scores{suffix}"
        run("score", table, "--model", folder / "detector", "--output", output, "--reasons", "0")
        assert read(output)[column].tolist() == frame.index.tolist()


@pytest.fixture(scope="module")
def calibrated(folder) -> Path:
    run("fit", folder / "wine.parquet", "--output", folder / "calibrated", "--calibration-fraction", "0.4", *QUICK)
    return folder / "calibrated"


def test_score_of_a_calibrated_detector_gives_p_values(folder, calibrated, tmp_path):
    detector, frame = anomalib_vae.load(calibrated), with_gaps()
    assert len(detector.calibration_scores_) == 72
    frame.loc[:19, "hue"] = 99.0
    write(frame, tmp_path / "odd.parquet")
    options = ["--model", calibrated, "--output", tmp_path / "s.csv", "--fdr", "0.2"]
    shown = " ".join(run("score", tmp_path / "odd.parquet", *options).output.split())
    scores = read(tmp_path / "s.csv")
    assert list(scores) == ["row", "score", "p_value", "verdict", "reason_1", "reason_2", "reason_3"]
    np.testing.assert_allclose(scores["p_value"], detector.pvalues(frame))
    np.testing.assert_array_equal(scores["verdict"], detector.predict(frame, fdr=0.2))
    assert (scores["verdict"][:20] == -1).all()
    assert "of them anomalies (false discovery rate at most 0.2)" in shown


def test_score_keeps_to_a_budget(folder, tmp_path):
    options = ["--model", folder / "detector", "--output", tmp_path / "s.parquet", "--budget", "7", "--reasons", "0"]
    shown = " ".join(run("score", folder / "wine.csv", *options).output.split())
    assert "7 of them anomalies (a budget of 7)" in shown
    scores = read(tmp_path / "s.parquet")
    assert set(scores.index[scores["verdict"] == -1]) == set(scores.nsmallest(7, "score").index)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--fdr", "0.1"], "has no calibration rows: fit it with --calibration-fraction 0.2"),
        (["--fdr", "1"], "--fdr must be above 0 and below 1, got 1.0"),
        (["--fdr", "0.1", "--budget", "5"], "give --fdr or --budget, not both"),
        (["--budget", "0"], "Invalid value for '--budget'"),
    ],
)
def test_rules_that_do_not_fit_are_told(folder, tmp_path, options, message):
    options = ["--model", folder / "detector", "--output", tmp_path / "s.csv", *options]
    assert message in error_of("score", folder / "wine.csv", *options, code=2)
    assert not (tmp_path / "s.csv").exists()


# ---------------------------------------------------------------------- impute
@pytest.mark.parametrize("model", [[*QUICK], ["--model", "imputer"], ["--model", "detector"]])
def test_impute_csv_leaves_every_other_cell_to_the_letter(folder, tmp_path, model):
    output = tmp_path / "filled.csv"
    model = [folder / m if m in ("imputer", "detector") else m for m in model]
    shown = run("impute", folder / "wine.csv", "--output", output, *model).output
    with (folder / "wine.csv").open(newline="") as before, output.open(newline="") as after:
        pairs = zip(csv.DictReader(before), csv.DictReader(after), strict=True)
        changed = [(name, old[name], new[name]) for old, new in pairs for name in old if old[name] != new[name]]
    assert {old for _, old, _ in changed} == {""}
    missing = with_gaps().isna().sum()
    assert pd.Series([name for name, _, _ in changed]).value_counts().to_dict() == missing[missing > 0].to_dict()
    assert all(f"│ {name}" in shown and f" {count} │" in shown for name, count in missing.items() if count)
    values = {name: {new for changed_name, _, new in changed if changed_name == name} for name in ("zip", "organic")}
    assert values["zip"] <= {"007", "010", "123"}
    assert values["organic"] <= {"True", "False"}
    assert all(new.isdigit() for name, _, new in changed if name == "proline")


@pytest.mark.parametrize("model", ["imputer", "detector"])
def test_impute_parquet_keeps_types_and_cells(folder, tmp_path, model):
    run("impute", folder / "wine.parquet", "--output", tmp_path / "filled.parquet", "--model", folder / model)
    before, after = with_gaps(), read(tmp_path / "filled.parquet")
    pd.testing.assert_series_equal(after.dtypes, read(folder / "wine.parquet").dtypes)
    assert not after.isna().to_numpy().any()
    for name in before:
        seen = before[name].notna()
        assert after[name][seen].tolist() == before[name][seen].tolist(), name


def test_impute_keeps_a_parquet_files_schema_and_index(tmp_path):
    """Types that pandas would change on the way: small and whole numbers with gaps, days, decimals."""
    frame = load_diabetes(as_frame=True).frame[["bmi", "target"]].head(60)
    columns = {
        "bmi": pa.array(frame["bmi"], pa.float32()),
        "whole": pa.array([None if i % 7 == 0 else i for i in range(60)], pa.int16()),
        "day": pa.array([None if i % 9 == 0 else 19000 + i for i in range(60)], pa.int32()).cast(pa.date32()),
        "price": pa.array([None if i % 8 == 0 else i for i in range(60)], pa.int32()).cast(pa.decimal128(12, 2)),
        "key": pa.array([f"key {i}" for i in range(60)]),
    }
    pq.write_table(pa.table(columns), tmp_path / "table.parquet")
    run("impute", tmp_path / "table.parquet", "--output", tmp_path / "filled.parquet", "--drop", "key", *QUICK)
    before, after = pq.read_table(tmp_path / "table.parquet"), pq.read_table(tmp_path / "filled.parquet")
    assert after.schema.equals(before.schema)
    assert sum(column.null_count for column in after.columns) == 0
    for old, new in zip(before.columns, after.columns, strict=True):
        seen = old.is_valid()
        assert new.filter(seen).equals(old.filter(seen))


def test_impute_crosses_formats_with_dtypes(folder, tmp_path):
    run("impute", folder / "wine.csv", "--output", tmp_path / "a.parquet", "--model", folder / "imputer")
    dtypes = {name: str(dtype) for name, dtype in read(tmp_path / "a.parquet").dtypes.items()}
    assert (dtypes["alcohol"], dtypes["proline"], dtypes["organic"]) == ("float64", "Int64", "boolean")
    run("impute", folder / "wine.parquet", "--output", tmp_path / "b.csv", "--model", folder / "imputer")
    assert read(tmp_path / "b.csv")["zip"].isin(["007", "010", "123"]).all()


def test_impute_writes_dates_as_the_column_does(tmp_path):
    days = pd.date_range("2024-01-01", periods=40).strftime("%Y-%m-%d").tolist()
    times = [f"2024-01-01T{i % 24:02}:00:00" for i in range(40)]
    frame = pd.DataFrame({"day": ["", *days[1:]], "time": ["", *times[1:]], "value": np.arange(40.0)})
    path = write(frame, tmp_path / "days.csv")
    run("impute", path, "--output", tmp_path / "filled.csv", "--dates", "day,time", *QUICK)
    first = read(tmp_path / "filled.csv").iloc[0]
    assert pd.Timestamp(first["day"]).strftime("%Y-%m-%d") == first["day"]
    assert pd.Timestamp(first["time"]).strftime("%Y-%m-%dT%H:%M:%S") == first["time"]


def test_impute_takes_the_words_for_a_gap(tmp_path):
    frame = pd.DataFrame({"a": ["?", "NaN", *map(str, range(38))], "b": ["?", "None", *["x", "y"] * 19]})
    path = write(frame, tmp_path / "words.csv")
    run("impute", path, "--output", tmp_path / "filled.csv", "--missing", "?", *QUICK)
    filled = pd.read_csv(tmp_path / "filled.csv", dtype=str, keep_default_na=False)
    assert filled["a"].str.fullmatch(r"\d+").all()  # "NaN" among numbers is a gap
    assert filled["b"][0] in ("x", "y", "None")
    assert filled["b"][1] == "None"  # among labels it may be one


@pytest.mark.parametrize("model", [[*QUICK], ["--model", "imputer"]])
def test_impute_fills_only_the_columns_asked_for(folder, tmp_path, model):
    model = [folder / m if m == "imputer" else m for m in model]
    options = ["--output", tmp_path / "filled.csv", "--only", "zip,proline", *model]
    shown = run("impute", folder / "wine.csv", *options).output
    before, after = read(folder / "wine.csv"), read(tmp_path / "filled.csv")
    assert after[["zip", "proline"]].notna().all(axis=None)
    assert after.drop(columns=["zip", "proline"]).equals(before.drop(columns=["zip", "proline"]))
    assert "│ zip" in shown
    assert "│ region" not in shown


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_impute_takes_a_value_for_a_gap(folder, tmp_path, suffix):
    """In the columns that the model sees and fills; elsewhere it is a value as others are."""
    frame = load_wine(as_frame=True).data[["alcohol", "proline", "hue"]].assign(key=-999, day=-999)
    frame["proline"] = frame["proline"].astype("int64")
    frame.loc[::5, ["alcohol", "proline", "hue"]] = -999
    path, output = write(frame, tmp_path / f"t{suffix}"), tmp_path / f"filled{suffix}"
    options = ["--missing-value", "-999", "--drop", "key", "--exclude", "day", "--only", "alcohol,proline", *QUICK]
    shown = run("impute", path, "--output", output, *options).output
    filled = read(output)
    seen = frame["proline"] != -999
    assert (filled[["alcohol", "proline"]] > 0).all(axis=None)
    assert filled[seen].equals(frame[seen])
    assert filled[["key", "day", "hue"]].equals(frame[["key", "day", "hue"]])
    assert filled["proline"].dtype == "int64"
    assert "72 cells filled" in shown


def test_impute_uses_a_saved_imputer_with_its_wishes(tmp_path):
    frame = with_gaps()[["alcohol", "proline", "hue"]].assign(key=range(178)).fillna({"alcohol": -1.0})
    wishes = {"missing_values": -1, "exclude": ("key",), "add_indicator": True, "keep_empty_features": False}
    imputer = VAEImputer(VAE(hidden_dims=(8,), max_epochs=2, random_state=0), **wishes).fit(frame)
    imputer.save(tmp_path / "model")
    table = frame.drop(columns="key")  # the model never saw it
    for suffix in (".csv", ".parquet"):
        path, output = write(table, tmp_path / f"t{suffix}"), tmp_path / f"filled{suffix}"
        run("impute", path, "--output", output, "--model", tmp_path / "model")
        filled = read(output)
        assert list(filled) == list(table)
        assert not filled.isna().any(axis=None)
        assert filled["alcohol"].min() > 10


@pytest.mark.parametrize("command", [[*QUICK], ["--model", "imputer"]])
def test_impute_names_a_column_that_is_not_there(folder, tmp_path, command):
    options = [
        "--output",
        tmp_path / "filled.csv",
        "--only",
        "zap",
        *(folder / c if c == "imputer" else c for c in command),
    ]
    assert "--only: there is no column 'zap'; there are alcohol, " in error_of(
        "impute", folder / "wine.csv", *options, code=1
    )


def test_impute_does_not_fill_what_it_drops(folder, tmp_path):
    options = ["--output", tmp_path / "filled.csv", "--only", "zip", "--drop", "zip", *QUICK]
    assert "--only zip: it is dropped, so it can't be filled" in error_of(
        "impute", folder / "wine.csv", *options, code=2
    )


def test_impute_without_gaps_says_so(folder, tmp_path):
    whole = write(with_gaps().dropna(), tmp_path / "whole.csv")
    shown = run("impute", whole, "--output", tmp_path / "filled.csv", "--model", folder / "imputer").output
    assert "no cell was filled" in shown
    assert (tmp_path / "filled.csv").read_text() == whole.read_text()


# ---------------------------------------------------------------------- sample
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_sample_draws_rows_like_those_of_training(folder, tmp_path, suffix):
    for name in ("a", "b"):
        options = ["--rows", "20", "--random-state", "1", "--output", tmp_path / f"{name}{suffix}"]
        run("sample", "--model", folder / "detector", *options)
    rows = read(tmp_path / f"a{suffix}")
    pd.testing.assert_frame_equal(rows, read(tmp_path / f"b{suffix}"))
    assert list(rows) == list(with_gaps())
    assert len(rows) == 20
    assert rows["zip"].isin(["007", "010", "123"]).all()
    assert rows["region"].isin(["north", "NA", "south, west"]).all()
    assert rows["proline"].between(278, 1680).all()


# ---------------------------------------------------------------------- errors in the data: exit code 1
def broken(tmp_path, **columns) -> Path:
    return write(with_gaps().assign(**columns), tmp_path / "broken.csv")


def test_an_infinity_is_told_by_its_column(folder, tmp_path):
    infinite = with_gaps()["ash"].where(lambda ash: ash < 3, np.inf)
    path = broken(tmp_path, ash=infinite)
    assert "column 'ash' holds an infinity" in error_of("fit", path, "--output", tmp_path / "m", *QUICK, code=1)
    options = ["--model", folder / "detector", "--output", tmp_path / "s.csv"]
    assert "column 'ash' holds an infinity" in error_of("score", path, *options, code=1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken.csv"]


def test_missing_columns_are_named(folder, tmp_path):
    path = write(with_gaps().drop(columns=["ash", "zip"]), tmp_path / "less.parquet")
    for command in ("score", "impute"):
        line = error_of(command, path, "--model", folder / "detector", "--output", tmp_path / "out.csv", code=1)
        assert "lacks the columns 'ash', 'zip'" in line


def test_a_cell_of_another_kind_than_in_training_is_named(folder, tmp_path):
    path = broken(tmp_path, hue=["?", *["1.0"] * 177])
    options = ["--model", folder / "detector", "--output", tmp_path / "s.csv"]
    line = error_of("score", path, *options, code=1)
    assert "column 'hue': '?' in row 0 is not a number" in line
    assert "--missing '?'" in line
    run("score", path, *options, "--missing", "?")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--drop", "zap"], "--drop: there is no column 'zap'; there are alcohol, "),
        (["--dates", "zap"], "--dates: there is no column 'zap'"),
        (["--dates", "region"], "column 'region' does not hold ISO dates"),
    ],
)
def test_options_that_do_not_fit_the_columns(folder, tmp_path, options, message):
    assert message in error_of("fit", folder / "wine.csv", "--output", tmp_path / "m", *QUICK, *options, code=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,a\n1,2\n3,4\n", "names a column twice: a"),
        ("a,,b\n1,2,3\n", "column 2 has no name"),
        ("a;b\n1;2\n", "separate the cells by commas"),
        ("a,b\n1,2\n1,2,3\n", "Expected 2 fields in line 3, saw 3"),
        ("", "No columns to parse"),
        ("a,b\n", "0 sample(s)"),
    ],
)
def test_files_that_are_no_tables(tmp_path, text, message):
    (tmp_path / "odd.csv").write_text(text)
    assert message in error_of("fit", tmp_path / "odd.csv", "--output", tmp_path / "m", *QUICK, code=1)


def test_a_file_that_only_looks_like_parquet(tmp_path):
    (tmp_path / "odd.parquet").write_text("a,b\n1,2\n")
    assert "odd.parquet can't be read" in error_of("fit", tmp_path / "odd.parquet", "-o", tmp_path / "m", code=1)


def test_debug_shows_the_traceback(tmp_path):
    (tmp_path / "odd.csv").write_text("a,a\n1,2\n")
    result = CliRunner().invoke(app, ["fit", str(tmp_path / "odd.csv"), "-o", str(tmp_path / "m"), "--debug"])
    assert result.exit_code == 1
    assert "Traceback" in result.stderr


# ---------------------------------------------------------------------- errors of usage: exit code 2
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--set", "latent=8"], "VAE has no latent; did you mean latent_dim? It has latent_dim, hidden_dims"),
        (["--set", "latent_dim"], "write it as name=value"),
        (["--set", "latent_dim=0"], "VAE.latent_dim must be at least 1, got 0"),
        (["--set", "beta=much"], "VAE.beta must be a number, got 'much'"),
        (["--set", "activation=sine"], "VAE.activation must be one of"),
        (["--max-epochs", "0"], "VAE.max_epochs must be at least 1"),
        (["--contamination", "0.9"], "AnomalyDetector.contamination must be at most 0.5"),
        (["--contamination", "0.1", "--role", "imputer"], "--contamination is for --role detector"),
        (["--calibration-fraction", "0.1", "--role", "imputer"], "--calibration-fraction is for --role detector"),
        (["--calibration-fraction", "1"], "AnomalyDetector.calibration_fraction must be below 1"),
        (["--model", "VEA"], "there is no such model; there are VAE, DenoisingVAE"),
        (["--role", "judge"], "'judge'"),
        (["--sett", "a=b"], "No such option"),
    ],
)
def test_parameters_that_do_not_exist_or_fit(folder, tmp_path, options, message):
    assert message in error_of("fit", folder / "wine.csv", "--output", tmp_path / "m", *options, code=2)
    assert not (tmp_path / "m").exists()


def test_files_that_are_not_there(folder, tmp_path):
    output = ["--output", tmp_path / "out.csv"]
    assert "no.csv: there is no such file" in error_of("impute", tmp_path / "no.csv", *output, code=2)
    assert "name must end in .csv, .csv.gz or .parquet" in error_of("impute", tmp_path / "a.xlsx", *output, code=2)
    model = ["--model", tmp_path / "none"]
    assert "no saved model in that folder" in error_of("score", folder / "wine.csv", *model, *output, code=2)
    assert "Missing option" in error_of("score", folder / "wine.csv", *output, code=2)


def test_an_imputer_gives_no_verdicts(folder, tmp_path):
    options = ["--model", folder / "imputer", "--output", tmp_path / "s.csv"]
    assert "VAEImputer, which gives no verdicts" in error_of("score", folder / "wine.csv", *options, code=2)


def test_outputs_are_not_overwritten_unless_forced(folder, tmp_path):
    taken = tmp_path / "taken.csv"
    taken.write_text("mine")
    sample = ["sample", "--model", folder / "detector", "--rows", "3"]
    assert "taken.csv exists already" in error_of(*sample, "--output", taken, code=2)
    assert taken.read_text() == "mine"
    run(*sample, "--output", taken, "--force")
    assert len(read(taken)) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["taken.csv"]


def test_the_input_is_not_the_output_unless_forced(folder, tmp_path):
    table = write(with_gaps(), tmp_path / "table.csv")
    options = ["--output", tmp_path / "." / "table.csv", "--model", folder / "imputer"]
    assert "is the input file itself" in error_of("impute", table, *options, code=2)
    run("impute", table, *options, "--force")
    assert not read(table)["proline"].isna().any()


def test_a_models_folder_is_not_replaced_unless_forced(folder, tmp_path):
    model, other = tmp_path / "model", tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    fit = ["fit", folder / "wine.csv", *QUICK, "--output"]
    run(*fit, model)
    assert "holds a model already" in error_of(*fit, model, code=2)
    run(*fit, model, "--role", "imputer", "--force")
    assert type(anomalib_vae.load(model)) is VAEImputer
    assert "holds other files and no model" in error_of(*fit, other, "--force", code=2)
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]


def test_the_outputs_parent_must_exist(folder, tmp_path):
    output = ["--output", tmp_path / "nowhere" / "out.csv"]
    for command in (["sample", "--model", folder / "detector"], ["impute", folder / "wine.csv"]):
        assert "there is no folder" in error_of(*command, *output, code=2)
    assert "there is no folder" in error_of("fit", folder / "wine.csv", "-o", tmp_path / "nowhere" / "m", code=2)


def test_warnings_are_one_line(folder, tmp_path):
    table = write(with_gaps().assign(zip="999"), tmp_path / "new.csv")
    options = ["--model", folder / "imputer", "--output", tmp_path / "filled.csv"]
    (line,) = run("impute", table, *options).stderr.splitlines()
    assert line.startswith("warning: column 'zip': 178 cells hold levels never seen")
