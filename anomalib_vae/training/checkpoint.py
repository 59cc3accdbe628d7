"""Keep a long training safe: write the model to a folder every few epochs."""

from __future__ import annotations

from pathlib import Path

from anomalib_vae.training.callbacks import Callback


class Checkpoint(Callback):
    """After every `every` epochs, and at the end, write the model as it stands to `folder`.

    `anomalib_vae.load(folder)` reads it, after a crash too: a file is replaced only once its successor is complete.
    """

    def __init__(self, folder: str | Path, every: int = 10):
        self.folder, self.every = folder, every

    def on_epoch_end(self, run):
        if run.epoch % self.every == 0:
            run.save(self.folder)

    def on_fit_end(self, run):
        run.save(self.folder)
