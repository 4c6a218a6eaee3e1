"""Who may send: the table of sources, kept in memory and read again every two seconds."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from shopkeeper.core import state

log = logging.getLogger(__name__)

REFRESH_S = 1.0
"""A copy older than this is renewed beside the request …"""
STALE_S = 2.0
"""… and one older than this before it."""
UNKNOWN_S = 0.2
"""How often an unknown key may cause a look at the table."""


@dataclass(frozen=True, slots=True)
class Source:
    """One source of live events.

    Parameters
    ----------
    source_id
        Its name.
    write_key
        What its clients present.
    kind
        ``web``, ``app``, ``server`` …
    user_kind
        Kind of identifier that its user ids are.
    origins
        Pages that may send from a browser; empty means any.
    enabled
        Whether it may send now.
    settings
        Further options.
    """

    source_id: str
    write_key: str
    kind: str = "web"
    user_kind: str = "user"
    origins: tuple[str, ...] = ()
    enabled: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)


def read_sources(engine: Engine) -> list[Source]:
    """Every source, oldest first.

    Parameters
    ----------
    engine
        The state.

    Returns
    -------
    list of Source
    """
    table = state.sources
    order = (table.c.created_at, table.c.source_id)
    with engine.connect() as connection:
        rows = connection.execute(select(table).order_by(*order)).mappings().all()
    return [
        Source(
            source_id=row["source_id"],
            write_key=row["write_key"],
            kind=row["kind"],
            user_kind=row["user_kind"],
            origins=tuple(row["origins"] or ()),
            enabled=bool(row["enabled"]),
            settings=row["settings"] or {},
        )
        for row in rows
    ]


class Sources:
    """Sources by write key, never older than two seconds while the state can be read.

    Parameters
    ----------
    engine
        The state.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._by_key: dict[str, Source] = {}
        self._read_at = -STALE_S
        self._reading: asyncio.Task[None] | None = None

    def known(self, write_key: str) -> Source | None:
        """The source of a key if the copy at hand is young enough to say.

        Parameters
        ----------
        write_key
            As presented.

        Returns
        -------
        Source or None
            None if the table must be read first; see :meth:`find`.
        """
        age = time.monotonic() - self._read_at
        if age > STALE_S:
            return None
        if age > REFRESH_S and (self._reading is None or self._reading.done()):
            self._reading = asyncio.ensure_future(self._refresh())
        return self._by_key.get(write_key)

    async def find(self, write_key: str) -> Source | None:
        """The source of a key, or None if there is none.

        Parameters
        ----------
        write_key
            As presented.

        Returns
        -------
        Source or None
        """
        source = self.known(write_key)
        if source is None and time.monotonic() - self._read_at > UNKNOWN_S:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.ensure_future(self._refresh())
            await asyncio.shield(self._reading)
            source = self._by_key.get(write_key)
        return source

    async def all(self) -> list[Source]:
        """Every source, oldest first."""
        await self.find("")
        return list(self._by_key.values())

    async def _refresh(self) -> None:
        try:
            found = await asyncio.to_thread(read_sources, self._engine)
        except SQLAlchemyError as error:
            # The copy at hand goes on: a locked state must not turn events away.
            log.warning("the sources could not be read again: %s", error)
        else:
            self._by_key = {x.write_key: x for x in found}
        self._read_at = time.monotonic()
