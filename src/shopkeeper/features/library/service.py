"""Service: how often somebody needs help, and how often an order is called off."""

from __future__ import annotations

from functools import partial

from shopkeeper.features.definition import (
    Feature,
    derived,
    of_activity,
    quotient,
    since_activity,
)

_days = partial(of_activity, "service")
_since = partial(since_activity, "service")


def _rate(name: str, above: str, below: str, zh: str, en: str, unit: str) -> Feature:
    return derived(
        name,
        (above, below),
        quotient(above, below),
        source="activity",
        group="service",
        window_days=365,
        zh=f"{zh}（近 365 天）",
        en=f"{en}, last 365 days",
        unit=unit,
    )


FEATURES: tuple[Feature, ...] = (
    *_days(
        "chats",
        (30, 90, 365),
        lambda t, w: t.chats.sum(where=w),
        "发给客服的消息数",
        "Messages to customer service",
        "messages",
    ),
    *_days(
        "conversations",
        (90, 365),
        lambda t, w: t.conversations.sum(where=w),
        "客服会话数",
        "Conversations with customer service",
        "conversations",
    ),
    *_days(
        "cancels",
        (90, 365),
        lambda t, w: t.cancels.sum(where=w),
        "取消订单次数",
        "Orders cancelled",
        "orders",
    ),
    _since(
        "chat_recency_days",
        "距最近一次联系客服天数",
        "Days since customer service was last asked",
        lambda t: t.age_day.min(where=t.chats > 0),
    ),
    _rate(
        "messages_per_conversation_365d",
        "chats_365d",
        "conversations_365d",
        "每次客服会话消息数",
        "Messages per conversation",
        "messages",
    ),
    _rate(
        "conversations_per_order_365d",
        "conversations_365d",
        "orders_365d",
        "每单客服会话数",
        "Conversations per order",
        "ratio",
    ),
    _rate(
        "cancels_per_order_365d",
        "cancels_365d",
        "orders_365d",
        "每单取消次数",
        "Cancellations per order",
        "ratio",
    ),
)
"""Service family, in the order of the manual."""
