"""A load that does not wait: requests at a fixed rate, latency counted from when each was due.

A generator that waits for answers before it asks again hides every stall of the server
("coordinated omission", G. Tene, 2013); this one counts the queueing it causes.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import uvloop

CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Load:
    """What to send.

    Parameters
    ----------
    port
        Of the server on this machine.
    requests
        Whole HTTP/1.1 requests, sent in turn.
    rate
        Requests a second.
    seconds
        How long.
    """

    port: int
    requests: Sequence[bytes]
    rate: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back.

    Parameters
    ----------
    p50_ms, p95_ms, p99_ms, worst_ms
        Time from when a request was due until its answer was complete.
    statuses
        Answers by HTTP status.
    rate
        Answers a second.
    """

    p50_ms: float
    p95_ms: float
    p99_ms: float
    worst_ms: float
    statuses: dict[int, int]
    rate: float


def drive(load: Load) -> Answers:
    """Send a load from a process of its own.

    Parameters
    ----------
    load
        What to send.

    Returns
    -------
    Answers
    """
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(load, sending))
    process.start()
    answers: Answers = receiving.recv()
    process.join()
    return answers


def _child(load: Load, sending: multiprocessing.connection.Connection) -> None:
    # The generator's own pauses would count as the server's.
    gc.disable()
    sending.send(uvloop.run(_run(load)))
    sending.close()


async def _run(load: Load) -> Answers:
    total = round(load.rate * load.seconds)
    taken = np.zeros(total)
    statuses: dict[int, int] = {}
    turn = iter(range(total))
    started = time.perf_counter() + 0.2

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", load.port)
        for i in turn:
            due = started + i / load.rate
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            writer.write(load.requests[i % len(load.requests)])
            status = await _answer(reader)
            taken[i] = time.perf_counter() - due
            statuses[status] = statuses.get(status, 0) + 1
        writer.close()

    await asyncio.gather(*(one_connection() for _ in range(CONNECTIONS)))
    spent = time.perf_counter() - started
    p50, p95, p99 = (float(x) * 1000 for x in np.percentile(taken, [50, 95, 99]))
    return Answers(p50, p95, p99, float(taken.max()) * 1000, statuses, total / spent)


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    place = head.lower().find(b"content-length:")
    if place < 0:
        raise ConnectionError(f"an answer without a length: {head[:200]!r}")
    await reader.readexactly(int(head[place + 15 : head.find(b"\r", place)]))
    return status
