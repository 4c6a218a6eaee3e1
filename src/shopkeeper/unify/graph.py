"""Merges as a graph of reversible edges: who is one person, and why.

An edge ties a customer reference to an identifier that another reference shares. Customers
are the connected components of the edges that hold. The id of a customer is that of the
reference known longest, so a merge keeps the older id and an undone merge restores both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from shopkeeper.core import columns as c
from shopkeeper.core.errors import NotFoundError, PlanError
from shopkeeper.core.tables import IDENTITY_EDGES
from shopkeeper.unify.identifiers import CONTACT_KINDS, Guards, customer_id_of

Ints = npt.NDArray[np.int64]
NEVER = np.iinfo(np.int64).max

COMPONENTS = pa.schema([("identifier", pa.string()), ("root", pa.string())])
"""Identifier and the reference whose id the customer has."""
NODES = pa.schema(
    [
        ("identifier", pa.string()),
        ("seen_us", pa.int64()),
        ("birth_date", pa.string()),
        ("gender", pa.string()),
    ]
)
"""What is known of a reference when merges are judged; all but the identifier may be null.

Phones and e-mails are listed only if a source uses them as its reference of a customer.
"""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Who is one person, given the edges.

    Parameters
    ----------
    components
        :data:`COMPONENTS`; every identifier that an accepted edge touches.
    accepted
        Mask over the edges given: those that hold.
    conflicts
        Edges refused, by reason (``birth_date``, ``gender``, ``card``, ``size``).
    """

    components: pa.Table
    accepted: npt.NDArray[np.bool_]
    conflicts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change of the edges would do, before it is done.

    Parameters
    ----------
    before, after
        Customer ids concerned, sorted.
    moved
        Identifiers that would belong to another customer, with old and new id.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    moved: tuple[tuple[str, str, str], ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "before": list(self.before),
            "after": list(self.after),
            "moved": [{"identifier": i, "from": a, "to": b} for i, a, b in self.moved],
        }


def resolve(edges: pa.Table, nodes: pa.Table, guards: Guards) -> Resolution:
    """Find the customers that the edges make, refusing merges that cannot be.

    Parameters
    ----------
    edges
        ``left``, ``right``, ``score``; any order, no self-edges.
    nodes
        :data:`NODES`, one row an identifier; identifiers of edges that are
        not listed count as known last and without attributes.
    guards
        Size limit and exclusive kinds.

    Returns
    -------
    Resolution
        Independent of the order of rows. Components without a conflict are
        taken whole; the edges of the others are admitted one by one, best
        score and longest known first, unless they would join two birth dates,
        two genders, two cards, or too many references.
    """
    if edges.num_rows == 0:
        return Resolution(COMPONENTS.empty_table(), np.zeros(0, dtype=np.bool_), {})
    names, left, right = _codes(edges)
    known = _node_columns(names, nodes, guards)
    parts = _components(left, right, len(names))
    bad = _conflicted(parts, known, guards)
    accepted = ~bad[parts[left]]
    conflicts: dict[str, int] = {}
    if not accepted.all():
        order = _edge_order(edges, left, right, known)
        suspects = order[~accepted[order]]
        kept, conflicts = _admit(suspects, left, right, known, guards)
        accepted[kept] = True
        parts = _components(left[accepted], right[accepted], len(names))
    roots = _roots(parts, known)
    touched = np.zeros(len(names), dtype=np.bool_)
    touched[left[accepted]] = True
    touched[right[accepted]] = True
    at = np.flatnonzero(touched)
    table = pa.table([names.take(pa.array(at)), names.take(pa.array(roots[parts[at]]))], COMPONENTS)
    return Resolution(table.sort_by("identifier"), accepted, conflicts)


