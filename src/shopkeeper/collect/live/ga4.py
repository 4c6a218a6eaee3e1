"""GA4 Measurement Protocol brought to Segment's shape, so that one log holds one form.

Field names of Google's reference: ``client_id`` (web) or ``app_instance_id`` (app), ``user_id``,
``timestamp_micros``, ``user_properties`` and up to 25 ``events`` with ``name`` and ``params``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from shopkeeper.collect.live.spec import depth_within
from shopkeeper.core.clock import from_us
from shopkeeper.core.errors import InputError
from shopkeeper.core.ids import content_id

MAX_EVENTS = 25
MAX_NAME = 40
LIBRARY = {"name": "ga4-measurement-protocol"}

ITEM_FIELDS = {
    "item_id": "product_id",
    "item_name": "name",
    "item_brand": "brand",
    "item_category": "category",
    "item_variant": "variant",
    "index": "position",
}
"""GA4's names of an item by Segment's names of a product; others stay."""

PARAMETERS = {"transaction_id": "order_id", "search_term": "query"}
"""GA4's names of parameters by Segment's names of properties; others stay."""


class Payload(msgspec.Struct):
    """Body of one request."""

    events: list[dict[str, Any]] = []
    client_id: str | int | None = None
    app_instance_id: str | None = None
    user_id: str | int | None = None
    timestamp_micros: int | str | None = None
    user_properties: dict[str, Any] | None = None
    consent: dict[str, Any] | None = None
    user_agent: str | None = None
    ip_override: str | None = None


_decode = msgspec.json.Decoder(Payload).decode
_encode = msgspec.json.Encoder().encode


def read_payload(body: bytes) -> Payload:
    """Read a request.

    Parameters
    ----------
    body
        JSON.

    Returns
    -------
    Payload

    Raises
    ------
    InputError
        If it is no payload of the Measurement Protocol.
    """
    try:
        if not depth_within(body):
            raise InputError("the payload is nested too deeply", next_step="Flatten it")
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            f"the body is no payload of the Measurement Protocol: {error}",
            next_step='Send {"client_id": …, "events": [{"name": …, "params": {…}}]}',
        ) from error


def faults(payload: Payload) -> list[dict[str, str]]:
    """What Google's validation server would say, in its own form.

    Parameters
    ----------
    payload
        As read.

    Returns
    -------
    list of dict
        ``fieldPath``, ``description``, ``validationCode``; empty when all is well.
    """
    found = []
    if not (payload.client_id or payload.app_instance_id):
        found.append(
            _fault("client_id", "client_id or app_instance_id is required", "VALUE_REQUIRED")
        )
    if not payload.events:
        found.append(_fault("events", "at least one event is required", "VALUE_REQUIRED"))
    if len(payload.events) > MAX_EVENTS:
        found.append(
            _fault(
                "events", f"at most {MAX_EVENTS} events, not {len(payload.events)}", "VALUE_INVALID"
            )
        )
    for place, event in enumerate(payload.events):
        name = event.get("name")
        if not isinstance(name, str) or not name:
            found.append(_fault(f"events[{place}].name", "an event needs a name", "NAME_INVALID"))
        elif len(name) > MAX_NAME:
            found.append(
                _fault(
                    f"events[{place}].name", f"longer than {MAX_NAME} characters", "NAME_INVALID"
                )
            )
        params = event.get("params")
        if params is not None and not isinstance(params, dict):
            found.append(_fault(f"events[{place}].params", "params is an object", "VALUE_INVALID"))
        elif params and params.get("value") is not None and not params.get("currency"):
            found.append(
                _fault(
                    f"events[{place}].params.currency",
                    "currency is required with value",
                    "VALUE_REQUIRED",
                )
            )
    return found


def convert(payload: Payload) -> list[bytes]:
    """Events of a request in Segment's shape.

    Parameters
    ----------
    payload
        As read; what is wrong with single events is left for the worker to say.

    Returns
    -------
    list of bytes
        One JSON object an event, after an ``identify`` if there are user properties.

    Examples
    --------
    >>> convert(read_payload(b'{"client_id":"1.2","events":[{"name":"page_view"}]}'))[0][:40]
    b'{"type":"page","event":"page_view","anon'
    """
    shared = _shared(payload)
    events = []
    if payload.user_properties:
        traits = {
            name: value.get("value") if isinstance(value, dict) else value
            for name, value in payload.user_properties.items()
        }
        events.append(_encode({"type": "identify", **shared, "traits": traits}))
    events += [_encode(_event(x, shared, payload)) for x in payload.events]
    return events


def _shared(payload: Payload) -> dict[str, Any]:
    context: dict[str, Any] = {"library": LIBRARY}
    if payload.user_agent:
        context["userAgent"] = payload.user_agent
    if payload.ip_override:
        context["ip"] = payload.ip_override
    if payload.consent:
        context["consent"] = payload.consent
    if payload.app_instance_id:
        context["app"] = {"instance_id": payload.app_instance_id}
    shared: dict[str, Any] = {"context": context}
    anonymous = payload.client_id or payload.app_instance_id
    if anonymous:
        shared["anonymousId"] = str(anonymous)
    if payload.user_id:
        shared["userId"] = str(payload.user_id)
    moment = _moment(payload.timestamp_micros)
    if moment is not None:
        shared["timestamp"] = moment
    return shared


def _event(event: dict[str, Any], shared: dict[str, Any], payload: Payload) -> dict[str, Any]:
    name = event.get("name")
    params = event.get("params")
    properties = params if isinstance(params, dict) else {}
    result: dict[str, Any] = {
        "type": "page" if name == "page_view" else "track",
        "event": name,
        **shared,
        "properties": {PARAMETERS.get(key, key): value for key, value in properties.items()},
    }
    told = event.get("timestamp_micros", payload.timestamp_micros)
    moment = _moment(told)
    if moment is not None:
        result["timestamp"] = moment
        # The protocol has no message id; with a moment, equal content is one event.
        result["messageId"] = content_id(
            shared.get("anonymousId"), told, _encode(event), prefix="ga4"
        )
    if isinstance(properties.get("items"), list):
        result["properties"]["products"] = [_product(x) for x in properties["items"]]
        del result["properties"]["items"]
    if isinstance(properties.get("page_location"), str):
        page = {"url": properties["page_location"], "title": properties.get("page_title")}
        page["referrer"] = properties.get("page_referrer")
        result["context"] = {**shared["context"], "page": page}
    return result


def _product(item: object) -> object:
    if not isinstance(item, dict):
        return item
    return {ITEM_FIELDS.get(key, key): value for key, value in item.items()}


def _moment(micros: object) -> str | None:
    try:
        return from_us(int(micros)).isoformat()  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return None


def _fault(path: str, description: str, code: str) -> dict[str, str]:
    return {"fieldPath": path, "description": description, "validationCode": code}
