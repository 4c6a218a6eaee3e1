"""Definitions of connectors and what became of them; ``connect_plan`` keeps them as YAML."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Engine, RowMapping, delete, insert, select, update

from shopkeeper.collect.connectors.kinds import KINDS, Config, Pushed, read_config
from shopkeeper.collect.connectors.references import refuse_literals
from shopkeeper.collect.connectors.retry import Retry
from shopkeeper.core import state
from shopkeeper.core.errors import InputError, NotFoundError

_ID = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_OWN = ("kind", "every", "enabled", "retry")


@dataclass(frozen=True, slots=True)
class Definition:
    """A connector as a person writes it.

    Parameters
    ----------
    connector_id
        Its name.
    kind
        One of ``KINDS``.
    config
        What the kind may say; secrets are references.
    every_seconds
        How often it runs; 0 for those that are sent to.
    retry
        How it tries again.
    enabled
        Whether it runs by itself.
    """

    connector_id: str
    kind: str
    config: Mapping[str, Any]
    every_seconds: int
    retry: Retry = field(default_factory=Retry)
    enabled: bool = True

    @property
    def read(self) -> Config:
        """The config, checked; references not yet replaced."""
        return read_config(self.kind, self.config, where=self.connector_id)

    def to_dict(self) -> dict[str, Any]:
        """As YAML holds it; defaults left out."""
        found: dict[str, Any] = {"kind": self.kind}
        if self.every_seconds != KINDS[self.kind].every_seconds:
            found["every"] = self.every_seconds
        if not self.enabled:
            found["enabled"] = False
        if self.retry != Retry():
            plain = msgspec.to_builtins(Retry())
            found["retry"] = {
                k: v for k, v in msgspec.to_builtins(self.retry).items() if v != plain[k]
            }
        return {**found, **self.config}


@dataclass(frozen=True, slots=True)
class Connector:
    """A definition with what became of it.

    Parameters
    ----------
    definition
        As written.
    cursor
        How far it was read.
    status
        ``new``, ``ok``, ``retrying``, ``open`` (the circuit), ``refused`` or ``off``.
    failures
        In a row.
    error
        Of the last run, None if it went well.
    rows_total
        Rows admitted so far.
    data_until
        Everything the source held at that moment is here.
    last_started_at, last_ok_at, next_at
        Of its runs.
    created_at
        When it was defined.
    """

    definition: Definition
    cursor: Mapping[str, Any]
    status: str
    failures: int
    error: str | None
    rows_total: int
    data_until: datetime | None
    last_started_at: datetime | None
    last_ok_at: datetime | None
    next_at: datetime | None
    created_at: datetime

    def lag_seconds(self, now: datetime) -> float | None:
        """How old the newest complete picture of the source is; None before the first."""
        if self.data_until is None:
            return None
        return max(0.0, (now - self.data_until).total_seconds())

    def to_dict(self, now: datetime) -> dict[str, Any]:
        """Plain values for JSON; the position without its digests."""
        found = asdict(self)
        found.pop("definition")
        cursor = dict(found.pop("cursor"))
        own = self.definition
        shown = {k: v for k, v in cursor.items() if k in {"mark", "files", "etag", "score"}}
        return {
            "connector_id": own.connector_id, "kind": own.kind, "config": dict(own.config),
            "every_seconds": own.every_seconds, "retry": msgspec.to_builtins(own.retry),
            "enabled": own.enabled, **found, "position": shown,
            "lag_seconds": self.lag_seconds(now),
        }  # fmt: skip


def definition_of(connector_id: str, given: Mapping[str, Any]) -> Definition:
    """A checked definition from plain values.

    Parameters
    ----------
    connector_id
        Its name.
    given
        ``kind``, and whatever the kind may say.

    Returns
    -------
    Definition

    Raises
    ------
    InputError
        If the name, a key or a value is wrong, or a secret is written out.
    """
    if not _ID.fullmatch(connector_id):
        raise InputError(
            f"{connector_id!r} cannot name a connector",
            next_step="Use small letters, digits, - and _, a letter first",
            connector=connector_id,
        )
    config = {k: v for k, v in given.items() if k not in _OWN}
    refuse_literals(config, where=connector_id)
    kind = str(given.get("kind", ""))
    read_config(kind, config, where=connector_id)
    try:
        retry = msgspec.convert(dict(given.get("retry") or {}), Retry)
        every = msgspec.convert(given.get("every", KINDS[kind].every_seconds), int)
        enabled = msgspec.convert(given.get("enabled", True), bool)
    except msgspec.ValidationError as error:
        raise InputError(
            f"{connector_id}: {str(error).replace('Object ', '').replace('`', '')}",
            next_step="every is in seconds; retry has first_seconds, longest_seconds, factor, "
            "jitter and open_after; enabled is true or false",
            connector=connector_id,
        ) from error
    pushed = issubclass(KINDS[kind].config, Pushed)
    if every < 1 and not pushed:
        raise InputError(
            f"{connector_id}: every is {every}",
            next_step="Give seconds, at least 1",
            connector=connector_id,
        )
    return Definition(connector_id, kind, config, 0 if pushed else every, retry, enabled)


def connectors(engine: Engine) -> list[Connector]:
    """All of them, by name."""
    table = state.connectors
    with engine.connect() as connection:
        rows = connection.execute(select(table).order_by(table.c.connector_id)).mappings().all()
    return [_of_row(x) for x in rows]


def connector(engine: Engine, connector_id: str) -> Connector:
    """One of them.

    Raises
    ------
    NotFoundError
        If there is none of that name.
    """
    table = state.connectors
    query = select(table).where(table.c.connector_id == connector_id)
    with engine.connect() as connection:
        row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFoundError(
            f"there is no connector {connector_id!r}",
            next_step="See them with: shopkeeper connector list",
            connector=connector_id,
        )
    return _of_row(row)


def save(engine: Engine, definition: Definition, *, now: datetime) -> None:
    """Create or change a connector; one that reads something else starts anew.

    Parameters
    ----------
    engine
        State.
    definition
        Checked.
    now
        The moment.
    """
    table = state.connectors
    own = table.c.connector_id == definition.connector_id
    values: dict[str, Any] = {
        "kind": definition.kind,
        "config": dict(definition.config),
        "every_seconds": definition.every_seconds,
        "retry": msgspec.to_builtins(definition.retry),
        "enabled": definition.enabled,
        "next_at": now,
    }
    with engine.begin() as connection:
        row = connection.execute(select(table).where(own)).mappings().one_or_none()
        if row is None:
            connection.execute(
                insert(table).values(
                    connector_id=definition.connector_id, cursor={}, status="new",
                    created_at=now, **values,
                )
            )  # fmt: skip
        else:
            if _reads(row["kind"], row["config"]) != _reads(definition.kind, definition.config):
                values |= {"cursor": {}, "data_until": None}
            connection.execute(
                update(table).where(own).values(status="new", failures=0, error=None, **values)
            )
        if isinstance(definition.read, Pushed):
            _as_source(connection, definition, now)


def enable(engine: Engine, connector_id: str, *, enabled: bool, now: datetime) -> None:
    """Let a connector run by itself, or stop it.

    Raises
    ------
    NotFoundError
        If there is none of that name.
    """
    connector(engine, connector_id)
    table = state.connectors
    values: dict[str, Any] = {"enabled": enabled, "status": "new" if enabled else "off"}
    if enabled:
        values |= {"failures": 0, "next_at": now, "error": None}
    own = table.c.connector_id == connector_id
    sources = state.sources
    with engine.begin() as connection:
        connection.execute(update(table).where(own).values(**values))
        connection.execute(
            update(sources).where(sources.c.source_id == connector_id).values(enabled=enabled)
        )


def remove(engine: Engine, connector_id: str) -> None:
    """Forget a connector; what it brought stays.

    Raises
    ------
    NotFoundError
        If there is none of that name.
    """
    connector(engine, connector_id)
    with engine.begin() as connection:
        for table, column in (
            (state.connector_runs, state.connector_runs.c.connector_id),
            (state.connectors, state.connectors.c.connector_id),
            (state.sources, state.sources.c.source_id),
        ):
            connection.execute(delete(table).where(column == connector_id))


def _reads(kind: str, config: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a position belongs to."""
    return (kind, *(config.get(x) for x in ("url", "table", "query", "cursor", "path")))


