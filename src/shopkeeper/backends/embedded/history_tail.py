"""The latest rows by owner, in memory."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pyarrow as pa

from shopkeeper.backends.embedded.history_file import OWNER

__all__ = ["Tail"]

_MOST_PARTS = 64


class Tail:
    """Rows of one table in the order they came, found by owner.

    Parameters
    ----------
    schema
        Columns of the rows.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._parts: list[pa.Table] = []
        self._places: dict[str, list[int]] = {}
        self.rows = 0

    def add(self, rows: pa.Table) -> None:
        """Append rows.

        Parameters
        ----------
        rows
            Columns of the schema.
        """
        if rows.num_rows == 0:
            return
        for place, owner in enumerate(rows[OWNER].to_pylist(), self.rows):
            self._places.setdefault(owner, []).append(place)
        self._parts.append(rows.combine_chunks())
        self.rows += rows.num_rows
        if len(self._parts) > _MOST_PARTS:
            self._parts = [pa.concat_tables(self._parts).combine_chunks()]

    def take(self, owners: Iterable[str]) -> pa.Table:
        """Every row of some owners.

        Parameters
        ----------
        owners
            Distinct.

        Returns
        -------
        pa.Table
            In the order they came.
        """
        found = [x for owner in owners for x in self._places.get(owner, ())]
        if not found:
            return self._schema.empty_table()
        at = np.sort(np.array(found, dtype=np.int64))
        edges = np.cumsum([0, *(x.num_rows for x in self._parts)])
        cuts = np.searchsorted(at, edges)
        taken = [
            part.take(pa.array(at[low:high] - edges[place]))
            for place, (part, (low, high)) in enumerate(
                zip(self._parts, pairwise(cuts), strict=True)
            )
            if high > low
        ]
        return pa.concat_tables(taken)

    def all(self) -> pa.Table:
        """Every row, in the order they came."""
        return pa.concat_tables(self._parts) if self._parts else self._schema.empty_table()
