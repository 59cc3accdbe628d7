"""Table files: read once, kept as they are written there, and shown to models as frames of typed columns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from anomalib_vae.cli import cells
from anomalib_vae.cli.errors import DataError, UsageError
from anomalib_vae.cli.outputs import check_suffix, replacing
from anomalib_vae.codec import frames

NULLABLE = {
    **{getattr(pa, f"int{bits}")(): getattr(pd, f"Int{bits}Dtype")() for bits in (8, 16, 32, 64)},
    **{getattr(pa, f"uint{bits}")(): getattr(pd, f"UInt{bits}Dtype")() for bits in (8, 16, 32, 64)},
    pa.bool_(): pd.BooleanDtype(),
}


class Table(ABC):
    """A table in the representation of its file."""

    names: list[str]

    @abstractmethod
    def frame(self, names: Sequence[str], kinds: Mapping[str, str]) -> pd.DataFrame:
        """The named columns, typed, with the table's index.  kinds: what a column is known to hold, see
        `cells.as_kind`; the others are inferred."""

    @abstractmethod
    def filled(self, fill: Callable[[Any], Any], names: Sequence[str], kinds: Mapping[str, str]) -> tuple[Table, dict]:
        """The table with the gaps that `fill` closes in a frame of the named columns, all else as it was, and the
        number of closed gaps by column."""

    @abstractmethod
    def write(self, path: Path) -> None:
        """Write it as CSV or Parquet, by the suffix."""


@dataclass
class CsvTable(Table):
    """Every cell as the text that stands in the file; a first column without a name is the index.

    missing: texts that stand for gaps.  dates: columns to read as dates.  kinds: what columns are known to hold.
    """

    texts: pd.DataFrame
    missing: Collection[str] = ()
    dates: Collection[str] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self):
        self.names = [name for name in self.texts.columns if name != ""]

    def frame(self, names, kinds):
        frame = pd.DataFrame({name: self._typed(name, kinds.get(name)) for name in names}, index=self.texts.index)
        return frame.set_axis(cells.infer(self.texts[""]).rename(None)) if "" in self.texts else frame

    def filled(self, fill, names, kinds):
        before = self.frame(names, kinds)
        after, texts = fill(before), self.texts.copy()
        counts = {}
        for name in names:
            closed = (before[name].isna() & after[name].notna()).to_numpy()
            texts.loc[closed, name] = cells.written(after[name][closed], texts[name])
            counts[name] = int(closed.sum())
        return CsvTable(texts, self.missing, self.dates, kinds), counts

    def write(self, path):
        if path.name.lower().endswith(".parquet"):
            frame = self.frame(self.names, self.kinds)
            ArrowTable(pa.Table.from_pandas(frame, preserve_index="" in self.texts or None)).write(path)
        else:
            _write_csv(self.texts, path, index=False)

    def _typed(self, name: str, kind: str | None) -> pd.Series:
        texts = self.texts[name]
        if name in self.dates:
            return cells.as_dates(texts, self.missing)
        return cells.as_kind(texts, kind, self.missing) if kind else cells.infer(texts, self.missing)


@dataclass
class ArrowTable(Table):
    """The Arrow table that a Parquet file holds; pandas' index columns in it are not among the names."""

    table: pa.Table

    def __post_init__(self):
        index = (self.table.schema.pandas_metadata or {}).get("index_columns", [])
        self.names = [name for name in self.table.column_names if name not in index]

    def frame(self, names, kinds):
        decimals = [f.name for f in self.table.schema if pa.types.is_decimal(f.type)]
        frame = self.table.to_pandas(types_mapper=NULLABLE.get, date_as_object=False).set_axis(self.names, axis=1)
        return frame[list(names)].astype({name: "float64" for name in decimals if name in names})

    def filled(self, fill, names, kinds):
        before = self.table.select(names)
        after, table = fill(before), self.table
        for name in names:
            at = table.column_names.index(name)
            table = table.set_column(at, table.schema.field(at), after.column(name))
        pairs = zip(frames.read(before), frames.read(after), strict=True)
        return ArrowTable(table), {old.name: int((~old.observed & new.observed).sum()) for old, new in pairs}

    def write(self, path):
        if path.name.lower().endswith(".parquet"):
            with replacing(path) as partial:
                pyarrow.parquet.write_table(self.table, partial)
        else:
            index = (self.table.schema.pandas_metadata or {}).get("index_columns", [])
            has_index = any(isinstance(column, str) for column in index)
            _write_csv(self.table.to_pandas(types_mapper=NULLABLE.get), path, index=has_index)


def read(path: Path, *, dates: Collection[str] = (), missing: Collection[str] = ()) -> Table:
    """The table in a CSV or Parquet file.

    dates, missing: for CSV files, the columns to read as dates and the texts that stand for gaps.
    Raises UsageError where there is no such file, DataError where it can't be read or names a column twice.
    """
    check_suffix(path)
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file")
    is_parquet = path.name.lower().endswith(".parquet")
    if is_parquet and (dates or missing):
        raise UsageError("--dates and --missing are for CSV files: a Parquet file knows its times and its gaps")
    try:
        table = ArrowTable(_read_parquet(path)) if is_parquet else CsvTable(_read_csv(path), missing, dates)
    except (ValueError, OSError) as error:  # also pandas' parser errors and Arrow's
        raise DataError(f"{path} can't be read: {error}") from error
    twice = sorted({name for name in table.names if table.names.count(name) > 1})
    if twice:
        raise DataError(f"{path} names a column twice: {', '.join(twice)}; rename them")
    check_known(table, dates, "--dates")
    return table


def check_known(table: Table, names: Collection[str], option: str) -> None:
    """Raise DataError where an option names columns that the table does not have."""
    unknown = [name for name in names if name not in table.names]
    if unknown:
        known = ", ".join(table.names)
        raise DataError(f"{option}: there is no column {', '.join(map(repr, unknown))}; there are {known}")


def kept(table: Table, drop: Collection[str]) -> list[str]:
    """The names of the columns that are left; raises DataError where one to drop is not there."""
    check_known(table, drop, "--drop")
    return [name for name in table.names if name not in drop]


def write_frame(frame, path: Path) -> None:
    """Write a frame of any library as CSV or Parquet, by the suffix; the index of a pandas frame is left out."""
    ArrowTable(frames.to_arrow(frame)).write(path)


def _read_parquet(path: Path) -> pa.Table:
    return pyarrow.parquet.ParquetFile(path).read()


def _read_csv(path: Path) -> pd.DataFrame:
    texts = pd.read_csv(path, header=None, dtype=str, keep_default_na=False, encoding="utf-8-sig").fillna("")
    names = texts.iloc[0].tolist()
    if "" in names[1:]:
        raise DataError(f"{path}: column {names.index('', 1) + 1} has no name")
    if len(names) == 1 and any(separator in names[0] for separator in ";\t|"):
        raise DataError(f"{path} has one column, {names[0]!r}: separate the cells by commas")
    return texts.iloc[1:].set_axis(names, axis=1).reset_index(drop=True)


def _write_csv(frame: pd.DataFrame, path: Path, *, index: bool) -> None:
    with replacing(path) as partial:
        frame.to_csv(partial, index=index, compression="gzip" if path.name.lower().endswith(".gz") else None)
