"""What a history must not forget: rows not yet in files, files in use, customers who wait."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import ipc

from shopkeeper.backends.embedded.history_rows import NOT_YET
from shopkeeper.backends.embedded.sqlite import connect, sqlite_errors, transaction

__all__ = ["Journal"]

_CHUNK = 500
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS journal
  (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, sequence INTEGER NOT NULL,
   rows BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS files
  (file TEXT PRIMARY KEY, name TEXT NOT NULL, level INTEGER NOT NULL, sequence INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS order_owners
  (order_id TEXT NOT NULL, owner TEXT NOT NULL, sequence INTEGER NOT NULL,
   PRIMARY KEY (order_id, owner)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pending
  (customer_id TEXT PRIMARY KEY, since INTEGER, last INTEGER NOT NULL) WITHOUT ROWID;
"""
Pairs = Iterable[tuple[str, str]]


class Journal:
    """A SQLite file in which every commit survives a power cut; thread-safe.

    Parameters
    ----------
    file
        Created when missing.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.RLock()
        with sqlite_errors(file, "the history"):
            self._database = connect(file, synchronous="FULL")
            self._database.executescript(_TABLES)

    def take_in(
        self,
        rows: Mapping[str, pa.Table],
        orders: Pairs,
        customers: Sequence[str],
        *,
        at_us: int,
        stamp: int,
    ) -> None:
        """Keep rows, the owners of their orders and whose they are, in one transaction.

        Parameters
        ----------
        rows
            By table.
        orders
            Order and owner.
        customers
            Whose rows changed.
        at_us
            When they came.
        stamp
            Their sequence.
        """
        with self._lock, sqlite_errors(self._file, "the history"), transaction(self._database):
            self._put("sequence", str(stamp))
            self._database.executemany(
                "INSERT INTO order_owners VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
                " SET sequence = excluded.sequence",
                ((order, owner, stamp) for order, owner in orders),
            )
            self._database.executemany(
                "INSERT INTO journal (name, sequence, rows) VALUES (?, ?, ?)",
                ((name, stamp, _packed(table)) for name, table in rows.items()),
            )
            self._database.executemany(
                "INSERT INTO pending VALUES (?, ?, ?)"
                " ON CONFLICT (customer_id) DO UPDATE SET last = excluded.last,"
                " since = coalesce(since, excluded.since)",
                ((x, at_us, stamp) for x in customers),
            )

    def opened(self) -> tuple[str | None, int, list[tuple[str, str]]]:
        """The base, the last sequence, and file and table of each further file."""
        with self._lock, sqlite_errors(self._file, "the history"):
            meta = dict(self._database.execute("SELECT key, value FROM meta").fetchall())
            files = self._database.execute("SELECT file, name FROM files ORDER BY file").fetchall()
            return meta.get("base"), int(meta.get("sequence", 0)), files

    def rows(self) -> Iterable[tuple[str, pa.Table]]:
        """Table and rows of everything that is not in a file, in order."""
        with self._lock, sqlite_errors(self._file, "the history"):
            for name, blob in self._database.execute("SELECT name, rows FROM journal ORDER BY id"):
                yield name, ipc.open_stream(blob).read_all()

    def owners_of_orders(self, orders: Sequence[str]) -> list[tuple[str, str]]:
        """Order and owner, of those that came since the base was built."""
        found: list[tuple[str, str]] = []
        with self._lock, sqlite_errors(self._file, "the history"):
            for start in range(0, len(orders), _CHUNK):
                part = orders[start : start + _CHUNK]
                marks = ",".join("?" * len(part))
                found += self._database.execute(
                    f"SELECT order_id, owner FROM order_owners WHERE order_id IN ({marks})", part
                ).fetchall()
        return found

    def adopt(self, base: str, keep_after_us: int, again_after_us: int | None) -> list[str]:
        """Make a folder the base and forget what it holds; files that are not needed any more."""
        before = (keep_after_us,)
        again = NOT_YET if again_after_us is None else again_after_us
        with self._lock, sqlite_errors(self._file, "the history"), transaction(self._database):
            rows = self._database.execute("SELECT file FROM files WHERE sequence < ?", before)
            old = [x[0] for x in rows]
            self._put("base", base)
            for table in ("journal", "files", "order_owners"):
                self._database.execute(f"DELETE FROM {table} WHERE sequence < ?", before)
            self._database.execute("DELETE FROM pending WHERE last < ? AND since IS NULL", (again,))
            # Merges of the night may have moved rows of whoever was worked off meanwhile.
            self._database.execute("UPDATE pending SET since = last WHERE since IS NULL")
            return old

    def pending(self) -> dict[str, tuple[int, int]]:
        """Since when each customer waits and the latest stamp, the longest waiting first."""
        sql = "SELECT customer_id, since, last FROM pending WHERE since IS NOT NULL ORDER BY since"
        with self._lock, sqlite_errors(self._file, "the history"):
            return {x: (since, last) for x, since, last in self._database.execute(sql)}

    def done(self, customers: Mapping[str, int]) -> None:
        """Customers who wait no more, unless they were touched after the stamp."""
        with self._lock, sqlite_errors(self._file, "the history"), transaction(self._database):
            self._database.executemany(
                "UPDATE pending SET since = NULL WHERE customer_id = ? AND last <= ?",
                list(customers.items()),
            )

    def touched_since(self, moment_us: int) -> list[str]:
        """Customers whose rows changed from a moment on, worked off or not."""
        sql = "SELECT customer_id FROM pending WHERE last >= ?"
        with self._lock, sqlite_errors(self._file, "the history"):
            return [x[0] for x in self._database.execute(sql, (moment_us,))]

    def written(self, name: str, file: str, sequence: int) -> None:
        """The rows of a table are in a file."""
        with self._lock, sqlite_errors(self._file, "the history"), transaction(self._database):
            self._register(file, name, 1, sequence)
            self._database.execute(
                "DELETE FROM journal WHERE name = ? AND sequence <= ?", (name, sequence)
            )

    def level(self, name: str, level: int) -> list[tuple[str, int]]:
        """Files of a table and level with their highest sequence, in order."""
        sql = "SELECT file, sequence FROM files WHERE name = ? AND level = ? ORDER BY file"
        with self._lock, sqlite_errors(self._file, "the history"):
            return self._database.execute(sql, (name, level)).fetchall()

    def joined(self, name: str, old: Sequence[tuple[str, int]], file: str, level: int) -> None:
        """One file takes the place of several."""
        with self._lock, sqlite_errors(self._file, "the history"), transaction(self._database):
            self._register(file, name, level, max(x for _, x in old))
            self._database.executemany("DELETE FROM files WHERE file = ?", [(x,) for x, _ in old])

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._database.close()

    def _register(self, file: str, name: str, level: int, sequence: int) -> None:
        self._database.execute(
            "INSERT INTO files VALUES (?, ?, ?, ?)", (file, name, level, sequence)
        )

    def _put(self, key: str, value: str) -> None:
        self._database.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, value),
        )


def _packed(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue())
