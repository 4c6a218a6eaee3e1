"""How much of the traffic no person caused, and why."""

from __future__ import annotations

from datetime import timedelta

import ibis

from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries.reading import Record, one, rows
from shopkeeper.apps.service.schemas.bots import BotExample, BotTraffic, TrafficDay
from shopkeeper.apps.service.schemas.common import Count, NextStep, Text
from shopkeeper.collect.live.bots.reasons import REASONS
from shopkeeper.collect.live.bots.verdict import HUMAN_FROM
from shopkeeper.core import columns as c
from shopkeeper.core.tables import EVENTS, VERDICTS

EXAMPLES = 5
"""Events shown for each reason."""
NO_EVENTS = NextStep(
    text=Text(
        zh="还没有收到事件。建立一个数据源并接入 SDK，就能看到真人与程序的比例。",
        en="No events yet. Create a source and connect an SDK to see people and programs.",
    ),
    action=Text(zh="新建数据源", en="Create a source"),
    link="/collect",
    command="shopkeeper source add",
)


def bots(shop: OpenShop, *, days: int) -> BotTraffic:
    """Invalid traffic of the last days that have events.

    Parameters
    ----------
    shop
        The open shop.
    days
        How many days before and with the last one.

    Returns
    -------
    BotTraffic
        Counts by reason in falling order, by day and source, and the newest examples.
    """
    return shop.remember(("bots", days), (EVENTS, VERDICTS), lambda: _bots(shop, days))


def _bots(shop: OpenShop, days: int) -> BotTraffic:
    events = shop.tables.table(EVENTS)
    last = one(shop, events.aggregate(day=events[c.DAY].max()))
    if last is None or last["day"] is None:
        return BotTraffic(
            days=days, events=0, marked=0, judged=0, share=None, by_reason=[], by_day=[],
            examples=[], next_step=NO_EVENTS,
        )  # fmt: skip
    first = last["day"] - timedelta(days=days - 1)
    judged = _judged(shop, events.filter(events[c.DAY] >= ibis.literal(first)))
    by_day = [_day(x) for x in rows(shop, _by_day(judged))]
    reasons = rows(
        shop,
        judged.filter(judged["why"].notnull())
        .group_by("why")
        .aggregate(n=lambda x: x.count())
        .order_by([ibis.desc("n"), "why"]),
    )
    total = sum(x.events for x in by_day)
    marked, later = sum(x.marked for x in by_day), sum(x.judged for x in by_day)
    bad = marked + later
    return BotTraffic(
        days=days,
        events=total,
        marked=marked,
        judged=later,
        share=bad / total if total else None,
        by_reason=[
            Count(key=x["why"], label=_words(x["why"]), count=x["n"], share=x["n"] / bad)
            for x in reasons
        ],
        by_day=by_day,
        examples=[_example(x) for x in rows(shop, _examples(judged))],
        next_step=None,
    )


def _judged(shop: OpenShop, events: ibis.Table) -> ibis.Table:
    """Events with the reason that counts: the mark, or else that of a later verdict."""
    verdicts = shop.tables.table(VERDICTS)
    bad = verdicts.filter(verdicts[c.HUMAN] < HUMAN_FROM)
    joined = events.left_join(bad, events[c.EVENT_ID] == bad[c.EVENT_ID])
    return joined.select(
        *(events[x] for x in (c.EVENT_ID, c.KIND, c.DAY, c.SOURCE, c.OCCURRED_AT, c.TS_US, c.AGENT, c.INVALID)),
        human=bad[c.HUMAN],
        why=ibis.coalesce(events[c.INVALID], bad[c.REASON]),
    )  # fmt: skip


def _by_day(judged: ibis.Table) -> ibis.Table:
    marked = judged[c.INVALID].notnull()
    return (
        judged.group_by([c.DAY, c.SOURCE])
        .aggregate(
            events=judged.count(),
            marked=marked.sum(),
            judged=(judged["why"].notnull() & ~marked).sum(),
        )
        .order_by([ibis.desc(c.DAY), c.SOURCE])
    )


def _examples(judged: ibis.Table) -> ibis.Table:
    bad = judged.filter(judged["why"].notnull())
    place = ibis.row_number().over(
        group_by=[bad["why"]], order_by=[bad[c.TS_US].desc(), bad[c.EVENT_ID]]
    )
    ranked = bad.mutate(place=place)
    return ranked.filter(ranked["place"] < EXAMPLES).order_by(["why", "place"])


def _day(row: Record) -> TrafficDay:
    bad = row["marked"] + row["judged"]
    return TrafficDay(
        day=row["day"], source=row["source"] or "", events=row["events"], marked=row["marked"],
        judged=row["judged"], share=bad / row["events"],
    )  # fmt: skip


def _example(row: Record) -> BotExample:
    return BotExample(
        event_id=row["event_id"],
        occurred_at=row["occurred_at"],
        kind=row["kind"],
        source=row["source"] or "",
        reason=row["why"],
        reason_text=_words(row["why"]),
        agent=row["agent"],
        human=row["human"],
    )


def _words(reason: str) -> Text:
    zh, en = REASONS.get(reason, (reason, reason))
    return Text(zh=zh, en=en)
