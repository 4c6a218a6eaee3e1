"""``/v1/profiles``: one customer by any identifier, a hundred at once."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import msgspec
from starlette.types import Receive, Scope, Send

from shopkeeper.apps.door.answers import Refusal, say_json
from shopkeeper.apps.door.body import read_body
from shopkeeper.apps.door.context import DoorContext, Handler
from shopkeeper.apps.flows.live_profile import profile_document
from shopkeeper.apps.flows.propensity_words import feature_templates
from shopkeeper.backends.runtime import Runtime
from shopkeeper.predict.explain import render
from shopkeeper.predict.templates import tell

tell(feature_templates())
PREFIX = "/v1/profiles/"
BATCH = 100
"""Most profiles of one request."""
PARTS = {
    "traits": "traits", "events": "timeline", "external_ids": "identifiers", "scores": "scores",
    "audiences": "audiences", "permits": "permits", "metadata": "freshness",
}  # fmt: skip
"""Last word of the path → part of the profile, as Segment's Profile API names them."""


class AskedProfiles(msgspec.Struct, forbid_unknown_fields=True):
    """Identifiers of a batch."""

    identifiers: list[str]


_decode = msgspec.json.Decoder(AskedProfiles).decode


def reading(runtime: Runtime) -> Handler:
    """The handler of ``GET /v1/profiles/{kind}:{value}`` and of its parts.

    Parameters
    ----------
    runtime
        The open shop.

    Returns
    -------
    Handler
        With ``?words=1``, and for ``/scores``, reasons come as sentences in zh and en too.
    """

    async def read(scope: Scope, _receive: Receive, send: Send, _door: DoorContext) -> None:
        # The raw path: an identifier may hold an encoded slash.
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        words = raw.decode("latin-1").partition("?")[0][len(PREFIX) :].split("/")
        identifier = unquote(words[0])
        # A point read takes microseconds: handing it to a thread would cost more.
        document = profile_document(runtime.profiles, identifier)
        if document is None:
            raise _nobody(identifier)
        if b"words=1" in scope.get("query_string", b"") or words[1:] == ["scores"]:
            _put_into_words(document)
        if len(words) == 1:
            await say_json(send, 200, document)
            return
        part = PARTS.get(words[1]) if len(words) == 2 else None
        if part is None:
            raise Refusal(
                404,
                "not_found",
                "客户资料没有这一部分",
                "a profile has no such part",
                f"Choose {', '.join(PARTS)}, or leave it out for everything",
            )
        await say_json(
            send, 200, {"customer_id": document["customer_id"], "data": document.get(part)}
        )

    return read


def reading_many(runtime: Runtime) -> Handler:
    """The handler of ``POST /v1/profiles/batch``.

    Parameters
    ----------
    runtime
        The open shop.

    Returns
    -------
    Handler
        Answers ``profiles`` by identifier, and in ``unknown`` those that nobody answers to.
    """

    async def read(scope: Scope, receive: Receive, send: Send, door: DoorContext) -> None:
        body = await read_body(
            dict(scope["headers"]), receive, limit=door.batch_bytes, seconds=door.body_seconds
        )
        asked = _read(body)
        found: dict[str, Any] = {}
        unknown = []
        for identifier in dict.fromkeys(asked.identifiers):
            document = profile_document(runtime.profiles, identifier)
            if document is None:
                unknown.append(identifier)
            else:
                found[identifier] = document
        await say_json(send, 200, {"profiles": found, "unknown": unknown})

    return read


def _put_into_words(document: dict[str, Any]) -> None:
    """Reasons of the scores as sentences; only on request, for it takes longer than the read."""
    for score in document["scores"].values():
        reasons = score.get("reasons")
        if reasons:
            stored = msgspec.json.encode(reasons).decode()
            score["words"] = {"zh": render(stored, "zh"), "en": render(stored, "en")}


def _read(body: bytes) -> AskedProfiles:
    try:
        asked = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(
            400,
            "malformed",
            f"请求不是一组标识：{error}",
            f"the body is no list of identifiers: {error}",
            'Send {"identifiers": ["kind:value", …]}',
        ) from error
    if len(asked.identifiers) > BATCH:
        raise Refusal(
            400,
            "malformed",
            f"一次最多查询 {BATCH} 个标识，收到 {len(asked.identifiers)} 个",
            f"{len(asked.identifiers)} identifiers were given, at most {BATCH} are read at once",
            "Ask in several requests",
        )
    return asked


def _nobody(identifier: str) -> Refusal:
    return Refusal(
        404,
        "not_found",
        f"没有客户使用标识 {identifier[:200]}",
        f"no customer answers to {identifier[:200]}",
        "Give a customer id, or an identifier as kind:value such as email:a@example.com",
    )
