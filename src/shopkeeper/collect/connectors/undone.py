"""Orders that a source changes to cancelled or refunded after we took them as sales.

A file of orders is a picture of one moment; a table that is read on shows the same order
again with another state. Here a stored sale stays as it is, and its undoing becomes a
return of the whole amount with the id ``<order>#undone``, so that sums come to zero and
the history keeps both facts. An order that is first met as refunded gives both at once; one
first met as cancelled was never a purchase and is refused as such.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.collect.mapping import SourceMapping
from shopkeeper.collect.text import plain, words
from shopkeeper.collect.vocabulary import KINDS, STATES
from shopkeeper.core import columns as c

SUFFIX = "#undone"
SALES = frozenset({"orders", "order_lines"})
YES = ("1", "true", "True", "t", "yes", "y", "Y", "是")
"""What a column of deletion says for yes."""

Stored = Callable[[pa.Array], pa.Array]
"""Whether each order or line id is in the lake already."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Rows of one reading by what becomes of them.

    Parameters
    ----------
    plain
        To be loaded as they are.
    sales
        Refunded orders, to be loaded as the sales they were.
    reversals
        The same rows and cancelled stored ones, to be loaded as returns.
    left_out
        Deleted rows that need nothing.
    """

    plain: pa.Table
    sales: pa.Table
    reversals: pa.Table
    left_out: int


def split(rows: pa.Table, mapping: SourceMapping, *, deleted_column: str, stored: Stored) -> Parts:
    """Tell rows that undo a sale from all others.

    Parameters
    ----------
    rows
        Text columns as read.
    mapping
        How they are read.
    deleted_column
        Column that marks deleted rows; empty if there is none.
    stored
        Asked for the ids of the rows in question.

    Returns
    -------
    Parts
    """
    n = rows.num_rows
    no = pa.repeat(pa.scalar(False), n)
    deleted = no
    if deleted_column and deleted_column in rows.column_names:
        said = plain(rows.column(deleted_column))
        deleted = pc.fill_null(pc.is_in(said, value_set=pa.array(YES)), fill_value=False)
    if mapping.table not in SALES:
        left = int(pc.sum(deleted).as_py() or 0)
        return Parts(rows.filter(pc.invert(deleted)), rows.slice(0, 0), rows.slice(0, 0), left)
    state = _meaning(rows, mapping, c.STATUS, STATES)
    own_return = pc.or_(
        _is(_meaning(rows, mapping, c.KIND, KINDS), "return"), _negative(rows, mapping)
    )
    refunded = pc.and_(_is(state, "return"), pc.invert(own_return))
    cancelled = pc.and_(pc.or_(_is(state, "none"), deleted), pc.invert(refunded))
    known = no
    if pc.any(cancelled).as_py():
        known = stored(_ids(rows, mapping))
    taken_back = pc.and_(cancelled, known)
    vanished = pc.and_(deleted, pc.invert(pc.or_(known, refunded)))
    reversals = pc.or_(refunded, taken_back)
    rest = pc.invert(pc.or_(reversals, vanished))
    return Parts(
        rows.filter(rest), rows.filter(refunded), _renamed(rows.filter(reversals), mapping),
        int(pc.sum(vanished).as_py() or 0),
    )  # fmt: skip


def as_sale(mapping: SourceMapping) -> SourceMapping:
    """The mapping for refunded rows read as the sales they were."""
    columns = {k: v for k, v in mapping.columns.items() if k != c.STATUS}
    return replace(mapping, columns=columns)


def as_reversal(mapping: SourceMapping, changed_at: str) -> SourceMapping:
    """The mapping for the same rows read as returns.

    Parameters
    ----------
    mapping
        Of the orders.
    changed_at
        Column that says when the row changed; empty keeps the order's own moment.
    """
    columns = {k: v for k, v in mapping.columns.items() if k not in {c.STATUS, c.KIND}}
    if changed_at:
        columns[str(c.OCCURRED_AT)] = (changed_at,)
    return replace(mapping, columns=columns, constants={**mapping.constants, str(c.KIND): "return"})


def id_column(mapping: SourceMapping) -> str:
    """Contract column by which a stored row is found."""
    if mapping.table == "order_lines" and c.LINE_ID in mapping.columns:
        return str(c.LINE_ID)
    return str(c.ORDER_ID)


def _ids(rows: pa.Table, mapping: SourceMapping) -> pa.Array:
    headers = mapping.columns.get(id_column(mapping))
    if headers is None or headers[0] not in rows.column_names:
        return pa.nulls(rows.num_rows, pa.string())
    return plain(rows.column(headers[0]))


def _renamed(rows: pa.Table, mapping: SourceMapping) -> pa.Table:
    for column in {x for y in (c.ORDER_ID, c.LINE_ID) for x in mapping.columns.get(y, ())}:
        ids = pc.binary_join_element_wise(plain(rows.column(column)), SUFFIX, "")
        rows = rows.set_column(rows.column_names.index(column), column, ids)
    return rows


def _meaning(
    rows: pa.Table, mapping: SourceMapping, column: str, meanings: dict[str, str]
) -> pa.Array:
    headers = mapping.columns.get(column)
    if headers is None or headers[0] not in rows.column_names:
        return pa.nulls(rows.num_rows, pa.string())
    return words(plain(rows.column(headers[0])), meanings)


def _is(values: pa.Array, word: str) -> pa.Array:
    return pc.fill_null(pc.equal(values, word), fill_value=False)


def _negative(rows: pa.Table, mapping: SourceMapping) -> pa.Array:
    headers = mapping.columns.get(c.AMOUNT_MINOR)
    if headers is None or headers[0] not in rows.column_names:
        return pa.repeat(pa.scalar(False), rows.num_rows)
    return pc.fill_null(pc.starts_with(plain(rows.column(headers[0])), "-"), fill_value=False)
