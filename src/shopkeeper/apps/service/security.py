"""What every request passes first: host, size, origin, token; and the headers of every answer.

The service is made for one machine and its console. It answers no foreign origin (there are no
CORS headers), believes no foreign host name (a page elsewhere cannot rebind its name to this
machine), takes writes only from its own pages or from a client that is no browser, and, when a
token is set, answers nothing without it.
"""

from __future__ import annotations

import hmac
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shopkeeper.apps.service.problems import problem

COOKIE = "shopkeeper_token"
MAX_BODY_BYTES = 1_048_576
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
EVERYWHERE = frozenset({"0.0.0.0", "::", ""})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_PATHS = frozenset({"/health", "/ready"})
GUARDED = ("/api/", "/metrics", "/v1/profiles", "/v1/decide", "/v1/changes")

CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # the component library writes its styles at run time
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Content-Security-Policy": CONTENT_POLICY,
}


class Gate:
    """ASGI middleware that refuses before anything is read, and adds the security headers.

    Parameters
    ----------
    app
        The application behind.
    host
        Address the service listens on; besides loopback names the only one believed.
    token
        If not empty, the API answers only requests that carry it.
    max_body_bytes
        Largest request body; larger ones are refused with 413.
    """

    def __init__(
        self, app: ASGIApp, *, host: str, token: str = "", max_body_bytes: int = MAX_BODY_BYTES
    ) -> None:
        self.app = app
        self.token = token
        self.max_body_bytes = max_body_bytes
        any_host = bool(token) or host in EVERYWHERE
        self.hosts = None if any_host else LOOPBACK | {host}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refusal, or pass on with a bounded body and guarded headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith(GUARDED):
                    headers.setdefault("Cache-Control", "private, no-cache")
            await send(message)

        headers = Headers(scope=scope)
        refusal = (
            self._foreign_host(headers)
            or self._without_token(scope, headers)
            or self._foreign_write(scope, headers)
            or self._too_large(scope, headers)
        )
        if refusal is not None:
            await problem(
                refusal[0], refusal[1], refusal[2], next_step=refusal[3], instance=scope["path"]
            )(scope, receive, guarded)
            return
        await self.app(scope, self._bounded(receive), guarded)

    def _foreign_host(self, headers: Headers) -> tuple[int, str, str, str] | None:
        if self.hosts is None or _host_name(headers.get("host", "")) in self.hosts:
            return None
        return (
            403,
            "forbidden",
            f"this service does not answer to the name {headers.get('host', '')!r}",
            "Open it as http://127.0.0.1, or set service.host to the name it is known by",
        )

    def _without_token(self, scope: Scope, headers: Headers) -> tuple[int, str, str, str] | None:
        path: str = scope["path"]
        if not self.token or path in OPEN_PATHS or not path.startswith(GUARDED):
            return None
        if self.carries(headers):
            return None
        return (
            401,
            "unauthorised",
            "the request carries no valid token",
            "Send Authorization: Bearer <service.token>, or open the address that start-up printed",
        )

    def _foreign_write(self, scope: Scope, headers: Headers) -> tuple[int, str, str, str] | None:
        if scope["method"] in READING or headers.get("authorization"):
            return None
        if _same_origin(headers):
            return None
        return (
            403,
            "forbidden",
            "a write from a page of another origin is refused",
            "Use the console, or send a bearer token from a program",
        )

    def _too_large(self, scope: Scope, headers: Headers) -> tuple[int, str, str, str] | None:
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) <= self.max_body_bytes:
            return None
        return (
            413,
            "too_large",
            f"the body of {scope['path']} exceeds {self.max_body_bytes} bytes",
            "Load files with: shopkeeper collect PATH",
        )

    def carries(self, headers: Headers) -> bool:
        """Whether a request brings the token, as bearer or as the console's cookie.

        Parameters
        ----------
        headers
            Headers of the request.

        Returns
        -------
        bool
        """
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
            given = cookie.value if cookie else ""
        return hmac.compare_digest(given.strip().encode(), self.token.encode())

    def _bounded(self, receive: Receive) -> Receive:
        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > self.max_body_bytes:
                    # A body without a declared length is cut off like a broken connection.
                    return {"type": "http.disconnect"}
            return message

        return bounded


def _host_name(host: str) -> str:
    return (urlsplit(f"//{host}").hostname or "").lower()


def _same_origin(headers: Headers) -> bool:
    """A browser says where a write comes from; what says nothing at all is no browser."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")
