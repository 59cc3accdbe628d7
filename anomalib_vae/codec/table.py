"""The codec for tables: a frame of mixed columns or an array, to a Batch and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch

from anomalib_vae.codec import frames
from anomalib_vae.codec.batch import Batch, Block, Layout, Rows
from anomalib_vae.codec.boolean import BooleanCodec
from anomalib_vae.codec.category import CategoryCodec
from anomalib_vae.codec.column import Column
from anomalib_vae.codec.empty import EmptyCodec
from anomalib_vae.codec.number import NumberCodec
from anomalib_vae.codec.record import Record


class Decoder(Protocol):
    """What turns a column's targets, (rows, width), into cells, (rows,)."""

    def decode(self, targets: np.ndarray, /, *, clip: bool = True) -> np.ndarray: ...


ColumnCodec = NumberCodec | BooleanCodec | CategoryCodec | EmptyCodec

_CODEC_OF: dict[str, type[NumberCodec] | type[BooleanCodec] | type[CategoryCodec]] = {
    "number": NumberCodec,
    "integer": NumberCodec,
    "time": NumberCodec,
    "duration": NumberCodec,
    "boolean": BooleanCodec,
    "label": CategoryCodec,
}
_ORDER = ("real", "binary", "category")


class TableCodec:
    """Learns each column's range, spread, ranks or levels; missing cells become `observed = 0` and never a guess.

    Attributes: codecs (one a column, in the frame's order), template (the frame without rows, or None for an array),
    layout (what the features of a batch mean).
    """

    def __init__(self, codecs: Sequence[ColumnCodec], families: Sequence[str], template):
        self.codecs, self.families, self.template = list(codecs), list(families), template
        self._order = [i for kind in _ORDER for i, codec in enumerate(self.codecs) if codec.kind == kind]
        stops = np.cumsum([self.codecs[i].width for i in self._order]).tolist()
        self.layout = Layout(
            tuple(
                Block(str(c.name), c.kind, stop - c.width, stop, 1 if c.kind == "real" else c.width)
                for c, stop in zip((self.codecs[i] for i in self._order), stops, strict=True)
            )
        )

    @classmethod
    def fit(cls, X) -> TableCodec:
        columns = frames.read(X)
        codecs: list[ColumnCodec] = [
            _CODEC_OF[c.family].fit(c) if c.observed.any() else EmptyCodec.fit(c) for c in columns
        ]
        return cls(codecs, [c.family for c in columns], frames.empty_like(X))

    @property
    def names(self) -> list:
        return [codec.name for codec in self.codecs]

    def encode(self, X) -> Batch:
        """Batch of float32 tensors, (rows, features).  Raises as `frames.read`, and TypeError for a column of another
        kind than in training."""
        return self.rows(X)[:]

    def rows(self, X) -> Rows:
        """The same rows, read and checked; they are encoded where they are asked for, so that a part takes the memory
        of a part.  Labels are encoded at once: what is new among them is one warning."""
        return self._rows(X, self.encode_columns)

    def targets(self, X, limit: float) -> Rows:
        """`rows` with the targets of each column alone, (rows, targets): for numbers the standardised view, within so
        many standard deviations."""
        is_row = isinstance(X, Record) and len(X.cells) == len(self.codecs) and self._holds_numbers_alone
        numbers = X.numbers() if is_row else None
        if numbers is not None:  # a row that arrives by itself must not take a turn for each column
            return _batch(*self._standardised(numbers, limit))
        return self._rows(X, lambda columns: self._encode_targets(columns, limit))

    def _rows(self, X, encode: Callable[[Sequence[Column]], Batch]) -> Rows:
        trained = zip(frames.read(X), self.codecs, self.families, strict=True)
        rows = _Unencoded(encode, [_as_trained(column, codec, family) for column, codec, family in trained])
        return rows[:] if self.layout.of_kind("category") else rows

    def encode_columns(self, columns: Sequence[Column]) -> Batch:
        """`encode` of columns that have been read, in the frame's order."""
        shape = (len(columns[0].values), self.layout.width)
        values, missing = np.empty(shape, np.float32), []
        for i, block in zip(self._order, self.layout.blocks, strict=True):
            values[:, block.start : block.stop], seen = self.codecs[i].encode(columns[i])
            if not seen.all():
                missing.append((block, ~seen))
        if not missing:
            return Batch.complete(torch.from_numpy(values))
        observed = np.ones(shape, np.float32)
        for block, cells in missing:
            observed[cells, block.start : block.stop] = 0.0
        return Batch(torch.from_numpy(values), torch.from_numpy(observed))

    def _encode_targets(self, columns: Sequence[Column], limit: float) -> Batch:
        values, observed = np.zeros((2, len(columns[0].values), len(self.layout.targets)), np.float32)
        numbers = [i for i in self._order if self.codecs[i].kind == "real"]
        if numbers:
            cells = np.array([columns[i].values for i in numbers]).T
            values[:, : len(numbers)], observed[:, : len(numbers)] = self._standardised(cells, limit)
        start = len(numbers)
        for i in self._order[len(numbers) :]:
            part = slice(start, start + self.codecs[i].width)
            values[:, part], seen = self.codecs[i].encode(columns[i])
            observed[:, part] = seen[:, None]
            start = part.stop
        return _batch(values, observed)

    def _standardised(self, cells: np.ndarray, limit: float) -> tuple[np.ndarray, np.ndarray]:
        """Numbers, (rows, numbers) in their own units, in standard deviations and within so many, 0 where they are
        missing; and 1 where they are not."""
        centre, scale = self._spread
        with np.errstate(over="ignore"):
            standard = np.clip((cells - centre) / scale, -limit, limit)
        seen = ~np.isnan(standard)
        return np.where(seen, standard, 0.0).astype(np.float32), seen.astype(np.float32)

    @cached_property
    def _holds_numbers_alone(self) -> bool:
        return all(c.kind == "real" for c in self.codecs) and {"time", "duration"}.isdisjoint(self.families)

    @cached_property
    def _spread(self) -> tuple[np.ndarray, np.ndarray]:
        """Centre and scale of each number; NaN for a column never observed, so that its cells are missing."""
        numbers = [self.codecs[i] for i in self._order if self.codecs[i].kind == "real"]
        pairs = [(c.center, c.scale) if isinstance(c, NumberCodec) else (np.nan, np.nan) for c in numbers]
        centre, scale = np.array(pairs).reshape(-1, 2).T
        return centre, scale

    def decode(self, targets: np.ndarray, *, clip: bool = True, index_of=None):
        """Targets (rows, targets), means or probabilities, as a frame like the one in training.

        clip: keep numbers inside the range seen in training.  index_of: see `frames.write`.
        """
        return frames.write(self.columns(targets, clip=clip), self.template, index_of=index_of)

    def columns(self, targets, *, clip: bool = True, decoders: Mapping[Any, Decoder] | None = None) -> dict[Any, Any]:
        """Targets (rows, targets) as decoded cells, (rows,), by column name.

        clip: as in `decode`.  decoders: by column name, what decodes it in place of its own codec.
        """
        instead = decoders or {}
        widths = [block.target_width for block in self.layout.blocks]
        parts = np.split(targets, np.cumsum(widths)[:-1], axis=1)
        decoded = {}
        for i, part in zip(self._order, parts, strict=True):
            codec = self.codecs[i]
            decoded[i] = instead.get(codec.name, codec).decode(part, clip=clip)
        return {codec.name: decoded[i] for i, codec in enumerate(self.codecs)}

    def to_json(self) -> dict:
        return {"families": self.families, "columns": [_column_to_json(codec) for codec in self.codecs]}

    @classmethod
    def from_json(cls, state: dict, template=None) -> TableCodec:
        known: dict[str, Any] = {c.__name__: c for c in (NumberCodec, BooleanCodec, CategoryCodec, EmptyCodec)}
        codecs = []
        for column in state["columns"]:
            fields = {k: tuple(v) if isinstance(v, list) else v for k, v in column.items() if k != "codec"}
            codecs.append(known[column["codec"]](**fields))
        return cls(codecs, state["families"], template)


