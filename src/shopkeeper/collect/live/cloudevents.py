"""CloudEvents 1.0 over HTTP brought to Segment's shape: structured, batch and binary mode.

Who it is about: the extensions ``userid`` and ``anonymousid``, else the same names in the data,
else the ``subject``. What happened: the longest end of ``type`` that the vocabulary knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from shopkeeper.collect.live.names import ALIASES, KINDS, snake
from shopkeeper.collect.live.spec import CALL_TYPES, depth_within
from shopkeeper.core.errors import InputError
from shopkeeper.core.ids import content_id

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype",
              "dataschema", "userid", "anonymousid")  # fmt: skip
USER = ("userId", "user_id", "customer_id")
ANONYMOUS = ("anonymousId", "anonymous_id", "client_id")

_VERSION = re.compile(r"v\d+")
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def read_events(body: bytes, headers: Mapping[str, str]) -> list[dict[str, Any]]:
    """Events of one request, each with its attributes and ``data``.

    Parameters
    ----------
    body
        As received.
    headers
        Of the request, names in lower case.

    Returns
    -------
    list of dict

    Raises
    ------
    InputError
        If the body is not what its content type says, or a required attribute is missing.

    Examples
    --------
    >>> head = {"ce-specversion": "1.0", "ce-id": "7", "ce-source": "/pos", "ce-type": "sale"}
    >>> read_events(b'{"total": 3}', head)[0]["data"]
    {'total': 3}
    """
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media in {STRUCTURED, BATCH}:
        content = _parse(body)
        events = content if media == BATCH else [content]
        if not isinstance(events, list):
            raise InputError("a batch of CloudEvents is a list", next_step="Send [ … ]")
    else:
        event: dict[str, Any] = {
            name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")
        }
        event["data"] = _parse(body) if body else None
        events = [event]
    for place, event in enumerate(events):
        _check(event, place)
    return events


def convert(event: Mapping[str, Any]) -> bytes:
    """One event in Segment's shape.

    Parameters
    ----------
    event
        Attributes and ``data``, as :func:`read_events` gives them.

    Returns
    -------
    bytes
        A JSON object.

    Examples
    --------
    >>> convert(
    ...     {
    ...         "id": "7",
    ...         "source": "/pos",
    ...         "type": "com.shop.order.completed.v1",
    ...         "subject": "c9",
    ...         "data": {"total": 3},
    ...     }
    ... ).decode()[:52]
    '{"type":"track","event":"order_completed","messageId'
    """
    data = event.get("data")
    values = {} if data is None else {"value": data}
    properties: dict[str, Any] = dict(data) if isinstance(data, dict) else values
    user = _taken(event.get("userid"), properties, USER)
    anonymous = _taken(event.get("anonymousid"), properties, ANONYMOUS)
    if user is None and anonymous is None:
        user = event.get("subject")
    name = name_of(str(event["type"]))
    call = name if name in CALL_TYPES - {"track"} else "track"
    result: dict[str, Any] = {"type": call}
    if call == "track":
        result["event"] = name
    # An event is known by source and id together.
    result["messageId"] = content_id(event["source"], event["id"], prefix="ce")
    told = {"userId": user, "anonymousId": anonymous, "timestamp": event.get("time")}
    result |= {key: value for key, value in told.items() if value is not None}
    result["traits" if call in {"identify", "group"} else "properties"] = properties
    kept = {x: event[x] for x in ATTRIBUTES if event.get(x) is not None}
    result["context"] = {"library": {"name": "cloudevents"}, "cloudevent": kept}
    return _encode(result)


def name_of(type_: str) -> str:
    """Name of the event that a CloudEvents type stands for.

    Parameters
    ----------
    type_
        Such as ``com.example.order.completed``.

    Returns
    -------
    str
        Its longest end that the vocabulary knows; the last part if none is known.

    Examples
    --------
    >>> name_of("com.example.order.completed"), name_of("com.example.cart-saved.v2")
    ('order_completed', 'cart_saved')
    """
    parts = [x for x in re.split(r"[./:]", type_) if x]
    if len(parts) > 1 and _VERSION.fullmatch(parts[-1]):
        parts = parts[:-1]
    for first in range(len(parts)):
        name = snake("_".join(parts[first:]))
        if name in KINDS or name in ALIASES:
            return name
    return snake(parts[-1]) if parts else ""


def _parse(body: bytes) -> Any:
    if not depth_within(body):
        raise InputError("the CloudEvent is nested too deeply", next_step="Flatten its data")
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            f"the body is not JSON: {error}",
            next_step="Send data as JSON; other content types are not understood",
        ) from error


def _check(event: object, place: int) -> None:
    if not isinstance(event, dict):
        raise InputError(f"CloudEvent {place} is not an object", next_step="Send { … } each")
    for name in ("id", "source", "type", "specversion"):
        if not isinstance(event.get(name), str) or not event[name]:
            raise InputError(
                f"CloudEvent {place} lacks the attribute {name}",
                next_step="Give specversion, id, source and type",
                field=name,
            )
    if event["specversion"] != "1.0":
        raise InputError(
            f"CloudEvent {place} has specversion {event['specversion'][:20]!r}",
            next_step="Send version 1.0",
            field="specversion",
        )
    if "data_base64" in event:
        raise InputError(
            f"CloudEvent {place} carries binary data", next_step="Send data as JSON", field="data"
        )


def _taken(told: object, properties: dict[str, Any], names: tuple[str, ...]) -> Any:
    """The first that is there; it leaves the properties, so that it is not kept twice."""
    found = told
    for name in names:
        value = properties.get(name)
        if value is not None and found is None:
            found = value
            del properties[name]
    return found
