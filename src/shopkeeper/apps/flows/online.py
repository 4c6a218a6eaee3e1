"""After the night: features of everybody into the profiles, and a new base for the online ones."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.apps.worker.online_tables import history_folder, open_history, prime
from shopkeeper.backends.embedded.history import History
from shopkeeper.backends.embedded.history_file import hashes
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.ports import ProfileStore, ProfileUpdate, TableStore
from shopkeeper.core.tables import FEATURES, PROFILES
from shopkeeper.features.library_index import all_features
from shopkeeper.features.online.section import Refreshed, feature_values, read_before

READ_AT_ONCE = 20_000
STORED_AT_ONCE = 2_000
"""Profiles of one transaction: live micro-batches are stored in between."""
IN_LAKE_US = 600_000_000
"""Rows that arrived so long before are in the lake when a new base is built from it."""


@dataclass(frozen=True, slots=True)
class OnlineReport:
    """What a refresh wrote.

    Parameters
    ----------
    customers
        Sections written.
    newer
        Customers left alone because live events touched them later; they are computed anew.
    removed
        Sections of customers that are no more.
    base
        Rows of the new base of the history, by table; empty if no worker keeps one.
    seconds
        Time taken, by part.
    """

    customers: int
    newer: int
    removed: int
    base: Mapping[str, int]
    seconds: Mapping[str, float] = field(compare=False)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def refresh_online(runtime: Runtime, *, as_of: datetime) -> OnlineReport:
    """Bring the night's features into the profiles, and the lake into the history.

    Parameters
    ----------
    runtime
        The lake is read, profiles and history are written.
    as_of
        Moment of the stored features.

    Returns
    -------
    OnlineReport
        Customers whom live events touched later keep the newer section; the worker
        computes them anew over the new base.
    """
    seconds: dict[str, float] = {}
    history = _kept_history(runtime)
    try:
        newer = set(history.touched_since(to_us(as_of))) if history else set()
        started = time.perf_counter()
        customers, removed = refresh_features(runtime, as_of=as_of, newer=frozenset(newer))
        seconds["features"] = round(time.perf_counter() - started, 3)
        base: Mapping[str, int] = {}
        if history is not None:
            started = time.perf_counter()
            now_us = to_us(runtime.clock.now())
            base = prime(
                history, runtime.tables,
                keep_after_us=now_us - IN_LAKE_US, again_after_us=to_us(as_of),
            )  # fmt: skip
            seconds["base"] = round(time.perf_counter() - started, 3)
    finally:
        if history is not None:
            history.close()
    return OnlineReport(customers, len(newer), removed, base, seconds)


def refresh_features(
    runtime: Runtime, *, as_of: datetime, newer: frozenset[str] = frozenset()
) -> tuple[int, int]:
    """Write the section ``features`` of every customer in the feature table.

    Parameters
    ----------
    runtime
        The lake is read, the profiles are written.
    as_of
        Moment of the features.
    newer
        Customers to leave alone.

    Returns
    -------
    tuple of int
        Sections written, and sections removed because the customer has no features.
    """
    store = runtime.profiles
    lone = _without_base(runtime.tables, as_of)
    written, names = 0, [np.empty(0, dtype=np.uint64)]
    for rows in _features(runtime.tables, as_of):
        names.append(hashes(rows["customer_id"].combine_chunks()))
        fresh = rows
        if newer:
            known = pa.array(sorted(newer), pa.string())
            fresh = rows.filter(pc.invert(pc.is_in(rows["customer_id"], known)))
        for start in range(0, fresh.num_rows, STORED_AT_ONCE):
            written += _store(store, fresh.slice(start, STORED_AT_ONCE), to_us(as_of), lone)
    known = np.sort(np.concatenate(names))
    # No features at all is no reason to forget everybody's.
    return written, _remove_others(store, known, newer) if len(known) else 0


def _features(tables: TableStore, as_of: datetime) -> Iterator[pa.Table]:
    table = tables.table(FEATURES)
    moment = ibis.literal(as_of.astimezone(UTC)).cast("timestamp('UTC', 6)")
    for batch in tables.stream(table.filter(table.as_of == moment), batch_rows=READ_AT_ONCE):
        yield pa.Table.from_batches([batch])


def _without_base(tables: TableStore, as_of: datetime) -> frozenset[str]:
    """Customers known by a device alone: no section of the night tells their audiences."""
    table = tables.table(FEATURES)
    moment = ibis.literal(as_of.astimezone(UTC)).cast("timestamp('UTC', 6)")
    everyone = table.filter(table.as_of == moment).select("customer_id")
    lone = everyone.anti_join(tables.table(PROFILES), "customer_id")
    return frozenset(tables.run(lone)["customer_id"].to_pylist())


def _store(store: ProfileStore, rows: pa.Table, as_of_us: int, lone: frozenset[str]) -> int:
    # Encoded row by row: joining 188 columns as Arrow text takes twice as long (measured).
    values = feature_values(rows, [x.name for x in all_features()])
    customers = rows["customer_id"].to_pylist()
    sections = {k: Refreshed(as_of_us, v) for k, v in zip(customers, values, strict=True)}
    stored = store.stored_many([x for x in customers if x in lone], ["features"])
    for customer, told in stored.items():
        sections[customer].audiences = read_before(told["features"], None).audiences
    store.apply(ProfileUpdate("features", profiles=sections))
    return len(sections)


def _remove_others(
    store: ProfileStore, known: np.ndarray[Any, np.dtype[np.uint64]], newer: frozenset[str]
) -> int:
    """Remove the sections of customers that the feature table does not have."""
    removed, after = 0, ""
    while True:
        page = store.ids("features", after=after, limit=READ_AT_ONCE)
        if not page:
            return removed
        numbers = hashes(pa.array(page, pa.string()))
        at = np.minimum(np.searchsorted(known, numbers), len(known) - 1)
        there = known[at] == numbers
        gone = [x for x, here in zip(page, there.tolist(), strict=True) if not here]
        gone = [x for x in gone if x not in newer]
        for start in range(0, len(gone), STORED_AT_ONCE):
            part = gone[start : start + STORED_AT_ONCE]
            store.apply(ProfileUpdate("features", removed=part))
        removed, after = removed + len(gone), page[-1] + "\x00"


def _kept_history(runtime: Runtime) -> History | None:
    """The history of a shop whose worker keeps one."""
    folder = history_folder(runtime)
    return open_history(folder) if (folder / "history.db").exists() else None
