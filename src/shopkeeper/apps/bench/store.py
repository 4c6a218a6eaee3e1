"""How fast the embedded store writes, reads and computes, on generated orders."""

from __future__ import annotations

import os
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import count

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, measure
from shopkeeper.backends.embedded.log import SqliteLog
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.ports import LogEntry
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import CONTACTS, EVENTS, ORDERS, PURCHASES

__all__ = ["run"]

CUSTOMERS, ORDERS_MADE = 50_000, 500_000
_START_US = 1_704_067_200_000_000
_DAY_US = 86_400_000_000
_BATCH = 10_000
_READS = 5_000
_RUNS = 20
_SMALL, _SMALL_COMMITS = 1_000, 100
_LOG_EVENTS, _LOG_BYTES = 100, 54_000
_LOG_IN_FLIGHT, _LOG_ALONE = 64, 300

Figures = tuple[dict[str, float], int]


def run(options: BenchOptions) -> list[BenchRow]:
    """Measure the store in a fresh temporary folder.

    Parameters
    ----------
    options
        ``customers`` and ``events`` (orders) give the size of the data, ``seed`` the
        data, ``methods`` a choice of cases.

    Returns
    -------
    list[BenchRow]
        Rows or batches a second, and latencies of one call in milliseconds.

    Raises
    ------
    NotFoundError
        If there is no case of a given name.
    """
    chosen = options.methods or tuple(_CASES)
    unknown = sorted(set(chosen) - set(_CASES))
    if unknown:
        raise NotFoundError(
            f"the store has no case {', '.join(unknown)}",
            next_step=f"Choose among {', '.join(_CASES)}",
            methods=unknown,
        )
    customers, made = options.customers or CUSTOMERS, options.events or ORDERS_MADE
    orders = _generated(customers, made, np.random.default_rng(options.seed))
    rows: list[BenchRow] = []
    with _opened() as runtime:
        runtime.tables.append(ORDERS, orders)
        for method in chosen:
            protocol, case = _CASES[method]
            with measure() as took:
                figures, n = case(runtime, orders, options.seed)
            rows += [
                BenchRow(
                    "store",
                    f"generated: {customers:,} customers, {made:,} orders in 12 months",
                    protocol,
                    method,
                    metric,
                    value,
                    n=n,
                    seconds=took.seconds,
                    peak_mb=took.peak_mb,
                    seed=options.seed,
                )
                for metric, value in figures.items()
            ]
    return rows


@contextmanager
def _opened() -> Iterator[Runtime]:
    with tempfile.TemporaryDirectory(prefix="shopkeeper-bench-") as folder:
        runtime = open_runtime(load_settings(flags={"store.folder": folder}))
        try:
            yield runtime
        finally:
            runtime.close()


def _generated(customers: int, n: int, generator: np.random.Generator) -> pa.Table:
    """Orders evenly over a year; every column the contract requires."""
    ts_us = pa.array(_START_US + generator.integers(0, 366 * _DAY_US, n), pa.int64())
    moments = ts_us.cast(pa.timestamp("us", tz="UTC"))
    refs = pc.binary_join_element_wise(
        "crm", pa.array(generator.integers(0, customers, n)).cast(pa.string()), ":"
    )
    constant = {"kind": "sale", "currency": "CNY", "channel": "web", "source": "bench"}
    return pa.table(
        {
            "order_id": pc.binary_join_element_wise(
                "o", pa.array(np.arange(n)).cast(pa.string()), ""
            ),
            "customer_ref": refs,
            "occurred_at": moments,
            "ts_us": ts_us,
            "day": moments.cast(pa.date32()),
            "month": pc.strftime(moments, "%Y-%m"),
            "dow": pc.day_of_week(moments, count_from_zero=False).cast(pa.int8()),
            "hour": pc.hour(moments).cast(pa.int8()),
            "amount_minor": pa.array(generator.integers(100, 100_000, n), pa.int64()),
            "quantity": pa.array(generator.integers(1, 9, n).astype(np.float64)),
            **{name: pa.repeat(value, n) for name, value in constant.items()},
        }
    )


