"""Tracking plans of a shop: which is in force, what a new one changes and refuses, and applying it."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, Row, func, insert, select
from sqlalchemy.exc import IntegrityError

from shopkeeper.collect.live.arrive import ArriveSettings, arrive
from shopkeeper.collect.live.envelope import Arrived, Envelope, Refused, Violation, unpack
from shopkeeper.collect.live.plan import TrackingPlan
from shopkeeper.collect.live.plan.changes import PlanChange
from shopkeeper.collect.live.plan.rules import Definition
from shopkeeper.core import state
from shopkeeper.core.errors import ConflictError, InputError, NotFoundError
from shopkeeper.core.ports import EventLog, LogRecord
from shopkeeper.core.settings import Settings

RECENT = 10_000
"""Events looked at to say what a plan would refuse."""
MOST_RECENT = 200_000
"""Most events ever looked at for that."""
_CHUNK = 200

table = state.tracking_plans


@dataclass(frozen=True, slots=True)
class Applied:
    """One version of the shop's plan.

    Parameters
    ----------
    version
        From 1; the highest is in force.
    plan
        What it says.
    note, applied_by, applied_at
        Why, who, when.
    """

    version: int
    plan: TrackingPlan
    note: str
    applied_by: str
    applied_at: dt.datetime


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


# --- the versions ---------------------------------------------------------------------------------


def current(engine: Engine) -> Applied | None:
    """The plan in force.

    Parameters
    ----------
    engine
        The state.

    Returns
    -------
    Applied or None
        None if none was ever applied: then every event is admitted.
    """
    with engine.connect() as connection:
        row = connection.execute(select(table).order_by(table.c.version.desc()).limit(1)).first()
    return None if row is None else _applied(row)


def version_of(engine: Engine, version: int) -> Applied:
    """One version.

    Parameters
    ----------
    engine
        The state.
    version
        From 1.

    Returns
    -------
    Applied

    Raises
    ------
    NotFoundError
        If there is no such version.
    """
    with engine.connect() as connection:
        row = connection.execute(select(table).where(table.c.version == version)).first()
    if row is None:
        raise NotFoundError(
            f"there is no version {version} of the tracking plan",
            next_step="shopkeeper tracking history",
            version=version,
        )
    return _applied(row)


def history(engine: Engine, *, limit: int = 50) -> list[Applied]:
    """Versions, newest first.

    Parameters
    ----------
    engine
        The state.
    limit
        At most so many.

    Returns
    -------
    list of Applied
    """
    newest = select(table).order_by(table.c.version.desc()).limit(limit)
    with engine.connect() as connection:
        return [_applied(row) for row in connection.execute(newest)]


def apply(
    engine: Engine,
    plan: TrackingPlan,
    *,
    by: str,
    now: dt.datetime,
    note: str = "",
    based_on: int | None = None,
) -> tuple[Applied, bool]:
    """Put a plan in force; a plan that says the same as the one in force makes no version.

    Parameters
    ----------
    engine
        The state.
    plan
        The new one.
    by
        Who applies it.
    now
        The moment.
    note
        Why.
    based_on
        Version it was made from, 0 for none; None does not ask.

    Returns
    -------
    tuple
        The version in force, and whether it is new.

    Raises
    ------
    ConflictError
        If another version is in force than it was based on, or somebody applies one at the same
        moment.
    """
    held = current(engine)
    version = held.version if held else 0
    if held is not None and held.plan.digest == plan.digest:
        return held, False
    if based_on is not None and based_on != version:
        raise _overtaken(based_on, version)
    try:
        with engine.begin() as connection:
            connection.execute(
                insert(table).values(
                    version=version + 1, definition=plan.to_dict(), digest=plan.digest, note=note,
                    applied_by=by, applied_at=now,
                )
            )  # fmt: skip
    except IntegrityError as error:
        raise _overtaken(version, version + 1) from error
    return version_of(engine, version + 1), True


def _overtaken(based_on: int, version: int) -> ConflictError:
    return ConflictError(
        f"the tracking plan in force is version {version}, this one was made from {based_on}",
        next_step="Pull the plan in force, bring your changes into it, and apply again",
        based_on=based_on,
        version=version,
    )


def _applied(row: Row[tuple[object, ...]]) -> Applied:
    found = row._mapping  # noqa: SLF001  SQLAlchemy's public name for it
    return Applied(
        found["version"], TrackingPlan.from_dict(found["definition"]), found["note"],
        found["applied_by"], found["applied_at"],
    )  # fmt: skip


class Plans:
    """Tracking plans by version for the stream worker and the door; safe among threads.

    Parameters
    ----------
    engine
        The state.
    fresh_s
        How long the latest version is taken for granted.
    """

    def __init__(self, engine: Engine, *, fresh_s: float = 1.0) -> None:
        self._engine, self._fresh_s = engine, fresh_s
        self._lock = threading.Lock()
        self._latest, self._asked_at = 0, -fresh_s
        self._kept: dict[int, TrackingPlan] = {}
        self.warnings: Counter[tuple[str, str]] = Counter()
        """Violations that only count, by reason and field, since the start."""

    def latest(self) -> int:
        """Version in force; 0 if there is none."""
        with self._lock:
            if time.monotonic() - self._asked_at >= self._fresh_s:
                with self._engine.connect() as connection:
                    self._latest = (
                        connection.execute(select(func.max(table.c.version))).scalar() or 0
                    )
                self._asked_at = time.monotonic()
            return self._latest

    def check(self, version: int) -> Callable[[Arrived], Sequence[Violation]] | None:
        """What a version checks.

        Parameters
        ----------
        version
            From :meth:`latest`; 0 checks nothing.

        Returns
        -------
        Callable or None
            Gives the violations of an event; warnings are counted in :attr:`warnings`.

        Raises
        ------
        NotFoundError
            If there is no such version.
        """
        if version == 0:
            return None
        with self._lock:
            if version not in self._kept:
                self._kept[version] = version_of(self._engine, version).plan
            plan = self._kept[version]
        return lambda event: plan.check(event, self._warned)

    def in_force(self) -> Callable[[Arrived], Sequence[Violation]] | None:
        """What the version in force checks; None without a plan."""
        return self.check(self.latest())

    def _warned(self, one: Violation) -> None:
        with self._lock:
            if len(self.warnings) < 10_000 or (one.reason, one.field) in self.warnings:
                self.warnings[one.reason, one.field] += 1


# --- what a plan would do -------------------------------------------------------------------------


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
