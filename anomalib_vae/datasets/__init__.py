"""Real data that ship with the package; NOTICE.md beside this file has their sources and licences.  And your images."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from anomalib_vae.datasets.folder import ImageFiles, read_images

__all__ = [
    "ImageFiles",
    "load_ambient_temperature",
    "load_card_transactions",
    "load_online_shoppers",
    "load_server_machine",
    "read_images",
]

_HERE = Path(__file__).parent


def load_card_transactions() -> pd.DataFrame:
    """1,722 card transactions in time order, (1722, 31): `Time` in seconds, `V1` to `V28`, `Amount` in euro, and
    `label`, 1 = fraud (492 rows).  Université Libre de Bruxelles, Open Database License."""
    return pd.read_parquet(_HERE / "card_transactions.parquet")


def load_online_shoppers() -> pd.DataFrame:
    """12,330 sessions of an online shop, (12330, 18): integers, floats, labels and booleans, no missing cell.
    UCI Machine Learning Repository, CC BY 4.0."""
    return pd.read_parquet(_HERE / "online_shoppers.parquet")


def load_server_machine() -> pd.DataFrame:
    """38 measurements of a server, a row a minute, (14500, 40): `metric_0` to `metric_37`, scaled to 0..1 by their
    authors; `split`, train (8,000 rows taken as normal) or test (6,500 rows); `label`, 1 = anomaly (156 rows in 5
    intervals of test).  Server Machine Dataset, machine 2-1, MIT."""
    return pd.read_parquet(_HERE / "server_machine.parquet")


def load_ambient_temperature() -> pd.DataFrame:
    """The temperature of an office, hourly with interruptions, (7267, 3): `timestamp`, `temperature`, and `label`, 1 in
    the two weeks or so around each of two failures (726 rows).  Numenta Anomaly Benchmark, MIT."""
    return pd.read_parquet(_HERE / "ambient_temperature.parquet")
