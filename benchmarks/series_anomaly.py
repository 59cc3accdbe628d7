"""Detection in time series: AnomalyDetector(SequenceVAE()) beside the peers, by the measuring protocol.

    python benchmarks/series_anomaly.py                                  # 50 tasks, seed 0
    python benchmarks/series_anomaly.py --families asd,skab --model RecurrentVAE --set cell=gru
    python benchmarks/series_anomaly.py --backbones dense,conv,gru,lstm --seconds 20 --weight 0

--seconds: each backbone makes as many steps as take the processor so long; where that is less than an epoch, on windows
drawn at random.  --weight: of the distances to training windows; 0 leaves the model's score alone.

VUS-PR, and no point adjustment anywhere.  The peers' figures are read from peers/series_anomaly.csv beside the
protocol.
"""

from __future__ import annotations

import math
import time

import common
import numpy as np
import pandas as pd
import torch

from anomalib_vae import AnomalyDetector, SequenceVAE
from anomalib_vae.training.callbacks import Callback

FEW_STEPS = 12  # that tell how long one takes


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
        "train_s": detector.model_.history_["seconds"].sum(),
        "window": detector.model_.window_,
    }


class Stopwatch(Callback):
    """What the processor's clock shows after each step: other programs on the machine don't count."""

    def __init__(self):
        self.times: list[float] = []

    def on_batch_end(self, run):
        self.times.append(time.process_time())


def steps_in(seconds: float, model: SequenceVAE, train: pd.DataFrame) -> int:
    """How many steps of training the model makes in that time, by the median of a few."""
    watch = Stopwatch()
    of_steps(FEW_STEPS, model).set_params(callbacks=(watch,)).fit(train)
    return max(1, round(seconds / np.median(np.diff(watch.times))))


def of_steps(steps: int, model: SequenceVAE) -> SequenceVAE:
    """The same model, trained for so many steps: in epochs of one length, on as many windows as fill them."""

    class Limited(type(model)):
        auto_steps = steps

        def _split(self, rows, generator):
            learned, held_out = super()._split(rows, generator)  # in an order drawn at random
            epochs = math.ceil(steps * self.batch_size / len(learned))
            return learned[: round(steps / epochs) * self.batch_size], held_out

    return Limited(**model.get_params())


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
                    model = of_steps(steps_in(chosen.seconds, model, task.train), model)
                detector = AnomalyDetector(model, neighbour_weight=chosen.weight, random_state=seed)
                name = f"ours{' ' * bool(backbone)}{backbone}"
                steps = {"steps": model.auto_steps} if chosen.seconds else {}
                rows.append(measure(protocol, task, name, detector) | {"seed": seed, **steps})
                shown = {k: round(v, 3) for k, v in rows[-1].items() if isinstance(v, float | int)}
                print(f"{task.name:28s} {rows[-1]['method']}  {shown}", flush=True)
                common.save(rows, chosen.output)
    compare(pd.DataFrame(rows), pd.read_csv(chosen.protocol.parent / "peers" / "series_anomaly.csv"))


if __name__ == "__main__":
    main()
