"""Any webhook as an event: which fields of the body say what."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from shopkeeper.collect.connectors.kinds import Webhook
from shopkeeper.core.errors import InputError

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def at(content: Any, path: str) -> Any:
    """What lies at a path such as ``$.order.items[0].sku``; None if nothing does.

    Examples
    --------
    >>> at({"a": [{"b": 3}]}, "$.a[0].b"), at({"a": 1}, "$.x.y")
    (3, None)
    """
    found = content
    for name, place in _STEP.findall(path.removeprefix("$")):
        if name:
            found = found.get(name) if isinstance(found, dict) else None
        else:
            number = int(place)
            found = found[number] if isinstance(found, list) and number < len(found) else None
    return found


def event_of(config: Webhook, webhook_id: str, body: bytes) -> bytes:
    """The event in Segment's shape.

    Parameters
    ----------
    config
        Says where things stand.
    webhook_id
        Header ``webhook-id``, the same for each attempt.
    body
        JSON.

    Returns
    -------
    bytes
        JSON.

    Raises
    ------
    InputError
        If the body is no JSON object, names no known event, or says nobody.
    """
    try:
        content = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"the body is no JSON: {error}", next_step="Send JSON") from error
    if not isinstance(content, dict):
        raise InputError("the body is no JSON object", next_step="Send one object")
    name = at(content, config.event) if config.event.startswith("$") else config.event
    if not isinstance(name, str) or not name:
        raise InputError(
            f"the body names no event at {config.event}",
            next_step="Correct event in the definition",
            field=config.event,
        )
    if config.events and name not in config.events:
        raise InputError(
            f"event {name[:100]!r} is not taken",
            next_step=f"Send {', '.join(config.events)} only, or add it to events",
            event=name,
        )
    who = {
        key: str(found)
        for key, path in (("userId", config.user), ("anonymousId", config.anonymous))
        if path and (found := at(content, path)) is not None and found != ""
    }
    if not who:
        raise InputError(
            f"the body says nobody at {config.user or '(no user)'}",
            next_step="Correct user or anonymous in the definition",
            field=config.user,
        )
    properties = content
    if config.properties:
        properties = {
            k: v for k, p in config.properties.items() if (v := at(content, p)) is not None
        }
    event: dict[str, Any] = {
        "type": "track", "event": config.events.get(name, name), "properties": properties, **who,
        "messageId": str(at(content, config.id)) if config.id and at(content, config.id) else webhook_id,
    }  # fmt: skip
    if config.time and (moment := at(content, config.time)) is not None:
        event["timestamp"] = moment
    return _encode(event)
