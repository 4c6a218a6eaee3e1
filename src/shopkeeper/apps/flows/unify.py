"""From loaded rows to customers: edges, identities, resolved facts, profiles."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import ibis
import pyarrow as pa

from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import tables as t
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import TableContract
from shopkeeper.govern import lineage
from shopkeeper.unify import resolve
from shopkeeper.unify.identifiers import Guards
from shopkeeper.unify.identify import identify, identities_of
from shopkeeper.unify.profile import profiles


@dataclass(frozen=True, slots=True)
class UnifyReport:
    """What one run of unify found and wrote.

    Parameters
    ----------
    run_id
        The run.
    identifiers, customers
        Rows of ``identities`` and distinct customers in it.
    edges
        Edges that hold, by rule.
    refused
        Edges refused, by reason.
    undone
        Edges that people took back.
    overshared
        Identifiers of too many references to merge on, by kind.
    blocked
        References that name nobody (``crm:0``).
    rows
        Rows written, by table.
    lineage
        Column dependencies recorded.
    seconds
        Time taken, by table.
    """

    run_id: str
    identifiers: int
    customers: int
    edges: Mapping[str, int]
    refused: Mapping[str, int]
    undone: int
    overshared: Mapping[str, int]
    blocked: int
    rows: Mapping[str, int]
    lineage: int
    seconds: Mapping[str, float] = field(compare=False)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def run_unify(
    runtime: Runtime, *, as_of: datetime, run_id: str, guards: Guards | None = None
) -> UnifyReport:
    """Resolve every loaded row to a customer and write the resolved tables.

    Parameters
    ----------
    runtime
        Its tables are read and written.
    as_of
        Creation time of new edges; consents stated later do not hold yet.
    run_id
        Recorded with the lineage.
    guards
        Limits of merging; None takes the defaults.

    Returns
    -------
    UnifyReport
        Running again on the same data writes the same rows.
    """
    tables = runtime.tables
    started = time.perf_counter()
    found = identify(tables, guards or Guards(), as_of=as_of)
    seconds = {"identities": round(time.perf_counter() - started, 3)}
    traced = [_trace(identities_of(tables), t.IDENTITIES, run_id)]
    rows = {"identities": found.identifiers}
    for contract, expr in _resolved(tables, as_of):
        started = time.perf_counter()
        rows[contract.name] = tables.materialise(expr, contract).rows
        seconds[contract.name] = round(time.perf_counter() - started, 3)
        traced.append(_trace(expr, contract, run_id))
    edges = lineage.write(tables, pa.concat_tables(traced))
    return UnifyReport(
        run_id,
        found.identifiers,
        found.customers,
        found.edges,
        found.refused,
        found.undone,
        found.overshared,
        found.blocked,
        rows,
        edges,
        seconds,
    )


def _resolved(tables: TableStore, as_of: datetime) -> Iterator[tuple[TableContract, ibis.Table]]:
    identities = tables.table(t.IDENTITIES)
    orders, lines = tables.table(t.ORDERS), tables.table(t.ORDER_LINES)
    moment = ibis.literal(as_of.replace(tzinfo=None)).cast("timestamp('UTC', 6)")
    yield t.PURCHASES, resolve.purchases(orders, lines, identities)
    yield (
        t.PURCHASE_LINES,
        resolve.purchase_lines(lines, tables.table(t.PRODUCTS), identities),
    )
    if tables.exists(t.EVENTS) or tables.exists(t.ACTIVITY):
        verdicts = tables.table(t.VERDICTS)
        yield t.ACTIVITY, resolve.activity(tables.table(t.EVENTS), identities, verdicts)
    yield t.CONTACTS, resolve.contacts(tables.table(t.TOUCHES), identities)
    yield t.PERMITS, resolve.permits(tables.table(t.CONSENTS), identities, as_of=moment)
    yield t.PROFILES, profiles(tables.table(t.CUSTOMERS), identities)


def _trace(expr: ibis.Table, contract: TableContract, run_id: str) -> pa.Table:
    return lineage.trace(expr, contract, step=f"unify.{contract.name}", run_id=run_id)
