"""Write indicators, effects of performed plans, and spend saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
from sqlalchemy import select

from shopkeeper.apps.flows.decide import PERFORMED, RESPONSE_DAYS
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import state
from shopkeeper.core.clock import to_us, zone
from shopkeeper.core.moments import Moments
from shopkeeper.core.money import said
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import DECISIONS, EFFECTS, METRICS, PURCHASES
from shopkeeper.measure.daily import daily_indicators
from shopkeeper.measure.effects import (
    MIN_ORDERS,
    SPEND_SAVED,
    arm_sums,
    avoided,
    more_needed,
    welch,
)


@dataclass(frozen=True, slots=True)
class MeasureReport:
    """What was measured."""

    days: int
    latest: Mapping[str, float | None]
    effects: tuple[Mapping[str, Any], ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "days": self.days,
            "latest": dict(self.latest),
            "effects": [{**x, "as_of": x["as_of"].isoformat()} for x in self.effects],
        }


def run_measure(runtime: Runtime, *, as_of: datetime, run_id: str) -> MeasureReport:
    """Measure every day before ``as_of`` and every plan of the last 90 days.

    Parameters
    ----------
    runtime
        The open shop.
    as_of
        Nothing at or after it counts.
    run_id
        Written into the rows.
    """
    store, settings = runtime.tables, runtime.settings
    end = as_of.astimezone(zone(settings.shop.time_zone)).date()
    metrics = daily_indicators(store, end, run_id)
    store.replace(METRICS, metrics)
    last = end - timedelta(days=1)
    latest = {r["metric"]: r["value"] for r in metrics.to_pylist() if r["day"] == last}
    effects: list[dict[str, Any]] = []
    for plan_id, made in _plans(runtime, as_of):
        effects += plan_effects(store, plan_id, made, as_of, settings.shop.currency)
    if effects:
        rows = pa.Table.from_pylist(effects, schema=EFFECTS.arrow_schema)
        store.merge(EFFECTS, rows)
    return MeasureReport(metrics.num_rows // 15, latest, tuple(effects))


def _plans(runtime: Runtime, as_of: datetime) -> list[tuple[str, datetime]]:
    plans = state.plans
    with runtime.state.connect() as connection:
        rows = connection.execute(
            select(plans.c.plan_id, plans.c.as_of)
            .where(plans.c.status == PERFORMED)
            .where(plans.c.as_of <= as_of, plans.c.as_of > as_of - timedelta(days=90))
            .order_by(plans.c.as_of, plans.c.plan_id)
        ).all()
    moment = as_of.tzinfo
    return [
        (r.plan_id, r.as_of if r.as_of.tzinfo else r.as_of.replace(tzinfo=moment)) for r in rows
    ]


def plan_effects(
    store: TableStore, plan_id: str, made: datetime, as_of: datetime, currency: str
) -> list[dict[str, Any]]:
    """EFFECTS rows of one plan: orders, spend and the losses it avoided.

    Parameters
    ----------
    store
        The lake.
    plan_id
        Which plan.
    made
        Its ``as_of``; the response window begins there.
    as_of
        Orders before it count.
    currency
        For the sentences.
    """
    end_us = min(to_us(as_of), to_us(made) + (RESPONSE_DAYS + 1) * 86_400_000_000)
    decisions = store.table(DECISIONS)
    sums = store.run(
        arm_sums(decisions, store.table(PURCHASES), plan_id, to_us(made), end_us)
    ).to_pylist()
    arms = {r["holdout"]: r for r in sums}
    base = {"experiment_id": plan_id, "arm": "contacted-to-be", "as_of": as_of}
    result = []
    for metric, column, unit in (("orders", "orders", "count"), ("revenue", "spend", "minor")):
        treated, held = (_moments(arms.get(x), column) for x in (False, True))
        result.append({
            **base, "metric": metric, "method": "hold-out, Welch", "unit": unit,
            **_effect(treated, held, _orders(arms), metric, currency),
        })  # fmt: skip
    result.append({**base, **_saved(store, decisions, plan_id, currency)})
    return result


def _moments(row: Mapping[str, Any] | None, column: str) -> Moments:
    if row is None:
        return Moments(0, 0.0, 0.0)
    return Moments(row["n"], row[column] or 0.0, row[f"{column}_squares"] or 0.0)


def _orders(arms: Mapping[bool, Mapping[str, Any]]) -> float:
    return min((arms[x]["orders"] or 0.0) if x in arms else 0.0 for x in (True, False))


def _effect(
    treated: Moments, held: Moments, orders: float, metric: str, currency: str
) -> dict[str, Any]:
    found = welch(treated, held)
    n = treated.n + held.n
    if found is None or orders < MIN_ORDERS:
        need = round(MIN_ORDERS - orders)
        return {
            "estimate": None, "low": None, "high": None, "n": n,
            "reason_zh": f"数据不足，暂不能下结论：较少的一组还需约 {need} 笔订单。",
            "reason_en": f"Not enough data to say: about {need} more orders in the smaller arm.",
        }  # fmt: skip
    scale = treated.n
    low, mid, high = (x * scale for x in (found.low, found.estimate, found.high))
    zh, en = {"orders": ("订单", "orders"), "revenue": ("销售额", "revenue")}[metric]

    def shown(value: float) -> str:
        return said(value, currency) if metric == "revenue" else f"{value:,.0f}"

    sure = low > 0 or high < 0
    tail_zh, tail_en = "", ""
    if not sure:
        need = more_needed(treated, held, found.estimate)
        tail_zh = f"；区间包含 0，同样幅度的效果还需约 {need:,} 位客户才能看清"
        tail_en = f"; the interval holds zero, about {need:,} more customers would settle it"
    return {
        "estimate": mid, "low": low, "high": high, "n": n,
        "reason_zh": (
            f"计划带来的{zh}增量 {shown(mid)}"
            f"（95% 区间 {shown(low)} 至 {shown(high)}）{tail_zh}。"
        ),
        "reason_en": (
            f"The plan changed {en} by {shown(mid)} (95% interval {shown(low)} to {shown(high)})"
            f"{tail_en}."
        ),
    }  # fmt: skip


def _saved(store: TableStore, decisions: Any, plan_id: str, currency: str) -> dict[str, Any]:
    row = store.run(avoided(decisions, plan_id)).to_pylist()[0]
    sums = Moments(row["n"] or 0, row["sum"] or 0.0, row["sum_squares"] or 0.0)
    reach = 1.96 * sums.error * sums.n
    total = sums.sum
    shown = [said(x, currency) for x in (total, total - reach, total + reach)]
    return {
        "metric": SPEND_SAVED, "method": "ledger, expected loss avoided", "unit": "minor",
        "estimate": total, "low": total - reach, "high": total + reach, "n": sums.n,
        "reason_zh": (
            f"有 {sums.n:,} 位客户不值得触达，"
            f"避免预期损失 {shown[0]}（{shown[1]} 至 {shown[2]}）。"
        ),
        "reason_en": (
            f"Leaving out {sums.n:,} customers whom no option would pay for avoids an expected "
            f"loss of {shown[0]} ({shown[1]} to {shown[2]})."
        ),
    }  # fmt: skip
