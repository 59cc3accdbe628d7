"""Missing values in tables that the imputer was not developed on: VAEImputer() beside MissForest and mean or mode.

    python benchmarks/other_tables.py                # the ten that had no part in any choice, MCAR: ten minutes
    python benchmarks/other_tables.py --only ""      # 31; the others helped to choose how donors are looked for
    python benchmarks/other_tables.py --only musk,wine --mechanisms MNAR --methods ours,MissForest

The tables are those of the detection benchmark without their labels (of wide ones the first 40 columns), NSL-KDD, and
three of scikit-learn's; holes and figures are the protocol's, on 4,000 rows at most.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import common
import numpy as np
import pandas as pd
import torch
from sklearn import datasets
from small_tables import imputers, measure

MOST_COLUMNS, MOST_ROWS = 40, 4000  # MissForest takes minutes for as many
TWINS = ("magic_gamma",)  # the same table as one of the imputation benchmark
NOT_FEATURES = ["label", "attack", "split"]
SCIKIT_LEARN = {"iris": datasets.load_iris, "wine": datasets.load_wine, "digits": datasets.load_digits}
UNTOUCHED = "breastw,cardiotocography,digits,landsat,letter,mnist,satimage-2,smtp,thyroid,wbc"
BASE = "MissForest"


def features(table: pd.DataFrame) -> pd.DataFrame:
    """What may be emptied of a table of rows to be detected: numbers as float64, the rest as categories."""
    table = table.drop(columns=NOT_FEATURES, errors="ignore")
    table = table.loc[:, (table != table.iloc[0]).any()].iloc[:, :MOST_COLUMNS]
    numbers = table.select_dtypes("number").columns
    return table.astype({name: float if name in numbers else "category" for name in table})


def write_tables(data: Path, folder: Path) -> None:
    """Tables as files of the protocol's kind."""
    for path in [*data.glob("tabular_anomaly/*.parquet"), *data.glob("tabular_anomaly_mixed/*.parquet")]:
        if path.stem not in TWINS:
            features(pd.read_parquet(path)).to_parquet(folder / path.name)
    for name, load in SCIKIT_LEARN.items():
        table = load(as_frame=True).frame
        features(table.assign(target=table["target"].astype(str))).to_parquet(folder / f"{name}.parquet")


def compare(found: pd.DataFrame) -> pd.DataFrame:
    """Each method's errors relative to MissForest's (geometric mean over the tables), on how many tables its RMSE is
    larger, mean accuracy and processor seconds a table."""

    def relative(figure: str) -> pd.DataFrame:
        errors = found.pivot_table(index=["data", "mechanism"], columns="method", values=figure)
        return errors.div(errors[BASE], axis=0)

    rmse, mae = relative("rmse"), relative("mae")
    by = found.groupby("method")
    return pd.DataFrame(
        {
            f"rmse / {BASE}": np.exp(np.log(rmse).mean()),
            f"mae / {BASE}": np.exp(np.log(mae).mean()),
            "worst table": rmse.max(),
            "tables behind": (rmse > 1).sum(),
            "tables": rmse.count(),
            "accuracy": by["accuracy"].mean(),
            "cpu_s": by["cpu_s"].mean(),
        }
    )


def main() -> None:
    options = common.parser(__doc__.splitlines()[0])
    options.set_defaults(only=UNTOUCHED)
    options.add_argument("--mechanisms", default="MCAR")
    options.add_argument("--methods", default=f"ours,{BASE},mean / mode", help=f"comma-separated, {BASE} among them")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    protocol, makers, found = common.protocol(chosen.protocol), imputers(chosen.protocol), []
    seeds, mechanisms = tuple(map(int, chosen.seeds.split(","))), tuple(chosen.mechanisms.split(","))
    with tempfile.TemporaryDirectory() as folder:
        write_tables(protocol.DATA, Path(folder))
        tasks = protocol.impute_tasks(folder, mechanisms, seeds, max_rows=MOST_ROWS)
        for task in common.wanted(tasks, chosen.only):
            for name in chosen.methods.split(","):
                found.append({"mechanism": task.mechanism, **measure(protocol, task, name, makers[name])})
                shown = {k: round(v, 3) for k, v in found[-1].items() if isinstance(v, float)}
                print(f"{task.name:16s} {task.mechanism:5s} seed {task.seed}  {name:12s} {shown}", flush=True)
    print(f"\n{compare(common.save(found, chosen.output)).round(3).to_string()}")


if __name__ == "__main__":
    main()
