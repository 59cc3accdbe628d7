"""Real data that ship with the package; NOTICE.md beside this file has their sources and licences."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

_HERE = Path(__file__).parent


def load_card_transactions() -> pd.DataFrame:
    """1,722 card transactions in time order, (1722, 31): `Time` in seconds, `V1` to `V28`, `Amount` in euro, and
    `label`, 1 = fraud (492 rows).  Université Libre de Bruxelles, Open Database License."""
    return pd.read_parquet(_HERE / "card_transactions.parquet")


def load_online_shoppers() -> pd.DataFrame:
    """12,330 sessions of an online shop, (12330, 18): integers, floats, labels and booleans, no missing cell.
    UCI Machine Learning Repository, CC BY 4.0."""
    return pd.read_parquet(_HERE / "online_shoppers.parquet")
