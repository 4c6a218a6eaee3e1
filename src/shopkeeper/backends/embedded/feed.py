"""Rows on their way into a table: cast to the contract, checked and counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa

from shopkeeper.backends.embedded.predicates import check_rows
from shopkeeper.core.errors import ConflictError
from shopkeeper.core.tables import TableContract

__all__ = ["Feed", "Rows"]

Rows: TypeAlias = pa.Table | pa.RecordBatchReader


@dataclass(slots=True)
class Feed:
    """Rows on their way to disk: cast to the contract, checked and counted.

    Parameters
    ----------
    contract
        What they are cast to.
    source
        The rows; a reader can be read once only.
    where
        Values every row must have.
    rows
        Rows passed on so far.
    failure
        What the source or the checks raised.
    """

    contract: TableContract
    source: Rows
    where: Mapping[str, pa.Scalar]
    rows: int = 0
    failure: Exception | None = None

    def rewind(self) -> None:
        """Prepare another attempt; a stream that was read cannot be read again."""
        if not isinstance(self.source, pa.Table):
            raise ConflictError(
                f"another writer changed table {self.contract.name} while rows were streamed",
                next_step="Repeat; let only one machine write a table",
                table=self.contract.name,
            )

    def reader(self) -> pa.RecordBatchReader:
        """The rows as a stream of the contract's schema."""
        self.rows = 0
        return pa.RecordBatchReader.from_batches(self.contract.arrow_schema, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        # Whatever is raised here reaches delta-rs as text only: keep the original.
        try:
            for table in self._tables():
                cast = self.contract.cast(table, fill=True)
                check_rows(self.contract, cast, self.where)
                self.rows += cast.num_rows
                yield from cast.to_batches(max_chunksize=131_072)
        except Exception as error:
            self.failure = error
            raise

    def _tables(self) -> Iterator[pa.Table]:
        if isinstance(self.source, pa.Table):
            yield self.source
        else:
            for batch in self.source:
                yield pa.Table.from_batches([batch])
