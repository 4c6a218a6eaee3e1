"""From checked request to durable log: drop what was seen, pack by partition, wait for the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import msgspec

from shopkeeper.apps.door.context import DoorContext
from shopkeeper.apps.door.seen import identity
from shopkeeper.apps.door.sources import Source
from shopkeeper.collect.live.envelope import VERSION, Envelope, pack, unpack
from shopkeeper.core.errors import InputError, StoreError
from shopkeeper.core.ports import LogEntry

TAIL_RECORDS = 1000
"""Records of each partition whose ids are known again after a start."""

EMPTY = msgspec.Raw(b"{}")


class Head(msgspec.Struct, gc=False):
    """The few fields of an event that the door itself needs."""

    messageId: str | None = None  # noqa: N815 - spelled as on the wire
    userId: str | int | float | None = None  # noqa: N815
    anonymousId: str | int | float | None = None  # noqa: N815
    type: str | None = None
    event: str | None = None


class Sent(msgspec.Struct, frozen=True, gc=False):
    """The events of one request, with the facts of its arrival.

    Parameters
    ----------
    source
        Source they came from.
    events
        One JSON object each.
    received_us
        When they arrived, microseconds UTC.
    ip, agent
        Of the client.
    sent_at
        ``sentAt`` of the request.
    context
        ``context`` of the batch.
    """

    source: Source
    events: Sequence[msgspec.Raw]
    received_us: int
    ip: str = ""
    agent: str = ""
    sent_at: str = ""
    context: msgspec.Raw = EMPTY


_head = msgspec.json.Decoder(Head).decode
_loose = msgspec.json.Decoder().decode


def heads_of(events: Sequence[msgspec.Raw]) -> list[Head]:
    """The heads of events; what cannot be read is left empty.

    Parameters
    ----------
    events
        JSON as sent.

    Returns
    -------
    list of Head
        One for each, in order.
    """
    try:
        return [_head(x) for x in events]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return [_readable_head(x) for x in events]


def _readable_head(raw: msgspec.Raw) -> Head:
    try:
        return _head(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        content = _loose(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Head()
    if not isinstance(content, dict):
        return Head()
    names = Head.__struct_fields__
    return Head(**{x: content[x] for x in names if isinstance(content.get(x), str)})


async def store(door: DoorContext, sent: Sent, heads: Sequence[Head]) -> tuple[int, int]:
    """Put events into the log and wait until they are on disk.

    Parameters
    ----------
    door
        What the door works with.
    sent
        The events.
    heads
        Their heads, in order.

    Returns
    -------
    tuple of int
        Events stored, and events dropped because their message id was let in before; those are
        on disk too.

    Raises
    ------
    BusyError, StorageFullError, StoreError
        If they could not be made durable; none of them counts as seen then.
    """
    source = sent.source.source_id
    hashes = [hash((source, x.messageId)) for x in heads if x.messageId]
    if len(hashes) == len(heads):
        fresh = door.seen.admit(hashes)
        events: Sequence[msgspec.Raw] = sent.events
        if fresh is not None:
            events = [events[x] for x in fresh]
            heads = [heads[x] for x in fresh]
            hashes = [hashes[x] for x in fresh]
    else:
        events, heads, hashes = _admit_some(door, sent, heads)
    repeated = len(sent.events) - len(events)
    failures = door.seen.failures
    started = asyncio.get_running_loop().time()
    await _durable(door, _entries(door, sent, events, heads), sent.received_us, hashes)
    if repeated and door.seen.failures != failures:
        # An earlier request with the same ids may have failed meanwhile: only a repetition tells.
        raise StoreError(
            "an earlier copy of these events could not be kept",
            next_step="Send the same request again",
        )
    door.arrivals.committed(asyncio.get_running_loop().time() - started)
    return len(events), repeated


def _admit_some(
    door: DoorContext, sent: Sent, heads: Sequence[Head]
) -> tuple[list[msgspec.Raw], list[Head], list[int]]:
    """As the fast way, for requests in which some events carry no message id."""
    events: list[msgspec.Raw] = []
    kept: list[Head] = []
    hashes: list[int] = []
    for raw, head in zip(sent.events, heads, strict=True):
        if head.messageId:
            value = identity(sent.source.source_id, head.messageId)
            if door.seen.admit([value]) == []:
                continue
            hashes.append(value)
        events.append(raw)
        kept.append(head)
    return events, kept, hashes


def _entries(
    door: DoorContext, sent: Sent, events: Sequence[msgspec.Raw], heads: Sequence[Head]
) -> list[LogEntry]:
    """One entry a partition."""
    log = door.runtime.log
    partition_of = log.partition_of
    groups: dict[int, list[msgspec.Raw]] = {}
    keys: dict[int, str] = {}
    for raw, head in zip(events, heads, strict=True):
        key = head.userId or head.anonymousId or ""
        if key.__class__ is not str:
            key = str(key)
        partition = partition_of(key)
        group = groups.get(partition)
        if group is None:
            groups[partition] = [raw]
            keys[partition] = key
        else:
            group.append(raw)
    return [
        LogEntry(
            keys[partition],
            pack(
                Envelope(
                    v=VERSION,
                    kind="events",
                    source=sent.source.source_id,
                    received_us=sent.received_us,
                    events=group,
                    ip=sent.ip,
                    agent=sent.agent,
                    sent_at=sent.sent_at,
                    context=sent.context,
                )
            ),
        )
        for partition, group in groups.items()
    ]


async def _durable(
    door: DoorContext, entries: Sequence[LogEntry], received_us: int, hashes: Sequence[int]
) -> None:
    """Wait for the group; the ids of one that fails are forgotten before anybody is answered."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[None] = loop.create_future()

    def settle(error: BaseException | None) -> None:
        if error is not None:
            door.seen.forget(hashes)
        if waiting.done():
            return
        if error is None:
            waiting.set_result(None)
        else:
            waiting.set_exception(error)

    def confirmed(future: Future[Any]) -> None:
        # In the log's thread; the loop is gone if the service stopped meanwhile.
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, future.exception())

    try:
        future = door.runtime.log.submit(entries, received_us=received_us)
    except BaseException:
        door.seen.forget(hashes)
        raise
    future.add_done_callback(confirmed)
    await waiting


def remember_tail(door: DoorContext, records: int = TAIL_RECORDS) -> int:
    """Know again the message ids at the end of the log, after a start.

    Parameters
    ----------
    door
        What the door works with.
    records
        Records of each partition that are read.

    Returns
    -------
    int
        Ids known.
    """
    log = door.runtime.log
    for partition in range(log.partitions):
        first = max(0, log.head(partition) - records)
        for record in log.read(partition, first, limit=records):
            try:
                envelope = unpack(record.payload)
            except InputError:
                continue  # emptied by an erasure
            if envelope.kind == "events":
                door.seen.admit(
                    [
                        identity(envelope.source, x.messageId)
                        for x in heads_of(envelope.events)
                        if x.messageId
                    ]
                )
    return len(door.seen)
