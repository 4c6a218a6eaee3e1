"""What leaves the embedded event log: records that are worked off, payloads to be erased."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import takewhile
from pathlib import Path

from shopkeeper.backends.embedded.log_file import FIRST_OF_NEXT
from shopkeeper.backends.embedded.log_groups import GroupWriter
from shopkeeper.backends.embedded.sqlite import connect, sqlite_errors
from shopkeeper.core.errors import BusyError
from shopkeeper.core.ports import LogRecord

__all__ = ["expire_records", "rewrite_records"]

_AT_ONCE = 200


def expire_records(groups: GroupWriter, confirmed: Mapping[int, int], before_us: int) -> int:
    """Remove the oldest records, few at a time, so that writing goes on between.

    Parameters
    ----------
    groups
        Who writes.
    confirmed
        First offset by partition that may not go.
    before_us
        Moment in microseconds UTC; removal stops at the first later record.

    Returns
    -------
    int
        Records removed.
    """
    total = 0
    for partition, end in confirmed.items():
        base = partition * FIRST_OF_NEXT

        remove = partial(_remove, base, base + end, before_us)
        while removed := groups.perform(remove):
            total += removed
            if removed < _AT_ONCE:
                break
    return total


def rewrite_records(
    file: Path,
    groups: GroupWriter,
    some: Callable[[int], Sequence[LogRecord]],
    change: Callable[[LogRecord], bytes | None],
) -> int:
    """Replace payloads and remove the old ones from every file of the log.

    Parameters
    ----------
    file
        The log.
    groups
        Who writes.
    some
        Some records from an offset on, in order.
    change
        Returns the payload to keep, None to empty it.

    Returns
    -------
    int
        Payloads changed.

    Raises
    ------
    BusyError
        If the write-ahead log could not be emptied.
    """
    total, offset = 0, 0
    while records := some(offset):
        offset = records[-1].offset + 1
        changed = []
        for record in records:
            payload = change(record) or b""
            if payload != record.payload:
                changed.append((payload, record.partition * FIRST_OF_NEXT + record.offset))
        if changed:
            total += len(changed)
            groups.perform(partial(_replace, changed))
    if total:
        _empty_write_ahead_log(file)
    return total


def _remove(first: int, end: int, before_us: int, connection: sqlite3.Connection) -> int:
    rows = connection.execute(
        "SELECT id, received_us FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        (first, end, _AT_ONCE),
    ).fetchall()
    old = [row for row, _ in takewhile(lambda x: x[1] < before_us, rows)]
    if old:
        connection.execute("DELETE FROM records WHERE id >= ? AND id <= ?", (first, old[-1]))
    return len(old)


def _replace(changed: Sequence[tuple[bytes, int]], connection: sqlite3.Connection) -> None:
    connection.executemany("UPDATE records SET payload = ? WHERE id = ?", changed)


def _empty_write_ahead_log(file: Path) -> None:
    connection = connect(file, synchronous="FULL")
    try:
        with sqlite_errors(file, "the end of an erasure"):
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.close()
    if busy:
        raise BusyError(
            f"{file.name} is in use: erased payloads are still in its write-ahead log",
            next_step="Repeat the erasure",
            file=str(file),
        )
