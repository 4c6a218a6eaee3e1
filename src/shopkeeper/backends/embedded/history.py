"""Every row of a customer, found in milliseconds: what the online features are computed from.

A base of sorted files is built from the lake at night and read in place. Rows that arrive
afterwards are journalled and held in memory, then written to further sorted files. A row
replaces an earlier one with the same key. Rows are kept by *owner*, the reference or device
they were recorded under, so that a login moves no rows.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc

from shopkeeper.backends.embedded.history_base import (
    BY_ORDER,
    GONE,
    LINKS,
    SEQUENCE,
    HistoryTable,
    Rebuild,
)
from shopkeeper.backends.embedded.history_file import (
    OWNER,
    HistoryFile,
    hashes,
    write_history_file,
)
from shopkeeper.backends.embedded.history_tail import Tail
from shopkeeper.backends.embedded.sqlite import connect, sqlite_errors, transaction
from shopkeeper.core.errors import NotFoundError

__all__ = ["History"]

_FILES_OF_A_KIND = 8
_CHUNK = 500
_NOT_YET = 2**63 - 1
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


class History:
    """Rows by customer in a folder; one process writes, every method may come from any thread.

    Parameters
    ----------
    folder
        Created when missing.
    tables
        What is kept. A table without later rows (only in the base) is given the same way.
    tail_rows
        Rows held in memory before they go to a file.
    """

    def __init__(
        self, folder: Path, tables: Sequence[HistoryTable], *, tail_rows: int = 100_000
    ) -> None:
        self._folder = folder
        self._tables = {x.name: x for x in tables}
        self._most = tail_rows
        self._lock = threading.RLock()
        self._file = folder / "history.db"
        with sqlite_errors(self._file, "the history"):
            self._database = connect(self._file, synchronous="FULL")
            self._database.executescript(_TABLES)
        self._base: dict[str, HistoryFile] = {}
        self._files: dict[str, list[HistoryFile]] = {}
        self._tails: dict[str, Tail] = {}
        self._known: tuple[str, ...] = ()
        self._last = 0
        self.reopen()

    # -- opening ---------------------------------------------------------------------------------
    def stored_schema(self, name: str) -> pa.Schema:
        """Columns of a file of the base.

        Parameters
        ----------
        name
            A table of the history, or ``by_order``.

        Returns
        -------
        pa.Schema

        Raises
        ------
        NotFoundError
            If there is no such file.
        """
        if name == BY_ORDER:
            return pa.schema([pa.field(SEQUENCE, pa.int64()), pa.field(GONE, pa.bool_()), *LINKS])
        if name in self._tables:
            return self._tables[name].stored
        raise NotFoundError(
            f"the history keeps no table {name!r}",
            next_step=f"Choose one of {', '.join([*self._tables, BY_ORDER])}",
            name=name,
        )

    @property
    def primed(self) -> bool:
        """Whether there is a base."""
        return bool(self._base)

    def reopen(self) -> bool:
        """Read from disk what another process changed; says whether there was anything."""
        with self._lock, sqlite_errors(self._file, "the history"):
            base = self._meta("base")
            files = self._database.execute("SELECT file, name FROM files ORDER BY file").fetchall()
            known = (base or "", *(x[0] for x in files))
            if known == self._known and self._tails:
                return False
            self._base = self._opened(base)
            self._files = {name: [] for name in self._tables}
            for file, name in files:
                self._files[name].append(HistoryFile(self._folder / file))
            self._tails = {name: Tail(x.stored) for name, x in self._tables.items()}
            for name, blob in self._database.execute("SELECT name, rows FROM journal ORDER BY id"):
                self._tails[name].add(ipc.open_stream(blob).read_all())
            self._last = int(self._meta("sequence") or 0)
            self._known = known
            return True

    def _opened(self, base: str | None) -> dict[str, HistoryFile]:
        if base is None:
            return {}
        names = [*self._tables, BY_ORDER]
        paths = {x: self._folder / base / f"{x}.arrow" for x in names}
        return {x: HistoryFile(path) for x, path in paths.items() if path.exists()}

    def _meta(self, key: str) -> str | None:
        row = self._database.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    # -- the base --------------------------------------------------------------------------------
    def rebuild(self) -> Rebuild:
        """Begin a new base.

        Returns
        -------
        Rebuild
            Readers see it once it is finished.
        """
        taken = [int(x.name.removeprefix("base-")) for x in self._folder.glob("base-*")]
        folder = self._folder / f"base-{max(taken, default=0) + 1}"
        folder.mkdir()
        return Rebuild(folder, self.stored_schema, self.adopt)

    def adopt(self, base: str, keep_after_us: int, again_after_us: int | None) -> None:
        """Make a folder the base; called when a rebuild is finished.

        Parameters
        ----------
        base
            Name of the folder.
        keep_after_us
            Rows that came before it are dropped.
        again_after_us
            Customers touched from then on wait again; None: none.
        """
        before = (keep_after_us,)
        with self._lock, sqlite_errors(self._file, "the history"):
            old = [
                x[0]
                for x in self._database.execute("SELECT file FROM files WHERE sequence < ?", before)
            ]
            with transaction(self._database):
                self._put("base", base)
                for table in ("journal", "files", "order_owners"):
                    self._database.execute(f"DELETE FROM {table} WHERE sequence < ?", before)
                again = _NOT_YET if again_after_us is None else again_after_us
                self._database.execute(
                    "DELETE FROM pending WHERE last < ? AND since IS NULL", (int(again),)
                )
                # Merges of the night may have moved rows of whoever was worked off meanwhile.
                self._database.execute("UPDATE pending SET since = last WHERE since IS NULL")
            self.reopen()
            for file in old:
                self._remove(self._folder / file)
            for folder in self._folder.glob("base-*"):
                if folder.name != base:
                    shutil.rmtree(folder, ignore_errors=True)

    def _put(self, key: str, value: str) -> None:
        self._database.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, value),
        )

    def _remove(self, file: Path) -> None:
        file.unlink(missing_ok=True)
        file.with_name(file.name + ".index").unlink(missing_ok=True)

    # -- what arrives ----------------------------------------------------------------------------
    def completed(
        self, rows: Mapping[str, pa.Table], *, whole: Iterable[str] = ()
    ) -> dict[str, pa.Table]:
        """Rows on their way in, with what other owners must get of them.

        Parameters
        ----------
        rows
            By table, with the column ``owner``; the columns the history does not keep
            are left out.
        whole
            Tables whose rows are all there is of their orders now: earlier rows of the
            same orders that do not come again are no more.

        Returns
        -------
        dict[str, pa.Table]
            For :meth:`add`. An order that several owners share comes with a copy of all
            its rows, earlier ones included, for each of them.
        """
        with self._lock, sqlite_errors(self._file, "the history"):
            kept = {name: self._stamped(name, x) for name, x in rows.items() if x.num_rows}
            for name in whole:
                if name in kept:
                    kept[name] = self._with_gone(name, kept[name])
            return self._shared(kept, self._orders_of(kept))

    def _with_gone(self, name: str, rows: pa.Table) -> pa.Table:
        """With a mark for each stored row of the same orders that does not come again."""
        table = self._tables[name]
        assert table.together is not None
        orders = pc.unique(rows[table.together])
        owners = {x for _, x in self._owners_of_orders(orders.to_pylist())}
        owners.update(rows[OWNER].to_pylist())
        found = _latest(self._found(name, sorted(owners)), table.key)
        found = found.filter(pc.is_in(found[table.together], orders))
        lost = found.filter(pc.invert(pc.is_in(found[table.key], pc.unique(rows[table.key]))))
        at = lost.schema.get_field_index(GONE)
        marked = lost.set_column(at, lost.schema.field(at), pa.repeat(True, lost.num_rows))
        return pa.concat_tables([rows, _at(marked, _NOT_YET)])

    def add(
        self, rows: Mapping[str, pa.Table], customers: Iterable[str], *, at_us: int
    ) -> dict[str, int]:
        """Take in rows, durably, and note whose they are as pending.

        Parameters
        ----------
        rows
            From :meth:`completed`.
        customers
            Whose rows changed.
        at_us
            When they came, microseconds UTC.

        Returns
        -------
        dict[str, int]
            The customers, each with a stamp for :meth:`done`.
        """
        touched = sorted(set(customers))
        with self._lock, sqlite_errors(self._file, "the history"):
            stamp = max(at_us, self._last + 1)
            kept = {name: _at(x, stamp) for name, x in rows.items()}
            with transaction(self._database):
                self._put("sequence", str(stamp))
                self._database.executemany(
                    "INSERT INTO order_owners VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
                    " SET sequence = excluded.sequence",
                    ((order, owner, stamp) for order, owner in self._orders_of(kept)),
                )
                for name, table in kept.items():
                    self._database.execute(
                        "INSERT INTO journal (name, sequence, rows) VALUES (?, ?, ?)",
                        (name, stamp, _packed(table)),
                    )
                self._database.executemany(
                    "INSERT INTO pending VALUES (?, ?, ?)"
                    " ON CONFLICT (customer_id) DO UPDATE SET last = excluded.last,"
                    " since = coalesce(since, excluded.since)",
                    ((x, at_us, stamp) for x in touched),
                )
            self._last = stamp
            for name, table in kept.items():
                self._tails[name].add(table)
        return dict.fromkeys(touched, stamp)

    def _orders_of(self, rows: Mapping[str, pa.Table]) -> set[tuple[str, str]]:
        """Pairs of what is seen together and the owner who has it."""
        pairs: set[tuple[str, str]] = set()
        for name, table in rows.items():
            column = self._tables[name].together
            if column:
                pairs.update(zip(table[column].to_pylist(), table[OWNER].to_pylist(), strict=True))
        return pairs

    def _shared(
        self, rows: dict[str, pa.Table], pairs: set[tuple[str, str]]
    ) -> dict[str, pa.Table]:
        """Rows of orders that several owners share, copied to each of them."""
        if not pairs:
            return rows
        orders = sorted({x for x, _ in pairs})
        known = self._owners_of_orders(orders)
        owners: dict[str, set[str]] = {}
        for order, owner in (*pairs, *known):
            owners.setdefault(order, set()).add(owner)
        shared = {x: y for x, y in owners.items() if len(y) > 1}
        if not shared:
            return rows
        everybody = sorted({x for y in shared.values() for x in y})
        completed = dict(rows)
        for name, table in self._tables.items():
            if table.together is None:
                continue
            new = rows.get(name, table.stored.empty_table())
            found = pa.concat_tables([self._found(name, everybody), new])
            inside = pc.is_in(found[table.together], pa.array(list(shared), pa.string()))
            copies = _copied(_latest(found.filter(inside), table.key), table.together, shared)
            if copies.num_rows:
                completed[name] = pa.concat_tables([new, copies])
        return completed

    def _owners_of_orders(self, orders: Sequence[str]) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        file = self._base.get(BY_ORDER)
        if file is not None:
            wanted = pa.array(orders, pa.string())
            links = file.take(wanted, hashes(wanted))
            found += zip(links[OWNER].to_pylist(), links["reference"].to_pylist(), strict=True)
        for part in _chunks(orders):
            marks = ",".join("?" * len(part))
            found += self._database.execute(
                f"SELECT order_id, owner FROM order_owners WHERE order_id IN ({marks})", part
            ).fetchall()
        return found

    def _stamped(self, name: str, rows: pa.Table) -> pa.Table:
        """The columns kept; rows on their way in come after everything else."""
        stored = self._tables[name].stored
        given = set(rows.column_names)
        columns = [
            rows[x.name].cast(x.type) if x.name in given else pa.nulls(rows.num_rows, x.type)
            for x in stored
        ]
        return _at(pa.Table.from_arrays(columns, schema=stored), _NOT_YET)

    def pending(self) -> dict[str, tuple[int, int]]:
        """Customers whose rows changed and who were not reported done.

        Returns
        -------
        dict[str, tuple[int, int]]
            Since when (microseconds UTC) and the latest stamp, those who wait longest first.
        """
        with self._lock, sqlite_errors(self._file, "the history"):
            rows = self._database.execute(
                "SELECT customer_id, since, last FROM pending"
                " WHERE since IS NOT NULL ORDER BY since"
            )
            return {x: (since, last) for x, since, last in rows}

    def done(self, customers: Mapping[str, int]) -> None:
        """Report customers as worked off, unless they were touched again meanwhile.

        Parameters
        ----------
        customers
            With the latest stamp that was worked off.
        """
        with (
            self._lock,
            sqlite_errors(self._file, "the history"),
            transaction(self._database),
        ):
            self._database.executemany(
                "UPDATE pending SET since = NULL WHERE customer_id = ? AND last <= ?",
                list(customers.items()),
            )

    def touched_since(self, moment_us: int) -> list[str]:
        """Customers whose rows changed from a moment on, worked off or not.

        Parameters
        ----------
        moment_us
            Microseconds UTC; not before the last base was built.

        Returns
        -------
        list[str]
        """
        with self._lock, sqlite_errors(self._file, "the history"):
            rows = self._database.execute(
                "SELECT customer_id FROM pending WHERE last >= ?", (moment_us,)
            )
            return [x[0] for x in rows]

    # -- reading ---------------------------------------------------------------------------------
    def rows(self, name: str, owners: Sequence[str]) -> pa.Table:
        """Every row of some owners, each key once.

        Parameters
        ----------
        name
            Table of the history.
        owners
            References and devices, or customers for a table that is kept by customer.

        Returns
        -------
        pa.Table
            Columns kept, no order.
        """
        table = self._tables[name]
        found = _latest(self._found(name, owners), table.key)
        found = found.filter(pc.is_null(found[GONE]))
        return found.select(table.schema.names).cast(table.schema)

    def _found(self, name: str, owners: Sequence[str]) -> pa.Table:
        """Every stored row of some owners, repeated keys included."""
        wanted = pa.array(list(dict.fromkeys(owners)), pa.string())
        numbers = hashes(wanted)
        with self._lock:
            files = [*self._files[name]]
            base = self._base.get(name)
            tail = self._tails[name].take(wanted.to_pylist())
        if base is not None:
            files.append(base)
        parts = [x.take(wanted, numbers) for x in files]
        return pa.concat_tables([x for x in (*parts, tail) if x.num_rows] or [tail])

    # -- upkeep ----------------------------------------------------------------------------------
    def maintain(self) -> None:
        """Write long tails to files and join files of a kind when there are many."""
        for name in self._tables:
            if self._tails[name].rows >= self._most:
                self._flush(name)
            for level in (1,):
                self._join(name, level)

    def _flush(self, name: str) -> None:
        with self._lock, sqlite_errors(self._file, "the history"):
            rows = self._tails[name].all()
            last = self._database.execute(
                "SELECT max(id) FROM journal WHERE name = ?", (name,)
            ).fetchone()[0]
            file = self._sorted(name, rows)
            with transaction(self._database):
                self._register(file, name, 1, int(pc.max(rows[SEQUENCE]).as_py()))
                self._database.execute(
                    "DELETE FROM journal WHERE name = ? AND id <= ?", (name, last)
                )
            self._files[name].append(HistoryFile(self._folder / file))
            self._tails[name] = Tail(self._tables[name].stored)
            self._known = (*self._known, file)

    def _join(self, name: str, level: int) -> None:
        with self._lock:
            found = self._database.execute(
                "SELECT file, sequence FROM files WHERE name = ? AND level = ? ORDER BY file",
                (name, level),
            ).fetchall()
        if len(found) < _FILES_OF_A_KIND:
            return
        parts = [HistoryFile(self._folder / file) for file, _ in found]
        file = self._sorted(name, pa.concat_tables([x.all() for x in parts]))
        with self._lock, sqlite_errors(self._file, "the history"):
            with transaction(self._database):
                self._register(file, name, level + 1, max(x for _, x in found))
                self._database.executemany(
                    "DELETE FROM files WHERE file = ?", [(x,) for x, _ in found]
                )
            self.reopen()
        for old, _ in found:
            self._remove(self._folder / old)

    def _register(self, file: str, name: str, level: int, sequence: int) -> None:
        self._database.execute(
            "INSERT INTO files VALUES (?, ?, ?, ?)", (file, name, level, sequence)
        )

    def _sorted(self, name: str, rows: pa.Table) -> str:
        taken = [int(x.name.split("-")[0]) for x in self._folder.glob("*-*.arrow")]
        file = f"{max(taken, default=0) + 1:08d}-{name}.arrow"
        write_history_file(
            self._folder / file, rows.sort_by(OWNER).to_batches(), self._tables[name].stored
        )
        return file

    def close(self) -> None:
        """Release files."""
        with self._lock:
            self._database.close()
            self._base, self._files = {}, {}


def _at(rows: pa.Table, stamp: int) -> pa.Table:
    """Rows that are on their way in get the moment they came; copies keep theirs."""
    at = rows.schema.get_field_index(SEQUENCE)
    known = rows[SEQUENCE]
    if known.null_count == 0 and stamp != _NOT_YET:
        fresh = pc.if_else(pc.equal(known, _NOT_YET), stamp, known)
    else:
        fresh = pa.array(np.full(rows.num_rows, stamp, dtype=np.int64))
    return rows.set_column(at, rows.schema.field(at), fresh)


def _copied(rows: pa.Table, together: str, owners: Mapping[str, set[str]]) -> pa.Table:
    """Each row once for every owner of what it belongs to."""
    at: list[int] = []
    names: list[str] = []
    for place, order in enumerate(rows[together].to_pylist()):
        for owner in sorted(owners[order]):
            at.append(place)
            names.append(owner)
    copies = rows.take(pa.array(at, pa.int64()))
    return copies.set_column(
        copies.schema.get_field_index(OWNER),
        copies.schema.field(OWNER),
        pa.array(names, pa.string()),
    )


def _packed(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue())


def _chunks(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[x : x + _CHUNK] for x in range(0, len(values), _CHUNK))


def _latest(rows: pa.Table, key: str) -> pa.Table:
    """The row of the highest sequence of each key."""
    coded = pc.dictionary_encode(rows[key].combine_chunks())
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    if len(coded.dictionary) == len(coded):
        return rows
    code = coded.indices.to_numpy()
    order = np.lexsort((rows[SEQUENCE].to_numpy(), code))
    last = np.append(np.diff(code[order]) > 0, True)
    return rows.take(pa.array(np.sort(order[last])))
