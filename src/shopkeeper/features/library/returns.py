"""Returns: how often and how much comes back."""

from __future__ import annotations

from shopkeeper.features.definition import LIFE, Feature, derived, quotient, windowed

FEATURES: tuple[Feature, ...] = (
    *windowed(
        "returns",
        (90, 365, LIFE),
        lambda t, inside: t.returns.sum(where=inside),
        grain="purchase_days",
        source="purchases",
        group="returns",
        zh="退货次数",
        en="Returns",
        unit="returns",
    ),
    *windowed(
        "refund_minor",
        (90, 365, LIFE),
        lambda t, inside: t.refund.sum(where=inside),
        grain="purchase_days",
        source="purchases",
        group="returns",
        zh="退款金额",
        en="Refunds",
        unit="minor units",
    ),
    Feature(
        "return_recency_days",
        "purchase_days",
        "purchases",
        "returns",
        "int64",
        "days",
        LIFE,
        "距最近一次退货天数",
        "Days since last return",
        lambda t: t.age_day.min(where=t.returns > 0),
        None,
    ),
    derived(
        "return_rate_365d",
        ("returns_365d", "orders_365d"),
        quotient("returns_365d", "orders_365d"),
        source="purchases",
        group="returns",
        window_days=365,
        zh="退货率（近 365 天，按次数）",
        en="Returns per order, last 365 days",
        unit="ratio",
    ),
    derived(
        "refund_share_365d",
        ("refund_minor_365d", "spend_minor_365d"),
        quotient("refund_minor_365d", "spend_minor_365d"),
        source="purchases",
        group="returns",
        window_days=365,
        zh="退款占消费比例（近 365 天）",
        en="Refunds over spend, last 365 days",
        unit="ratio",
    ),
)
