"""Cohorts by first purchase, and moves between RFM segments."""

from __future__ import annotations

import datetime as dt

from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import names
from shopkeeper.apps.service.queries.collect import LOAD_FIRST
from shopkeeper.apps.service.queries.reading import Record, day_of, last_data_day, money, rows
from shopkeeper.apps.service.queries.runs import NEVER_RAN
from shopkeeper.apps.service.schemas.common import Freshness, NextStep, Text
from shopkeeper.apps.service.schemas.measure import (
    Cohort,
    CohortCell,
    CohortTable,
    MigrationCell,
    RfmMigration,
)
from shopkeeper.core import columns as c
from shopkeeper.core.tables import PURCHASES, SEGMENTS
from shopkeeper.measure.cohorts import cohorts as cohort_grid
from shopkeeper.measure.cohorts import migration

SCHEME = "rfm8"
MONTH_DAYS = 28
COHORTS = Text(
    zh="按首次购买的月份分组，逐月看还有多少人购买、净消费多少（已扣退货）",
    en="Customers by the month of their first purchase: how many buy in each month after, "
    "and for how much (returns deducted)",
)
MIGRATION = Text(
    zh="同一批客户在两次计算之间，从哪个 RFM 类到了哪个 RFM 类",
    en="Which RFM type the same customers were in at two moments",
)
EDGES = {
    "new": Text(zh="新进入", en="New"),
    "gone": Text(zh="不再计算", en="Gone"),
}
ONCE = NextStep(
    text=Text(
        zh="目前只算过一次分群；再运行一次闭环后就能看到迁移。",
        en="Segments were computed once so far; the next run shows the moves.",
    ),
    action=Text(zh="运行闭环", en="Run the loop"),
    link="/runs",
    command="shopkeeper run nightly",
)


def cohorts(shop: OpenShop) -> CohortTable:
    """Retention and spend by month of first purchase.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    CohortTable
        Oldest cohort first; months in which nobody of a cohort bought are missing.
    """

    def ask() -> CohortTable:
        found = rows(shop, cohort_grid(shop.tables.table(PURCHASES)))
        by_month: dict[str, list[Record]] = {}
        for row in found:
            by_month.setdefault(row["cohort"], []).append(row)
        return CohortTable(
            freshness=Freshness(as_of=last_data_day(shop)),
            definition=COHORTS,
            items=[_cohort(shop, month, cells) for month, cells in by_month.items()],
            next_step=None if found else LOAD_FIRST,
        )

    return shop.remember("cohorts", (PURCHASES,), ask)


def _cohort(shop: OpenShop, month: str, cells: list[Record]) -> Cohort:
    size = next(cell["customers"] for cell in cells if cell["period"] == 0)
    return Cohort(
        cohort=dt.date.fromisoformat(f"{month}-01"),
        size=size,
        cells=[
            CohortCell(
                period=cell["period"],
                customers=cell["customers"],
                share=cell["customers"] / size,
                spent=money(shop, cell["spend_minor"]),
            )
            for cell in cells
        ],
    )


def rfm_migration(shop: OpenShop) -> RfmMigration:
    """Moves between RFM types from about a month before the latest moment to it.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    RfmMigration
        From the latest moment at least 28 days before (or the earliest there is).
    """
    return shop.remember("rfm_migration", (SEGMENTS,), lambda: _migration(shop))


def _migration(shop: OpenShop) -> RfmMigration:
    table = shop.tables.table(SEGMENTS)
    mine = table.filter(table[c.SCHEME] == SCHEME)
    moments = sorted(row["as_of"] for row in rows(shop, mine[[c.AS_OF]].distinct()))
    if len(moments) < 2:
        return RfmMigration(
            start=None,
            end=day_of(shop, moments[-1]) if moments else None,
            definition=MIGRATION,
            cells=[],
            next_step=ONCE if moments else NEVER_RAN,
        )
    end = moments[-1]
    before = [x for x in moments[:-1] if end - x >= dt.timedelta(days=MONTH_DAYS)]
    start = before[-1] if before else moments[0]
    found = rows(shop, migration(table, SCHEME, start, end))
    sizes: dict[str, int] = {}
    for row in found:
        sizes[row["origin"]] = sizes.get(row["origin"], 0) + row["customers"]
    return RfmMigration(
        start=day_of(shop, start),
        end=day_of(shop, end),
        definition=MIGRATION,
        cells=[
            MigrationCell(
                origin=row["origin"],
                origin_name=_named(row["origin"]),
                target=row["target"],
                target_name=_named(row["target"]),
                customers=row["customers"],
                share=row["customers"] / sizes[row["origin"]],
            )
            for row in found
        ],
        next_step=None,
    )


def _named(code: str) -> Text:
    return EDGES.get(code) or names.segment(SCHEME, code)
