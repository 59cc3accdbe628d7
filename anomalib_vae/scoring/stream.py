"""Scores of steps as they arrive, each from the window that ends with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from anomalib_vae.codec import frames
from anomalib_vae.codec.batch import Batch
from anomalib_vae.codec.record import Record
from anomalib_vae.codec.series import FAR
from anomalib_vae.models.validation import checked
from anomalib_vae.scoring.recognition import UNKNOWN, fingerprints


@dataclass
class Recent:
    """The last steps of one series: values and observed, (steps, features of a step), 0 where nothing is known.

    places: where in training the last one may lie, as all steps of the series so far are those before it; None before
    the first step.
    """

    values: np.ndarray
    observed: np.ndarray
    stamp: float | None = None
    places: np.ndarray | None = None

    def push(self, ahead: int, longest_gap: int, values: np.ndarray, observed: np.ndarray) -> None:
        """Move on by so many steps; the last one has this row, (features of a step,), the others none.  After an
        interruption longer than longest_gap nothing is known of what was before."""
        length = len(self.values)
        ahead = length if ahead > longest_gap else ahead
        for held, new in ((self.values, values), (self.observed, observed)):
            if ahead < length:
                held[: length - ahead] = held[ahead:]
            held[max(length - ahead, 0) :] = 0
            held[-1] = new


class Stream:
    """Scores the steps of one or more series as they arrive, from `AnomalyDetector.stream`.

    A row's score is what `score_samples` of all rows so far would give to the last one.
    """

    def __init__(self, detector: Any, state: Mapping[str, Any] | None = None):
        self.detector, self._model = detector, detector.model_
        self._codec = self._model.codec_
        self._series: dict[Any, Recent] = {}
        for key, held in (state or {"series": []})["series"]:
            values, observed = np.array(held["values"], np.float32), np.array(held["observed"], bool)
            self._series[key] = Recent(values, observed, held["stamp"], np.array(held["places"], np.int64))

    def score_samples(self, rows) -> np.ndarray:
        """The scores of one row or a few, in the order of their arrival, (rows,): each given all rows before it.

        rows: a frame or an array like that of fit, or one row as a dict or a one-dimensional array; what a dict does
        not name is missing.  Raises ValueError for a cell of a column that was not there in training, and where a
        stamp is missing or not later than the last one of its series; then no row of the call is taken.
        """
        rows = self._as_table(rows)
        timeline = self._codec.timeline
        if timeline.columns:
            list(timeline.rows_of_series(rows))  # checks that stamps are there, and in order
        stamps, keys = timeline.stamps(rows), timeline.keys(rows)
        steps = self._codec.steps(rows)[:]
        ahead = self._steps_ahead(keys, stamps)
        near = self.detector.neighbourhood_
        prints = fingerprints(steps) if self._may_be_training(keys, ahead) else np.zeros(len(steps))
        new = zip(keys, stamps, ahead, prints, steps.values.numpy(), steps.observed.numpy() > 0, strict=True)
        values, observed, places = zip(*[self._recent(*row) for row in new], strict=True)
        scores = self._model_score(values, observed)
        if near is None:
            return scores
        return scores - [near.remoteness_of_last(*one) for one in zip(values, observed, places, strict=True)]

    def _may_be_training(self, keys: np.ndarray, ahead: list[int]) -> bool:
        """Whether the next steps of any of these series may lie in training: once they do not, they never do again,
        but after an interruption."""
        if self.detector.neighbourhood_ is None:
            return False
        known = (self._series.get(key) for key in keys)
        interrupted = max(ahead) > self._codec.window
        return interrupted or any(one is None or one.places is None or len(one.places) for one in known)

    def _model_score(self, values: Sequence[np.ndarray], observed: Sequence[np.ndarray]) -> np.ndarray:
        """Of the window that ends each of these last steps."""
        layout = self._codec.layout
        last, known = (_stacked([steps[-layout.length :] for steps in part]) for part in (values, observed))
        windows = layout.join(torch.from_numpy(last.clip(-FAR, FAR)))  # levels are 0 or 1 anyway
        if known.all():
            return self._model.score_batch(Batch.complete(windows))
        return self._model.score_batch(Batch(windows, layout.join(torch.from_numpy(known).float())))

    def predict(self, rows) -> np.ndarray:
        """+1 for a normal row and -1 for an anomaly, (rows,), by the detector's threshold."""
        return self.detector.verdicts(self.score_samples(rows))

    def state(self) -> dict[str, Any]:
        """What JSON can hold of it; `detector.stream(state)` goes on from here."""
        series = [
            [
                key,
                {
                    "values": r.values.tolist(),
                    "observed": r.observed.tolist(),
                    "stamp": r.stamp,
                    "places": _listed(r.places),
                },
            ]
            for key, r in self._series.items()
        ]
        return {"series": series}

    def _as_table(self, rows):
        if isinstance(rows, Mapping):
            return Record.of(rows, getattr(self._model, "feature_names_in_", None))
        if not frames.is_frame(rows):
            rows = np.atleast_2d(np.asarray(rows))
        return checked(self._model, rows, reset=False)

    def _steps_ahead(self, keys: np.ndarray, stamps: np.ndarray) -> list[int]:
        """How many steps each row lies after the one before it in its series."""
        last: dict[Any, float | None] = {key: recent.stamp for key, recent in self._series.items()}
        ahead = []
        for key, stamp in zip(keys, stamps, strict=True):
            before = last.get(key)
            if before is not None and not stamp > before:
                raise ValueError(
                    f"time: a row is not later than the last one that the stream has seen"
                    f"{'' if self._codec.timeline.series is None else f' of {key!r}'}: give each row once, in order."
                )
            ahead.append(1 if before is None else int(self._codec.timeline.steps_between(before, stamp)))
            last[key] = None if np.isnan(stamp) else stamp
        return ahead

    def _recent(
        self, key, stamp: float, ahead: int, fingerprint: int, values: np.ndarray, observed: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """The last steps of a series, (steps, features of a step) each, with the row, and its place in training."""
        near, longest_gap = self.detector.neighbourhood_, self._codec.window
        if key not in self._series:
            shape = (max(self._codec.window, near.longest if near else 0), len(values))
            self._series[key] = Recent(np.zeros(shape, np.float32), np.zeros(shape, bool))
        recent = self._series[key]
        recent.push(ahead, longest_gap, values, observed)
        recent.stamp = None if np.isnan(stamp) else float(stamp)
        if near is None:
            return recent.values.copy(), recent.observed.copy(), UNKNOWN
        before = None if ahead > longest_gap else recent.places
        recent.places = near.training.followers(before, fingerprint, ahead)
        place = int(recent.places[0]) if len(recent.places) else UNKNOWN
        return recent.values.copy(), recent.observed.copy(), place


def _stacked(parts: list[np.ndarray]) -> np.ndarray:
    """One after the other, (parts, ...); a single one without a copy."""
    return parts[0][None] if len(parts) == 1 else np.stack(parts)


def _listed(places: np.ndarray | None) -> list[int]:
    return [] if places is None else places.tolist()
