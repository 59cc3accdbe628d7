"""A CSV file's cells: what a column of texts means, and how a value is written among them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from anomalib_vae.cli.errors import DataError

WHOLE = r"[+-]?(?:0|[1-9]\d*)"
NUMBER = r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?i:inf|infinity)"
NO_NUMBER = {"na", "n/a", "#n/a", "nan", "null", "none", "<na>"}  # gaps among numbers; among labels they may be a level
TRUTH = {"true": True, "false": False}
MAX_DIGITS = 18  # what an int64 holds for sure; longer ones are keys


def gaps(texts: pd.Series, missing: Collection[str] = ()) -> pd.Series:
    """Whether each cell is missing: it is blank, or one of the texts in `missing`."""
    stripped = texts.str.strip()
    return (stripped == "") | stripped.isin(list(missing))


def infer(texts: pd.Series, missing: Collection[str] = ()) -> pd.Series:
    """A column of texts as integers (Int64), numbers (float64), truth values (boolean) or else labels.

    A number with a leading zero, such as 007, is a label: it would not be written like that otherwise.
    """
    open_cells = gaps(texts, missing)
    no_number = open_cells | texts.str.strip().str.lower().isin(NO_NUMBER)
    seen = texts[~no_number].str.strip()
    if len(seen) and seen.str.lower().isin(list(TRUTH)).all():
        return _truths(texts, no_number)
    whole = seen.str.fullmatch(WHOLE)
    if len(seen) and whole.all():
        is_key = (seen.str.lstrip("+-").str.len() > MAX_DIGITS).any()
        return _labels(texts, open_cells) if is_key else _integers(texts, no_number)
    is_number = seen.str.fullmatch(NUMBER).all()
    return _numbers(texts, no_number) if is_number else _labels(texts, open_cells)


def as_kind(texts: pd.Series, kind: str, missing: Collection[str] = ()) -> pd.Series:
    """A column of texts as the kind of cell that a model was trained on: "number", "integer", "boolean", "time",
    "duration" or "label".  Raises DataError, naming the column and the row, for a cell of another kind."""
    if kind == "label":
        return _labels(texts, gaps(texts, missing))
    if kind == "time":
        return as_dates(texts, missing)
    if kind == "duration":
        return as_durations(texts, missing)
    no_number = gaps(texts, missing) | texts.str.strip().str.lower().isin(NO_NUMBER)
    seen = texts[~no_number].str.strip()
    if kind == "boolean" and seen.str.lower().isin(list(TRUTH)).all():
        return _truths(texts, no_number)
    number = seen.str.fullmatch(r"[+-]?0+\d+") | seen.str.fullmatch(NUMBER)
    if not number.all():
        row = number[~number].index[0]
        expected = "true or false" if kind == "boolean" else "a number"
        raise DataError(
            f"column {texts.name!r}: {texts[row]!r} in row {row} is not {expected}, as in training; "
            f"if it stands for a gap, give --missing '{texts[row].strip()}'"
        )
    fits = (seen.str.fullmatch(WHOLE) & (seen.str.len() <= MAX_DIGITS)).all()
    return _integers(texts, no_number) if kind != "number" and fits else _numbers(texts, no_number)


def as_durations(texts: pd.Series, missing: Collection[str] = ()) -> pd.Series:
    """A column of durations such as "2 days 03:00:00".  Raises DataError naming the column."""
    try:
        return pd.to_timedelta(texts.str.strip().where(~gaps(texts, missing), None))
    except ValueError as error:
        raise DataError(f"column {texts.name!r} does not hold durations: {error}") from None


def as_dates(texts: pd.Series, missing: Collection[str] = ()) -> pd.Series:
    """A column of ISO dates or times.  Raises DataError naming the column."""
    stripped = texts.str.strip()
    try:
        return pd.to_datetime(stripped.where(~gaps(texts, missing), None), format="ISO8601")
    except ValueError as error:
        reason = str(error).partition(". ")[0]
        raise DataError(f"column {texts.name!r} does not hold ISO dates such as 2024-05-31: {reason}") from None


def written(values: pd.Series, texts: pd.Series) -> list[str]:
    """The values, none of them missing, as texts in the manner of the column's cells."""
    if pd.api.types.is_bool_dtype(values.dtype):
        words = {"True": "True", "False": "False"}
        words |= {str(TRUTH[t.strip().lower()]): t.strip() for t in texts.unique() if t.strip().lower() in TRUTH}
        return [words[str(bool(v))] for v in values]
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        days_only = texts.str.strip().str.fullmatch(r"\d{4}-\d\d-\d\d|").all()
        separator = "T" if texts.str.contains(r"\dT\d", regex=True).any() else " "
        return [str(v.date()) if days_only else v.isoformat(sep=separator, timespec="seconds") for v in values]
    return [str(v) for v in values]


def _labels(texts: pd.Series, open_cells: pd.Series) -> pd.Series:
    return texts.where(~open_cells, None)


def _truths(texts: pd.Series, open_cells: pd.Series) -> pd.Series:
    return texts.str.strip().str.lower().map(TRUTH).where(~open_cells, None).astype("boolean")


def _integers(texts: pd.Series, open_cells: pd.Series) -> pd.Series:
    whole = texts.where(~open_cells, "0").astype("int64").astype("Int64")
    return whole.mask(open_cells, pd.NA)


def _numbers(texts: pd.Series, open_cells: pd.Series) -> pd.Series:
    return pd.Series(texts.where(~open_cells, "nan").to_numpy(object).astype(np.float64), texts.index, name=texts.name)
