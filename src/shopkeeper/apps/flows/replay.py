"""Quarantined live events edited, judged before they are sent, and sent again without doubles.

A replay keeps the message id and goes into the partition the event came from, whatever was
edited, so that the worker's memory of admitted ids sees every copy: any number of replays puts
one row into the lake.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from sqlalchemy import Engine, delete, insert

from shopkeeper.apps.flows.edited import readable, usable
from shopkeeper.apps.flows.quarantined import Quarantined
from shopkeeper.apps.flows.replayed import in_lake, keep_edit, replay_id, replays, settle
from shopkeeper.apps.flows.tracking import Plans
from shopkeeper.apps.flows.tracking_effect import envelope_of, source_settings
from shopkeeper.collect.live.arrive import ArriveSettings, arrive
from shopkeeper.collect.live.envelope import VERSION, Arrived, Envelope, Refused, Violation, pack
from shopkeeper.collect.live.plan.checking import MAX_VIOLATIONS
from shopkeeper.core.clock import from_us, to_us
from shopkeeper.core.errors import InputError
from shopkeeper.core.ids import content_id
from shopkeeper.core.ports import Clock, EventLog, LogEntry, TableStore
from shopkeeper.core.settings import Settings
from shopkeeper.core.tables import EVENTS

MOST_REPLAYED = 10_000
"""Events replayed by one request."""
_GROUP = 500
_TIMES = ("timestamp", "originalTimestamp", "sentAt")
Outcome = Literal["requested", "admitted", "would_be_refused"]
"""``requested``: in the log; ``admitted``: in the lake already, nothing was sent;
``would_be_refused``: the plan in force refuses it, nothing was sent."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What editing and replaying work with.

    Parameters
    ----------
    tables
        The lake.
    engine
        The state.
    log
        The event log.
    settings
        Of the shop.
    clock
        The time.
    """

    tables: TableStore
    engine: Engine
    log: EventLog
    settings: Settings
    clock: Clock


@dataclass(frozen=True, slots=True)
class Ready:
    """An event as it would be sent again.

    Parameters
    ----------
    row
        The event in quarantine.
    content
        JSON as a person edited it.
    envelope
        What would go into the log.
    event
        As it would arrive.
    violations
        Why it would be refused; empty if it would be admitted.
    """

    row: Quarantined
    content: str
    envelope: Envelope
    event: Arrived
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one request to replay.

    Parameters
    ----------
    number
        Row number of the event.
    event_id
        Its message id.
    outcome
        What was done.
    replay_id
        Name of the replay; None if nothing was sent.
    violations
        Why it would be refused.
    """

    number: int
    event_id: str
    outcome: Outcome
    replay_id: str | None
    violations: tuple[Violation, ...]


def ready(desk: Desk, row: Quarantined, content: str, plans: Plans | None = None) -> Ready:
    """An event as it would be sent again, and how the plan in force judges it.

    Parameters
    ----------
    desk
        What it works with.
    row
        The event in quarantine.
    content
        JSON from :func:`~shopkeeper.apps.flows.edited.edited`, or the raw event.
    plans
        Tracking plans; None reads them from the state.

    Returns
    -------
    Ready
    """
    of = source_settings(desk.engine, desk.settings)
    check = (plans or Plans(desk.engine)).in_force()
    return _ready(desk, row, content, of(row.source), check)


def edit(desk: Desk, row: Quarantined, content: str, *, by: str) -> Ready:
    """Keep an edited event, to be sent later.

    Parameters
    ----------
    desk
        What it works with.
    row
        The event in quarantine.
    content
        JSON from :func:`~shopkeeper.apps.flows.edited.edited`.
    by
        Who edited it.

    Returns
    -------
    Ready
        With the verdict of the plan in force.

    Raises
    ------
    InputError
        If the event is in the lake already.
    """
    if (row.source, row.event_id) in in_lake(desk.tables, [(row.source, row.event_id)]):
        raise InputError(
            f"event {row.event_id!r} is in the lake already; it is no longer edited here",
            next_step="shopkeeper quarantine list",
            number=row.number,
        )
    result = ready(desk, row, content)
    keep_edit(
        desk.engine, row.load_id, row.number, row.event_id, content, by=by, now=desk.clock.now()
    )
    return result


def replay(
    desk: Desk, rows: Sequence[Quarantined], *, by: str, force: bool = False
) -> list[Replayed]:
    """Send events again; any number of times puts each into the lake once.

    Parameters
    ----------
    desk
        What it works with.
    rows
        Events in quarantine.
    by
        Who asks.
    force
        Also send what the plan in force refuses.

    Returns
    -------
    list of Replayed
        One for each, in order. What was sent is on disk in the log.

    Raises
    ------
    InputError
        If there are too many at once.
    BusyError, StorageFullError, StoreError
        If the log refused; nothing of that group was sent.
    """
    if len(rows) > MOST_REPLAYED:
        raise InputError(
            f"at most {MOST_REPLAYED} events are replayed at once, not {len(rows)}",
            next_step="Replay them in parts",
        )
    settle(desk.tables, desk.engine, desk.log)
    of = source_settings(desk.engine, desk.settings)
    check = Plans(desk.engine).in_force()
    there = in_lake(desk.tables, [(x.source, x.event_id) for x in rows])
    results: dict[int, Replayed] = {}
    waiting: list[Ready] = []
    for row in rows:
        if (row.source, row.event_id) in there:
            results[row.number] = Replayed(row.number, row.event_id, "admitted", None, ())
            continue
        prepared = _ready(desk, row, row.content, of(row.source), check)
        if prepared.violations and not force:
            results[row.number] = Replayed(
                row.number, row.event_id, "would_be_refused", None, prepared.violations
            )
        else:
            waiting.append(prepared)
    for start in range(0, len(waiting), _GROUP):
        for sent in _send(desk, waiting[start : start + _GROUP], by):
            results[sent.number] = sent
    return [results[row.number] for row in rows]


