"""Statisticians' test of an imputer: do pooled 95 % intervals of a slope hold the true slope as often as they say?

    python benchmarks/rubin.py                       # 200 repetitions
    python benchmarks/rubin.py --repetitions 1000 --rows 200

The setting of van Buuren 2018, "Flexible Imputation of Missing Data", section 2.5: y = b0 + b1 x + e with x and e from
N(0, 1), b1 = 1 and n = 50 rows; half of the cells of x are missing completely at random; m = 5 completed frames; the
slope of y on x, pooled by Rubin's rules.  A proper method has a coverage of at least 0.93 and a bias below 5 %; to drop
the rows with gaps has both, at the cost of wider intervals, and to fill in expectations has neither.

The model is `TINY`, meant for tables of fewer than some hundred rows of few columns: the default's many bins and hidden
units would learn so few rows by heart.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from anomalib_vae import DenoisingVAE, VAEImputer, pool

SLOPE = 1.0
TINY = {"hidden_dims": (64,), "n_bins": 0, "learning_rate": 1e-2, "max_epochs": 300}
TINY |= {"weight_decay": 0.0, "stacking_fraction": 0.0}

Analyses = Callable[[pd.DataFrame, int, int], list[pd.DataFrame]]


def table(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """x and y, half of the cells of x missing."""
    x = rng.normal(size=rows)
    y = SLOPE * x + rng.normal(size=rows)
    return pd.DataFrame({"x": np.where(rng.random(rows) < 0.5, np.nan, x), "y": y})


def slope(frame: pd.DataFrame) -> tuple[float, float]:
    """The least-squares slope of y on x, and its variance."""
    x, y = frame["x"] - frame["x"].mean(), frame["y"] - frame["y"].mean()
    estimate = (x @ y) / (x @ x)
    return estimate, ((y - estimate * x) @ (y - estimate * x)) / (len(frame) - 2) / (x @ x)


def imputer(seed: int) -> VAEImputer:
    return VAEImputer(DenoisingVAE(**TINY, verbose=False), random_state=seed)


def draws(frame: pd.DataFrame, m: int, seed: int) -> list[pd.DataFrame]:
    return imputer(seed).fit(frame).sample_imputations(frame, m)


def expectations(frame: pd.DataFrame, m: int, seed: int) -> list[pd.DataFrame]:
    return [imputer(seed).fit_transform(frame)] * m


def complete_rows(frame: pd.DataFrame, m: int, seed: int) -> list[pd.DataFrame]:
    return [frame.dropna()] * m


METHODS: dict[str, Analyses] = {"draws": draws, "expectations": expectations, "complete rows": complete_rows}


def repetition(method: Analyses, rows: int, m: int, seed: int) -> dict:
    frame = table(rows, np.random.default_rng(seed))
    completed = method(frame, m, seed)
    pooled = pool(*zip(*map(slope, completed), strict=True), df_complete=len(completed[0]) - 2)
    low, high = pooled.interval(0.95)
    return {
        "estimate": pooled.estimate,
        "covered": low <= SLOPE <= high,
        "width": high - low,
        "missing_information": pooled.missing_information,
    }


def summary(found: pd.DataFrame) -> dict:
    """Percent bias and its standard error, coverage and mean width of the intervals, and missing information."""
    return {
        "bias %": 100 * (found["estimate"].mean() / SLOPE - 1),
        "± %": 100 * found["estimate"].sem() / SLOPE,
        "coverage": found["covered"].mean(),
        "width": found["width"].mean(),
        "missing information": found["missing_information"].mean(),
    }


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    options.add_argument("--repetitions", type=int, default=200)
    options.add_argument("--rows", type=int, default=50)
    options.add_argument("--m", type=int, default=5, help="completed frames")
    options.add_argument("--methods", default=",".join(METHODS), help="comma-separated")
    options.add_argument("--threads", type=int, default=1, help="torch threads")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    figures = {}
    for name in chosen.methods.split(","):
        seeds = range(chosen.repetitions)
        found = pd.DataFrame([repetition(METHODS[name], chosen.rows, chosen.m, seed) for seed in seeds])
        figures[name] = summary(found)
        print(pd.DataFrame(figures).T.round(3).to_string(), flush=True)


if __name__ == "__main__":
    main()
