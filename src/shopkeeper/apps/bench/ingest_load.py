"""The load of the ingest bench: a process of its own that sends batches and times the answers.

Run as ``python -m shopkeeper.apps.bench.ingest_load HOST PORT KEY BATCHES WARMUP CONNECTIONS SEED``;
prints one JSON object. Each connection sends its next batch when the last one was acknowledged.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import sys
import time
from typing import cast

import uvloop

EVENTS = 100
"""Events of one batch."""

STALLED_S = 60.0
"""A server that has not answered everything by then is given up."""

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_EVENT = (
    '{"type":"track","event":"Product Viewed","messageId":"%s-%07d-%03d","anonymousId":"a-%s-%09d",'
    '"userId":"user-%07d","timestamp":"2026-03-01T08:00:00.000Z","properties":{"product_id":"sku-%05d"'
    ',"name":"Single origin coffee beans 250 g","category":"coffee","price":59.9,"currency":"CNY",'
    '"quantity":1,"position":3},"context":{"library":{"name":"analytics.js","version":"2.1"},"page":'
    '{"path":"/products/coffee","url":"https://shop.example/products/coffee","title":"Coffee"},'
    '"userAgent":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)","locale":"zh-CN"}}'
)


def batch_body(run: str, number: int) -> bytes:
    """One batch of distinct events.

    Parameters
    ----------
    run
        Prefix of the message ids.
    number
        Number of the batch.

    Returns
    -------
    bytes
        About 54 KB of JSON.
    """
    first = number * EVENTS
    events = [
        _EVENT % (run, number, place, run, first + place, (first + place) * 7919 % 5_000_000, place)
        for place in range(EVENTS)
    ]
    body = f'{{"batch":[{",".join(events)}],"sentAt":"2026-03-01T08:00:01.000Z"}}'
    return body.encode()


def request_head(host: str, key: str, length: int) -> bytes:
    """Head of one request.

    Parameters
    ----------
    host
        Of the server.
    key
        Write key.
    length
        Bytes of the body.

    Returns
    -------
    bytes
    """
    user = base64.b64encode(f"{key}:".encode()).decode()
    return (
        f"POST /v1/batch HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {user}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


class Sender(asyncio.Protocol):
    """One connection.

    Parameters
    ----------
    load
        Where the next batch comes from.
    """

    def __init__(self, load: Load) -> None:
        self.load = load
        self.started = 0.0
        self.answer = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first batch."""
        self.transport = cast("asyncio.Transport", transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        """Time a whole answer and send the next batch; head and body may come apart."""
        self.answer += data
        head, found, body = self.answer.partition(b"\r\n\r\n")
        if found and len(body) >= int(_LENGTH.search(head).group(1)):  # type: ignore[union-attr]
            self.load.answered(time.perf_counter() - self.started, self.answer)
            self.answer = b""
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The server hung up."""
        self.load.lost()

    def _next(self) -> None:
        request = self.load.take()
        assert self.transport is not None
        if request is None:
            self.transport.close()
            return
        self.started = time.perf_counter()
        self.transport.write(request)


class Load:
    """Batches, sent once each, and how long their answers took.

    Parameters
    ----------
    requests
        Whole requests, ready to send.
    warmup
        How many of them are not timed.
    """

    def __init__(self, requests: list[bytes], warmup: int) -> None:
        self.requests = requests
        self.warmup = warmup
        self.sent = 0
        self.open = 0
        self.seconds: list[float] = []
        self.refused: dict[str, int] = {}
        self.began = 0.0
        self.ended = 0.0
        self.finished = asyncio.Event()

    def take(self) -> bytes | None:
        """The next request, or None when all are sent."""
        if self.sent == len(self.requests):
            return None
        self.sent += 1
        if self.sent == self.warmup + 1:
            self.began = time.perf_counter()
        return self.requests[self.sent - 1]

    def answered(self, seconds: float, data: bytes) -> None:
        """Note one answer."""
        status = data[9:12].decode("latin-1")
        if status != "200":
            self.refused[status] = self.refused.get(status, 0) + 1
        if self.began:
            self.seconds.append(seconds)
        self.ended = time.perf_counter()

    def lost(self) -> None:
        """One connection is closed."""
        self.open -= 1
        if self.open == 0:
            self.finished.set()


async def send_all(
    host: str, port: int, requests: list[bytes], warmup: int, connections: int
) -> dict[str, object]:
    """Send every request over some connections.

    Parameters
    ----------
    host, port
        Of the server.
    requests
        Whole requests.
    warmup
        How many of them are not timed.
    connections
        How many at once.

    Returns
    -------
    dict
        ``answers`` timed, ``seconds`` in all, latencies in milliseconds, ``refused`` by status.
    """
    load = Load(requests, warmup)
    loop = asyncio.get_running_loop()
    load.open = connections
    for _ in range(connections):
        await loop.create_connection(lambda: Sender(load), host, port)
    async with asyncio.timeout(STALLED_S):
        await load.finished.wait()
    took = sorted(load.seconds)

    def percentile(share: float) -> float:
        return took[min(len(took) - 1, int(share * len(took)))] * 1000

    return {
        "answers": len(took),
        "seconds": load.ended - load.began,
        "p50": percentile(0.5),
        "p95": percentile(0.95),
        "p99": percentile(0.99),
        "worst": took[-1] * 1000,
        "refused": load.refused,
        "cpu": time.process_time(),
    }


def main(words: list[str]) -> None:
    """Entry point of the process.

    Parameters
    ----------
    words
        Host, port, key, batches, warm-up, connections, name of the run.
    """
    host, port, key, batches, warmup, connections, run = words
    requests = []
    for number in range(int(batches)):
        body = batch_body(run, number)
        requests.append(request_head(host, key, len(body)) + body)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    before = time.process_time()
    result = uvloop.run(send_all(host, int(port), requests, int(warmup), int(connections)))
    result["cpu"] = float(str(result["cpu"])) - before
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
