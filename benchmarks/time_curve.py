"""What training time buys: accuracy of the default detector after 20 ... 2,400 steps, beside PyOD's VAE.

    python benchmarks/time_curve.py                           # 28 sets, both modes, seed 0
    python benchmarks/time_curve.py --modes oneclass --only glass,wbc --steps 20,200,1200 --output curve.csv

Training goes by whole epochs, at least one: a table of more rows than steps x 256 gets more steps than asked for, and
`made` is the mean of what was made.  Seconds are summed over the data sets and seeds; those of PyOD's VAE are from the
file of the peers' figures and were measured elsewhere (`fit_time.py` measures both side by side).
"""

from __future__ import annotations

import math

import common
import pandas as pd
import torch
from tabular_anomaly import measure

from anomalib_vae import VAE, AnomalyDetector

STEPS = "20,50,100,200,400,800,1200,2400"
PEER = "PyOD VAE"


def after(steps: int, protocol, task) -> dict:
    """The figures of a detector that makes about so many steps."""
    model = VAE()
    epoch = math.ceil(len(task.train) / min(model.batch_size, len(task.train)))
    model.set_params(max_epochs=max(1, round(steps / epoch)))
    figures = measure(protocol, task, lambda seed: AnomalyDetector(model, random_state=seed))
    return figures | {"method": f"{steps:,} steps", "made": model.max_epochs * epoch}


def curve(ours: pd.DataFrame, peers: pd.DataFrame) -> None:
    """By mode, a line for each number of steps and one for the peer on the same data sets."""
    peer = peers[peers["method"] == PEER].merge(ours[["data", "mode"]].drop_duplicates())
    for mode, rows in pd.concat([ours, peer]).groupby("mode"):
        table = rows.groupby("method", sort=False).agg(
            made=("made", "mean"),
            auroc=("auroc", "mean"),
            ap=("ap", "mean"),
            fit_s=("fit_s", "sum"),
            sets=("data", "nunique"),
        )
        print(f"\n{mode}: means over the data sets, fit seconds summed")
        print(table.round(3).to_string())


def main() -> None:
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--modes", default="oneclass,unsupervised")
    options.add_argument("--steps", default=STEPS, help="comma-separated numbers of steps")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    protocol = common.protocol(chosen.protocol)
    seeds = tuple(int(seed) for seed in chosen.seeds.split(","))
    rows: list[dict] = []
    for task in common.wanted(protocol.tabular_tasks(modes=chosen.modes.split(","), seeds=seeds), chosen.only):
        if not rows:  # the first fit pays for imports
            AnomalyDetector(VAE(max_epochs=1)).fit(task.train[:300])
        for steps in chosen.steps.split(","):
            rows.append(after(int(steps), protocol, task))
            shown = {k: round(v, 3) for k, v in rows[-1].items() if isinstance(v, float)}
            print(f"{task.name:18s} {task.mode:13s} seed {task.seed}  {steps:>5s} steps  {shown}", flush=True)
    curve(common.save(rows, chosen.output), pd.read_csv(chosen.protocol.parent / "peers" / "tabular_anomaly.csv"))


if __name__ == "__main__":
    main()
