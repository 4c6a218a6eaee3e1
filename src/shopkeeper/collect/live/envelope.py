"""What lies in the event log: accepted events as they came, with the facts of their arrival.

The door writes envelopes and the stream worker reads them; nothing else is ever in the
log. An envelope is JSON, so that a log can be read years later without this code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from shopkeeper.core.errors import InputError

VERSION = 1


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True):
    """Accepted payloads of one request that belong to one partition.

    Parameters
    ----------
    v
        Version of this format.
    kind
        ``events``: events as clients sent them, in Segment's shape. ``decision``: rows of the
        decision ledger, written by the decision API.
    source
        Which source they came from (``sources.source_id``).
    received_us
        When they arrived, microseconds UTC.
    events
        One JSON object each, untouched.
    ip, agent
        Address and user agent of the client, as seen by the door.
    sent_at
        ``sentAt`` of the request, for correcting the client's clock.
    context
        ``context`` of the batch, which holds for events without their own.
    replay
        Whether a person edited and sent them again out of quarantine.
    """

    v: int
    kind: Literal["events", "decision"]
    source: str
    received_us: int
    events: list[msgspec.Raw]
    ip: str = ""
    agent: str = ""
    sent_at: str = ""
    context: msgspec.Raw = msgspec.Raw(b"{}")
    replay: bool = False


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Envelope)


def pack(envelope: Envelope) -> bytes:
    """The payload of a log entry.

    Parameters
    ----------
    envelope
        What to store.

    Returns
    -------
    bytes
        JSON.

    Examples
    --------
    >>> pack(Envelope(1, "events", "web", 5, [msgspec.Raw(b'{"a":1}')]))
    b'{"v":1,"kind":"events","source":"web","received_us":5,"events":[{"a":1}]}'
    """
    return _encoder.encode(envelope)


def unpack(payload: bytes) -> Envelope:
    """Read the payload of a log entry.

    Parameters
    ----------
    payload
        What :func:`pack` returned.

    Returns
    -------
    Envelope

    Raises
    ------
    InputError
        If it is no envelope, or one of a later version.
    """
    try:
        envelope = _decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise InputError(
            f"a record of the event log is no envelope: {error}",
            next_step="Write to the log through the event API only",
        ) from error
    if envelope.v != VERSION:
        raise InputError(
            f"a record of the event log has version {envelope.v}, this release reads {VERSION}",
            next_step="Upgrade the worker",
            version=envelope.v,
        )
    return envelope


class Arrived(msgspec.Struct, kw_only=True):
    """One live event, read and brought to the vocabulary: what every later step sees.

    Parameters
    ----------
    event_id
        The client's message id, or one derived from the content.
    type
        ``track``, ``identify``, ``page``, ``screen``, ``group`` or ``alias``.
    kind
        What happened in the one vocabulary (``view_item``, ``purchase``, ``page_view`` …).
    name
        The event's name as the client gave it.
    occurred_us, received_us
        Moments in microseconds UTC; the first corrected for the client's clock.
    source
        Source it came from.
    customer_ref
        ``kind:value`` of the user id; None when only a device is known.
    anonymous_id
        Device or browser; None when only a user is known.
    properties, traits, context
        As sent; empty mappings when absent.
    session_id, product_id, category, page, query, channel, device, campaign_id, store_id
        Columns of EVENTS; None when not told.
    amount_minor, currency
        Money of the event; None when there is none.
    previous_id, group_id
        Of ``alias`` and ``group``.
    ip, agent
        Address and user agent of the client.
    replay
        Whether a person sent it again out of quarantine.
    partition, offset, position
        Where it lies: log partition, offset of the envelope, place in it from 0.
    raw
        The JSON as sent.
    invalid
        Reason key if it counts as invalid traffic; set by the bot marker.
    """

    event_id: str
    type: str
    kind: str
    name: str
    occurred_us: int
    received_us: int
    source: str
    customer_ref: str | None = None
    anonymous_id: str | None = None
    properties: dict[str, Any] = msgspec.field(default_factory=dict)
    traits: dict[str, Any] = msgspec.field(default_factory=dict)
    context: dict[str, Any] = msgspec.field(default_factory=dict)
    session_id: str | None = None
    product_id: str | None = None
    category: str | None = None
    page: str | None = None
    query: str | None = None
    channel: str | None = None
    device: str | None = None
    campaign_id: str | None = None
    store_id: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    previous_id: str | None = None
    group_id: str | None = None
    ip: str = ""
    agent: str = ""
    replay: bool = False
    partition: int = 0
    offset: int = 0
    position: int = 0
    raw: bytes = b""
    invalid: str | None = None


class Violation(msgspec.Struct, frozen=True):
    """Why an event is not admitted.

    Parameters
    ----------
    field
        Path of the field at fault, such as ``properties.order_id``; empty for the whole event.
    reason
        Reason code.
    zh, en
        The reason in words.
    next_step
        What to do about it.
    """

    field: str
    reason: str
    zh: str
    en: str
    next_step: str = ""


class Refused(msgspec.Struct, frozen=True):
    """One event that goes to quarantine instead of the lake."""

    event: Arrived
    violations: Sequence[Violation]