def _append(runtime: Runtime, orders: pa.Table, seed: int) -> Figures:
    """Batches as a loader writes them: one commit each, with its token."""
    contacts = pa.table(
        {
            "touch_id": orders.column("order_id"),
            "customer_id": orders.column("customer_ref"),
            "channel": orders.column("channel"),
            "ts_us": orders.column("ts_us"),
        }
    )
    n = min(orders.num_rows, 20 * _BATCH)
    start = time.perf_counter()
    for number, first in enumerate(range(0, n, _BATCH)):
        batch = contacts.slice(first, min(_BATCH, n - first))
        runtime.tables.append(CONTACTS, batch, token=(f"bench-{seed}", number))
    return {"rows_per_second": n / (time.perf_counter() - start)}, n


def _append_small(runtime: Runtime, orders: pa.Table, seed: int) -> Figures:
    """Micro-batches as the stream worker writes them: one month, each after the last."""
    kept = ("kind", "customer_ref", "occurred_at", "ts_us", "day", "dow", "hour", "channel")
    rows = orders.slice(0, _SMALL)
    events = pa.table(
        {
            "event_id": rows.column("order_id"),
            "received_at": rows.column("occurred_at"),
            "month": pa.repeat("2024-01", rows.num_rows),
            **{name: rows.column(name) for name in kept},
        }
    )
    writer = f"stream-{seed}"
    numbers = count()

    def append(_: int) -> None:
        number = next(numbers)
        runtime.tables.append(EVENTS, events, token=(writer, number), after=number - 1)

    figures = _latencies(append, _SMALL_COMMITS)
    start = time.perf_counter()
    runtime.tables.committed(EVENTS, writer)
    asked = (time.perf_counter() - start) * 1000
    start = time.perf_counter()
    runtime.tables.maintain(EVENTS)
    compacted = time.perf_counter() - start
    return {**figures, "committed_ms": asked, "maintain_seconds": compacted}, _SMALL_COMMITS


def _append_months(runtime: Runtime, orders: pa.Table, seed: int) -> Figures:
    n = min(orders.num_rows, 10 * _BATCH)
    start = time.perf_counter()
    for number, first in enumerate(range(0, n, _BATCH)):
        batch = orders.slice(first, min(_BATCH, n - first))
        runtime.tables.append(ORDERS, batch, token=(f"bench-{seed}", number))
    return {"rows_per_second": n / (time.perf_counter() - start)}, n


def _materialise(runtime: Runtime, _orders: pa.Table, _seed: int) -> Figures:
    t = runtime.tables.table(ORDERS)
    resolved = t.mutate(customer_id=t.customer_ref, lines=ibis.literal(1)).select(
        "order_id", "customer_id", "kind", "channel", "occurred_at", "ts_us", "day", "month",
        "dow", "hour", "amount_minor", "currency", "quantity", "lines",
    )  # fmt: skip
    start = time.perf_counter()
    commit = runtime.tables.materialise(resolved, PURCHASES)
    return {"rows_per_second": commit.rows / (time.perf_counter() - start)}, commit.rows


def _run(runtime: Runtime, _orders: pa.Table, _seed: int) -> Figures:
    t = runtime.tables.table(ORDERS)
    by_customer = t.group_by("customer_ref").agg(n=t.count(), spend=t.amount_minor.sum())
    top = by_customer.order_by([ibis.desc("spend"), "customer_ref"]).limit(100)
    return _latencies(lambda _: runtime.tables.run(top), _RUNS), _RUNS


def _run_month(runtime: Runtime, _orders: pa.Table, _seed: int) -> Figures:
    t = runtime.tables.table(ORDERS)
    by_day = t.filter(t.month == "2024-06").group_by("day").agg(spend=t.amount_minor.sum())
    return _latencies(lambda _: runtime.tables.run(by_day), _RUNS), _RUNS


def _profiles(runtime: Runtime, orders: pa.Table, seed: int) -> Figures:
    n = pc.count_distinct(orders.column("customer_ref")).as_py()
    ids = [f"c{i}" for i in range(n)]
    profile = {f"feature_{i}": i * 1.25 for i in range(60)}
    start = time.perf_counter()
    runtime.profiles.put_many(dict.fromkeys(ids, profile))
    stored = n / (time.perf_counter() - start)
    wanted = np.random.default_rng(seed).integers(0, n, _READS)
    reads = _latencies(lambda i: runtime.profiles.get(ids[wanted[i]]), _READS)
    return {"rows_per_second": stored, **reads}, n


