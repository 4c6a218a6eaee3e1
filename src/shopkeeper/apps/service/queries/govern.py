"""Quality, cleaning rules, dictionary, lineage, and the report in words."""

from __future__ import annotations

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
from shopkeeper.govern.lineage import LineageGraph
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


def dictionary() -> Dictionary:
    """The data dictionary, from the table contracts and the feature library.

    Returns
    -------
    Dictionary
        Tables in the order data flows.
    """
    return Dictionary(tables=[_table(contract) for contract in ALL.values()])


def _table(contract: TableContract) -> DictionaryTable:
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
    if column is None:
        return shop.remember("table_lineage", (LINEAGE,), lambda: _table_graph(shop))
    graph = _graph(shop)
    if column not in graph.columns:
        _must_be_column(shop, column)
        return Lineage(
            column=column,
            nodes=[_node(column, 0)],
            edges=[],
            truncated=False,
            next_step=None if graph.columns else NEVER_RAN,
        )
    paths = []
    if direction in {"upstream", "both"}:
        paths.append(graph.upstream(column))
    if direction in {"downstream", "both"}:
        paths.append(graph.downstream(column))
    steps = {step.column: step.distance for path in paths for step in path.steps}
    near = sorted(steps, key=lambda x: (abs(steps[x]), x))
    kept = {x for x in near if abs(steps[x]) <= depth}
    shown = [x for x in near if x in kept][:MOST_NODES]
    inside = set(shown)
    edges = sorted({edge for path in paths for edge in path.edges})
    return Lineage(
        column=column,
        nodes=[_node(x, steps[x]) for x in shown],
        edges=[
            LineageEdge(source=source, target=target, transform=how)
            for source, target, how in edges
            if source in inside and target in inside
        ],
        truncated=len(shown) < len(steps),
        next_step=None,
    )


def _graph(shop: OpenShop) -> LineageGraph:
    def ask() -> LineageGraph:
        return LineageGraph(shop.tables.run(shop.tables.table(LINEAGE)))

    return shop.remember("lineage", (LINEAGE,), ask)


def _must_be_column(shop: OpenShop, column: str) -> None:
    table, _, name = column.partition(".")
    if table in ALL and name in shop.tables.table(ALL[table]).columns:
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


def _table_graph(shop: OpenShop) -> Lineage:
    """The same with whole tables as nodes."""
    table = shop.tables.table(LINEAGE)
    found = rows(
        shop,
        table.select(
            source=table[c.UPSTREAM].split(".")[0], target=table[c.DOWNSTREAM].split(".")[0]
        ).distinct(),
    )
    pairs = sorted((x["source"], x["target"]) for x in found if x["source"] != x["target"])
    order = {name: place for place, name in enumerate(ALL)}
    tables = sorted({x for pair in pairs for x in pair}, key=lambda x: order.get(x, len(order)))
    return Lineage(
        column=None,
        nodes=[_node(x, 0) for x in tables],
        edges=[LineageEdge(source=a, target=b, transform=None) for a, b in pairs],
        truncated=False,
        next_step=None if pairs else NEVER_RAN,
    )
