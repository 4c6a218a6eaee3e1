"""Connectors over HTTP: list, define, run, and what their runs did."""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import func, select

from shopkeeper.apps.flows import connect
from shopkeeper.apps.flows.connect_run import run_connector
from shopkeeper.apps.service import paging
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries.reading import utc
from shopkeeper.apps.service.schemas.common import NextStep, Text
from shopkeeper.apps.service.schemas.connectors import (
    Connector,
    ConnectorDraft,
    ConnectorKind,
    ConnectorKinds,
    ConnectorList,
    ConnectorRun,
    ConnectorRunPage,
    EnrichmentScore,
    ScoreFault,
)
from shopkeeper.collect.connectors.kinds import KINDS
from shopkeeper.core import state

STATUS: dict[str, Text] = {
    "new": Text(zh="待首次运行", en="Not run yet"),
    "ok": Text(zh="正常", en="In order"),
    "retrying": Text(zh="失败，正在重试", en="Failed, trying again"),
    "open": Text(zh="熔断，只试探", en="Circuit open, probing only"),
    "refused": Text(zh="数据被拒绝", en="Data refused"),
    "off": Text(zh="已停用", en="Off"),
}
NEEDS_SOMEBODY = ("open", "refused", "retrying")
CONNECT_FIRST = NextStep(
    text=Text(
        zh="还没有连接器。连接 CRM、收银数据库、投放文件夹或 webhook，数据就会自己进来。",
        en="No connector yet. Connect a CRM, a till's database, a drop folder or a webhook, and "
        "data comes by itself.",
    ),
    action=Text(zh="查看可以连接什么", en="See what can be connected"),
    link="/connectors",
    command="shopkeeper connector kinds",
)


def kinds() -> ConnectorKinds:
    """What can be connected."""
    return ConnectorKinds(
        items=[
            ConnectorKind(
                kind=x.name, label=Text(zh=x.zh, en=x.en), every_seconds=x.every_seconds,
                keys=list(x.config.__struct_fields__),
            )
            for x in KINDS.values()
        ]
    )  # fmt: skip


def connectors(shop: OpenShop) -> ConnectorList:
    """All connectors, those in need first."""
    now = shop.clock.now()
    found = [_shown(shop, x) for x in connect.connectors(shop.state)]
    found.sort(key=lambda x: (x.status not in NEEDS_SOMEBODY, x.connector_id))
    lags = [
        x.lag_seconds(now)
        for x in connect.connectors(shop.state)
        if x.definition.enabled and x.definition.every_seconds
    ]
    told = [x for x in lags if x is not None]
    return ConnectorList(
        items=found,
        worst_lag_seconds=max(told) if told and len(told) == len(lags) else None,
        next_step=None if found else CONNECT_FIRST,
    )


def connector(shop: OpenShop, connector_id: str) -> Connector:
    """One connector."""
    return _shown(shop, connect.connector(shop.state, connector_id))


def define(shop: OpenShop, connector_id: str, draft: ConnectorDraft) -> Connector:
    """Create or change a connector."""
    given: dict[str, Any] = {
        **draft.config, "kind": draft.kind, "retry": draft.retry, "enabled": draft.enabled,
    }  # fmt: skip
    if draft.every_seconds is not None:
        given["every"] = draft.every_seconds
    definition = connect.definition_of(connector_id, given)
    connect.save(shop.state, definition, now=shop.clock.now())
    return connector(shop, connector_id)


def remove(shop: OpenShop, connector_id: str) -> None:
    """Forget a connector; what it brought stays."""
    connect.remove(shop.state, connector_id)


def enable(shop: OpenShop, connector_id: str, *, enabled: bool) -> Connector:
    """Let it run by itself, or stop it."""
    connect.enable(shop.state, connector_id, enabled=enabled, now=shop.clock.now())
    return connector(shop, connector_id)


def run(shop: OpenShop, connector_id: str, *, full: bool) -> ConnectorRun:
    """Run it once, now; a failure is told in the answer."""
    report = run_connector(shop.runtime, connector_id, environment=os.environ, full=full)
    table = state.connector_runs
    query = select(table).where(table.c.run_id == report.run_id)
    with shop.state.connect() as connection:
        return _run(connection.execute(query).mappings().one())


def runs(shop: OpenShop, connector_id: str, *, cursor: str | None, limit: int) -> ConnectorRunPage:
    """Runs of one connector, newest first."""
    connect.connector(shop.state, connector_id)
    kind = f"connector_runs:{connector_id}"
    offset = paging.decode(kind, cursor)
    table = state.connector_runs
    own = table.c.connector_id == connector_id
    query = select(table).where(own).order_by(table.c.started_at.desc(), table.c.run_id)
    with shop.state.connect() as connection:
        found = connection.execute(query.limit(limit + 1).offset(offset)).mappings().all()
        counted = select(func.count()).select_from(table).where(own)
        total = connection.execute(counted).scalar_one()
    page, after = paging.cut(kind, found, offset, limit)
    return ConnectorRunPage(
        items=[_run(x) for x in page], next_cursor=after, total=total, next_step=None
    )


def _shown(shop: OpenShop, found: connect.Connector) -> Connector:
    own = found.definition
    kind = KINDS[own.kind]
    plain = found.to_dict(shop.clock.now())
    copied = (
        "connector_id", "kind", "config", "every_seconds", "retry", "enabled", "status", "failures",
        "error", "rows_total", "lag_seconds", "data_until", "last_started_at", "last_ok_at",
        "next_at",
    )  # fmt: skip
    return Connector(
        **{x: plain[x] for x in copied},
        kind_label=Text(zh=kind.zh, en=kind.en),
        status_label=STATUS.get(found.status, Text(zh=found.status, en=found.status)),
        score=_score(found.cursor.get("score")),
    )


def _score(given: dict[str, Any] | None) -> EnrichmentScore | None:
    if not given:
        return None
    names = ("keys", "ours", "matched", "coverage", "age_days", "cost_per_key", "basis")
    faults = given.get("faults") or []
    return EnrichmentScore(
        **{x: given[x] for x in names},
        admitted=not faults,
        faults=[ScoreFault(field=x["field"], text=Text(zh=x["zh"], en=x["en"])) for x in faults],
    )


def _run(row: Any) -> ConnectorRun:
    detail = dict(row["detail"] or {})
    started = utc(row["started_at"])
    return ConnectorRun(
        run_id=row["run_id"],
        status=row["status"],
        rows=row["rows"],
        admitted=detail.get("admitted", 0),
        repeated=detail.get("repeated", 0),
        quarantined=detail.get("quarantined", 0),
        seconds=detail.get("seconds"),
        error=row["error"],
        notes=[Text(zh=x[0], en=x[1]) for x in detail.get("notes", [])],
        started_at=started,
        ended_at=utc(row["ended_at"]),
    )
