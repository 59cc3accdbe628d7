"""What an imputer is worth to a classifier behind it: accuracy and AUROC with 30 % of the feature cells removed.

    python benchmarks/downstream.py                     # adult and default_credit, 6,000 rows each, seed 0: minutes
    python benchmarks/downstream.py --rows 45000 --seeds 0,1,2

Cells are removed completely at random, from all features and never from the target.  Imputer, encoding and classifier
are one Pipeline, so that cross-validation fits all of it on the training folds alone; the rows of the test fold have
gaps as well.  "native" leaves the gaps to HistGradientBoosting, "complete" has none.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable

import common
import numpy as np
import pandas as pd
import torch
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from anomalib_vae import VAEImputer

TABLES = "adult,default_credit"
SCORES = {"accuracy": "accuracy", "auroc": "roc_auc"}
GRADIENT_BOOSTING, LOGISTIC = "gradient boosting", "logistic regression"


def simple(numbers: list[str], labels: list[str], seed: int):
    """Mean of a number, most frequent level of a label."""
    return make_column_transformer(
        (SimpleImputer(), numbers),
        (SimpleImputer(strategy="most_frequent"), labels),
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")


def iterative(numbers: list[str], labels: list[str], seed: int):
    """IterativeImputer as it comes: labels are codes to it, and what it fills in is rounded to one."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    return make_pipeline(
        make_column_transformer((codes, labels), remainder="passthrough", verbose_feature_names_out=False),
        IterativeImputer(random_state=seed),
        FunctionTransformer(rounded, kw_args={"labels": labels}),
    ).set_output(transform="pandas")


def rounded(frame: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    return frame.assign(**frame[labels].round())


def ours(numbers: list[str], labels: list[str], seed: int):
    return VAEImputer(random_state=seed)


def untouched(numbers: list[str], labels: list[str], seed: int):
    return "passthrough"


IMPUTERS: dict[str, Callable] = {
    "SimpleImputer": simple,
    "IterativeImputer": iterative,
    "VAEImputer": ours,
    "native": untouched,
    "complete": untouched,
}


def classifier(name: str, numbers: list[str], labels: list[str], seed: int) -> Pipeline:
    """The encoding that a classifier needs, and the classifier."""
    if name == LOGISTIC:
        levels = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        return make_pipeline(
            make_column_transformer((StandardScaler(), numbers), (levels, labels)), LogisticRegression(max_iter=2000)
        )
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    encoded = make_column_transformer((codes, labels), ("passthrough", numbers))
    labelled = list(range(len(labels)))
    return make_pipeline(encoded, HistGradientBoostingClassifier(categorical_features=labelled, random_state=seed))


def pipeline(imputer: str, learner: str, X: pd.DataFrame, seed: int, memory: str | None = None) -> Pipeline:
    """Imputer, encoding and classifier; memory: a folder where fitted imputers are kept for the other classifier."""
    numbers = list(X.select_dtypes("number"))
    labels = [name for name in X if name not in numbers]
    steps = [
        ("impute", IMPUTERS[imputer](numbers, labels, seed)),
        ("classify", classifier(learner, numbers, labels, seed)),
    ]
    return Pipeline(steps, memory=memory)


def data(protocol, name: str, rows: int, seed: int, rate: float = 0.3) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Features without gaps, the same with gaps, and whether the target, the last column, has its rarer value."""
    table = pd.read_parquet(protocol.DATA / "tabular_impute" / f"{name}.parquet")
    table = table.sample(min(rows, len(table)), random_state=seed).reset_index(drop=True)
    X, target = table.iloc[:, :-1], table.iloc[:, -1].astype(str)
    holed = X.mask(np.random.default_rng(seed).random(X.shape) < rate)
    return X, holed, (target == target.value_counts().index[-1]).to_numpy()


def measure(protocol, name: str, seed: int, chosen) -> list[dict]:
    """One row for each imputer and classifier: the mean of each score over the test folds."""
    complete, holed, y = data(protocol, name, chosen.rows, seed)
    folds = StratifiedKFold(chosen.folds, shuffle=True, random_state=seed)
    found = []
    with tempfile.TemporaryDirectory() as memory:
        for imputer in chosen.imputers.split(","):
            X = complete if imputer == "complete" else holed
            for learner in (GRADIENT_BOOSTING, LOGISTIC):
                if imputer == "native" and learner == LOGISTIC:
                    continue  # it takes no gaps
                whole = pipeline(imputer, learner, X, seed, memory)
                scores = {s: cross_val_score(whole, X, y, cv=folds, scoring=f).mean().item() for s, f in SCORES.items()}
                found.append({"data": name, "seed": seed, "classifier": learner, "imputer": imputer, **scores})
                print({k: round(v, 4) if isinstance(v, float) else v for k, v in found[-1].items()}, flush=True)
    return found


def main() -> None:
    options = common.parser(__doc__.splitlines()[0])
    options.set_defaults(only=TABLES)
    options.add_argument("--rows", type=int, default=6000, help="of each table, at most")
    options.add_argument("--folds", type=int, default=3)
    options.add_argument("--imputers", default=",".join(IMPUTERS), help="comma-separated")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    protocol = common.protocol(chosen.protocol)
    found = []
    for name in chosen.only.split(","):
        for seed in map(int, chosen.seeds.split(",")):
            found += measure(protocol, name, seed, chosen)
    figures = common.save(found, chosen.output)
    means = figures.pivot_table(index=["classifier", "imputer"], columns="data", values=list(SCORES), sort=False)
    print(f"\nmeans over seeds {chosen.seeds}, {chosen.folds} folds\n{means.round(3).to_string()}")


if __name__ == "__main__":
    main()