def _send(desk: Desk, group: Sequence[Ready], by: str) -> list[Replayed]:
    now = desk.clock.now()
    keys = {x: _key_into(desk.log, x) for x in {ready.row.place[0] for ready in group}}
    entries = [LogEntry(keys[x.row.place[0]], pack(x.envelope)) for x in group]
    places = desk.log.submit(entries, received_us=to_us(now)).result()
    sent = [
        Replayed(x.row.number, x.row.event_id, "requested", replay_id(*place), x.violations)
        for x, place in zip(group, places, strict=True)
    ]
    with desk.engine.begin() as connection:
        for x in group:  # the edit has gone out with the replay
            connection.execute(delete(replays).where(replays.c.replay_id == f"edit-{x.row.number}"))
        connection.execute(
            insert(replays),
            [
                {
                    "replay_id": done.replay_id, "load_id": x.row.load_id, "table_name": EVENTS.name,
                    "row_number": x.row.number, "event_id": x.row.event_id, "payload": x.content,
                    "status": "requested", "requested_by": by, "created_at": now,
                }
                for x, done in zip(group, sent, strict=True)
            ],
        )  # fmt: skip
    return sent


def _ready(
    desk: Desk,
    row: Quarantined,
    content: str,
    settings: ArriveSettings,
    check: Callable[[Arrived], Sequence[Violation]] | None,
) -> Ready:
    original = _original(desk, row)
    body = readable(content)
    raw = content.encode("utf-8", "replace")
    if isinstance(body, dict):
        if body.get("messageId") in (None, ""):
            body["messageId"] = row.event_id if usable(row.event_id) else content_id(
                row.source, row.event_id, prefix="replay"
            )  # fmt: skip
        raw = _stamped(body, original, settings, row.place[2])
    envelope = msgspec.structs.replace(
        original, received_us=to_us(desk.clock.now()), sent_at="", replay=True,
        events=[msgspec.Raw(raw if isinstance(body, dict) else _quoted(raw))],
    )  # fmt: skip
    found = arrive(envelope.events[0], envelope, settings=settings)
    if isinstance(found, Refused):
        event, violations = found.event, tuple(found.violations)
    else:
        event, violations = found, tuple(check(found)) if check is not None else ()
    return Ready(row, content, envelope, event, violations[:MAX_VIOLATIONS])


def _stamped(
    body: dict[str, Any], original: Envelope, settings: ArriveSettings, position: int
) -> bytes:
    """The event with the moment it happened at, so that sending it later does not move it."""
    raw = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    found = arrive(raw, original, settings=settings, position=position)
    if isinstance(found, Refused):
        if any(x.field in _TIMES for x in found.violations):
            return raw  # its time is what is wrong with it
        found = found.event
    kept = {name: value for name, value in body.items() if name not in _TIMES}
    moment = from_us(found.occurred_us).astimezone(dt.UTC)
    kept["timestamp"] = moment.isoformat().replace("+00:00", "Z")
    return json.dumps(kept, ensure_ascii=False).encode("utf-8", "replace")


def _original(desk: Desk, row: Quarantined) -> Envelope:
    """Facts of the first arrival: from the log while it keeps them, else from the row."""
    partition, offset, _ = row.place
    envelope = None
    if partition < desk.log.partitions:
        records = desk.log.read(partition, offset, limit=1)
        if records and records[0].offset == offset:
            envelope = envelope_of(records[0])
    if envelope is None or envelope.source != row.source:
        received = to_us(row.quarantined_at)
        return Envelope(
            v=VERSION, kind="events", source=row.source, received_us=received, events=[]
        )
    return msgspec.structs.replace(envelope, events=[])


def _quoted(raw: bytes) -> bytes:
    """Text that is no JSON as a JSON string, so that the envelope stays JSON."""
    try:
        msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return json.dumps(raw.decode("utf-8", "replace")).encode()
    return raw


def _key_into(log: EventLog, partition: int) -> str:
    """A key that leads into a partition."""
    for n in range(100 * log.partitions + 1000):
        if log.partition_of(f"replay-{n}") == partition:
            return f"replay-{n}"
    raise InputError(
        f"no key leads into partition {partition} of the log",
        next_step="Open the log with the partitions it was made with (live.partitions)",
        partition=partition,
    )
