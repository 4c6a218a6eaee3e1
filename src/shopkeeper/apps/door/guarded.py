"""What the door shows of customers passes the same gate as the console's API.

Write keys lie open in web pages: they let events in and nothing out.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from shopkeeper.apps.door.answers import Refusal
from shopkeeper.apps.door.context import DoorContext, Handler

Guard = Callable[[ASGIApp], ASGIApp]
"""Puts the gate of the console's API before an application."""


def guarded(guard: Guard, answer: Handler) -> Handler:
    """A handler that answers only who may read customers.

    Parameters
    ----------
    guard
        Refuses foreign host names, and requests without the service's token where one is set.
    answer
        What answers.

    Returns
    -------
    Handler
        Refuses pages of other origins besides.
    """

    async def handler(scope: Scope, receive: Receive, send: Send, door: DoorContext) -> None:
        origin = _header(scope, b"origin")
        if origin and urlsplit(origin).netloc != _header(scope, b"host"):
            raise Refusal(
                403,
                "forbidden",
                "其他网站的页面不能读取客户资料",
                "a page of another origin may not read customers",
                "Ask from the shop's server, with the service's token",
            )

        async def inner(scope: Scope, receive: Receive, send: Send) -> None:
            await answer(scope, receive, send, door)

        await guard(inner)(scope, receive, send)

    return handler


def _header(scope: Scope, name: bytes) -> str:
    return next((v.decode("latin-1") for k, v in scope["headers"] if k == name), "")
