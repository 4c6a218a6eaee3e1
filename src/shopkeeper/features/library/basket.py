"""Baskets: how much goes into one order."""

from __future__ import annotations

from shopkeeper.features.definition import LIFE, Feature, derived, quotient, windowed

_WORDS = (("365d", 365, "近 365 天", "last 365 days"), ("life", None, "全部历史", "all history"))

FEATURES: tuple[Feature, ...] = (
    *windowed(
        "lines",
        (90, 365, LIFE),
        lambda t, inside: t["lines"].sum(where=inside),
        grain="purchase_days",
        source="purchases",
        group="basket",
        zh="订单行数",
        en="Order lines",
        unit="lines",
    ),
    *windowed(
        "max_lines",
        (365,),
        lambda t, inside: t.max_lines.max(where=inside),
        grain="purchase_days",
        source="purchases",
        group="basket",
        zh="单笔最多行数",
        en="Most lines in one order",
        unit="lines",
    ),
    *windowed(
        "single_line_orders",
        (365,),
        lambda t, inside: t.single_line.sum(where=inside),
        grain="purchase_days",
        source="purchases",
        group="basket",
        zh="单品订单数",
        en="Orders of a single line",
        unit="orders",
    ),
    *(
        derived(
            f"lines_per_order_{w}",
            (f"lines_{w}", f"orders_{w}"),
            quotient(f"lines_{w}", f"orders_{w}"),
            source="purchases",
            group="basket",
            window_days=days,
            zh=f"每单行数（{zh}）",
            en=f"Lines per order, {en}",
            unit="lines",
        )
        for w, days, zh, en in _WORDS
    ),
    *(
        derived(
            f"quantity_per_order_{w}",
            (f"quantity_{w}", f"orders_{w}"),
            quotient(f"quantity_{w}", f"orders_{w}"),
            source="purchases",
            group="basket",
            window_days=days,
            zh=f"每单件数（{zh}）",
            en=f"Units per order, {en}",
            unit="units",
        )
        for w, days, zh, en in _WORDS
    ),
    derived(
        "single_line_share_365d",
        ("single_line_orders_365d", "orders_365d"),
        quotient("single_line_orders_365d", "orders_365d"),
        source="purchases",
        group="basket",
        window_days=365,
        zh="单品订单占比（近 365 天）",
        en="Share of orders with a single line, last 365 days",
        unit="share",
    ),
)
