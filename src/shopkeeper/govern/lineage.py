"""Which column depends on which, read from the expressions that computed them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import ibis
import ibis.expr.operations as ops
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core import columns as c
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import ALL, LINEAGE, TableContract

Transform = Literal["direct", "join", "filter", "group", "sort"]
STRENGTH: Mapping[str, int] = {"direct": 0, "join": 1, "filter": 2, "group": 3, "sort": 4}
"""Of two ways in which one column depends on another the first listed is recorded."""
TRANSFORM_NAMES: Mapping[str, tuple[str, str]] = {
    "direct": ("直接计算", "computed from"),
    "join": ("关联条件", "joined on"),
    "filter": ("筛选条件", "filtered by"),
    "group": ("分组条件", "grouped by"),
    "sort": ("排序条件", "ordered by"),
}

Source = tuple[str, str]
Found = dict[Source, Transform]


def trace(
    expr: ibis.Table,
    contract: TableContract,
    *,
    step: str,
    run_id: str,
    stands_for: Mapping[str, str] | None = None,
) -> pa.Table:
    """Column lineage of an expression.

    Parameters
    ----------
    expr
        What is materialised into the table. Columns the contract lacks are recorded too.
    contract
        The table.
    step
        Name of the step, such as ``unify.purchases``.
    run_id
        The run.
    stands_for
        Real table by the name an unbound input has in the expression; inputs
        that are neither a table of the lake nor named here are left out.

    Returns
    -------
    pa.Table
        Contract ``lineage``: one row for each pair of base column and output
        column. ``direct`` means the value is computed from it; the others mean
        that it decides which rows contribute.

    Examples
    --------
    >>> from shopkeeper.core.tables import ORDERS, METRICS
    >>> orders = ORDERS.unbound()
    >>> paid = (
    ...     orders.filter(orders.kind == "sale")
    ...     .group_by("day")
    ...     .agg(value=orders.amount_minor.sum())
    ... )
    >>> rows = trace(paid, METRICS, step="measure", run_id="r").to_pylist()
    >>> [(x["upstream"], x["downstream"], x["transform"]) for x in rows][:2]
    [('orders.day', 'metrics.day', 'direct'), ('orders.kind', 'metrics.day', 'filter')]
    """
    walker = _Walker(stands_for or {})
    rows = []
    for name in expr.columns:
        found = walker.column(expr.op(), name)
        rows += [
            (step, f"{table}.{column}", f"{contract.name}.{name}", how, run_id)
            for (table, column), how in found.items()
        ]
    rows.sort(key=lambda x: (x[2], x[1]))
    columns = list(zip(*rows, strict=True)) or [()] * 5
    return pa.table([pa.array(x, pa.string()) for x in columns], schema=LINEAGE.arrow_schema)


def write(tables: TableStore, rows: pa.Table) -> int:
    """Record lineage, replacing what the same steps recorded before.

    Parameters
    ----------
    tables
        The lake.
    rows
        Contract ``lineage``.

    Returns
    -------
    int
        Rows recorded.
    """
    stored = tables.run(tables.table(LINEAGE))
    steps = pc.unique(rows[str(c.STEP)].combine_chunks())
    others = stored.filter(pc.invert(pc.is_in(stored[str(c.STEP)], value_set=steps)))
    kept = LINEAGE.cast(others)
    tables.replace(LINEAGE, pa.concat_tables([kept, LINEAGE.cast(rows)]))
    return int(rows.num_rows)


class _Walker:
    """Walks an expression from output columns to base columns, each relation once."""

    def __init__(self, stands_for: Mapping[str, str]) -> None:
        self._stands_for = stands_for
        self._columns: dict[tuple[ops.Relation, str], Found] = {}
        self._rows: dict[ops.Relation, Found] = {}

    def column(self, relation: ops.Relation, name: str) -> Found:
        """Base columns a column depends on, in whatever way."""
        found = dict(self._values(relation, name))
        _add(found, self.rows(relation))
        return found

    def rows(self, relation: ops.Relation) -> Found:
        """Base columns that decide which rows a relation has."""
        if relation not in self._rows:
            found: Found = {}
            for parent in _parents(relation):
                _add(found, self.rows(parent))
            for value, how in _deciding(relation):
                _add(found, self._fields(value), how)
            self._rows[relation] = found
        return self._rows[relation]

    def _values(self, relation: ops.Relation, name: str) -> Found:
        key = (relation, name)
        if key not in self._columns:
            self._columns[key] = self._column_sources(relation, name)
        return self._columns[key]

    def _column_sources(self, relation: ops.Relation, name: str) -> Found:
        if isinstance(relation, ops.PhysicalTable) and not isinstance(
            relation, ops.AliasedRelation
        ):
            table = self._stands_for.get(relation.name, relation.name)
            return {(table, name): "direct"} if table in ALL else {}
        found: Found = {}
        if isinstance(relation, ops.Set):
            _add(found, self._values(relation.left, name))
            _add(found, self._values(relation.right, name))
        elif name in relation.values:
            _add(found, self._fields(relation.values[name]))
        else:
            for parent in _parents(relation):
                if name in parent.schema:
                    _add(found, self._values(parent, name))
        return found

    def _fields(self, value: ops.Node) -> Found:
        found: Found = {}
        for node in _stop_at_fields(value):
            if isinstance(node, ops.Field):
                _add(found, self._values(node.rel, node.name))
            else:
                for name in node.schema:
                    _add(found, self.column(node, name))
        return found


def _stop_at_fields(value: ops.Node) -> Iterator[ops.Node]:
    """Fields and sub-queries of a value, without descending into their relations."""
    todo: list[ops.Node] = [value]
    seen: set[ops.Node] = set()
    while todo:
        node = todo.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, ops.Field | ops.Relation):
            yield node
        elif isinstance(node, ops.CountStar | ops.CountDistinctStar):
            continue  # counts rows, whatever their columns; what decides the rows is found there
        else:
            todo += list(node.__children__)


def _parents(relation: ops.Relation) -> Iterator[ops.Relation]:
    if isinstance(relation, ops.JoinChain):
        yield from relation.tables
    elif isinstance(relation, ops.Set):
        yield from (relation.left, relation.right)
    else:
        parent = getattr(relation, "parent", None)
        if parent is not None:
            yield parent


def _deciding(relation: ops.Relation) -> Iterator[tuple[ops.Node, Transform]]:
    """Values that decide which rows there are."""
    if isinstance(relation, ops.Filter):
        yield from ((x, "filter") for x in relation.predicates)
    elif isinstance(relation, ops.JoinChain):
        for link in relation.rest:
            yield from ((x, "join") for x in link.predicates)
    elif isinstance(relation, ops.Aggregate):
        yield from ((x, "group") for x in relation.groups.values())
    elif isinstance(relation, ops.Limit) and isinstance(relation.parent, ops.Sort):
        yield from ((x, "sort") for x in relation.parent.keys)


def _add(found: Found, more: Mapping[Source, Transform], how: Transform | None = None) -> None:
    for source, own in more.items():
        new: Transform = own if how is None else how
        if source not in found or STRENGTH[new] < STRENGTH[found[source]]:
            found[source] = new


@dataclass(frozen=True, slots=True)
class Step:
    """One column on a path.

    Parameters
    ----------
    column
        As ``table.column``.
    distance
        Edges from the asked column; negative is upstream.
    """

    column: str
    distance: int


@dataclass(frozen=True, slots=True)
class Path:
    """Everything above or below a column.

    Parameters
    ----------
    steps
        Columns by distance, then by name; the asked one first.
    edges
        ``(upstream, downstream, transform)`` among them.
    """

    steps: tuple[Step, ...]
    edges: tuple[tuple[str, str, str], ...]


class LineageGraph:
    """Look-ups in recorded lineage.

    Parameters
    ----------
    rows
        Contract ``lineage``.
    """

    def __init__(self, rows: pa.Table) -> None:
        self._down: dict[str, dict[str, str]] = {}
        self._up: dict[str, dict[str, str]] = {}
        upstream, downstream, transform = (
            rows[str(x)].to_pylist() for x in (c.UPSTREAM, c.DOWNSTREAM, c.TRANSFORM)
        )
        for source, target, how in zip(upstream, downstream, transform, strict=True):
            self._down.setdefault(source, {})[target] = how or "direct"
            self._up.setdefault(target, {})[source] = how or "direct"

    @property
    def columns(self) -> frozenset[str]:
        """All columns that any edge names."""
        return frozenset(self._down) | frozenset(self._up)

    def upstream(self, column: str, *, direct: bool = False) -> Path:
        """Everything a column was made from.

        Parameters
        ----------
        column
            As ``table.column``.
        direct
            Follow only values it was computed from, not conditions.

        Returns
        -------
        Path

        Raises
        ------
        NotFoundError
            If no edge names the column.
        """
        return self._walk(column, self._up, -1, direct=direct)

    def downstream(self, column: str, *, direct: bool = False) -> Path:
        """Everything made from a column.

        Parameters
        ----------
        column
            As ``table.column``.
        direct
            Follow only values computed from it, not conditions.

        Returns
        -------
        Path

        Raises
        ------
        NotFoundError
            If no edge names the column.
        """
        return self._walk(column, self._down, 1, direct=direct)

    def _walk(
        self, column: str, neighbours: Mapping[str, Mapping[str, str]], sign: int, *, direct: bool
    ) -> Path:
        if column not in self._up and column not in self._down:
            raise NotFoundError(
                f"no lineage is recorded for {column!r}",
                next_step="Name it as table.column, and run the flow that computes it",
                column=column,
            )
        distance = {column: 0}
        edges = []
        todo = deque([column])
        while todo:
            here = todo.popleft()
            for there, how in neighbours.get(here, {}).items():
                if direct and how != "direct":
                    continue
                edges.append((there, here, how) if sign < 0 else (here, there, how))
                if there not in distance:
                    distance[there] = distance[here] + sign
                    todo.append(there)
        ordered = sorted(distance.items(), key=lambda x: (abs(x[1]), x[0]))
        return Path(tuple(Step(*x) for x in ordered), tuple(sorted(edges)))


def openlineage(rows: pa.Table) -> dict[str, dict[str, list[dict[str, object]]]]:
    """Column-lineage facets as OpenLineage writes them.

    Parameters
    ----------
    rows
        Contract ``lineage``.

    Returns
    -------
    dict
        By table: ``fields`` of column to ``inputFields`` with namespace, name,
        field and transformations.
    """
    facets: dict[str, dict[str, list[dict[str, object]]]] = {}
    for row in _ordered(rows):
        table, column = row[str(c.DOWNSTREAM)].split(".", 1)
        source, field = row[str(c.UPSTREAM)].split(".", 1)
        how = row[str(c.TRANSFORM)] or "direct"
        kind = "DIRECT" if how == "direct" else "INDIRECT"
        subtype = {"group": "GROUP_BY", "direct": "TRANSFORMATION"}.get(how, how.upper())
        facets.setdefault(table, {}).setdefault(column, []).append(
            {
                "namespace": "shopkeeper",
                "name": source,
                "field": field,
                "transformations": [{"type": kind, "subtype": subtype}],
            }
        )
    return facets


def _ordered(rows: pa.Table) -> Iterable[dict[str, str]]:
    ordered = rows.sort_by([(str(c.DOWNSTREAM), "ascending"), (str(c.UPSTREAM), "ascending")])
    result: list[dict[str, str]] = ordered.to_pylist()
    return result
