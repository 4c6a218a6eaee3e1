"""A shop without faults passes; every fault planted is found in one run and stops what it must."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from shopkeeper.apps.flows.govern import run_govern
from shopkeeper.backends.open import open_runtime
from shopkeeper.core import tables as t
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.settings import load_settings
from shopkeeper.govern import sentences
from shopkeeper.govern.drift import drift, outlier_mask
from shopkeeper.govern.gates import GATES, STAGE_NAMES, blocks
from shopkeeper.govern.indicators import DIMENSIONS, INDICATORS

AS_OF = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
END = int(AS_OF.timestamp())
N, PEOPLE = 6000, 400


class Fixed:
    def now(self):
        return AS_OF


def text(prefix, numbers):
    return pa.array(np.char.add(prefix, numbers.astype(str)))


def shop():
    """Sixty days of sales of a shop in order."""
    rng = np.random.default_rng(3)
    second = END - 1 - (np.arange(N) * 60 * 86400 // N)
    ts = pa.array(second * 1_000_000)
    at = ts.cast(pa.timestamp("us", "UTC"))
    person = rng.integers(0, PEOPLE, N)
    return {
        "line_id": text("L", np.arange(N)), "order_id": text("O", np.arange(N)),
        "customer_ref": text("crm:", person), "kind": pa.repeat("sale", N),
        "product_id": text("p", rng.integers(0, 50, N)),
        "channel": pa.array(np.where(rng.random(N) < 0.5, "store", "web")),
        "store_id": text("s", rng.integers(0, 5, N)), "occurred_at": at, "ts_us": ts,
        "day": at.cast(pa.date32()), "month": pc.strftime(at, "%Y-%m"),
        "dow": pc.add(pc.day_of_week(at), 1).cast(pa.int8()), "hour": pc.hour(at).cast(pa.int8()),
        "quantity": pa.array(rng.integers(1, 4, N).astype(float)),
        "amount_minor": pa.array(np.exp(rng.normal(7, 0.6, N)).astype(np.int64) + 1),
        "currency": pa.repeat("CNY", N), "source": pa.repeat("pos", N), "load_id": pa.repeat("l", N),
    }  # fmt: skip


def products():
    n = 50
    return {
        "product_id": text("p", np.arange(n)), "name": text("n", np.arange(n)),
        "category": pa.repeat("茶", n), "subcategory": pa.repeat("红茶", n),
        "brand": pa.repeat("b", n), "source": pa.repeat("pos", n), "load_id": pa.repeat("l", n),
    }  # fmt: skip


def customers():
    return {
        "customer_ref": text("crm:", np.arange(PEOPLE)), "source": pa.repeat("crm", PEOPLE),
        "phone": text("+861391234", np.arange(1000, 1000 + PEOPLE)),
        "email": pa.array([f"a{i}@qq.com" for i in range(PEOPLE)]),
        "gender": pa.array([1, 2] * (PEOPLE // 2), pa.int8()),
    }  # fmt: skip


def measured(folder, lines=None, people=None, orders=None, loads=None):
    runtime = open_runtime(load_settings(flags={"store.folder": str(folder)}), clock=Fixed())
    given = [
        (t.ORDER_LINES, lines or shop()), (t.PRODUCTS, products()),
        (t.CUSTOMERS, people or customers()), (t.ORDERS, orders), (t.LOADS, loads),
    ]  # fmt: skip
    for contract, rows in given:
        if rows:
            runtime.tables.append(contract, contract.cast(pa.table(rows), fill=True))
    report = run_govern(runtime, as_of=AS_OF, run_id="r1")
    rows = runtime.tables.run(runtime.tables.table(t.QUALITY))
    runtime.close()
    return report, rows


def failing(rows):
    bad = rows.filter(pc.invert(rows["passed"])).to_pylist()
    return {(x["indicator"], x["table_name"], x["column_name"]) for x in bad}


@pytest.fixture(scope="module")
def in_order(tmp_path_factory):
    return measured(tmp_path_factory.mktemp("shop"))


def test_a_shop_in_order_passes(in_order):
    report, rows = in_order
    assert failing(rows) == set()
    assert report.stopped == ()
    assert report.completeness == 1.0
    assert report.accuracy == 1.0
    assert len(set(rows["indicator"].to_pylist())) >= 15
    assert {INDICATORS[x].dimension for x in rows["indicator"].to_pylist()} == set(DIMENSIONS)


def test_sentences_are_in_both_languages(in_order):
    report, rows = in_order
    for row in rows.to_pylist():
        assert "达标" in row["reason_zh"]
        assert row["reason_en"].endswith("counted).")
    assert [x.heading_en for x in report.sections][:3] == ["Summary", "Loads", "Cleaning"]
    assert "没有环节被停止" in report.sections[-1].body_zh
    assert report.to_dict()["failed"] == 0


def one_row(contract):
    """A row in which every column is filled."""
    at = AS_OF - dt.timedelta(days=3)
    by_type = (
        (pa.types.is_string, "web"), (pa.types.is_boolean, True), (pa.types.is_integer, 1),
        (pa.types.is_floating, 1.0), (pa.types.is_timestamp, at), (pa.types.is_date, at.date()),
    )  # fmt: skip
    return {
        f.name: pa.array([next(value for fits, value in by_type if fits(f.type))], f.type)
        for f in contract.arrow_schema
    }


@pytest.mark.parametrize("contract", t.LOADED, ids=lambda x: x.name)
def test_every_table_that_can_be_loaded_is_measured(tmp_path, contract):
    runtime = open_runtime(load_settings(flags={"store.folder": str(tmp_path)}), clock=Fixed())
    runtime.tables.append(contract, contract.cast(pa.table(one_row(contract))))
    run_govern(runtime, as_of=AS_OF, run_id="r1")
    rows = runtime.tables.run(runtime.tables.table(t.QUALITY))
    runtime.close()
    assert contract.name in rows["table_name"].to_pylist()


def recent(mask_share=0.5):
    inside = np.arange(N) < N * 28 // 60
    return inside & (np.random.default_rng(5).random(N) < mask_share)


def nulls(values, where):
    return pc.if_else(pa.array(where), pa.scalar(None, values.type), values)


def swapped(values, where, new):
    return pc.if_else(pa.array(where), pa.scalar(new, values.type), values)


FAULTS = {
    "channel lost": (
        lambda r: {**r, "channel": nulls(r["channel"], recent())},
        {("completeness_drop", "order_lines", "channel"), ("completeness", "order_lines", "channel")},
    ),
    "store lost": (
        lambda r: {**r, "store_id": nulls(r["store_id"], recent())},
        {("completeness_drop", "order_lines", "store_id")},
    ),
    "one channel": (
        lambda r: {**r, "channel": swapped(r["channel"], recent(1), "store")},
        {("distribution", "order_lines", "channel")},
    ),
    "cents became yuan": (
        lambda r: {**r, "amount_minor": pc.if_else(pa.array(recent(1)), pc.multiply(r["amount_minor"], 100), r["amount_minor"])},
        {("distribution", "order_lines", "amount_minor")},
    ),
    "unknown products": (
        lambda r: {**r, "product_id": swapped(r["product_id"], recent(), "zz")},
        {("reference_products", "order_lines", "product_id")},
    ),
    "unknown customers": (
        lambda r: {**r, "customer_ref": text("new:", np.arange(N) // 10)},
        {("reference_customers", "order_lines", "customer_ref")},
    ),
    "wrong currency": (
        lambda r: {**r, "currency": swapped(r["currency"], recent(), "RMBX")},
        {("validity_currency", "order_lines", "currency"), ("one_currency", "order_lines", "currency")},
    ),
    "negative sales": (
        lambda r: {**r, "amount_minor": pc.if_else(pa.array(recent(0.1)), pc.negate(r["amount_minor"]), r["amount_minor"])},
        {("amount_signs", "order_lines", "amount_minor")},
    ),
    "nothing sold": (
        lambda r: {**r, "quantity": swapped(r["quantity"], recent(), 0.0)},
        {("quantity_zero", "order_lines", "quantity")},
    ),
    "absurd amounts": (
        lambda r: {**r, "amount_minor": swapped(r["amount_minor"], np.arange(N) % 40 == 0, 90_000_000)},
        {("outliers", "order_lines", "amount_minor")},
    ),
    "loaded twice": (
        lambda r: {k: pa.concat_arrays([v, v]) if k != "line_id" else text("L", np.arange(2 * N)) for k, v in r.items()},
        {("duplicates", "order_lines", "")},
    ),
    "same key twice": (
        lambda r: {**r, "line_id": text("L", np.arange(N) // 2)},
        {("uniqueness_key", "order_lines", "")},
    ),
    "days missing": (
        lambda r: {k: v.slice(700) for k, v in r.items()},
        {("freshness", "order_lines", "ts_us"), ("days_missing", "order_lines", "day")},
    ),
    "half the stores silent": (
        lambda r: {k: v.filter(pa.array(~recent(0.7))) for k, v in r.items()},
        {("volume", "order_lines", "")},
    ),
    "from the future": (
        lambda r: {**r, "ts_us": pc.if_else(pa.array(np.arange(N) % 50 == 0), pc.add(r["ts_us"], 400 * 86_400_000_000), r["ts_us"])},
        {("future", "order_lines", "ts_us")},
    ),
}  # fmt: skip


TOGETHER = [
    ("channel lost", "unknown products", "negative sales", "wrong currency", "nothing sold"),
    ("store lost", "one channel", "unknown customers", "absurd amounts"),
    ("cents became yuan", "from the future", "same key twice"),
    ("loaded twice",),
    ("half the stores silent",),
    ("days missing",),
]
"""Faults that do not hide each other, planted in one shop to save time."""


def test_every_fault_is_planted():
    assert sorted(x for group in TOGETHER for x in group) == sorted(FAULTS)


@pytest.mark.parametrize("faults", TOGETHER, ids=lambda x: x[0])
def test_a_planted_fault_is_found_in_one_run(tmp_path, faults):
    rows, expected = shop(), set()
    for fault in faults:
        spoil, found = FAULTS[fault]
        rows = spoil(rows)
        expected |= found
    _, quality = measured(tmp_path, lines=rows)
    assert expected <= failing(quality)


def test_faults_of_customer_records_are_found(tmp_path):
    people = customers()
    half = np.arange(PEOPLE) % 2 == 0
    people |= {
        "phone": swapped(people["phone"], half, "139"), "email": swapped(people["email"], half, "x"),
        "gender": swapped(people["gender"], half, 7),
        "birth_date": pa.repeat(dt.date(1800, 1, 1), PEOPLE),
    }  # fmt: skip
    report, rows = measured(tmp_path, people=people)
    for column in ("phone", "email", "gender", "birth_date"):
        assert (f"validity_{column}", "customers", column) in failing(rows)
    assert report.accuracy < 0.99
    assert {x.stage for x in report.stopped} == {"deliver"}
    assert "deliver is stopped" in report.sections[-1].body_en


def test_orders_and_loads_are_compared(tmp_path):
    rows = shop()
    orders = {k: v for k, v in rows.items() if k not in {"line_id", "product_id"}}
    orders["amount_minor"] = pc.if_else(pa.array(np.arange(N) % 4 == 0), 1, rows["amount_minor"])
    loads = {
        "load_id": ["a"], "table_name": ["orders"], "rows_in": pa.array([10], pa.int64()),
        "rows_quarantined": pa.array([4], pa.int64()), "rows_admitted": pa.array([6], pa.int64()),
    }  # fmt: skip
    report, found = measured(tmp_path, orders=orders, loads=loads)
    assert ("order_amounts", "orders", "amount_minor") in failing(found)
    assert ("admitted", "loads", "") in failing(found)
    assert "10 rows read, 6 admitted" in report.sections[1].body_en
    assert {"measure"} == {x.stage for x in report.stopped}


def test_an_empty_lake_says_so(tmp_path):
    runtime = open_runtime(load_settings(flags={"store.folder": str(tmp_path)}), clock=Fixed())
    report = run_govern(runtime, as_of=AS_OF, run_id="r1")
    runtime.close()
    assert (report.indicators, report.completeness) == (0, None)
    assert "Nothing has been loaded yet" in report.sections[1].body_en


def test_gates_name_stages_and_indicators_that_exist():
    for gate in GATES:
        assert gate.indicator in INDICATORS
        assert set(gate.stages) <= set(STAGE_NAMES)
    assert blocks(t.QUALITY.empty()) == ()


def test_unknown_indicator():
    with pytest.raises(NotFoundError, match="no quality indicator 'mood'"):
        sentences.indicator_of("mood")


@pytest.mark.parametrize(("n", "bins"), [(300, 5), (2000, 30), (50_000, 200)])
def test_no_drift_is_found_where_nothing_changed(n, bins):
    rng = np.random.default_rng(n)
    share = rng.dirichlet(np.ones(bins))
    over = 0
    effects = []
    for _ in range(200):
        moved = drift(
            rng.multinomial(n, share).astype(float), rng.multinomial(n, share).astype(float)
        )
        effects.append(moved.psi - moved.expected)
        over += moved.effect > moved.line(0.0)
    assert over <= 3  # one in a thousand is meant
    assert abs(np.mean(effects)) < 0.3 * (2 * bins / n)


def test_a_real_drift_is_found_and_few_rows_say_nothing():
    moved = drift(np.array([800.0, 200.0]), np.array([500.0, 500.0]))
    assert moved.effect > moved.line(0.1)
    assert drift(np.array([8.0, 2.0]), np.array([5.0, 5.0])) is None
    assert drift(np.array([800.0]), np.array([500.0])).effect == 0.0


def test_outliers_are_flagged_by_robust_statistics():
    values = np.concatenate([np.random.default_rng(1).normal(100, 5, 500), [1000.0, np.nan]])
    assert np.flatnonzero(outlier_mask(values)).tolist() == [500]
