"""Requests by the hundred thousand that are almost right: nothing may crash, and no answer may be a 500."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections import Counter
from collections.abc import Sequence
from typing import Any

from shopkeeper.apps.bench.fuzz_requests import Mutator, Request
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, measure
from shopkeeper.apps.door.app import create_door
from shopkeeper.apps.flows.sources import add_source
from shopkeeper.apps.worker.judging import Judge
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.live.arrive import ArriveSettings
from shopkeeper.collect.live.bots import Marker
from shopkeeper.collect.live.rows import event_rows, quarantine_rows
from shopkeeper.collect.live.seen import Seen
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.settings import load_settings

__all__ = ["fuzz_door", "run"]

REQUESTS = 100_000
AT_ONCE = 64
KEY = "fuzz-key"


def run(options: BenchOptions) -> list[BenchRow]:
    """Send mutated requests to the door, and work off what it let in.

    Parameters
    ----------
    options
        ``events`` is the number of requests, ``seed`` decides them.

    Returns
    -------
    list[BenchRow]
        Requests by status of the answer; crashes (no answer, or an exception that left the
        door), answers of 500 or above without a stated reason, and events that a step of the
        worker failed on. The last three must be 0.

    Raises
    ------
    NotFoundError
        If a method is named: there is one.
    """
    if options.methods:
        raise NotFoundError(
            "the fuzz bench has no methods",
            next_step="Leave --methods out",
            methods=options.methods,
        )
    requests = options.events or REQUESTS
    with measure() as took, tempfile.TemporaryDirectory(prefix="shopkeeper-fuzz-") as folder:
        runtime = open_runtime(load_settings(flags={"store.folder": folder, "live.worker": False}))
        try:
            found = fuzz_door(runtime, requests, options.seed)
            failed, events = work_off(runtime)
        finally:
            runtime.close()
    crashes, unexplained = found.pop("crashes", 0), sum(found[x] for x in ("500", "501", "502"))
    figures: dict[str, float] = {
        "crashes": crashes,
        "unexplained_500": unexplained,
        "failed_in_worker": failed,
        "events_admitted": events,
        **{f"status_{x}": n for x, n in sorted(found.items())},
        "requests_per_second": requests / took.seconds,
    }
    return [
        BenchRow(
            "fuzz", f"{requests:,} mutated requests", "structure, bytes and headers mutated; in process",
            "door", name, value, n=requests, seconds=took.seconds, peak_mb=took.peak_mb, seed=options.seed,
        )
        for name, value in figures.items()
    ]  # fmt: skip


def fuzz_door(runtime: Runtime, requests: int, seed: int) -> Counter[str]:
    """Send requests to the door of an open shop.

    Parameters
    ----------
    runtime
        The open shop; a source is added to it.
    requests
        How many.
    seed
        Decides them.

    Returns
    -------
    Counter
        Answers by status; ``crashes`` for none, ``left`` where the client went away first.
    """
    add_source(runtime.state, "fuzz", now=runtime.clock.now(), write_key=KEY)
    door = create_door(runtime)
    mutator = Mutator(KEY, seed)
    logging.getLogger("shopkeeper.apps.door").setLevel(logging.CRITICAL)
    return asyncio.run(_all(door, mutator, requests))


async def _all(door: Any, mutator: Mutator, requests: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for first in range(0, requests, AT_ONCE):
        drawn = [mutator.draw() for _ in range(min(AT_ONCE, requests - first))]
        found.update(await asyncio.gather(*(_one(door, x) for x in drawn)))
    return found


async def _one(door: Any, request: Request) -> str:
    """Status of the answer, or what happened instead."""
    status: list[int] = []
    pieces: list[bytes | None] = [*request.pieces]
    if request.leaves:
        pieces = [*pieces[:1], None]
    whole = len(pieces)

    async def receive() -> dict[str, Any]:
        if not pieces:
            return {"type": "http.disconnect"}
        piece = pieces.pop(0)
        if piece is None:
            return {"type": "http.disconnect"}
        more = bool(pieces) or (request.leaves and whole > 0)
        return {"type": "http.request", "body": piece, "more_body": more}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            status.append(int(message["status"]))

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": request.method,
        "scheme": "http", "path": request.path, "raw_path": request.path.encode("utf-8", "surrogatepass"),
        "query_string": request.query, "headers": request.headers, "client": ("10.0.0.1", 5), "server": ("door", 80),
        "root_path": "",
    }  # fmt: skip
    try:
        await asyncio.wait_for(door(scope, receive, send), 60)
    except Exception:  # noqa: BLE001  counting what escapes is the purpose
        return "crashes"
    if len(status) == 1:
        return str(status[0])
    return "left" if request.leaves and not status else "crashes"


def work_off(runtime: Runtime) -> tuple[int, int]:
    """Read everything the door let in as the worker does: judge, mark, and make rows of it.

    Parameters
    ----------
    runtime
        The open shop.

    Returns
    -------
    int, int
        Events that a step failed on, and events admitted.
    """
    plain = ArriveSettings()
    judge = Judge(lambda _: plain, mark=Marker().mark)
    zone, failed, admitted = runtime.settings.shop.time_zone, 0, 0
    for partition in range(runtime.settings.live.partitions):
        seen = {partition: Seen(b"fuzz" * 4, most=1_000_000, window_s=31 * 86_400)}
        offset = 0
        while records := runtime.log.read(partition, offset, limit=500):
            judged = judge.judge(records, seen)
            event_rows(judged.events, zone_name=zone)
            quarantine_rows(judged.refused)
            failed += sum(_failed(x.violations) for x in judged.refused)
            admitted += len(judged.events)
            offset = records[-1].offset + 1
    return failed, admitted


def _failed(violations: Sequence[Any]) -> bool:
    return any(x.reason == "step_failed" for x in violations)
