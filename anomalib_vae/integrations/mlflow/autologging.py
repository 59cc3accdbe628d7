"""Log every fit, of models and of roles, without a change to the code that fits."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from sklearn.frozen import FrozenEstimator

from anomalib_vae.integrations.mlflow.callback import MLflowCallback
from anomalib_vae.integrations.mlflow.fitlog import WAIT, FitLog, TrainingListener, numbers_of, prefixed
from anomalib_vae.integrations.mlflow.flavor import log_model
from anomalib_vae.integrations.mlflow.package import require_mlflow
from anomalib_vae.integrations.mlflow.run import Destination
from anomalib_vae.roles import Role
from anomalib_vae.training.callbacks import listeners, listening

_ORIGINALS: dict[Any, Callable[..., Any]] = {}  # each class whose fit logs, and the fit that it had before


def autolog(log_models: bool = False, disable: bool = False, wait: float = WAIT) -> None:
    """From here on, log every fit of a model or a role; `autolog(disable=True)` ends it.

    A fit goes to the active run, or to a run of its own, which ends with it: parameters, the losses of each epoch, what
    was learned, the duration.  A role and its model make one run.  A second fit within one active run gets a child run,
    and so does a fit within one that MLflow logs itself, such as a Pipeline's under `mlflow.sklearn.autolog()`.  An
    estimator that has an MLflowCallback is left to it.  The server being away costs the log and one warning, never the
    fit.

    log_models: log the fitted estimator, too, as `log_model` does.  wait: seconds at most that the end of a fit waits
    for one answer of the server.  A role of your own must be defined before the call.
    """
    require_mlflow()
    for owner, original in _ORIGINALS.items():
        owner.fit = original
    _ORIGINALS.clear()
    if not disable:
        for owner in _classes_with_fit():
            _ORIGINALS[owner] = vars(owner)["fit"]
            owner.fit = _logged(_ORIGINALS[owner], log_models, wait)


def _classes_with_fit() -> list[Any]:
    import anomalib_vae
    from anomalib_vae.models.base import Model

    for name in anomalib_vae.__all__:  # a class that was never imported is no subclass yet
        getattr(anomalib_vae, name)
    waiting: list[Any] = [Model, Role]
    found: dict[Any, None] = {}
    while waiting:
        owner = waiting.pop()
        found[owner] = None
        waiting += [subclass for subclass in owner.__subclasses__() if subclass not in found]
    return [owner for owner in found if "fit" in vars(owner)]


def _logged(fit: Callable[..., Any], log_models: bool, wait: float) -> Callable[..., Any]:
    @functools.wraps(fit)
    def fit_and_log(self, *args, **kwargs):
        if _is_logged(self):
            return fit(self, *args, **kwargs)
        listener = _begin(self, wait)
        status = "FAILED"
        try:
            with listening(listener):
                fitted = fit(self, *args, **kwargs)
            _log_fitted(self, listener, log_models)
            status = "KILLED" if listener.interrupted else "FINISHED"
            return fitted
        finally:
            listener.log.finish(status)

    return fit_and_log


def _is_logged(estimator: Any) -> bool:
    """Inside another fit that is being logged, or in the care of a callback of its own."""
    if any(isinstance(callback, TrainingListener) for callback in listeners()):
        return True
    callbacks = [v for k, v in estimator.get_params().items() if k.rpartition("__")[2] == "callbacks" and v]
    return any(isinstance(callback, MLflowCallback) for several in callbacks for callback in several)


def _begin(estimator: Any, wait: float) -> TrainingListener:
    log = FitLog(type(estimator).__name__, Destination.here(), wait)
    if not isinstance(estimator, Role):
        return TrainingListener(log)
    own = {name: value for name, value in estimator.get_params(deep=False).items() if name != "model"}
    log.parameters({"role": type(estimator).__name__, **own})
    return TrainingListener(log, prefix="model__")


def _log_fitted(estimator: Any, listener: TrainingListener, log_models: bool) -> None:
    model = getattr(estimator, "model_", estimator)
    if isinstance(model, FrozenEstimator):
        model = model.estimator
    if not listener.heard:  # a model that was fitted before, or one that is not trained by epochs
        listener.log.parameters(prefixed({"model": model, **model.get_params(deep=False)}, listener.prefix))
    listener.log.figures({**numbers_of(model), **numbers_of(estimator)})
    if log_models:
        listener.log.model(lambda run_id: log_model(estimator, run_id=run_id))
