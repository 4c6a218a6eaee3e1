"""Bench of the online features: equal to the batch, how fast, how fresh, and everybody at once."""

from __future__ import annotations

import resource
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from shopkeeper.apps.bench import online_replay as replay
from shopkeeper.apps.bench.features import resolved_shop
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, Measured, measure
from shopkeeper.apps.flows.features import run_features
from shopkeeper.apps.flows.online import refresh_features
from shopkeeper.apps.flows.predict import predict_churn, predict_value
from shopkeeper.apps.worker.online import OnlineFeatures
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.live.envelope import Arrived
from shopkeeper.collect.live.rows import event_rows
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import InputError
from shopkeeper.core.ports import Clock
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import EVENTS, FEATURES
from shopkeeper.features.compute import SOURCES
from shopkeeper.features.library_index import all_features, features_contract
from shopkeeper.features.online.parity import compare
from shopkeeper.simulate.spec import ShopSpec

CAPABILITY = "online"
CUSTOMERS, REFRESHED = 5_000, 1_000_000
RATES = (100, 1_000, 5_000)
RATE_SECONDS = 20.0
TICK_S = 0.1


def run(options: BenchOptions) -> list[BenchRow]:
    """Measure the online features.

    Parameters
    ----------
    options
        ``methods``: ``parity`` (a replayed week against the batch, every column of every
        customer), ``rate`` (freshness at several rates of events) and ``refresh``
        (features of everybody into the profiles); the first two if none is named.
        ``customers``, ``events`` (of the refresh).

    Returns
    -------
    list of BenchRow

    Raises
    ------
    InputError
        If a method has another name.
    """
    known: dict[str, Callable[[BenchOptions], list[BenchRow]]] = {
        "parity": _parity, "rate": _rates, "refresh": _refresh,
    }  # fmt: skip
    wanted = options.methods or ("parity", "rate")
    for name in wanted:
        if name not in known:
            raise InputError(
                f"there is no method {name!r}", next_step=f"Choose of {', '.join(known)}"
            )
    return [row for name in wanted for row in known[name](options)]


@contextmanager
def _shop(clock: Clock | None = None, **flags: Any) -> Iterator[tuple[Runtime, Path]]:
    with tempfile.TemporaryDirectory(prefix="shopkeeper-bench-") as folder:
        given = {"store.folder": folder, **flags}
        runtime = open_runtime(load_settings(flags=given), clock=clock)
        try:
            yield runtime, Path(folder)
        finally:
            runtime.close()


def _parity(options: BenchOptions) -> list[BenchRow]:
    spec = _young(options)
    week = replay.simulate(spec)
    clock = replay.Now(week.starts)
    names = [x.name for x in all_features()]
    with _shop(clock) as (runtime, _):
        replay.prepare(runtime, week)
        online = OnlineFeatures(runtime)
        online.prime()
        with measure() as told:
            touched = replay.run_live(runtime, week, clock, online)
        replay.finish(runtime, week)
        run_features(runtime, as_of=spec.as_of, run_id="parity")
        batch = runtime.tables.run(runtime.tables.table(FEATURES))
        everyone = sorted(touched | set(batch["customer_id"].to_pylist()))
        online.again(everyone)
        with measure() as rounds:
            while online.round(to_us(spec.as_of)).customers:
                pass
        parity = compare(batch, _stored(runtime, everyone, names, spec.as_of), names)
        online.close()
    data = f"simulated, {spec.customers:,} customers, a week told live"
    figures = {
        "customers": parity.customers, "columns": parity.columns, "values": parity.compared,
        "mismatches": parity.mismatches, "touched": len(touched),
        "events": sum(len(x) for _, x, _ in week.batches),
        "ms_per_customer": 1e3 * rounds.seconds / max(len(everyone), 1),
    }  # fmt: skip
    return _rows(data, "late, shuffled, repeated, logins; equal bits", "parity", figures,
                 told, spec.customers, options.seed)  # fmt: skip


def _young(options: BenchOptions) -> ShopSpec:
    """A young shop, so that many customers do something in its last week."""
    return ShopSpec(
        customers=options.customers or CUSTOMERS, seed=options.seed, days=80, join_days=70,
        alpha=12.0, events_per_customer=25.0, touches_per_customer=4.0,
    )  # fmt: skip


def _stored(runtime: Runtime, customers: list[str], names: list[str], as_of: datetime) -> pa.Table:
    sections = runtime.profiles.section("features", customers)
    rows = [
        {"customer_id": k, "as_of": as_of, **{n: v["features"].get(n) for n in names}}
        for k, v in sections.items()
    ]
    return pa.Table.from_pylist(rows, schema=features_contract().arrow_schema)


