"""Cost of the default VAEImputer beside MissForest's on one table of the protocol: seconds to fit, and to fill in rows.

    python benchmarks/imputer_time.py                                   # adult, 45,000 x 15, MCAR: a quarter of an hour
    python benchmarks/imputer_time.py --rows 5000,10000 --methods ours

Both run on the same threads, MissForest with the trees and sweeps of the peers' figures: its file lies beside the
protocol.  Wall-clock seconds tell what a user waits for, processor seconds do not depend on what else runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import common
import numpy as np
import pandas as pd
import torch

from anomalib_vae import VAEImputer

CALLS = 4  # of transform: Python collects garbage in some, which takes a tenth of a second, whatever the call does


def holed_table(protocol, name: str, rows: int, seed: int, rate: float = 0.3) -> pd.DataFrame:
    """At most so many rows of a table, each cell missing at this rate, completely at random."""
    table = pd.read_parquet(protocol.DATA / "tabular_impute" / f"{name}.parquet")
    table = table.sample(min(rows, len(table)), random_state=seed).reset_index(drop=True)
    return table.mask(np.random.default_rng(seed).random(table.shape) < rate)


def timed(action: Callable, calls: int = 1) -> dict[str, float]:
    """Wall-clock and processor seconds of a call, the mean of so many."""
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(calls):
        action()
    return {"s": (time.perf_counter() - wall) / calls, "cpu_s": (time.process_time() - processor) / calls}


def measure(imputer, table: pd.DataFrame) -> dict[str, float]:
    costs = {"fit": timed(lambda: imputer.fit(table)), "transform": timed(lambda: imputer.transform(table), CALLS)}
    return {f"{what}_{unit}": value for what, cost in costs.items() for unit, value in cost.items()}


def ratios(figures: pd.DataFrame) -> pd.DataFrame:
    """By number of rows, how many times as long MissForest's processor works, for fit and transform and for these
    together."""
    cost = figures.set_index(["rows", "method"])[["fit_cpu_s", "transform_cpu_s"]]
    cost.columns = ["fit", "transform"]
    cost["both"] = cost.sum(axis=1)
    return cost.xs("MissForest", level="method") / cost.xs("ours", level="method")


def main() -> None:
    options = common.parser(__doc__.splitlines()[0])
    options.set_defaults(only="adult")
    options.add_argument("--rows", default="45000", help="comma-separated numbers of rows")
    options.add_argument("--methods", default="ours,MissForest", help="comma-separated")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    protocol = common.protocol(chosen.protocol)
    makers = {"ours": lambda seed: VAEImputer(random_state=seed)}
    if "MissForest" in chosen.methods.split(","):
        forest = common.protocol(chosen.protocol.parent / "missforest.py").MissForest
        makers["MissForest"] = lambda seed: forest(random_state=seed)
    figures = []
    for name in chosen.only.split(","):
        for rows in map(int, chosen.rows.split(",")):
            for method in chosen.methods.split(","):
                seed = int(chosen.seeds.split(",")[0])
                cost = measure(makers[method](seed), holed_table(protocol, name, rows, seed))
                figures.append({"data": name, "rows": rows, "method": method, **cost})
                print({k: round(v, 2) if isinstance(v, float) else v for k, v in figures[-1].items()}, flush=True)
    found = common.save(figures, chosen.output)
    if {"ours", "MissForest"} <= set(found["method"]):
        print(f"\nMissForest's processor seconds over ours\n{ratios(found).round(1).to_string()}")


if __name__ == "__main__":
    main()
