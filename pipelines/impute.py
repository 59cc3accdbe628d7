"""Punch holes into a table of mixed columns, fill them in, and compare with what was there."""

from __future__ import annotations

import mlflow
import numpy as np
import pandas as pd
import tracking
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (scikit-learn asks for it)
from sklearn.impute import IterativeImputer
from sklearn.preprocessing import OrdinalEncoder

from anomalib_vae import DenoisingVAE, VAEImputer
from anomalib_vae.datasets import load_online_shoppers
from anomalib_vae.integrations.mlflow import MLflowCallback, log_model
from anomalib_vae.report import imputed_against_observed

SHARE = 0.2  # of the cells become holes
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
    """scikit-learn's IterativeImputer on numbers and on one indicator a level; of these the largest is the label."""
    labels = [c for c in holed if not is_number(holed[c])]
    indicators = {c: pd.get_dummies(holed[c].astype(object), dtype=float).mask(holed[c].isna()) for c in labels}
    coded = pd.concat([holed.drop(columns=labels).astype(float), *indicators.values()], axis=1).set_axis(
        [*holed.columns.difference(labels, sort=False), *((c, level) for c in labels for level in indicators[c])], axis=1
    )
    imputer = IterativeImputer(max_iter=ROUNDS, random_state=seed, min_value=coded.min(), max_value=coded.max())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        filled = pd.DataFrame(imputer.fit_transform(coded.to_numpy()), holed.index, coded.columns)
    for c in labels:
        levels = indicators[c].columns.to_numpy(object)
        filled[c] = levels[filled[[(c, level) for level in levels]].to_numpy().argmax(axis=1)]
    return filled[list(holed.columns)]


def main() -> None:
    chosen = tracking.options(__doc__)
    whole = load_online_shoppers()
    holed, holes = punch(whole, chosen.seed)
    with tracking.start_run(chosen.mlruns, "impute"):
        epochs = {} if chosen.max_epochs is None else {"max_epochs": chosen.max_epochs}
        imputer = VAEImputer(DenoisingVAE(callbacks=(MLflowCallback(),), **epochs), random_state=chosen.seed)
        filled = imputer.fit_transform(holed)
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

    tracking.show(
        f"Filled {int(holes.to_numpy().sum()):,} holes in {whole.shape[0]:,} x {whole.shape[1]} cells", comparison
    )
    same = (filled.dtypes == holed.dtypes).all()
    tracking.console.print(f"dtypes as they came: {same}; cells still missing: {int(filled.isna().to_numpy().sum())}")
    tracking.say_where(chosen.mlruns, file)


if __name__ == "__main__":
    main()
