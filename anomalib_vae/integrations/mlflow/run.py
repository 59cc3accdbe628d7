"""The MLflow run that a fit is logged to: the active one, or one of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from anomalib_vae.integrations.mlflow.package import require_mlflow

MARK = "anomalib_vae.estimator"  # the tag of a run that a fit was logged to
REACH_SECONDS = 3.0
GATEWAY_ERRORS = (502, 503, 504)


@dataclass(frozen=True)
class Destination:
    """Where the facts of a fit go.

    active_run: the id of the run that was active when the fit began.  as_child: the fit gets a child of that run, and
    not the run itself.  experiment_name and run_name are for a run without an active one; None is MLflow's default.
    """

    tracking_uri: str
    experiment_name: str | None = None
    run_name: str | None = None
    active_run: str | None = None
    as_child: bool = False

    @classmethod
    def here(cls, tracking_uri: str | None = None, experiment_name=None, run_name=None) -> Destination:
        """As MLflow is set up in this thread at this moment; asks no server."""
        mlflow = require_mlflow()
        current = mlflow.get_tracking_uri()
        active = mlflow.active_run() if tracking_uri in (None, current) else None
        return cls(
            tracking_uri or current,
            experiment_name,
            run_name,
            active_run=active.info.run_id if active else None,
            as_child=_inside_another_autolog(),
        )

    @property
    def shown(self) -> str:
        """The tracking URI without a password, for messages."""
        parts = urlsplit(self.tracking_uri)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if parts.netloc else self.tracking_uri


@dataclass(frozen=True)
class OpenRun:
    """A run to log to.

    owned: begun for this fit, and to be ended with it.  taken: the parameters that are in it already.
    """

    id: str
    owned: bool
    taken: Mapping[str, str] = field(default_factory=dict)


def check_reachable(tracking_uri: str) -> None:
    """Ask an HTTP server for a sign of life, once, with MLflow's own credentials, proxies and certificates.

    MLflow repeats a failed call for minutes; this raises at once, so that no such call is made.
    """
    if urlsplit(tracking_uri).scheme not in ("http", "https"):
        return
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    try:
        answer = http_request(
            get_default_host_creds(tracking_uri),
            "/health",
            "GET",
            max_retries=0,
            timeout=REACH_SECONDS,
            raise_on_status=False,
        )
    except Exception as error:
        raise ConnectionError(str(_root(error))) from error
    if answer.status_code in GATEWAY_ERRORS:
        raise ConnectionError(f"the server answers {answer.status_code}")


def open_run(client: Any, destination: Destination) -> OpenRun:
    """The active run, unless a fit was logged to it before; else a new run, a child of the active one where one is."""
    from mlflow.tracking.context.registry import resolve_tags
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

    tags = {}
    if destination.active_run is None:
        experiment = _experiment_id(client, destination.experiment_name)
    else:
        active = client.get_run(destination.active_run)
        if not destination.as_child and MARK not in active.data.tags:
            return OpenRun(destination.active_run, owned=False, taken=active.data.params)
        experiment, tags = active.info.experiment_id, {MLFLOW_PARENT_RUN_ID: destination.active_run}
    run = client.create_run(experiment, tags=resolve_tags(tags), run_name=destination.run_name)
    return OpenRun(run.info.run_id, owned=True)


def remember_as_last(run_id: str) -> None:
    """Let `mlflow.last_active_run()` of this thread find a run that was begun and ended through a client."""
    from mlflow.tracking import fluent

    if hasattr(fluent, "_last_active_run_id"):
        fluent._last_active_run_id.set(run_id)


def _root(error: BaseException) -> BaseException:
    """The first of the errors that led to this one: "Connection refused" says more than five lines about retries."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def _experiment_id(client: Any, name: str | None) -> Any:
    if name is None:
        from mlflow.tracking.fluent import _get_experiment_id

        return _get_experiment_id()
    found = client.get_experiment_by_name(name)
    return found.experiment_id if found else client.create_experiment(name)


def _inside_another_autolog() -> bool:
    """Whether the fit runs inside one that MLflow logs itself, such as a Pipeline's under mlflow.sklearn.autolog(): its
    run then has parameters of the same names."""
    try:
        from mlflow.utils.autologging_utils.safety import _AutologgingSessionManager
    except ImportError:
        return False
    return _AutologgingSessionManager.active_session() is not None
