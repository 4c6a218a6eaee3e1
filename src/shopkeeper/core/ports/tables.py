"""The lake: tables under contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, Self, runtime_checkable

import ibis
import pyarrow as pa

from shopkeeper.core.tables import TableContract

Scalar = str | int | float | bool | date | datetime | None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a table store can do.

    Parameters
    ----------
    name
        Which back end this is.
    time_travel
        Whether earlier versions can be read.
    transactions
        Whether a commit is atomic and can carry a token that makes it happen once.
    distributed
        Whether expressions run on more than one machine.
    """

    name: str
    time_travel: bool
    transactions: bool
    distributed: bool


@dataclass(frozen=True, slots=True)
class Commit:
    """What one write did.

    Parameters
    ----------
    table
        Table written.
    version
        Version after the write; the current one if nothing was written.
    rows
        Rows written or removed.
    repeated
        True if the token was already known, so that nothing was written.
    """

    table: str
    version: int
    rows: int
    repeated: bool = False


@runtime_checkable
class TableStore(Protocol):
    """Tables under contract, with atomic commits and time travel."""

    @property
    def capabilities(self) -> Capabilities:
        """What this store can do."""
        ...

    def table(self, contract: TableContract) -> ibis.Table:
        """Unbound expression of a table; no access happens.

        For ``FEATURES`` and other tables with further columns the *stored*
        schema is used when the table exists.
        """
        ...

    def exists(self, contract: TableContract) -> bool:
        """Whether anything was ever written to the table."""
        ...

    def version(self, contract: TableContract) -> int:
        """Latest version of the table; -1 if it was never written."""
        ...

    def count(self, contract: TableContract) -> int:
        """Rows in the table, from file statistics where they exist."""
        ...

    def run(self, expr: ibis.Table, inputs: Mapping[str, pa.Table] | None = None) -> pa.Table:
        """Compute an expression over the stored tables.

        Parameters
        ----------
        expr
            Built from :meth:`table` expressions and, for small extra data,
            ``ibis.table(schema, name=...)`` of the names in ``inputs``. A table
            that was never written counts as empty.
        inputs
            Arrow tables by the name used in the expression.

        Returns
        -------
        pa.Table
            Types as the expression declares them.
        """
        ...

    def stream(
        self,
        expr: ibis.Table,
        inputs: Mapping[str, pa.Table] | None = None,
        *,
        batch_rows: int = 100_000,
    ) -> Iterator[pa.RecordBatch]:
        """As :meth:`run`, in batches of bounded memory."""
        ...

    def materialise(
        self,
        expr: ibis.Table,
        contract: TableContract,
        inputs: Mapping[str, pa.Table] | None = None,
        *,
        where: Mapping[str, Scalar] | None = None,
    ) -> Commit:
        """Compute an expression and replace the table, or the rows matching ``where``, by it.

        The result is cast to the contract and streamed to disk in bounded
        memory; readers see the old rows until the one atomic commit.
        """
        ...

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
            ``token``.

        Raises
        ------
        ConflictError
            If ``after`` is given and another number was committed last: somebody
            else took over the writer's work.
        """
        ...

    def committed(self, contract: TableContract, writer: str) -> int:
        """Number of the last token that a writer committed; -1 if none."""
        ...

    def replace(
        self, contract: TableContract, rows: pa.Table, *, where: Mapping[str, Scalar] | None = None
    ) -> Commit:
        """Replace the table, or only the rows matching ``where``, in one commit."""
        ...

    def merge(self, contract: TableContract, rows: pa.Table) -> Commit:
        """Insert rows and overwrite those with an equal key (the last of equal keys wins)."""
        ...

    def delete(self, contract: TableContract, where: Mapping[str, Scalar]) -> Commit:
        """Remove the rows whose columns equal the given values."""
        ...

    def as_of(self, versions: Mapping[str, int]) -> Self:
        """A read-only view in which the named tables stand at earlier versions."""
        ...

    def snapshot(self) -> Self:
        """A read-only view pinned to the current version of every table."""
        ...

    def maintain(self, contract: TableContract) -> None:
        """Compact small files."""
        ...
