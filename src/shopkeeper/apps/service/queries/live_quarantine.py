"""Live events in quarantine: listed, edited, replayed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from shopkeeper.apps.flows import quarantined as flow
from shopkeeper.apps.flows import replay as again
from shopkeeper.apps.flows.edited import edited, readable
from shopkeeper.apps.flows.replayed import settle
from shopkeeper.apps.service import paging
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.schemas.common import Count, NextStep, Text
from shopkeeper.apps.service.schemas.tracking import (
    EventEdit,
    EventStatus,
    EventViolation,
    QuarantinedEvent,
    QuarantinedEventPage,
    QuarantinedEventView,
    ReplayedEvent,
    ReplayRequest,
    ReplayResult,
)
from shopkeeper.collect.live.envelope import Violation
from shopkeeper.collect.live.plan.words import PLAN_REASONS
from shopkeeper.collect.live.spec import REASONS as ARRIVAL_REASONS
from shopkeeper.core.errors import InputError

STATUS_WORDS: dict[str, Text] = {
    "open": Text(zh="待处理", en="Open"),
    "edited": Text(zh="已修改，未重放", en="Edited, not replayed"),
    "requested": Text(zh="已重放，等待判定", en="Replayed, not yet judged"),
    "admitted": Text(zh="已入湖", en="In the lake"),
    "refused": Text(zh="重放后仍被拒绝", en="Refused again"),
}
NOTHING = NextStep(
    text=Text(
        zh="没有被隔离的实时事件。", en="No live event is in quarantine that fits this choice."
    ),
    action=Text(zh="查看埋点方案", en="See the tracking plan"),
    command="shopkeeper tracking show",
)
SHOWN = 200
"""Outcomes of a replay that are told one by one."""


def events(
    shop: OpenShop,
    *,
    reason: str | None,
    source: str | None,
    field: str | None,
    status: EventStatus | None,
    cursor: str | None,
    limit: int,
) -> QuarantinedEventPage:
    """One page of refused live events, with counts over all pages.

    Parameters
    ----------
    shop
        The open shop.
    reason, source, field, status
        Only these; without a status everything that is not in the lake by now.
    cursor
        From the page before.
    limit
        Rows a page holds.

    Returns
    -------
    QuarantinedEventPage
    """
    kind = f"quarantined:{reason or ''}:{source or ''}:{field or ''}:{status or ''}"
    offset = paging.decode(kind, cursor)
    settle(shop.tables, shop.state, shop.runtime.log)
    wanted = flow.Filter(reason=reason, source=source, field=field, status=status)
    found = flow.rows(shop.tables, shop.state, wanted, limit=limit + 1, offset=offset)
    page, after = paging.cut(kind, found, offset, limit)
    groups = flow.counts(shop.tables, shop.state, wanted)
    return QuarantinedEventPage(
        items=[_event(row) for row in page],
        next_cursor=after,
        total=sum(x["rows"] for x in groups),
        next_step=None if page or offset else NOTHING,
        by_reason=_counted(groups, "reason"),
        by_field=_counted(groups, "field"),
        by_source=_counted(groups, "source"),
    )


def one(shop: OpenShop, number: int) -> QuarantinedEventView:
    """One event with the verdict of the plan in force.

    Parameters
    ----------
    shop
        The open shop.
    number
        Its row number.

    Returns
    -------
    QuarantinedEventView

    Raises
    ------
    NotFoundError, InputError
        If it is no live event in quarantine.
    """
    settle(shop.tables, shop.state, shop.runtime.log)
    row = flow.one(shop.tables, shop.state, number)
    return _view(row, again.ready(_desk(shop), row, row.content))


def edit(shop: OpenShop, number: int, body: EventEdit) -> QuarantinedEventView:
    """Change an event, or only ask what the plan would say.

    Parameters
    ----------
    shop
        The open shop.
    number
        Its row number.
    body
        The change.

    Returns
    -------
    QuarantinedEventView

    Raises
    ------
    NotFoundError, InputError
        If there is no such event, or the change cannot be made.
    """
    if not body.patch and body.event is None:
        raise InputError("neither patch nor event was given", next_step="Give one of them")
    desk = _desk(shop)
    row = flow.one(shop.tables, shop.state, number)
    content = edited(row, patch=body.patch, event=body.event)
    if body.keep:
        ready = again.edit(desk, row, content, by=body.by)
        return _view(flow.one(shop.tables, shop.state, number), ready)
    ready = again.ready(desk, row, content)
    return _view(row, ready, content=content)


def replay(shop: OpenShop, body: ReplayRequest) -> ReplayResult:
    """Send events again.

    Parameters
    ----------
    shop
        The open shop.
    body
        Which.

    Returns
    -------
    ReplayResult

    Raises
    ------
    InputError
        If nothing was chosen.
    """
    desk = _desk(shop)
    if body.numbers:
        rows = [flow.one(shop.tables, shop.state, x) for x in dict.fromkeys(body.numbers)]
    elif body.every or body.reason is not None or body.source is not None:
        settle(shop.tables, shop.state, shop.runtime.log)
        wanted = flow.Filter(reason=body.reason, source=body.source)
        rows = flow.rows(shop.tables, shop.state, wanted, limit=again.MOST_REPLAYED)
    else:
        raise InputError(
            "no event was chosen", next_step="Give numbers, a reason, a source, or every: true"
        )
    results = again.replay(desk, rows, by=body.by, force=body.force)
    counts = Counter(x.outcome for x in results)
    told = sorted(results, key=lambda x: x.outcome != "would_be_refused")[:SHOWN]
    return ReplayResult(
        requested=counts["requested"],
        admitted=counts["admitted"],
        would_be_refused=counts["would_be_refused"],
        items=[
            ReplayedEvent(
                number=x.number,
                event_id=x.event_id,
                outcome=x.outcome,
                violations=_violations(x.violations),
            )
            for x in told
        ],
    )


def _desk(shop: OpenShop) -> again.Desk:
    return again.Desk(shop.tables, shop.state, shop.runtime.log, shop.settings, shop.clock)


def _view(
    row: flow.Quarantined, ready: again.Ready, *, content: str | None = None
) -> QuarantinedEventView:
    return QuarantinedEventView(
        event=_event(row, content),
        admitted=not ready.violations,
        violations=_violations(ready.violations),
    )


def _event(row: flow.Quarantined, content: str | None = None) -> QuarantinedEvent:
    body: Any = readable(row.content if content is None else content)
    body = body if isinstance(body, dict) else None
    name = (body or {}).get("event") or (body or {}).get("type")
    return QuarantinedEvent(
        number=row.number,
        source=row.source,
        event_id=row.event_id,
        name=name if isinstance(name, str) else None,
        field=row.field,
        reason=row.reason,
        reason_text=Text(zh=row.zh, en=row.en),
        next_step=_both(row.next_step),
        status=row.status,
        status_text=STATUS_WORDS[row.status],
        replays=row.replays,
        quarantined_at=row.quarantined_at,
        raw=row.raw,
        event=body,
    )


def _violations(found: Iterable[Violation]) -> list[EventViolation]:
    return [
        EventViolation(
            field=x.field, reason=x.reason, text=Text(zh=x.zh, en=x.en), next_step=_both(x.next_step)
        )
        for x in found
    ]  # fmt: skip


def _both(stored: str) -> Text:
    """Next steps are stored with both languages in one."""
    zh, _, en = stored.partition(" / ")
    return Text(zh=zh, en=en or zh)


def _counted(groups: list[dict[str, Any]], by: str) -> list[Count]:
    sums: Counter[str] = Counter()
    for group in groups:
        sums[group[by] or ""] += group["rows"]
    total = sum(sums.values())
    return [
        Count(key=key, label=_label(by, key), count=rows, share=rows / total)
        for key, rows in sorted(sums.items(), key=lambda x: (-x[1], x[0]))
    ]


def _label(by: str, key: str) -> Text:
    """A reason in general, without the value of one event; other keys are their own names."""
    if by == "reason" and key in PLAN_REASONS:
        known = PLAN_REASONS[key]
        return Text(
            zh=known.zh.format(field="字段", value="…", expected="…"),
            en=known.en.format(field="the field", value="…", expected="…"),
        )
    if by == "reason" and key in ARRIVAL_REASONS:
        zh, en, _ = ARRIVAL_REASONS[key]
        general = {"value": "…", "limit": "…", "wanted": "…", "wanted_zh": "…"}
        return Text(
            zh=zh.format(field="字段", **general), en=en.format(field="the field", **general)
        )
    if by == "reason" and key == "step_failed":
        return Text(zh="处理时出错", en="A step failed on it")
    if not key:
        return Text(zh="整个事件", en="The whole event")
    return Text(zh=key, en=key)
