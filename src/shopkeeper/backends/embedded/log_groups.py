"""The thread that writes the event log: whatever waits goes to disk in one transaction."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from shopkeeper.backends.backlog import Backlog
from shopkeeper.backends.embedded.log_file import FIRST_OF_NEXT, heads_of
from shopkeeper.backends.embedded.sqlite import sqlite_errors, transaction
from shopkeeper.backends.partitions import partition_of
from shopkeeper.core.errors import ShopkeeperError, StoreError
from shopkeeper.core.ports import LogEntry

__all__ = ["GroupWriter"]

_GROUP_BYTES = 8 << 20
_ROW_BYTES = 64  # what a row costs beside its payload
_ROWS_A_STATEMENT = 64

Offsets: TypeAlias = list[tuple[int, int]]


@dataclass(slots=True)
class _Waiting:
    """Entries, or other work on the log that must happen between two groups."""

    entries: Sequence[LogEntry]
    received_us: int
    size: int
    work: Callable[[sqlite3.Connection], Any] | None = None
    future: Future[Any] = field(default_factory=Future)


class GroupWriter:
    """Owner of the one connection that writes the log.

    A statement gives up the interpreter's lock and may wait milliseconds to get it
    back beside a busy event loop, so a group is few statements, not one a row.

    Parameters
    ----------
    file
        The log, for messages.
    connection
        From ``open_log``; closed by :meth:`close`.
    partitions
        How many there are.
    backlog
        What waits and how much may.
    """

    def __init__(
        self, file: Path, connection: sqlite3.Connection, partitions: int, backlog: Backlog
    ) -> None:
        self._file = file
        self._connection = connection
        self._partitions = partitions
        self._backlog = backlog
        self._queue: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False
        self.arrived = threading.Condition()
        self.commits = 0

    def submit(self, entries: Sequence[LogEntry], received_us: int) -> Future[Any]:
        """Queue entries for the next group.

        Parameters
        ----------
        entries
            Without any, the future resolves after everything queued before.
        received_us
            When they arrived, microseconds UTC.

        Returns
        -------
        Future
            Partition and offset of each.

        Raises
        ------
        BusyError
            If the queue is full.
        StoreError
            If the log was closed.
        """
        size = sum(len(x.payload) + len(x.key) + _ROW_BYTES for x in entries)
        return self._put(_Waiting(entries, received_us, size))

    def perform(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """Do other work in a transaction of its own, in turn, and wait for it.

        Parameters
        ----------
        work
            Gets the connection inside the transaction.

        Returns
        -------
        Any
            What the work returned.
        """
        return self._put(_Waiting((), 0, 0, work)).result()

    def close(self) -> None:
        """Write what waits, then release the connection."""
        with self._changed:
            self._closing = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()
        self._connection.close()

    def _put(self, waiting: _Waiting) -> Future[Any]:
        # Running from the start: nobody may cancel what the thread is about to write.
        waiting.future.set_running_or_notify_cancel()
        with self._changed:
            if self._closing:
                raise StoreError(
                    "the event log was closed", next_step="Open it again", file=str(self._file)
                )
            self._backlog.take(waiting.size)
            self._queue.append(waiting)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
                self._thread.start()
            self._changed.notify()
        return waiting.future

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._closing:
                    self._changed.wait()
                group = self._next_group()
            if not group:
                return
            try:
                results = self._write(group)
            except Exception as error:  # noqa: BLE001 - told to everyone who waits
                self._fail(group, error)
                continue
            self._backlog.give(sum(x.size for x in group))
            self.commits += 1
            with self.arrived:
                self.arrived.notify_all()
            for waiting, result in zip(group, results, strict=True):
                waiting.future.set_result(result)

    def _next_group(self) -> list[_Waiting]:
        """The oldest that wait, up to a size; other work is a group of its own."""
        group: list[_Waiting] = []
        size = 0
        while self._queue and size < _GROUP_BYTES:
            if self._queue[0].work is not None and group:
                break
            waiting = self._queue.popleft()
            group.append(waiting)
            size += waiting.size
            if waiting.work is not None:
                break
        return group

    def _write(self, group: Sequence[_Waiting]) -> list[Any]:
        with sqlite_errors(self._file, "a batch of events"):
            if group[0].work is not None:
                with transaction(self._connection):
                    return [group[0].work(self._connection)]
            if not any(x.entries for x in group):
                return [[] for _ in group]
            with transaction(self._connection):
                return self._insert(group)

    def _insert(self, group: Sequence[_Waiting]) -> list[Any]:
        heads = heads_of(self._connection)
        results: list[Offsets] = []
        values: list[Any] = []
        for waiting in group:
            offsets: Offsets = []
            for entry in waiting.entries:
                partition = partition_of(entry.key, self._partitions)
                offset = heads[partition]
                heads[partition] = offset + 1
                offsets.append((partition, offset))
                row = partition * FIRST_OF_NEXT + offset
                values += (row, waiting.received_us, entry.key, entry.payload)
            results.append(offsets)
        step = 4 * _ROWS_A_STATEMENT
        for first in range(0, len(values), step):
            part = values[first : first + step]
            rows = ",".join(["(?,?,?,?)"] * (len(part) // 4))
            self._connection.execute(f"INSERT INTO records VALUES {rows}", part)
        self._connection.execute("UPDATE heads SET next = ?", (json.dumps(heads),))
        return results

    def _fail(self, group: list[_Waiting], error: Exception) -> None:
        """The group and everything behind it: nothing may overtake what failed."""
        with self._changed:
            doomed = [*group, *self._queue]
            self._queue.clear()
        self._backlog.give(sum(x.size for x in doomed))
        for waiting in doomed:
            waiting.future.set_exception(_again(error))


def _again(error: Exception) -> Exception:
    """One exception for each that waits: a raised one is changed by its traceback."""
    if not isinstance(error, ShopkeeperError):
        return error
    copy = type(error)(error.message, next_step=error.next_step, **error.facts)
    copy.__cause__ = error.__cause__
    return copy
