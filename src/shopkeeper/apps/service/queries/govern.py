"""Quality, cleaning rules, dictionary, lineage, and the report in words."""

from __future__ import annotations

from collections import deque
from typing import Literal

from shopkeeper.apps.service import labels
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import names
from shopkeeper.apps.service.queries.reading import rows
from shopkeeper.apps.service.queries.runs import NEVER_RAN
from shopkeeper.apps.service.schemas.common import Text
from shopkeeper.apps.service.schemas.govern import (
    CleaningRule,
    CleaningRules,
    Dictionary,
    DictionaryColumn,
    DictionaryTable,
    Lineage,
    LineageEdge,
    LineageNode,
    RuleExample,
)
from shopkeeper.core import columns as c
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.tables import ALL, CORRECTIONS, LINEAGE, LOADS, TableContract
from shopkeeper.features.library_index import all_features
from shopkeeper.govern.rules import COLUMN_KINDS, RULES

MOST_NODES = 400
"""Columns one lineage answer shows at most; a wider graph is cut and says so."""


def rules(shop: OpenShop) -> CleaningRules:
    """The catalogue of cleaning rules with how often each changed a value.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    CleaningRules
        In the order of the catalogue.
    """

    def ask() -> CleaningRules:
        table = shop.tables.table(CORRECTIONS)
        loaded = shop.tables.table(LOADS)
        when = loaded.group_by(at_load=loaded[c.LOAD_ID]).aggregate(at=loaded[c.CREATED_AT].max())
        joined = table.left_join(when, table[c.LOAD_ID] == when["at_load"])
        counted = {
            row["rule"]: row
            for row in rows(
                shop, joined.group_by(c.RULE).aggregate(n=joined.count(), at=joined["at"].max())
            )
        }
        return CleaningRules(
            items=[
                CleaningRule(
                    key=rule.key,
                    name=Text(zh=rule.zh, en=rule.en),
                    description=Text(zh=rule.about_zh, en=rule.about_en),
                    column_kind=rule.kind,
                    column_kind_label=Text(
                        zh=COLUMN_KINDS[rule.kind][0], en=COLUMN_KINDS[rule.kind][1]
                    ),
                    examples=[RuleExample(before=x.before, after=x.after) for x in rule.examples],
                    applied=counted.get(rule.key, {}).get("n", 0),
                    last_applied_at=counted.get(rule.key, {}).get("at"),
                )
                for rule in RULES
            ],
            corrections=sum(row["n"] for row in counted.values()),
        )

    return shop.remember("rules", (CORRECTIONS, LOADS), ask)


def dictionary(shop: OpenShop) -> Dictionary:
    """The data dictionary, from the table contracts.

    Parameters
    ----------
    shop
        The open shop; columns that its tables store beyond the contract are listed too.

    Returns
    -------
    Dictionary
        Tables in the order data flows.
    """
    return Dictionary(tables=[_table(shop, contract) for contract in ALL.values()])


def _table(shop: OpenShop, contract: TableContract) -> DictionaryTable:
    fixed = {*contract.key, *contract.required}
    columns = [
        DictionaryColumn(
            name=str(column),
            type=column.kind,
            unit=column.unit or None,
            key=column in contract.key,
            nullable=column not in fixed,
            classification=_class(column.privacy, column.tier),
            classification_label=labels.named(
                labels.CLASSIFICATIONS, _class(column.privacy, column.tier)
            ),
            meaning=Text(zh=column.zh, en=column.en),
        )
        for column in contract.columns
    ]
    return DictionaryTable(
        table=contract.name,
        stage=labels.STAGE_OF_TABLE[contract.name],
        label=labels.named(labels.TABLES, contract.name),
        meaning=Text(zh=contract.zh, en=contract.en),
        columns=columns + _features(contract),
    )


def _class(privacy: str, tier: str) -> str:
    return privacy if privacy != "none" else tier


def _features(contract: TableContract) -> list[DictionaryColumn]:
    """The table of features has its further columns from the library."""
    if contract.name != "features":
        return []
    return [
        DictionaryColumn(
            name=feature.name,
            type=feature.dtype,
            unit=feature.unit or None,
            key=False,
            nullable=feature.absent is None,
            classification="personal",
            classification_label=labels.named(labels.CLASSIFICATIONS, "personal"),
            meaning=Text(zh=feature.zh, en=feature.en),
        )
        for feature in all_features()
    ]


