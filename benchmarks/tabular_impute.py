"""Missing values in tables: the default VAEImputer() beside the peers, by the measuring protocol.

    python benchmarks/tabular_impute.py                       # 10 tables x MCAR, MAR, MNAR, seed 0
    python benchmarks/tabular_impute.py --mechanisms MCAR --only california,letter

The peers' figures are read from peers/tabular_impute.csv beside the protocol.
"""

from __future__ import annotations

import time

import common
import numpy as np
import pandas as pd
import torch

from anomalib_vae import VAEImputer


def measure(protocol, task) -> dict:
    started = time.perf_counter()
    imputer = VAEImputer(random_state=task.seed).fit(task.train)
    fitted = time.perf_counter()
    filled = imputer.transform(task.test)
    return {
        "method": "ours",
        "data": task.name,
        "mechanism": task.mechanism,
        "seed": task.seed,
        **protocol.score_imputation(task, filled),
        "fit_s": fitted - started,
        "transform_s": time.perf_counter() - fitted,
    }


def compare(ours: pd.DataFrame, peers: pd.DataFrame) -> None:
    """Each method's RMSE relative to MissForest's (geometric mean over the tables) and mean accuracy, by mechanism."""
    peers = peers[peers["data"].isin(ours["data"])]
    for mechanism, rows in pd.concat([ours, peers]).groupby("mechanism"):
        if mechanism not in set(ours["mechanism"]):
            continue
        rmse = rows.pivot_table(index="data", columns="method", values="rmse")
        ratio = rmse.div(rmse["MissForest"], axis=0)
        table = pd.DataFrame(
            {
                "rmse / MissForest": np.exp(np.log(ratio).mean()),
                "worst table": ratio.max(),
                "accuracy": rows.groupby("method")["accuracy"].mean(),
                "fit_s": rows.groupby("method")["fit_s"].sum(),
                "transform_s": rows.groupby("method")["transform_s"].sum(),
            }
        )
        print(f"\n{mechanism}\n{table.sort_values('rmse / MissForest').round(3).to_string()}")


def main() -> None:
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--mechanisms", default="MCAR,MAR,MNAR")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    protocol = common.protocol(chosen.protocol)
    seeds = tuple(int(seed) for seed in chosen.seeds.split(","))
    tasks = protocol.impute_tasks(mechanisms=tuple(chosen.mechanisms.split(",")), seeds=seeds)
    rows = []
    for task in common.wanted(tasks, chosen.only):
        rows.append(measure(protocol, task))
        shown = {k: round(v, 3) for k, v in rows[-1].items() if isinstance(v, float)}
        print(f"{task.name:16s} {task.mechanism:5s} seed {task.seed}  {shown}", flush=True)
    compare(common.save(rows, chosen.output), pd.read_csv(chosen.protocol.parent / "peers" / "tabular_impute.csv"))


if __name__ == "__main__":
    main()
