"""Watch a server and the temperature of an office: fill what is missing, score each step, name the alarms."""

from __future__ import annotations

import mlflow
import numpy as np
import pandas as pd
import tracking
from sklearn.metrics import average_precision_score, roc_auc_score

from anomalib_vae import AnomalyDetector, SequenceVAE, VAEImputer
from anomalib_vae.datasets import load_ambient_temperature, load_server_machine
from anomalib_vae.integrations.mlflow import MLflowCallback, log_model
from anomalib_vae.report import sensors_over_time

HOLES = 0.1  # of the server's readings are lost on the way
ALARM_SHARE = 0.01  # of the server's normal minutes
HOURS = "timestamp"


def server(rows: int | None) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Measurements of normal minutes and of later ones, and which of the latter are anomalous; at most so many rows."""
    machine = load_server_machine().set_index("split")
    train, later = (machine.loc[part].reset_index(drop=True).iloc[:rows] for part in ("train", "test"))
    return train.drop(columns="label"), later.drop(columns="label"), later["label"]


def with_lost_readings(sensors: pd.DataFrame, seed: int) -> pd.DataFrame:
    return sensors.mask(np.random.default_rng(seed).random(sensors.shape) < HOLES)


def gap_errors(truth: pd.DataFrame, given: pd.DataFrame, filled: pd.DataFrame) -> dict[str, float]:
    """Mean absolute errors in the gaps, in standard deviations, of ours and of a straight line."""
    spread = truth.std().replace(0.0, 1.0)
    line = given.interpolate(limit_direction="both")
    gaps = given.isna().to_numpy()
    off = {"anomalib_vae": filled, "straight line": line}
    return {name: float(((values - truth) / spread).abs().to_numpy()[gaps].mean()) for name, values in off.items()}


def watch(train: pd.DataFrame, later: pd.DataFrame, labels: pd.Series, chosen, **settings) -> dict:
    """Fit to normal steps, score the later ones, and merge the anomalous ones into alarms."""
    model = SequenceVAE(max_epochs=chosen.max_epochs, **settings)
    detector = AnomalyDetector(model, contamination=ALARM_SHARE, random_state=chosen.seed).fit(train)
    scores = pd.Series(detector.score_samples(later), later.index)
    alarms = detector.alarms(later)
    figures = {
        "AUROC": roc_auc_score(labels, -scores) if labels.any() else float("nan"),
        "average precision": average_precision_score(labels, -scores) if labels.any() else float("nan"),
        "alarms": len(alarms),
    }
    return {"detector": detector, "scores": scores, "alarms": alarms, "figures": figures}


def stamped(values: pd.DataFrame | pd.Series, stamps: pd.Series):
    return values.set_axis(pd.Index(stamps))


def log(name: str, found: dict, picture) -> None:
    """The figures and the picture of one of the two."""
    mlflow.log_metrics({f"{name}_{key.replace(' ', '_')}": value for key, value in found["figures"].items()})
    mlflow.log_figure(picture, f"{name}.png")


def main() -> None:
    options = tracking.parser(__doc__)
    options.add_argument("--rows", type=int, default=None, help="so many of each part's first rows; all by default")
    chosen = options.parse_args()
    chosen.output.mkdir(parents=True, exist_ok=True)
    with tracking.start_run(chosen.mlruns, "sensors"):
        train, later, labels = server(chosen.rows)
        tracking.say(
            f"A server: {len(train):,} normal minutes, {train.shape[1]} measurements, {HOLES:.0%} of the cells lost"
        )
        lost = with_lost_readings(train, chosen.seed)
        imputer = VAEImputer(SequenceVAE(max_epochs=1), random_state=chosen.seed).fit(lost)
        errors = gap_errors(train, lost, imputer.transform(lost))
        mlflow.log_metrics({f"server_gap_error_{name.replace(' ', '_')}": error for name, error in errors.items()})

        given = with_lost_readings(later, chosen.seed + 1)
        filled = imputer.transform(given)
        found = watch(imputer.transform(lost), filled, labels, chosen, callbacks=(MLflowCallback(),))
        picture = sensors_over_time(
            given, found["alarms"], found["scores"], found["detector"].offset_, filled=filled, anomalous=labels == 1
        )
        log("server", found, picture)
        log_model(found["detector"], name="detector")

        office = load_ambient_temperature().iloc[: chosen.rows]
        readings, is_failure = office[[HOURS, "temperature"]], office["label"]
        tracking.say(f"An office: {len(readings):,} hours of its temperature, unlabelled, with interruptions")
        cold = watch(readings, readings, is_failure, chosen, time=HOURS)
        stamps = readings[HOURS]
        picture = sensors_over_time(
            stamped(readings[["temperature"]], stamps),
            cold["alarms"],
            stamped(cold["scores"], stamps),
            cold["detector"].offset_,
            anomalous=stamped(is_failure == 1, stamps),
        )
        log("office", cold, picture)

        file = chosen.output / "alarms.csv"
        alarms = pd.concat({"server": found["alarms"], "office": cold["alarms"]}, names=["watched", "alarm"])
        alarms.to_csv(file)
        mlflow.log_table(alarms.astype(str).reset_index(), "alarms.json")
        mlflow.log_artifact(str(file))

    tracking.show("Errors in the server's gaps [standard deviations]", pd.DataFrame({"error": errors}))
    columns = ["start", "end", "steps", "peak", "lowest_score", "sensors"]
    for name, part in (("the server", found), ("the office", cold)):
        worst = part["alarms"].nsmallest(8, "lowest_score")[columns].sort_index().rename_axis("alarm")
        worst["sensors"] = worst["sensors"].map(", ".join)
        tracking.show(f"Alarms of {name}, the eight worst of {len(part['alarms'])}", worst, digits=0)
    figures = pd.DataFrame({"server": found["figures"], "office": cold["figures"]}).T.rename_axis("series")
    tracking.show("Steps scored, against the labels", figures)
    tracking.say_where(chosen.mlruns, file)


if __name__ == "__main__":
    main()
