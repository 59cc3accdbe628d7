"""The recurrent variational autoencoder."""

from __future__ import annotations

from anomalib_vae.models.sequence import SequenceVAE
from anomalib_vae.networks.recurrent import GATES
from anomalib_vae.parameters import parameter


class RecurrentVAE(SequenceVAE):
    """A SequenceVAE that reads windows in both directions, and writes them forwards, with LSTM or GRU cells.

    Fabius & van Amersfoort 2015, "Variational recurrent auto-encoders"; the code is given at every step, so that the
    decoder can't lean on the steps before instead of the code.  `score_samples` is that of `SequenceVAE`.
    """

    cell: str = parameter(default="lstm", options=tuple(GATES), doc="Of the recurrent layers.")

    backbone: str = parameter(default="recurrent", options=("recurrent",), doc="`cell` says of which kind.")
    batch_size = 32  # a step costs as many windows; so many small ones teach more in the same time
    auto_steps = 400

    def _reads_with(self):
        return self.cell
