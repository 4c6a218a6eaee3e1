"""Which rows of a chunk are new, already known, or contradict what is known."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shopkeeper.collect.hashing import Seen, UInt64s, row_hashes, row_keys
from shopkeeper.collect.mapping import DERIVED, SourceMapping
from shopkeeper.core import columns as c
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import TableContract

PROVENANCE = frozenset({c.SOURCE, c.LOAD_ID, c.RECEIVED_AT, c.MONTH, c.DAY, c.DOW, c.HOUR})
"""Columns that do not make two records different (or follow from others)."""
Fates = npt.NDArray[np.int8]


class Fate(IntEnum):
    """What becomes of a row."""

    NEW = 0
    REPEATED = 1
    CONFLICT = 2
    CHANGED = 3
    REPLACES = 4


class Memory:
    """Keys and content a load has met, in source order; 16 bytes a row.

    Parameters
    ----------
    mapping
        Table and whether later rows replace earlier ones.
    """

    def __init__(self, mapping: SourceMapping) -> None:
        self._contract = mapping.contract
        self._replaces = mapping.replaces
        self._keys = np.zeros(0, dtype=np.uint64)
        self._contents = np.zeros(0, dtype=np.uint64)

    def judge(self, rows: pa.Table) -> Fates:
        """Compare a chunk with itself and all before it, then remember it.

        Parameters
        ----------
        rows
            Under the contract.

        Returns
        -------
        ndarray of int8, shape (rows,)
            A :class:`Fate`: the first row of a key is NEW (REPLACES if an earlier
            chunk had the key); an equal one later is REPEATED; a different one is
            CONFLICT, or takes the place of the earlier where rows replace.
        """
        keys = row_hashes(rows, [str(x) for x in self._contract.key])
        contents = row_hashes(rows, content_columns(self._contract))
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        new_group = np.concatenate(([True], ordered[1:] != ordered[:-1]))[: len(keys)]
        starts = np.flatnonzero(new_group)
        group = np.cumsum(new_group) - 1
        distinct = ordered[starts]
        known, before = self._find(distinct)
        reference = np.where(known, before, contents[order][starts])
        fates = np.zeros(len(keys), dtype=np.int8)
        same = contents[order] == reference[group]
        first = new_group & ~known[group]
        if self._replaces:
            last = np.concatenate((new_group[1:], [True]))[: len(keys)]
            ordered_fates = np.where(last, Fate.NEW, Fate.REPEATED)
            anew = np.where(same, Fate.REPEATED, Fate.REPLACES)
            ordered_fates = np.where(last & known[group], anew, ordered_fates)
            kept = order[last]
        else:
            ordered_fates = np.where(first, Fate.NEW, np.where(same, Fate.REPEATED, Fate.CONFLICT))
            kept = order[starts]
        fates[order] = ordered_fates
        self._remember(distinct, contents[kept], known)
        return fates

    def _find(self, keys: UInt64s) -> tuple[npt.NDArray[np.bool_], UInt64s]:
        at = np.searchsorted(self._keys, keys)
        inside = np.minimum(at, max(len(self._keys) - 1, 0))
        known = self._keys[inside] == keys if len(self._keys) else np.zeros(len(keys), dtype=bool)
        contents = (
            self._contents[inside] if len(self._keys) else np.zeros(len(keys), dtype=np.uint64)
        )
        return known, contents

    def _remember(self, keys: UInt64s, contents: UInt64s, known: npt.NDArray[np.bool_]) -> None:
        at = np.searchsorted(self._keys, keys)
        if self._replaces:
            self._contents[at[known]] = contents[known]
        self._keys = np.insert(self._keys, at[~known], keys[~known])
        self._contents = np.insert(self._contents, at[~known], contents[~known])


def against_store(
    rows: pa.Table, fates: Fates, mapping: SourceMapping, tables: TableStore, load_id: str
) -> Fates:
    """Compare the new rows of a chunk with what other loads have stored.

    Parameters
    ----------
    rows
        Under the contract.
    fates
        From :meth:`Memory.judge`; only NEW and REPLACES rows are looked up.
    mapping
        Whether changed rows replace stored ones.
    tables
        The lake.
    load_id
        Rows this load itself stored before it was interrupted do not count.

    Returns
    -------
    ndarray of int8
        Stored with equal content: REPEATED; with other content: CHANGED, or
        REPLACES where rows replace.
    """
    contract = mapping.contract
    open_ = np.flatnonzero((fates == Fate.NEW) | (fates == Fate.REPLACES))
    if not len(open_):
        return fates
    wanted = rows.take(pa.array(open_))
    stored = _stored(wanted, contract, tables, load_id)
    if not stored.num_rows:
        return fates
    key_names = [str(x) for x in contract.key]
    names = content_columns(contract)
    stored_keys = row_hashes(stored, key_names)
    order = np.argsort(stored_keys)
    stored_keys, stored_contents = stored_keys[order], row_hashes(stored, names)[order]
    keys, contents = row_hashes(wanted, key_names), row_hashes(wanted, names)
    at = np.minimum(np.searchsorted(stored_keys, keys), len(stored_keys) - 1)
    known = stored_keys[at] == keys
    same = known & (stored_contents[at] == contents)
    other = Fate.REPLACES if mapping.replaces else Fate.CHANGED
    result = fates.copy()
    result[open_[known]] = other
    result[open_[same]] = Fate.REPEATED
    return result


def with_derived_keys(rows: pa.Table, mapping: SourceMapping, seen: Seen) -> pa.Table:
    """Make the key columns a source does not have, from the content of each row.

    A line's order is its customer, moment, store and channel; every other key is
    the whole content of the row and which of several equal rows it is, so that
    the same record has the same key in a day file and in the whole.

    Parameters
    ----------
    rows
        Typed rows; key columns to make are null or absent.
    mapping
        Says which are made.
    seen
        Counts equal rows of the load.

    Returns
    -------
    pa.Table
    """
    contract = mapping.contract
    for column in reversed(DERIVED.get(contract.name, ())):
        if not mapping.derives(column):
            continue
        if column == c.ORDER_ID and contract.name == "order_lines":
            basis = [str(x) for x in (c.CUSTOMER_REF, c.TS_US, c.STORE_ID, c.CHANNEL)]
            made = row_keys(rows, basis, "basket", None)
        else:
            own = {str(column), *PROVENANCE, c.OCCURRED_AT, c.SENT_AT}
            basis = [str(x) for x in contract.columns if x in rows.column_names and x not in own]
            made = row_keys(rows, basis, "row", seen.occurrences(row_hashes(rows, basis)))
        rest = [x for x in rows.column_names if x != column]
        rows = rows.select(rest).append_column(str(column), made)
    return rows


def content_columns(contract: TableContract) -> list[str]:
    """Columns by which two records with one key are compared."""
    return [str(x) for x in contract.columns if x not in PROVENANCE]


def _stored(
    wanted: pa.Table, contract: TableContract, tables: TableStore, load_id: str
) -> pa.Table:
    names: Sequence[str] = [str(x) for x in contract.key]
    stored = tables.table(contract)
    schema = ibis.schema({x: contract.ibis_schema[x] for x in names})
    incoming = ibis.table(schema, name="incoming_keys")
    columns = list(dict.fromkeys([*names, *content_columns(contract)]))
    matches = (
        stored.filter(stored[c.LOAD_ID] != load_id)
        .select(*columns)
        .semi_join(incoming, list(names))
    )
    return tables.run(matches, {"incoming_keys": wanted.select(list(names))})