@dataclass(frozen=True)
class _Unencoded:
    """Rows of a table as its columns hold them."""

    encode: Callable[[Sequence[Column]], Batch]
    columns: list[Column]

    def __len__(self) -> int:
        return len(self.columns[0].values)

    def __getitem__(self, rows) -> Batch:
        if isinstance(rows, slice) and rows == slice(None):
            return self.encode(self.columns)
        return self.encode([replace(column, values=column.values[rows]) for column in self.columns])


def _batch(values: np.ndarray, observed: np.ndarray) -> Batch:
    if observed.all():
        return Batch.complete(torch.from_numpy(values))
    return Batch(torch.from_numpy(values), torch.from_numpy(observed))


def _column_to_json(codec: ColumnCodec) -> dict:
    fields = {"codec": type(codec).__name__, **asdict(codec), "name": plain(codec.name, codec.name)}
    if isinstance(codec, CategoryCodec):
        fields |= {key: [plain(level, codec.name) for level in fields[key]] for key in ("levels", "rest")}
    return fields


def plain(value: Any, column: Any) -> Any:
    """The value as JSON has it."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, str | bool | int | float | tuple):
        return value
    raise TypeError(
        f"column {column!r} has names or levels that can't be saved ({type(value).__name__}): convert them with "
        "astype(str) before fit."
    )


def _as_trained(column: Column, codec: ColumnCodec, family: str) -> Column:
    """The column in the representation that its codec learned, or a TypeError that says how to convert it."""
    if isinstance(codec, EmptyCodec) or column.family == family or not column.observed.any():
        if column.family == "label" and codec.kind != "category":
            return Column(column.name, "number", np.full(len(column.values), np.nan))
        return column
    if family == "label":
        values = column.values.astype(object)
        values[~column.observed] = None
        return Column(column.name, "label", values)
    if column.family == "label" or {family, column.family} & {"time", "duration"}:
        example = column.texts[int(column.observed.argmax())]
        raise TypeError(
            f"column {column.name!r} was of kind {family} in training and is now of kind {column.family} (such as "
            f"{example!r}): convert it, for example with pandas.to_numeric or pandas.to_datetime."
        )
    if family == "boolean" and not np.isin(column.values[column.observed], (0.0, 1.0)).all():
        raise TypeError(f"column {column.name!r} was boolean in training and now holds other numbers than 0 and 1.")
    return column
