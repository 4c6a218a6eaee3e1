"""Other ways in: GA4 Measurement Protocol, CloudEvents, pixel, browser settings, the honeypot."""

from __future__ import annotations

import base64
import binascii
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

import msgspec
from starlette.types import Receive, Scope, Send

from shopkeeper.apps.door.answers import SUCCESS, Refusal, say, say_json
from shopkeeper.apps.door.context import Asked, DoorContext
from shopkeeper.apps.door.segment import CALLS, malformed, note, parse_single, too_large_event
from shopkeeper.apps.door.sources import Source
from shopkeeper.apps.door.storing import Sent, heads_of, store
from shopkeeper.collect.live import cloudevents, ga4
from shopkeeper.core.errors import InputError

PIXEL = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
"""A transparent picture of one pixel."""

_GIF = [(b"content-type", b"image/gif"), (b"cache-control", b"no-store")]
_encode = msgspec.json.Encoder().encode


async def measurement(scope: Scope, receive: Receive, send: Send, door: DoorContext) -> None:
    """``POST /mp/collect``: GA4 Measurement Protocol; ``api_secret`` is the write key.

    Parameters
    ----------
    scope, receive, send
        Of the request.
    door
        What the door works with.
    """
    asked = Asked(scope, receive, door)
    payload = _read_ga4(await asked.body())
    source = await asked.source(_query(scope).get("api_secret"))
    await _keep(asked, source, ga4.convert(payload))
    await say(send, 204, b"", ())


