"""The outbox."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, func, select

from shopkeeper.apps.service import labels, paging
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries.reading import money, utc
from shopkeeper.apps.service.schemas.common import Count, NextStep, Text
from shopkeeper.apps.service.schemas.deliver import Message, Outbox, OutboxSummary
from shopkeeper.core import state

NOTHING_SENT = NextStep(
    text=Text(
        zh="发件箱是空的：还没有执行过的计划。先批准一个计划。",
        en="The outbox is empty: no plan has been performed. Approve a plan first.",
    ),
    action=Text(zh="查看计划", en="See the plans"),
    link="/decide",
)


def outbox(
    shop: OpenShop, *, channel: str | None, plan_id: str | None, cursor: str | None, limit: int
) -> Outbox:
    """Messages by planned time, newest first, with a summary over all.

    Parameters
    ----------
    shop
        The open shop.
    channel
        Only messages of this channel.
    plan_id
        Only messages of this plan.
    cursor
        From the page before.
    limit
        Rows a page holds.

    Returns
    -------
    Outbox
    """
    kind = f"outbox:{channel or ''}:{plan_id or ''}"
    offset = paging.decode(kind, cursor)
    table = state.outbox
    wanted = [
        column == value
        for column, value in ((table.c.channel, channel), (table.c.plan_id, plan_id))
        if value is not None
    ]
    query = select(table).where(*wanted).order_by(table.c.send_at.desc(), table.c.key)
    with shop.state.connect() as connection:
        found = connection.execute(query.limit(limit + 1).offset(offset)).all()
        matching = connection.execute(
            select(func.count()).select_from(table).where(*wanted)
        ).scalar_one()
    page, after = paging.cut(kind, found, offset, limit)
    return Outbox(
        items=[_message(shop, row) for row in page],
        next_cursor=after,
        total=matching,
        next_step=None if page or offset else NOTHING_SENT,
        summary=outbox_summary(shop),
    )


def outbox_summary(shop: OpenShop) -> OutboxSummary:
    """Messages by status and channel.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    OutboxSummary
    """
    table = state.outbox
    query = select(
        table.c.status, table.c.channel, func.count().label("n"), func.max(table.c.sent_at)
    ).group_by(table.c.status, table.c.channel)
    with shop.state.connect() as connection:
        found = connection.execute(query).all()
    total = sum(row.n for row in found)
    sent = [utc(row[3]) for row in found if row[3] is not None]
    return OutboxSummary(
        total=total,
        by_status=_counts(found, 0, labels.STATUSES, total),
        by_channel=_counts(found, 1, labels.CHANNELS, total),
        spend=None,
        last_sent_at=max((x for x in sent if x), default=None),
    )


def _counts(found: Any, place: int, words: dict[str, Text], total: int) -> list[Count]:
    sums: dict[str, int] = {}
    for row in found:
        sums[row[place]] = sums.get(row[place], 0) + row.n
    return [
        Count(key=key, label=labels.named(words, key), count=count, share=count / total)
        for key, count in sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))
    ]


def _message(shop: OpenShop, row: Row[Any]) -> Message:
    payload: dict[str, Any] = row.payload or {}
    return Message(
        message_id=row.key,
        customer_id=row.customer_id,
        plan_id=row.plan_id,
        decision_id=row.decision_id,
        channel=row.channel,
        channel_label=labels.named(labels.CHANNELS, row.channel),
        status=row.status,
        status_label=labels.named(labels.STATUSES, row.status),
        subject=payload.get("subject"),
        body=payload.get("body"),
        send_at=utc(row.send_at),
        sent_at=utc(row.sent_at),
        cost=money(shop, payload.get("cost_minor")),
    )
