"""What a new tracking plan changes, and what it would refuse of the latest events of the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, select

from shopkeeper.apps.flows.tracking import current
from shopkeeper.collect.live.arrive import ArriveSettings, arrive
from shopkeeper.collect.live.envelope import Arrived, Envelope, Refused, Violation, unpack
from shopkeeper.collect.live.plan import TrackingPlan
from shopkeeper.collect.live.plan.changes import PlanChange
from shopkeeper.collect.live.plan.rules import Definition
from shopkeeper.core import state
from shopkeeper.core.errors import InputError
from shopkeeper.core.ports import EventLog, LogRecord
from shopkeeper.core.settings import Settings

RECENT = 10_000
"""Events looked at to say what a plan would refuse."""
MOST_RECENT = 200_000
"""Most events ever looked at for that."""
_CHUNK = 200


@dataclass(frozen=True, slots=True)
class Tally:
    """Events that a plan would refuse for one reason and field.

    Parameters
    ----------
    kind, field, reason
        Of event, property, violation.
    events
        How many.
    zh, en
        Sentence of the first.
    """

    kind: str
    field: str
    reason: str
    events: int
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What a plan would do to the latest events.

    Parameters
    ----------
    events
        Looked at.
    refused_now, refused_then
        Refused by the plan in force, and by the new one.
    newly_refused, newly_admitted
        Whose verdict changes.
    warned_then
        Events that would only be warned of.
    tallies
        Why the new one refuses, most first.
    """

    events: int
    refused_now: int
    refused_then: int
    newly_refused: int
    newly_admitted: int
    warned_then: int
    tallies: tuple[Tally, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan that was not applied yet.

    Parameters
    ----------
    plan
        The new one.
    based_on
        Version in force it was compared with; 0 for none.
    change
        What it changes.
    effect
        What it would do to the latest events.
    """

    plan: TrackingPlan
    based_on: int
    change: PlanChange
    effect: Effect


def preview(
    engine: Engine,
    events: EventLog,
    settings: Settings,
    plan: TrackingPlan,
    *,
    recent: int = RECENT,
) -> Preview:
    """What a new plan changes, and what it would refuse of the latest events.

    Parameters
    ----------
    engine
        The state.
    events
        The log.
    settings
        Of the shop.
    plan
        The new one.
    recent
        Events looked at.

    Returns
    -------
    Preview
    """
    held = current(engine)
    old = held.plan if held else TrackingPlan(Definition())
    latest = recent_events(events, source_settings(engine, settings), limit=recent)
    return Preview(plan, held.version if held else 0, old.diff(plan), effect(latest, old, plan))


def effect(
    events: Iterator[Arrived] | Sequence[Arrived], old: TrackingPlan, new: TrackingPlan
) -> Effect:
    """Judge events by two plans.

    Parameters
    ----------
    events
        Any.
    old, new
        The plan in force and the new one.

    Returns
    -------
    Effect
    """
    counts: Counter[str] = Counter()
    tallies: Counter[tuple[str, str, str]] = Counter()
    words: dict[tuple[str, str, str], Violation] = {}
    for event in events:
        warned: list[Violation] = []
        before, after = bool(old.check(event)), new.check(event, warned.append)
        counts["events"] += 1
        counts["now"] += before
        counts["then"] += bool(after)
        counts["refused"] += bool(after) and not before
        counts["admitted"] += before and not after
        counts["warned"] += bool(warned) and not after
        for one in {(x.field, x.reason): x for x in after}.values():
            key = (event.kind, one.field, one.reason)
            tallies[key] += 1
            words.setdefault(key, one)
    return Effect(
        counts["events"], counts["now"], counts["then"], counts["refused"], counts["admitted"],
        counts["warned"],
        tuple(Tally(*key, count, words[key].zh, words[key].en)
              for key, count in tallies.most_common(50)),
    )  # fmt: skip


def source_settings(engine: Engine, settings: Settings) -> Callable[[str], ArriveSettings]:
    """How events of each source are read.

    Parameters
    ----------
    engine
        The state; sources are read once.
    settings
        Of the shop.

    Returns
    -------
    Callable
        Settings by source; an unknown source is read as ``user``.
    """
    with engine.connect() as connection:
        columns = (state.sources.c.source_id, state.sources.c.user_kind)
        kinds = {row.source_id: row.user_kind for row in connection.execute(select(*columns))}

    def of(source: str) -> ArriveSettings:
        return ArriveSettings(
            user_kind=kinds.get(source, "user"),
            currency=settings.shop.currency,
            event_bytes=settings.live.event_kb * 1024,
        )

    return of


def recent_events(
    events: EventLog, of: Callable[[str], ArriveSettings], *, limit: int = RECENT
) -> list[Arrived]:
    """The latest events of the log that can be read, about equally many of each partition.

    Parameters
    ----------
    events
        The log.
    of
        From :func:`source_settings`.
    limit
        At most so many, no more than :data:`MOST_RECENT`.

    Returns
    -------
    list of Arrived
        In the order of the log within a partition.

    Raises
    ------
    InputError
        If the limit is out of range.
    """
    if not 1 <= limit <= MOST_RECENT:
        raise InputError(
            f"between 1 and {MOST_RECENT} events can be looked at, not {limit}",
            next_step="Choose another number",
            limit=limit,
        )
    share = max(1, -(-limit // events.partitions))
    found: list[Arrived] = []
    for partition in range(events.partitions):
        found += _tail(events, partition, of, share)
    return found[:limit]


def _tail(
    events: EventLog, partition: int, of: Callable[[str], ArriveSettings], share: int
) -> list[Arrived]:
    chunks: list[list[Arrived]] = []
    end = events.head(partition)
    while end > 0 and sum(map(len, chunks)) < share:
        start = max(0, end - _CHUNK)
        records = [x for x in events.read(partition, start, limit=_CHUNK) if x.offset < end]
        if not records:
            break  # expired
        chunks.append([event for record in records for event in _events_of(record, of)])
        end = start
    return [event for chunk in reversed(chunks) for event in chunk][-share:]


def _events_of(record: LogRecord, of: Callable[[str], ArriveSettings]) -> Iterator[Arrived]:
    envelope = envelope_of(record)
    if envelope is None:
        return
    settings = of(envelope.source)
    for position, raw in enumerate(envelope.events):
        event = arrive(
            raw, envelope, settings=settings,
            partition=record.partition, offset=record.offset, position=position,
        )  # fmt: skip
        if not isinstance(event, Refused):
            yield event


def envelope_of(record: LogRecord) -> Envelope | None:
    """The events of a record.

    Parameters
    ----------
    record
        From the log.

    Returns
    -------
    Envelope or None
        None if it was emptied by erasure, or holds no events.
    """
    if not record.payload:
        return None
    try:
        envelope = unpack(record.payload)
    except InputError:
        return None
    return envelope if envelope.kind == "events" else None
