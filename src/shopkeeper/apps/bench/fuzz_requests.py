# ruff: noqa: E501  one list, few lines; the randomness is that of a test
"""Requests that are almost right: a valid corpus, mutated by structure, by bytes and by header."""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from shopkeeper.simulate.traffic import TrafficSpec, traffic

Headers = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class Request:
    """One HTTP request.

    Parameters
    ----------
    method, path, query, headers
        Of the request.
    pieces
        The body as it comes in.
    leaves
        Whether the client goes away before the body is complete.
    """

    method: str
    path: str
    query: bytes
    headers: Headers
    pieces: list[bytes] = field(default_factory=list)
    leaves: bool = False


JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 1e308, -1e-320, 2**63, -(2**63), 2**200, 10**400, 0.1 + 0.2, "", " ", "0", "null",
    "undefined", "NaN", "\x00", "\ud800", "\udfff\ud800", "\u202e\u2066", "😀" * 50, "a" * 5000, "é" * 40_000,
    "'; DROP TABLE events; --", "../../../etc/passwd", "{{7*7}}", "${jndi:ldap://x}", "<script>", "\r\nX: y",
    "2024-13-45T99:99:99Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "+275760-09-13", "1e9999", "-0",
    [], {}, [[]], [None], {"": ""}, {"a": {"b": {"c": []}}}, [1, "a", None, {}], {"id": 1, "name": None},
    {"__proto__": {"x": 1}}, {"$ref": "#"}, ["x"] * 300, {str(n): n for n in range(400)}, -(10**18), 1_700_000_000_000,
)  # fmt: skip
"""Values that a field may suddenly have."""
_BOMB = gzip.compress(b"0" * 3_000_000)
KEYS = ("type", "event", "name", "userId", "anonymousId", "messageId", "timestamp", "sentAt", "originalTimestamp",
        "properties", "traits", "context", "integrations", "previousId", "groupId", "batch", "writeKey", "products",
        "price", "total", "currency", "quantity", "order_id", "product_id", "page", "ip", "userAgent", "locale", "screen",
        "events", "client_id", "params", "items", "specversion", "data", "", "\x00", "é", "a" * 300)  # fmt: skip


def corpus(key: str, seed: int) -> list[tuple[str, bytes, Any]]:
    """Valid requests: path, query and JSON body.

    Parameters
    ----------
    key
        A write key that the door knows.
    seed
        Of the traffic they are taken from.
    """
    spec = TrafficSpec(seed=seed, people=12, messages=8)
    events = [x.raw for x in traffic(spec).events][:80]
    found: list[tuple[str, bytes, Any]] = []
    for n, event in enumerate(events):
        kind = event["type"]
        found.append((f"/v1/{kind}", b"", event))
        if n % 4 == 0:
            found.append(
                ("/v1/batch", b"", {"batch": events[n : n + 6], "sentAt": event["sentAt"]})
            )
            found.append(("/v1/debug", b"", event))
    user = {"userId": "u1", "traits": {"email": "a@example.com", "age": 30}, "messageId": "i1"}
    found += [
        ("/v1/identify", b"", user),
        ("/v1/alias", b"", {"userId": "u2", "previousId": "a1"}),
        ("/v1/group", b"", {"userId": "u1", "groupId": "g", "traits": {}}),
        ("/v1/import", b"", {"batch": [{"type": "identify", **user}]}),
    ]
    ga4 = {"client_id": "1.2", "user_id": "u", "timestamp_micros": 1_730_044_800_000_000,
           "events": [{"name": "purchase", "params": {"transaction_id": "T", "value": 9.9, "currency": "CNY",
                       "items": [{"item_id": "p1", "price": 9.9, "quantity": 1}]}}]}  # fmt: skip
    query = f"measurement_id=G-1&api_secret={key}".encode()
    found += [("/mp/collect", query, ga4), ("/debug/mp/collect", query, ga4)]
    cloud = {"specversion": "1.0", "id": "1", "source": "/x", "type": "com.example.order", "time": "2024-10-28T01:00:00Z",
             "subject": "u1", "datacontenttype": "application/json", "data": {"userId": "u1", "total": 3}}  # fmt: skip
    found += [("/v1/cloudevents", b"", cloud), ("/v1/cloudevents", b"", [cloud, cloud])]
    return found


