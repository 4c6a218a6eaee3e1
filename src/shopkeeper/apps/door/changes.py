"""``GET /v1/changes``: what changes in profiles, as server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec
from starlette.types import Receive, Scope, Send

from shopkeeper.apps.door.answers import Refusal
from shopkeeper.apps.door.context import DoorContext, Handler
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.ports import ProfileChange, ProfileStore

POLL_SECONDS = 0.1
HEARTBEAT_SECONDS = 15.0
MOST_SUBSCRIBERS = 100
PAGE = 500

_encode = msgspec.json.Encoder().encode


class Tail:
    """One reader of the changes for all subscribers; it reads only while somebody listens.

    Parameters
    ----------
    profiles
        Where changes are kept.
    poll_seconds
        How often it looks.
    """

    def __init__(self, profiles: ProfileStore, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._profiles = profiles
        self._poll_seconds = poll_seconds
        self._listeners: set[asyncio.Queue[Sequence[ProfileChange] | None]] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def join(self) -> asyncio.Queue[Sequence[ProfileChange] | None]:
        """A queue of changes from now on; None in it means that it overflowed."""
        queue: asyncio.Queue[Sequence[ProfileChange] | None] = asyncio.Queue(maxsize=100)
        self._listeners.add(queue)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        return queue

    def leave(self, queue: asyncio.Queue[Sequence[ProfileChange] | None]) -> None:
        """Stop listening."""
        self._listeners.discard(queue)

    async def _run(self) -> None:
        after = self._profiles.last_change()
        while self._listeners:
            found = self._profiles.changes(after, limit=PAGE)
            if found:
                after = found[-1].sequence
                for queue in list(self._listeners):
                    self._give(queue, found)
            if len(found) < PAGE:
                await asyncio.sleep(self._poll_seconds)
            else:
                await asyncio.sleep(0)

    def _give(
        self,
        queue: asyncio.Queue[Sequence[ProfileChange] | None],
        found: Sequence[ProfileChange],
    ) -> None:
        try:
            queue.put_nowait(found)
        except asyncio.QueueFull:
            # Too slow a subscriber is told to come back with its last id: nothing is skipped.
            self._listeners.discard(queue)
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait(None)


def streaming(runtime: Runtime) -> Handler:
    """The handler of ``GET /v1/changes``.

    Parameters
    ----------
    runtime
        The open shop.

    Returns
    -------
    Handler
        ``?customer=`` keeps one customer's changes; ``Last-Event-ID`` or ``?after=`` resumes
        without a gap as far as changes are kept.
    """
    profiles = runtime.profiles
    tail = Tail(profiles)

    async def stream(scope: Scope, receive: Receive, send: Send, _door: DoorContext) -> None:
        if tail.listeners >= MOST_SUBSCRIBERS:
            raise Refusal(
                429,
                "busy",
                f"已有 {MOST_SUBSCRIBERS} 个订阅者",
                f"{MOST_SUBSCRIBERS} subscribers listen already",
                "Close a page that listens, or ask again later",
                headers=[(b"retry-after", b"10")],
            )
        customer, after = _asked(scope, profiles)
        queue = tail.join()
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [(b"content-type", b"text/event-stream; charset=utf-8")],
                }
            )
            await _send(send, b"retry: 2000\n\n")
            after = await _catch_up(send, profiles, after, customer)
            await _follow(send, queue, gone, after, customer)
        finally:
            tail.leave(queue)
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone

    return stream


async def _follow(
    send: Send,
    queue: asyncio.Queue[Sequence[ProfileChange] | None],
    gone: asyncio.Future[None],
    after: int,
    customer: str | None,
) -> None:
    while not gone.done():
        waiting = asyncio.ensure_future(queue.get())
        both: set[asyncio.Future[Any]] = {waiting, gone}
        done, _ = await asyncio.wait(
            both, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if waiting not in done:
            waiting.cancel()
            if gone not in done:
                await _send(send, b": still here\n\n")
            continue
        changes = waiting.result()
        if changes is None:
            break
        body = _written([x for x in changes if x.sequence > after], customer)
        if body:
            await _send(send, body)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _catch_up(send: Send, profiles: ProfileStore, after: int, customer: str | None) -> int:
    """Everything between the subscriber's last change and now."""
    while True:
        found = profiles.changes(after, limit=PAGE)
        if not found:
            return after
        after = found[-1].sequence
        body = _written(found, customer)
        if body:
            await _send(send, body)
        await asyncio.sleep(0)


def _written(changes: Sequence[ProfileChange], customer: str | None) -> bytes:
    return b"".join(
        b"id: %d\nevent: change\ndata: %s\n\n"
        % (x.sequence, _encode({"customer_id": x.customer_id, "at_us": x.at_us, **x.change}))
        for x in changes
        if customer is None or x.customer_id == customer
    )


def _asked(scope: Scope, profiles: ProfileStore) -> tuple[str | None, int]:
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    headers = dict(scope["headers"])
    given = headers.get(b"last-event-id", b"").decode("latin-1") or query.get("after", [""])[0]
    if given and not given.isdigit():
        raise Refusal(
            400,
            "malformed",
            "after 不是序号",
            "after is no sequence number",
            "Give the id of the last change you received, or leave it out",
        )
    who = query.get("customer", [""])[0]
    customer = profiles.resolve([who]).get(who, who) if who else None
    return customer, int(given) if given else profiles.last_change()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})
