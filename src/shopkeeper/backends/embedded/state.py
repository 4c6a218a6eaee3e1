"""Definitions and state: SQLAlchemy on SQLite, brought up to date by migrations."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text, types
from sqlalchemy.dialects.sqlite import DATETIME
from sqlalchemy.engine import Dialect

from shopkeeper.backends.embedded.locks import exclusive
from shopkeeper.backends.embedded.sqlite import BUSY_MS, sqlite_errors
from shopkeeper.core.errors import InputError, StoreError

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["migrate", "migration_config", "open_state"]

MIGRATIONS = Path(__file__).parent / "migrations"


class _UtcDateTime(DATETIME):
    """SQLite keeps no zone: store UTC, return UTC, refuse a moment without a zone."""

    def bind_processor(self, dialect: Dialect) -> Any:
        inner: Any = super().bind_processor(dialect)

        def process(value: datetime | None) -> Any:
            if value is not None and value.tzinfo is None:
                raise InputError(
                    f"{value.isoformat()} has no time zone", next_step="Give one, such as UTC"
                )
            return inner(None if value is None else value.astimezone(UTC))

        return process

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        inner: Any = super().result_processor(dialect, coltype)

        def process(value: Any) -> datetime | None:
            moment = inner(value) if inner else value
            return None if moment is None else moment.replace(tzinfo=UTC)

        return process


def open_state(file: Path) -> Engine:
    """Engine of the state database, migrated to the newest version.

    Parameters
    ----------
    file
        Database; created when missing.

    Returns
    -------
    Engine
        Moments go in with any zone and come out in UTC. Every commit is on disk.

    Raises
    ------
    StoreError
        If the database was written by a newer release.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(f"sqlite:///{file}")
    engine.dialect.colspecs = {**engine.dialect.colspecs, types.DateTime: _UtcDateTime}
    event.listen(engine, "connect", _configure)
    with sqlite_errors(file, "the state"), exclusive(file.with_suffix(".lock")):
        migrate(engine)
    return engine


def migration_config() -> Config:
    """Alembic's configuration for the migrations shipped in this package."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def migrate(engine: Engine) -> None:
    """Bring the database to the newest version; nothing happens if it is there.

    Parameters
    ----------
    engine
        SQLite or PostgreSQL.

    Raises
    ------
    StoreError
        If the database was written by a newer release.
    """
    numbers = sorted(x.name.split("_")[0] for x in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    with engine.connect() as connection:
        current = _current(connection)
    if current == numbers[-1]:
        return
    if current is not None and current not in numbers:
        raise StoreError(
            f"the state was written by a newer release (version {current})",
            next_step="Install that release, or restore an older copy of the state",
            version=current,
        )
    # Alembic takes half a second to import: only when there is something to do.
    from alembic import command

    config = migration_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _configure(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
