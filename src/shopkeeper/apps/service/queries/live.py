"""What arrives now, and how the sources of live events are doing."""

from __future__ import annotations

from typing import Any

from shopkeeper.apps.door.arrivals import Arrival
from shopkeeper.apps.flows import sources as flow
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.schemas.common import NextStep, Text
from shopkeeper.apps.service.schemas.live import (
    Health,
    LiveArrival,
    LiveFeed,
    LiveSource,
    LiveSources,
    LogLag,
    NamedCount,
    SourceChange,
    SourceNew,
)
from shopkeeper.apps.worker.stream import CONSUMER
from shopkeeper.core.clock import from_us, to_us

ACTIVE_US = 5 * 60_000_000
QUIET_US = 24 * 3600 * 1_000_000

HEALTH: dict[Health, Text] = {
    "active": Text(zh="正在收到事件", en="Events are arriving"),
    "quiet": Text(zh="五分钟内没有事件", en="Nothing for five minutes"),
    "silent": Text(zh="一天内没有事件", en="Nothing for a day"),
    "never": Text(zh="服务启动后还没有收到事件", en="Nothing since the service started"),
    "disabled": Text(zh="已停用", en="Disabled"),
}
NOTHING_YET = NextStep(
    text=Text(
        zh="还没有收到事件。把网站或应用的 SDK 指向本服务，并使用来源的写入密钥。",
        en="No event has arrived. Point the SDK of the site or app here, with a source's write key.",
    ),
    action=Text(zh="查看来源", en="Show the sources"),
    command="shopkeeper source list",
)
NO_SOURCE = NextStep(
    text=Text(
        zh="还没有来源。新建一个即可得到写入密钥。",
        en="There is no source yet. Making one gives a write key.",
    ),
    action=Text(zh="新建来源", en="Make a source"),
    command="shopkeeper source add web",
)


def feed(
    shop: OpenShop, *, after: int = 0, source: str | None = None, refused: bool = False,
    limit: int = 100,
) -> LiveFeed:  # fmt: skip
    """The latest arrivals.

    Parameters
    ----------
    shop
        The open shop.
    after
        Number of the last arrival already known.
    source
        Only of this source.
    refused
        Only refused ones.
    limit
        At most so many.

    Returns
    -------
    LiveFeed
    """
    arrivals, log = shop.arrivals, shop.runtime.log
    chosen = [
        x
        for x in arrivals.latest(after, limit=arrivals.kept)
        if (source is None or x.source == source) and (x.reason or not refused)
    ]
    lag = []
    for partition in range(log.partitions if log.capabilities.lag else 0):
        head, committed = log.head(partition), log.committed(CONSUMER, partition)
        lag.append(
            LogLag(partition=partition, head=head, committed=committed, lag=head - committed)
        )
    return LiveFeed(
        items=[_arrival(x) for x in chosen[-limit:]],
        last=arrivals.last,
        pressure=log.pressure(),
        lag=lag,
        next_step=NOTHING_YET if arrivals.last == 0 else None,
    )


def sources(shop: OpenShop) -> LiveSources:
    """Every source with its figures since the service runs.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    LiveSources
    """
    rows = flow.all_sources(shop.state)
    return LiveSources(
        items=[_source(shop, x) for x in rows], next_step=None if rows else NO_SOURCE
    )


def create(shop: OpenShop, body: SourceNew) -> LiveSource:
    """Make a source.

    Parameters
    ----------
    shop
        The open shop.
    body
        What to make.

    Returns
    -------
    LiveSource
    """
    row = flow.add_source(
        shop.state,
        body.source_id,
        now=shop.clock.now(),
        kind=body.kind,
        user_kind=body.user_kind,
        origins=body.origins,
    )
    return _source(shop, row)


def change(shop: OpenShop, source_id: str, body: SourceChange) -> LiveSource:
    """Change a source.

    Parameters
    ----------
    shop
        The open shop.
    source_id
        Which.
    body
        What to change.

    Returns
    -------
    LiveSource
    """
    row = flow.change_source(
        shop.state,
        source_id,
        enabled=body.enabled,
        rotate=body.rotate,
        origins=body.origins,
        user_kind=body.user_kind,
    )
    return _source(shop, row)


def _arrival(arrival: Arrival) -> LiveArrival:
    refused = bool(arrival.reason)
    return LiveArrival(
        number=arrival.number,
        at=from_us(arrival.at_us),
        source=arrival.source,
        path=arrival.path,
        status=arrival.status,
        accepted=arrival.accepted,
        duplicates=arrival.duplicates,
        events=[NamedCount(name=name, count=count) for name, count in arrival.events.items()],
        reason=arrival.reason or None,
        reason_text=Text(zh=arrival.zh, en=arrival.en) if refused else None,
        next_step=arrival.next_step or None,
        sample=arrival.sample.decode("utf-8", "replace") if arrival.sample else None,
        ip=arrival.ip,
    )


def _source(shop: OpenShop, row: dict[str, Any]) -> LiveSource:
    arrivals, name = shop.arrivals, row["source_id"]
    now_us = to_us(shop.clock.now())
    last_us = arrivals.last_us.get(name)
    health = _health(row["enabled"], last_us, now_us)
    return LiveSource(
        source_id=name,
        kind=row["kind"],
        user_kind=row["user_kind"],
        write_key=row["write_key"],
        origins=row["origins"],
        enabled=row["enabled"],
        created_at=row["created_at"],
        health=health,
        health_text=HEALTH[health],
        last_at=None if last_us is None else from_us(last_us),
        accepted=arrivals.accepted[name],
        duplicates=arrivals.duplicates[name],
        refused=sum(n for (of, _), n in list(arrivals.refused.items()) if of == name),
        per_minute=arrivals.per_minute(name, now_us),
    )


def _health(enabled: bool, last_us: int | None, now_us: int) -> Health:
    if not enabled:
        return "disabled"
    if last_us is None:
        return "never"
    age = now_us - last_us
    return "active" if age < ACTIVE_US else "quiet" if age < QUIET_US else "silent"
