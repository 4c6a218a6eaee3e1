"""Segment's HTTP API: one event, a batch, and what would become of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from shopkeeper.apps.door.answers import SUCCESS, Refusal, say, say_json
from shopkeeper.apps.door.arrivals import SHOWN_EVENTS
from shopkeeper.apps.door.context import Asked, DoorContext, Handler
from shopkeeper.apps.door.judging import judge
from shopkeeper.apps.door.sources import Source
from shopkeeper.apps.door.storing import EMPTY, Head, Sent, heads_of, store

MAX_EVENTS = 2500
"""Most events of one batch."""
SAMPLE_BYTES = 4096

CALLS: dict[str, str] = {
    "track": "track", "t": "track", "page": "page", "p": "page", "screen": "screen", "s": "screen",
    "identify": "identify", "i": "identify", "group": "group", "g": "group", "alias": "alias",
    "a": "alias",
}  # fmt: skip
"""Type of the event by last part of the path; the single letters are the browser SDK's."""

BATCHES = ("batch", "b", "import")


ABSENT = msgspec.Raw(b"")


class Batch(msgspec.Struct):
    """Body of a batch."""

    batch: list[msgspec.Raw]
    writeKey: str | None = None  # noqa: N815 - spelled as on the wire
    sentAt: str | int | float | None = None  # noqa: N815
    context: msgspec.Raw = EMPTY


class Single(msgspec.Struct):
    """What is read of a single event before it is stored as it is."""

    writeKey: str | None = None  # noqa: N815
    type: msgspec.Raw = ABSENT


_batch = msgspec.json.Decoder(Batch).decode
_single = msgspec.json.Decoder(Single).decode


async def take_batch(scope: Scope, receive: Receive, send: Send, door: DoorContext) -> None:
    """``POST /v1/batch`` and its other names.

    Parameters
    ----------
    scope, receive, send
        Of the request.
    door
        What the door works with.
    """
    asked = Asked(scope, receive, door)
    body = await asked.body()
    batch = parse_batch(body)
    source = await asked.source(batch.writeKey)
    sent = _sent(asked, source, batch.batch, str(batch.sentAt or ""), batch.context)
    await _take(asked, send, sent)


def take_call(call: str) -> Handler:
    """Handler of one event, such as ``POST /v1/track``.

    Parameters
    ----------
    call
        Type of the event, for bodies that do not say.

    Returns
    -------
    Handler
    """

    async def take(scope: Scope, receive: Receive, send: Send, door: DoorContext) -> None:
        asked = Asked(scope, receive, door)
        body = await asked.body()
        event, key = parse_single(body, call)
        source = await asked.source(key)
        if len(event) > door.event_bytes:
            raise too_large_event(door.event_bytes)
        await _take(asked, send, _sent(asked, source, [msgspec.Raw(event)], "", EMPTY))

    return take


