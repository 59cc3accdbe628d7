"""Are the intervals and probabilities of VAEImputer() what they say?  By the measuring protocol of imputation.

    python benchmarks/tabular_intervals.py                                # 10 tables, MCAR, seed 0
    python benchmarks/tabular_intervals.py --only abalone,wine_quality --calibration 0.1

- covered: the part of the emptied numeric cells inside their 90 % interval, the bounds included; `covered 50` likewise;
- width: of the 90 % intervals, in standard deviations of the column's observed training cells, the mean;
- ECE: expected calibration error of the most probable level of the emptied cells of labels and booleans, 15 bins
  (Guo et al. 2017); a table's own is about 0.02 too high where it has a thousand such cells, so that of all cells of
  all tables stands below.
"""

from __future__ import annotations

import time

import common
import numpy as np
import torch

from anomalib_vae import VAEImputer

BINS = 15
ROUNDING = 1e-9  # of a bound that is a cell's very value


def intervals(imputer: VAEImputer, task, level: float) -> dict:
    """Which emptied numeric cells are covered, and the widths of their intervals, (cells,) each."""
    found = imputer.intervals(task.test, level)
    covered, width = [np.empty(0)], [np.empty(0)]
    for holes, name in zip(task.holes.T, task.truth, strict=True):
        if task.truth[name].dtype.kind in "iuf":
            truth, low, high = (part[name].to_numpy(float)[holes] for part in (task.truth, found["low"], found["high"]))
            slack = ROUNDING * np.abs(truth)
            covered.append((low - slack <= truth) & (truth <= high + slack))
            width.append((high - low) / task.train[name].std())
    return {"covered": np.concatenate(covered), "width": np.concatenate(width)}


def confidences(imputer: VAEImputer, task) -> tuple[np.ndarray, np.ndarray]:
    """Of each emptied label, the probability of its most probable level, and whether that is the true one."""
    found = imputer.probabilities(task.test)
    confidence, right = [np.empty(0)], [np.empty(0)]
    for name in found.columns.get_level_values("column").unique():
        holes = task.holes[:, task.truth.columns.get_loc(name)]
        p = found[name][holes]
        confidence.append(p.max(axis=1).to_numpy())
        right.append((p.idxmax(axis=1).astype(str) == task.truth[name][holes].astype(str)).to_numpy())
    return np.concatenate(confidence), np.concatenate(right)


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """The mean over the cells of how far confidence and accuracy of their bin are apart; NaN without cells."""
    if not len(confidence):
        return float("nan")
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, confidence, BINS) - np.bincount(bins, right, BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def measure(imputer: VAEImputer, task) -> tuple[dict, tuple[np.ndarray, np.ndarray]]:
    started = time.perf_counter()
    imputer.fit(task.train)
    fitted = time.perf_counter()
    ninety, fifty = (intervals(imputer, task, level) for level in (0.9, 0.5))
    labels = confidences(imputer, task)
    figures = {
        "data": task.name,
        "mechanism": task.mechanism,
        "seed": task.seed,
        "covered": float(np.mean(ninety["covered"])) if len(ninety["covered"]) else float("nan"),
        "covered 50": float(np.mean(fifty["covered"])) if len(fifty["covered"]) else float("nan"),
        "width": float(np.mean(ninety["width"])) if len(ninety["width"]) else float("nan"),
        "ECE": calibration_error(*labels),
        "labels": len(labels[0]),
        "fit_s": fitted - started,
        "intervals_s": time.perf_counter() - fitted,
    }
    return figures, labels


def main() -> None:
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--mechanisms", default="MCAR")
    options.add_argument("--calibration", type=float, default=0.0, help="calibration_fraction of the imputer")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    protocol = common.protocol(chosen.protocol)
    seeds = tuple(int(seed) for seed in chosen.seeds.split(","))
    tasks = protocol.impute_tasks(mechanisms=tuple(chosen.mechanisms.split(",")), seeds=seeds)
    rows, labels = [], []
    for task in common.wanted(tasks, chosen.only):
        imputer = VAEImputer(random_state=task.seed, calibration_fraction=chosen.calibration)
        figures, of_labels = measure(imputer, task)
        rows.append(figures)
        labels.append(of_labels)
        shown = {k: round(v, 3) for k, v in figures.items() if isinstance(v, float)}
        print(f"{task.name:16s} {task.mechanism:5s} seed {task.seed}  {shown}", flush=True)
    means = common.save(rows, chosen.output)[["covered", "covered 50", "width"]].mean()
    error = calibration_error(*(np.concatenate(part) for part in zip(*labels, strict=True)))
    print(f"\nmean of the tables  {means.round(3).to_dict()}\nECE of all labels   {error:.4f}")


if __name__ == "__main__":
    main()
