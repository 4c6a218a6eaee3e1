"""What the online features keep of the loaded tables, and how the lake fills it at night."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.backends.embedded.history import History
from shopkeeper.backends.embedded.history_base import BY_ORDER, HistoryTable
from shopkeeper.backends.embedded.history_file import OWNER
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import columns as c
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import (
    ACTIVITY,
    ARROW_TYPES,
    EVENTS,
    ORDER_LINES,
    ORDERS,
    TOUCHES,
    VERDICTS,
    TableContract,
)
from shopkeeper.unify.resolve import HUMAN_FROM

DEVICE = "anonymous_id:"

_UNREAD = {c.STATUS, c.SOURCE, c.LOAD_ID}
_EVENT_COLUMNS = (
    *(x for x in ACTIVITY.columns if x != c.CUSTOMER_ID),
    c.CUSTOMER_REF,
    c.ANONYMOUS_ID,
    c.INVALID,
)
LOADED_TABLES: tuple[tuple[TableContract, tuple[c.Column, ...], str | None], ...] = (
    (ORDERS, tuple(x for x in ORDERS.columns if x not in _UNREAD), str(c.ORDER_ID)),
    (ORDER_LINES, tuple(x for x in ORDER_LINES.columns if x not in _UNREAD), str(c.ORDER_ID)),
    (EVENTS, _EVENT_COLUMNS, None),
    (TOUCHES, tuple(x for x in TOUCHES.columns if x not in (c.SOURCE, c.LOAD_ID)), None),
)
"""Loaded tables, the columns that resolving them reads, and what must be seen together."""


def history_folder(runtime: Runtime) -> Path:
    """Where the history of a shop lies.

    Parameters
    ----------
    runtime
        The open shop.

    Returns
    -------
    Path
    """
    return runtime.settings.store.folder.expanduser().resolve() / "live" / "history"


def open_history(folder: Path, *, tail_rows: int = 100_000) -> History:
    """The history with the tables of the online features.

    Parameters
    ----------
    folder
        Created when missing.
    tail_rows
        Rows held in memory before they go to a file.

    Returns
    -------
    History
    """
    tables = [
        HistoryTable(
            contract.name,
            pa.schema([pa.field(str(x), ARROW_TYPES[x.kind]) for x in columns]),
            str(contract.key[0]),
            together,
        )
        for contract, columns, together in LOADED_TABLES
    ]
    return History(folder, tables, tail_rows=tail_rows)


def owned(table: ibis.Table, contract: TableContract) -> ibis.Table:
    """Rows of a loaded table with the reference or device they are kept under.

    Parameters
    ----------
    table
        Unbound.
    contract
        Which.

    Returns
    -------
    ibis.Table
        With ``owner``; events of nobody are left out.
    """
    owner = table[c.CUSTOMER_REF]
    if contract is EVENTS:
        device = ibis.literal(DEVICE) + table[c.ANONYMOUS_ID]
        owner = ibis.coalesce(owner, device)
    rows = table.mutate(**{OWNER: owner})
    return rows.filter(rows[OWNER].notnull())


def of_people(events: ibis.Table, verdicts: ibis.Table) -> ibis.Table:
    """Events that later judgement did not find to be a program's; as ``resolve.activity``.

    Parameters
    ----------
    events, verdicts
        Unbound.

    Returns
    -------
    ibis.Table
        The columns of the events.
    """
    programs = verdicts.filter(verdicts[c.HUMAN] < HUMAN_FROM)
    return events.anti_join(programs, events[c.EVENT_ID] == programs[c.EVENT_ID])


def owned_rows(rows: pa.Table, contract: TableContract) -> pa.Table:
    """As :func:`owned`, of rows in memory.

    Parameters
    ----------
    rows
        Of the table.
    contract
        Which.

    Returns
    -------
    pa.Table
    """
    owner = rows[str(c.CUSTOMER_REF)]
    if contract is EVENTS:
        device = pc.binary_join_element_wise(DEVICE, rows[str(c.ANONYMOUS_ID)], "")
        owner = pc.coalesce(owner, device)
    known = rows.append_column(OWNER, owner)
    return known.filter(pc.is_valid(known[OWNER]))


def prime(
    history: History, store: TableStore, *, keep_after_us: int, again_after_us: int | None = None
) -> Mapping[str, int]:
    """Fill the history from the lake, as it stands now.

    Parameters
    ----------
    history
        Read by the worker meanwhile.
    store
        The lake.
    keep_after_us
        Rows that arrived live before it are in the lake.
    again_after_us
        Customers touched from then on are to be computed again; None: only those not done.

    Returns
    -------
    Mapping
        Rows written, by table.
    """
    view = store.snapshot()
    base = history.rebuild()
    written = {name: base.write(name, view.stream(expr)) for name, expr in base_rows(view)}
    base.finish(keep_after_us=keep_after_us, again_after_us=again_after_us)
    return written


def base_rows(store: TableStore) -> Iterator[tuple[str, ibis.Table]]:
    """Every file of the base that is made of loaded rows, sorted by owner.

    Parameters
    ----------
    store
        The lake.

    Yields
    ------
    str, ibis.Table
        Name of the file and its rows.
    """
    tables = {x.name: owned(store.table(x), x) for x, _, _ in LOADED_TABLES}
    tables[EVENTS.name] = of_people(tables[EVENTS.name], store.table(VERDICTS))
    pairs = _order_owners(tables[ORDERS.name], tables[ORDER_LINES.name])
    counts = pairs.group_by("order_id").aggregate(n=pairs.count())
    shared = pairs.semi_join(counts.filter(counts.n > 1), "order_id")
    for contract, columns, together in LOADED_TABLES:
        rows = tables[contract.name]
        wanted = rows.select(OWNER, *(str(x) for x in columns))
        if together:
            wanted = wanted.union(_copies(rows, shared, columns), distinct=False)
        yield contract.name, wanted.order_by(OWNER)
    by_order = pairs.select(**{OWNER: pairs.order_id, "reference": pairs[OWNER]})
    yield BY_ORDER, by_order.order_by(OWNER)


def _order_owners(orders: ibis.Table, lines: ibis.Table) -> ibis.Table:
    pair = [str(c.ORDER_ID), OWNER]
    return ibis.union(orders.select(*pair), lines.select(*pair), distinct=True)


def _copies(rows: ibis.Table, shared: ibis.Table, columns: Sequence[c.Column]) -> ibis.Table:
    """Rows of orders that several owners share, for each owner that does not have them."""
    other = shared.select(order_id="order_id", other=OWNER)
    both = rows.join(other, rows[c.ORDER_ID] == other.order_id)
    both = both.filter(both[OWNER] != both.other)
    return both.select(**{OWNER: both.other}, **{str(x): both[str(x)] for x in columns}).cast(
        {str(x): rows[str(x)].type() for x in columns}
    )
