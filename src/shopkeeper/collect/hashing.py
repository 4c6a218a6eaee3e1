"""Fingerprints of rows: for telling them apart within a load, and for making stable keys."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

UInt64s = npt.NDArray[np.uint64]


def row_hashes(rows: pa.Table, columns: Sequence[str]) -> UInt64s:
    """64-bit hash of each row over some columns; equal rows are equal, nulls too.

    For use within one process only: the function may change between releases.

    Parameters
    ----------
    rows
        Any column types.
    columns
        Which of them count, in this order.

    Returns
    -------
    ndarray of uint64, shape (rows,)
    """
    if not rows.num_rows:
        return np.zeros(0, dtype=np.uint64)
    listed = ", ".join(f'"{x}"' for x in columns)
    with _engine().cursor() as engine:
        engine.register("incoming", rows.select(list(columns)))
        found = engine.sql(f"select hash({listed}) as h from incoming").to_arrow_table()
    return np.asarray(found.column(0).to_numpy(), dtype=np.uint64)


def row_keys(
    rows: pa.Table, columns: Sequence[str], prefix: str, occurrence: npt.NDArray[np.int64] | None
) -> pa.Array:
    """Stable key of each row: ``prefix_`` and 24 hexadecimal digits of an MD5.

    The digest is taken over the columns as text, joined by the unit separator, an
    empty one written as the record separator, and the occurrence if given: the
    same content has the same key in every file, process and release.

    Parameters
    ----------
    rows
        Text columns.
    columns
        Which of them count, in this order.
    prefix
        Put in front.
    occurrence
        Which of several equal rows each is (0 for the first); None leaves it out.

    Returns
    -------
    pa.Array
        Strings, one per row.
    """
    if not rows.num_rows:
        return pa.array([], pa.string())
    texts = [f'coalesce(cast("{x}" as varchar), chr(30))' for x in columns]
    table = rows.select(list(columns))
    if occurrence is not None:
        table = table.append_column("occurrence", pa.array(occurrence))
        texts.append("cast(occurrence as varchar)")
    with _engine().cursor() as engine:
        engine.register("incoming", table)
        found = engine.sql(
            f"select '{prefix}_' || left(md5(concat_ws(chr(31), {', '.join(texts)})), 24) as k "
            "from incoming"
        ).to_arrow_table()
    return found.column(0).combine_chunks()


class Seen:
    """What hashes a load has met, and how often; 16 bytes for each distinct one.

    Examples
    --------
    >>> seen = Seen()
    >>> seen.occurrences(np.array([7, 7, 9], dtype=np.uint64)).tolist()
    [0, 1, 0]
    >>> seen.occurrences(np.array([9, 7], dtype=np.uint64)).tolist()
    [1, 2]
    """

    def __init__(self) -> None:
        self._hashes = np.zeros(0, dtype=np.uint64)
        self._counts = np.zeros(0, dtype=np.int64)

    def occurrences(self, hashes: UInt64s) -> npt.NDArray[np.int64]:
        """How many equal hashes came before each, in this call and earlier ones."""
        order = np.argsort(hashes, kind="stable")
        ordered = hashes[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        lengths = np.diff(np.concatenate((starts, [len(ordered)])))
        distinct = ordered[starts] if len(ordered) else ordered
        at = np.searchsorted(self._hashes, distinct)
        known = np.zeros(len(distinct), dtype=bool)
        inside = at < len(self._hashes)
        known[inside] = self._hashes[at[inside]] == distinct[inside]
        before = np.zeros(len(distinct), dtype=np.int64)
        before[known] = self._counts[at[known]]
        within = np.arange(len(ordered)) - np.repeat(starts, lengths)
        result = np.empty(len(hashes), dtype=np.int64)
        result[order] = within + np.repeat(before, lengths)
        self._counts[at[known]] += lengths[known]
        self._hashes = np.insert(self._hashes, at[~known], distinct[~known])
        self._counts = np.insert(self._counts, at[~known], lengths[~known])
        return result


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """One engine without tables; cursors of it are independent."""
    engine = duckdb.connect()
    engine.execute("SET threads=1; SET preserve_insertion_order=true")
    return engine
