"""One customer's latest profile by id: three sections, one writer each, in SQLite."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from shopkeeper.backends.embedded import profiles_identity as identity
from shopkeeper.backends.embedded.profiles_reading import ProfileReading
from shopkeeper.backends.embedded.profiles_schema import SECTIONS, prepare
from shopkeeper.backends.embedded.sqlite import connect, sqlite_errors, transaction
from shopkeeper.core.errors import ConflictError, InputError
from shopkeeper.core.ports import IdentityLoad, ProfileUpdate, Section

__all__ = ["KEPT_CHANGES", "SqliteProfiles"]

KEPT_CHANGES = 200_000
"""Changes kept for subscribers; who is further behind reads the profiles again."""
_MMAP_BYTES = 1 << 30
_CACHE_KB, _BULK_CACHE_KB = 65_536, 262_144
_BULK_PAGES = 20_000
"""Pages of the write-ahead log before a bulk load brings them into the file: keys come in no order,
and a page that is written once for many of them is written seldom."""

_encoder = msgspec.json.Encoder()


class SqliteProfiles(ProfileReading):
    """Profiles as JSON; whole sections in, whole sections out.

    Profiles are derived from the log and the lake, so a power cut may take the last
    transactions; the position goes with them and the worker applies them again.

    Parameters
    ----------
    file
        Database; created when missing, brought up to date when an earlier release wrote it.
    kept_changes
        Changes kept for subscribers.
    """

    def __init__(self, file: Path, *, kept_changes: int = KEPT_CHANGES) -> None:
        self._kept = kept_changes
        self._write_lock = threading.Lock()
        with sqlite_errors(file, "profiles"):
            self._writer = connect(file, synchronous="NORMAL")
            prepare(self._writer)
            super().__init__(file, connect(file, synchronous="NORMAL"))
            for connection in (self._writer, self._reader):
                connection.execute(f"PRAGMA mmap_size = {_MMAP_BYTES}")
                connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")

    def put_many(
        self, profiles: Mapping[str, Mapping[str, Any]], *, section: Section = "base"
    ) -> None:
        """Store whole sections, replacing earlier ones, in one transaction.

        Parameters
        ----------
        profiles
            Content by customer; values that JSON knows, dates and moments.
        section
            Which.

        Raises
        ------
        InputError
            If a value cannot be written as JSON; nothing is stored then.
        StorageFullError, BusyError, StoreError
            If they could not be stored; the earlier ones stay.
        """
        self.apply(ProfileUpdate(section, profiles=profiles))

    def apply(self, update: ProfileUpdate) -> None:
        """Store a micro-batch in one transaction.

        Parameters
        ----------
        update
            What changes.

        Raises
        ------
        InputError
            If a value cannot be written as JSON; nothing is stored then.
        ConflictError
            If a position of ``update.after`` is another now; nothing is stored then.
        StorageFullError, BusyError, StoreError
            If it could not be stored; everything stays as it was.
        """
        # Encoded before the lock is taken, in the order of the index.
        rows = [(k, _encoded(k, update.profiles[k])) for k in sorted(update.profiles)]
        changes = [(k, at, _encoded(k, change)) for k, at, change in update.changes]
        table = f"section_{update.section}"
        with self._writing("profiles") as x:
            for (consumer, part), expected in update.after.items():
                _check_position(x, consumer, part, expected)
            if update.removed:
                gone = [(c,) for c in update.removed]
                x.executemany(f"DELETE FROM {table} WHERE customer_id = ?", gone)
            x.executemany(
                f"INSERT INTO {table} (customer_id, value) VALUES (?, ?)"
                " ON CONFLICT (customer_id) DO UPDATE SET value = excluded.value",
                rows,
            )
            if update.timers:
                x.executemany(
                    f"UPDATE {table} SET due_us = ? WHERE customer_id = ? AND due_us IS NOT ?",
                    ((due, k, due) for k, due in update.timers.items()),
                )
            identity.apply_identity(x, update)
            if changes:
                self._store_changes(x, changes)
            for (consumer, part), value in update.positions.items():
                identity.store_position(x, consumer, part, value)
            if update.rebuild:
                identity.enqueue(x, update.rebuild)
            if update.rebuilt:
                done = [(c,) for c in update.rebuilt]
                x.executemany("DELETE FROM rebuilds WHERE customer_id = ?", done)

    def load_identities(self, rows: Iterable[Mapping[str, Sequence[Any]]]) -> IdentityLoad:
        """Take over the identities of the night; see the port.

        Parameters
        ----------
        rows
            Columns by name, in chunks.

        Returns
        -------
        IdentityLoad

        Raises
        ------
        StorageFullError, BusyError, StoreError
            If a chunk could not be stored; those before it stay, load again.
        """
        with self._bulk("identities") as x:
            return identity.load_identities(x, rows)

    def load_links(self, rows: Iterable[Mapping[str, Sequence[Any]]]) -> int:
        """Add links in bulk; how many came."""
        with self._bulk("links") as x:
            return identity.load_links(x, rows)

    def queue(self, customer_ids: Sequence[str]) -> None:
        """Ask for live sections to be rebuilt; a customer waits in the queue once."""
        with self._writing("the queue of rebuilds") as x:
            identity.enqueue(x, customer_ids)

    def delete(self, customer_id: str) -> bool:
        """Remove one with identifiers, links, guards, timers and changes.

        Parameters
        ----------
        customer_id
            Customer.

        Returns
        -------
        bool
            Whether any section of it was there.
        """
        one = (customer_id,)
        theirs = "(SELECT identifier FROM identifiers WHERE customer_id = ?)"
        with self._writing("the removal of a profile") as x:
            there = sum(
                x.execute(f"DELETE FROM section_{s} WHERE customer_id = ?", one).rowcount
                for s in SECTIONS
            )
            x.execute(f"DELETE FROM links WHERE reference IN {theirs}", one)
            x.execute(f"DELETE FROM links WHERE contact IN {theirs}", one)
            x.execute(f"DELETE FROM known WHERE reference IN {theirs}", one)
            for table in ("identifiers", "changes", "rebuilds"):
                x.execute(f"DELETE FROM {table} WHERE customer_id = ?", one)
            # Whoever remembers profiles or identifiers must read them again.
            identity.store_position(x, "identities", 0, identity.position(x, "identities", 0) + 1)
        return there > 0

    def close(self) -> None:
        """Release files."""
        with self._write_lock, self._read_lock:
            self._reader.close()
            self._writer.close()

    def _store_changes(
        self, connection: sqlite3.Connection, changes: Sequence[tuple[str, int, bytes]]
    ) -> None:
        connection.executemany(
            "INSERT INTO changes (customer_id, at_us, change) VALUES (?, ?, ?)", changes
        )
        connection.execute(
            "DELETE FROM changes WHERE sequence <= (SELECT max(sequence) FROM changes) - ?",
            (self._kept,),
        )

    @contextmanager
    def _bulk(self, what: str) -> Iterator[sqlite3.Connection]:
        """A connection of its own: micro-batches are stored between the chunks."""
        with sqlite_errors(self._file, what):
            connection = connect(self._file, synchronous="NORMAL")
            connection.execute(f"PRAGMA cache_size = -{_BULK_CACHE_KB}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_BULK_PAGES}")
            try:
                yield connection
            finally:
                connection.close()

    @contextmanager
    def _writing(self, what: str) -> Iterator[sqlite3.Connection]:
        with self._write_lock, sqlite_errors(self._file, what), transaction(self._writer):
            yield self._writer


def _check_position(
    connection: sqlite3.Connection, consumer: str, partition: int, expected: int
) -> None:
    stored = identity.position(connection, consumer, partition)
    if stored != expected:
        raise ConflictError(
            f"the profiles stand at offset {stored} of partition {partition} for {consumer},"
            f" not at {expected}: somebody else applied events in between",
            next_step="Drop this work and read the positions again",
            consumer=consumer,
            partition=partition,
            stored=stored,
        )


def _encoded(customer_id: str, profile: Any) -> bytes:
    try:
        return _encoder.encode(profile)
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise InputError(
            f"the profile of {customer_id} cannot be stored as JSON: {error}",
            next_step="Use text, numbers, booleans, dates, lists and mappings",
            customer_id=customer_id,
        ) from error
