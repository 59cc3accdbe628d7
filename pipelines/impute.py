"""Punch holes into a table of mixed columns, fill them in, and compare with what was there."""

from __future__ import annotations

import warnings

import mlflow
import numpy as np
import pandas as pd
import tracking
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (scikit-learn asks for it)
from sklearn.impute import IterativeImputer

from anomalib_vae import DenoisingVAE, VAEImputer
from anomalib_vae.datasets import load_online_shoppers
from anomalib_vae.integrations.mlflow import MLflowCallback, log_model
from anomalib_vae.report import imputed_against_observed

SHARE = 0.2  # of the cells become holes
PEER_ROUNDS = 3  # of IterativeImputer; ten take four times as long and change its errors by less than 0.02
NULLABLE = {"int64": "Int64", "bool": "boolean"}


def punch(whole: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table with holes at random, integers and booleans in their nullable dtypes, and where the holes are."""
    holes = pd.DataFrame(np.random.default_rng(seed).random(whole.shape) < SHARE, whole.index, whole.columns)
    nullable = whole.astype({c: NULLABLE[str(t)] for c, t in whole.dtypes.items() if str(t) in NULLABLE})
    return nullable.mask(holes), holes


def is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def figures(whole: pd.DataFrame, holes: pd.DataFrame, filled: pd.DataFrame) -> dict[str, float]:
    """Root mean squared error of the punched numbers in standard deviations, accuracy of the punched labels."""
    errors, hits = [], []
    for column in whole:
        truth, guess = whole.loc[holes[column], column], filled.loc[holes[column], column]
        if is_number(whole[column]):
            errors.append((guess.astype(float) - truth.astype(float)) / whole[column].astype(float).std())
        else:
            hits.append(guess.astype(str) == truth.astype(str))
    return {
        "numbers, RMSE [sd]": float(np.sqrt((pd.concat(errors) ** 2).mean())),
        "labels, accuracy": float(pd.concat(hits).mean()),
    }


def mean_or_mode(holed: pd.DataFrame) -> pd.DataFrame:
    fill = {c: holed[c].astype(float).mean() if is_number(holed[c]) else holed[c].mode()[0] for c in holed}
    return pd.DataFrame(
        {c: (holed[c].astype(float) if is_number(holed[c]) else holed[c]).fillna(fill[c]) for c in holed}
    )


def iterative(holed: pd.DataFrame, seed: int) -> pd.DataFrame:
    """scikit-learn's IterativeImputer on numbers and on one indicator a level, the largest of which is the label."""
    blocks = {c: holed[[c]].astype(float) if is_number(holed[c]) else indicators(holed[c]) for c in holed}
    coded = np.hstack([block.to_numpy() for block in blocks.values()])
    low, high = np.nanmin(coded, axis=0), np.nanmax(coded, axis=0)
    imputer = IterativeImputer(max_iter=PEER_ROUNDS, random_state=seed, min_value=low, max_value=high)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        whole = imputer.fit_transform(coded)
    ends = np.cumsum([block.shape[1] for block in blocks.values()])
    filled = {}
    for (c, block), part in zip(blocks.items(), np.split(whole, ends[:-1], axis=1), strict=True):
        filled[c] = part[:, 0] if is_number(holed[c]) else block.columns.to_numpy(object)[part.argmax(axis=1)]
    return pd.DataFrame(filled, holed.index)


def indicators(labels: pd.Series) -> pd.DataFrame:
    """One column a level, 1 where the label is that level and 0 where not; missing where the label is."""
    return pd.get_dummies(labels.astype(object), dtype=float).mask(labels.isna())


def main() -> None:
    options = tracking.parser(__doc__)
    options.add_argument("--rows", type=int, default=None, help="so many rows, drawn at random; all by default")
    chosen = options.parse_args()
    chosen.output.mkdir(parents=True, exist_ok=True)
    whole = load_online_shoppers()
    if chosen.rows is not None:
        whole = whole.sample(chosen.rows, random_state=chosen.seed)
    holed, holes = punch(whole, chosen.seed)
    with tracking.start_run(chosen.mlruns, "impute"):
        tracking.say(
            f"Fitting to {whole.shape[0]:,} rows of {whole.shape[1]} columns with {SHARE:.0%} of the cells missing"
        )
        model = DenoisingVAE(max_epochs=chosen.max_epochs, callbacks=(MLflowCallback(),))
        imputer = VAEImputer(model, random_state=chosen.seed)
        filled = imputer.fit_transform(holed)
        tracking.say("Filling the same holes with the other imputers")
        table = {
            "anomalib_vae": figures(whole, holes, filled),
            "IterativeImputer": figures(whole, holes, iterative(holed, chosen.seed)),
            "mean / mode": figures(whole, holes, mean_or_mode(holed)),
        }
        comparison = pd.DataFrame(table).T.rename_axis("imputer")
        file = chosen.output / "filled.parquet"
        filled.to_parquet(file)
        mlflow.log_metrics(
            {"rmse": table["anomalib_vae"]["numbers, RMSE [sd]"], "accuracy": table["anomalib_vae"]["labels, accuracy"]}
        )
        mlflow.log_table(comparison.reset_index(), "comparison.json")
        mlflow.log_figure(imputed_against_observed(holed, filled), "imputed_against_observed.png")
        mlflow.log_artifact(str(file))
        log_model(imputer, name="imputer", input_example=holed.head(5))

    tracking.show(f"Error of the {int(holes.to_numpy().sum()):,} cells that were filled in", comparison)
    same = (filled.dtypes == holed.dtypes).all()
    tracking.say(f"dtypes as they came: {same}; cells still missing: {int(filled.isna().to_numpy().sum())}")
    tracking.say_where(chosen.mlruns, file)


if __name__ == "__main__":
    main()
