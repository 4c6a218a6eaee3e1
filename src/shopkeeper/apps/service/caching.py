"""Entity tags: an unchanged answer costs the console nothing but a header."""

from __future__ import annotations

import hashlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class EntityTags:
    """ASGI middleware that tags answers of the API and says 304 to who has them already.

    Parameters
    ----------
    app
        The application behind.
    prefix
        Paths that are tagged; files have their own tags.
    """

    def __init__(self, app: ASGIApp, *, prefix: str) -> None:
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold back a complete 200 answer, tag it, and send it or 304."""
        if (
            scope["type"] != "http"
            or scope["method"] != "GET"
            or not scope["path"].startswith(self.prefix)
        ):
            await self.app(scope, receive, send)
            return
        start: Message | None = None
        body = bytearray()
        wanted = Headers(scope=scope).get("if-none-match", "")

        async def tagged(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                if message["status"] != 200:
                    await send(message)
                return
            if start is None or start["status"] != 200 or message["type"] != "http.response.body":
                await send(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body", False):
                return
            tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
            headers = MutableHeaders(scope=start)
            headers["ETag"] = tag
            if tag in {x.strip() for x in wanted.split(",")}:
                start["status"] = 304
                del headers["content-length"]
                body.clear()
            await send(start)
            await send({"type": "http.response.body", "body": bytes(body)})

        await self.app(scope, receive, tagged)
