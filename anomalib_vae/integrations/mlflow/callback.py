"""The callback that logs the trainings of one model."""

from __future__ import annotations

import sys
from typing import Any

from anomalib_vae.integrations.mlflow.fitlog import WAIT, FitLog, TrainingListener
from anomalib_vae.integrations.mlflow.run import Destination
from anomalib_vae.training.callbacks import Callback
from anomalib_vae.training.run import TrainingRun


class MLflowCallback(Callback):
    """Log each fit to MLflow: the parameters, the losses of each epoch, the final figures and the duration.

    A fit goes to the active run, or to a run of its own, which ends with it; a second fit within one active run gets a
    child run.  A thread of its own does the sending.  If the server does not answer, the fit goes on as if there were
    none, and one warning at its end says what was lost.

    tracking_uri, experiment_name, run_name: None for MLflow's own settings; the latter two hold where no run is active.
    wait: seconds at most that the end of a fit waits for one answer of the server.
    """

    def __init__(
        self,
        tracking_uri: str | None = None,
        experiment_name: str | None = None,
        run_name: str | None = None,
        wait: float = WAIT,
    ):
        self.tracking_uri, self.experiment_name, self.run_name, self.wait = (
            tracking_uri,
            experiment_name,
            run_name,
            wait,
        )

    def on_fit_begin(self, run: TrainingRun) -> None:
        destination = Destination.here(self.tracking_uri, self.experiment_name, self.run_name)
        log = FitLog(str(run.parameters.get("model", "model")), destination, self.wait)
        self._listener, self._handled = TrainingListener(log), sys.exception()
        self._listener.on_fit_begin(run)

    def on_epoch_end(self, run: TrainingRun) -> None:
        self._listener.on_epoch_end(run)

    def on_fit_end(self, run: TrainingRun) -> None:
        failed = sys.exception() is not self._handled
        log = self._listener.log
        del self._listener, self._handled
        log.finish("FAILED" if failed else "KILLED" if run.interrupted else "FINISHED")

    def __getstate__(self) -> dict[str, Any]:
        """The parameters alone: a copy or a pickle taken during a fit does not share its thread."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}
