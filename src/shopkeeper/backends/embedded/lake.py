"""The table store: Delta tables in a folder, computed by an engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Self

import ibis
import pyarrow as pa

from shopkeeper.backends.embedded.writing import DeltaWriter
from shopkeeper.backends.engine import Engine, Relation, declared_tables
from shopkeeper.backends.snapshots import Snapshot, SnapshotCache, latest_version
from shopkeeper.core.errors import InputError, NotFoundError, StoreError
from shopkeeper.core.ports import Capabilities, Commit, Scalar
from shopkeeper.core.tables import ALL, TableContract

__all__ = ["DeltaStore"]


class DeltaStore:
    """Delta tables under ``lake``, one folder each; safe to use from several threads.

    Readers see the version that was current when their expression started. With
    ``pins`` the store is a read-only view of the past.

    Parameters
    ----------
    cache
        Snapshots of the lake's tables.
    engine
        What computes expressions.
    pins
        Version by table name; a table at -1 is empty. None means the newest.
    only_pinned
        Whether tables without a pin count as never written.
    """

    def __init__(
        self,
        cache: SnapshotCache,
        engine: Engine,
        *,
        pins: Mapping[str, int] | None = None,
        only_pinned: bool = False,
    ) -> None:
        self._cache = cache
        self._lake = cache.lake
        self._engine = engine
        self._pins = pins
        self._only_pinned = only_pinned
        self._writer = DeltaWriter(cache.lake)

    @property
    def capabilities(self) -> Capabilities:
        """What this store can do."""
        return Capabilities(
            name=f"delta+{self._engine.name}",
            time_travel=True,
            transactions=True,
            distributed=self._engine.distributed,
        )

    def table(self, contract: TableContract) -> ibis.Table:
        """Unbound expression with the contract's columns and any further stored ones.

        Parameters
        ----------
        contract
            Table.

        Returns
        -------
        ibis.Table
        """
        snapshot = self._snapshot(contract.name)
        if snapshot is None:
            return contract.unbound()
        further = {k: v for k, v in snapshot.columns.items() if k not in contract.ibis_schema}
        if not further:
            return contract.unbound()
        columns = {**dict(contract.ibis_schema.items()), **further}
        return ibis.table(ibis.schema(columns), name=contract.name)

    def exists(self, contract: TableContract) -> bool:
        """Whether anything was ever written to the table."""
        return self.version(contract) >= 0

    def version(self, contract: TableContract) -> int:
        """Latest version of the table, or its pin; -1 if it was never written."""
        return self._version(contract.name)

    def count(self, contract: TableContract) -> int:
        """Rows in the table, from file statistics where they exist."""
        snapshot = self._snapshot(contract.name)
        if snapshot is None:
            return 0
        if snapshot.rows is not None:
            return snapshot.rows
        counted = self.run(contract.unbound().aggregate(rows=ibis._.count()))
        return int(counted.column("rows")[0].as_py())

    def run(self, expr: ibis.Table, inputs: Mapping[str, pa.Table] | None = None) -> pa.Table:
        """Compute an expression over the stored tables.

        Parameters
        ----------
        expr
            Built from :meth:`table` expressions and the names in ``inputs``.
        inputs
            Arrow tables by the name used in the expression.

        Returns
        -------
        pa.Table
            Types as the expression declares them; rows unordered unless it says so.

        Raises
        ------
        NotFoundError
            If a name is neither a table nor an input.
        ContractError, TooLargeError, StoreError
            If a value does not fit its type, memory does not suffice, or the
            engine refuses.
        """
        return self._engine.run(expr, self._relations(expr, inputs))

    def stream(
        self,
        expr: ibis.Table,
        inputs: Mapping[str, pa.Table] | None = None,
        *,
        batch_rows: int = 100_000,
    ) -> Iterator[pa.RecordBatch]:
        """As :meth:`run`, in batches of bounded memory.

        Parameters
        ----------
        expr
            Built from :meth:`table` expressions and the names in ``inputs``.
        inputs
            Arrow tables by the name used in the expression.
        batch_rows
            Largest batch.

        Returns
        -------
        Iterator[pa.RecordBatch]
            Close it if it is not read to the end.
        """
        relations = self._relations(expr, inputs)
        return self._engine.stream(expr, relations, batch_rows=batch_rows)

    def materialise(
        self,
        expr: ibis.Table,
        contract: TableContract,
        inputs: Mapping[str, pa.Table] | None = None,
        *,
        where: Mapping[str, Scalar] | None = None,
    ) -> Commit:
        """Compute an expression and replace the table, or a part of it, by the result.

        The expression may read the table it replaces.

        Parameters
        ----------
        expr
            Its columns cast to the contract; missing optional ones become null.
        contract
            Table; created on first use.
        inputs
            Arrow tables by the name used in the expression.
        where
            The part to replace; every new row must belong to it.

        Returns
        -------
        Commit

        Raises
        ------
        ContractError
            If the result breaks the contract or leaves the part.
        StorageFullError
            If no room is left; the old rows stay.
        """
        self._must_write(contract)
        relations = self._relations(expr, inputs)
        batches = self._engine.stream(expr, relations, batch_rows=65_536)
        first = next(batches, None)
        if first is None:
            return self._writer.overwrite(contract, contract.empty(), where)
        reader = pa.RecordBatchReader.from_batches(first.schema, chain([first], batches))
        return self._writer.overwrite(contract, reader, where)

    def append(
        self,
        contract: TableContract,
        rows: pa.Table | pa.RecordBatchReader,
        *,
        token: tuple[str, int] | None = None,
        after: int | None = None,
    ) -> Commit:
        """Add rows in one atomic commit.

        Parameters
        ----------
        contract
            Table; created on first use.
        rows
            Cast to the contract (missing optional columns become null).
        token
            ``(writer, number)``: a commit whose number is not above the
            writer's last committed one is skipped and reported as repeated.
        after
            Number the writer must have committed last, or -1 for none; only with
            ``token``. Checked under the table's lock; where machines share the
            store, a commit of the same writer in between makes Delta refuse this
            one, and the check is repeated.

        Returns
        -------
        Commit

        Raises
        ------
        ContractError
            If the rows break the contract.
        StorageFullError
            If no room is left; nothing of the rows is visible.
        ConflictError
            If writers on other machines kept being first, or with ``after`` if the
            writer committed neither that number nor this one last.
        """
        self._must_write(contract)
        return self._writer.append(contract, rows, token, after)

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
            -1 if it never committed one; always of the newest version.
        """
        return self._writer.committed(contract, writer)

    def replace(
        self, contract: TableContract, rows: pa.Table, *, where: Mapping[str, Scalar] | None = None
    ) -> Commit:
        """Replace the table, or only the rows matching ``where``, in one commit.

        Parameters
        ----------
        contract
            Table; created on first use.
        rows
            Cast to the contract; those of a part must belong to it.
        where
            The part; None means everything.

        Returns
        -------
        Commit
        """
        self._must_write(contract)
        return self._writer.overwrite(contract, rows, where)

    def merge(self, contract: TableContract, rows: pa.Table) -> Commit:
        """Insert rows and overwrite those with an equal key (the last of equal keys wins).

        Parameters
        ----------
        contract
            Table; created on first use.
        rows
            Cast to the contract.

        Returns
        -------
        Commit
        """
        self._must_write(contract)
        return self._writer.merge(contract, rows)

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
        """
        self._must_write(contract)
        return self._writer.delete(contract, where)

    def as_of(self, versions: Mapping[str, int]) -> Self:
        """A read-only view in which the named tables stand at earlier versions.

        Parameters
        ----------
        versions
            Version by table name.

        Returns
        -------
        Self

        Raises
        ------
        NotFoundError
            If a version does not exist.
        """
        for name, version in versions.items():
            if version >= 0:
                self._cache.read(name, version)
        return self._view({**(self._pins or {}), **versions}, only_pinned=self._only_pinned)

    def snapshot(self) -> Self:
        """A read-only view pinned to the current version of every table."""
        current = {name: self._version(name) for name in self._cache.tables()}
        return self._view({**current, **(self._pins or {})}, only_pinned=True)

    def maintain(self, contract: TableContract) -> None:
        """Compact small files, write a checkpoint, remove files unused for a week."""
        self._must_write(contract)
        self._writer.maintain(contract)

    def close(self) -> None:
        """Release the engine."""
        self._engine.close()

    def _view(self, pins: Mapping[str, int], *, only_pinned: bool) -> Self:
        return type(self)(self._cache, self._engine, pins=pins, only_pinned=only_pinned)

    def _version(self, name: str) -> int:
        if self._pins is not None and name in self._pins:
            return self._pins[name]
        return -1 if self._only_pinned else latest_version(self._lake / name)

    def _snapshot(self, name: str) -> Snapshot | None:
        version = self._version(name)
        return None if version < 0 else self._cache.read(name, version)

    def _relations(self, expr: ibis.Table, inputs: Mapping[str, pa.Table] | None) -> list[Relation]:
        given = inputs or {}
        relations = []
        for name, schema in declared_tables(expr).items():
            if name in given:
                _check_input(name, schema, given[name])
                relations.append(Relation(name, schema, given[name]))
                continue
            snapshot = self._snapshot(name)
            if snapshot is None and name not in ALL:
                raise NotFoundError(
                    f"the expression names {name!r}, which is neither a table nor an input",
                    next_step="Pass it in inputs or correct the name",
                    name=name,
                )
            relations.append(Relation(name, schema, snapshot))
        return relations

    def _must_write(self, contract: TableContract) -> None:
        if self._pins is not None:
            raise StoreError(
                f"table {contract.name} cannot be written through a view of earlier versions",
                next_step="Write through the store itself",
                table=contract.name,
            )


def _check_input(name: str, schema: ibis.Schema, rows: pa.Table) -> None:
    missing = sorted(set(schema) - set(rows.column_names))
    if missing:
        raise InputError(
            f"input {name} lacks the columns {', '.join(missing)}",
            next_step="Add them or declare fewer columns",
            name=name,
            columns=missing,
        )
