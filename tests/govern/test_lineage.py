"""Lineage is read from expressions, column by column, and looked up fast."""

from __future__ import annotations

import time

import ibis
import pyarrow as pa
import pytest

from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.tables import LINEAGE, METRICS, ORDER_LINES, ORDERS, PRODUCTS
from shopkeeper.govern.lineage import LineageGraph, openlineage, trace


def edges(expr, contract=METRICS, **kwargs):
    rows = trace(expr, contract, step="s", run_id="r", **kwargs).to_pylist()
    return {(x["upstream"], x["downstream"].split(".")[1]): x["transform"] for x in rows}


def test_joins_filters_groups_and_computed_columns():
    lines, products = ORDER_LINES.unbound(), PRODUCTS.unbound()
    both = lines.left_join(products, lines.product_id == products.product_id).select(
        category=products.category, net=lines.amount_minor - lines.discount_minor, kind=lines.kind
    )
    expr = both.filter(both.kind == "sale").group_by("category").agg(value=both.net.sum())
    found = edges(expr)
    assert {k[0]: v for k, v in found.items() if k[1] == "value"} == {
        "order_lines.amount_minor": "direct",
        "order_lines.discount_minor": "direct",
        "order_lines.product_id": "join",
        "products.product_id": "join",
        "order_lines.kind": "filter",
        "products.category": "group",
    }
    assert found["products.category", "category"] == "direct"


def test_unions_windows_counts_and_limits():
    orders = ORDERS.unbound()
    a = orders.select(day="day", value="amount_minor")
    b = orders.select(day="day", value="discount_minor")
    assert {k[0] for k, v in edges(a.union(b)).items() if k[1] == "value" and v == "direct"} == {
        "orders.amount_minor", "orders.discount_minor",
    }  # fmt: skip
    ranked = orders.select(
        n=ibis.row_number().over(group_by=orders.customer_ref, order_by=orders.ts_us)
    )
    assert set(edges(ranked)) == {("orders.customer_ref", "n"), ("orders.ts_us", "n")}
    assert edges(orders.filter(orders.kind == "sale").agg(n=ibis._.count())) == {
        ("orders.kind", "n"): "filter"
    }
    top = orders.order_by(orders.ts_us.desc()).limit(3).select("store_id")
    assert edges(top)["orders.ts_us", "store_id"] == "sort"
    assert edges(orders.drop("day").select("month")) == {("orders.month", "month"): "direct"}


def test_anti_joins_decide_rows():
    orders, lines = ORDERS.unbound(), ORDER_LINES.unbound()
    found = edges(lines.anti_join(orders, "order_id").select("quantity"))
    assert found["orders.order_id", "quantity"] == "join"


def test_inputs_stand_for_tables_or_are_left_out():
    extra = ibis.table({"order_id": "string"}, name="chosen")
    orders = ORDERS.unbound()
    expr = orders.semi_join(extra, "order_id").select("day")
    assert ("chosen.order_id", "day") not in edges(expr)
    assert (
        edges(expr, stands_for={"chosen": "order_lines"})["order_lines.order_id", "day"] == "join"
    )


def rows(pairs):
    ups, downs = zip(*pairs, strict=True)
    n = len(ups)
    return LINEAGE.cast(
        pa.table({"step": ["s"] * n, "upstream": ups, "downstream": downs, "transform": ["direct"] * (n - 1) + ["filter"]}),
        fill=True,
    )  # fmt: skip


def test_paths():
    graph = LineageGraph(rows([("a.x", "b.y"), ("b.y", "c.z"), ("d.w", "c.z")]))
    up = graph.upstream("c.z")
    assert [(x.column, x.distance) for x in up.steps] == [
        ("c.z", 0),
        ("b.y", -1),
        ("d.w", -1),
        ("a.x", -2),
    ]
    assert up.edges == (
        ("a.x", "b.y", "direct"),
        ("b.y", "c.z", "direct"),
        ("d.w", "c.z", "filter"),
    )
    assert {x.column for x in graph.upstream("c.z", direct=True).steps} == {"c.z", "b.y", "a.x"}
    assert [(x.column, x.distance) for x in graph.downstream("a.x").steps][-1] == ("c.z", 2)
    with pytest.raises(NotFoundError, match=r"no lineage is recorded for 'e\.e'"):
        graph.upstream("e.e")


def test_any_path_among_ten_thousand_columns_in_half_a_second():
    pairs = [
        (f"t.c{i}", f"t.c{j}") for i in range(10_000) for j in (i + 1, i + 7, i + 501) if j < 10_000
    ]
    graph = LineageGraph(rows(pairs))
    assert len(graph.columns) == 10_000
    started = time.perf_counter()
    path = graph.upstream("t.c9999")
    assert time.perf_counter() - started < 0.5
    assert len(path.steps) == 10_000


def test_openlineage_facets():
    facets = openlineage(rows([("a.x", "b.y"), ("a.k", "b.y")]))
    assert [x["field"] for x in facets["b"]["y"]] == ["k", "x"]
    assert facets["b"]["y"][0]["transformations"] == [{"type": "INDIRECT", "subtype": "FILTER"}]
