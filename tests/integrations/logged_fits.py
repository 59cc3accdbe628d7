"""Small fits that the tests of MLflow log, and a look at what was logged."""

from __future__ import annotations

from cases import SMALL
from mlflow import MlflowClient

from anomalib_vae import VAE
from anomalib_vae.integrations.mlflow import MLflowCallback
from anomalib_vae.training.callbacks import Callback

EPOCHS = 4
TINY = {**SMALL, "max_epochs": EPOCHS}


class Raise(Callback):
    """Raise an error after the first epoch."""

    def __init__(self, error):
        self.error = error

    def on_epoch_end(self, run):
        raise self.error


def logging_model(*more, **parameters):
    """A small model with an MLflowCallback, and more callbacks after it."""
    return VAE(**TINY, **parameters, callbacks=(MLflowCallback(), *more))


def steps(run, metric):
    """The (step, value) pairs of a run's metric."""
    return [(m.step, m.value) for m in MlflowClient().get_metric_history(run.info.run_id, metric)]
