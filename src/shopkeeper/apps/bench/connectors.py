"""Whether a dead source slows the others: run times of healthy connectors with and without it."""

from __future__ import annotations

import socket
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sqlalchemy import select

from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, measure
from shopkeeper.apps.flows import connect
from shopkeeper.apps.worker.connect import ConnectorRunner
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import state
from shopkeeper.core.settings import load_settings

__all__ = ["run"]

HEALTHY = 4
BLOCKS = 20
"""Stretches of time, in turns without and with the dead sources, so that drift meets both."""
BLOCK_S = 12.0
SETTLE_S = 2.0
"""Start of a stretch that is left out: definitions have just changed."""
ROWS = 20
DEAD = ("hole", "refusing", "broken")
_BOOTSTRAP = 2000

Floats = npt.NDArray[np.float64]


def run(options: BenchOptions) -> list[BenchRow]:
    """Measure healthy connectors beside a black hole, a refused port and a broken definition.

    Parameters
    ----------
    options
        ``events`` gives the number of stretches (even; default 20 of 12 s each), ``seed``
        the bootstrap.

    Returns
    -------
    list[BenchRow]
        Median and 95th percentile of a run in milliseconds, and the change of the latter with
        its 95 % interval over stretches.
    """
    blocks = max(2, (options.events or BLOCKS) // 2 * 2)
    alone: list[Floats] = []
    beside: list[Floats] = []
    with measure() as took, _shop() as (runtime, folder), _hole() as port:
        runner = ConnectorRunner(runtime, {})
        stop = threading.Event()
        writers = [
            threading.Thread(target=_write, args=(folder / f"pos{x}.db", stop), daemon=True)
            for x in range(HEALTHY)
        ]
        for number in range(HEALTHY):
            _define(runtime, f"pos{number}", f"sqlite:///{folder / f'pos{number}.db'}")
        _define_dead(runtime, folder, port)
        for writer in writers:
            writer.start()
        runner.start()
        for block in range(blocks):
            dead = block % 2 == 1
            _enable_dead(runtime, enabled=dead)
            time.sleep(SETTLE_S)
            start = datetime.now(UTC)
            time.sleep(BLOCK_S - SETTLE_S)
            (beside if dead else alone).append(_seconds(runtime, start))
        stop.set()
        _enable_dead(runtime, enabled=False)
        runner.stop(wait_s=20.0)
    return _figures(alone, beside, options.seed, took.seconds, took.peak_mb)


def _figures(
    alone: list[Floats], beside: list[Floats], seed: int, seconds: float, peak: float | None
) -> list[BenchRow]:
    rows = []
    data = f"{HEALTHY} SQLite tills, {ROWS} orders a second, read every 3 s"
    protocol = f"runner of connectors, {len(alone) + len(beside)} stretches in turns"
    for method, found in (("alone", alone), ("beside dead sources", beside)):
        values = np.concatenate(found) * 1000
        rows += [
            BenchRow(
                "connectors", data, protocol, method, metric, float(np.percentile(values, at)),
                n=len(values), seconds=seconds, peak_mb=peak, seed=seed,
            )
            for metric, at in (("run_p50_ms", 50), ("run_p95_ms", 95))
        ]  # fmt: skip
    change, low, high = _change(alone, beside, seed)
    rows.append(
        BenchRow(
            "connectors", data, protocol, "beside dead sources", "run_p95_change", change, low=low,
            high=high, n=sum(map(len, beside)), seconds=seconds, peak_mb=peak, seed=seed,
        )
    )  # fmt: skip
    return rows


def _change(alone: list[Floats], beside: list[Floats], seed: int) -> tuple[float, float, float]:
    """Relative change of the 95th percentile; interval by drawing stretches anew."""
    random = np.random.default_rng(seed)

    def p95(blocks: list[Floats]) -> float:
        return float(np.percentile(np.concatenate(blocks), 95))

    drawn = []
    for _ in range(_BOOTSTRAP):
        a = [alone[x] for x in random.integers(0, len(alone), len(alone))]
        b = [beside[x] for x in random.integers(0, len(beside), len(beside))]
        drawn.append(p95(b) / p95(a) - 1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return p95(beside) / p95(alone) - 1, float(low), float(high)


def _seconds(runtime: Runtime, start: datetime) -> Floats:
    """Run times of the healthy ones that started since a moment."""
    runs = state.connector_runs
    query = select(runs.c.detail).where(
        runs.c.started_at >= start, runs.c.status == "done", runs.c.connector_id.like("pos%")
    )
    with runtime.state.connect() as connection:
        found = connection.execute(query).scalars().all()
    return np.array([x["seconds"] for x in found], dtype=np.float64)


def _define(runtime: Runtime, name: str, url: str, *, enabled: bool = True) -> None:
    given = {
        "kind": "sql", "url": url, "table": "sales", "cursor": "id", "into": "orders", "every": 3,
        "overlap": 10.0, "timeout_seconds": 30, "enabled": enabled,
    }  # fmt: skip
    connect.save(runtime.state, connect.definition_of(name, given), now=runtime.clock.now())


def _define_dead(runtime: Runtime, folder: Path, port: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    _define(runtime, "hole", f"postgresql://shop@127.0.0.1:{port}/x", enabled=False)
    _define(runtime, "refusing", f"postgresql://shop@127.0.0.1:{closed}/x", enabled=False)
    _define(runtime, "broken", f"sqlite:///{folder / 'nowhere.db'}", enabled=False)


def _enable_dead(runtime: Runtime, *, enabled: bool) -> None:
    for name in DEAD:
        connect.enable(runtime.state, name, enabled=enabled, now=runtime.clock.now())


def _write(file: Path, stop: threading.Event) -> None:
    """A till that goes on selling."""
    connection = sqlite3.connect(file)
    number = 0
    while not stop.is_set():
        day = datetime(2026, 1, 1, tzinfo=UTC)
        rows = [
            (
                f"{file.stem}-{number + x}",
                f"M{x}",
                str(day + timedelta(seconds=number + x))[:19],
                "9.90",
            )
            for x in range(ROWS)
        ]
        number += ROWS
        connection.executemany(
            "insert into sales (order_id, member_id, order_date, amount) values (?, ?, ?, ?)", rows
        )
        connection.commit()
        stop.wait(1.0)
    connection.close()


@contextmanager
def _shop() -> Iterator[tuple[Runtime, Path]]:
    with tempfile.TemporaryDirectory(prefix="shopkeeper-bench-") as name:
        folder = Path(name)
        for number in range(HEALTHY):
            connection = sqlite3.connect(folder / f"pos{number}.db")
            connection.execute(
                "create table sales (id integer primary key, order_id text, member_id text, "
                "order_date text, amount text)"
            )
            connection.commit()
            connection.close()
        runtime = open_runtime(load_settings(flags={"store.folder": str(folder / "shop")}))
        try:
            yield runtime, folder
        finally:
            runtime.close()


@contextmanager
def _hole() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]
