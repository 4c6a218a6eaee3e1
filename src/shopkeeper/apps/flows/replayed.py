"""What was edited in quarantine and sent again, and what became of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import ibis
import pyarrow as pa
from sqlalchemy import Engine, insert, select, update

from shopkeeper.apps.worker.stream import CONSUMER
from shopkeeper.core import state
from shopkeeper.core.ports import EventLog, TableStore
from shopkeeper.core.tables import EVENTS

PREFIX = "live-"
"""What the load of a live event begins with."""
MOST_SETTLED = 5_000
"""Replays whose outcome is looked up at once."""

replays = state.replays


def settle(tables: TableStore, engine: Engine, events: EventLog) -> int:
    """Look up what became of the events sent again, and keep it.

    Parameters
    ----------
    tables
        The lake.
    engine
        The state.
    events
        The log.

    Returns
    -------
    int
        Replays whose outcome is now known.
    """
    waiting = (
        select(replays).where(replays.c.status == "requested")
        .order_by(replays.c.created_at).limit(MOST_SETTLED)
    )  # fmt: skip
    with engine.connect() as connection:
        asked = connection.execute(waiting).mappings().all()
    if not asked:
        return 0
    # First how far the worker is, then what it wrote: the other way round could miss a commit.
    reached = {p: events.committed(CONSUMER, p) for p in range(events.partitions)}
    admitted = in_lake(tables, [(x["load_id"].removeprefix(PREFIX), x["event_id"]) for x in asked])
    outcome: dict[str, list[str]] = {"admitted": [], "refused": []}
    for row in asked:
        partition, offset = place_of(row["replay_id"])
        if (row["load_id"].removeprefix(PREFIX), row["event_id"]) in admitted:
            outcome["admitted"].append(row["replay_id"])
        elif offset < reached[partition]:
            outcome["refused"].append(row["replay_id"])
    with engine.begin() as connection:
        for status, ids in outcome.items():
            for start in range(0, len(ids), 500):
                some = replays.c.replay_id.in_(ids[start : start + 500])
                connection.execute(update(replays).where(some).values(status=status))
    return sum(map(len, outcome.values()))


def in_lake(tables: TableStore, ids: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which events are in the lake.

    Parameters
    ----------
    tables
        The lake.
    ids
        Source and message id of each.

    Returns
    -------
    set of tuple
    """
    if not ids or not tables.exists(EVENTS):
        return set()
    distinct = sorted(set(ids))
    given = pa.table({"source": [x[0] for x in distinct], "event_id": [x[1] for x in distinct]})
    asked = ibis.table({"source": "string", "event_id": "string"}, name="asked_ids")
    table = tables.table(EVENTS)
    found = table.semi_join(asked, ["source", "event_id"]).select("source", "event_id")
    result = tables.run(found.distinct(), {"asked_ids": given})
    return {(x["source"], x["event_id"]) for x in result.to_pylist()}


def replay_id(partition: int, offset: int) -> str:
    """Name of a replay: where it lies in the log.

    Examples
    --------
    >>> place_of(replay_id(3, 41))
    (3, 41)
    """
    return f"replay-{partition}-{offset}"


def place_of(name: str) -> tuple[int, int]:
    """Partition and offset of a replay."""
    _, partition, offset = name.split("-")
    return int(partition), int(offset)


def keep_edit(
    engine: Engine,
    load_id: str,
    number: int,
    event_id: str,
    content: str,
    *,
    by: str,
    now: dt.datetime,
) -> None:
    """Keep an edited event until it is sent; a later edit takes its place.

    Parameters
    ----------
    engine
        The state.
    load_id, number, event_id
        The event in quarantine.
    content
        JSON.
    by
        Who edited it.
    now
        The moment.
    """
    mine = (replays.c.load_id == load_id) & (replays.c.row_number == number)
    with engine.begin() as connection:
        connection.execute(replays.delete().where(mine & (replays.c.status == "edited")))
        connection.execute(
            insert(replays).values(
                replay_id=f"edit-{number}", load_id=load_id, table_name=EVENTS.name,
                row_number=number, event_id=event_id, payload=content, status="edited",
                requested_by=by, created_at=now,
            )
        )  # fmt: skip
