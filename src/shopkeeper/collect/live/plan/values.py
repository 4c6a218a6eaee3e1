"""What single values of an event are, and where they stand."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, TypeAlias

DECIMAL = re.compile(r"\s*[-+]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})\s*\Z", re.ASCII)
"""Text that counts as a decimal number."""
Trail: TypeAlias = tuple[Any, ...]
"""Where a value stands, as (trail of the parent, name or index); joined only when needed."""


def absent(value: object) -> bool:
    """Whether a value says nothing: null or blank text.

    Parameters
    ----------
    value
        Anything JSON holds.

    Returns
    -------
    bool
    """
    return value is None or (isinstance(value, str) and (not value or value.isspace()))


def is_moment(text: str) -> bool:
    """Whether a text is a moment in ISO 8601, with a time of day.

    Parameters
    ----------
    text
        Anything.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_moment("2026-03-01T08:00:00Z"), is_moment("2026-03-01"), is_moment("soon")
    (True, False, False)
    """
    if len(text) < 13 or len(text) > 40 or text[10] not in "T ":
        return False
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def path(trail: Trail) -> str:
    """Path of a value as people read it.

    Parameters
    ----------
    trail
        Parent's trail and name or index; the outermost is ``(name,)``.

    Returns
    -------
    str

    Examples
    --------
    >>> path((((("properties",), "products"), 2), "price"))
    'properties.products[2].price'
    """
    parts: list[str] = []
    while len(trail) == 2:
        trail, last = trail
        parts.append(f"[{last}]" if isinstance(last, int) else f".{last[:100]}")
    text = str(trail[0]) + "".join(reversed(parts))
    return text[:300].encode("utf-8", "replace").decode()
