from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from shopkeeper.apps.door.app import Door, create_door
from shopkeeper.apps.flows.sources import add_source
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.live.envelope import Envelope, unpack
from shopkeeper.core.settings import load_settings

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = "k"


@dataclass
class FixedClock:
    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


def track(message_id: str | None = "m1", **fields: Any) -> dict[str, Any]:
    event = {"type": "track", "event": "Product Viewed", "userId": "u1", "messageId": message_id}
    return {k: v for k, v in (event | fields).items() if v is not None}


@dataclass
class OpenDoor:
    runtime: Runtime
    door: Door

    def ask(self, *requests: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> list[Any]:
        """Answers of requests sent at the same time, over ASGI in this process."""

        async def all_of() -> list[Any]:
            transport = httpx.ASGITransport(self.door, client=("203.0.113.9", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
                return list(await asyncio.gather(*(x(client) for x in requests)))

        return asyncio.run(all_of())

    def send(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        more = {"auth": (KEY, ""), "method": "POST"} | more
        method = more.pop("method")
        (answer,) = self.ask(lambda client: client.request(method, path, content=content, **more))
        assert isinstance(answer, httpx.Response)
        return answer

    def envelopes(self) -> list[Envelope]:
        log = self.runtime.log
        return [
            unpack(record.payload)
            for partition in range(log.partitions)
            for record in log.read(partition, 0, limit=100_000)
        ]

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(bytes(raw)) for x in self.envelopes() for raw in x.events]

    def ids(self) -> list[str]:
        return sorted(x.get("messageId", "") for x in self.events())


def open_door(folder: Path, **flags: Any) -> OpenDoor:
    runtime = open_runtime(
        load_settings(flags={"store.folder": str(folder), "store.memory_mb": 512} | flags),
        clock=FixedClock(),
    )
    if not (folder / "made").exists():
        add_source(runtime.state, "web", now=NOW, write_key=KEY, user_kind="crm")
        (folder / "made").touch()
    return OpenDoor(runtime, create_door(runtime))
