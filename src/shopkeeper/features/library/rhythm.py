"""Inter-purchase rhythm: how regularly somebody comes back, and how overdue they are."""

from __future__ import annotations

import ibis

from shopkeeper.core.columns import Kind
from shopkeeper.features.definition import LIFE, Builder, Feature, derived, quotient, ratio


def _spread(t: ibis.Table) -> ibis.Value:
    # From sums of whole days: exact in float64 and equal on every engine.
    gap = t.gap.cast("float64")
    n, total, squares = t.gap.count(), gap.sum(), (gap * gap).sum()
    variance = (squares - ratio(total * total, n)) / (n - 1).cast("float64").nullif(
        ibis.literal(0).cast("float64")
    )
    floor = ibis.literal(0).cast("float64")
    return ibis.ifelse(variance < floor, floor, variance).sqrt()


def _gap(name: str, zh: str, en: str, build: Builder, dtype: Kind = "float64") -> Feature:
    return Feature(name, "gaps", "purchases", "rhythm", dtype, "days", LIFE, zh, en, build, None)


FEATURES: tuple[Feature, ...] = (
    _gap(
        "gap_mean_days",
        "平均购买间隔",
        "Mean days between purchase days",
        lambda t: ratio(t.gap.sum(), t.gap.count()),
    ),
    _gap(
        "gap_std_days",
        "购买间隔标准差",
        "Standard deviation of the days between purchase days",
        _spread,
    ),
    _gap(
        "gap_median_days",
        "购买间隔中位数",
        "Median days between purchase days",
        lambda t: t.gap.median(),
    ),
    _gap(
        "gap_min_days",
        "最短购买间隔",
        "Shortest gap between purchase days",
        lambda t: t.gap.min(),
        "int64",
    ),
    _gap(
        "gap_max_days",
        "最长购买间隔",
        "Longest gap between purchase days",
        lambda t: t.gap.max(),
        "int64",
    ),
    Feature(
        "gap_mean_days_365d",
        "gaps",
        "purchases",
        "rhythm",
        "float64",
        "days",
        365,
        "平均购买间隔（近 365 天）",
        "Mean days between purchase days, last 365 days",
        lambda t: ratio(t.gap.sum(where=t.age_day < 365), t.gap.count(where=t.age_day < 365)),
        None,
    ),
    derived(
        "gap_cv",
        ("gap_std_days", "gap_mean_days"),
        quotient("gap_std_days", "gap_mean_days"),
        source="purchases",
        group="rhythm",
        zh="购买间隔变异系数（越小越规律）",
        en="Variation of the gaps: deviation over mean; smaller is more regular",
        unit="ratio",
    ),
    derived(
        "overdue_ratio",
        ("recency_days", "gap_mean_days"),
        quotient("recency_days", "gap_mean_days"),
        source="purchases",
        group="rhythm",
        zh="逾期倍数：距上次购买天数除以平均间隔",
        en="How overdue: days since last purchase over mean gap",
        unit="ratio",
    ),
    derived(
        "overdue_days",
        ("recency_days", "gap_median_days"),
        lambda t: t.recency_days.cast("float64") - t.gap_median_days,
        source="purchases",
        group="rhythm",
        zh="超出个人购买周期的天数（负数为未到期）",
        en="Days beyond the customer's median gap; negative before it",
        unit="days",
    ),
    derived(
        "overdue_z",
        ("recency_days", "gap_mean_days", "gap_std_days"),
        lambda t: ratio(t.recency_days.cast("float64") - t.gap_mean_days, t.gap_std_days),
        source="purchases",
        group="rhythm",
        zh="逾期程度（以个人间隔标准差计）",
        en="Days beyond the mean gap in the customer's own standard deviations",
        unit="sd",
    ),
    derived(
        "active_span_days",
        ("tenure_days", "recency_days"),
        lambda t: t.tenure_days - t.recency_days,
        source="purchases",
        group="rhythm",
        dtype="int64",
        zh="首购到末购的天数",
        en="Days from first to last purchase",
        unit="days",
    ),
)