class Mutator:
    """Draws requests from a corpus; equal seeds draw equal requests.

    Parameters
    ----------
    key
        A write key that the door knows.
    seed
        Decides everything.
    """

    def __init__(self, key: str, seed: int) -> None:
        self._rng = random.Random(seed)
        self._corpus = [(p, q, json.dumps(b)) for p, q, b in corpus(key, seed)]
        self._key = key

    def draw(self) -> Request:
        """The next request; about one in ten is left as it was."""
        rng = self._rng
        path, query, text = rng.choice(self._corpus)
        value = json.loads(text)
        if rng.random() < 0.9:
            # Otherwise nearly all of them would be dropped as repeated and go no further.
            for event in (value, *value.get("batch", ())) if isinstance(value, dict) else ():
                event["messageId"] = f"{rng.getrandbits(64):x}"
        for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 6))):
            value = self._changed(value)
        body = _written(value)
        if rng.random() < 0.35:
            for _ in range(rng.randint(1, 4)):
                body = self._damaged(body)
        if rng.random() < 0.02:
            body = self._huge()
        request = Request("POST", path, query, self._headers(), [body])
        self._encoded(request)
        self._misdirected(request)
        return request

    def _changed(self, value: Any) -> Any:
        """Change one place of a JSON value."""
        rng = self._rng
        places: list[tuple[Any, Any]] = []

        def walk(node: Any, depth: int) -> None:
            if depth > 6 or len(places) > 300:
                return
            children: list[tuple[Any, Any]] = []
            if isinstance(node, dict):
                children = list(node.items())
            elif isinstance(node, list):
                children = list(enumerate(node))
            for key, child in children:
                places.append((node, key))
                walk(child, depth + 1)

        walk(value, 0)
        if not places or rng.random() < 0.03:
            return deepcopy(rng.choice(JUNK))
        node, key = rng.choice(places)
        act = rng.randrange(6)
        if act == 0 and isinstance(node, dict):
            del node[key]
        elif act == 1 and isinstance(node, dict):
            node[rng.choice(KEYS)] = node.pop(key)
        elif act == 2 and isinstance(node, dict):
            node[rng.choice(KEYS)] = deepcopy(rng.choice(JUNK))
        elif act == 3:
            node[key] = [deepcopy(node[key]) for _ in range(rng.choice((1, 2, 50)))]
        elif act == 4:
            node[key] = json.dumps(node[key], default=str)
        else:
            node[key] = deepcopy(rng.choice(JUNK))
        return value

    def _damaged(self, body: bytes) -> bytes:
        rng = self._rng
        at = rng.randrange(len(body) + 1)
        acts: tuple[Callable[[], bytes], ...] = (
            lambda: body[:at],
            lambda: body[:at] + rng.randbytes(rng.randint(1, 8)) + body[at:],
            lambda: body[:at] + body[at + rng.randint(1, 20) :],
            lambda: body[:at] + bytes([rng.randrange(256)]) + body[at + 1 :],
            lambda: body + body[at:],
            lambda: b"\xef\xbb\xbf" + body,
            lambda: body.decode("utf-8", "replace").encode("utf-16"),
            lambda: body[:at] + rng.choice((b"NaN", b"-Infinity", b"1e999", b"\\u0000", b"\\ud800", b"\xff\xfe", b"[" * 400)) + body[at:],
        )  # fmt: skip
        return rng.choice(acts)()

    def _huge(self) -> bytes:
        rng = self._rng
        depth = rng.choice((100, 2000, 100_000))
        return rng.choice(
            (
                b"[" * depth,
                b'{"a":' * depth + b"1" + b"}" * depth,
                b'{"batch":[' + b'{"type":"track","event":"x","userId":"u"},' * depth + b"{}]}",
                b'{"type":"track","event":"x","userId":"u","properties":{'
                + b",".join(b'"k%d":1' % n for n in range(depth // 4)) + b"}}",
                b" " * 600_000,
            )
        )  # fmt: skip

    def _headers(self) -> Headers:
        rng = self._rng
        basic = base64.b64encode(self._key.encode() + b":")
        authorization = b"Basic " + basic
        if rng.random() < 0.12:
            authorization = rng.choice(
                (b"", b"Basic", b"Basic !!", b"Bearer x", b"Basic " + base64.b64encode(b"nobody:"), b"Basic " + basic[:-2],
                 b"Basic " + base64.b64encode(b"\xff\xfe:"), b"\xff" * 30, b"Basic " + basic * 500)
            )  # fmt: skip
        kinds = (b"application/json", b"text/plain", b"application/json; charset=utf-8", b"application/cloudevents+json",
                 b"application/cloudevents-batch+json", b"application/x-www-form-urlencoded", b"", b"\xff", b"application/json; charset=gb18030")  # fmt: skip
        kind = kinds[0] if rng.random() < 0.8 else rng.choice(kinds)
        headers = [(b"authorization", authorization), (b"content-type", kind)]
        extra = (
            (b"origin", rng.choice((b"https://shop.example", b"null", b"\xff", b"x" * 3000))),
            (b"x-forwarded-for", rng.choice((b"1.2.3.4", b"::1", b"999.1.1.1, a", b"\xff\x00"))),
            (b"user-agent", rng.choice((b"Mozilla/5.0", b"curl/8", b"\xe4\xbd", b"u" * 9000))),
            (b"content-length", rng.choice((b"0", b"-1", b"abc", b"99999999999", b"5"))),
            (b"ce-id", b"1"), (b"ce-specversion", rng.choice((b"1.0", b"0.3", b"\xff"))), (b"ce-type", b"t"),
            (b"ce-source", b"/s"), (b"cookie", b"a=b; \xff=;;="), (b"host", b"\x00"),
        )  # fmt: skip
        return headers + [x for x in extra if rng.random() < 0.06]

    def _encoded(self, request: Request) -> None:
        """Compression, pieces and clients that leave."""
        rng = self._rng
        body = request.pieces[0]
        if rng.random() < 0.12:
            packed = gzip.compress(body, 1)
            name = rng.choice((b"gzip", b"gzip", b"GZIP", b"deflate", b"br", b"gzip, gzip", b""))
            broken = (packed, packed, packed[: len(packed) // 2], b"\x1f\x8b" + body, body, packed + b"tail", _BOMB)  # fmt: skip
            body = rng.choice(broken)
            request.headers.append((b"content-encoding", name))
        if rng.random() < 0.15 and len(body) > 2:
            cut = rng.randrange(1, len(body))
            request.pieces = [body[:cut], b"", body[cut:]]
        else:
            request.pieces = [body]
        request.leaves = rng.random() < 0.02

    def _misdirected(self, request: Request) -> None:
        rng = self._rng
        if rng.random() < 0.06:
            request.method = rng.choice(
                ("GET", "PUT", "OPTIONS", "DELETE", "HEAD", "PATCH", "X" * 50)
            )
        if rng.random() < 0.08:
            request.path = rng.choice(
                ("/v1/", "/v1/unknown", "/v1/track/", "/v1/TRACK", "/v1/pixel/track", "/v1/projects/k/settings",
                 "/v1/honeypot/k/x", "/v1/m", "/v1/t", "/v1/webhooks/none", "/v1/\x00", "/v1/" + "a" * 4000, "/mp/", "/v1//batch", "/v1/é")
            )  # fmt: skip
        if rng.random() < 0.05:
            request.query = rng.choice((b"", b"data=e30=", b"api_secret=", b"%ff=%00", b"data=" + rng.randbytes(30).hex().encode(), b"&&==", b"a" * 5000))  # fmt: skip


def _written(value: Any) -> bytes:
    """JSON with lone surrogates escaped, so that every value of the corpus can be sent."""
    return json.dumps(value, default=str).encode("ascii")
