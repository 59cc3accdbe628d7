"""Do the reasons name the guilty column?  One cell of each normal row is tampered with, and its column must come first.

    python benchmarks/reasons.py                              # the sets with continuous columns, one-class, seed 0
    python benchmarks/reasons.py --only glass,vowels --rows 100 --model DenoisingVAE

The rows are held-out normal ones.  Only columns of more than 20 distinct values in training are tampered with: in
others a shifted value is no value of the column.  Three ways, side by side:

- shift: by 5 standard deviations of the column in training, up or down;
- beyond: to where no value was seen, the range's width above the highest or below the lowest one;
- swap: to the column's value in another row, which may fit this row as well as its own; for information.

`by share` is the shift again, ordered by the shares of `explain` less what is usual in the column; `covered` is the
part of the untouched cells of these columns inside their 90 % interval.
"""

from __future__ import annotations

import common
import numpy as np
import pandas as pd
import torch

import anomalib_vae
from anomalib_vae import AnomalyDetector

FEW = 20  # distinct values: a column with no more is not continuous
KINDS = ("shift", "beyond", "swap")


def continuous(train: pd.DataFrame) -> list[str]:
    return [name for name in train if train[name].nunique() > FEW]


def tamper(rows: pd.DataFrame, train: pd.DataFrame, kind: str, rng) -> tuple[pd.DataFrame, np.ndarray]:
    """The rows with one cell changed in each, and the name of its column."""
    guilty, sign = rng.choice(continuous(train), len(rows)), rng.choice([-1, 1], len(rows))
    other = (np.arange(len(rows)) + rng.integers(1, len(rows), len(rows))) % len(rows)
    tampered = rows.astype(float)
    for i, (name, up) in enumerate(zip(guilty, sign, strict=True)):
        seen, at = train[name], (i, rows.columns.get_loc(name))
        if kind == "shift":
            tampered.iloc[at] += up * 5 * seen.std()
        elif kind == "beyond":
            reach = seen.max() - seen.min()
            tampered.iloc[at] = seen.max() + reach if up > 0 else seen.min() - reach
        else:
            tampered.iloc[at] = rows[name].iloc[other[i]]
    return tampered, guilty


def first_by_share(detector: AnomalyDetector, rows: pd.DataFrame) -> pd.Series:
    shares = detector.model_.column_scores(rows)
    return (shares - pd.Series(detector.model_.typical_column_scores_)).idxmin(axis=1)


def measure(detector: AnomalyDetector, train: pd.DataFrame, rows: pd.DataFrame, seed: int) -> dict:
    """The part of the rows whose guilty column is named first, by kind."""
    figures: dict[str, float] = {"columns": len(continuous(train))}
    for kind in KINDS:
        tampered, guilty = tamper(rows, train, kind, np.random.default_rng(seed))
        named = detector.reasons(tampered, n_reasons=1)["reason_1"].str.split(" = ").str[0]
        figures[kind] = float(np.mean(named == guilty))
        if kind == "shift":
            figures["by share"] = float(np.mean(first_by_share(detector, tampered) == guilty))
    untouched, names = detector.explain(rows), continuous(train)
    inside = (untouched["low"][names] <= rows[names]) & (rows[names] <= untouched["high"][names])
    return figures | {"covered": float(inside.to_numpy().mean())}


def main() -> None:
    options = common.parser(__doc__.splitlines()[0])
    options.add_argument("--model", default="VAE", help="a model class of anomalib_vae")
    options.add_argument("--rows", type=int, default=300, help="rows of each set, at most")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    protocol = common.protocol(chosen.protocol)
    seeds = tuple(int(seed) for seed in chosen.seeds.split(","))
    found = []
    for task in common.wanted(protocol.tabular_tasks(modes=("oneclass",), seeds=seeds), chosen.only):
        if not continuous(task.train):
            print(f"{task.name:18s} left out: no column of more than {FEW} distinct values", flush=True)
            continue
        normal = task.test[task.y_test == 0]
        rows = normal.sample(min(chosen.rows, len(normal)), random_state=task.seed).reset_index(drop=True)
        detector = AnomalyDetector(getattr(anomalib_vae, chosen.model)(), random_state=task.seed).fit(task.train)
        found.append({"data": task.name, "seed": task.seed, **measure(detector, task.train, rows, task.seed)})
        shown = "  ".join(f"{k} {v:.3f}" for k, v in found[-1].items() if isinstance(v, float))
        print(f"{task.name:18s} seed {task.seed}  {shown}", flush=True)
    means = common.save(found, chosen.output).drop(columns=["columns", "seed"]).groupby("data").mean()
    print(f"\nguilty column first, means over {len(means)} data sets\n{means.mean().round(3).to_string()}")


if __name__ == "__main__":
    main()
