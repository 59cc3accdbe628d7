"""Detection in tables: the default AnomalyDetector() beside the peers, by the measuring protocol.

    python benchmarks/tabular_anomaly.py                      # 28 sets, both modes, seed 0
    python benchmarks/tabular_anomaly.py --seeds 0,1,2 --output ours.csv
    python benchmarks/tabular_anomaly.py --model RobustVAE --set hidden_dims=64

The peers' figures are read from peers/tabular_anomaly.csv beside the protocol.
"""

from __future__ import annotations

import time

import common
import pandas as pd
import torch

from anomalib_vae import AnomalyDetector


def measure(protocol, task, make) -> dict:
    started = time.perf_counter()
    detector = make(task.seed).fit(task.train)
    fitted = time.perf_counter()
    figures = protocol.score_detector(task, -detector.score_samples(task.test))
    return {
        "method": "ours",
        "data": task.name,
        "mode": task.mode,
        "seed": task.seed,
        **figures,
        "fit_s": fitted - started,
        "score_s": time.perf_counter() - fitted,
    }


def compare(ours: pd.DataFrame, peers: pd.DataFrame) -> None:
    """Means over the data sets, and each method's mean rank among all of them, by mode."""
    peers = peers[peers["data"].isin(ours["data"]) & peers["mode"].isin(ours["mode"])]
    for mode, rows in pd.concat([ours, peers]).groupby("mode"):
        by_seed = rows.groupby(["method", "data"], as_index=False)[["auroc", "ap", "fit_s"]].mean()
        table = by_seed.groupby("method").agg(
            auroc=("auroc", "mean"), ap=("ap", "mean"), fit_s=("fit_s", "sum"), sets=("data", "nunique")
        )
        for figure in ("auroc", "ap"):
            ranks = by_seed.pivot(index="data", columns="method", values=figure).rank(axis=1, ascending=False)
            table[f"{figure}_rank"] = ranks.mean()
        print(f"\n{mode}: means over the data sets, mean rank (1 = best), fit seconds summed")
        print(table.sort_values("auroc", ascending=False).round(3).to_string())


def main() -> None:
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--modes", default="oneclass,unsupervised")
    common.model_options(options)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    protocol = common.protocol(chosen.protocol)

    def make(seed):
        return AnomalyDetector(common.model(chosen, "VAE"), random_state=seed)

    seeds = tuple(int(seed) for seed in chosen.seeds.split(","))
    rows = []
    for task in common.wanted(protocol.tabular_tasks(modes=chosen.modes.split(","), seeds=seeds), chosen.only):
        rows.append(measure(protocol, task, make))
        shown = {k: round(v, 3) for k, v in rows[-1].items() if isinstance(v, float)}
        print(f"{task.name:18s} {task.mode:13s} seed {task.seed}  {shown}", flush=True)
    compare(common.save(rows, chosen.output), pd.read_csv(chosen.protocol.parent / "peers" / "tabular_anomaly.csv"))


if __name__ == "__main__":
    main()
