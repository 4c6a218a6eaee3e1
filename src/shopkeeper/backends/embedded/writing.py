"""Atomic commits to Delta tables: one writer at a time, tokens, clean failure."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import (
    DeltaTable,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import DeltaError

from shopkeeper.backends.delta_log import forget_before, put_aside
from shopkeeper.backends.embedded.attempts import retried
from shopkeeper.backends.embedded.disk import full_disk_as_error
from shopkeeper.backends.embedded.feed import Feed, Rows
from shopkeeper.backends.embedded.locks import exclusive
from shopkeeper.backends.embedded.opened import OpenedTables
from shopkeeper.backends.embedded.predicates import delta_predicate, typed_values
from shopkeeper.backends.embedded.tokens import Token, commit_properties, repeated
from shopkeeper.backends.snapshots import latest_version, read_snapshot
from shopkeeper.core.errors import ConflictError, InputError, ShopkeeperError
from shopkeeper.core.ports import Commit, Scalar
from shopkeeper.core.tables import TableContract

__all__ = ["DeltaWriter"]

KEEP_HOURS = 7 * 24
CHECKPOINT_EVERY = 20
_CONFIGURATION = {"delta.checkpointInterval": str(CHECKPOINT_EVERY)}
_PARQUET = WriterProperties(compression="ZSTD", compression_level=1, max_row_group_size=131_072)


class DeltaWriter:
    """Writes the tables of one lake folder.

    Parameters
    ----------
    lake
        Folder that holds one folder a table.
    """

    def __init__(self, lake: Path) -> None:
        self._lake = lake
        self._tables, self._asked = OpenedTables(), OpenedTables()
        self._asking = threading.Lock()

    def append(
        self, contract: TableContract, rows: Rows, token: Token | None, after: int | None = None
    ) -> Commit:
        """Add rows in one commit; see :meth:`TableStore.append`.

        Parameters
        ----------
        contract
            Table; created on first use.
        rows
            Any columns that cast to the contract.
        token
            Writer and number that make the commit happen once.
        after
            Number the writer must have committed last.

        Returns
        -------
        Commit

        Raises
        ------
        InputError
            If ``after`` comes without a token.
        ConflictError
            If the writer committed another number last.
        """
        if after is not None and token is None:
            raise InputError(
                f"an append to {contract.name} that must follow {after} needs a token",
                next_step="Give the writer and its number",
                table=contract.name,
            )
        feed = Feed(contract, rows, {})
        with self._writing(contract) as folder:

            def append() -> Commit:
                # Looked up again on every attempt: the writer that was first may be our own.
                table = self._tables.newest(folder)
                version = -1 if table is None else table.version()
                if token is not None and repeated(contract, table, token, after):
                    return Commit(contract.name, version, 0, repeated=True)
                if token is None and version >= 0 and _is_empty(rows):
                    return Commit(contract.name, version, 0)
                return self._write(folder, table, feed, mode="append", where={}, token=token)

            commit: Commit = retried(contract, feed.rewind, append)
            if commit.version % CHECKPOINT_EVERY == 0:
                put_aside(folder)
            return commit

    def committed(self, contract: TableContract, writer: str) -> int:
        """Number of the last token that a writer committed.

        Parameters
        ----------
        contract
            Table.
        writer
            Name in the token.

        Returns
        -------
        int
            -1 if it never committed one.
        """
        with self._asking:
            table = self._asked.newest(self._lake / contract.name)
            last = None if table is None else table.transaction_version(writer)
        return -1 if last is None else int(last)

    def overwrite(
        self, contract: TableContract, rows: Rows, where: Mapping[str, Scalar] | None
    ) -> Commit:
        """Replace the table, or the part where columns equal values, in one commit.

        Parameters
        ----------
        contract
            Table; created on first use.
        rows
            The new rows; those of a part must belong to it.
        where
            The part; None means everything.

        Returns
        -------
        Commit
        """
        values = typed_values(contract, where or {})
        with self._writing(contract) as folder:
            feed = Feed(contract, rows, values)
            return self._commit(folder, contract, feed, mode="overwrite", where=values)

    def merge(self, contract: TableContract, rows: pa.Table) -> Commit:
        """Insert rows and overwrite those with an equal key; the last of equal keys wins.

        Parameters
        ----------
        contract
            Table; created on first use.
        rows
            Any columns that cast to the contract.

        Returns
        -------
        Commit
        """
        last = _last_of_each_key(contract, contract.cast(rows, fill=True))
        with self._writing(contract) as folder:
            table = self._tables.newest(folder)
            if last.num_rows == 0 and table is not None:
                return Commit(contract.name, table.version(), 0)
            if table is None:
                feed = Feed(contract, last, {})
                return self._commit(folder, contract, feed, mode="append", where={})
            return self._merge(table, contract, last)

    def delete(self, contract: TableContract, where: Mapping[str, Scalar]) -> Commit:
        """Remove the rows whose columns equal the given values.

        Parameters
        ----------
        contract
            Table.
        where
            At least one column with its value.

        Returns
        -------
        Commit

        Raises
        ------
        InputError
            If ``where`` is empty or does not fit the table.
        """
        if not where:
            raise InputError(
                f"a delete from {contract.name} needs at least one condition",
                next_step="Name the rows; to empty the table, replace it by no rows",
                table=contract.name,
            )
        predicate = delta_predicate(typed_values(contract, where))
        with self._writing(contract) as folder:
            table = self._tables.newest(folder)
            if table is None:
                return Commit(contract.name, -1, 0)
            metrics = retried(contract, table.update_incremental, lambda: table.delete(predicate))
            return Commit(contract.name, table.version(), int(metrics["num_deleted_rows"]))

    def maintain(self, contract: TableContract) -> None:
        """Compact small files, write a checkpoint, remove files unused for a week.

        Parameters
        ----------
        contract
            Table; nothing happens if it was never written.
        """
        folder = self._lake / contract.name
        # Not under the writers' lock: appends go on meanwhile, their commits and the
        # compaction's do not touch the same files. Only failed writes must not sweep now.
        with (
            full_disk_as_error(self._lake, f"table {contract.name}"),
            exclusive(self._maintaining(contract)),
        ):
            if latest_version(folder) < 0:
                return
            table = DeltaTable(folder)
            retried(
                contract,
                table.update_incremental,
                lambda: table.optimize.compact(writer_properties=_PARQUET),
            )
            table.create_checkpoint()
            table.vacuum(retention_hours=KEEP_HOURS, dry_run=False)
            forget_before(folder, time.time() - 3600 * KEEP_HOURS)

    def _maintaining(self, contract: TableContract) -> Path:
        return self._lake / ".locks" / f"{contract.name}-maintain.lock"

    @contextlib.contextmanager
    def _writing(self, contract: TableContract) -> Iterator[Path]:
        folder = self._lake / contract.name
        with (
            full_disk_as_error(self._lake, f"table {contract.name}"),
            exclusive(self._lake / ".locks" / f"{contract.name}.lock") as since_ns,
        ):
            try:
                yield folder
            except ConflictError:
                raise
            except BaseException:
                with (
                    contextlib.suppress(ConflictError),
                    exclusive(self._maintaining(contract), wait_s=0),
                ):
                    _sweep(folder, since_ns)
                raise

    def _commit(
        self,
        folder: Path,
        contract: TableContract,
        feed: Feed,
        *,
        mode: str,
        where: Mapping[str, pa.Scalar],
    ) -> Commit:
        def write() -> Commit:
            return self._write(folder, self._tables.newest(folder), feed, mode=mode, where=where)

        commit: Commit = retried(contract, feed.rewind, write)
        return commit

    def _write(
        self,
        folder: Path,
        table: DeltaTable | None,
        feed: Feed,
        *,
        mode: str,
        where: Mapping[str, pa.Scalar],
        token: Token | None = None,
    ) -> Commit:
        contract = feed.contract
        try:
            write_deltalake(
                table if table is not None else folder,
                feed.reader(),
                mode=mode,
                partition_by=[str(x) for x in contract.partition] or None,
                writer_properties=_PARQUET,
                configuration=_CONFIGURATION if table is None else None,
                commit_properties=commit_properties(token),
                **_evolution(table, contract, mode, where),
            )
        except DeltaError:
            if feed.failure is not None:
                raise feed.failure from None
            raise
        return Commit(contract.name, latest_version(folder), feed.rows)

    def _merge(self, table: DeltaTable, contract: TableContract, rows: pa.Table) -> Commit:
        keys = " AND ".join(f'target."{x}" = source."{x}"' for x in contract.key)
        widened = set(contract.arrow_schema.names) - set(_columns_of(table))

        def merge() -> object:
            return (
                table.merge(
                    rows,
                    keys,
                    source_alias="source",
                    target_alias="target",
                    merge_schema=bool(widened),
                    writer_properties=_PARQUET,
                )
                .when_matched_update_all()
                .when_not_matched_insert_all()
                .execute()
            )

        retried(contract, table.update_incremental, merge)
        return Commit(contract.name, table.version(), rows.num_rows)


def _is_empty(rows: Rows) -> bool:
    return isinstance(rows, pa.Table) and rows.num_rows == 0


def _columns_of(table: DeltaTable) -> list[str]:
    return [x.name for x in table.schema().fields]


def _evolution(
    table: DeltaTable | None, contract: TableContract, mode: str, where: Mapping[str, pa.Scalar]
) -> dict[str, str]:
    """Options of a write: which part is replaced and how further columns come in."""
    if table is None:
        return {}
    options: dict[str, str] = {}
    changed = _types(contract.arrow_schema) != _types(pa.schema(table.schema().to_arrow()))
    if where:
        options["predicate"] = delta_predicate(where)
    if changed:
        options["schema_mode"] = "overwrite" if mode == "overwrite" and not where else "merge"
    return options


def _types(schema: pa.Schema) -> dict[str, str]:
    return {x.name: str(x.type) for x in schema}


def _last_of_each_key(contract: TableContract, rows: pa.Table) -> pa.Table:
    position = "position in the rows given"
    numbered = rows.select([str(x) for x in contract.key]).append_column(
        position, pa.array(range(rows.num_rows), pa.int64())
    )
    last = numbered.group_by([str(x) for x in contract.key]).aggregate([(position, "max")])
    if last.num_rows == rows.num_rows:
        return rows
    positions = last.column(f"{position}_max").combine_chunks()
    return rows.take(positions.take(pc.sort_indices(positions)))


def _sweep(folder: Path, since_ns: int) -> None:
    """Remove data files of the write that failed, so that they do not hold the disk.

    Only this process could write since the lock was taken; files that a commit
    names are kept all the same.
    """
    version = latest_version(folder)
    with contextlib.suppress(OSError, DeltaError, ShopkeeperError):
        kept = set(read_snapshot(folder, version).files) if version >= 0 else set()
        for file in folder.rglob("*.parquet"):
            if "_delta_log" in file.parts or str(file) in kept:
                continue
            if file.stat().st_mtime_ns > since_ns:
                file.unlink(missing_ok=True)
