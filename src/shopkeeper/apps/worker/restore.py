"""Where a worker goes on: the checkpoint of a partition, or what the lake can tell without it."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shopkeeper.collect.live.rows import load_id, place_of
from shopkeeper.collect.live.seen import SECOND, Seen, message_key
from shopkeeper.core import columns as c
from shopkeeper.core.errors import StoreError
from shopkeeper.core.ports import EventLog, TableStore
from shopkeeper.core.settings import Live
from shopkeeper.core.tables import EVENTS, QUARANTINE

log = logging.getLogger(__name__)

DAY_S = 86_400
KEY_BYTES = 16
LOOK_BACK = 200


@dataclass(frozen=True, slots=True)
class Restored:
    """Where and with what a partition goes on.

    Parameters
    ----------
    seen
        Ids admitted below the offset.
    offset
        First one to judge.
    plan
        Version of the tracking plan that judges from there.
    people
        Records of customers that are told and not merged yet.
    rebuilt
        Whether the checkpoint was missing or damaged and the lake was asked.
    """

    seen: Seen
    offset: int
    plan: int
    people: Sequence[Sequence[Any]] = ()
    rebuilt: bool = False


def checkpoint_folder(folder: Path, partition: int) -> Path:
    """Folder of a partition's checkpoint.

    Parameters
    ----------
    folder
        Of all checkpoints of the shop.
    partition
        Of the log.

    Returns
    -------
    Path
    """
    return folder / f"partition-{partition:03d}"


def restore(
    folder: Path,
    partition: int,
    *,
    events: EventLog,
    tables: TableStore,
    live: Live,
    lake_reached: int,
    latest_plan: int,
    profiles_at: int | None = None,
) -> Restored:
    """Find out where a partition goes on.

    Parameters
    ----------
    folder
        Of all checkpoints of the shop.
    partition
        Of the log.
    events
        Log; tells how many partitions share the memory of ids.
    tables
        The lake, which is asked when the checkpoint is missing or damaged.
    live
        How many ids are remembered, and how long.
    lake_reached
        Last offset that the lake has of the partition; -1 if none.
    latest_plan
        Version of the tracking plan for a partition that was never judged.
    profiles_at
        First offset that the profiles do not have; None if there are none to care for.

    Returns
    -------
    Restored
    """
    most = max(live.dedupe_ids // events.partitions, 1000)
    window_s = live.dedupe_days * DAY_S
    try:
        saved = Seen.load(checkpoint_folder(folder, partition), most=most, window_s=window_s)
    except StoreError as error:
        _warn(partition, error)
        saved = None
    if saved is not None:
        facts = saved.facts
        start = saved.offset
        if profiles_at is not None and profiles_at < start:
            start = _gone_back(saved.seen, events, partition, profiles_at, start)
        return Restored(saved.seen, start, int(facts["plan"]), facts.get("people", ()))
    seen = Seen(os.urandom(KEY_BYTES), most=most, window_s=window_s)
    if lake_reached < 0:
        # From the first event on there is a checkpoint to go back to.
        facts = {"plan": latest_plan}
        seen.save(checkpoint_folder(folder, partition), offset=0, facts=facts)
        return Restored(seen, 0, latest_plan)
    _warn(partition, "its checkpoint is built anew from the lake")
    _admitted(seen, tables, partition)
    _refused(seen, tables, partition)
    return Restored(seen, lake_reached + 1, latest_plan, rebuilt=True)


def _gone_back(seen: Seen, events: EventLog, partition: int, wanted: int, saved: int) -> int:
    """Start where the profiles stand: a power cut took what they had after it.

    Ids are remembered by the second of their arrival, so the start is the first record of that
    second; what the lake has, it passes over.
    """
    first = events.read(partition, wanted, limit=1)
    if not first or first[0].offset >= saved:
        return saved
    start, second = first[0].offset, first[0].received_us // SECOND
    while start > 0:
        before = [
            x for x in events.read(partition, max(start - LOOK_BACK, 0), limit=LOOK_BACK)
            if x.offset < start
        ]  # fmt: skip
        same = [x.offset for x in before if x.received_us // SECOND >= second]
        if not same:
            break
        start = min(same)
        if len(same) < len(before):
            break
    seen.go_back(second)
    _warn(partition, f"the profiles stand at {wanted}, judged again from {start}")
    return start


def _admitted(seen: Seen, tables: TableStore, partition: int) -> None:
    """Ids of the events that the lake has of a partition."""
    events = tables.table(EVENTS)
    mine = events.filter(events[c.LOAD_ID] == load_id(partition)).select(
        source=events[c.SOURCE],
        event_id=events[c.EVENT_ID],
        seconds=events[c.RECEIVED_AT].epoch_seconds().cast("int64"),
    )
    for batch in tables.stream(mine.order_by("seconds")):
        rows = batch.to_pydict()
        ids = [message_key(*x) for x in zip(rows["source"], rows["event_id"], strict=True)]
        seen.admit(ids, np.array(rows["seconds"], dtype=np.int64) * SECOND)


def _refused(seen: Seen, tables: TableStore, partition: int) -> None:
    """Ids of the events that the quarantine has of a partition."""
    rows = tables.table(QUARANTINE)
    live = rows.filter(rows[c.LOAD_ID].startswith("live-")).select(
        path=rows[c.PATH],
        number=rows[c.ROW_NUMBER],
        seconds=rows[c.CREATED_AT].epoch_seconds().cast("int64"),
    )
    for batch in tables.stream(live.order_by("seconds")):
        rows_ = [x for x in batch.to_pylist() if place_of(x["number"])[0] == partition]
        ids = []
        for row in rows_:
            _, source, event_id = row["path"].split("/", 2)
            ids.append(message_key(source, event_id, purpose="refused"))
        seen.admit(ids, np.array([x["seconds"] for x in rows_], dtype=np.int64) * SECOND)


def _warn(partition: int, why: object) -> None:
    log.warning("partition %d: %s", partition, why)
