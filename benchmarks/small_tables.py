"""Missing values in small tables: the default VAEImputer() beside a linear-Gaussian EM, MissForest and mean or mode.

    python benchmarks/small_tables.py                          # seven tables of 200, 500 and 1,000 rows, seed 0
    python benchmarks/small_tables.py --only diabetes,cancer --rows 200 --seeds 0,1

The tasks are the protocol's, MCAR, made of so many rows: 70 % to fit on, 30 % to fill in.  To its tables come two
of scikit-learn's; sizes above a table's own rows are left out.  The EM is what a statistician would try first: numbers
standardised, labels one-hot, one Gaussian through all of it, its conditional means in the gaps,
inside the range seen in training.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import common
import numpy as np
import pandas as pd
import torch
from sklearn import datasets

from anomalib_vae import VAEImputer
from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.networks.conditional_gaussian import ConditionalGaussian

SCIKIT_LEARN = {"diabetes": datasets.load_diabetes, "cancer": datasets.load_breast_cancer}
TABLES = "abalone,california,default_credit,german_credit,wine_quality,diabetes,cancer"
BASE = "Gaussian EM"


class GaussianEM:
    """Fills gaps with the conditional means of one Gaussian: numbers standardised, labels one-hot."""

    def fit(self, X: pd.DataFrame) -> GaussianEM:
        self.codec_ = TableCodec.fit(X)
        rows = self._features(X)
        self.gaussian_ = ConditionalGaussian(rows.values.shape[1], self.codec_.layout.column_of_target).double()
        self.gaussian_.fit(rows)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        filled = self.codec_.decode(self.gaussian_.expect(self._features(X)).numpy(), index_of=X)
        return X.where(X.notna(), filled)

    def _features(self, X) -> Batch:
        """Of each column only what is decoded: no view of its ranks, which is not linear."""
        return self.codec_.encode(X).select(self.codec_.layout.targets).to(torch.device("cpu"), torch.float64)


class MeanOrMode:
    """Fills gaps with a column's mean, or with its most frequent level."""

    def fit(self, X: pd.DataFrame) -> MeanOrMode:
        number = pd.api.types.is_numeric_dtype
        self.values_ = {name: X[name].mean() if number(X[name]) else X[name].mode().iloc[0] for name in X}
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        return X.fillna(self.values_)


def imputers(protocol_file: Path) -> dict[str, Callable]:
    """A maker of each, given the seed."""
    return {
        "ours": lambda seed: VAEImputer(random_state=seed),
        BASE: lambda seed: GaussianEM(),
        "MissForest": lambda seed: common.protocol(protocol_file.parent / "missforest.py").MissForest(
            random_state=seed
        ),
        "mean / mode": lambda seed: MeanOrMode(),
    }


def write_scikit_learns(folder: Path) -> None:
    """Its tables as files of the protocol's kind; a target with levels is a category."""
    for name, load in SCIKIT_LEARN.items():
        table = load(as_frame=True).frame
        if table["target"].nunique() < 10:
            table["target"] = table["target"].astype(str).astype("category")
        table.to_parquet(folder / f"{name}.parquet")


def tasks(protocol, rows: list[int], seeds: tuple[int, ...]) -> Iterator[tuple[int, object]]:
    """(rows of the table, task) of the protocol's tables and of scikit-learn's."""
    with tempfile.TemporaryDirectory() as folder:
        write_scikit_learns(Path(folder))
        for options in ({}, {"folder": folder}):
            for count in rows:
                for task in protocol.impute_tasks(mechanisms=("MCAR",), seeds=seeds, max_rows=count, **options):
                    if len(task.train) + len(task.test) == count:
                        yield count, task


def measure(protocol, task, name: str, maker: Callable) -> dict:
    started = time.process_time()
    filled = maker(task.seed).fit(task.train).transform(task.test)
    cost = time.process_time() - started
    return {
        "method": name,
        "data": task.name,
        "seed": task.seed,
        **protocol.score_imputation(task, filled),
        "cpu_s": cost,
    }


def compare(found: pd.DataFrame) -> pd.DataFrame:
    """By number of rows: each method's RMSE relative to the EM's (geometric mean over tables and seeds), the worst
    table, on how many tables it is behind the EM, and the mean accuracy."""
    errors = found.groupby(["rows", "data", "method"])["rmse"].apply(lambda rmse: np.exp(np.log(rmse).mean())).unstack()
    ratio = errors.div(errors[BASE], axis=0).melt(ignore_index=False, value_name="ratio")
    by = ratio.groupby(["rows", "method"])["ratio"]
    return pd.DataFrame(
        {
            f"rmse / {BASE}": by.apply(lambda r: np.exp(np.log(r).mean())),
            "worst table": by.max(),
            "tables behind": by.apply(lambda r: int((r > 1).sum())),
            "tables": by.size(),
            "accuracy": found.groupby(["rows", "method"])["accuracy"].mean(),
            "cpu_s": found.groupby(["rows", "method"])["cpu_s"].mean(),
        }
    )


def main() -> None:
    options = common.parser(__doc__.splitlines()[0])
    options.set_defaults(only=TABLES)
    options.add_argument("--rows", default="200,500,1000", help="comma-separated sizes of the tables")
    options.add_argument("--methods", default=f"ours,{BASE},MissForest,mean / mode", help="comma-separated")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    protocol = common.protocol(chosen.protocol)
    makers = imputers(chosen.protocol)
    seeds, sizes = (tuple(map(int, part.split(","))) for part in (chosen.seeds, chosen.rows))
    found = []
    for rows, task in tasks(protocol, sizes, seeds):
        if task.name not in chosen.only.split(","):
            continue
        for name in chosen.methods.split(","):
            found.append({"rows": rows, **measure(protocol, task, name, makers[name])})
            shown = {k: round(v, 3) for k, v in found[-1].items() if isinstance(v, float)}
            print(f"{task.name:14s} {rows:5d} rows  seed {task.seed}  {name:12s} {shown}", flush=True)
    figures = common.save(found, chosen.output)
    print(f"\n{compare(figures).round(3).to_string()}")


if __name__ == "__main__":
    main()
