"""Tables in memory: the door for data that another library already reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.collect.sources.base import RawBatch, Reading

BATCH_ROWS = 100_000


class ArrowSource:
    """An Arrow table.

    Parameters
    ----------
    rows
        Any column types; nested columns are flattened to dotted names.
    name
        What the report calls it.
    """

    format = "arrow"
    has_header = True
    notes: Sequence[tuple[str, str]] = ()

    def __init__(self, rows: pa.Table, name: str) -> None:
        self.name = name
        self._rows = flat(rows)
        self.size = int(rows.nbytes)

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(self._rows.column_names)

    def digest(self) -> str:
        """SHA-256 of names, types and values, however the rows are chunked."""
        digest = hashlib.sha256(str(self._rows.schema.remove_metadata()).encode())
        for start in range(0, self._rows.num_rows, BATCH_ROWS):
            for column in self._rows.slice(start, BATCH_ROWS).columns:
                digest_values(digest, column)
        return digest.hexdigest()

    def batches(self, reading: Reading) -> Iterator[RawBatch]:
        """Rows in order."""
        total = self._rows.num_rows
        for start in range(0, total, BATCH_ROWS):
            part = self._rows.slice(start, BATCH_ROWS)
            numbers = np.arange(start + 1, start + 1 + part.num_rows, dtype=np.int64)
            reading.bytes_done = int(self.size * (start + part.num_rows) / total)
            yield RawBatch(part, numbers)


def digest_values(digest: Any, column: pa.ChunkedArray) -> None:
    """Add the values of a column to a digest, and nothing else.

    Arrow's buffers hold unset bytes behind nulls and at their ends, so that equal
    tables need not have equal bytes.

    Parameters
    ----------
    digest
        Of ``hashlib``.
    column
        Flat.
    """
    digest.update(pc.is_null(column).to_numpy().tobytes())
    kind = column.type
    if pa.types.is_temporal(kind) and kind.bit_width in {32, 64}:
        column = column.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        digest.update(pc.fill_null(column, 0).to_numpy().tobytes())
        return
    text = pc.fill_null(column.cast(pa.large_string()), "")
    digest.update(pc.binary_length(text).to_numpy().tobytes())
    for chunk in text.chunks:
        _, offsets, data = chunk.buffers()
        ends = np.frombuffer(offsets, dtype=np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
        if data is not None:
            digest.update(memoryview(data)[int(ends[0]) : int(ends[-1])])


def flat(rows: pa.Table) -> pa.Table:
    """Struct columns as dotted columns, dictionaries as values, lists as JSON text."""
    while any(pa.types.is_struct(x.type) for x in rows.schema):
        rows = rows.flatten()
    for position, column in enumerate(rows.schema):
        if pa.types.is_dictionary(column.type):
            plain = rows.column(position).cast(column.type.value_type)
        elif pa.types.is_nested(column.type):
            plain = pa.array([_as_json(x) for x in rows.column(position).to_pylist()], pa.string())
        else:
            continue
        rows = rows.set_column(position, column.name, plain)
    return rows


def _as_json(value: object) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)
