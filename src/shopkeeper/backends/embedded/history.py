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

import pyarrow as pa
import pyarrow.compute as pc

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
from shopkeeper.backends.embedded.history_journal import Journal
from shopkeeper.backends.embedded.history_rows import NOT_YET, at_stamp, copied, latest
from shopkeeper.backends.embedded.history_tail import Tail
from shopkeeper.core.errors import NotFoundError

__all__ = ["History"]

_FILES_OF_A_KIND = 8


class History:
    """Rows by customer in a folder; one process writes, every method may come from any thread.

    Parameters
    ----------
    folder
        Created when missing.
    tables
        What is kept.
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
        self._journal = Journal(folder / "history.db")
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
        with self._lock:
            base, last, files = self._journal.opened()
            known = (base or "", *(x[0] for x in files))
            if known == self._known and self._tails:
                return False
            self._base = self._opened(base)
            self._files = {name: [] for name in self._tables}
            for file, name in files:
                self._files[name].append(HistoryFile(self._folder / file))
            self._tails = {name: Tail(x.stored) for name, x in self._tables.items()}
            for name, rows in self._journal.rows():
                self._tails[name].add(rows)
            self._last, self._known = last, known
            return True

    def _opened(self, base: str | None) -> dict[str, HistoryFile]:
        if base is None:
            return {}
        names = [*self._tables, BY_ORDER]
        paths = {x: self._folder / base / f"{x}.arrow" for x in names}
        return {x: HistoryFile(path) for x, path in paths.items() if path.exists()}

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
        return Rebuild(folder, self.stored_schema, self._adopt)

    def _adopt(self, base: str, keep_after_us: int, again_after_us: int | None) -> None:
        """Make a folder the base; called when a rebuild is finished."""
        with self._lock:
            old = self._journal.adopt(base, keep_after_us, again_after_us)
            self.reopen()
            for file in old:
                self._remove(self._folder / file)
            for folder in self._folder.glob("base-*"):
                if folder.name != base:
                    shutil.rmtree(folder, ignore_errors=True)

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
        with self._lock:
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
        found = latest(self._found(name, sorted(owners)), table.key)
        found = found.filter(pc.is_in(found[table.together], orders))
        lost = found.filter(pc.invert(pc.is_in(found[table.key], pc.unique(rows[table.key]))))
        at = lost.schema.get_field_index(GONE)
        marked = lost.set_column(at, lost.schema.field(at), pa.repeat(True, lost.num_rows))
        return pa.concat_tables([rows, at_stamp(marked, NOT_YET)])

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
        with self._lock:
            stamp = max(at_us, self._last + 1)
            kept = {name: at_stamp(x, stamp) for name, x in rows.items()}
            orders = self._orders_of(kept)
            self._journal.take_in(kept, orders, touched, at_us=at_us, stamp=stamp)
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
            copies = copied(latest(found.filter(inside), table.key), table.together, shared)
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
        return found + self._journal.owners_of_orders(orders)

    def _stamped(self, name: str, rows: pa.Table) -> pa.Table:
        """The columns kept; rows on their way in come after everything else."""
        stored = self._tables[name].stored
        given = set(rows.column_names)
        columns = [
            rows[x.name].cast(x.type) if x.name in given else pa.nulls(rows.num_rows, x.type)
            for x in stored
        ]
        return at_stamp(pa.Table.from_arrays(columns, schema=stored), NOT_YET)

    def pending(self) -> dict[str, tuple[int, int]]:
        """Customers whose rows changed and who were not reported done.

        Returns
        -------
        dict[str, tuple[int, int]]
            Since when (microseconds UTC) and the latest stamp, those who wait longest first.
        """
        return self._journal.pending()

    def done(self, customers: Mapping[str, int]) -> None:
        """Report customers as worked off, unless they were touched again meanwhile.

        Parameters
        ----------
        customers
            With the latest stamp that was worked off.
        """
        self._journal.done(customers)

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
        return self._journal.touched_since(moment_us)

    # -- reading ---------------------------------------------------------------------------------
    def rows(self, name: str, owners: Sequence[str]) -> pa.Table:
        """Every row of some owners, each key once.

        Parameters
        ----------
        name
            Table of the history.
        owners
            References and devices.

        Returns
        -------
        pa.Table
            Columns kept, no order.
        """
        table = self._tables[name]
        found = latest(self._found(name, owners), table.key)
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
            self._join(name, 1)

    def _flush(self, name: str) -> None:
        with self._lock:
            rows = self._tails[name].all()
            file = self._sorted(name, rows)
            self._journal.written(name, file, self._last)
            self._files[name].append(HistoryFile(self._folder / file))
            self._tails[name] = Tail(self._tables[name].stored)
            self._known = (*self._known, file)

    def _join(self, name: str, level: int) -> None:
        found = self._journal.level(name, level)
        if len(found) < _FILES_OF_A_KIND:
            return
        parts = [HistoryFile(self._folder / file) for file, _ in found]
        file = self._sorted(name, pa.concat_tables([x.all() for x in parts]))
        with self._lock:
            self._journal.joined(name, found, file, level + 1)
            self.reopen()
        for old, _ in found:
            self._remove(self._folder / old)

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
            self._journal.close()
            self._base, self._files = {}, {}
