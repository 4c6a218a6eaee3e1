"""One event of the log brought to the vocabulary: corrected clock, one name, typed columns.

Pure: the same envelope at the same place of the log gives the same result for ever, which is
what lets a worker that lost its memory read the log again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from shopkeeper.collect.live.columns import column_values
from shopkeeper.collect.live.envelope import Arrived, Envelope, Refused, Violation
from shopkeeper.collect.live.names import kind_of
from shopkeeper.collect.live.spec import Event, read_event, violation
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import InputError
from shopkeeper.core.ids import content_id
from shopkeeper.core.money import EXPONENTS, currency_code

EARLIEST_US = 946_684_800_000_000
"""2000-01-01: nothing a shop's customer did on-line lies before it."""
LARGEST_MINOR = 10**15
MILLISECONDS_FROM = 10**11
"""Numbers from here on are milliseconds: as seconds they would lie after the year 5000."""


class ArriveSettings(msgspec.Struct, frozen=True):
    """What reading an event depends on beside the event.

    Parameters
    ----------
    user_kind
        Kind of identifier that the source's user ids are (``sources.user_kind``).
    currency
        Currency of amounts that name none.
    event_bytes
        Largest event admitted.
    """

    user_kind: str = "user"
    currency: str = "CNY"
    event_bytes: int = 32 * 1024


_dict = msgspec.json.Decoder(dict[str, Any])


def arrive(
    raw: bytes | msgspec.Raw,
    envelope: Envelope,
    *,
    settings: ArriveSettings,
    partition: int = 0,
    offset: int = 0,
    position: int = 0,
) -> Arrived | Refused:
    """Read one event.

    Parameters
    ----------
    raw
        The event as it lies in ``envelope.events``.
    envelope
        The facts of its arrival.
    settings
        What reading depends on beside the event.
    partition, offset, position
        Where it lies: log partition, offset of the envelope, place in it from 0.

    Returns
    -------
    Arrived or Refused
        ``Refused`` holds the event as far as it can be read, and every reason.

    Notes
    -----
    Clock, after Segment: with ``sentAt`` and a client's time, ``occurred = received − (sentAt −
    time)``. Without ``sentAt`` the client's time holds; without either, the time of arrival. What
    would lie after its arrival happened on arrival (``context.clock`` says ``future``); what lies
    before the year 2000 is refused.
    """
    data = bytes(raw)
    event, faults = read_event(data, event_bytes=settings.event_bytes)
    shared = _shared_context(envelope)
    context = event.context if event.context is not None else {}
    if shared:
        context = {**shared, **context}
    occurred, clock = _occurred(event, envelope, faults)
    if clock:
        context = {**context, "clock": clock}
    call = event.type or ""
    name = event.event or event.name or ""
    arrived = Arrived(
        event_id=event.messageId or _derived_id(data, event, envelope, partition, offset, position),
        type=call,
        kind=kind_of(call, name),
        name=name,
        occurred_us=occurred,
        received_us=envelope.received_us,
        source=envelope.source,
        customer_ref=_prefixed(settings.user_kind, _text(event.userId)),
        anonymous_id=_text(event.anonymousId),
        properties=event.properties or {},
        traits=event.traits or {},
        context=context,
        previous_id=_text(event.previousId),
        group_id=_text(event.groupId),
        ip=str(context.get("ip") or envelope.ip),
        agent=str(context.get("userAgent") or envelope.agent),
        replay=envelope.replay,
        partition=partition,
        offset=offset,
        position=position,
        raw=data,
    )
    for column, value in column_values(event, arrived):
        setattr(arrived, column, value)
    _money(arrived, settings.currency, faults)
    return Refused(arrived, faults) if faults else arrived