def undo(edges: pa.Table, edge_id: str, *, at: datetime) -> pa.Table:
    """Mark an edge as undone; it is kept, and never made again.

    Parameters
    ----------
    edges
        Table ``identity_edges``.
    edge_id
        Which.
    at
        Moment recorded.

    Returns
    -------
    pa.Table
        The table with one ``undone_at`` filled in.

    Raises
    ------
    NotFoundError
        If there is no such edge.
    PlanError
        If it was undone before.
    """
    place = pc.index(edges[str(c.EDGE_ID)], edge_id).as_py()
    if place < 0:
        raise NotFoundError(
            f"there is no identity edge {edge_id!r}",
            next_step="List them with: shopkeeper identity edges CUSTOMER",
            edge_id=edge_id,
        )
    undone = edges[str(c.UNDONE_AT)].combine_chunks()
    if undone[place].is_valid:
        raise PlanError(
            f"identity edge {edge_id} was undone before, at {undone[place].as_py()}",
            next_step="Nothing is left to undo",
            edge_id=edge_id,
        )
    mask = pc.equal(edges[str(c.EDGE_ID)], edge_id).combine_chunks()
    marked = pc.if_else(mask, pa.scalar(at, undone.type), undone)
    index = edges.column_names.index(str(c.UNDONE_AT))
    return edges.set_column(index, IDENTITY_EDGES.arrow_schema.field(str(c.UNDONE_AT)), marked)


def preview(
    edges: pa.Table,
    nodes: pa.Table,
    guards: Guards,
    *,
    without: Sequence[str] = (),
    joining: Sequence[tuple[str, str]] = (),
) -> Preview:
    """What undoing edges, or joining identifiers, would change.

    Parameters
    ----------
    edges
        Table ``identity_edges``; undone edges do not hold.
    nodes, guards
        As :func:`resolve` takes them.
    without
        Edge ids to undo.
    joining
        Pairs of identifiers to join.

    Returns
    -------
    Preview

    Raises
    ------
    NotFoundError
        If an edge does not exist.
    """
    ids = edges[str(c.EDGE_ID)].to_pylist()
    for edge_id in without:
        if edge_id not in ids:
            raise NotFoundError(
                f"there is no identity edge {edge_id!r}",
                next_step="List them with: shopkeeper identity edges CUSTOMER",
                edge_id=edge_id,
            )
    columns = [str(c.LEFT), str(c.RIGHT), str(c.SCORE)]
    holding = edges.filter(pc.is_null(edges[str(c.UNDONE_AT)]))
    gone = pc.is_in(holding[str(c.EDGE_ID)], value_set=pa.array(without, pa.string()))
    rest = holding.filter(pc.invert(gone)).select(columns)
    added = pa.table(
        [[a for a, _ in joining], [b for _, b in joining], [1.0] * len(joining)],
        schema=pa.schema([(x, pa.float64() if x == "score" else pa.string()) for x in columns]),
    )
    after_edges = pa.concat_tables([rest.cast(added.schema), added])
    before = _owners(resolve(holding.select(columns), nodes, guards))
    after = _owners(resolve(after_edges, nodes, guards))
    moved = []
    for identifier in sorted({*before, *after}):
        default = customer_id_of(identifier)
        old, new = before.get(identifier, default), after.get(identifier, default)
        if old != new:
            moved.append((identifier, old, new))
    concerned = {x for _, a, b in moved for x in (a, b)}
    return Preview(
        tuple(sorted({x for x in before.values() if x in concerned} | {a for _, a, _ in moved})),
        tuple(sorted({x for x in after.values() if x in concerned} | {b for _, _, b in moved})),
        tuple(moved),
    )


def _owners(resolution: Resolution) -> dict[str, str]:
    rows = resolution.components
    pairs = zip(rows["identifier"].to_pylist(), rows["root"].to_pylist(), strict=True)
    return {identifier: customer_id_of(root) for identifier, root in pairs}


@dataclass(frozen=True, slots=True)
class _Nodes:
    """Attributes by node code; -1 where unknown."""

    age: Ints
    is_reference: npt.NDArray[np.bool_]
    attributes: Mapping[str, Ints]


def _codes(edges: pa.Table) -> tuple[pa.Array, Ints, Ints]:
    left, right = (edges[x].combine_chunks().cast(pa.string()) for x in ("left", "right"))
    names = pc.unique(pa.concat_arrays([left, right]))
    names = names.take(pc.array_sort_indices(names))
    index = [pc.index_in(x, value_set=names).to_numpy().astype(np.int64) for x in (left, right)]
    return names, index[0], index[1]


