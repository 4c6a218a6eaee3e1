"""Sources of live events: who may send, with which key, and what their user ids are."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from shopkeeper.core.errors import InputError, NotFoundError
from shopkeeper.core.state import sources

KINDS = ("web", "app", "miniapp", "server", "store", "webhook")
"""What a source can be."""

FIRST = "web"
"""Name of the source that a shop without any gets."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_USER_KIND = re.compile(r"[a-z][a-z0-9_]{0,38}")
_ORIGIN = re.compile(r"https?://[^/\s?#]+")


def new_key() -> str:
    """A write key nobody can guess."""
    return secrets.token_hex(16)


def add_source(
    engine: Engine,
    name: str,
    *,
    now: datetime,
    kind: str = FIRST,
    user_kind: str = "user",
    origins: Sequence[str] = (),
    write_key: str | None = None,
) -> dict[str, Any]:
    """Make a source.

    Parameters
    ----------
    engine
        The state.
    name
        Its name: lower-case letters, digits, ``-`` and ``_``.
    now
        When.
    kind
        One of :data:`KINDS`.
    user_kind
        Kind of identifier that its user ids are, such as ``crm`` or ``email``.
    origins
        Pages that may send from a browser, such as ``https://shop.example``; none means any.
    write_key
        A key in use elsewhere; None makes one.

    Returns
    -------
    dict
        The source with its ``write_key``.

    Raises
    ------
    InputError
        If a value is not possible, or name or key are taken.
    """
    _check(name, kind, user_kind, origins)
    row = {
        "source_id": name,
        "write_key": write_key or new_key(),
        "kind": kind,
        "user_kind": user_kind,
        "origins": list(origins),
        "enabled": True,
        "settings": {},
        "created_at": now,
    }
    try:
        with engine.begin() as connection:
            connection.execute(insert(sources).values(**row))
    except IntegrityError as error:
        raise InputError(
            f"there is a source {name} already, or its write key is in use",
            next_step=f"Choose another name, or rotate the key: shopkeeper source rotate {name}",
            source=name,
        ) from error
    return row


def all_sources(engine: Engine) -> list[dict[str, Any]]:
    """Every source, oldest first.

    Parameters
    ----------
    engine
        The state.

    Returns
    -------
    list of dict
        Rows of ``sources``.
    """
    order = (sources.c.created_at, sources.c.source_id)
    with engine.connect() as connection:
        return [dict(x) for x in connection.execute(select(sources).order_by(*order)).mappings()]


def one_source(engine: Engine, name: str) -> dict[str, Any]:
    """One source by name.

    Parameters
    ----------
    engine
        The state.
    name
        Its name.

    Returns
    -------
    dict

    Raises
    ------
    NotFoundError
        If there is none.
    """
    found = next((x for x in all_sources(engine) if x["source_id"] == name), None)
    if found is None:
        raise NotFoundError(
            f"there is no source {name!r}",
            next_step="Show them with: shopkeeper source list",
            source=name,
        )
    return found


def change_source(
    engine: Engine,
    name: str,
    *,
    enabled: bool | None = None,
    rotate: bool = False,
    origins: Sequence[str] | None = None,
    user_kind: str | None = None,
) -> dict[str, Any]:
    """Change a source; what is None stays.

    Parameters
    ----------
    engine
        The state.
    name
        Its name.
    enabled
        Whether it may send.
    rotate
        Make a new key; the old one is refused within two seconds.
    origins
        Pages that may send; empty means any.
    user_kind
        Kind of identifier of user ids that come from now on.

    Returns
    -------
    dict
        The source as it is now.

    Raises
    ------
    NotFoundError
        If there is none of that name.
    InputError
        If a value is not possible.
    """
    row = one_source(engine, name)
    changes: dict[str, Any] = {}
    if enabled is not None:
        changes["enabled"] = enabled
    if rotate:
        changes["write_key"] = new_key()
    if origins is not None:
        changes["origins"] = list(origins)
    if user_kind is not None:
        changes["user_kind"] = user_kind
    row |= changes
    _check(name, row["kind"], row["user_kind"], row["origins"])
    if changes:
        with engine.begin() as connection:
            connection.execute(update(sources).where(sources.c.source_id == name).values(**changes))
    return row


def ensure_source(engine: Engine, *, now: datetime) -> dict[str, Any] | None:
    """Give a shop without any source its first one.

    Parameters
    ----------
    engine
        The state.
    now
        When.

    Returns
    -------
    dict or None
        The new source; None if there was one.
    """
    if all_sources(engine):
        return None
    return add_source(engine, FIRST, now=now)


def _check(name: str, kind: str, user_kind: str, origins: Sequence[str]) -> None:
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot name a source",
            next_step="Use lower-case letters, digits, - and _, at most 63",
            field="source_id",
        )
    if kind not in KINDS:
        raise InputError(
            f"there is no kind of source {kind!r}",
            next_step=f"Choose one of {', '.join(KINDS)}",
            field="kind",
        )
    if not _USER_KIND.fullmatch(user_kind):
        raise InputError(
            f"{user_kind!r} cannot name a kind of identifier",
            next_step="Use a word such as user, crm, email or phone",
            field="user_kind",
        )
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise InputError(
                f"{origin!r} is no origin of a page",
                next_step="Write it as https://shop.example, without a path",
                field="origins",
            )
