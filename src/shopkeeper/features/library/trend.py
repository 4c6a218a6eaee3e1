"""Trend: the latest period against the one before it or against the year."""

from __future__ import annotations

import ibis

from shopkeeper.features.definition import Feature, derived, quotient, ratio


def _change(stem: str, short: int, long: int, zh: str, en: str, source: str, unit: str) -> Feature:
    recent, both = f"{stem}_{short}d", f"{stem}_{long}d"

    def build(t: ibis.Table) -> ibis.Value:
        # In [-1, 1]: defined whenever either period has anything, never exploding.
        earlier = t[both] - t[recent]
        return ratio(t[recent] - earlier, t[recent] + earlier)

    return derived(
        f"{stem}_trend_{short}d",
        (recent, both),
        build,
        source=source,
        group="trend",
        window_days=long,
        unit=unit,
        zh=f"{zh}趋势：近 {short} 天对此前 {short} 天（-1 至 1）",
        en=f"Trend of {en}: last {short} days against the {short} before, from -1 to 1",
    )


def _pace(stem: str, zh: str, en: str, source: str) -> Feature:
    def build(t: ibis.Table) -> ibis.Value:
        return ratio(t[f"{stem}_30d"] * 365, t[f"{stem}_365d"] * 30)

    return derived(
        f"{stem}_pace_30d",
        (f"{stem}_30d", f"{stem}_365d"),
        build,
        source=source,
        group="trend",
        window_days=365,
        unit="ratio",
        zh=f"{zh}近 30 天日均为近 365 天日均的倍数",
        en=f"Daily {en} of the last 30 days over the daily rate of the last 365",
    )


FEATURES: tuple[Feature, ...] = (
    _change("orders", 90, 180, "订单数", "orders", "purchases", "index"),
    _change("spend_minor", 90, 180, "消费金额", "spend", "purchases", "index"),
    _pace("orders", "订单数", "orders", "purchases"),
    _pace("spend_minor", "消费金额", "spend", "purchases"),
    _pace("sessions", "访问次数", "sessions", "activity"),
    _pace("events", "行为事件数", "events", "activity"),
    derived(
        "avg_order_trend_90d",
        ("avg_order_minor_90d", "avg_order_minor_365d"),
        quotient("avg_order_minor_90d", "avg_order_minor_365d"),
        source="purchases",
        group="trend",
        window_days=365,
        unit="ratio",
        zh="近 90 天客单价为近 365 天的倍数",
        en="Average order value of the last 90 days over that of the last 365",
    ),
    derived(
        "discount_trend_90d",
        ("discount_depth_90d", "discount_depth_365d"),
        lambda t: t.discount_depth_90d - t.discount_depth_365d,
        source="purchases",
        group="trend",
        window_days=365,
        unit="share",
        zh="近 90 天与近 365 天优惠比例之差",
        en="Discount share of the last 90 days minus that of the last 365",
    ),
)
