"""A report of what is missing in a frame: how much, together with what, and whether by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from anomalib_vae.codec import frames, sentinel
from anomalib_vae.missingness.little import LittleTest, little_test

SHOWN = 20
NUMERIC = ("number", "integer")


@dataclass(frozen=True, repr=False)
class MissingReport:
    """What is missing in a frame.

    columns: by column, in the frame's order: kind, the number of missing cells, and their share of the rows.
    patterns: the sets of columns that are missing together in a row, most frequent first: the columns as a tuple (an
    empty one for complete rows), the number of rows, and their share.
    test: Little's test of whether the gaps of the numeric columns depend on the values of other numeric columns.
    """

    columns: pd.DataFrame
    patterns: pd.DataFrame
    test: LittleTest

    @property
    def n_rows(self) -> int:
        return int(self.patterns["rows"].sum())

    @property
    def summary(self) -> str:
        """How much is missing, in one sentence."""
        complete = int(self.patterns.loc[self.patterns["missing"].map(len) == 0, "rows"].sum())
        cells = self.n_rows * len(self.columns)
        with_gaps = int((self.columns["missing"] > 0).sum())
        return (
            f"{self.columns['missing'].sum() / cells:.1%} of {cells:,} cells are missing, in {with_gaps} of "
            f"{len(self.columns)} columns; {complete:,} of {self.n_rows:,} rows are complete"
        )

    def __repr__(self) -> str:
        columns, patterns = (part.to_string(formatters={"share": "{:.1%}".format}) for part in self._shown())
        return f"{self.summary}\n\n{columns}\n\nmissing together\n{patterns}\n\n{self.test}"

    def _repr_html_(self) -> str:
        from html import escape

        columns, patterns = (part.to_html(formatters={"share": "{:.1%}".format}) for part in self._shown())
        return f"<p>{escape(self.summary)}</p>{columns}<p>missing together</p>{patterns}<p>{escape(str(self.test))}</p>"

    def _shown(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Both frames, the columns with gaps only and the patterns as text, cut to what can be read."""
        columns = self.columns[self.columns["missing"] > 0].sort_values("missing", ascending=False, kind="stable")
        patterns = self.patterns.head(SHOWN)
        return columns.head(SHOWN), patterns.assign(missing=patterns["missing"].map(_written))


def report_missing(X, *, missing_values: float | str | None = None) -> MissingReport:
    """What is missing in a frame or array of mixed columns, and whether that depends on other columns.

    missing_values: a value that stands for a missing cell, beside NaN, None and NA.  Raises as `frames.read`, and
    ValueError where there are no rows or columns.
    """
    columns = frames.read(sentinel.opened(X if frames.is_frame(X) else np.asarray(X), missing_values))
    if not columns or not len(columns[0].values):
        raise ValueError("X has no rows or no columns: there is nothing to report.")
    missing = np.column_stack([~column.observed for column in columns])
    names = [column.name for column in columns]
    numeric = [column for column in columns if column.family in NUMERIC]
    values = np.column_stack([column.values for column in numeric]) if numeric else np.empty((len(missing), 0))
    return MissingReport(
        pd.DataFrame(
            {"kind": [c.family for c in columns], "missing": missing.sum(0), "share": missing.mean(0)},
            index=pd.Index(names, name="column", tupleize_cols=False),
        ),
        _patterns(missing, names),
        little_test(values, [column.name for column in numeric]),
    )


def _patterns(missing: np.ndarray, names: list) -> pd.DataFrame:
    sets, rows = np.unique(missing, axis=0, return_counts=True)
    order = np.lexsort((sets.sum(1), -rows))
    together = [tuple(name for name, gone in zip(names, sets[k], strict=True) if gone) for k in order]
    return pd.DataFrame({"missing": together, "rows": rows[order], "share": rows[order] / len(missing)})


def _written(names: tuple) -> str:
    text = ", ".join(map(str, names)) or "none"
    return text if len(text) <= 60 else f"{text[:57]}..."
