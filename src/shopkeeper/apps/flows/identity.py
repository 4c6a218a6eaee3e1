"""Who is one person, for people: the edges of a customer, and taking one back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.apps.flows.unify import UnifyReport, run_unify
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import columns as c
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import IDENTITIES, IDENTITY_EDGES
from shopkeeper.unify import graph
from shopkeeper.unify.identifiers import RULES, Guards
from shopkeeper.unify.identify import edge_nodes
from shopkeeper.unify.match import MANUAL


@dataclass(frozen=True, slots=True)
class UndoReport:
    """What taking an edge back did.

    Parameters
    ----------
    edge_id
        The edge; it is kept, marked, and never made again.
    change
        Customers before and after, and the identifiers that moved.
    unify
        The run that recomputed identities and resolved tables.
    """

    edge_id: str
    change: graph.Preview
    unify: UnifyReport

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "edge_id": self.edge_id,
            **self.change.to_dict(),
            "rows": dict(self.unify.rows),
            "run_id": self.unify.run_id,
        }


def customer_named(store: TableStore, who: str) -> str:
    """The customer that an id or an identifier names.

    Parameters
    ----------
    store
        The lake.
    who
        Customer id, or identifier as ``kind:value``.

    Returns
    -------
    str
        Customer id as currently believed. An identifier wins where both exist.

    Raises
    ------
    NotFoundError
        If nobody answers to it.
    """
    rows = store.table(IDENTITIES)
    asked = ibis.literal(who)
    named = rows.filter((rows[c.CUSTOMER_ID] == asked) | (rows[c.IDENTIFIER] == asked))
    found = store.run(named.select(c.IDENTIFIER, c.CUSTOMER_ID)).to_pylist()
    if not found:
        raise NotFoundError(
            f"no customer answers to {who!r}",
            next_step="Give a customer id, or an identifier as kind:value",
            who=who,
        )
    exact = (x["customer_id"] for x in found if x["identifier"] == who)
    return str(next(exact, found[0]["customer_id"]))


def edges_of(store: TableStore, who: str) -> list[dict[str, Any]]:
    """Why a customer's identifiers are one person, undone edges included.

    Parameters
    ----------
    store
        The lake.
    who
        Customer id or identifier.

    Returns
    -------
    list of dict
        Rows of ``identity_edges``, oldest first, with ``evidence`` read and the
        rule in words (``rule_zh``, ``rule_en``). Empty if nothing was merged.

    Raises
    ------
    NotFoundError
        If nobody answers to ``who``.
    """
    customer_id = customer_named(store, who)
    rows = store.run(_touching(store, customer_id)).to_pylist()
    words = {x.key: (x.zh, x.en) for x in RULES.values()} | {MANUAL: ("人工合并", "Merged by hand")}
    for row in rows:
        row["rule_zh"], row["rule_en"] = words.get(row["rule"], (row["rule"], row["rule"]))
        row["evidence"] = json.loads(row["evidence"]) if row["evidence"] else None
    return sorted(rows, key=lambda x: (x["created_at"], x["edge_id"]))


def preview_undo(runtime: Runtime, edge_id: str, *, as_of: datetime) -> graph.Preview:
    """What undoing an edge would change; writes nothing.

    Parameters
    ----------
    runtime
        The open shop.
    edge_id
        Which edge.
    as_of
        When identifiers count as first seen whose load is not recorded.

    Returns
    -------
    Preview

    Raises
    ------
    NotFoundError
        If there is no such edge.
    """
    store = runtime.tables
    edges = _around(store, edge_id)
    nodes = edge_nodes(store, edges, as_of=as_of)
    return graph.preview(edges, nodes, Guards(), without=[edge_id])


def undo_edge(runtime: Runtime, edge_id: str, *, as_of: datetime, run_id: str) -> UndoReport:
    """Take an edge back and recompute identities and resolved tables.

    Features, scores, segments and plans follow with the next nightly run.

    Parameters
    ----------
    runtime
        The open shop; its clock says when the edge was undone.
    edge_id
        Which edge.
    as_of
        Moment of the run of unify.
    run_id
        Recorded with the lineage.

    Returns
    -------
    UndoReport

    Raises
    ------
    NotFoundError
        If there is no such edge.
    PlanError
        If it was undone before.
    """
    store = runtime.tables
    edges = _around(store, edge_id)
    marked = graph.undo(edges, edge_id, at=runtime.clock.now())
    change = preview_undo(runtime, edge_id, as_of=as_of)
    row = marked.filter(pc.equal(marked[str(c.EDGE_ID)], edge_id))
    store.merge(IDENTITY_EDGES, IDENTITY_EDGES.cast(row))
    return UndoReport(edge_id, change, run_unify(runtime, as_of=as_of, run_id=run_id))


def _around(store: TableStore, edge_id: str) -> pa.Table:
    """The edge and all edges of the customers at its ends; empty if there is no such edge."""
    edges = store.table(IDENTITY_EDGES)
    one = store.run(edges.filter(edges[c.EDGE_ID] == ibis.literal(edge_id)))
    if one.num_rows == 0:
        return one
    identities = store.table(IDENTITIES)
    ends = [one[str(x)][0].as_py() for x in (c.LEFT, c.RIGHT)]
    owners = store.run(
        identities.filter(identities[c.IDENTIFIER].isin(ends)).select(c.CUSTOMER_ID).distinct()
    )[str(c.CUSTOMER_ID)].to_pylist()
    near = [store.run(_touching(store, x)) for x in owners]
    everything = pa.concat_tables([one, *near])
    first = pc.index_in(pc.unique(everything[str(c.EDGE_ID)]), everything[str(c.EDGE_ID)])
    return everything.take(first).sort_by(str(c.EDGE_ID))


def _touching(store: TableStore, customer_id: str) -> ibis.Table:
    """Edges of which an end belongs to the customer."""
    identities, edges = store.table(IDENTITIES), store.table(IDENTITY_EDGES)
    mine = identities.filter(identities[c.CUSTOMER_ID] == ibis.literal(customer_id))
    left = edges.semi_join(mine, edges[c.LEFT] == mine[c.IDENTIFIER])
    right = edges.semi_join(mine, edges[c.RIGHT] == mine[c.IDENTIFIER])
    return left.union(right, distinct=True)
