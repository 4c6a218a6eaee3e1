"""Rows sorted by owner in an uncompressed Arrow file, with an index by owner; read in place.

A few owners' rows are found by binary search and taken out of the memory-mapped file:
nothing else of it is read, and nothing of it stays in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc

__all__ = ["OWNER", "HistoryFile", "hashes", "write_history_file"]

OWNER = "owner"
"""Column that rows are found by."""

_BATCH_ROWS = 500_000
_HASH_BATCH = 100_000
_WIDTH = 64
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)

Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]


def hashes(texts: pa.Array) -> Words:
    """A 64-bit number for each text, equal on every machine and in every release.

    Only the length and the first and last 64 bytes count, so equal numbers do not
    prove equal texts: whoever looks one up compares the texts.

    Parameters
    ----------
    texts
        Strings without nulls.

    Returns
    -------
    numpy.ndarray
        uint64, one a text.

    Examples
    --------
    >>> int(hashes(pa.array(["a"]))[0]) == int(hashes(pa.array(["longer than it", "a"]))[1])
    True
    """
    parts = [
        _hashed(texts.slice(start, _HASH_BATCH)) for start in range(0, len(texts), _HASH_BATCH)
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)


def _hashed(texts: pa.Array) -> Words:
    texts = texts.cast(pa.large_binary())
    _, offsets, data = texts.buffers()
    stops = np.frombuffer(offsets, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    raw = np.frombuffer(data, dtype=np.uint8) if data is not None else np.empty(0, dtype=np.uint8)
    raw = np.append(raw, np.uint8(0))
    start, stop = stops[:-1], stops[1:]
    length = stop - start
    found = (length.astype(np.uint64) + np.uint64(1)) * _PRIME
    width = int(min(max(length.max(), 1), _WIDTH))
    step = np.arange(((width + 7) // 8) * 8)
    for begin in (start, np.maximum(stop - _WIDTH, start)):
        at = begin[:, None] + step
        letters = np.where(at < stop[:, None], raw[np.minimum(at, len(raw) - 1)], np.uint8(0))
        for place, word in enumerate(np.ascontiguousarray(letters).view(np.uint64).T):
            mixed = (found ^ word) * _MIX
            mixed ^= mixed >> np.uint64(29)
            # Words beyond a text's end do not count: the number is that of the text alone.
            found = np.where(8 * place < length, mixed, found)
    return found


def write_history_file(
    file: Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema
) -> HistoryFile:
    """Write rows that are sorted by owner, and their index beside them.

    Parameters
    ----------
    file
        Where to; ``.index`` is added for the index.
    batches
        Rows with the columns of ``schema``, sorted by :data:`OWNER`.
    schema
        With the column :data:`OWNER`.

    Returns
    -------
    HistoryFile
        Opened.
    """
    owners: list[pa.Array] = []
    starts: list[Places] = []
    written, last = 0, None
    with ipc.new_file(file, schema) as sink:
        for rows in _large(batches, schema):
            column = rows.column(OWNER)
            changed = np.ones(len(column), dtype=bool)
            changed[1:] = pc.not_equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
            changed[0] = column[0].as_py() != last
            at = np.flatnonzero(changed)
            owners.append(column.take(pa.array(at)))
            starts.append(at + written)
            written, last = written + len(column), column[-1].as_py()
            sink.write_batch(rows)
    names = pa.concat_arrays(owners) if owners else pa.array([], pa.string())
    start = np.concatenate([*starts, [written]]).astype(np.int64)
    number = hashes(names)
    order = np.argsort(number, kind="stable")
    index = pa.record_batch(
        {
            "hash": number[order],
            OWNER: names.take(pa.array(order)),
            "start": start[:-1][order],
            "stop": start[1:][order],
        }
    )
    with ipc.new_file(_index_of(file), index.schema) as sink:
        sink.write_batch(index)
    return HistoryFile(file)


def _large(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Regroup batches so that every one but the last has ``_BATCH_ROWS`` rows."""
    waiting: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        rows = batch.cast(schema)
        while size + len(rows) >= _BATCH_ROWS:
            cut = _BATCH_ROWS - size
            yield _joined([*waiting, rows.slice(0, cut)])
            rows, waiting, size = rows.slice(cut), [], 0
        if len(rows):
            waiting.append(rows)
            size += len(rows)
    if waiting:
        yield _joined(waiting)


def _joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


def _index_of(file: Path) -> Path:
    return file.with_name(file.name + ".index")


@dataclass
class HistoryFile:
    """A file of rows by owner, read in place.

    Parameters
    ----------
    file
        Written by :func:`write_history_file`.
    """

    file: Path
    rows: int = field(init=False)

    def __post_init__(self) -> None:
        self._source = pa.memory_map(str(self.file))
        reader = ipc.open_file(self._source)
        self.schema = reader.schema
        self._batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
        self.rows = sum(len(x) for x in self._batches)
        self._index_source = pa.memory_map(str(_index_of(self.file)))
        index = ipc.open_file(self._index_source).get_batch(0)
        self._owners: pa.Array = index.column(OWNER)
        self._hash: Words = index.column("hash").to_numpy()
        self._start: Places = index.column("start").to_numpy()
        self._stop: Places = index.column("stop").to_numpy()

    def take(self, owners: pa.Array, numbers: Words) -> pa.Table:
        """Every row of some owners.

        Parameters
        ----------
        owners
            Distinct, without nulls.
        numbers
            Their :func:`hashes`.

        Returns
        -------
        pa.Table
            No order.
        """
        start, stop = self._ranges(owners, numbers)
        if len(start) == 0:
            return self.schema.empty_table()
        at = _spread(start, stop)
        batch = at // _BATCH_ROWS
        edges = np.flatnonzero(np.diff(batch)) + 1
        parts = [
            self._batches[int(part[0]) // _BATCH_ROWS].take(pa.array(part % _BATCH_ROWS))
            for part in np.split(at, edges)
        ]
        return pa.Table.from_batches(parts, self.schema)

    def all(self) -> pa.Table:
        """Every row, sorted by owner."""
        return pa.Table.from_batches(self._batches, self.schema)

    def _ranges(self, owners: pa.Array, numbers: Words) -> tuple[Places, Places]:
        """First row and the row after the last of each owner present, by place in the file."""
        if len(self._hash) == 0 or len(owners) == 0:
            return self._start[:0], self._stop[:0]
        first = np.searchsorted(self._hash, numbers, side="left")
        after = np.searchsorted(self._hash, numbers, side="right")
        who = np.repeat(np.arange(len(numbers)), after - first)
        at = _spread(first, after)
        if len(at) == 0:
            return self._start[:0], self._stop[:0]
        same = pc.equal(self._owners.take(pa.array(at)), owners.take(pa.array(who)))
        at = at[same.to_numpy(zero_copy_only=False)]
        start, stop = self._start[at], self._stop[at]
        order = np.argsort(start)
        return start[order], stop[order]


def _spread(start: Places, stop: Places) -> Places:
    """Every whole number of the half-open ranges, range after range."""
    length = (stop - start).astype(np.int64)
    total = int(length.sum())
    if total == 0:
        return np.empty(0, dtype=np.int64)
    begins = np.repeat(start - np.concatenate([[0], np.cumsum(length)[:-1]]), length)
    spread: Places = np.arange(total, dtype=np.int64) + begins
    return spread
