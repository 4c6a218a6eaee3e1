"""Indicators, cohorts, migration between segments, effects."""

from __future__ import annotations

import datetime as dt

from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import meanings
from shopkeeper.apps.service.queries.reading import Record, day_of, last_data_day, rows
from shopkeeper.apps.service.queries.runs import NEVER_RAN
from shopkeeper.apps.service.schemas.common import Freshness, Interval, NextStep, Point, Text
from shopkeeper.apps.service.schemas.measure import (
    Effect,
    EffectList,
    Indicator,
    IndicatorList,
)
from shopkeeper.core import columns as c
from shopkeeper.core.tables import DECISIONS, EFFECTS, METRICS, PURCHASES
from shopkeeper.measure.effects import LEVEL as EFFECT_LEVEL
from shopkeeper.measure.effects import SPEND_SAVED, arm_sums

SERIES_DAYS = 90
WHOLE = "all"
MOST_EFFECTS = 500
NOTHING_MEASURED = NextStep(
    text=Text(
        zh="还没有效果可衡量：执行一个计划，等结果到达后与对照组比较。",
        en="No effect to measure yet: perform a plan, then compare with the hold-out.",
    ),
    action=Text(zh="查看计划", en="See the plans"),
    link="/decide",
)


def indicators(
    shop: OpenShop, *, start: dt.date | None = None, end: dt.date | None = None
) -> IndicatorList:
    """Daily indicators with their series.

    Parameters
    ----------
    shop
        The open shop.
    start
        First day of the series; by default 90 days before `end`.
    end
        First day after the series; by default the day after the last one measured.

    Returns
    -------
    IndicatorList
        In the order of their definitions.
    """

    def ask() -> IndicatorList:
        table = shop.tables.table(METRICS)
        whole = table.filter(table[c.DIMENSION] == WHOLE)
        found = rows(shop, whole.aggregate(last=whole[c.DAY].max()))
        last: dt.date | None = found[0]["last"] if found else None
        if last is None:
            return IndicatorList(items=[], start=None, end=None, next_step=NEVER_RAN)
        until = end or last + dt.timedelta(days=1)
        since = start or until - dt.timedelta(days=SERIES_DAYS)
        inside = whole.filter((whole[c.DAY] >= since) & (whole[c.DAY] < until))
        series: dict[str, list[Record]] = {}
        ordered = inside.order_by([inside[c.METRIC], inside[c.DAY]])
        for row in rows(shop, ordered[[c.METRIC, c.DAY, c.VALUE, c.UNIT]]):
            series.setdefault(row["metric"], []).append(row)
        place = meanings.metric_order()
        keys = sorted(series, key=lambda key: (place.get(key, len(place)), key))
        return IndicatorList(
            items=[_indicator(shop, key, series[key]) for key in keys],
            start=since,
            end=until,
            next_step=None if keys else NEVER_RAN,
        )

    return shop.remember(("indicators", start, end), (METRICS,), ask)


def _indicator(shop: OpenShop, key: str, found: list[Record]) -> Indicator:
    described = meanings.metric(key, found[-1]["unit"])
    value = found[-1]["value"]
    previous = found[-2]["value"] if len(found) > 1 else None
    change = (value - previous) / abs(previous) if value is not None and previous else None
    newest = last_data_day(shop)
    day = found[-1]["day"]
    return Indicator(
        key=key,
        name=described.name,
        definition=described.definition,
        unit=described.unit,
        currency=shop.settings.shop.currency if described.unit == "minor" else None,
        better=described.better,
        value=value,
        previous=previous,
        change=change,
        series=[Point(day=row["day"], value=row["value"]) for row in found],
        freshness=Freshness(
            as_of=day, stale=newest is not None and newest - day > dt.timedelta(days=1)
        ),
        note=None
        if value is not None
        else Text(zh="当日数据不足，无法计算", en="Not enough data that day to say"),
    )


def effects(shop: OpenShop) -> EffectList:
    """Hold-out effects, newest first, and the spend they save.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    EffectList
    """

    def ask() -> EffectList:
        table = shop.tables.table(EFFECTS)
        ordered = table.order_by([table[c.AS_OF].desc(), table[c.METRIC], table[c.ARM]])
        latest = _newest_of_each(rows(shop, ordered.limit(MOST_EFFECTS)))
        arms = {plan: _arms(shop, plan) for plan in {row["experiment_id"] for row in latest}}
        found = [_effect(shop, row, arms[row["experiment_id"]]) for row in latest]
        saved = next((x for x in found if x.metric == SPEND_SAVED), None)
        return EffectList(
            items=[x for x in found if x.metric != SPEND_SAVED],
            spend_saved=saved,
            next_step=None if found else NOTHING_MEASURED,
        )

    return shop.remember("effects", (EFFECTS, DECISIONS, PURCHASES), ask)


def _newest_of_each(found: list[Record]) -> list[Record]:
    """An effect is estimated again every night; the latest estimate counts."""
    newest: dict[tuple[str, str, str], Record] = {}
    for row in found:
        newest.setdefault((row["experiment_id"], row["arm"], row["metric"]), row)
    return list(newest.values())


def _arms(shop: OpenShop, plan_id: str) -> tuple[int, int]:
    """Customers of a plan that could be contacted, and of the hold-out beside them."""
    decisions, purchases = shop.tables.table(DECISIONS), shop.tables.table(PURCHASES)
    found = rows(shop, arm_sums(decisions, purchases, plan_id, 0, 0))
    sizes = {row["holdout"]: row["n"] for row in found}
    return sizes.get(False, 0), sizes.get(True, 0)


def _effect(shop: OpenShop, row: Record, arms: tuple[int, int]) -> Effect:
    ranged = row["low"] is not None and row["high"] is not None
    described = meanings.effect(row["metric"], row["unit"])
    return Effect(
        key=f"{row['experiment_id']}:{row['arm']}:{row['metric']}",
        name=described.name,
        metric=row["metric"],
        estimate=row["estimate"],
        interval=(
            Interval(low=row["low"], high=row["high"], level=EFFECT_LEVEL) if ranged else None
        ),
        unit=described.unit,
        currency=shop.settings.shop.currency if described.unit == "minor" else None,
        method=row["method"],
        treated=arms[0],
        hold_out=arms[1],
        significant=(row["low"] > 0 or row["high"] < 0) if ranged else None,
        sentence=Text(zh=row["reason_zh"] or "", en=row["reason_en"] or ""),
        plan_id=row["experiment_id"],
        start=None,
        end=day_of(shop, row["as_of"]),
    )
