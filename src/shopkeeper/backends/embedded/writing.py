"""Atomic commits to Delta tables: one writer at a time, tokens, clean failure."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import (
    CommitProperties,
    DeltaTable,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError

from shopkeeper.backends.embedded.disk import full_disk_as_error, is_disk_full
from shopkeeper.backends.embedded.feed import Feed, Rows
from shopkeeper.backends.embedded.locks import exclusive
from shopkeeper.backends.embedded.predicates import delta_predicate, typed_values
from shopkeeper.backends.snapshots import latest_version, read_snapshot
from shopkeeper.core.errors import ConflictError, InputError, ShopkeeperError, StoreError
from shopkeeper.core.ports import Commit, Scalar
from shopkeeper.core.tables import TableContract

__all__ = ["DeltaWriter", "Token", "retried"]

log = logging.getLogger(__name__)

Token: TypeAlias = tuple[str, int]

ATTEMPTS = 5
KEEP_HOURS = 7 * 24
_CONFIGURATION = {"delta.checkpointInterval": "20"}
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

    def append(self, contract: TableContract, rows: Rows, token: Token | None) -> Commit:
        """Add rows in one commit; see :meth:`TableStore.append`.

        Parameters
        ----------
        contract
            Table; created on first use.
        rows
            Any columns that cast to the contract.
        token
            Writer and number that make the commit happen once.

        Returns
        -------
        Commit
        """
        with self._writing(contract) as folder:
            table = _opened(folder)
            if token is not None and table is not None and _known(table, token):
                return Commit(contract.name, table.version(), 0, repeated=True)
            if _is_empty(rows) and token is None and table is not None:
                return Commit(contract.name, table.version(), 0)
            feed = Feed(contract, rows, {})
            return self._commit(folder, contract, feed, mode="append", where={}, token=token)

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
            table = _opened(folder)
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
            table = _opened(folder)
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
        with self._writing(contract) as folder:
            table = _opened(folder)
            if table is None:
                return
            retried(
                contract,
                table.update_incremental,
                lambda: table.optimize.compact(writer_properties=_PARQUET),
            )
            table.create_checkpoint()
            table.vacuum(retention_hours=KEEP_HOURS, dry_run=False)

    @contextlib.contextmanager
    def _writing(self, contract: TableContract) -> Iterator[Path]:
        folder = self._lake / contract.name
        with (
            full_disk_as_error(self._lake, f"table {contract.name}"),
            exclusive(self._lake / ".locks" / f"{contract.name}.lock") as since_ns,
        ):
            try:
                yield folder
            except BaseException:
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
        token: Token | None = None,
    ) -> Commit:
        def write() -> None:
            table = _opened(folder)
            try:
                write_deltalake(
                    table if table is not None else folder,
                    feed.reader(),
                    mode=mode,
                    partition_by=[str(x) for x in contract.partition] or None,
                    writer_properties=_PARQUET,
                    configuration=_CONFIGURATION if table is None else None,
                    commit_properties=_properties(token),
                    **_evolution(table, contract, mode, where),
                )
            except DeltaError:
                if feed.failure is not None:
                    raise feed.failure from None
                raise

        retried(contract, feed.rewind, write)
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


def _opened(folder: Path) -> DeltaTable | None:
    return DeltaTable(folder) if latest_version(folder) >= 0 else None


def _known(table: DeltaTable, token: Token) -> bool:
    last = table.transaction_version(token[0])
    return last is not None and token[1] <= last


def _properties(token: Token | None) -> CommitProperties:
    transactions = [] if token is None else [Transaction(token[0], token[1])]
    return CommitProperties(max_commit_retries=ATTEMPTS, app_transactions=transactions)


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


def retried(contract: TableContract, reload: Callable[[], None], action: Callable[[], Any]) -> Any:
    """Do it again on the newest version if a writer on another machine was first.

    Parameters
    ----------
    contract
        Table, for the message.
    reload
        Brings what the action works on to the newest version.
    action
        One attempt to commit.

    Returns
    -------
    Any
        What the action returned.

    Raises
    ------
    ConflictError
        If it lost five times.
    StoreError
        If the lake refused for another reason.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return _attempt(contract, action)
        except CommitFailedError as error:
            log.info("a commit to %s lost a race: %s", contract.name, error)
            reload()
    try:
        return _attempt(contract, action)
    except CommitFailedError as error:
        raise ConflictError(
            f"another writer kept changing table {contract.name}",
            next_step="Repeat; let only one machine write a table",
            table=contract.name,
        ) from error


def _attempt(contract: TableContract, action: Callable[[], Any]) -> Any:
    try:
        return action()
    except (CommitFailedError, ShopkeeperError):
        raise
    except Exception as error:
        raise _refused(contract, error) from error


def _refused(contract: TableContract, error: Exception) -> Exception:
    """A full disk passes through to be named as such; the rest is the lake's refusal."""
    if is_disk_full(error):
        return error
    text = str(error).strip()
    return StoreError(
        f"table {contract.name} was not written: {text.splitlines()[0] if text else error!r}",
        next_step="Nothing of it is visible; see the log for the cause",
        table=contract.name,
    )
