"""What a history keeps of each table, and how its base is built anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from shopkeeper.backends.embedded.history_file import OWNER, write_history_file

__all__ = ["BY_ORDER", "GONE", "LINKS", "SEQUENCE", "HistoryTable", "Rebuild"]

SEQUENCE = "sequence"
"""When a row came, microseconds UTC; 0 in the base. The highest of equal keys holds."""
GONE = "gone"
"""Whether a row only says that its key is no more."""
BY_ORDER = "by_order"
"""File of the base that says who owns a part of an order."""
LINKS = pa.schema({OWNER: pa.string(), "reference": pa.string()})
"""Columns of that file; its ``owner`` is the order."""


@dataclass(frozen=True, slots=True)
class HistoryTable:
    """What is kept of one table.

    Parameters
    ----------
    name
        Of the table.
    schema
        Columns kept.
    key
        Column whose equal values are one row.
    together
        Column whose equal values must be seen together, whoever owns the rows: lines and
        order of one order id. Every owner of one of them gets a copy of all.
    """

    name: str
    schema: pa.Schema
    key: str
    together: str | None = None

    @property
    def stored(self) -> pa.Schema:
        """Columns as they lie in the files."""
        return pa.schema(
            [
                pa.field(OWNER, pa.string()),
                pa.field(SEQUENCE, pa.int64()),
                pa.field(GONE, pa.bool_()),
                *self.schema,
            ]
        )


class Rebuild:
    """A new base on its way; nothing changes for readers until it is finished.

    Parameters
    ----------
    folder
        Empty folder for its files.
    schema_of
        Columns of each file.
    adopt
        Makes the folder the base.
    """

    def __init__(
        self,
        folder: Path,
        schema_of: Callable[[str], pa.Schema],
        adopt: Callable[[str, int, int | None], None],
    ) -> None:
        self._folder, self._schema_of, self._adopt = folder, schema_of, adopt

    def write(self, name: str, batches: Iterable[pa.RecordBatch]) -> int:
        """Write one file of the base.

        Parameters
        ----------
        name
            A table of the history, or :data:`BY_ORDER`.
        batches
            Rows sorted by ``owner``; ``sequence`` is added.

        Returns
        -------
        int
            Rows written.
        """
        schema = self._schema_of(name)
        rows = (_from_the_base(x, schema) for x in batches)
        return write_history_file(self._folder / f"{name}.arrow", rows, schema).rows

    def finish(self, *, keep_after_us: int, again_after_us: int | None = None) -> None:
        """Make it the base and forget rows that it holds already.

        Parameters
        ----------
        keep_after_us
            Rows that came before it are in the base.
        again_after_us
            Customers touched from then on wait again, worked off or not; None: none of them.
        """
        self._adopt(self._folder.name, keep_after_us, again_after_us)


def _from_the_base(rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = {x: rows.column(x) for x in rows.schema.names}
    columns[SEQUENCE] = pa.array(np.zeros(len(rows), dtype=np.int64))
    columns[GONE] = pa.nulls(len(rows), pa.bool_())
    return pa.record_batch([columns[x].cast(schema.field(x).type) for x in schema.names], schema)
