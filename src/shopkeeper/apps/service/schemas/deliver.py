"""Deliver: the outbox."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from shopkeeper.apps.service.schemas.common import Count, Money, Page, Shape, Text


class Message(Shape):
    """One message in the outbox."""

    message_id: str
    customer_id: str | None
    plan_id: str | None
    decision_id: str | None
    channel: str
    channel_label: Text
    status: str
    status_label: Text
    subject: str | None
    body: str | None
    send_at: dt.datetime | None
    sent_at: dt.datetime | None
    cost: Money | None


class OutboxSummary(Shape):
    """How many messages, by status and channel."""

    total: int
    by_status: list[Count]
    by_channel: list[Count]
    spend: Money | None
    last_sent_at: dt.datetime | None


class Outbox(Page[Message]):
    """Messages, newest first, with a summary over all of them."""

    summary: OutboxSummary = Field(description="over all messages, not this page alone")
