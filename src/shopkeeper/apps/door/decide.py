"""``POST /v1/decide``: candidates in, ranking with probabilities out, and in the ledger first."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from shopkeeper.apps.door.answers import Refusal, say_json
from shopkeeper.apps.door.body import read_body
from shopkeeper.apps.door.context import DoorContext, Handler
from shopkeeper.apps.flows.rank import Rankings, known_of, worded
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.live.envelope import VERSION, Envelope, pack
from shopkeeper.core.clock import from_us
from shopkeeper.core.ids import content_id
from shopkeeper.core.ports import LogEntry
from shopkeeper.decide.online import Candidate, Ranking
from shopkeeper.decide.online_ledger import ledger_row

SOURCE = "decide"
"""Source of the decisions in the log."""
WORDED = 1
"""Candidates from the top that come with their reasons unless all are asked for."""


class AskedDecision(msgspec.Struct, forbid_unknown_fields=True):
    """A request for a ranking.

    Parameters
    ----------
    candidates
        What could be shown or sent.
    customer
        Identifier ``kind:value`` or customer id; empty for a visitor nobody knows.
    event_id
        The caller's id of this request: repeated, it gets the same answer and no second row.
    explore
        Share of random first places; None takes the setting.
    explain
        Whether every candidate comes with its reasons; else only the first, and codes of refusal.
    """

    candidates: list[Candidate]
    customer: str = ""
    event_id: str = ""
    explore: float | None = None
    explain: bool = False


_decode = msgspec.json.Decoder(AskedDecision).decode
_encode = msgspec.json.Encoder().encode


def deciding(runtime: Runtime) -> Handler:
    """The handler of ``POST /v1/decide``.

    Parameters
    ----------
    runtime
        The open shop.

    Returns
    -------
    Handler
    """
    rankings = Rankings(runtime)

    async def decide(scope: Scope, receive: Receive, send: Send, door: DoorContext) -> None:
        body = await read_body(
            dict(scope["headers"]), receive, limit=door.batch_bytes, seconds=door.body_seconds
        )
        asked = _read(body)
        rankings.refresh()
        decision_id = _decision_id(asked)
        now_us = door.now_us()
        as_of = from_us(now_us)
        contact = any(x.channel for x in asked.candidates)
        known = known_of(runtime.profiles, asked.customer, runtime.settings, as_of, contact=contact)
        ranking, repeated = rankings.answer(
            known,
            asked.candidates,
            decision_id=decision_id,
            as_of=as_of,
            explore=asked.explore,
        )
        if not repeated:
            try:
                await _log(runtime, ranking, asked, now_us)
            except BaseException:
                rankings.forget(decision_id)
                raise
        await say_json(send, 200, _answer(ranking, asked, runtime.settings.shop.currency))

    return decide


def _decision_id(asked: AskedDecision) -> str:
    if asked.event_id:
        return content_id(asked.customer, asked.event_id, prefix="live")
    return f"live_{uuid.uuid4().hex}"


async def _log(runtime: Runtime, ranking: Ranking, asked: AskedDecision, now_us: int) -> None:
    """Put the ledger row into the log and wait until it is on disk."""
    row = ledger_row(ranking, asked.candidates, runtime.settings.shop.currency)
    envelope = Envelope(
        v=VERSION,
        kind="decision",
        source=SOURCE,
        received_us=now_us,
        events=[msgspec.Raw(_encode(row))],
    )
    key = ranking.customer_id or asked.customer or ranking.decision_id
    await asyncio.wrap_future(
        runtime.log.submit([LogEntry(key, pack(envelope))], received_us=now_us)
    )


def _read(body: bytes) -> AskedDecision:
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(
            400,
            "malformed",
            f"请求不是一个决策请求：{error}",
            f"the body is no request for a decision: {error}",
            'Send {"customer": "kind:value", "candidates": [{"id": "…"}]}',
        ) from error


def _answer(ranking: Ranking, asked: AskedDecision, currency: str) -> dict[str, Any]:
    shown = len(ranking.ranked) if asked.explain else WORDED
    ranked = []
    for place, one in enumerate(ranking.ranked):
        item: dict[str, Any] = {
            "id": one.id,
            "probability": one.probability,
            "value_minor": round(one.value_minor),
        }
        if place < shown:
            item["reasons"] = one.reasons
            item["words"] = worded(one.reasons, currency)
        ranked.append(item)
    return {
        "decision_id": ranking.decision_id,
        "event_id": asked.event_id,
        "customer_id": ranking.customer_id or None,
        "as_of": ranking.as_of.isoformat(),
        "ranking": ranked,
        "refused": [_refused(name, why, currency, asked) for name, why in ranking.refused],
        "explored": ranking.explored,
        "holdout": ranking.holdout,
        "policy_version": ranking.policy_version,
        "currency": currency,
    }


def _refused(
    name: str, why: Mapping[str, Any], currency: str, asked: AskedDecision
) -> dict[str, Any]:
    item: dict[str, Any] = {"id": name, "reason": why["code"]}
    if asked.explain:
        item["words"] = worded([why], currency)[0]
    return item
