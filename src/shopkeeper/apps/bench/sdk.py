"""The official SDKs against the door: every event arrives once, also when the door is killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from shopkeeper.apps.bench.rows import BenchOptions, BenchRow
from shopkeeper.backends.open import open_runtime
from shopkeeper.collect.live.envelope import unpack
from shopkeeper.core.errors import NotFoundError, StoreError
from shopkeeper.core.settings import load_settings

__all__ = ["Delivery", "DoorProcess", "deliver", "run"]

SENT = 100_000
KEY = "sdk-key"
NODE = Path(__file__).resolve().parents[4] / "tests" / "sdk" / "node"
"""Where the Node SDK is installed (``npm ci`` there)."""
DEADLINE_S = 900.0
METHODS = ("python", "node", "python, killed", "node, killed")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the events of one SDK.

    Parameters
    ----------
    sent
        Events given to the SDK.
    arrived
        Different message ids in the log.
    doubled
        Message ids that are in the log more than once.
    errors
        What the SDK reported.
    kills
        How often the server was killed meanwhile.
    seconds
        From the first event to the SDK's end.
    """

    sent: int
    arrived: int
    doubled: int
    errors: Sequence[str]
    kills: int
    seconds: float


class DoorProcess:
    """The door as a process that can be killed and started again on the same port.

    Parameters
    ----------
    folder
        Of the shop.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]
        self._process: subprocess.Popen[str] | None = None

    @property
    def host(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it listens."""
        words = ["door", str(self.folder), KEY, str(self.port)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "shopkeeper.apps.bench.ingest_servers", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise StoreError("the door did not start", next_step="Look at its messages above")

    def kill(self) -> None:
        """Kill it without warning."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def stop(self) -> None:
        """Stop it in order."""
        if self._process is not None and self._process.poll() is None:
            self._process.communicate("\n", timeout=30)


def run(options: BenchOptions) -> list[BenchRow]:
    """Send with each SDK, once in peace and once with the server killed in the middle.

    Parameters
    ----------
    options
        ``events`` is the number sent by each, ``methods`` a choice among :data:`METHODS`.

    Returns
    -------
    list of BenchRow
        Events sent, arrived, lost and doubled.

    Raises
    ------
    NotFoundError
        If there is no such method, or the Node SDK is asked for and not installed.
    """
    chosen = options.methods or METHODS
    rows: list[BenchRow] = []
    for method in chosen:
        if method not in METHODS:
            raise NotFoundError(
                f"sdk has no method {method!r}", next_step=f"Choose among {', '.join(METHODS)}"
            )
        sdk, _, killed = method.partition(", ")
        with tempfile.TemporaryDirectory() as folder:
            result = deliver(
                sender(sdk), Path(folder), options.events or SENT, kills=1 if killed else 0
            )
        figures = {
            "sent": result.sent,
            "arrived": result.arrived,
            "lost": result.sent - result.arrived,
            "doubled": result.doubled,
            "sdk errors": len(result.errors),
        }
        rows += [
            BenchRow(
                "sdk",
                f"{result.sent:,} track calls",
                "official SDK, only the host changed; message ids counted in the log",
                f"{sdk}{', server killed in the middle' if killed else ''}",
                metric,
                value,
                n=result.sent,
                seconds=result.seconds,
                seed=options.seed,
            )
            for metric, value in figures.items()
        ]
    return rows


def sender(sdk: str) -> list[str]:
    """Command of one SDK's sender, to be followed by host, key, count and prefix.

    Parameters
    ----------
    sdk
        ``python`` or ``node``.

    Returns
    -------
    list of str

    Raises
    ------
    NotFoundError
        If it is not installed.
    """
    if sdk == "python":
        return [sys.executable, "-m", "shopkeeper.apps.bench.sdk_python"]
    if not (NODE / "node_modules").is_dir():
        raise NotFoundError(
            "the Node SDK is not installed", next_step="Run: npm ci --prefix tests/sdk/node"
        )
    return ["node", str(NODE / "send.mjs")]


def deliver(command: Sequence[str], folder: Path, count: int, *, kills: int = 0) -> Delivery:
    """Let one SDK send to a door, killing the door meanwhile, and count what the log holds.

    Parameters
    ----------
    command
        Starts the sender; host, key, count and prefix are appended.
    folder
        Of a fresh shop.
    count
        Events to send.
    kills
        How often the door is killed and started again.

    Returns
    -------
    Delivery
    """
    door = DoorProcess(folder)
    door.start()
    started = time.monotonic()
    words = [*command, door.host, KEY, str(count), "sdk"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            for number in range(kills):
                _wait_for(folder, count * (number + 1) // (kills + 2), process)
                door.kill()
                time.sleep(0.5)
                door.start()
            out, _ = process.communicate(timeout=DEADLINE_S)
        finally:
            process.kill()
    seconds = time.monotonic() - started
    door.stop()
    told: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
    ids = Counter(message_ids(folder))
    return Delivery(
        sent=count,
        arrived=len(ids),
        doubled=sum(n > 1 for n in ids.values()),
        errors=told["errors"],
        kills=kills,
        seconds=seconds,
    )


def message_ids(folder: Path) -> Iterator[str]:
    """Message ids in the log of a shop that nobody has open for writing.

    Parameters
    ----------
    folder
        Of the shop.

    Yields
    ------
    str
    """
    with _opened(folder) as runtime:
        for partition in range(runtime.log.partitions):
            offset = 0
            while records := runtime.log.read(partition, offset, limit=1000):
                for record in records:
                    for raw in unpack(record.payload).events:
                        yield str(msgspec.json.decode(raw)["messageId"])
                offset = records[-1].offset + 1


def _wait_for(folder: Path, events: int, process: subprocess.Popen[str]) -> None:
    """Wait until the log holds so many events, or the sender has ended."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline and process.poll() is None:
        if sum(1 for _ in message_ids(folder)) >= events:
            return
        time.sleep(0.2)


@contextmanager
def _opened(folder: Path) -> Iterator[Any]:
    runtime = open_runtime(load_settings(flags={"store.folder": str(folder)}))
    try:
        yield runtime
    finally:
        runtime.close()
