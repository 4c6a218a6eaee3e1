"""The files of the embedded event log: tables, sizes, and logs of earlier releases."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from shopkeeper.backends.embedded.sqlite import connect, sqlite_errors, transaction
from shopkeeper.core.errors import SettingsError

__all__ = ["FIRST_OF_NEXT", "consumers_file", "heads_of", "open_consumers", "open_log"]

FIRST_OF_NEXT = 1 << 48
"""A record's id is ``partition * FIRST_OF_NEXT + offset``: one tree, appended in place."""

_PAGE_BYTES = 16_384
_CHECKPOINT_PAGES = 1024  # 16 MB: fewer pages written twice, a pause of a few milliseconds
_CACHE_KB = 32_768
_LAYOUT = 1

_TABLES = """
CREATE TABLE records (
    id INTEGER PRIMARY KEY, received_us INTEGER NOT NULL, key TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE TABLE heads (one INTEGER PRIMARY KEY CHECK (one = 1), next TEXT NOT NULL);
"""
_CONSUMERS = """
CREATE TABLE IF NOT EXISTS consumers (
    consumer TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
    PRIMARY KEY (consumer, partition)
)
"""


def open_log(file: Path, partitions: int) -> sqlite3.Connection:
    """The connection that writes the log; creates or upgrades the file.

    Parameters
    ----------
    file
        Database; created when missing.
    partitions
        Number of partitions; fixed when the file is created.

    Returns
    -------
    sqlite3.Connection
        Every commit survives a power cut; what is removed is overwritten.

    Raises
    ------
    SettingsError
        If the file was created with another number of partitions: keys would
        change their partition and lose their order.
    """
    with sqlite_errors(file, "the event log"):
        writer = connect(file, synchronous="FULL", page_bytes=_PAGE_BYTES)
        writer.execute("PRAGMA secure_delete = ON")
        writer.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        (page,) = writer.execute("PRAGMA page_size").fetchone()
        writer.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES * _PAGE_BYTES // page}")
        with transaction(writer):
            (layout,) = writer.execute("PRAGMA user_version").fetchone()
            if layout < _LAYOUT:
                _create(writer, file, partitions)
        stored = len(heads_of(writer))
    if stored != partitions:
        writer.close()
        raise SettingsError(
            f"the event log {file} has {stored} partitions, not {partitions}",
            next_step=f"Open it with {stored} (live.partitions)",
            stored=stored,
            wanted=partitions,
        )
    return writer


def heads_of(connection: sqlite3.Connection) -> list[int]:
    """Offset that the next record of each partition gets.

    Parameters
    ----------
    connection
        To the log.

    Returns
    -------
    list[int]
        One a partition.
    """
    (text,) = connection.execute("SELECT next FROM heads").fetchone()
    return list(json.loads(text))


def consumers_file(file: Path) -> Path:
    """Where the consumers' offsets lie: beside the log, so that confirming never waits for it.

    Parameters
    ----------
    file
        The log.

    Returns
    -------
    Path

    Examples
    --------
    >>> consumers_file(Path("log/events.db")).name
    'events-consumers.db'
    """
    return file.with_name(f"{file.stem}-consumers.db")


def open_consumers(file: Path) -> sqlite3.Connection:
    """The connection to the consumers' offsets.

    Parameters
    ----------
    file
        The log.

    Returns
    -------
    sqlite3.Connection
    """
    beside = consumers_file(file)
    with sqlite_errors(beside, "the consumers of the event log"):
        connection = connect(beside, synchronous="FULL")
        connection.execute(_CONSUMERS)
    return connection


def _create(writer: sqlite3.Connection, file: Path, partitions: int) -> None:
    """New tables; those of the first release (one row a partition and position) move over."""
    names = {x for (x,) in writer.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    heads = [0] * partitions
    if "records" in names:
        earlier = [x for (x,) in writer.execute("SELECT next FROM heads ORDER BY partition")]
        # An empty log has no order to lose: it takes the number of the settings.
        heads = earlier if any(earlier) else heads
        writer.execute("ALTER TABLE records RENAME TO earlier")
        writer.execute("DROP TABLE heads")
    for statement in _TABLES.split(";"):
        writer.execute(statement)
    writer.execute("INSERT INTO heads VALUES (1, ?)", (json.dumps(heads),))
    if "records" in names:
        writer.execute(
            "INSERT INTO records SELECT partition * ? + position, received_us, key, payload"
            " FROM earlier ORDER BY partition, position",
            (FIRST_OF_NEXT,),
        )
        _move_consumers(writer, file)
        writer.execute("DROP TABLE earlier")
        writer.execute("DROP TABLE consumers")
    writer.execute(f"PRAGMA user_version = {_LAYOUT}")


def _move_consumers(writer: sqlite3.Connection, file: Path) -> None:
    beside = open_consumers(file)
    with transaction(beside):
        beside.executemany(
            "INSERT OR REPLACE INTO consumers VALUES (?, ?, ?)",
            writer.execute("SELECT consumer, partition, next FROM consumers").fetchall(),
        )
    beside.close()
