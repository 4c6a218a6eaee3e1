"""Resolve every identifier of the lake to a customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core import columns as c
from shopkeeper.core import tables as t
from shopkeeper.core.ports import TableStore
from shopkeeper.unify import graph, match
from shopkeeper.unify import identifiers as ids
from shopkeeper.unify.identifiers import Guards

WITH_REFERENCES = (t.ORDERS, t.ORDER_LINES, t.CUSTOMERS, t.EVENTS, t.TOUCHES, t.CONSENTS)
"""Loaded tables whose rows name a customer."""
BLOCKED_KIND = "blocked"
"""Kind of a reference that names nobody; it is one customer of its own and merges with none."""

REFS = {"identifier": "string", "load_id": "string"}
LINKS = {
    "left": "string", "right": "string", "kind": "string", "source": "string",
    "load_id": "string", "references": "int64",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Identified:
    """What resolving found and wrote.

    Parameters
    ----------
    identifiers, customers
        Rows of ``identities``, and distinct customers in it.
    edges
        Edges that hold, by rule.
    refused
        Edges refused, by reason.
    undone
        Edges that people took back.
    overshared
        Identifiers of too many references to merge on, by kind.
    blocked
        References that name nobody.
    """

    identifiers: int
    customers: int
    edges: Mapping[str, int]
    refused: Mapping[str, int]
    undone: int
    overshared: Mapping[str, int]
    blocked: int


def identify(tables: TableStore, guards: Guards, *, as_of: datetime) -> Identified:
    """Judge the edges and write ``identity_edges`` and ``identities``.

    Parameters
    ----------
    tables
        The lake.
    guards
        Limits of merging.
    as_of
        Creation time of what is new.

    Returns
    -------
    Identified
        A shop without phones, e-mails and devices has no edges; its references
        are mapped by expression alone.
    """
    customers, events = tables.table(t.CUSTOMERS), tables.table(t.EVENTS)
    refs = tables.run(ids.references([tables.table(x) for x in WITH_REFERENCES]))
    named = ibis.table(REFS, name="found_references")
    pairs = ids.with_contact_references(ids.links(customers, events), named)
    inputs = {"found_references": refs}
    inputs["found_links"] = tables.run(pairs.cast(LINKS), inputs)
    found = ibis.table(LINKS, name="found_links")

    candidates = tables.run(match.candidate_edges(found, guards), inputs)
    stored = tables.run(tables.table(t.IDENTITY_EDGES))
    edges = match.current_edges(candidates, stored, as_of=as_of)
    undone = edges.filter(pc.is_valid(edges[str(c.UNDONE_AT)]))
    holding = edges.filter(pc.is_null(edges[str(c.UNDONE_AT)]))
    resolution = graph.resolve(holding, _nodes(tables, holding, inputs, as_of), guards)
    accepted = holding.filter(pa.array(resolution.accepted))
    tables.replace(t.IDENTITY_EDGES, pa.concat_tables([undone, accepted]).sort_by(str(c.EDGE_ID)))

    inputs["components"] = resolution.components
    inputs["undone"] = undone.select([str(c.LEFT), str(c.RIGHT)])
    expr = identities(
        named, found, ids.anonymous(events),
        ibis.table({"identifier": "string", "root": "string"}, name="components"),
        ibis.table({"left": "string", "right": "string"}, name="undone"),
        tables.table(t.LOADS), tables.table(t.IDENTITIES), _moment(as_of),
    )  # fmt: skip
    tables.materialise(expr, t.IDENTITIES, inputs)
    over = tables.run(match.overshared(found, guards), inputs)
    return _summary(tables, accepted, undone.num_rows, resolution, over)


def identities(
    refs: ibis.Table,
    links: ibis.Table,
    devices: ibis.Table,
    components: ibis.Table,
    undone: ibis.Table,
    loads: ibis.Table,
    previous: ibis.Table,
    as_of: ibis.Value,
) -> ibis.Table:
    """The customer of each identifier.

    Parameters
    ----------
    refs, devices
        ``identifier``, ``load_id`` of references and of anonymous ids.
    links
        As :func:`~shopkeeper.unify.identifiers.links` returns them.
    components
        ``identifier``, ``root`` of those that edges tie together.
    undone
        ``left``, ``right`` of edges that people took back.
    loads, previous
        Tables ``loads`` and ``identities`` as they stand.
    as_of
        When an identifier was first seen whose load is not recorded.

    Returns
    -------
    ibis.Table
        Contract ``identities``. A phone or e-mail of one reference is that
        customer's; one that too many share is nobody's and has no row; an
        anonymous id of nobody known is a customer of its own.
    """
    own = links.filter((links["references"] == 1) & (links["left"] != links["right"]))
    own = own.anti_join(undone, ["left", "right"])
    ranked = ids.union(
        [
            _claim(refs.select("identifier").distinct(), "identifier", "identifier", 0),
            _claim(own, "right", "left", 1),
            _claim(components, "identifier", "root", 2),
            _claim(devices.select("identifier").distinct(), "identifier", "identifier", 3),
        ]
    )
    claimed = ranked.group_by("identifier").agg(via=ranked["via"].argmin(ranked["place"]))
    tied = components.select(member="identifier", root="root")
    rooted = claimed.left_join(tied, claimed["via"] == tied["member"]).select(
        identifier=claimed["identifier"], root=tied["root"].coalesce(claimed["via"])
    )
    dated = [
        refs.select("identifier", "load_id"),
        links.select(identifier=links["right"], load_id=links["load_id"]),
        devices.select("identifier", "load_id"),
    ]
    seen = ids.first_seen(ids.union(dated), loads, previous, as_of)
    joined = rooted.left_join(seen, rooted["identifier"] == seen["identifier"]).select(
        identifier=rooted["identifier"], root=rooted["root"], seen_at=seen["seen_at"]
    )
    kind = ids.is_blocked(joined["identifier"]).ifelse(
        ibis.literal(BLOCKED_KIND), ids.kind_of(joined["identifier"])
    )
    return joined.select(
        "identifier",
        identifier_kind=kind,
        customer_id=ids.customer_id(joined["root"]),
        seen_at=joined["seen_at"],
    )


def identities_of(tables: TableStore) -> ibis.Table:
    """The whole expression behind ``identities``, from loaded tables alone, for lineage.

    Parameters
    ----------
    tables
        The lake.

    Returns
    -------
    ibis.Table
        Edges stand in for the components computed from them.
    """
    events, edges = tables.table(t.EVENTS), tables.table(t.IDENTITY_EDGES)
    refs = ids.references([tables.table(x) for x in WITH_REFERENCES])
    links = ids.with_contact_references(ids.links(tables.table(t.CUSTOMERS), events), refs)
    return identities(
        refs, links, ids.anonymous(events),
        edges.select(identifier=edges["left"], root=edges["right"]),
        edges.filter(edges[c.UNDONE_AT].notnull()).select("left", "right"),
        tables.table(t.LOADS), tables.table(t.IDENTITIES), ibis.null("timestamp('UTC', 6)"),
    )  # fmt: skip


def edge_nodes(tables: TableStore, edges: pa.Table, *, as_of: datetime) -> pa.Table:
    """What is known of the references at the ends of edges, for judging a change of them.

    Parameters
    ----------
    tables
        The lake.
    edges
        Rows of ``identity_edges``.
    as_of
        When a reference was first seen whose load is not recorded.

    Returns
    -------
    pa.Table
        :data:`~shopkeeper.unify.graph.NODES`.
    """
    ends = pc.unique(
        pa.concat_arrays([edges[x].combine_chunks() for x in (str(c.LEFT), str(c.RIGHT))])
    )
    refs = ids.references([tables.table(x) for x in WITH_REFERENCES])
    asked = ibis.table({"end": "string"}, name="ends")
    near = refs.semi_join(asked, refs["identifier"] == asked["end"])
    found = tables.run(near, {"ends": pa.table({"end": ends})})
    return _nodes(tables, edges, {"found_references": found}, as_of)


def _claim(rows: ibis.Table, identifier: str, via: str, place: int) -> ibis.Table:
    return rows.select(
        identifier=rows[identifier], via=rows[via], place=ibis.literal(place).cast("int64")
    )


def _nodes(
    tables: TableStore, edges: pa.Table, inputs: Mapping[str, pa.Table], as_of: datetime
) -> pa.Table:
    if edges.num_rows == 0:
        return graph.NODES.empty_table()
    ends = pc.unique(
        pa.concat_arrays([edges[x].combine_chunks() for x in (str(c.LEFT), str(c.RIGHT))])
    )
    asked = ibis.table({"end": "string"}, name="ends")
    refs = ibis.table(REFS, name="found_references")
    refs = refs.semi_join(asked, refs["identifier"] == asked["end"])
    seen = ids.first_seen(refs, tables.table(t.LOADS), tables.table(t.IDENTITIES), _moment(as_of))
    people = tables.table(t.CUSTOMERS)
    people = people.semi_join(asked, people[c.CUSTOMER_REF] == asked["end"])
    gender = people[c.GENDER].isin([1, 2]).ifelse(people[c.GENDER], ibis.null("int8"))
    told = people.group_by(c.CUSTOMER_REF).agg(
        low=people[c.BIRTH_DATE].min(), high=people[c.BIRTH_DATE].max(),
        least=gender.min(), most=gender.max(),
    )  # fmt: skip
    joined = seen.left_join(told, seen["identifier"] == told[c.CUSTOMER_REF])
    return tables.run(
        joined.select(
            identifier=seen["identifier"],
            seen_us=seen["seen_at"].epoch_seconds().cast("float64").floor().cast("int64") * 10**6,
            # A reference whose sources disagree guards against nothing.
            birth_date=_agreed(told["low"], told["high"]),
            gender=_agreed(told["least"], told["most"]),
        ),
        {**inputs, "ends": pa.table({"end": ends})},
    )  # fmt: skip


def _agreed(low: ibis.Value, high: ibis.Value) -> ibis.Value:
    return (low == high).ifelse(low.cast("string"), ibis.null("string"))


def _summary(
    tables: TableStore,
    accepted: pa.Table,
    undone: int,
    resolution: graph.Resolution,
    over: pa.Table,
) -> Identified:
    rows = tables.table(t.IDENTITIES)
    counts = tables.run(
        rows.agg(
            identifiers=ibis._.count(),
            customers=rows[c.CUSTOMER_ID].nunique(),
            blocked=(rows[c.IDENTIFIER_KIND] == BLOCKED_KIND).sum().coalesce(0),
        )
    ).to_pylist()[0]
    return Identified(
        identifiers=counts["identifiers"],
        customers=counts["customers"],
        edges=_counted(accepted[str(c.RULE)]),
        refused=resolution.conflicts,
        undone=undone,
        overshared=_counted(over["kind"]),
        blocked=counts["blocked"],
    )


def _counted(column: pa.ChunkedArray) -> dict[str, int]:
    return {x["values"]: x["counts"] for x in pc.value_counts(column.combine_chunks()).to_pylist()}


def _moment(as_of: datetime) -> ibis.Value:
    return ibis.literal(as_of.replace(tzinfo=None)).cast("timestamp('UTC', 6)")
