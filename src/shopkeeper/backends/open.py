"""The only place that knows which back ends exist."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from shopkeeper.backends.embedded.disk import full_disk_as_error
from shopkeeper.backends.embedded.lake import DeltaStore
from shopkeeper.backends.embedded.log import SqliteLog
from shopkeeper.backends.embedded.models import FolderModels
from shopkeeper.backends.embedded.open_lake import open_delta_store
from shopkeeper.backends.embedded.profiles import SqliteProfiles
from shopkeeper.backends.embedded.state import open_state
from shopkeeper.backends.runtime import Runtime
from shopkeeper.backends.senders.outbox import OutboxSender
from shopkeeper.core.ports import Clock, EventLog
from shopkeeper.core.settings import Settings

__all__ = ["CHANNELS", "SystemClock", "open_runtime"]

log = logging.getLogger(__name__)

CHANNELS = ("email", "sms", "push", "wecom")
"""Channels that can be sent to."""


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """The current moment in UTC."""
        return datetime.now(UTC)


def open_runtime(settings: Settings, *, clock: Clock | None = None) -> Runtime:
    """Open every back end the settings choose; creates the store folder when missing.

    Parameters
    ----------
    settings
        What to open and where.
    clock
        Another clock for tests and simulation; None means this machine's.

    Returns
    -------
    Runtime
        Close it when done.

    Raises
    ------
    SettingsError
        If the folder cannot be a store.
    StoreError
        If the state was written by a newer release.
    StorageFullError
        If there is no room to create the store.

    Examples
    --------
    >>> import tempfile
    >>> from shopkeeper.core.settings import load_settings
    >>> runtime = open_runtime(load_settings(flags={"store.folder": tempfile.mkdtemp()}))
    >>> runtime.tables.capabilities.transactions, sorted(runtime.senders)
    (True, ['email', 'push', 'sms', 'wecom'])
    >>> runtime.close()
    """
    folder = settings.store.folder.expanduser().resolve()
    with ExitStack() as opened, full_disk_as_error(folder, "the store"):
        tables = _open_tables(settings, folder)
        opened.callback(tables.close)
        state = open_state(folder / "state" / "state.db")
        opened.callback(state.dispose)
        events = _open_log(settings, folder)
        opened.callback(events.close)
        profiles = SqliteProfiles(folder / "profiles" / "profiles.db")
        opened.callback(profiles.close)
        _state_limits(folder, tables.capabilities.name, events)
        return Runtime(
            settings=settings,
            tables=tables,
            state=state,
            log=events,
            profiles=profiles,
            models=FolderModels(folder / "models"),
            senders={x: OutboxSender(folder / "outbox", x) for x in CHANNELS},
            clock=clock or SystemClock(),
            resources=opened.pop_all(),
        )


def _open_tables(settings: Settings, folder: Path) -> DeltaStore:
    store = settings.store
    if store.engine == "duckdb":
        return open_delta_store(folder, memory_mb=store.memory_mb, threads=store.threads)
    # Imported here only: the module's driver is an extra.
    from shopkeeper.backends.distributed.spark import open_spark_store

    return open_spark_store(folder, master=store.spark_master, memory_mb=store.memory_mb)


def _open_log(settings: Settings, folder: Path) -> EventLog:
    live = settings.live
    if live.log == "sqlite":
        return SqliteLog(
            folder / "log" / "events.db", partitions=live.partitions, queue_mb=live.queue_mb
        )
    # Imported here only: the module's driver is an extra.
    from shopkeeper.backends.distributed.kafka import KafkaLog

    return KafkaLog(
        live.brokers,
        live.topic,
        partitions=live.partitions,
        queue_mb=live.queue_mb,
        retention_days=live.retention_days,
    )


def _state_limits(folder: Path, tables: str, events: EventLog) -> None:
    log.info("store %s: tables %s, state and profiles SQLite", folder, tables)
    if events.capabilities.shared:
        log.info(
            "limits: Kafka keeps the events and removes them by its retention, worked off or not"
        )
    else:
        log.info("limits: one machine writes; one disk sync confirms the events that wait")
    log.info("messages go to files under outbox and leave nothing on the network")
