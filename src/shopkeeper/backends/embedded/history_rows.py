"""Pieces of row arithmetic of a history."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.backends.embedded.history_base import SEQUENCE
from shopkeeper.backends.embedded.history_file import OWNER

__all__ = ["NOT_YET", "at_stamp", "copied", "latest"]

NOT_YET = 2**63 - 1
"""Sequence of rows on their way in: they come after everything else."""


def at_stamp(rows: pa.Table, stamp: int) -> pa.Table:
    """Rows that are on their way in get the moment they came; copies keep theirs."""
    at = rows.schema.get_field_index(SEQUENCE)
    known = rows[SEQUENCE]
    if known.null_count == 0 and stamp != NOT_YET:
        fresh = pc.if_else(pc.equal(known, NOT_YET), stamp, known)
    else:
        fresh = pa.array(np.full(rows.num_rows, stamp, dtype=np.int64))
    return rows.set_column(at, rows.schema.field(at), fresh)


def copied(rows: pa.Table, together: str, owners: Mapping[str, set[str]]) -> pa.Table:
    """Each row once for every owner of what it belongs to."""
    at: list[int] = []
    names: list[str] = []
    for place, order in enumerate(rows[together].to_pylist()):
        for owner in sorted(owners[order]):
            at.append(place)
            names.append(owner)
    copies = rows.take(pa.array(at, pa.int64()))
    return copies.set_column(
        copies.schema.get_field_index(OWNER),
        copies.schema.field(OWNER),
        pa.array(names, pa.string()),
    )


def latest(rows: pa.Table, key: str) -> pa.Table:
    """The row of the highest sequence of each key."""
    coded = pc.dictionary_encode(rows[key].combine_chunks())
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    if len(coded.dictionary) == len(coded):
        return rows
    code = coded.indices.to_numpy()
    order = np.lexsort((rows[SEQUENCE].to_numpy(), code))
    last = np.append(np.diff(code[order]) > 0, True)
    return rows.take(pa.array(np.sort(order[last])))