async def measurement_debug(scope: Scope, receive: Receive, send: Send, door: DoorContext) -> None:
    """``POST /debug/mp/collect``: what is wrong with it, as Google says it; nothing is stored.

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
        messages = ga4.faults(ga4.read_payload(body))
    except InputError as error:
        messages = [
            {"fieldPath": "", "description": error.message, "validationCode": "VALUE_INVALID"}
        ]
    await say_json(send, 200, {"validationMessages": messages})


async def cloud_events(scope: Scope, receive: Receive, send: Send, door: DoorContext) -> None:
    """``POST /v1/cloudevents``: structured, batch or binary mode.

    Parameters
    ----------
    scope, receive, send
        Of the request.
    door
        What the door works with.
    """
    asked = Asked(scope, receive, door)
    body = await asked.body()
    source = await asked.source(_query(scope).get("writeKey"))
    headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in asked.headers.items()}
    try:
        found = cloudevents.read_events(body, headers)
        events = [cloudevents.convert(x) for x in found]
    except InputError as error:
        raise _unreadable(error) from error
    await _keep(asked, source, events)
    await say(send, 200, SUCCESS)


async def pixel(scope: Scope, receive: Receive, send: Send, door: DoorContext) -> None:
    """``GET /v1/pixel/track?data=…``: one event in base64, answered by a picture.

    Parameters
    ----------
    scope, receive, send
        Of the request.
    door
        What the door works with.
    """
    asked = Asked(scope, receive, door)
    call = CALLS.get(scope["path"].rsplit("/", 1)[-1], "track")
    try:
        data = _query(scope).get("data", "").replace("-", "+").replace("_", "/")
        body = base64.b64decode(data + "=" * (-len(data) % 4))
    except (binascii.Error, ValueError) as error:
        raise malformed(error) from error
    event, key = parse_single(body, call)
    if len(event) > door.event_bytes:
        raise too_large_event(door.event_bytes)
    await _keep(asked, await asked.source(key), [event])
    await say(send, 200, PIXEL, _GIF)


async def browser_settings(scope: Scope, receive: Receive, send: Send, door: DoorContext) -> None:
    """``GET /v1/projects/{writeKey}/settings``: what the browser SDK loads first.

    Parameters
    ----------
    scope, receive, send
        Of the request.
    door
        What the door works with.
    """
    asked = Asked(scope, receive, door)
    parts = scope["path"].split("/")
    key = parts[3] if len(parts) == 5 and parts[4] == "settings" else ""
    source = await asked.source(key)
    host = asked.text(b"host") or "127.0.0.1"
    allowed: dict[str, object] = {"__default": {"enabled": True, "integrations": {}}}
    await say_json(
        send,
        200,
        {
            "integrations": {
                "Segment.io": {
                    "apiKey": source.write_key,
                    "apiHost": f"{host}/v1",
                    "protocol": scope.get("scheme", "http"),
                    "unbundledIntegrations": [],
                    "addBundledMetadata": False,
                    "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
                }
            },
            "plan": {"track": allowed, "identify": allowed, "group": allowed},
            "edgeFunction": {},
            "analyticsNextEnabled": True,
            "middlewareSettings": {},
            "enabledMiddleware": {},
            "metrics": {"sampleRate": 0},
            "legacyVideoPluginsEnabled": False,
            "remotePlugins": [],
        },
        [(b"cache-control", b"public, max-age=60")],
    )


async def honeypot(scope: Scope, receive: Receive, send: Send, door: DoorContext) -> None:
    """``/v1/honeypot/{writeKey}/…``: a link no person sees; whoever follows it is a machine.

    Parameters
    ----------
    scope, receive, send
        Of the request.
    door
        What the door works with.
    """
    asked = Asked(scope, receive, door)
    parts = scope["path"].split("/")
    source = await asked.source(parts[3] if len(parts) > 3 else "")
    visitor = _visitor(asked)
    event = {
        "type": "track",
        "event": "Honeypot",
        "anonymousId": visitor or f"ip:{asked.ip}",
        "properties": {"path": scope["path"][:500], "method": scope["method"]},
        "context": {"ip": asked.ip, "userAgent": asked.text(b"user-agent")[:500]},
    }
    await _keep(asked, source, [_encode(event)])
    headers = [(b"x-robots-tag", b"noindex, nofollow"), (b"cache-control", b"no-store")]
    await say(send, 204, b"", headers)


async def nothing(scope: Scope, receive: Receive, send: Send, door: DoorContext) -> None:
    """``POST /v1/m``: the browser SDK's figures about itself, which nobody here reads.

    Parameters
    ----------
    scope, receive, send
        Of the request.
    door
        What the door works with.
    """
    await Asked(scope, receive, door).body()
    await say(send, 200, SUCCESS)


async def _keep(asked: Asked, source: Source, events: list[bytes]) -> None:
    door = asked.door
    sent = Sent(
        source=source,
        events=[msgspec.Raw(x) for x in events],
        received_us=door.now_us(),
        ip=asked.ip,
        agent=asked.text(b"user-agent"),
    )
    heads = heads_of(sent.events)
    accepted, repeated = await store(door, sent, heads)
    path = asked.scope["path"][:200]
    note(door, sent, heads, path, 200, accepted=accepted, duplicates=repeated)


def _read_ga4(body: bytes) -> ga4.Payload:
    try:
        payload = ga4.read_payload(body)
    except InputError as error:
        raise _unreadable(error) from error
    if len(payload.events) > ga4.MAX_EVENTS:
        raise Refusal(
            413,
            "too_large",
            f"一次最多 {ga4.MAX_EVENTS} 个事件",
            f"a request holds at most {ga4.MAX_EVENTS} events, this one has {len(payload.events)}",
            "Send several requests",
        )
    return payload


def _unreadable(error: InputError) -> Refusal:
    zh = f"请求无法读取：{error.message}"
    return Refusal(400, "malformed", zh, error.message, error.next_step, facts=error.facts)


def _visitor(asked: Asked) -> str:
    """Who followed the link: told in the query, or by the browser SDK's own cookie."""
    told = _query(asked.scope)
    named = told.get("anonymousId") or told.get("a")
    if named:
        return named[:200]
    try:
        cookies = SimpleCookie(asked.text(b"cookie"))
    except CookieError:
        return ""
    kept = cookies.get("ajs_anonymous_id")
    return kept.value.strip('"')[:200] if kept is not None else ""


def _query(scope: Scope) -> dict[str, str]:
    raw: bytes = scope.get("query_string", b"")
    try:
        found = parse_qs(raw.decode("latin-1"), max_num_fields=50)
    except ValueError:
        return {}
    return {name: values[0] for name, values in found.items()}
