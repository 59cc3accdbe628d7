"""What can be hung into a training: a callback hears of six events and may look at, or stop, the run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from anomalib_vae.training.run import TrainingRun


class Callback:
    """Override the events that matter; the others do nothing.  An exception in a callback ends the fit."""

    def on_fit_begin(self, run: TrainingRun) -> None: ...
    def on_epoch_begin(self, run: TrainingRun) -> None: ...
    def on_batch_begin(self, run: TrainingRun) -> None: ...
    def on_batch_end(self, run: TrainingRun) -> None: ...
    def on_epoch_end(self, run: TrainingRun) -> None: ...
    def on_fit_end(self, run: TrainingRun) -> None: ...


class ProgressBar(Callback):
    """A bar on the error stream, with the loss.

    show: True, False, or None for "when a person is watching" (the stream is a terminal and the fit takes over a
    second)."""

    def __init__(self, show: bool | None = None, label: str = "fit"):
        self.show, self.label = show, label

    def on_fit_begin(self, run):
        disable = not (sys.stderr.isatty() if self.show is None else self.show)
        if disable:  # in a notebook, tqdm.auto complains of missing widgets as soon as it is imported
            from tqdm import tqdm
        else:
            from tqdm.auto import tqdm
        self._bar = tqdm(
            total=run.max_epochs,
            desc=self.label,
            unit="epoch",
            disable=disable,
            delay=1.0 if self.show is None else 0.0,
        )

    def on_epoch_end(self, run):
        losses = {k: f"{v:.4g}" for k, v in run.history[-1].items() if k.endswith("loss")}
        self._bar.set_postfix(losses, refresh=False)
        self._bar.update()

    def on_fit_end(self, run):
        self._bar.close()
        del self._bar


class StopAfter(Callback):
    """End the training once it has taken so many seconds; what was learned until then stays."""

    def __init__(self, seconds: float):
        self.seconds = seconds

    def on_epoch_end(self, run):
        run.stop = run.stop or sum(epoch["seconds"] for epoch in run.history) >= self.seconds


_LISTENERS: ContextVar[tuple[Callback, ...]] = ContextVar("listeners", default=())


@contextmanager
def listening(callback: Callback) -> Iterator[None]:
    """Within this block the callback hears of every training begun in this thread, beside the model's own callbacks."""
    token = _LISTENERS.set((*_LISTENERS.get(), callback))
    try:
        yield
    finally:
        _LISTENERS.reset(token)


def listeners() -> tuple[Callback, ...]:
    """The callbacks that listen in this place; the training loop of every model asks for them."""
    return _LISTENERS.get()