def lineage(
    shop: OpenShop,
    *,
    column: str | None,
    direction: Literal["upstream", "downstream", "both"],
    depth: int,
) -> Lineage:
    """Where a column comes from and what depends on it.

    Parameters
    ----------
    shop
        The open shop.
    column
        ``table.column``; ``None`` gives the graph of whole tables.
    direction
        Which way to walk.
    depth
        Steps to walk.

    Returns
    -------
    Lineage

    Raises
    ------
    NotFoundError
        If no table has the column.
    """
    edges = _edges(shop)
    if column is None:
        return _table_graph(edges)
    _must_be_column(shop, column, edges)
    distance = {column: 0}
    cut = False
    for sign, wanted in ((-1, "upstream"), (1, "downstream")):
        if direction in {wanted, "both"}:
            cut = _walk(edges, column, sign, depth, distance) or cut
    kept = [
        LineageEdge(source=a, target=b, transform=how)
        for a, b, how in edges
        if a in distance and b in distance
    ]
    return Lineage(
        column=column,
        nodes=[
            _node(x, place) for x, place in sorted(distance.items(), key=lambda p: (p[1], p[0]))
        ],
        edges=kept,
        truncated=cut,
        next_step=None if edges else NEVER_RAN,
    )


def _edges(shop: OpenShop) -> list[tuple[str, str, str | None]]:
    def ask() -> list[tuple[str, str, str | None]]:
        table = shop.tables.table(LINEAGE)
        found = rows(shop, table[[c.UPSTREAM, c.DOWNSTREAM, c.TRANSFORM]].distinct())
        return sorted(
            ((row["upstream"], row["downstream"], row["transform"]) for row in found),
            key=lambda edge: (edge[0], edge[1], edge[2] or ""),
        )

    return shop.remember("lineage", (LINEAGE,), ask)


def _walk(
    edges: list[tuple[str, str, str | None]],
    start: str,
    sign: int,
    depth: int,
    distance: dict[str, int],
) -> bool:
    """Breadth first into one direction; says whether something was left out."""
    beside: dict[str, list[str]] = {}
    for source, target, _ in edges:
        here, there = (target, source) if sign < 0 else (source, target)
        beside.setdefault(here, []).append(there)
    queue = deque([start])
    cut = False
    while queue:
        here = queue.popleft()
        if abs(distance[here]) >= depth:
            cut = cut or any(x not in distance for x in beside.get(here, ()))
            continue
        for there in beside.get(here, ()):
            if there in distance:
                continue
            if len(distance) >= MOST_NODES:
                return True
            distance[there] = distance[here] + sign
            queue.append(there)
    return cut


def _must_be_column(shop: OpenShop, column: str, edges: list[tuple[str, str, str | None]]) -> None:
    table, _, name = column.partition(".")
    if table in ALL and name in shop.tables.table(ALL[table]).columns:
        return
    if any(column in (a, b) for a, b, _ in edges):
        return
    raise NotFoundError(
        f"there is no column {column!r}",
        next_step="Write it as table.column; /api/v1/govern/dictionary lists them all",
        column=column,
    )


def _node(node: str, place: int) -> LineageNode:
    table, _, column = node.partition(".")
    known = {str(x): x for x in ALL[table].columns} if table in ALL else {}
    label = (
        Text(zh=known[column].zh, en=known[column].en)
        if column in known
        else names.feature(column)
        if column
        else labels.named(labels.TABLES, table)
    )
    return LineageNode(
        id=node,
        table=table,
        column=column,
        stage=labels.STAGE_OF_TABLE.get(table, "collect"),
        label=label,
        distance=place,
    )


def _table_graph(edges: list[tuple[str, str, str | None]]) -> Lineage:
    pairs = sorted(
        {
            (source.partition(".")[0], target.partition(".")[0])
            for source, target, _ in edges
            if source.partition(".")[0] != target.partition(".")[0]
        }
    )
    order = {name: place for place, name in enumerate(ALL)}
    tables = sorted({x for pair in pairs for x in pair}, key=lambda x: order.get(x, len(order)))
    return Lineage(
        column=None,
        nodes=[_node(x, 0) for x in tables],
        edges=[LineageEdge(source=a, target=b, transform=None) for a, b in pairs],
        truncated=False,
        next_step=None if edges else NEVER_RAN,
    )
