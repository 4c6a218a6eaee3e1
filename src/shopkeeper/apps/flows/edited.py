"""A quarantined event as a person changed it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from shopkeeper.apps.flows.quarantined import Quarantined
from shopkeeper.collect.live.patch import patched
from shopkeeper.collect.live.spec import MAX_MESSAGE_ID
from shopkeeper.core.errors import InputError


def edited(
    row: Quarantined,
    *,
    patch: Sequence[Mapping[str, Any]] = (),
    event: Mapping[str, Any] | None = None,
) -> str:
    """The content of an event after an edit; nothing is kept.

    Parameters
    ----------
    row
        The event; earlier edits hold.
    patch
        JSON patch (RFC 6902).
    event
        The whole event instead of a patch.

    Returns
    -------
    str
        JSON.

    Raises
    ------
    InputError
        If the patch does not apply, the result is no event, or its message id changes.
    """
    base: Any = event
    if base is None:
        base = readable(row.content)
        if not isinstance(base, dict):
            raise InputError(
                f"event {row.number} is no JSON object, so a patch cannot change it",
                next_step="Give the whole event instead of a patch",
                number=row.number,
            )
    result = patched(base, patch)
    if not isinstance(result, dict):
        raise InputError("an event is a JSON object", next_step='Write {"type": "track", …}')
    given = result.get("messageId")
    if usable(row.event_id) and given not in (None, "", row.event_id):
        raise InputError(
            f"the messageId must stay {row.event_id!r}: it keeps replays from doubling the event",
            next_step="Leave messageId as it is",
            event_id=row.event_id,
        )
    return json.dumps(result, ensure_ascii=False)


def readable(raw: str) -> Any:
    """JSON of an event, or None if it is none.

    Parameters
    ----------
    raw
        As sent.

    Returns
    -------
    Any
    """
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def usable(event_id: str) -> bool:
    """Whether a message id may be sent; one that is too long may be what was refused."""
    return 0 < len(event_id) <= MAX_MESSAGE_ID
