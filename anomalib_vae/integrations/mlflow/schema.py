"""The columns that a model reads and writes, as MLflow's signature declares them.

MLflow checks the dtype of each column before a prediction, and its types are narrower than what a frame may hold: a
`long` refuses the floats that pandas makes of integers with a missing cell, a `double` refuses int64, a `string`
refuses categories, a `boolean` refuses pandas' boolean with a missing cell, a `datetime` refuses time zones.  Such
columns are declared `Any`, which lets every cell through; the codec checks them, as it does without MLflow.
"""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from sklearn.base import is_outlier_detector

from anomalib_vae.codec.empty import EmptyCodec
from anomalib_vae.codec.image import ImageCodec
from anomalib_vae.codec.table import TableCodec
from anomalib_vae.roles import Role

N_REASONS = 3


def codec_of(estimator: Any) -> TableCodec | ImageCodec:
    """What the estimator, or the model within a role, learned of the columns or pixels."""
    return getattr(estimator, "model_", estimator).codec_


def gives_reasons(detector: Any) -> bool:
    """Whether the detector's model tells the columns of a score apart; that of images tells pixels."""
    return hasattr(detector.model_, "column_scores") and not isinstance(codec_of(detector), ImageCodec)


def signature_of(estimator: Any) -> Any:
    """The ModelSignature of the estimator's pyfunc prediction."""
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, Schema, TensorSpec

    codec = codec_of(estimator)
    if isinstance(codec, ImageCodec):
        inputs = Schema([TensorSpec(codec.dtype, (-1, *codec.shape))])
    else:
        inputs = Schema(_columns(codec))
    if is_outlier_detector(estimator):
        n_reasons = min(N_REASONS, len(inputs.inputs)) if gives_reasons(estimator) else 0
        reasons = [ColSpec("string", f"reason_{k + 1}") for k in range(n_reasons)]
        return ModelSignature(inputs, Schema([ColSpec("double", "score"), ColSpec("long", "verdict"), *reasons]))
    if isinstance(estimator, Role):
        return ModelSignature(inputs, inputs)
    return ModelSignature(inputs, Schema([TensorSpec(np.dtype(np.float64), (-1,))]))


def _columns(codec: TableCodec) -> list[Any]:
    from mlflow.types.schema import AnyType, ColSpec

    if codec.template is None:
        return [ColSpec(AnyType()) for _ in codec.codecs]
    template = codec.template
    if not isinstance(template, pd.DataFrame):  # MLflow hands frames of other libraries on as pandas frames, if at all
        template = nw.from_native(template, eager_only=True).to_pandas()
    named = all(isinstance(name, str) for name in template.columns)
    types = [
        AnyType() if isinstance(column, EmptyCodec) else _type_of(dtype, family)
        for dtype, family, column in zip(template.dtypes, codec.families, codec.codecs, strict=True)
    ]
    return [ColSpec(kind, name if named else None) for kind, name in zip(types, template.columns, strict=True)]


def _type_of(dtype: Any, family: str) -> Any:
    from mlflow.types.schema import AnyType, DataType

    if pd.api.types.is_float_dtype(dtype):
        return DataType.double
    if pd.api.types.is_datetime64_dtype(dtype):
        return DataType.datetime
    if family == "label" and (pd.api.types.is_object_dtype(dtype) or isinstance(dtype, pd.StringDtype)):
        return DataType.string
    return AnyType()
