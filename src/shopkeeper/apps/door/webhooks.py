"""``POST /v1/webhooks/{connector_id}``: what other systems send, checked and put into the log."""

from __future__ import annotations

import asyncio
import os

import msgspec
from sqlalchemy import update
from starlette.types import Receive, Scope, Send

from shopkeeper.apps.door.answers import SUCCESS, Refusal, say
from shopkeeper.apps.door.context import Asked, DoorContext
from shopkeeper.apps.door.segment import note
from shopkeeper.apps.door.sources import Source
from shopkeeper.apps.door.storing import Sent, heads_of, store
from shopkeeper.apps.flows.connect import connector
from shopkeeper.apps.flows.connect_run import read_text
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.connectors import generic, shopify
from shopkeeper.collect.connectors.kinds import Config, Pushed, Shopify, Webhook, read_config
from shopkeeper.collect.connectors.references import resolved
from shopkeeper.collect.connectors.signatures import check_shopify, check_standard
from shopkeeper.core import state
from shopkeeper.core.errors import InputError, NotFoundError

PREFIX = "/v1/webhooks/"


async def webhook(scope: Scope, receive: Receive, send: Send, door: DoorContext) -> None:
    """Take one message: 200 once it is on disk.

    Parameters
    ----------
    scope, receive, send
        Of the request.
    door
        What the door works with.

    Raises
    ------
    Refusal
        404 for a connector that is not there or off, 401 for a wrong signature, 422 for a
        message that is no event of ours.
    """
    asked = Asked(scope, receive, door)
    name = scope["path"].removeprefix(PREFIX).strip("/")
    config = await asyncio.to_thread(_config_of, door.runtime, name)
    body = await asked.body()
    if isinstance(config, Shopify):
        events = _from_shopify(asked, config, body, name)
    else:
        events = _from_any(asked, config, body, name)
    source = Source(name, "", kind="webhook", user_kind=config.customer_kind)
    sent = Sent(
        source=source,
        events=[msgspec.Raw(x) for x in events],
        received_us=door.now_us(),
        agent=asked.text(b"user-agent"),
    )
    heads = heads_of(sent.events)
    accepted, repeated = await store(door, sent, heads)
    note(door, sent, heads, scope["path"][:200], 200, accepted=accepted, duplicates=repeated)
    await asyncio.to_thread(_count, door.runtime, name, accepted)
    await say(send, 200, SUCCESS)


def _config_of(runtime: Runtime, name: str) -> Shopify | Webhook:
    try:
        found = connector(runtime.state, name).definition
    except NotFoundError:
        found = None
    if found is None or not found.enabled or not isinstance(found.read, Pushed):
        raise Refusal(
            404,
            "not_found",
            f"没有接收 webhook 的连接器 {name[:100]}，或已停用",
            f"there is no connector {name[:100]!r} that takes webhooks, or it is off",
            "See them with: shopkeeper connector list",
        )
    given = resolved(found.config, environment=os.environ, read=read_text, where=name)
    config: Config = read_config(found.kind, given, where=name)
    if not isinstance(config, Shopify | Webhook):
        raise TypeError(found.kind)
    return config


def _from_shopify(asked: Asked, config: Shopify, body: bytes, name: str) -> list[bytes]:
    try:
        check_shopify(config.secret, body, asked.text(b"x-shopify-hmac-sha256"))
    except InputError as error:
        raise _unsigned(error, name) from error
    try:
        return shopify.events_of(
            asked.text(b"x-shopify-topic"), asked.text(b"x-shopify-webhook-id"), body
        )
    except InputError as error:
        raise _no_event(error, name) from error


def _from_any(asked: Asked, config: Webhook, body: bytes, name: str) -> list[bytes]:
    message = asked.text(b"webhook-id")
    try:
        check_standard(
            config.secret, message, asked.text(b"webhook-timestamp"), body,
            asked.text(b"webhook-signature"), now_s=asked.door.now_us() // 1_000_000,
        )  # fmt: skip
    except InputError as error:
        raise _unsigned(error, name) from error
    try:
        return [generic.event_of(config, message, body)]
    except InputError as error:
        raise _no_event(error, name) from error


def _count(runtime: Runtime, name: str, accepted: int) -> None:
    """What the list of connectors shows."""
    table, now = state.connectors, runtime.clock.now()
    with runtime.state.begin() as connection:
        connection.execute(
            update(table)
            .where(table.c.connector_id == name)
            .values(
                rows_total=table.c.rows_total + accepted, last_started_at=now, last_ok_at=now,
                data_until=now, status="ok", failures=0, error=None,
            )
        )  # fmt: skip


def _unsigned(error: InputError, name: str) -> Refusal:
    return Refusal(
        401, "unauthorised", "签名缺失或与内容不符", error.message, error.next_step,
        facts={"source": name},
    )  # fmt: skip


def _no_event(error: InputError, name: str) -> Refusal:
    return Refusal(
        422, "refused", f"这条消息不能成为事件：{error.message}", error.message, error.next_step,
        facts={"source": name},
    )  # fmt: skip
