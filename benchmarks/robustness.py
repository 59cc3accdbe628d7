"""RobustVAE on contaminated training data, beside a VAE with fixed scale, with learned scales and with Student's t.

    python benchmarks/robustness.py                       # 8 sets, outlying rows and cells, 0 to 20 %, 2 seeds
    python benchmarks/robustness.py --kinds rows --rates 0.05,0.1 --only wdbc

Models are trained on normal rows of which a share has been spoiled, and score clean rows: the other normal rows and the
real anomalies of the set.  Outlying rows: every cell drawn from a normal of OUTLIER_SD standard deviations.  Outlying
cells: so many of all cells moved by OUTLIER_SD standard deviations, up or down.  Scores are the models' alone, without
the distances of a detector.  Differences from RobustVAE are paired over data sets and seeds; intervals are 95 %, by
bootstrap over the data sets.
"""

from __future__ import annotations

from dataclasses import dataclass

import common
import numpy as np
import pandas as pd
import torch

from anomalib_vae import VAE, RobustVAE
from anomalib_vae.losses.gaussian import Gaussian

SETS = "breastw,cardio,letter,satimage-2,thyroid,vowels,wbc,wdbc"
OUTLIER_SD = 5.0
RESAMPLES = 2000


@dataclass(frozen=True)
class FixedScale(Gaussian):
    """The squared error: a Gaussian whose scale is one standard deviation of the column, whatever the residuals."""

    def log_prob(self, values, location, log_scale):
        return super().log_prob(values, location, 0 * log_scale)


MODELS = {
    "correntropy (RobustVAE)": lambda seed: RobustVAE(random_state=seed),
    "Gaussian, fixed scale": lambda seed: VAE(likelihood=FixedScale(), random_state=seed),
    "Gaussian, learned scales": lambda seed: VAE(random_state=seed),
    "Student's t, 3 degrees": lambda seed: VAE(likelihood="student_t", random_state=seed),
}
OURS = next(iter(MODELS))


def spoil(frame: pd.DataFrame, kind: str, rate: float, seed: int) -> pd.DataFrame:
    """The frame with a share of its rows or cells outlying."""
    generator = np.random.default_rng(seed)
    values, mean, sd = frame.to_numpy(float), frame.mean().to_numpy(), frame.std().to_numpy()
    if kind == "rows":
        chosen = generator.random(len(values)) < rate
        spoiled = np.where(chosen[:, None], mean + OUTLIER_SD * sd * generator.normal(size=values.shape), values)
    else:
        sign = generator.choice([-1.0, 1.0], values.shape)
        spoiled = np.where(generator.random(values.shape) < rate, values + sign * OUTLIER_SD * sd, values)
    return pd.DataFrame(spoiled, columns=frame.columns)


def measure(protocol, task, kind: str, rate: float) -> list[dict]:
    train = spoil(task.train, kind, rate, task.seed)
    normal = task.test[task.y_test == 0]
    rows = []
    for name, make in MODELS.items():
        model = make(task.seed).fit(train)
        error = ((model.reconstruct(normal) - normal) / task.train.std()).loc[:, task.train.std() > 0]
        figures = protocol.score_detector(task, -model.score_samples(task.test))
        figures["rmse"] = float(np.sqrt(np.square(error.to_numpy(float)).mean()))
        rows.append({"model": name, "data": task.name, "seed": task.seed, "kind": kind, "rate": rate, **figures})
    return rows


def compare(rows: pd.DataFrame) -> None:
    """Mean figures, and the AUROC of RobustVAE less each other model's, in points, with an interval."""
    for (kind, rate), part in rows.groupby(["kind", "rate"]):
        table = part.groupby("model")[["auroc", "ap", "rmse"]].mean().loc[list(MODELS)].round(3)
        wide = 100 * part.pivot_table(index="data", columns="model", values="auroc")
        for name in MODELS:
            table.loc[name, "RobustVAE ahead by [points]"] = _with_interval(wide[OURS] - wide[name])
        print(f"\noutlying {kind}, {rate:.0%} of the training data\n{table.fillna('').to_string()}")


def _with_interval(differences: pd.Series) -> str:
    if not differences.any():
        return ""
    drawn = np.random.default_rng(0).choice(differences, (RESAMPLES, len(differences))).mean(1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{differences.mean():+.1f} [{low:+.1f}, {high:+.1f}]"


def main() -> None:
    options = common.parser(__doc__.splitlines()[0])
    options.set_defaults(only=SETS, seeds="0,1")
    options.add_argument("--kinds", default="rows,cells")
    options.add_argument("--rates", default="0,0.01,0.05,0.1,0.2")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    protocol = common.protocol(chosen.protocol)
    seeds = tuple(int(seed) for seed in chosen.seeds.split(","))
    rows: list[dict] = []
    for task in common.wanted(protocol.tabular_tasks(modes=["oneclass"], seeds=seeds), chosen.only):
        for kind in chosen.kinds.split(","):
            for rate in map(float, chosen.rates.split(",")):
                if rate or kind == chosen.kinds.split(",")[0]:  # nothing spoiled is the same for every kind
                    rows += measure(protocol, task, kind, rate)
        print(f"{task.name} seed {task.seed}", flush=True)
    compare(common.save(rows, chosen.output))


if __name__ == "__main__":
    main()
