"""The event log on SQLite: one row is one accepted batch, on disk before it is confirmed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

from shopkeeper.backends.backlog import Backlog
from shopkeeper.backends.embedded.log_claims import Claims
from shopkeeper.backends.embedded.log_file import heads_of, open_consumers, open_log
from shopkeeper.backends.embedded.log_groups import GroupWriter
from shopkeeper.backends.embedded.log_reader import SqliteLogReader, records_from
from shopkeeper.backends.embedded.log_removal import expire_records, rewrite_records
from shopkeeper.backends.embedded.sqlite import connect, sqlite_errors, transaction
from shopkeeper.backends.partitions import check_partition, partition_of
from shopkeeper.core.errors import InputError
from shopkeeper.core.ports import LogCapabilities, LogEntry, LogReader, LogRecord

__all__ = ["SqliteLog"]

_READ_BYTES = 64 << 20


class SqliteLog:
    """Durable, ordered, partitioned log in one file; threads and processes may share it.

    Parameters
    ----------
    file
        Database; created when missing. Consumers' offsets and the locks of their
        readers lie beside it.
    partitions
        Number of partitions; fixed when the file is created.
    queue_mb
        Unconfirmed payloads held before :meth:`submit` refuses more.

    Raises
    ------
    SettingsError
        If the file was created with another number of partitions: keys would
        change their partition and lose their order.
    """

    def __init__(self, file: Path, *, partitions: int = 4, queue_mb: int = 64) -> None:
        self.partitions = partitions
        self._file = file
        self._backlog = Backlog(queue_mb << 20)
        writer = open_log(file, partitions)
        self._groups = GroupWriter(file, writer, partitions, self._backlog)
        self._consumers = open_consumers(file)
        self._consumers_lock, self._read_lock = threading.Lock(), threading.Lock()
        self._reader = connect(file, synchronous="FULL")

    @property
    def capabilities(self) -> LogCapabilities:
        """What this log can do."""
        return LogCapabilities(name="sqlite", lag=True, erase=True, shared=False)

    def partition_of(self, key: str) -> int:
        """Partition that a key belongs to; see :func:`~shopkeeper.backends.partitions`."""
        return partition_of(key, self.partitions)

    def submit(
        self, entries: Sequence[LogEntry], *, received_us: int
    ) -> Future[Sequence[tuple[int, int]]]:
        """Queue entries for the next group commit; see :meth:`EventLog.submit`.

        Parameters
        ----------
        entries
            Without any, the future resolves when everything submitted before is durable.
        received_us
            When they arrived, microseconds UTC.

        Returns
        -------
        Future
            Partition and offset of each, once all are on disk; fails with
            ``StorageFullError``, ``BusyError`` (locked by another process) or
            ``StoreError``, and then none of them is in the log.

        Raises
        ------
        BusyError
            At once, if the queue is full; ``facts["retry_after_s"]`` says when to
            try again.
        """
        return self._groups.submit(entries, received_us)

    def append(
        self, key: str, payloads: Sequence[bytes], *, received_us: int
    ) -> Sequence[tuple[int, int]]:
        """Append batches under one key and wait until they are on disk.

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
            Partition and offset of each.

        Raises
        ------
        StorageFullError, BusyError, StoreError
            If they could not be made durable; none of them is in the log then.
        """
        entries = [LogEntry(key, x) for x in payloads]
        return self.submit(entries, received_us=received_us).result()

    @property
    def commits(self) -> int:
        """Groups written since it was opened."""
        return self._groups.commits

    def pressure(self) -> float:
        """How full the queue of unconfirmed payloads is, 0 to 1."""
        return self._backlog.pressure()

    def read(self, partition: int, offset: int, *, limit: int = 1000) -> Sequence[LogRecord]:
        """Records of a partition from an offset on, in order.

        Parameters
        ----------
        partition
            From 0.
        offset
            First one wanted.
        limit
            Most records returned; fewer when they are large.

        Returns
        -------
        Sequence[LogRecord]
            Empty at the end of the log.

        Raises
        ------
        InputError
            If there is no such partition.
        """
        check_partition(partition, self.partitions)
        with self._read_lock, sqlite_errors(self._file, "reading of events"):
            return records_from(
                self._reader, partition, offset, limit=limit, most_bytes=_READ_BYTES
            )

    def reader(
        self,
        consumer: str,
        *,
        gained: Callable[[int], int | None] | None = None,
        lost: Callable[[int], None] | None = None,
    ) -> LogReader:
        """Join the readers of a consumer, in this or another process of this machine.

        Partitions are divided anew inside ``poll`` when members come or go; those of
        a member that dies are free at once. A partition is still held while ``lost``
        is called, so it may confirm what it has done.

        Parameters
        ----------
        consumer
            Name of the consumer.
        gained
            Called with a partition before its first record; returns the offset to
            start at, None for the first unconfirmed one.
        lost
            Called before a partition is given to another member.

        Returns
        -------
        LogReader
            For one thread at a time.

        Raises
        ------
        InputError
            If the name cannot be a consumer's.
        """
        folder = self._file.with_name(f"{self._file.stem}-readers")
        claims = Claims(folder, consumer, self.partitions)
        self._register(consumer)
        return SqliteLogReader(
            self._file,
            connect(self._file, synchronous="FULL"),
            claims,
            committed=lambda partition: self.committed(consumer, partition),
            commit=lambda offsets: self._confirm(consumer, offsets),
            arrived=self._groups.arrived,
            gained=gained,
            lost=lost,
        )

    def head(self, partition: int) -> int:
        """Offset the next payload of the partition will get.

        Parameters
        ----------
        partition
            From 0.

        Returns
        -------
        int
        """
        check_partition(partition, self.partitions)
        return self._heads()[partition]

    def committed(self, consumer: str, partition: int) -> int:
        """First offset the consumer has not yet confirmed; 0 for a new one.

        Parameters
        ----------
        consumer
            Name of the consumer.
        partition
            From 0.

        Returns
        -------
        int
        """
        check_partition(partition, self.partitions)
        with self._consumers_lock, sqlite_errors(self._file, "reading of events"):
            row = self._consumers.execute(
                "SELECT next FROM consumers WHERE consumer = ? AND partition = ?",
                (consumer, partition),
            ).fetchone()
        return 0 if row is None else int(row[0])

    def commit(self, consumer: str, partition: int, offset: int) -> None:
        """Confirm everything before ``offset``; an earlier offset changes nothing.

        Parameters
        ----------
        consumer
            Name of the consumer.
        partition
            From 0.
        offset
            First one not yet worked off.

        Raises
        ------
        InputError
            If the log does not reach that far, or there is no such partition.
        """
        check_partition(partition, self.partitions)
        self._confirm(consumer, {partition: offset})

    def expire(self, before_us: int) -> int:
        """Remove records received earlier that every consumer confirmed.

        Parameters
        ----------
        before_us
            Moment in microseconds UTC. Removal stops at the first record of a
            partition that arrived later.

        Returns
        -------
        int
            Records removed; none while there is no consumer.
        """
        return expire_records(self._groups, self._confirmed_by_all(), before_us)

    def rewrite(self, partition: int, change: Callable[[LogRecord], bytes | None]) -> int:
        """Replace payloads in place, for erasure; nothing of the old ones stays on disk.

        Parameters
        ----------
        partition
            From 0.
        change
            Returns the payload to keep, or None to empty it (offsets stay).

        Returns
        -------
        int
            Payloads changed.

        Raises
        ------
        BusyError
            If another process reads or writes so long that old payloads could not be
            removed from the write-ahead log; the records are changed.
        """
        check_partition(partition, self.partitions)
        return rewrite_records(
            self._file, self._groups, lambda offset: self._some(partition, offset), change
        )

    def close(self) -> None:
        """Write what waits and release files; what was confirmed stays."""
        self._groups.close()
        with self._read_lock, self._consumers_lock:
            self._reader.close()
            self._consumers.close()

    def _heads(self) -> list[int]:
        with self._read_lock, sqlite_errors(self._file, "reading of events"):
            return heads_of(self._reader)

    def _some(self, partition: int, offset: int) -> Sequence[LogRecord]:
        return self.read(partition, offset, limit=200)

    def _register(self, consumer: str) -> None:
        """From its first reader on a consumer keeps records from expiring."""
        rows = [(consumer, x) for x in range(self.partitions)]
        with (
            self._consumers_lock,
            sqlite_errors(self._file, "a consumer"),
            transaction(self._consumers),
        ):
            self._consumers.executemany("INSERT OR IGNORE INTO consumers VALUES (?, ?, 0)", rows)

    def _confirm(self, consumer: str, offsets: Mapping[int, int]) -> None:
        heads = self._heads()
        for partition, offset in offsets.items():
            if offset > heads[partition]:
                raise InputError(
                    f"consumer {consumer} confirms offset {offset} of partition {partition}, "
                    f"which ends at {heads[partition]}",
                    next_step="Confirm only what was read",
                    consumer=consumer,
                    partition=partition,
                )
        with (
            self._consumers_lock,
            sqlite_errors(self._file, "a consumer's offset"),
            transaction(self._consumers),
        ):
            self._consumers.executemany(
                "INSERT INTO consumers VALUES (?, ?, ?) ON CONFLICT (consumer, partition)"
                " DO UPDATE SET next = max(next, excluded.next)",
                [(consumer, *x) for x in offsets.items()],
            )

    def _confirmed_by_all(self) -> dict[int, int]:
        """First offset by partition that some consumer has not confirmed; 0 if it never did."""
        with self._consumers_lock, sqlite_errors(self._file, "reading of events"):
            rows = self._consumers.execute("SELECT * FROM consumers").fetchall()
        by_consumer: dict[str, dict[int, int]] = {}
        for consumer, partition, first in rows:
            by_consumer.setdefault(consumer, {})[partition] = first
        if not by_consumer:
            return {}
        return {
            x: min(own.get(x, 0) for own in by_consumer.values()) for x in range(self.partitions)
        }
