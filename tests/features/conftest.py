"""A small shop with random rows, and the engine that computes over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any

import duckdb
import ibis
import numpy as np
import pyarrow as pa
import pytest

from shopkeeper.core.tables import ACTIVITY, CONTACTS, PURCHASE_LINES, PURCHASES, TableContract
from shopkeeper.features.compute import CUTOFFS, cutoffs_expression, cutoffs_table, feature_table
from shopkeeper.features.library_index import features_contract

Row = dict[str, Any]
Shop = dict[str, list[Row]]

DAY_US = 86_400_000_000
ZONE = timezone(timedelta(hours=8))
CONTRACTS: Mapping[str, TableContract] = {
    "purchases": PURCHASES,
    "purchase_lines": PURCHASE_LINES,
    "activity": ACTIVITY,
    "contacts": CONTACTS,
}


def stamp(ts_us: int) -> Row:
    """The columns that say when."""
    at = datetime.fromtimestamp(ts_us // 1_000_000, UTC).replace(microsecond=ts_us % 1_000_000)
    local = at.astimezone(ZONE)
    return {
        "occurred_at": at, "ts_us": ts_us, "day": local.date(), "month": local.strftime("%Y-%m"),
        "dow": local.isoweekday(), "hour": local.hour,
    }  # fmt: skip


def make_shop(seed: int, as_of: datetime, *, customers: int = 12, orders: int = 90) -> Shop:
    """Random rows around ``as_of``, many of them exactly on window borders."""
    rng = np.random.default_rng(seed)
    moment = int(as_of.timestamp()) * 1_000_000
    pick = lambda values: values[int(rng.integers(len(values)))]  # noqa: E731

    def when() -> int:
        if rng.random() < 0.25:
            border = pick([0, 7, 30, 90, 180, 365]) * DAY_US
            return moment - border + int(rng.integers(-1, 2))
        return moment + int(rng.integers(-500 * DAY_US, 60 * DAY_US))

    def who() -> str:
        return f"c{int(rng.integers(customers)):02d}"

    shop: Shop = {name: [] for name in CONTRACTS}
    for i in range(orders):
        ts, customer = when(), who()
        back = rng.random() < 0.15
        kind, sign = ("return", -1) if back else ("sale", 1)
        base = {"customer_id": customer, "kind": kind, "channel": pick(["store", "web", "app"]),
                "store_id": pick(["s1", "s2", None]), **stamp(ts), "currency": "CNY",
                "coupon_id": pick(["k1", None, None])}  # fmt: skip
        lines = int(rng.integers(1, 4))
        for j in range(lines):
            product = int(rng.integers(8))
            shop["purchase_lines"].append({
                **base, "line_id": f"l{i}-{j}", "order_id": f"o{i}", "product_id": f"p{product}",
                "category": [None, "茶", "咖啡", "酒"][product % 4], "subcategory": None,
                "brand": ["b0", "b1", None][product % 3], "quantity": sign * float(rng.integers(1, 5)),
                "amount_minor": sign * int(rng.integers(1, 4)) * 500,
                "discount_minor": pick([0, 100, None]),
            })  # fmt: skip
        shop["purchases"].append({
            **base, "order_id": f"o{i}", "amount_minor": sign * int(rng.integers(100, 90_000)),
            "discount_minor": pick([0, 0, 250, None]), "quantity": sign * float(rng.integers(1, 9)),
            "lines": lines,
        })  # fmt: skip
    for i in range(orders * 3):
        shop["activity"].append({
            "event_id": f"e{i}", "customer_id": who(), "session_id": pick([f"v{i % 25}", None]),
            "kind": pick(["view_item", "view_item", "search", "add_to_cart", "begin_checkout", "page",
                          "chat_message_received", "order_cancelled", "product_reviewed", "share",
                          "add_to_wishlist"]),
            **stamp(when()), "product_id": "p1", "category": pick([None, "茶", "咖啡"]), "page": "/",
            "query": None, "channel": ["web", "store", None][i % 3], "device": pick(["mobile", "Desktop", None]),
            "campaign_id": None,
        })  # fmt: skip
    for i in range(orders):
        ts = when()
        shop["contacts"].append({
            "touch_id": f"t{i}", "customer_id": who(), "campaign_id": None, "offer_id": None,
            "channel": pick(["email", "sms", "push", "wecom"]),
            "status": pick([
                "sent", "delivered", "opened", "clicked", "bounced", "complained", None,
                "held_out", "refused", "withdrawn",
            ]),
            "ts_us": ts, "day": stamp(ts)["day"], "cost_minor": pick([5, None]), "currency": "CNY",
        })  # fmt: skip
    return shop


def arrow(shop: Shop) -> dict[str, pa.Table]:
    """The rows under their contracts."""
    return {
        name: pa.Table.from_pylist(shop[name], schema=contract.arrow_schema)
        for name, contract in CONTRACTS.items()
    }


Compute = Callable[..., dict[tuple[str, datetime], Row]]


@pytest.fixture(scope="session")
def compute() -> Compute:
    """Features of a shop by customer and cut-off, under the contract; compiled once."""
    database = duckdb.connect(":memory:", config={"threads": 1})
    database.execute("SET TimeZone = 'UTC'")

    @cache
    def compiled(names: tuple[str, ...] | None) -> str:
        tables = (contract.unbound() for contract in CONTRACTS.values())
        expr = feature_table(*tables, cutoffs_expression(), names=names)
        return str(ibis.to_sql(expr, dialect="duckdb"))

    def run(
        shop: Shop, moments: Sequence[datetime], names: Sequence[str] | None = None
    ) -> dict[tuple[str, datetime], Row]:
        for name, rows in {**arrow(shop), CUTOFFS: cutoffs_table(moments)}.items():
            database.register(name, rows)
        sql = compiled(None if names is None else tuple(names))
        rows = features_contract(names).cast(database.sql(sql).to_arrow_table()).to_pylist()
        keyed = {(x["customer_id"], x["as_of"]): x for x in rows}
        assert len(keyed) == len(rows)
        return keyed

    return run


@pytest.fixture(scope="session")
def shops() -> Callable[..., Shop]:
    """Maker of random shops."""
    return make_shop


@pytest.fixture(scope="session")
def stamped() -> Callable[[int], Row]:
    """Maker of the columns that say when."""
    return stamp


@pytest.fixture(scope="session")
def arrows() -> Callable[[Shop], dict[str, pa.Table]]:
    """The rows of a shop under their contracts."""
    return arrow
