"""What the door says: success, and refusals as ``application/problem+json`` with the next step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from starlette.types import Scope, Send

from shopkeeper.core.errors import ShopkeeperError

Headers = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
PROBLEM = (b"content-type", b"application/problem+json")
CLOSE = (b"connection", b"close")
SUCCESS = b'{"success":true}'

TITLES: dict[str, tuple[str, str]] = {
    "malformed": ("请求无法读取", "The request cannot be read"),
    "too_large": ("请求过大", "The request is too large"),
    "too_slow": ("请求传输太慢", "The request came too slowly"),
    "unauthorised": ("写入密钥无效", "The write key is not valid"),
    "forbidden": ("不允许该来源页面", "The page may not send to this source"),
    "refused": ("事件不符合约定", "An event would not be admitted"),
    "not_found": ("没有这个地址", "There is nothing at this address"),
    "method_not_allowed": ("不支持的方法", "The method is not supported"),
    "busy": ("请求过多，请稍后", "Too much at once; wait"),
    "storage_full": ("磁盘已满", "No room left"),
    "store": ("暂时无法保存", "The events cannot be kept now"),
    "internal": ("服务内部错误", "Internal error"),
}
"""Title of a refusal by code, in zh and en."""

_encode = msgspec.json.Encoder().encode


class Refusal(Exception):  # noqa: N818 - an answer, not an error of the program
    """A request that is answered with a problem.

    Parameters
    ----------
    status
        HTTP status.
    code
        Key of :data:`TITLES`.
    zh, en
        What is wrong, in one sentence each.
    next_step
        What the sender can do.
    headers
        Further headers.
    close
        Whether the connection ends here, because the rest of the body is not read.
    facts
        The values behind the sentence.
    """

    def __init__(
        self,
        status: int,
        code: str,
        zh: str,
        en: str,
        next_step: str,
        *,
        headers: Iterable[tuple[bytes, bytes]] = (),
        close: bool = False,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(en)
        self.status = status
        self.code = code
        self.zh = zh
        self.en = en
        self.next_step = next_step
        self.headers = [*headers, CLOSE] if close else list(headers)
        self.facts = dict(facts or {})


def of_error(error: ShopkeeperError, now_s: int) -> Refusal:
    """The refusal that a deliberate error becomes.

    Parameters
    ----------
    error
        What was raised.
    now_s
        The current second, for the moment at which a retry may succeed.

    Returns
    -------
    Refusal
        With ``Retry-After`` and ``X-RateLimit-Reset`` if a retry can help.
    """
    wait = error.facts.get("retry_after_s", getattr(error, "retry_after_s", 1))
    seconds = max(1, round(float(wait)))
    again = [(b"retry-after", b"%d" % seconds), (b"x-ratelimit-reset", b"%d" % (now_s + seconds))]
    code = error.code if error.code in TITLES else "store"
    return Refusal(
        error.status,
        code,
        TITLES[code][0],
        error.message,
        error.next_step or "Send the same request again",
        headers=again if error.retryable or error.status >= 500 else (),
    )


async def say(
    send: Send, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = (JSON,)
) -> None:
    """Send one answer.

    Parameters
    ----------
    send
        Of the request.
    status
        HTTP status.
    body
        Whole body.
    headers
        All headers but the length.
    """
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, (b"content-length", b"%d" % len(body))],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def say_json(
    send: Send, status: int, content: object, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Send one JSON answer.

    Parameters
    ----------
    send
        Of the request.
    status
        HTTP status.
    content
        What msgspec can encode.
    headers
        Further headers.
    """
    await say(send, status, _encode(content), [JSON, *headers])


async def say_refusal(
    scope: Scope, send: Send, refusal: Refusal, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Send a refusal.

    Parameters
    ----------
    scope
        Of the request.
    send
        Of the request.
    refusal
        What to say.
    headers
        Further headers.
    """
    zh, en = TITLES.get(refusal.code, TITLES["malformed"])
    content = {
        "type": f"urn:shopkeeper:problem:{refusal.code}",
        "title": en,
        "title_text": {"zh": zh, "en": en},
        "status": refusal.status,
        "detail": refusal.en,
        "detail_text": {"zh": refusal.zh, "en": refusal.en},
        # The names under which Segment's own SDKs look for the reason.
        "code": refusal.code,
        "message": refusal.en,
        "facts": refusal.facts,
        "next_step": refusal.next_step,
        "retryable": refusal.status in {408, 429} or refusal.status >= 500,
        "instance": scope["path"],
    }
    await say(send, refusal.status, _encode(content), [PROBLEM, *refusal.headers, *headers])
