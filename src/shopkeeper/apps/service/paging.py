"""Cursors: opaque marks of where the next page starts."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import TypeVar

from shopkeeper.core.errors import InputError

Row = TypeVar("Row")


def encode(kind: str, offset: int) -> str:
    """Cursor that continues a list at `offset`.

    Parameters
    ----------
    kind
        Name of the list with its filters; a cursor of another list is refused.
    offset
        Rows already given.

    Returns
    -------
    str
        URL-safe text.

    Examples
    --------
    >>> decode("loads", encode("loads", 50))
    50
    """
    raw = json.dumps([kind, offset], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode(kind: str, cursor: str | None) -> int:
    """Offset that a cursor stands for.

    Parameters
    ----------
    kind
        Name of the list with its filters, as given to `encode`.
    cursor
        Text from `encode`; ``None`` is the first page.

    Returns
    -------
    int
        Rows to skip, at least 0.

    Raises
    ------
    InputError
        If the text is no cursor of this list.
    """
    if cursor is None:
        return 0
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found, offset = json.loads(base64.urlsafe_b64decode(padded))
    except (binascii.Error, ValueError, TypeError) as error:
        raise _foreign(cursor) from error
    if found != kind or not isinstance(offset, int) or offset < 0:
        raise _foreign(cursor)
    return offset


def _foreign(cursor: str) -> InputError:
    return InputError(
        "the cursor belongs to no page of this list",
        next_step="Start again without a cursor, and keep the filters while paging",
        cursor=cursor,
    )


def cut(kind: str, rows: Sequence[Row], offset: int, limit: int) -> tuple[list[Row], str | None]:
    """Split what was read (one row more than a page) into the page and its next cursor.

    Parameters
    ----------
    kind
        Name of the list with its filters.
    rows
        Rows from `offset` on, at most ``limit + 1``.
    offset
        Rows skipped before.
    limit
        Rows a page holds.

    Returns
    -------
    tuple of list and str or None
        The page; the cursor is ``None`` on the last page.

    Examples
    --------
    >>> page, cursor = cut("x", [1, 2, 3], 0, 2)
    >>> page, decode("x", cursor)
    ([1, 2], 2)
    """
    more = len(rows) > limit
    return list(rows[:limit]), encode(kind, offset + limit) if more else None
