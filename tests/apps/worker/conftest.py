from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field

import msgspec
import pytest

from shopkeeper.apps.worker.judging import Judge
from shopkeeper.apps.worker.stream import StreamWorker
from shopkeeper.backends.open import open_runtime
from shopkeeper.collect.live.arrive import ArriveSettings
from shopkeeper.collect.live.envelope import VERSION, Envelope, pack
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import EVENTS, QUARANTINE
from shopkeeper.govern.rules import clean

START_US = 1_780_000_000_000_000


@dataclass
class Shop:
    """A shop whose log is filled by hand, and workers on it."""

    runtime: object
    received_us: int = START_US
    options: dict = field(default_factory=dict)

    def send(self, *events, key="u1", source="web", **facts):
        """Append one envelope; an event is a mapping or the text as sent."""
        raws = [
            msgspec.Raw(x.encode() if isinstance(x, str) else json.dumps(x).encode())
            for x in events
        ]
        self.received_us += 1_000
        envelope = Envelope(VERSION, "events", source, self.received_us, raws, **facts)
        return self.append(pack(envelope), key=key)

    def append(self, payload: bytes, *, key="u1"):
        """Append a payload as it is."""
        return self.runtime.log.append(key, [payload], received_us=self.received_us)

    def worker(self, **options) -> StreamWorker:
        """A worker of this shop."""
        settings = self.runtime.settings
        given = {
            "judge": Judge(lambda _: ArriveSettings()),
            "live": settings.live,
            "zone_name": settings.shop.time_zone,
            "currency": settings.shop.currency,
            "clock": self.runtime.clock,
            "clean": lambda rows, contract: clean(
                rows, contract, settings=settings, today=dt.date(2026, 11, 21)
            ),
            **self.options,
            **options,
        }
        folder = settings.store.folder / "live" / "stream"
        return StreamWorker(self.runtime.log, self.runtime.tables, folder, **given)

    def slow_worker(self, **options) -> StreamWorker:
        """One that brings nothing to the lake unless told to."""
        live = self.runtime.settings.live.model_copy(update={"lake_seconds": 1e9})
        return self.worker(live=live, **options)

    def work(self, **options) -> StreamWorker:
        """Everything in the log into the lake, by a worker that then stops."""
        worker = self.worker(**options)
        while worker.step(0.0):
            pass
        worker.close()
        return worker

    @staticmethod
    def track(number, *, user="u1", event="Product Viewed", **properties):
        """One call as an SDK sends it."""
        return {
            "type": "track",
            "event": event,
            "messageId": f"m{number}",
            "userId": user,
            "properties": properties,
        }

    def event_ids(self) -> list[str]:
        rows = self.runtime.tables.run(self.runtime.tables.table(EVENTS))
        return sorted(rows["event_id"].to_pylist())

    def rows(self, contract) -> list[dict]:
        return self.runtime.tables.run(self.runtime.tables.table(contract)).to_pylist()

    def quarantined(self) -> list[dict]:
        return self.rows(QUARANTINE)


def open_shop(folder, **flags):
    defaults = {"store.folder": str(folder), "live.lake_seconds": 0.05}
    return open_runtime(load_settings(flags={**defaults, **flags}))


@pytest.fixture
def shop(tmp_path):
    runtime = open_shop(tmp_path / "shop")
    yield Shop(runtime)
    runtime.close()
