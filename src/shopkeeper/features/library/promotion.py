"""Price and promotion response: how much of the buying follows a discount."""

from __future__ import annotations

from shopkeeper.core.columns import Kind
from shopkeeper.features.definition import (
    LIFE,
    Builder,
    Feature,
    derived,
    quotient,
    ratio,
    windowed,
)

_WORDS = (
    ("90d", 90, "近 90 天", "last 90 days"),
    ("365d", 365, "近 365 天", "last 365 days"),
    ("life", None, "全部历史", "all history"),
)


def _line(
    name: str, dtype: Kind, unit: str, zh: str, en: str, build: Builder, absent: int | None
) -> Feature:
    return Feature(
        name, "products", "purchase_lines", "promotion", dtype, unit, 365, zh, en, build, absent
    )


def _depth(window: str) -> Builder:
    given, paid = f"discount_minor_{window}", f"spend_minor_{window}"
    return lambda row: ratio(row[given], row[given] + row[paid])


FEATURES: tuple[Feature, ...] = (
    *windowed(
        "discount_minor",
        (90, 365, LIFE),
        lambda t, inside: t.discount.sum(where=inside),
        grain="purchase_days",
        source="purchases",
        group="promotion",
        zh="享受的优惠金额",
        en="Discounts received",
        unit="minor units",
    ),
    *windowed(
        "discounted_orders",
        (90, 365, LIFE),
        lambda t, inside: t.discounted.sum(where=inside),
        grain="purchase_days",
        source="purchases",
        group="promotion",
        zh="有优惠的订单数",
        en="Orders with a discount",
        unit="orders",
    ),
    *windowed(
        "coupon_orders",
        (90, 365, LIFE),
        lambda t, inside: t.coupons.sum(where=inside),
        grain="purchase_days",
        source="purchases",
        group="promotion",
        zh="用券订单数",
        en="Orders with a coupon",
        unit="orders",
    ),
    *(
        derived(
            f"discount_depth_{w}",
            (f"discount_minor_{w}", f"spend_minor_{w}"),
            _depth(w),
            source="purchases",
            group="promotion",
            window_days=days,
            zh=f"优惠占原价比例（{zh}）",
            en=f"Discount as a share of list value, {en}",
            unit="share",
        )
        for w, days, zh, en in _WORDS
    ),
    *(
        derived(
            f"discounted_share_{w}",
            (f"discounted_orders_{w}", f"orders_{w}"),
            quotient(f"discounted_orders_{w}", f"orders_{w}"),
            source="purchases",
            group="promotion",
            window_days=days,
            zh=f"有优惠订单占比（{zh}）",
            en=f"Share of orders with a discount, {en}",
            unit="share",
        )
        for w, days, zh, en in _WORDS
    ),
    derived(
        "coupon_share_365d",
        ("coupon_orders_365d", "orders_365d"),
        quotient("coupon_orders_365d", "orders_365d"),
        source="purchases",
        group="promotion",
        window_days=365,
        zh="用券订单占比（近 365 天）",
        en="Share of orders with a coupon, last 365 days",
        unit="share",
    ),
    Feature(
        "coupon_recency_days",
        "purchase_days",
        "purchases",
        "promotion",
        "int64",
        "days",
        LIFE,
        "距最近一次用券天数",
        "Days since last coupon used",
        lambda t: t.age_day.min(where=t.coupons > 0),
        None,
    ),
    _line(
        "unit_price_minor_365d",
        "float64",
        "minor units",
        "平均件单价（近 365 天）",
        "Average price per unit, last 365 days",
        lambda t: ratio(t.spend_365.sum(), t.quantity_365.sum()),
        None,
    ),
    _line(
        "discounted_lines_365d",
        "int64",
        "lines",
        "优惠商品行数（近 365 天）",
        "Lines bought at a discount, last 365 days",
        lambda t: t.discounted_365.sum(),
        0,
    ),
    _line(
        "discounted_lines_share_365d",
        "float64",
        "share",
        "优惠商品行占比（近 365 天）",
        "Share of lines bought at a discount, last 365 days",
        lambda t: ratio(t.discounted_365.sum(), t.lines_365.sum()),
        None,
    ),
)
