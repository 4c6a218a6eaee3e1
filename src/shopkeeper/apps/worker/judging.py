"""What becomes of each event of the log: admitted, refused, or seen before.

The verdict depends on the log, the tracking plan in force and the set of ids admitted so far,
and on nothing else: reading the log again gives it again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from shopkeeper.collect.live.arrive import ArriveSettings, arrive
from shopkeeper.collect.live.envelope import (
    VERSION,
    Arrived,
    Envelope,
    Refused,
    Violation,
    unpack,
)
from shopkeeper.collect.live.rows import failed
from shopkeeper.collect.live.seen import Seen, message_key
from shopkeeper.core.ports import LogRecord

log = logging.getLogger(__name__)


class _Ledger(msgspec.Struct):
    decision_id: str


_ledger = msgspec.json.Decoder(_Ledger).decode
Check = Callable[[Arrived], Sequence[Violation]]
Mark = Callable[[Arrived], str | None]
SourceSettings = Callable[[str], ArriveSettings]

NO_CHECKS: Mapping[int, Check | None] = {}
NO_SOURCE = "log"
"""Source of records that are no envelope."""


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One row of the decision ledger as it lies in the log."""

    partition: int
    offset: int
    position: int
    source: str
    received_us: int
    raw: bytes


@dataclass(slots=True)
class Judged:
    """Verdicts over some records.

    Parameters
    ----------
    events
        Admitted, in the order of the log within each partition.
    refused
        Not admitted.
    decisions
        Rows of the decision ledger.
    positions
        First offset that is not covered, by partition.
    received_us
        When the last record of each partition arrived.
    repeated
        Events seen before.
    read
        Events read.
    """

    events: list[Arrived] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    decisions: list[DecisionRow] = field(default_factory=list)
    positions: dict[int, int] = field(default_factory=dict)
    received_us: dict[int, int] = field(default_factory=dict)
    repeated: int = 0
    read: int = 0


class Judge:
    """Judges records of the log.

    Parameters
    ----------
    sources
        How events of a source are read.
    mark
        Marker of invalid traffic; None marks nothing.
    """

    def __init__(self, sources: SourceSettings, *, mark: Mark | None = None) -> None:
        self._sources = sources
        self._marker = mark

    def judge(
        self,
        records: Sequence[LogRecord],
        seen: Mapping[int, Seen],
        checks: Mapping[int, Check | None] = NO_CHECKS,
    ) -> Judged:
        """Verdicts over records; the sets of admitted ids grow.

        Parameters
        ----------
        records
            Each partition in order.
        seen
            Ids admitted so far, by partition.
        checks
            Tracking plan by partition; without one, everything that can be read is admitted.

        Returns
        -------
        Judged
        """
        found = Judged()
        verdicts: dict[int, list[Arrived | Refused | DecisionRow]] = {}
        for record in records:
            found.positions[record.partition] = record.offset + 1
            found.received_us[record.partition] = record.received_us
            verdicts.setdefault(record.partition, []).extend(
                self._read(record, checks.get(record.partition))
            )
        for partition, all_of_it in verdicts.items():
            found.read += len(all_of_it)
            self._admit(all_of_it, seen[partition], found)
        self._mark(found.events)
        return found

    def _read(
        self, record: LogRecord, check: Check | None
    ) -> Sequence[Arrived | Refused | DecisionRow]:
        if not record.payload:
            return ()  # emptied by erasure
        place = (record.partition, record.offset)
        try:
            envelope = unpack(record.payload)
        except Exception as error:  # noqa: BLE001  whatever lies there must not stop the rest
            return (failed(_nameless(record), "unpack", error),)
        if envelope.kind == "decision":
            return [
                DecisionRow(*place, n, envelope.source, envelope.received_us, bytes(x))
                for n, x in enumerate(envelope.events)
            ]
        settings = self._sources(envelope.source)
        return [
            self._verdict(raw, envelope, settings, check, (*place, position))
            for position, raw in enumerate(envelope.events)
        ]

    def _verdict(
        self,
        raw: msgspec.Raw,
        envelope: Envelope,
        settings: ArriveSettings,
        check: Check | None,
        place: tuple[int, int, int],
    ) -> Arrived | Refused:
        step = "arrive"
        event = None
        partition, offset, position = place
        try:
            event = arrive(
                raw, envelope, settings=settings,
                partition=partition, offset=offset, position=position,
            )  # fmt: skip
            if check is None or isinstance(event, Refused):
                return event
            step = "check"
            violations = check(event)
        except Exception as error:
            log.warning("event %d of %d/%d failed", position, partition, offset, exc_info=True)
            if isinstance(event, Arrived):
                return failed(event, step, error)
            return failed(_unread(bytes(raw), envelope, place), step, error)
        return Refused(event, violations) if violations else event

    def _admit(
        self, verdicts: Sequence[Arrived | Refused | DecisionRow], seen: Seen, found: Judged
    ) -> None:
        keys = [_key(x) for x in verdicts]
        received = np.array(
            [(x.event if isinstance(x, Refused) else x).received_us for x in verdicts],
            dtype=np.int64,
        )
        new = seen.admit(keys, received).tolist()
        for verdict, is_new in zip(verdicts, new, strict=True):
            if not is_new:
                found.repeated += 1
            elif isinstance(verdict, Arrived):
                found.events.append(verdict)
            elif isinstance(verdict, Refused):
                found.refused.append(verdict)
            else:
                found.decisions.append(verdict)

    def _mark(self, events: Sequence[Arrived]) -> None:
        if self._marker is None:
            return
        for event in events:
            try:
                event.invalid = self._marker(event)
            except Exception:
                log.warning("event %s was not judged by the marker", event.event_id, exc_info=True)


def _key(verdict: Arrived | Refused | DecisionRow) -> bytes:
    """Under what a verdict is remembered.

    A refused event is remembered apart from admitted ones, so that it may be sent again when it
    is mended; a repetition of the same refused content changes nothing.
    """
    if isinstance(verdict, Arrived):
        return message_key(verdict.source, verdict.event_id)
    if isinstance(verdict, Refused):
        event = verdict.event
        content = hashlib.blake2b(event.raw, digest_size=16).hexdigest() if event.replay else ""
        return message_key(event.source, event.event_id, purpose=f"refused{content}")
    try:
        name = _ledger(verdict.raw).decision_id
    except msgspec.MsgspecError:
        name = hashlib.blake2b(verdict.raw, digest_size=16).hexdigest()
    return message_key(verdict.source, name, purpose="decision")


def _nameless(record: LogRecord) -> Arrived:
    return _unread(
        record.payload,
        Envelope(VERSION, "events", NO_SOURCE, record.received_us, []),
        (record.partition, record.offset, 0),
    )


def _unread(raw: bytes, envelope: Envelope, place: tuple[int, int, int]) -> Arrived:
    partition, offset, position = place
    return Arrived(
        event_id=f"log-{partition}-{offset}-{position}",
        type="",
        kind="",
        name="",
        occurred_us=envelope.received_us,
        received_us=envelope.received_us,
        source=envelope.source,
        ip=envelope.ip,
        agent=envelope.agent,
        replay=envelope.replay,
        partition=partition,
        offset=offset,
        position=position,
        raw=raw,
    )
