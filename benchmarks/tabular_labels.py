"""What a few known anomalies are worth: the default AnomalyDetector() without labels and with 5, 10 or 50.

    python benchmarks/tabular_labels.py                       # ten sets, both modes, seeds 0, 1, 2
    python benchmarks/tabular_labels.py --only cardio,letter --labels 0,20 --output labels.csv

The known anomalies are drawn at random, at most half of a set's.  oneclass: half of the normal rows, known to be so,
and the known anomalies to learn from; the other rows to judge.  unsupervised: all rows to learn from, of which only the
known anomalies are labelled, and all others to judge.  Without labels the same rows are judged by a detector that
learned from the others (oneclass) or from all, none labelled (unsupervised).
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache

import common
import numpy as np
import pandas as pd
import torch

from anomalib_vae import AnomalyDetector

SETS = "annthyroid,cardio,glass,landsat,letter,satellite,stamps,thyroid,vowels,wbc"
RESAMPLES = 10_000
FIGURES = ("auroc", "ap")


def measure(protocol, task, labels: list[int]) -> list[dict]:
    """The figures of each number of labels, and of none on the same rows."""
    odd = np.random.default_rng(task.seed).permutation(np.flatnonzero(task.y_test == 1))

    @cache
    def scores(count: int) -> np.ndarray:
        X, y = labelled(task, odd[:count])
        return AnomalyDetector(random_state=task.seed).fit(X, y).score_samples(task.test)

    found = []
    for count in labels:
        known = odd[: min(count, len(odd) // 2)]
        judged = np.setdiff1d(np.arange(len(task.test)), known)
        part = replace(task, test=task.test.iloc[judged], y_test=task.y_test[judged])
        started = time.perf_counter()
        figures = protocol.score_detector(part, -scores(len(known))[judged])
        without = protocol.score_detector(part, -scores(0)[judged])
        row = {"data": task.name, "mode": task.mode, "seed": task.seed, "labels": count, "known": len(known)}
        without = {f"{name}_without": value for name, value in without.items()}
        found.append({**row, **figures, **without, "seconds": time.perf_counter() - started})
    return found


def labelled(task, known: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows to learn from, and their labels."""
    if task.mode == "oneclass":
        X = pd.concat([task.train, task.test.iloc[known]], ignore_index=True)
        return X, np.where(np.arange(len(X)) < len(task.train), 1, -1)
    y = np.zeros(len(task.train), int)
    y[known] = -1
    return task.train, y


def compare(rows: pd.DataFrame) -> None:
    """Means over the data sets and seeds, what the labels add, and the set to which they add least."""
    for mode, of_mode in rows.groupby("mode"):
        table = {}
        for labels, part in of_mode.groupby("labels"):
            line = {}
            for figure in FIGURES:
                gain = (part[figure] - part[f"{figure}_without"]).groupby([part["data"], part["seed"]]).mean().unstack()
                low, high = interval(gain.to_numpy())
                worst = gain.mean(axis=1)
                line |= {figure: f"{part[figure].mean():.3f}", f"{figure} gain": f"{np.nanmean(gain):+.3f}"}
                line |= {"95 %" + " " * (figure == "ap"): f"[{low:+.3f}, {high:+.3f}]"}
                line |= {f"least {figure}": f"{worst.min():+.3f} {worst.idxmin()}"}
            table[labels] = line
        print(f"\n{mode}: means over {of_mode['data'].nunique()} data sets and {of_mode['seed'].nunique()} seeds")
        print(pd.DataFrame(table).T.rename_axis("labels").to_string())


def interval(gain: np.ndarray) -> tuple[float, float]:
    """95 % of the mean gain, (sets, seeds), by the bootstrap: sets are drawn, and of each of them seeds."""
    random = np.random.default_rng(0)
    sets, seeds = gain.shape
    drawn = random.integers(sets, size=(RESAMPLES, sets, 1)), random.integers(seeds, size=(RESAMPLES, sets, seeds))
    low, high = np.quantile(gain[drawn].mean((1, 2)), [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    options = common.parser(__doc__.splitlines()[0])
    options.set_defaults(only=SETS, seeds="0,1,2")
    options.add_argument("--modes", default="oneclass,unsupervised")
    options.add_argument("--labels", default="0,5,10,50", help="comma-separated numbers of known anomalies")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    protocol = common.protocol(chosen.protocol)
    seeds = tuple(int(seed) for seed in chosen.seeds.split(","))
    labels = [int(count) for count in chosen.labels.split(",")]
    rows = []
    for task in common.wanted(protocol.tabular_tasks(modes=chosen.modes.split(","), seeds=seeds), chosen.only):
        for row in measure(protocol, task, labels):
            rows.append(row)
            shown = {k: round(v, 3) for k, v in row.items() if isinstance(v, float)}
            print(f"{task.name:18s} {task.mode:13s} seed {task.seed} labels {row['labels']:3d}  {shown}", flush=True)
    compare(common.save(rows, chosen.output))


if __name__ == "__main__":
    main()