def _node_columns(names: pa.Array, nodes: pa.Table, guards: Guards) -> _Nodes:
    at = pc.index_in(names, value_set=nodes["identifier"].combine_chunks())
    seen = nodes["seen_us"].combine_chunks().take(at).fill_null(NEVER).to_numpy()
    kind = pc.replace_substring_regex(names, "^([^:]*):(?s:.*)$", r"\1")
    contact = pc.is_in(kind, value_set=pa.array(CONTACT_KINDS)).to_numpy(zero_copy_only=False)
    # Known first comes first, references before contacts; names are sorted, so the lowest wins.
    order = np.lexsort((np.arange(len(names)), contact, seen))
    age = np.empty(len(names), dtype=np.int64)
    age[order] = np.arange(len(names))
    exclusive = pc.is_in(kind, value_set=pa.array(guards.exclusive_kinds, pa.string()))
    card = np.where(exclusive.to_numpy(zero_copy_only=False), np.arange(len(names)), -1)
    return _Nodes(
        age,
        ~contact | (seen < NEVER),
        {
            "card": card,
            "birth_date": _labels(nodes["birth_date"], at),
            "gender": _labels(nodes["gender"], at),
        },
    )


def _labels(column: pa.ChunkedArray, at: pa.Array) -> Ints:
    values = column.combine_chunks().take(at).dictionary_encode().indices
    labels: Ints = values.fill_null(-1).to_numpy().astype(np.int64)
    return labels


def _components(left: Ints, right: Ints, n: int) -> Ints:
    ones = np.ones(len(left), dtype=np.int8)
    _, labels = connected_components(coo_array((ones, (left, right)), shape=(n, n)), directed=False)
    return np.asarray(labels, dtype=np.int64)


def _conflicted(parts: Ints, known: _Nodes, guards: Guards) -> npt.NDArray[np.bool_]:
    n = int(parts.max()) + 1
    bad = np.bincount(parts[known.is_reference], minlength=n) > guards.max_references
    for labels in known.attributes.values():
        have = labels >= 0
        low = np.full(n, NEVER)
        high = np.full(n, -1, dtype=np.int64)
        np.minimum.at(low, parts[have], labels[have])
        np.maximum.at(high, parts[have], labels[have])
        bad |= (high >= 0) & (low < high)
    return np.asarray(bad, dtype=np.bool_)


def _edge_order(edges: pa.Table, left: Ints, right: Ints, known: _Nodes) -> Ints:
    score = edges["score"].combine_chunks().fill_null(0.0).to_numpy()
    low = np.minimum(known.age[left], known.age[right])
    high = np.maximum(known.age[left], known.age[right])
    return np.lexsort((high, low, -score))


def _admit(
    suspects: Ints, left: Ints, right: Ints, known: _Nodes, guards: Guards
) -> tuple[Ints, dict[str, int]]:
    """Admit edges of conflicted components one by one; only those few are walked."""
    parent: dict[int, int] = {}
    size: dict[int, int] = {}
    held: dict[int, dict[str, int]] = {}

    def find(node: int) -> int:
        if node not in parent:
            parent[node] = node
            size[node] = int(known.is_reference[node])
            held[node] = {k: int(v[node]) for k, v in known.attributes.items() if v[node] >= 0}
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    kept: list[int] = []
    conflicts: dict[str, int] = {}
    for edge in suspects.tolist():
        a, b = find(int(left[edge])), find(int(right[edge]))
        if a == b:
            kept.append(edge)
            continue
        clash = next((k for k, v in held[a].items() if held[b].get(k, v) != v), "")
        if not clash and size[a] + size[b] > guards.max_references:
            clash = "size"
        if clash:
            conflicts[clash] = conflicts.get(clash, 0) + 1
            continue
        parent[b] = a
        size[a] += size[b]
        held[a] |= held[b]
        kept.append(edge)
    return np.asarray(kept, dtype=np.int64), conflicts


def _roots(parts: Ints, known: _Nodes) -> Ints:
    """Node known longest in each component."""
    order = np.argsort(known.age)[::-1]
    roots = np.zeros(int(parts.max()) + 1, dtype=np.int64)
    roots[parts[order]] = order  # the last written is the oldest
    return roots
