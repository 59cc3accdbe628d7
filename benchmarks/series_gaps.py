"""Gaps in time series: VAEImputer(SequenceVAE()) beside the peers, by the measuring protocol.

    python benchmarks/series_gaps.py                          # 16 tasks, seed 0
    python benchmarks/series_gaps.py --only etth1,exchange_rate --patterns block

Mean absolute errors, in standard deviations of training, and how many of the emptied cells the 90 % intervals hold.
The peers' figures are read from peers/series_gaps.csv beside the protocol.
"""

from __future__ import annotations

import time

import common
import numpy as np
import pandas as pd
import torch

from anomalib_vae import SequenceVAE, VAEImputer


def measure(protocol, task, model: SequenceVAE, seed: int) -> dict:
    started = time.perf_counter()
    imputer = VAEImputer(model.set_params(series=task.groups), random_state=seed).fit(task.train)
    fitted = time.perf_counter()
    filled = imputer.transform(task.test)
    done = time.perf_counter()
    intervals = imputer.intervals(task.test, 0.9)
    inside = (intervals["low"] <= task.truth) & (task.truth <= intervals["high"])
    return {
        "method": "ours",
        "data": task.name,
        "pattern": task.pattern,
        "seed": seed,
        **protocol.score_gaps(task, filled),
        "cover": inside.to_numpy()[task.holes].mean(),
        "fit_s": fitted - started,
        "transform_s": done - fitted,
    }


def compare(ours: pd.DataFrame, peers: pd.DataFrame) -> None:
    """Each task's errors beside those of the best peer by each, and the mean coverage."""
    best = peers.groupby(["data", "pattern"])[["mae", "rmse"]].min().add_prefix("best peer's ")
    table = ours.groupby(["data", "pattern"])[["mae", "rmse", "cover", "fit_s", "transform_s"]].mean().join(best)
    for figure in ("mae", "rmse"):
        table[f"{figure} ratio"] = table[figure] / table[f"best peer's {figure}"]
    print(f"\n{table.round(3).to_string()}")
    print(f"90 % intervals hold {np.mean(table['cover']):.3f} of the emptied cells, mean over the tasks")


def main() -> None:
    options = common.parser(__doc__.splitlines()[0])
    common.model_options(options)
    options.add_argument("--patterns", default="point10,point50,block")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    protocol, rows = common.protocol(chosen.protocol), []
    for task in protocol.series_gap_tasks():
        wanted = not chosen.only or task.name.split(":")[0] in chosen.only.split(",") or task.name in chosen.only
        if not wanted or task.pattern not in chosen.patterns.split(","):
            continue
        for seed in map(int, chosen.seeds.split(",")):
            model = common.model(chosen, "SequenceVAE") or SequenceVAE()
            rows.append(measure(protocol, task, model, seed))
            shown = {k: round(v, 4) for k, v in rows[-1].items() if isinstance(v, float)}
            print(f"{task.name:36s} {task.pattern:8s} {shown}", flush=True)
    compare(common.save(rows, chosen.output), pd.read_csv(chosen.protocol.parent / "peers" / "series_gaps.csv"))


if __name__ == "__main__":
    main()
