"""What every handler of the door gets, and the facts of one request."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from starlette.types import Receive, Scope, Send

from shopkeeper.apps.door.answers import Refusal
from shopkeeper.apps.door.arrivals import Arrivals
from shopkeeper.apps.door.body import read_body
from shopkeeper.apps.door.seen import Seen
from shopkeeper.apps.door.sources import Source, Sources
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.live.envelope import Arrived, Violation
from shopkeeper.core.clock import to_us

BODY_SECONDS = 15.0
"""Longest time a body may take to arrive."""

CheckPlan = Callable[[Arrived], Sequence[Violation]]
MarkBot = Callable[[Arrived], str | None]


@dataclass(slots=True)
class DoorContext:
    """What the door works with.

    Parameters
    ----------
    runtime
        The open shop.
    sources
        Who may send.
    seen
        Message ids let in before.
    arrivals
        What came in lately.
    check_plan
        Gives the tracking plan's check in force, or None without a plan.
    mark_bot
        Says, without remembering, why one event alone looks like no person.
    body_seconds
        Longest time a body may take to arrive.
    """

    runtime: Runtime
    sources: Sources
    seen: Seen = field(default_factory=Seen)
    arrivals: Arrivals = field(default_factory=Arrivals)
    check_plan: Callable[[], CheckPlan | None] = lambda: None
    mark_bot: MarkBot | None = None
    body_seconds: float = BODY_SECONDS

    @property
    def event_bytes(self) -> int:
        """Largest event."""
        return self.runtime.settings.live.event_kb * 1024

    @property
    def batch_bytes(self) -> int:
        """Largest body."""
        return self.runtime.settings.live.batch_kb * 1024

    def now_us(self) -> int:
        """The current moment in microseconds UTC."""
        return to_us(self.runtime.clock.now())


Handler = Callable[[Scope, Receive, Send, DoorContext], Awaitable[None]]
"""Answers one request; a raised ``Refusal`` or ``ShopkeeperError`` is turned into a problem."""


class Asked:
    """One request: its headers and what can be read off them.

    Parameters
    ----------
    scope
        Of the request.
    receive
        Of the request.
    door
        What the door works with.
    """

    __slots__ = ("door", "headers", "receive", "scope")

    def __init__(self, scope: Scope, receive: Receive, door: DoorContext) -> None:
        self.scope = scope
        self.receive = receive
        self.door = door
        self.headers: dict[bytes, bytes] = dict(scope["headers"])

    def text(self, name: bytes) -> str:
        """A header as text; empty if absent."""
        return self.headers.get(name, b"").decode("latin-1")

    @property
    def ip(self) -> str:
        """Address of the client."""
        client = self.scope.get("client")
        return client[0] if client else ""

    @property
    def strict(self) -> bool:
        """Whether the sender wants a verdict on every event."""
        if b"x-strict" in self.headers:
            return self.headers[b"x-strict"].lower() not in {b"0", b"false", b""}
        query: bytes = self.scope.get("query_string", b"")
        return b"strict=1" in query or b"strict=true" in query

    async def body(self) -> bytes:
        """The whole body.

        Raises
        ------
        Refusal
            If it is too large, too slow or damaged.
        """
        door = self.door
        return await read_body(
            self.headers, self.receive, limit=door.batch_bytes, seconds=door.body_seconds
        )

    async def source(self, body_key: str | None = None) -> Source:
        """The source that the request's write key belongs to.

        Parameters
        ----------
        body_key
            ``writeKey`` of the body, used if no header carries one.

        Returns
        -------
        Source

        Raises
        ------
        Refusal
            401 without a key, or with one that is unknown or disabled; 403 for a page that may
            not send to it.
        """
        key = self._header_key() or body_key
        if not key:
            raise _no_key()
        source = self.door.sources.known(key) or await self.door.sources.find(key)
        if source is None:
            raise _bad_key()
        if not source.enabled:
            raise _disabled(source)
        origin = self.headers.get(b"origin")
        if origin and source.origins and origin.decode("latin-1") not in source.origins:
            raise _foreign_page(source, origin)
        return source

    def _header_key(self) -> str:
        given = self.headers.get(b"authorization")
        if not given:
            return ""
        scheme, _, value = given.partition(b" ")
        if scheme.lower() == b"bearer":
            return value.strip().decode("latin-1")
        if scheme.lower() != b"basic":
            return ""
        try:
            plain = base64.b64decode(value.strip(), validate=True)
        except (binascii.Error, ValueError) as error:
            raise _bad_key() from error
        return plain.partition(b":")[0].decode("latin-1")


def _no_key() -> Refusal:
    return Refusal(
        401,
        "unauthorised",
        "请求没有写入密钥",
        "the request carries no write key",
        "Send the source's write key as user of Basic authentication or as writeKey in the body",
        headers=[(b"www-authenticate", b'Basic realm="write key"')],
    )


def _bad_key() -> Refusal:
    return Refusal(
        401,
        "unauthorised",
        "没有哪个来源使用这个写入密钥",
        "no source has this write key",
        "Show the keys with: shopkeeper source list, or make a source with: shopkeeper source add",
    )


def _disabled(source: Source) -> Refusal:
    return Refusal(
        401,
        "unauthorised",
        f"来源 {source.source_id} 已停用",
        f"source {source.source_id} is disabled",
        f"Enable it with: shopkeeper source enable {source.source_id}",
        facts={"source": source.source_id},
    )


def _foreign_page(source: Source, origin: bytes) -> Refusal:
    page = origin.decode("latin-1")[:200]
    return Refusal(
        403,
        "forbidden",
        f"页面 {page} 不在来源 {source.source_id} 允许的名单内",
        f"pages of {page} may not send to source {source.source_id}",
        f"Allow it with: shopkeeper source allow {source.source_id} --origin {page}",
        facts={"source": source.source_id, "origin": page},
    )
