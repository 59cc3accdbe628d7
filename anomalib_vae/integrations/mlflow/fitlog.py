"""What one fit tells MLflow: parameters, losses of each epoch, final figures."""

from __future__ import annotations

import math
import numbers
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from anomalib_vae.integrations.mlflow.delivery import Delivery, Record
from anomalib_vae.integrations.mlflow.run import Destination
from anomalib_vae.training.callbacks import Callback
from anomalib_vae.training.run import TrainingRun

WAIT = 30.0  # seconds: the first use of a new SQLite store takes ten on a slow disk


class FitLog:
    """The log of one fit under the name `label`; `finish` must be called once, whatever happens."""

    def __init__(self, label: str, destination: Destination, wait: float = WAIT):
        self._delivery = Delivery(label, destination, wait)
        self._started = time.perf_counter()
        self._history: list[Mapping[str, float]] = []

    def parameters(self, values: Mapping[str, Any], prefix: str = "") -> None:
        from mlflow.entities import Param
        from mlflow.utils.validation import MAX_ENTITY_KEY_LENGTH, MAX_PARAM_VAL_LENGTH

        texts = {(prefix + name)[:MAX_ENTITY_KEY_LENGTH]: readable(value) for name, value in values.items()}
        params = [Param(name, shortened(text, MAX_PARAM_VAL_LENGTH)) for name, text in texts.items()]
        self._delivery.send(Record(params=params))

    def epoch(self, figures: Mapping[str, float]) -> None:
        """One row of a training's history; the step counts on where one fit trains several times."""
        self._history.append(figures)
        values = {name: value for name, value in figures.items() if name != "epoch"}
        self._delivery.send(Record(metrics=_metrics(values, step=len(self._history))))

    def figures(self, values: Mapping[str, float]) -> None:
        """Facts about the fitted estimator, each one number; at step 0, where MLflow ties them to the logged model."""
        self._delivery.send(Record(metrics=_metrics(values, step=0)))

    def model(self, upload: Callable[[str], Any]) -> None:
        """Call `upload` with the run's id once all the figures are there."""
        self._delivery.send(Record(upload=upload))

    def finish(self, status: str) -> None:
        """Log the totals and end the run; warns if something did not arrive."""
        totals = {"epochs": len(self._history), "duration_seconds": time.perf_counter() - self._started}
        if self._history:
            last = self._history[-1]
            totals |= {f"final_{name}": value for name, value in last.items() if name.endswith("loss")}
        held_out = [row["validation_loss"] for row in self._history if "validation_loss" in row]
        if held_out:
            totals["best_validation_loss"] = min(held_out)
        self.figures(totals)
        self._delivery.close(status)


class TrainingListener(Callback):
    """Passes what it hears of a training to a FitLog; parameters under `prefix`, only those of the first training."""

    def __init__(self, log: FitLog, prefix: str = ""):
        self.log, self.prefix = log, prefix
        self.heard = self.interrupted = False

    def on_fit_begin(self, run: TrainingRun) -> None:
        if not self.heard:
            self.log.parameters(prefixed(run.parameters, self.prefix))
        self.heard = True

    def on_epoch_end(self, run: TrainingRun) -> None:
        self.log.epoch(dict(run.history[-1]))

    def on_fit_end(self, run: TrainingRun) -> None:
        self.interrupted = self.interrupted or run.interrupted


def prefixed(parameters: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """A model's parameters as MLflow lists them; `model`, the name of its class, keeps its name."""
    return {name if name == "model" else prefix + name: value for name, value in parameters.items()}


def readable(value: Any) -> str:
    """The value as people write it: no memory addresses, estimators by the name of their class."""
    if hasattr(value, "get_params"):
        return type(value).__name__
    text = re.sub(r"<(?:[\w<>]+\.)*(\w+) object at 0x[0-9a-fA-F]+>", r"\1", str(value))
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def numbers_of(fitted: Any) -> dict[str, float]:
    """The learned attributes that are one finite number, without their underscore."""
    return {
        name.rstrip("_"): float(value)
        for name, value in vars(fitted).items()
        if name.endswith("_") and not name.startswith("_") and _is_number(value)
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def _metrics(values: Mapping[str, float], step: int) -> list[Any]:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return [Metric(name, float(value), now, step) for name, value in values.items()]
