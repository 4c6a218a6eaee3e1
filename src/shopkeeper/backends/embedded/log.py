"""The event log on SQLite: one row is one accepted batch, on disk before it is confirmed."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path

from shopkeeper.backends.embedded.sqlite import connect, sqlite_errors, transaction
from shopkeeper.core.errors import InputError, SettingsError
from shopkeeper.core.ports import LogRecord

__all__ = ["SqliteLog"]

_TABLES = """
CREATE TABLE IF NOT EXISTS records (
    partition INTEGER NOT NULL, position INTEGER NOT NULL, key TEXT NOT NULL,
    payload BLOB NOT NULL, received_us INTEGER NOT NULL,
    PRIMARY KEY (partition, position)
);
CREATE TABLE IF NOT EXISTS heads (partition INTEGER PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS consumers (
    consumer TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
    PRIMARY KEY (consumer, partition)
);
"""


class SqliteLog:
    """Durable, ordered, partitioned log in one file; threads and processes may share it.

    Parameters
    ----------
    file
        Database; created when missing.
    partitions
        Number of partitions; fixed when the file is created.

    Raises
    ------
    SettingsError
        If the file was created with another number of partitions: keys would
        change their partition and lose their order.
    """

    def __init__(self, file: Path, *, partitions: int = 8) -> None:
        self.partitions = partitions
        self._file = file
        self._write_lock, self._read_lock = threading.Lock(), threading.Lock()
        with sqlite_errors(file, "the event log"):
            self._writer = connect(file, synchronous="FULL")
            with transaction(self._writer):
                for statement in _TABLES.split(";"):
                    self._writer.execute(statement)
                if self._writer.execute("SELECT count(*) FROM heads").fetchone() == (0,):
                    self._writer.executemany(
                        "INSERT INTO heads VALUES (?, 0)", [(x,) for x in range(partitions)]
                    )
            self._reader = connect(file, synchronous="FULL")
        (stored,) = self._reader.execute("SELECT count(*) FROM heads").fetchone()
        if stored != partitions:
            self.close()
            raise SettingsError(
                f"the event log {file} has {stored} partitions, not {partitions}",
                next_step=f"Open it with {stored}",
                stored=stored,
                wanted=partitions,
            )

    def append(
        self, key: str, payloads: Sequence[bytes], *, received_us: int
    ) -> Sequence[tuple[int, int]]:
        """Append batches under one key in one transaction.

        Parameters
        ----------
        key
            Decides the partition; equal keys keep their order.
        payloads
            One accepted batch each.
        received_us
            When they arrived, microseconds UTC.

        Returns
        -------
        Sequence[tuple[int, int]]
            Partition and offset of each; they are on disk.

        Raises
        ------
        StorageFullError, BusyError, StoreError
            If they could not be made durable; none of them is in the log then.
        """
        partition = self._partition(key)
        with (
            self._write_lock,
            sqlite_errors(self._file, "a batch of events"),
            transaction(self._writer),
        ):
            (first,) = self._writer.execute(
                "SELECT next FROM heads WHERE partition = ?", (partition,)
            ).fetchone()
            self._writer.executemany(
                "INSERT INTO records VALUES (?, ?, ?, ?, ?)",
                [(partition, first + i, key, x, received_us) for i, x in enumerate(payloads)],
            )
            self._writer.execute(
                "UPDATE heads SET next = ? WHERE partition = ?", (first + len(payloads), partition)
            )
        return [(partition, first + i) for i in range(len(payloads))]

    def read(self, partition: int, offset: int, *, limit: int = 1000) -> Sequence[LogRecord]:
        """Records of a partition from an offset on, in order.

        Parameters
        ----------
        partition
            From 0.
        offset
            First one wanted.
        limit
            Most records returned.

        Returns
        -------
        Sequence[LogRecord]
            Empty at the end of the log.

        Raises
        ------
        InputError
            If there is no such partition.
        """
        self._check(partition)
        with self._read_lock, sqlite_errors(self._file, "reading of events"):
            rows = self._reader.execute(
                "SELECT partition, position, key, payload, received_us FROM records"
                " WHERE partition = ? AND position >= ? ORDER BY position LIMIT ?",
                (partition, offset, limit),
            ).fetchall()
        return [LogRecord(*row) for row in rows]

    def committed(self, consumer: str, partition: int) -> int:
        """First offset the consumer has not yet confirmed; 0 for a new one.

        Parameters
        ----------
        consumer
            Name of the reader.
        partition
            From 0.

        Returns
        -------
        int
        """
        self._check(partition)
        with self._read_lock, sqlite_errors(self._file, "reading of events"):
            row = self._reader.execute(
                "SELECT next FROM consumers WHERE consumer = ? AND partition = ?",
                (consumer, partition),
            ).fetchone()
        return 0 if row is None else int(row[0])

    def commit(self, consumer: str, partition: int, offset: int) -> None:
        """Confirm everything before ``offset``; an earlier offset changes nothing.

        Parameters
        ----------
        consumer
            Name of the reader.
        partition
            From 0.
        offset
            First one not yet worked off.

        Raises
        ------
        InputError
            If the log does not reach that far, or there is no such partition.
        """
        self._check(partition)
        with (
            self._write_lock,
            sqlite_errors(self._file, "a consumer's offset"),
            transaction(self._writer),
        ):
            (head,) = self._writer.execute(
                "SELECT next FROM heads WHERE partition = ?", (partition,)
            ).fetchone()
            if offset > head:
                raise InputError(
                    f"consumer {consumer} confirms offset {offset} of partition {partition}, "
                    f"which ends at {head}",
                    next_step="Confirm only what was read",
                    consumer=consumer,
                    partition=partition,
                )
            self._writer.execute(
                "INSERT INTO consumers VALUES (?, ?, ?) ON CONFLICT (consumer, partition)"
                " DO UPDATE SET next = max(next, excluded.next)",
                (consumer, partition, offset),
            )

    def close(self) -> None:
        """Release files; what was confirmed stays."""
        with self._write_lock, self._read_lock:
            self._reader.close()
            self._writer.close()

    def _partition(self, key: str) -> int:
        digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") % self.partitions

    def _check(self, partition: int) -> None:
        if not 0 <= partition < self.partitions:
            raise InputError(
                f"the event log has no partition {partition}",
                next_step=f"Choose 0 to {self.partitions - 1}",
                partition=partition,
            )
