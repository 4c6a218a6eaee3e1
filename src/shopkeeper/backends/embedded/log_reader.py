"""One member of a consumer of the embedded event log."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from shopkeeper.backends.embedded.log_claims import Claims
from shopkeeper.backends.embedded.log_file import FIRST_OF_NEXT, heads_of
from shopkeeper.backends.embedded.sqlite import sqlite_errors
from shopkeeper.core.errors import ConflictError, StoreError
from shopkeeper.core.ports import LogRecord

__all__ = ["SqliteLogReader", "records_from"]

_LOOK_S = 0.01  # how soon what another process wrote is seen
_SETTLE_S = 0.2  # how soon a dead or new member is seen
_POLL_BYTES = 32 << 20


def records_from(
    connection: sqlite3.Connection, partition: int, offset: int, *, limit: int, most_bytes: int
) -> list[LogRecord]:
    """Records of a partition from an offset on, in order.

    Parameters
    ----------
    connection
        To the log.
    partition
        From 0.
    offset
        First one wanted.
    limit
        Most records.
    most_bytes
        Stop after so many bytes of payload; one record is always returned.

    Returns
    -------
    list[LogRecord]
    """
    base = partition * FIRST_OF_NEXT
    rows = connection.execute(
        "SELECT id, key, payload, received_us FROM records"
        " WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        (base + max(offset, 0), base + FIRST_OF_NEXT, limit),
    )
    records: list[LogRecord] = []
    size = 0
    for row, key, payload, received_us in rows:
        records.append(LogRecord(partition, row - base, key, payload, received_us))
        size += len(payload)
        if size >= most_bytes:
            break
    rows.close()
    return records


class SqliteLogReader:
    """Reads the partitions that this member holds; see :meth:`EventLog.reader`.

    Parameters
    ----------
    file
        The log, for messages.
    connection
        To the log, for this reader alone.
    claims
        What this member holds.
    committed
        First unconfirmed offset of a partition.
    commit
        Confirms everything before the offset of each partition.
    arrived
        Told by this process's writer after each group.
    gained, lost
        What to tell about partitions.
    """

    def __init__(
        self,
        file: Path,
        connection: sqlite3.Connection,
        claims: Claims,
        *,
        committed: Callable[[int], int],
        commit: Callable[[Mapping[int, int]], None],
        arrived: threading.Condition,
        gained: Callable[[int], int | None] | None,
        lost: Callable[[int], None] | None,
    ) -> None:
        self._file = file
        self._connection = connection
        self._claims = claims
        self._committed, self._commit = committed, commit
        self._arrived = arrived
        self._gained, self._lost = gained, lost
        self._next: dict[int, int] = {}
        self._settled_at = 0.0
        self._seen = -1
        self._turn = 0

    @property
    def partitions(self) -> frozenset[int]:
        """Partitions this member holds now."""
        return frozenset(self._next)

    def poll(self, *, limit: int = 1000, timeout_s: float = 1.0) -> Sequence[LogRecord]:
        """The next records of the held partitions, each partition in order.

        Parameters
        ----------
        limit
            Most records; fewer when they are large.
        timeout_s
            Longest wait for the first one.

        Returns
        -------
        Sequence[LogRecord]
            Empty if none came in time.

        Raises
        ------
        StoreError
            If ``gained`` wants to start behind the end of a partition: the log is
            not the one that was read before.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            self._settle()
            records = self._fetch(limit)
            left = deadline - time.monotonic()
            if records or left <= 0:
                return records
            with self._arrived:
                self._arrived.wait(min(left, _LOOK_S))

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Confirm everything before the offset of each partition; never goes backwards.

        Parameters
        ----------
        offsets
            First unconfirmed offset by partition.

        Raises
        ------
        ConflictError
            If a partition is not held by this member; nothing is confirmed.
        InputError
            If the log does not reach that far.
        """
        others = sorted(set(offsets) - set(self._next))
        if others:
            raise ConflictError(
                f"this reader does not hold partition {others[0]}",
                next_step="Drop its records; another reader works them off",
                partitions=others,
            )
        self._commit(offsets)

    def close(self) -> None:
        """Give the partitions back."""
        self._next.clear()
        self._claims.close()
        self._connection.close()

    def _settle(self) -> None:
        """Give partitions away and take others when members came or went."""
        now = time.monotonic()
        if now - self._settled_at < _SETTLE_S:
            return
        fair = self._claims.fair()
        for partition in sorted(set(self._next) - fair):
            if self._lost is not None:
                self._lost(partition)
            del self._next[partition]
            self._claims.give(partition)
        for partition in sorted(fair - set(self._next)):
            if self._claims.take(partition):
                self._start(partition)
        # What another member has not given back yet is asked for again at once.
        self._settled_at = now if fair <= set(self._next) else now - _SETTLE_S + _LOOK_S

    def _start(self, partition: int) -> None:
        try:
            offset = None if self._gained is None else self._gained(partition)
            first = self._committed(partition) if offset is None else offset
            self._check_end(partition, first)
        except BaseException:
            self._claims.give(partition)
            raise
        self._next[partition] = first
        self._seen = -1

    def _check_end(self, partition: int, first: int) -> None:
        with sqlite_errors(self._file, "reading of events"):
            head = heads_of(self._connection)[partition]
        if first > head:
            raise StoreError(
                f"partition {partition} ends at {head}, but its reader has worked off "
                f"everything before {first}: the log is not the one it read",
                next_step="Restore the log together with the store",
                partition=partition,
                head=head,
                first=first,
            )

    def _fetch(self, limit: int) -> list[LogRecord]:
        with sqlite_errors(self._file, "reading of events"):
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
            if version == self._seen:
                return []
            heads = heads_of(self._connection)
            waiting = [p for p in sorted(self._next) if self._next[p] < heads[p]]
            # Another partition goes first each time, so that none starves behind a full one.
            self._turn += 1
            turn = self._turn % max(len(waiting), 1)
            records: list[LogRecord] = []
            size = 0
            for partition in waiting[turn:] + waiting[:turn]:
                if len(records) >= limit or size >= _POLL_BYTES:
                    break
                part = records_from(
                    self._connection,
                    partition,
                    self._next[partition],
                    limit=limit - len(records),
                    most_bytes=_POLL_BYTES - size,
                )
                if part:
                    self._next[partition] = part[-1].offset + 1
                    size += sum(len(x.payload) for x in part)
                    records += part
                else:
                    self._next[partition] = heads[partition]
        if not records:
            self._seen = version
        return records
