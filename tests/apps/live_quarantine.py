"""A shop with live events, worked off by the real worker under the real tracking plan."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from shopkeeper.apps.flows import quarantined as flow
from shopkeeper.apps.flows import replayed, tracking
from shopkeeper.apps.flows.replay import Desk
from shopkeeper.apps.worker.start import create_stream
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.live.envelope import VERSION, Envelope, pack
from shopkeeper.collect.live.plan import TrackingPlan
from shopkeeper.core.clock import to_us
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import EVENTS

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
EVENT_AT = "2026-03-01T08:00:00Z"


@dataclass
class Moving:
    """A clock that tests set."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


@dataclass
class LiveShop:
    runtime: Runtime

    @property
    def desk(self) -> Desk:
        r = self.runtime
        return Desk(r.tables, r.state, r.log, r.settings, r.clock)

    def plan(self, text: str = "") -> tracking.Applied:
        plan = TrackingPlan.from_yaml(text) if text else TrackingPlan.standard()
        return tracking.apply(self.runtime.state, plan, by="me", now=NOW)[0]

    def send(self, *events: Any, source: str = "web", key: str = "u1", **facts: Any) -> None:
        raws = [
            msgspec.Raw(x.encode() if isinstance(x, str) else json.dumps(x).encode())
            for x in events
        ]
        received = to_us(self.runtime.clock.now())
        envelope = Envelope(VERSION, "events", source, received, raws, **facts)
        self.runtime.log.append(key, [pack(envelope)], received_us=received)

    def work(self) -> None:
        """Everything in the log into the lake, by a worker that then stops."""
        worker = create_stream(self.runtime)
        while worker.step(0.0):
            pass
        worker.close()

    def events(self, **where: Any) -> list[dict[str, Any]]:
        found = self.runtime.tables.run(self.runtime.tables.table(EVENTS)).to_pylist()
        return [x for x in found if all(x[k] == v for k, v in where.items())]

    def quarantined(self, **which: Any) -> list[flow.Quarantined]:
        r = self.runtime
        replayed.settle(r.tables, r.state, r.log)
        return flow.rows(r.tables, r.state, flow.Filter(**which), limit=100)


def order(message_id: str | None = "m1", *, user: str = "u1", **properties: Any) -> dict[str, Any]:
    """A purchase without order id, unless one is given."""
    body: dict[str, Any] = {
        "type": "track", "event": "Order Completed", "userId": user, "timestamp": EVENT_AT,
        "properties": {"total": 12.5, "currency": "CNY", **properties},
    }  # fmt: skip
    return body if message_id is None else body | {"messageId": message_id}


def open_live(folder: Path, **flags: Any) -> LiveShop:
    chosen = {"store.folder": str(folder), "live.lake_seconds": 0.05, "store.memory_mb": 512}
    return LiveShop(open_runtime(load_settings(flags=chosen | flags), clock=Moving()))