def _rates(options: BenchOptions) -> list[BenchRow]:
    week = replay.simulate(_young(options), batches=1)
    clock = replay.Now(week.starts)
    with _shop(clock) as (runtime, _):
        replay.prepare(runtime, week)
        predict_churn(runtime, week.starts)
        predict_value(runtime, week.starts)
        refs = week.before["orders"]["customer_ref"].unique().to_pylist()
        found = []
        for rate in RATES:
            clock.moment = datetime.now(UTC)
            found += _rate(runtime, refs, rate, options.seed, clock)
        return found


def _rate(
    runtime: Runtime, refs: list[str], rate: int, seed: int, clock: replay.Now
) -> list[BenchRow]:
    """Events of random customers at a rate, the rounds beside them in their thread."""
    rng = np.random.default_rng([seed, rate])
    online = OnlineFeatures(runtime)
    online.prime()
    online.again(list(runtime.profiles.resolve(refs[:1]).values()))
    online.round(to_us(clock.now()))
    ticking = threading.Event()
    threading.Thread(target=_tick, args=(clock, ticking), daemon=True).start()
    before = resource.getrusage(resource.RUSAGE_SELF)
    online.start()
    told, at = 0, time.monotonic()
    with measure() as took:
        for number in range(int(RATE_SECONDS / TICK_S)):
            chosen = rng.integers(0, len(refs), int(rate * TICK_S))
            events = [_viewed(refs[x], f"{rate}-{told + i}", to_us(clock.now()))
                      for i, x in enumerate(chosen.tolist())]  # fmt: skip
            online.touch({EVENTS.name: event_rows(events, zone_name="Asia/Shanghai")}, {})
            told += len(events)
            time.sleep(max(at + (number + 1) * TICK_S - time.monotonic(), 0))
    after = resource.getrusage(resource.RUSAGE_SELF)
    fresh = online.freshness()
    ticking.set()
    online.close()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    figures = {
        "events_per_second": told / took.seconds, "customers_per_second": fresh.done / took.seconds,
        "freshness_p50_s": fresh.p50_s, "freshness_p95_s": fresh.p95_s,
        "freshness_worst_s": fresh.worst_s, "waiting": fresh.waiting,
        "cores": cpu / took.seconds,
    }  # fmt: skip
    return _rows(f"simulated, {len(refs):,} customers", "features, scores and audiences stored",
                 f"{rate} events/s", figures, took, len(refs), seed)  # fmt: skip


def _tick(clock: replay.Now, stop: threading.Event) -> None:
    while not stop.wait(0.001):
        clock.moment = datetime.now(UTC)


def _viewed(ref: str, event_id: str, at_us: int) -> Arrived:
    return Arrived(
        event_id=event_id, type="track", kind="view_item", name="Product Viewed",
        occurred_us=at_us, received_us=at_us, source="bench", customer_ref=ref,
        session_id=f"s-{ref}", product_id="p00001", category="茶", device="phone",
    )  # fmt: skip


def _refresh(options: BenchOptions) -> list[BenchRow]:
    customers = options.customers or REFRESHED
    events = options.events or 5 * customers
    spec = ShopSpec(customers=customers, seed=options.seed, events_per_customer=events / customers)
    with _shop(None, **{"store.memory_mb": 6144}) as (runtime, folder):
        for contract, rows in resolved_shop(spec):
            runtime.tables.append(contract, rows)
        read = sum(runtime.tables.count(x) for x in SOURCES)
        with measure() as computed:
            run_features(runtime, as_of=spec.as_of, run_id="refresh")
        with measure() as stored:
            written, _ = refresh_features(runtime, as_of=spec.as_of)
        with measure() as again:
            refresh_features(runtime, as_of=spec.as_of)
        size = sum(x.stat().st_size for x in folder.rglob("profiles.db*"))
        known = runtime.profiles.count()
    data = f"simulated, {customers:,} customers, {read:,} rows"
    figures = {
        "sections": written, "profiles": known, "features": len(all_features()),
        "features_seconds": computed.seconds, "store_seconds": stored.seconds,
        "store_again_seconds": again.seconds,
        "worst_freshness_minutes": (computed.seconds + max(stored.seconds, again.seconds)) / 60,
        "features_peak_mb": computed.peak_mb, "store_peak_mb": stored.peak_mb,
        "database_mb": size / 2**20,
    }  # fmt: skip
    return _rows(data, "whole library for everybody, into the profile store", "refresh", figures,
                 stored, customers, options.seed)  # fmt: skip


def _rows(
    data: str,
    protocol: str,
    method: str,
    figures: Mapping[str, float | int | None],
    took: Measured,
    n: int,
    seed: int,
) -> list[BenchRow]:
    return [
        BenchRow(CAPABILITY, data, protocol, method, metric, value, n=n, seconds=took.seconds,
                 peak_mb=took.peak_mb, seed=seed)
        for metric, value in figures.items()
    ]  # fmt: skip