def _as_source(connection: Any, definition: Definition, now: datetime) -> None:
    """What is sent to us arrives as a source of live events of the same name."""
    table = state.sources
    own = table.c.source_id == definition.connector_id
    kind = definition.read.customer_kind if isinstance(definition.read, Pushed) else "user"
    values = {"user_kind": kind, "enabled": definition.enabled}
    if connection.execute(select(table.c.source_id).where(own)).first() is None:
        connection.execute(
            insert(table).values(
                source_id=definition.connector_id, write_key=secrets.token_urlsafe(24),
                kind="webhook", origins=[], settings={}, created_at=now, **values,
            )
        )  # fmt: skip
    else:
        connection.execute(update(table).where(own).values(**values))


def _of_row(row: RowMapping) -> Connector:
    own = Definition(
        row["connector_id"], row["kind"], dict(row["config"]), row["every_seconds"],
        msgspec.convert(dict(row["retry"]), Retry), bool(row["enabled"]),
    )  # fmt: skip
    return Connector(
        own, dict(row["cursor"]), row["status"], row["failures"], row["error"], row["rows_total"],
        data_until=_utc(row["data_until"]), last_started_at=_utc(row["last_started_at"]),
        last_ok_at=_utc(row["last_ok_at"]), next_at=_utc(row["next_at"]),
        created_at=_utc(row["created_at"]) or datetime.fromtimestamp(0, UTC),
    )  # fmt: skip


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)