def _log(runtime: Runtime, orders: pa.Table, seed: int) -> Figures:
    """Batches as the door hands them over: many wait for one commit."""
    entries, batches = _entries(seed), max(orders.num_rows // 50, 2 * _LOG_IN_FLIGHT)
    log = SqliteLog(runtime.settings.store.folder / "bench-log" / "events.db")
    waiting: deque[tuple[float, Future[Sequence[tuple[int, int]]]]] = deque()
    took = np.empty(batches)

    def confirmed(number: int) -> None:
        submitted, future = waiting.popleft()
        future.result()
        took[number] = time.perf_counter() - submitted

    for entry in entries:
        log.submit([entry], received_us=0).result()
    commits, start = log.commits, time.perf_counter()
    for i in range(batches):
        if len(waiting) == _LOG_IN_FLIGHT:
            confirmed(i - _LOG_IN_FLIGHT)
        now = time.perf_counter()
        waiting.append((now, log.submit([entries[i % len(entries)]], received_us=i)))
    for i in range(len(waiting)):
        confirmed(batches - _LOG_IN_FLIGHT + i)
    seconds = time.perf_counter() - start
    commits = log.commits - commits
    log.close()
    return {
        "events_per_second": batches * _LOG_EVENTS / seconds,
        "batches_per_second": batches / seconds,
        "commits_per_second": commits / seconds,
        **_percentiles(took),
    }, batches * _LOG_EVENTS


def _log_alone(runtime: Runtime, _orders: pa.Table, seed: int) -> Figures:
    entries = _entries(seed)
    log = SqliteLog(runtime.settings.store.folder / "bench-alone" / "events.db")
    took = _latencies(
        lambda i: log.submit([entries[i % len(entries)]], received_us=i).result(), _LOG_ALONE
    )
    log.close()
    return took, _LOG_ALONE


def _sync(runtime: Runtime, _orders: pa.Table, seed: int) -> Figures:
    payload = _entries(seed)[0].payload
    with (runtime.settings.store.folder / "bench-sync").open("wb", buffering=0) as file:

        def write(_: int) -> None:
            file.write(payload)
            os.fsync(file.fileno())

        return _latencies(write, _LOG_ALONE), _LOG_ALONE


def _entries(seed: int) -> list[LogEntry]:
    generator = np.random.default_rng(seed)
    return [LogEntry(f"c{i}", generator.bytes(_LOG_BYTES)) for i in range(64)]


def _latencies(action: Callable[[int], object], times: int) -> dict[str, float]:
    """Calls a second and percentiles of one call in milliseconds; the first call is not counted."""
    action(0)
    took = np.empty(times)
    for i in range(times):
        start = time.perf_counter()
        action(i)
        took[i] = time.perf_counter() - start
    return {"calls_per_second": times / float(took.sum()), **_percentiles(took)}


def _percentiles(seconds: npt.NDArray[np.float64]) -> dict[str, float]:
    p50, p95, p99 = np.percentile(seconds * 1000, [50, 95, 99])
    return {"p50": float(p50), "p95": float(p95), "p99": float(p99)}


_CASES: dict[str, tuple[str, Callable[[Runtime, pa.Table, int], Figures]]] = {
    "append": ("one commit and token for 10,000 rows, no partitions", _append),
    "append months": ("one commit and token for 10,000 rows over 12 months", _append_months),
    "materialise": ("all orders computed and written to another table", _materialise),
    "run": ("all orders by customer, the 100 largest; milliseconds", _run),
    "run month": ("one month's orders by day; milliseconds", _run_month),
    "profiles": ("60 numbers a profile; one read by id; milliseconds", _profiles),
    "log": (
        "100 events (54 kB) a batch, 64 in flight, on disk before confirmed; milliseconds",
        _log,
    ),
    "log alone": ("one batch of 100 events (54 kB) after the other; milliseconds", _log_alone),
    "disk": ("54 kB appended to a plain file and fsync; milliseconds", _sync),
    "append small": ("one commit and token for 1,000 rows, each after the last", _append_small),
}