def moment_us(value: str | float | None) -> int | None:
    """Microseconds of a moment as clients write it.

    Parameters
    ----------
    value
        ISO 8601 text (UTC where it names no zone), seconds, or milliseconds since 1970.

    Returns
    -------
    int or None
        None if it is no moment.

    Examples
    --------
    >>> moment_us("1970-01-01T00:00:01Z"), moment_us(1_700_000_000_000), moment_us("soon")
    (1000000, 1700000000000000, None)
    """
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value.strip())
            return to_us(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        if value is None or not abs(value) < 10**16:
            return None
        return int(value * (1_000 if abs(value) >= MILLISECONDS_FROM else 1_000_000))
    except (ValueError, OverflowError):
        return None


def minor_units(amount: object, currency: str) -> int | None:
    """An amount as clients write it in minor units.

    Parameters
    ----------
    amount
        Number, or text of one.
    currency
        ISO 4217 code.

    Returns
    -------
    int or None
        Half a unit rounds to even; None if it is no finite number.

    Examples
    --------
    >>> minor_units(19.9, "CNY"), minor_units("1,200", "JPY"), minor_units("free", "CNY")
    (1990, 1200, None)
    """
    if isinstance(amount, bool) or not isinstance(amount, int | float | str):
        return None
    try:
        text = amount.replace(",", "").strip() if isinstance(amount, str) else repr(amount)
        value = Decimal(text)
        if not value.is_finite() or value.adjusted() > 20:
            return LARGEST_MINOR + 1 if value.is_finite() else None
        return int(value.scaleb(EXPONENTS[currency]).to_integral_value())
    except (InvalidOperation, ValueError):
        return None


def _occurred(
    event: Event, envelope: Envelope, faults: list[Violation]
) -> tuple[int, dict[str, Any] | None]:
    received = envelope.received_us
    field = "originalTimestamp" if event.originalTimestamp not in (None, "") else "timestamp"
    told = event.originalTimestamp if field == "originalTimestamp" else event.timestamp
    if told in (None, ""):
        return received, None
    original = moment_us(told)
    if original is None:
        faults.append(violation("bad_timestamp", field, value=told))
        return received, None
    sent = moment_us(event.sentAt if event.sentAt not in (None, "") else envelope.sent_at or None)
    occurred = original if sent is None else received - (sent - original)
    if occurred > received:
        return received, {"rule": "future", "told": str(told)}
    if occurred < EARLIEST_US:
        faults.append(violation("ancient_timestamp", field, value=told, limit="2000-01-01"))
        return received, None
    return occurred, None


def _derived_id(
    data: bytes, event: Event, envelope: Envelope, partition: int, offset: int, position: int
) -> str:
    """Equal content at one told moment is one event; without a moment only its place tells."""
    if event.timestamp in (None, "") and event.originalTimestamp in (None, ""):
        return content_id(envelope.source, partition, offset, position, prefix="log")
    return content_id(envelope.source, data.decode("utf-8", "replace"), prefix="event")


def _money(arrived: Arrived, shop_currency: str, faults: list[Violation]) -> None:
    properties = arrived.properties
    field = next((x for x in ("total", "revenue", "value") if properties.get(x) is not None), None)
    if field is None and properties.get("price") is not None:
        field = "price"
    if field is None:
        return
    named = properties.get("currency")
    try:
        currency = currency_code(str(named)) if named not in (None, "") else shop_currency
    except InputError:
        faults.append(violation("unknown_currency", "properties.currency", value=named))
        return
    minor = minor_units(properties[field], currency)
    if minor is None:
        faults.append(violation("bad_amount", f"properties.{field}", value=properties[field]))
        return
    quantity = properties.get("quantity")
    if field == "price" and isinstance(quantity, int) and not isinstance(quantity, bool):
        minor *= quantity
    if abs(minor) > LARGEST_MINOR:
        faults.append(violation("absurd_amount", f"properties.{field}", value=properties[field]))
        return
    arrived.amount_minor, arrived.currency = minor, currency


def _shared_context(envelope: Envelope) -> dict[str, Any]:
    data = bytes(envelope.context)
    if data in (b"{}", b"null", b""):
        return {}
    try:
        return _dict.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}


def _text(value: str | float | None) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def _prefixed(kind: str, value: str | None) -> str | None:
    return None if value is None else f"{kind}:{value}"
