"""The door: a bare ASGI application in front of the event log."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from shopkeeper.apps.door import segment
from shopkeeper.apps.door.answers import Refusal, of_error, say, say_refusal
from shopkeeper.apps.door.body import Gone
from shopkeeper.apps.door.context import DoorContext, Handler
from shopkeeper.apps.door.routes import ROUTES
from shopkeeper.apps.door.sources import Sources
from shopkeeper.apps.door.storing import remember_tail
from shopkeeper.apps.flows.tracking import Plans
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.live.bots.marker import Marker
from shopkeeper.core.errors import ShopkeeperError

log = logging.getLogger(__name__)

PREFIXES = ("/v1/", "/mp/", "/debug/mp/")
"""Paths that belong to the door; everything else is the console's and its API's."""

_ALLOW_METHODS = (b"access-control-allow-methods", b"GET, POST, OPTIONS")
_MAX_AGE = (b"access-control-max-age", b"86400")


def create_door(runtime: Runtime, *, routes: Iterable[tuple[str, str, Handler]] = ()) -> Door:
    """The door of an open shop.

    Parameters
    ----------
    runtime
        What ``open_runtime`` returned.
    routes
        Routes of this door alone, before those of ``routes.ROUTES``.

    Returns
    -------
    Door
        An ASGI application; its ``context`` holds counts and latest arrivals.
    """
    door = DoorContext(
        runtime=runtime,
        sources=Sources(runtime.state),
        check_plan=Plans(runtime.state).in_force,
        mark_bot=lambda event: Marker(actors=1).mark(event),
    )
    remember_tail(door)
    return Door(door, [*routes, *ROUTES])


class Door:
    """ASGI application for ``/v1``, ``/mp`` and ``/debug/mp``.

    Parameters
    ----------
    context
        What its handlers work with.
    routes
        Further routes by prefix.
    """

    def __init__(self, context: DoorContext, routes: list[tuple[str, str, Handler]]) -> None:
        self.context = context
        self._routes = routes
        self._exact: dict[tuple[str, str], Handler] = {
            ("POST", f"/v1/{name}"): segment.take_call(call) for name, call in segment.CALLS.items()
        }
        self._exact |= {("POST", f"/v1/{name}"): segment.take_batch for name in segment.BATCHES}
        self._exact["POST", "/v1/debug"] = segment.debug

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; never raises for anything a client can do."""
        if scope["type"] != "http":
            return
        origin = next((v for k, v in scope["headers"] if k == b"origin"), None)
        cross = [] if origin is None else _cross(origin)
        answer = send if origin is None else _with_headers(send, cross)
        if scope["method"] == "OPTIONS":
            await say(send, 204, b"", _preflight(scope, cross))
            return
        try:
            await self._handler(scope)(scope, receive, answer, self.context)
        except Gone:
            return
        except Refusal as refusal:
            await self._refuse(scope, answer, refusal)
        except ShopkeeperError as error:
            now_s = self.context.now_us() // 1_000_000
            await self._refuse(scope, answer, of_error(error, now_s))
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            await self._refuse(scope, answer, _internal())

    def _handler(self, scope: Scope) -> Handler:
        method, path = scope["method"], scope["path"]
        found = self._exact.get((method, path)) or self._exact.get((method, path.rstrip("/")))
        if found is not None:
            return found
        for route_method, prefix, handler in self._routes:
            if _under(path, prefix) and route_method in {method, "*"}:
                return handler
        exists = any(x == path.rstrip("/") for _, x in self._exact) or any(
            _under(path, x) for _, x, _ in self._routes
        )
        if exists:
            raise Refusal(
                405,
                "method_not_allowed",
                f"{path[:200]} 不支持 {method}",
                f"{path[:200]} does not support {method}",
                "Events are sent with POST",
            )
        raise Refusal(
            404,
            "not_found",
            f"没有 {path[:200]}",
            f"there is nothing at {path[:200]}",
            "Send events to /v1/track, identify, page, screen, group, alias or batch",
        )

    async def _refuse(self, scope: Scope, send: Send, refusal: Refusal) -> None:
        client = scope.get("client")
        self.context.arrivals.add(
            self.context.now_us(),
            str(refusal.facts.get("source", "")),
            scope["path"][:200],
            refusal.status,
            reason=refusal.code,
            zh=refusal.zh,
            en=refusal.en,
            next_step=refusal.next_step,
            ip=client[0] if client else "",
        )
        await say_refusal(scope, send, refusal)


class Mount:
    """ASGI middleware that hands the door its paths before anything else sees them.

    Parameters
    ----------
    app
        Everything else.
    door
        The door.
    """

    def __init__(self, app: ASGIApp, *, door: ASGIApp) -> None:
        self.app = app
        self.door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on by path."""
        if scope["type"] == "http" and scope["path"].startswith(PREFIXES):
            await self.door(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _under(path: str, prefix: str) -> bool:
    """Whether a path is the prefix or lies under it."""
    if prefix.endswith("/"):
        return path.startswith(prefix)
    return path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in {"", "/"}


def _cross(origin: bytes) -> list[tuple[bytes, bytes]]:
    """Which pages may send is decided by the write key, so every origin may read the answer."""
    return [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]


def _preflight(scope: Scope, cross: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    asked = next(
        (v for k, v in scope["headers"] if k == b"access-control-request-headers"),
        b"authorization, content-type",
    )
    return [*cross, _ALLOW_METHODS, _MAX_AGE, (b"access-control-allow-headers", asked)]


def _with_headers(send: Send, headers: list[tuple[bytes, bytes]]) -> Send:
    async def sending(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *headers]  # type: ignore[misc]
        await send(message)

    return sending  # type: ignore[return-value]


def _internal() -> Refusal:
    return Refusal(
        500,
        "internal",
        "服务内部出现不应有的错误",
        "something failed that should not have",
        "Look at the service log for the trace, and report it",
    )
