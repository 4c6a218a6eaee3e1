"""How every SQLite file of the store is opened, and what its failures are called."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from shopkeeper.backends.embedded.disk import full_disk_as_error
from shopkeeper.core.errors import BusyError, StoreError

__all__ = ["BUSY_MS", "connect", "sqlite_errors", "transaction"]

BUSY_MS = 10_000


def connect(
    file: Path, *, synchronous: Literal["FULL", "NORMAL"], page_bytes: int = 4096
) -> sqlite3.Connection:
    """A connection in WAL mode without implicit transactions.

    Parameters
    ----------
    file
        Database; created with its folder.
    synchronous
        ``FULL`` keeps every commit through a power cut; ``NORMAL`` may lose the
        last ones but never damages the file.
    page_bytes
        Size of a page; fixed when the file is created.

    Returns
    -------
    sqlite3.Connection
        Usable from any thread, one at a time.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.execute(f"PRAGMA page_size = {page_bytes}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    return connection


@contextmanager
def sqlite_errors(file: Path, what: str) -> Iterator[None]:
    """Name the failures of SQLite: full disk, locked by others, anything else.

    Parameters
    ----------
    file
        Database.
    what
        What was done, for the message.

    Raises
    ------
    StorageFullError, BusyError, StoreError
        By the kind of failure.
    """
    try:
        with full_disk_as_error(file.parent, what):
            yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise BusyError(
                f"{file.name} was locked for {BUSY_MS / 1000:g} seconds while writing {what}",
                next_step="Repeat; another process is writing for a long time",
                file=str(file),
            ) from error
        raise _refused(file, what, error) from error
    except sqlite3.Error as error:
        raise _refused(file, what, error) from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything in the body or nothing; takes the write lock at once.

    Parameters
    ----------
    connection
        From :func:`connect`.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _refused(file: Path, what: str, error: sqlite3.Error) -> StoreError:
    return StoreError(
        f"{file.name} refused {what}: {error}",
        next_step="Check the disk and the file's permissions",
        file=str(file),
    )
