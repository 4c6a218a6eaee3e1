"""A steady load, and probes that look when what they sent can be seen."""

from __future__ import annotations

import base64
import http.client
import json
import os
import random
import socket
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import columns as c
from shopkeeper.core.errors import StoreError
from shopkeeper.core.tables import EVENTS

BATCH = 100
USERS = 20_000
SHAPES = 2_000
LOOK_S = 0.005
LAKE_LOOK_S = 0.2
EVERY_S = 0.05
FLIP = "no_order_30d"
FLIP_AFTER_S = (4.0, 14.0)
LONGEST_S = 20.0
WAIT_S = 30.0


def headers(write_key: str) -> dict[str, str]:
    """Headers of a request with a write key."""
    token = base64.b64encode(f"{write_key}:".encode()).decode()
    return {"authorization": f"Basic {token}", "content-type": "application/json"}


class Steady:
    """Sends batches at a fixed rate, latency counted from when each was due.

    Parameters
    ----------
    port, write_key
        Where and as whom.
    rate
        Events a second.
    seed
        Decides the events.
    """

    def __init__(
        self, port: int, write_key: str, *, rate: int, seed: int, threads: int = 2
    ) -> None:
        self._port, self._headers = port, headers(write_key)
        self._every = BATCH * threads / rate
        self._stop = threading.Event()
        self._shapes = _shapes(random.Random(seed))
        self.latencies: list[float] = []
        self.sent = 0
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(x, x * self._every / threads), daemon=True)
            for x in range(threads)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int, delay: float) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        due = time.monotonic() + delay
        count = 0
        while not self._stop.wait(max(due - time.monotonic(), 0.0)):
            parts = []
            for _ in range(BATCH):
                before, after = self._shapes[(count * 7 + number) % SHAPES]
                parts.append(b"%s%d-%d%s" % (before, number, count, after))
                count += 1
            body = b'{"batch":[' + b",".join(parts) + b"]}"
            connection.request("POST", "/v1/batch", body, self._headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                with self._lock:
                    self.sent += BATCH
                    self.latencies.append(time.monotonic() - due)
            due += self._every
        connection.close()


class Probes:
    """Sends marked events and notes when profile store and lake show them.

    Parameters
    ----------
    port, write_key
        Where and as whom.
    runtime
        Opened by this process, to look.
    flips
        Customers whose last order grows 30 days old while the load runs.
    """

    def __init__(self, port: int, write_key: str, runtime: Runtime, *, flips: int) -> None:
        self._port, self._headers, self._runtime = port, headers(write_key), runtime
        self._flips = flips
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._unseen: dict[str, float] = {}
        self._not_in_lake: dict[str, float] = {}
        self._turning: dict[str, float] = {}
        self.profile_s: list[float] = []
        self.lake_s: list[float] = []
        self.flip_s: list[float] = []
        self._threads = [
            threading.Thread(target=x, daemon=True)
            for x in (self._send, self._look, self._look_at_lake)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Send no more, wait for what is on its way."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def missing(self) -> int:
        """Markers that profile store, clock or lake never showed."""
        return len(self._unseen) + len(self._not_in_lake) + len(self._turning)

    def _send(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        chance = random.Random(1)
        for number in range(self._flips):
            self._flip(connection, f"turning-{number}", chance.uniform(*FLIP_AFTER_S))
        number = 0
        while not self._stop.wait(EVERY_S):
            name = f"marker-{number}"
            number += 1
            body = _body({"type": "track", "event": "Product Viewed", "userId": name,
                          "messageId": name, "properties": {"product_id": "p1"}})  # fmt: skip
            with self._lock:
                self._unseen[name] = self._not_in_lake[name] = time.monotonic()
            self._post(connection, body)
        connection.close()

    def _flip(self, connection: http.client.HTTPConnection, name: str, after_s: float) -> None:
        """An order that will be 30 days old in a few seconds; the trait turns at that moment."""
        now = datetime.now(UTC)
        moment = now - timedelta(days=30) + timedelta(seconds=after_s)
        body = _body({"type": "track", "event": "Order Completed", "userId": name,
                      "messageId": name, "timestamp": moment.isoformat(),
                      "properties": {"order_id": name, "total": 5}})  # fmt: skip
        self._post(connection, body)
        with self._lock:
            self._turning[name] = (
                time.monotonic() + (moment + timedelta(days=30) - datetime.now(UTC)).total_seconds()
            )

    def _post(self, connection: http.client.HTTPConnection, body: bytes) -> None:
        connection.request("POST", "/v1/batch", body, self._headers)
        connection.getresponse().read()

    def _look(self) -> None:
        profiles = self._runtime.profiles
        while not self._ended(self._unseen) or not self._ended(self._turning):
            with self._lock:
                waiting, turning = list(self._unseen), list(self._turning)
            known = profiles.resolve([f"user:{x}" for x in waiting]) if waiting else {}
            live = profiles.section("live", sorted(set(known.values())))
            now = time.monotonic()
            for name in waiting:
                customer = known.get(f"user:{name}")
                if customer is not None and live.get(customer, {}).get("traits"):
                    with self._lock:
                        self.profile_s.append(now - self._unseen.pop(name))
            if turning:
                self._look_for_flips(turning)
            time.sleep(LOOK_S)

    def _look_for_flips(self, turning: list[str]) -> None:
        profiles = self._runtime.profiles
        known = profiles.resolve([f"user:{x}" for x in turning])
        live = profiles.section("live", sorted(set(known.values())))
        now = time.monotonic()
        for name in turning:
            traits = live.get(known.get(f"user:{name}", ""), {}).get("traits", {})
            if _truth(traits.get(FLIP)):
                with self._lock:
                    self.flip_s.append(max(now - self._turning.pop(name), 0.0))

    def _look_at_lake(self) -> None:
        tables = self._runtime.tables
        version = -1
        while not self._ended(self._not_in_lake):
            time.sleep(LAKE_LOOK_S)
            newest = tables.version(EVENTS)
            if newest == version:
                continue
            version = newest
            events = tables.table(EVENTS)
            with self._lock:
                waiting = list(self._not_in_lake)
            found = tables.run(
                events.filter(events[c.EVENT_ID].isin(waiting)).select(c.EVENT_ID)
                if waiting
                else events.limit(0).select(c.EVENT_ID)
            )
            now = time.monotonic()
            with self._lock:
                for name in found.column(0).to_pylist():
                    self.lake_s.append(now - self._not_in_lake.pop(name, now))

    def _ended(self, waiting: Mapping[str, float]) -> bool:
        if not self._stop.is_set():
            return False
        with self._lock:
            newest = max(waiting.values(), default=0.0)
        return not waiting or time.monotonic() - newest > LONGEST_S


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """Processor seconds used so far, by role.

    Parameters
    ----------
    pids
        Process by role.

    Returns
    -------
    dict
    """
    tick = os.sysconf("SC_CLK_TCK")
    found = {}
    for role, pid in pids.items():
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        found[role] = (int(fields[11]) + int(fields[12])) / tick
    return found


def wait_for_port(port: int) -> None:
    """Wait until somebody listens.

    Parameters
    ----------
    port
        Of this machine.

    Raises
    ------
    StoreError
        If nobody does in time.
    """
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise StoreError(
        f"no server listens on port {port}", next_step="See its messages above", port=port
    )


def _truth(value: object) -> bool:
    """Whether a stored trait, with or without its moment, is true."""
    if isinstance(value, list | tuple):
        return any(x is True for x in value)
    return value is True


def _body(event: dict[str, object]) -> bytes:
    return json.dumps({"batch": [event]}).encode()


def _shapes(chance: random.Random) -> list[tuple[bytes, bytes]]:
    """Events cut where the message id goes."""
    names = ("Product Viewed", "Product Viewed", "Product List Viewed", "Product Added")
    shapes = []
    for _ in range(SHAPES):
        user = chance.randrange(USERS)
        event = {
            "type": "track",
            "event": chance.choice(names),
            "userId": f"u{user}",
            "anonymousId": f"a{user}",
            "messageId": "\x00",
            "properties": {
                "product_id": f"p{chance.randrange(2000)}",
                "category": "tea",
                "price": 12.5,
                "currency": "CNY",
            },
            "context": {
                "page": {"path": "/p/1", "url": "https://shop.example/p/1"},
                "userAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/140.0",
                "locale": "zh-CN",
            },
        }
        before, after = json.dumps(event).encode().split(b"\\u0000")
        shapes.append((before, after))
    return shapes
