"""Detection in time series: AnomalyDetector(SequenceVAE()) beside the peers, by the measuring protocol.

    python benchmarks/series_anomaly.py                                  # 50 tasks, seed 0
    python benchmarks/series_anomaly.py --families asd,skab --model RecurrentVAE --set cell=gru
    python benchmarks/series_anomaly.py --backbones dense,conv,gru,lstm --seconds 20 --weight 0

--seconds: each backbone trains for about so long, however many epochs that is.  --weight: of the distances to training
windows; 0 leaves the model's score alone.

VUS-PR, and no point adjustment anywhere.  The peers' figures are read from peers/series_anomaly.csv beside the
protocol.
"""

from __future__ import annotations

import time

import common
import pandas as pd
import torch
from sklearn.base import clone

from anomalib_vae import AnomalyDetector, SequenceVAE


def measure(protocol, task, name: str, detector: AnomalyDetector) -> dict:
    started = time.perf_counter()
    detector.fit(task.train)
    fitted = time.perf_counter()
    figures = protocol.score_series(task, -detector.score_samples(task.test))
    return {
        "method": name,
        "data": task.name,
        "family": task.family,
        "mode": task.mode,
        **figures,
        "fit_s": fitted - started,
        "score_s": time.perf_counter() - fitted,
        "window": detector.model_.window_,
    }


def epochs_in(seconds: float, model: SequenceVAE, train: pd.DataFrame) -> int:
    """How many epochs the model makes in that time, told by the second of two fits of one."""
    for _ in range(2):
        started = time.perf_counter()
        clone(model).set_params(max_epochs=1).fit(train)
        one = time.perf_counter() - started
    return max(1, round(seconds / one))


def compare(ours: pd.DataFrame, peers: pd.DataFrame) -> None:
    """Mean VUS-PR of each family and of all tasks; the peers that were measured on all of these tasks."""
    peers = peers[peers["data"].isin(ours["data"])]
    rows = pd.concat([ours, peers])
    table = rows.pivot_table(index="method", columns="family", values="vus_pr")
    table["all"] = rows.groupby("method")["vus_pr"].mean()
    table["tasks"] = rows.groupby("method")["data"].nunique()
    table["fit_s"] = rows.groupby("method")["fit_s"].sum()
    table["score_s"] = rows.groupby("method")["score_s"].sum()
    print("\nmean VUS-PR by family and over the tasks, seconds summed")
    print(table.sort_values("all", ascending=False).round(3).to_string())
    best = table[~table.index.isin(ours["method"])][ours["family"].unique()].max()
    for method in ours["method"].unique():
        ratio = (table.loc[method, best.index] / best).round(2).to_dict()
        print(f"{method}: of each family's best peer {ratio}")


def main() -> None:
    options = common.parser(__doc__.splitlines()[0])
    common.model_options(options)
    options.add_argument("--families", default="", help="comma-separated; all by default")
    options.add_argument("--backbones", default="", help="comma-separated, each measured; the default otherwise")
    options.add_argument("--seconds", type=float, default=0.0, help="of training, for each backbone; 0: the default")
    options.add_argument("--weight", type=float, default=1.0, help="neighbour_weight of the detector")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    protocol = common.protocol(chosen.protocol)
    families, rows = {name for name in chosen.families.split(",") if name}, []
    for task in common.wanted(protocol.series_tasks(), chosen.only):
        if families and task.family not in families:
            continue
        for backbone in chosen.backbones.split(","):
            for seed in map(int, chosen.seeds.split(",")):
                model = common.model(chosen, "SequenceVAE", **({"backbone": backbone} if backbone else {}))
                model = model or SequenceVAE()
                if chosen.seconds:
                    model.set_params(max_epochs=epochs_in(chosen.seconds, model, task.train))
                detector = AnomalyDetector(model, neighbour_weight=chosen.weight, random_state=seed)
                name = f"ours{' ' * bool(backbone)}{backbone}"
                rows.append(measure(protocol, task, name, detector) | {"seed": seed, "epochs": model.max_epochs})
                shown = {k: round(v, 3) for k, v in rows[-1].items() if isinstance(v, float | int)}
                print(f"{task.name:28s} {rows[-1]['method']}  {shown}", flush=True)
    compare(common.save(rows, chosen.output), pd.read_csv(chosen.protocol.parent / "peers" / "series_anomaly.csv"))


if __name__ == "__main__":
    main()
