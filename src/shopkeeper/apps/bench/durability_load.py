"""Events with known ids, sent again until they are acknowledged."""

from __future__ import annotations

import base64
import http.client
import json
import random
import threading
import time

THREADS = 3
EVENTS_A_REQUEST = (1, 40)
PAUSE_S = 0.05
USERS = 400
RETRIED = frozenset({429, 500, 502, 503, 504, 507})
"""Answers after which an SDK sends again."""
KINDS = ("Product Viewed", "Product Added", "Order Completed", "Products Searched")


class Generator:
    """Sends batches from several threads until stopped.

    Parameters
    ----------
    port
        Of the server on this machine.
    write_key
        Of the source.
    seed
        Decides the events.
    per_second
        Events a second, at most, of all threads together.
    """

    def __init__(self, port: int, write_key: str, *, seed: int, per_second: float) -> None:
        self._port = port
        token = base64.b64encode(f"{write_key}:".encode()).decode()
        self._headers = {"authorization": f"Basic {token}", "content-type": "application/json"}
        self._seed, self._per_second = seed, per_second
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.sent: set[str] = set()
        self.acknowledged: set[str] = set()
        self.repeats = 0
        self.refused = 0
        self.latencies: list[float] = []
        self._threads = [
            threading.Thread(target=self._run, args=(x,), name=f"load-{x}") for x in range(THREADS)
        ]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; what was begun is sent until it is acknowledged, the server must be up."""
        self._stop.set()
        for thread in self._threads:
            thread.join(120)

    def _run(self, number: int) -> None:
        chance = random.Random(f"{self._seed}-{number}")
        connection: http.client.HTTPConnection | None = None
        count, ready_at = 0, time.monotonic()
        while not self._stop.is_set():
            size = chance.randint(*EVENTS_A_REQUEST)
            ids = [f"{self._seed}-{number}-{count + x}" for x in range(size)]
            count += size
            body = json.dumps({"batch": [_event(x, chance) for x in ids]}).encode()
            with self._lock:
                self.sent.update(ids)
            connection = self._until_acknowledged(connection, body)
            if self.refused:
                break
            with self._lock:
                self.acknowledged.update(ids)
            ready_at = max(ready_at + size * THREADS / self._per_second, time.monotonic() - 1.0)
            self._stop.wait(max(ready_at - time.monotonic(), 0.0))
        if connection is not None:
            connection.close()

    def _until_acknowledged(
        self, connection: http.client.HTTPConnection | None, body: bytes
    ) -> http.client.HTTPConnection:
        tries = 0
        started = time.monotonic()
        while True:
            tries += 1
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
                connection.request("POST", "/v1/batch", body, self._headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    with self._lock:
                        self.repeats += tries - 1
                        self.latencies.append(time.monotonic() - started)
                    return connection
                if answer.status not in RETRIED:
                    self.refused = answer.status
                    self._stop.set()
                    return connection
            except (OSError, http.client.HTTPException):
                if connection is not None:
                    connection.close()
                connection = None
            time.sleep(PAUSE_S)


def _event(message_id: str, chance: random.Random) -> dict[str, object]:
    user = chance.randrange(USERS)
    name = chance.choice(KINDS)
    properties: dict[str, object] = {"product_id": f"p{chance.randrange(500)}", "price": 12.5}
    if name == "Order Completed":
        properties = {
            "order_id": f"o-{message_id}",
            "total": 25.0,
            "currency": "CNY",
            "products": [{"product_id": "p1", "price": 12.5, "quantity": 2}],
        }
    return {
        "type": "track",
        "event": name,
        "messageId": message_id,
        "userId": f"u{user}",
        "anonymousId": f"a{user}",
        "properties": properties,
        "context": {"userAgent": "Mozilla/5.0 (X11; Linux x64) Firefox/140.0", "locale": "zh-CN"},
    }
