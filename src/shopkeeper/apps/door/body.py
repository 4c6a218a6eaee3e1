"""Reading a request body: bounded in bytes, in time, and in what gzip makes of it."""

from __future__ import annotations

import asyncio
import zlib

from starlette.types import Receive

from shopkeeper.apps.door.answers import Refusal

GZIP = frozenset({b"gzip", b"x-gzip"})


class Gone(Exception):  # noqa: N818 - nobody is left to answer
    """The client closed the connection before its body was complete."""


async def read_body(
    headers: dict[bytes, bytes], receive: Receive, *, limit: int, seconds: float
) -> bytes:
    """The whole body of a request.

    Parameters
    ----------
    headers
        Of the request, names in lower case.
    receive
        Of the request.
    limit
        Most bytes, before and after unpacking.
    seconds
        Longest time from the first to the last byte.

    Returns
    -------
    bytes
        Unpacked if it came as gzip.

    Raises
    ------
    Refusal
        413 over the limit, 408 too slow, 400 if gzip is damaged, 415 for other encodings.
    Gone
        If the client left.
    """
    declared = headers.get(b"content-length")
    if declared is not None and (not declared.isdigit() or int(declared) > limit):
        raise _too_large(limit)
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    body = await _collect(receive, limit, seconds)
    if encoding == b"identity" or not encoding:
        return body
    if encoding in GZIP:
        return inflate(body, limit)
    raise Refusal(
        415,
        "malformed",
        "不支持这种压缩方式",
        f"the body is encoded as {encoding[:40]!r}, which is not understood",
        "Send it plain or with Content-Encoding: gzip",
    )


def inflate(packed: bytes, limit: int) -> bytes:
    """Unpack gzip, never more than the limit.

    Parameters
    ----------
    packed
        One or more gzip members.
    limit
        Most bytes of the result.

    Returns
    -------
    bytes

    Raises
    ------
    Refusal
        413 if it would be larger, 400 if it is damaged or cut off.

    Examples
    --------
    >>> import gzip
    >>> inflate(gzip.compress(b"{}"), 10)
    b'{}'
    """
    parts: list[bytes] = []
    size, rest = 0, packed
    try:
        while rest:
            member = zlib.decompressobj(wbits=31)
            # One byte more than is left tells a bomb from a body that just fits.
            part = member.decompress(rest, limit - size + 1)
            size += len(part)
            if size > limit:
                raise _too_large(limit)
            if not member.eof:
                raise _damaged("it ends too early")
            parts.append(part)
            rest = member.unused_data
    except zlib.error as error:
        raise _damaged(str(error)) from error
    return b"".join(parts)


async def _collect(receive: Receive, limit: int, seconds: float) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    try:
        async with asyncio.timeout(seconds):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                part: bytes = message.get("body", b"")
                parts.append(part)
                size += len(part)
                if size > limit:
                    raise _too_large(limit)
                more = message.get("more_body", False)
    except TimeoutError as error:
        raise _too_slow(seconds) from error
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> Refusal:
    return Refusal(
        413,
        "too_large",
        f"请求超过 {limit} 字节",
        f"the body is larger than {limit} bytes",
        "Send smaller batches; setting live.batch_kb is the bound",
        close=True,
        facts={"limit_bytes": limit},
    )


def _damaged(why: str) -> Refusal:
    return Refusal(
        400, "malformed", "gzip 数据已损坏", f"the gzip body is damaged: {why}", "Send it again"
    )


def _too_slow(seconds: float) -> Refusal:
    return Refusal(
        408,
        "too_slow",
        f"请求体在 {seconds:g} 秒内没有传完",
        f"the body took longer than {seconds:g} seconds",
        "Send smaller batches over this connection",
        close=True,
    )
