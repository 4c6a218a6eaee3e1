"""Channel, store and time preference, from orders of the last year."""

from __future__ import annotations

from shopkeeper.core.columns import Kind
from shopkeeper.features.definition import (
    Builder,
    Feature,
    WindowedBuilder,
    derived,
    quotient,
    ratio,
    windowed,
)


def _one(
    name: str,
    grain: str,
    dtype: Kind,
    unit: str,
    zh: str,
    en: str,
    build: Builder,
    absent: int | None = None,
) -> Feature:
    return Feature(
        f"{name}_365d",
        grain,
        "purchases",
        "preference",
        dtype,
        unit,
        365,
        f"{zh}（近 365 天）",
        f"{en}, last 365 days",
        build,
        absent,
    )


def _mode(key: str) -> Builder:
    # Ties go to the smallest, so that every engine agrees.
    return lambda t: t[key].min(where=t.orders == t.best)


def _total(part: str) -> WindowedBuilder:
    return lambda rows, inside: rows[part].sum(where=inside)


_PARTS = (
    ("weekend", "周末", "weekend"),
    ("morning", "上午（5–11 时）", "the morning (5 to 11)"),
    ("afternoon", "下午（12–17 时）", "the afternoon (12 to 17)"),
    ("evening", "晚间（18–22 时）", "the evening (18 to 22)"),
)

FEATURES: tuple[Feature, ...] = (
    _one(
        "channels",
        "channels",
        "int64",
        "channels",
        "购买渠道数",
        "Channels bought through",
        lambda t: t.count(),
        0,
    ),
    _one(
        "top_channel",
        "channels",
        "string",
        "",
        "首选购买渠道",
        "Channel with most orders",
        _mode("channel"),
    ),
    _one(
        "top_channel_share",
        "channels",
        "float64",
        "share",
        "首选渠道订单占比",
        "Share of orders through the first channel",
        lambda t: ratio(t.orders.max(), t.orders.sum()),
    ),
    _one(
        "stores",
        "stores",
        "int64",
        "stores",
        "到访门店数",
        "Stores bought in",
        lambda t: t.count(),
        0,
    ),
    _one(
        "top_store", "stores", "string", "", "首选门店", "Store with most orders", _mode("store_id")
    ),
    _one(
        "top_store_share",
        "stores",
        "float64",
        "share",
        "首选门店订单占比",
        "Share of orders in the first store",
        lambda t: ratio(t.orders.max(), t.orders.sum()),
    ),
    _one(
        "top_weekday",
        "weekdays",
        "int64",
        "1-7",
        "最常购买的星期",
        "Day of week with most orders",
        _mode("dow"),
    ),
    _one(
        "top_hour",
        "hours",
        "int64",
        "0-23",
        "最常购买的小时",
        "Hour of day with most orders",
        _mode("hour"),
    ),
    *(
        feature
        for part, zh, en in _PARTS
        for feature in windowed(
            f"{part}_orders",
            (365,),
            _total(part),
            grain="purchase_days",
            source="purchases",
            group="preference",
            zh=f"{zh}订单数",
            en=f"Orders at {en}",
            unit="orders",
        )
    ),
    *(
        derived(
            f"{part}_share_365d",
            (f"{part}_orders_365d", "orders_365d"),
            quotient(f"{part}_orders_365d", "orders_365d"),
            source="purchases",
            group="preference",
            window_days=365,
            zh=f"{zh}订单占比（近 365 天）",
            en=f"Share of orders at {en}, last 365 days",
            unit="share",
        )
        for part, zh, en in _PARTS
    ),
)
