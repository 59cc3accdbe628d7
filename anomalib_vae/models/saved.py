"""What of a model is written to a folder, and how it becomes a model again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch

from anomalib_vae.codec import frames
from anomalib_vae.codec.image import ImageCodec
from anomalib_vae.networks.network import Network
from anomalib_vae.persistence import Persistable


class Saved(Persistable):
    """Codec, weights, history, and the facts that a subclass lists."""

    codec_class: ClassVar[Any]
    facts: ClassVar[tuple[str, ...]] = ("n_iter_", "n_features_in_", "typical_column_scores_")  # saved as they are

    codec_: Any
    network_: Network
    _build: Callable[..., Network]
    _finish: Callable[[], None]

    def learned(self) -> dict[str, Any]:
        names = getattr(self, "feature_names_in_", None)
        template = self.codec_.template
        learned: dict[str, Any] = {
            "codec_class": type(self.codec_).__name__,
            "codec": self.codec_.to_json(),
            "facts": {name: getattr(self, name, None) for name in self.facts},  # some come only after training
            "history": self.history_.to_dict("records"),
            "feature_names_in": None if names is None else list(names),
            "weights": self.network_.state_dict(),
        }
        if template is not None:
            learned |= {"library": frames.library_of(template), "columns": frames.to_arrow(template)}
        return learned

    def relearn(self, learned: dict[str, Any]) -> None:
        of_images = learned.get("codec_class") == ImageCodec.__name__  # older models know of tables alone
        codec = (ImageCodec if of_images else self.codec_class).from_json(learned["codec"])
        if "columns" in learned:
            codec.template = frames.from_arrow(learned["columns"], learned["library"], codec.names)
        self.codec_ = codec
        self.history_ = pd.DataFrame(learned["history"])
        for name, value in learned["facts"].items():
            setattr(self, name, value)
        if learned["feature_names_in"] is not None:
            self.feature_names_in_ = np.array(learned["feature_names_in"], dtype=object)
        self.network_ = self._build(self.codec_.layout, torch.Generator().manual_seed(0)).double()
        self.network_.load_state_dict(learned["weights"])
        self._finish()