async def debug(scope: Scope, receive: Receive, send: Send, door: DoorContext) -> None:
    """``POST /v1/debug``: what would become of one event or a batch; nothing is stored.

    Parameters
    ----------
    scope, receive, send
        Of the request.
    door
        What the door works with.
    """
    asked = Asked(scope, receive, door)
    body = await asked.body()
    try:
        batch = _batch(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        event, key = parse_single(body, "")
        batch = Batch([msgspec.Raw(event)], key)
    source = await asked.source(batch.writeKey)
    sent = _sent(asked, source, batch.batch, str(batch.sentAt or ""), batch.context)
    verdicts = judge(door, sent)
    await say_json(
        send,
        200,
        {"success": all(x["accepted"] for x in verdicts), "stored": False, "events": verdicts},
    )


def parse_batch(body: bytes) -> Batch:
    """Read the body of a batch.

    Parameters
    ----------
    body
        JSON.

    Returns
    -------
    Batch

    Raises
    ------
    Refusal
        400 if it is no batch, 413 if it has too many events.
    """
    try:
        str(body, "utf-8")
        batch = _batch(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise malformed(error) from error
    if len(batch.batch) > MAX_EVENTS:
        raise Refusal(
            413,
            "too_large",
            f"一批最多 {MAX_EVENTS} 个事件，收到 {len(batch.batch)} 个",
            f"a batch holds at most {MAX_EVENTS} events, this one has {len(batch.batch)}",
            "Send smaller batches",
            facts={"limit": MAX_EVENTS, "events": len(batch.batch)},
        )
    return batch


def parse_single(body: bytes, call: str) -> tuple[bytes, str | None]:
    """Read the body of a single event.

    Parameters
    ----------
    body
        A JSON object.
    call
        Type added if the event names none; empty adds nothing.

    Returns
    -------
    tuple
        The event as it is stored, and the write key in it.

    Raises
    ------
    Refusal
        400 if it is no JSON object.

    Examples
    --------
    >>> parse_single(b'{"event":"A"}', "track")
    (b'{"type":"track","event":"A"}', None)
    """
    try:
        str(body, "utf-8")
        head = _single(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise malformed(error) from error
    if bytes(head.type) or not call:
        return body, head.writeKey
    inner = body.strip()[1:].lstrip()
    comma = b"" if inner.startswith(b"}") else b","
    return b'{"type":"%s"%s%s' % (call.encode(), comma, inner), head.writeKey


def malformed(error: BaseException) -> Refusal:
    """Refusal of a body that cannot be read.

    Parameters
    ----------
    error
        What the reader said.

    Returns
    -------
    Refusal
    """
    if isinstance(error, UnicodeDecodeError):
        zh, en = "请求体不是 UTF-8 文本", f"the body is not UTF-8 (byte {error.start})"
    elif isinstance(error, RecursionError):
        zh, en = "JSON 嵌套太深", "the JSON is nested too deeply"
    else:
        zh, en = f"JSON 无法读取：{error}", f"the body cannot be read: {error}"
    return Refusal(
        400,
        "malformed",
        zh,
        en,
        'Send a JSON object in UTF-8; a batch is {"batch": [ … ]}; /v1/debug explains events',
    )


def too_large_event(limit: int) -> Refusal:
    """Refusal of a single event over the limit.

    Parameters
    ----------
    limit
        Bytes allowed.

    Returns
    -------
    Refusal
    """
    return Refusal(
        413,
        "too_large",
        f"事件超过 {limit} 字节",
        f"the event is larger than {limit} bytes",
        "Leave large fields out; setting live.event_kb is the bound",
        facts={"limit_bytes": limit},
    )


def _sent(
    asked: Asked, source: Source, events: Sequence[msgspec.Raw], sent_at: str, context: msgspec.Raw
) -> Sent:
    return Sent(
        source=source,
        events=events,
        received_us=asked.door.now_us(),
        ip=asked.ip,
        agent=asked.text(b"user-agent"),
        sent_at=sent_at,
        context=context,
    )


async def _take(asked: Asked, send: Send, sent: Sent) -> None:
    door = asked.door
    heads = heads_of(sent.events)
    verdicts = None
    if asked.strict:
        verdicts = judge(door, sent)
        if not all(x["accepted"] for x in verdicts):
            note(door, sent, heads, asked.scope["path"], 400, **_first_fault(verdicts))
            await say_json(send, 400, {"success": False, "stored": False, "events": verdicts})
            return
    accepted, repeated = await store(door, sent, heads)
    note(door, sent, heads, asked.scope["path"], 200, accepted=accepted, duplicates=repeated)
    if verdicts is None:
        await say(send, 200, SUCCESS)
    else:
        await say_json(send, 200, {"success": True, "stored": True, "events": verdicts})


def note(
    door: DoorContext, sent: Sent, heads: Sequence[Head], path: str, status: int, **facts: Any
) -> None:
    """Keep a request whose events were read for the debugger.

    Parameters
    ----------
    door
        What the door works with.
    sent
        The events.
    heads
        Their heads.
    path
        Path of the request.
    status
        HTTP status of the answer.
    **facts
        Further fields of ``Arrival``.
    """
    names = Counter([x.event or x.type or "" for x in heads])
    door.arrivals.add(
        sent.received_us,
        sent.source.source_id,
        path,
        status,
        events=dict(names.most_common(SHOWN_EVENTS)) if len(names) > 1 else names,
        sample=bytes(sent.events[0])[:SAMPLE_BYTES] if sent.events else b"",
        ip=sent.ip,
        **facts,
    )


def _first_fault(verdicts: Sequence[dict[str, Any]]) -> dict[str, str]:
    fault = next(x for x in verdicts if not x["accepted"])["violations"][0]
    return {x: fault[x] for x in ("reason", "zh", "en", "next_step")}
