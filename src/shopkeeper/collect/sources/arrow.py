"""Tables in memory: the door for data that another library already reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from shopkeeper.collect.sources.base import RawBatch, Reading

BATCH_ROWS = 100_000


class _Digesting:
    """A sink that keeps only the digest of what is written."""

    closed = False

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Take bytes."""
        self.digest.update(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing to release."""


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
        """SHA-256 of the rows in Arrow's stream format, however they were chunked."""
        sink = _Digesting()
        whole = self._rows.combine_chunks()
        with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), whole.schema) as writer:
            for batch in whole.to_batches(max_chunksize=BATCH_ROWS):
                # a slice still carries what lies outside it; a copy holds its own rows only
                writer.write_batch(batch.take(pa.array(np.arange(batch.num_rows))))
        return sink.digest.hexdigest()

    def batches(self, reading: Reading) -> Iterator[RawBatch]:
        """Rows in order."""
        total = self._rows.num_rows
        for start in range(0, total, BATCH_ROWS):
            part = self._rows.slice(start, BATCH_ROWS)
            numbers = np.arange(start + 1, start + 1 + part.num_rows, dtype=np.int64)
            reading.bytes_done = int(self.size * (start + part.num_rows) / total)
            yield RawBatch(part, numbers)


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
