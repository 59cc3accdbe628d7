"""Small real data for the tests: scikit-learn's wines and digits, and shop sessions that ship with the package."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits, load_wine

from anomalib_vae.datasets import load_online_shoppers

ROWS = 150


@cache
def _wine() -> pd.DataFrame:
    return load_wine(as_frame=True).data


def wine() -> pd.DataFrame:
    """178 wines, 13 measurements, complete."""
    return _wine().copy()


def few_columns() -> pd.DataFrame:
    """178 wines, 4 measurements."""
    return wine()[["alcohol", "malic_acid", "flavanoids", "proline"]]


def with_holes(frame: pd.DataFrame, share: float = 0.15, seed: int = 0) -> pd.DataFrame:
    """The frame with a share of its cells missing, at random."""
    return frame.mask(np.random.default_rng(seed).random(frame.shape) < share)


@cache
def _digits() -> np.ndarray:
    return load_digits().images[:ROWS] / 16.0


def digits() -> np.ndarray:
    """150 handwritten digits of 8 x 8 pixels from 0 to 1."""
    return _digits().copy()


def digits_in_bytes() -> np.ndarray:
    """The same digits as uint8, from 0 to 255."""
    return (255 * digits()).round().astype(np.uint8)


def digits_with_gaps() -> np.ndarray:
    """The same digits, of which each third lacks its right part."""
    images = digits()
    images[::3, :, 5:] = np.nan
    return images


@cache
def _shoppers() -> pd.DataFrame:
    return load_online_shoppers().sample(ROWS, random_state=0).reset_index(drop=True)


def shoppers() -> pd.DataFrame:
    """Shop sessions: integers, floats, labels and booleans."""
    return _shoppers().copy()


def complete_frame() -> pd.DataFrame:
    """Wines and shop sessions as columns of every kind that a frame can hold, none missing; the index has a name."""
    wines, sessions = wine().head(ROWS), shoppers()
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(sessions["product_related"].to_numpy(), unit="D")
    seconds = pd.to_timedelta(sessions["product_related_duration"].round().to_numpy(), unit="s")
    frame = pd.DataFrame(
        {
            "float64": wines["alcohol"].to_numpy(),
            "float32": wines["flavanoids"].to_numpy(np.float32),
            "Float64": pd.array(wines["hue"].to_numpy(), dtype="Float64"),
            "int64": sessions["product_related"].to_numpy(np.int64),
            "int8": wines["alcohol"].round().to_numpy(np.int8),
            "Int64": pd.array(wines["proline"].to_numpy(np.int64), dtype="Int64"),
            "bool": sessions["weekend"].to_numpy(bool),
            "boolean": pd.array(sessions["revenue"].to_numpy(bool), dtype="boolean"),
            "category": pd.Categorical(sessions["month"].astype(str)),
            "string": pd.array(sessions["visitor_type"].astype(str).to_numpy(), dtype="string"),
            "object": pd.Series(sessions["visitor_type"].astype(str).to_numpy(object), dtype=object),
            "datetime": days,
            "datetime_tz": days.tz_localize("UTC").tz_convert("Europe/Berlin"),
            "timedelta": seconds,
        }
    )
    return frame.set_index(pd.Index(np.arange(ROWS) * 7 + 3, name="row"))


HOLDS_NO_MISSING = ["int64", "int8", "bool"]


@cache
def _mixed() -> pd.DataFrame:
    frame = complete_frame()
    holes = np.random.default_rng(0).random(frame.shape) < 0.1
    for i, column in enumerate(frame):
        if column not in HOLDS_NO_MISSING:
            frame.loc[holes[:, i], column] = None
    return frame


def mixed_frame() -> pd.DataFrame:
    """`complete_frame` with holes in every column whose dtype can hold one."""
    return _mixed().copy()


def as_polars(frame: pd.DataFrame):
    """The frame in polars; its index is lost, as polars has none."""
    import polars as pl

    return pl.from_arrow(as_arrow(frame))


def as_arrow(frame: pd.DataFrame):
    """The frame as a pyarrow table."""
    import pyarrow as pa

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pandas 3.1 warns of what pyarrow does
        return pa.Table.from_pandas(frame, preserve_index=False)


LIBRARIES = {"pandas": lambda frame: frame, "polars": as_polars, "pyarrow": as_arrow}
