"""The way to the tracking store: a thread of its own, so that a slow or absent server never holds up a fit."""

from __future__ import annotations

import queue
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from anomalib_vae.integrations.mlflow.run import (
    MARK,
    Destination,
    OpenRun,
    check_reachable,
    open_run,
    remember_as_last,
)

CAPACITY = 10_000  # records that may wait to be sent; one epoch is one record
GATHER_SECONDS = 5.0  # what comes within this time travels in one request
METRICS_A_REQUEST = 800  # MLflow takes 1,000 metrics, parameters and tags at once


@dataclass(frozen=True)
class Record:
    """Facts to deliver: lists of MLflow's entities, and at last perhaps an upload, which is given the run's id."""

    params: list[Any] = field(default_factory=list)
    metrics: list[Any] = field(default_factory=list)
    upload: Callable[[str], Any] | None = None

    @property
    def size(self) -> int:
        return len(self.params) + len(self.metrics) + (self.upload is not None)


END = Record()


class Delivery:
    """Sends the records of one fit.

    `send` never waits and never raises.  `close` waits as long as the store keeps answering, at most `wait` seconds for
    one answer; a failure is one warning there.  After a failure nothing more is sent.
    """

    def __init__(self, label: str, destination: Destination, wait: float):
        self.label, self.destination, self.wait = label, destination, wait
        self._queue: queue.Queue[Record] = queue.Queue()
        self._done = threading.Event()
        self._failure: Exception | None = None
        self._run: OpenRun | None = None
        self._status = "FINISHED"
        self._sent = self._arrived = self._answers = 0
        threading.Thread(target=self._work, name=f"mlflow-{label}", daemon=True).start()

    def send(self, record: Record) -> None:
        self._sent += record.size
        if self._failure is None and self._queue.qsize() < CAPACITY:
            self._queue.put(record)

    def close(self, status: str) -> None:
        """Deliver what is left and end the run with this status: "FINISHED", "FAILED" or "KILLED"."""
        self._status = status
        self._queue.put(END)
        answers = self._answers
        while not self._done.wait(self.wait):
            if self._answers == answers:
                self._failure = TimeoutError(f"no answer within {self.wait:g} seconds")
                break
            answers = self._answers
        if self._failure is not None or self._arrived < self._sent:
            warnings.warn(self._complaint(), stacklevel=_level_outside())
        elif self._run is not None and self._run.owned:
            remember_as_last(self._run.id)

    # ------------------------------------------------------------------ in the thread
    def _work(self) -> None:
        try:
            from mlflow import MlflowClient

            check_reachable(self.destination.tracking_uri)
            client = MlflowClient(self.destination.tracking_uri)
            self._run = open_run(client, self.destination)
            self._answered()
            tags = {MARK: self.label}
            ended = False
            while not ended:
                records = self._gather()
                ended = records[-1] is END
                self._deliver(client, self._run, records, tags)
                tags = {}
            if self._run.owned:
                client.set_terminated(self._run.id, self._status)
        except Exception as error:
            self._failure = self._failure or error
        finally:
            self._done.set()

    def _gather(self) -> list[Record]:
        records, deadline = [self._queue.get()], time.monotonic() + GATHER_SECONDS
        while records[-1] is not END and (left := deadline - time.monotonic()) > 0:
            try:
                records.append(self._queue.get(timeout=left))
            except queue.Empty:
                break
        return records

    def _deliver(self, client, run: OpenRun, records: list[Record], tags: dict[str, str]) -> None:
        from mlflow.entities import RunTag
        from mlflow.utils.validation import MAX_PARAMS_TAGS_PER_BATCH

        params = [self._renamed(param, run) for record in records for param in record.params]
        metrics = [metric for record in records for metric in record.metrics]
        marks = [RunTag(key, value) for key, value in tags.items()]
        size = MAX_PARAMS_TAGS_PER_BATCH - len(marks)
        requests = zip_longest(_parts(params, size), _parts(metrics, METRICS_A_REQUEST))
        for some_params, some_metrics in ((p or [], m or []) for p, m in requests):
            client.log_batch(run.id, metrics=some_metrics, params=some_params, tags=marks, synchronous=True)
            self._answered(len(some_params) + len(some_metrics))
            marks = []
        for record in records:
            if record.upload is not None:
                record.upload(run.id)
                self._answered(1)

    def _renamed(self, param, run: OpenRun):
        """MLflow refuses a second value for a parameter: one that the user logged under the same name stays theirs."""
        if run.taken.get(param.key, param.value) == param.value:
            return param
        return type(param)(f"{self.label}.{param.key}", param.value)

    def _answered(self, arrived: int = 0) -> None:
        self._answers += 1
        self._arrived += arrived
        if self._failure is not None:
            raise self._failure

    # ------------------------------------------------------------------ what went wrong
    def _complaint(self) -> str:
        lost = self._sent - self._arrived
        what = f"{lost} of its {self._sent} facts (parameters, metrics, model)" if lost else "the end of its run"
        return (
            f"{self.label} trained as usual, but MLflow at {self.destination.shown} did not get {what}: "
            f"{self._reason()}. Check the server and mlflow.set_tracking_uri; a fitted model can still be logged with "
            "anomalib_vae.integrations.mlflow.log_model."
        )

    def _reason(self) -> str:
        if self._failure is None:
            return f"more than {CAPACITY:,} records were waiting to be sent"
        text = str(self._failure).replace(self.destination.tracking_uri, self.destination.shown)
        return f"{type(self._failure).__name__}, {' '.join(text.split())[:300]}"


def _level_outside() -> int:
    """The stacklevel with which a warning names the line that called this package."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("anomalib_vae."):
        frame, level = frame.f_back, level + 1
    return level


def _parts(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
