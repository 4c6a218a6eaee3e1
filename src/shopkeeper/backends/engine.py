"""What a table store asks of the thing that computes: DuckDB here, Spark there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import ibis
import ibis.expr.operations as ops
import pyarrow as pa

from shopkeeper.backends.snapshots import Snapshot
from shopkeeper.core.errors import InputError

__all__ = ["Engine", "Relation", "declared_tables"]


@dataclass(frozen=True, slots=True)
class Relation:
    """A name in an expression and what stands behind it.

    Parameters
    ----------
    name
        The unbound table's name.
    schema
        Columns as the expression declares them.
    source
        Files of a stored table, rows in memory, or None for an empty table.
    """

    name: str
    schema: ibis.Schema
    source: Snapshot | pa.Table | None


class Engine(Protocol):
    """Computes expressions over relations."""

    name: str
    distributed: bool

    def run(self, expr: ibis.Table, relations: Sequence[Relation]) -> pa.Table:
        """The whole result, with the types the expression declares."""
        ...

    def stream(
        self, expr: ibis.Table, relations: Sequence[Relation], *, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """The result in batches of bounded memory."""
        ...

    def close(self) -> None:
        """Release memory, threads and spilled files."""
        ...


def declared_tables(expr: ibis.Table) -> Mapping[str, ibis.Schema]:
    """Unbound tables of an expression with the columns it may use.

    Parameters
    ----------
    expr
        Any table expression.

    Returns
    -------
    Mapping[str, ibis.Schema]
        One entry a name; if a name is declared more than once, its columns are
        joined.

    Raises
    ------
    InputError
        If one name is declared twice with different types.

    Examples
    --------
    >>> t = ibis.table({"a": "int64"}, name="t")
    >>> dict(declared_tables(t.mutate(b=t.a + 1)))
    {'t': ibis.Schema {
      a  int64
    }}
    """
    found: dict[str, dict[str, object]] = {}
    for node in expr.op().find(ops.UnboundTable):
        columns = found.setdefault(node.name, {})
        for column, dtype in node.schema.items():
            if columns.setdefault(column, dtype) != dtype:
                raise InputError(
                    f"the expression declares {node.name}.{column} once as {columns[column]} "
                    f"and once as {dtype}",
                    next_step="Build both parts from the same table expression",
                    table=node.name,
                    column=column,
                )
    return {name: ibis.schema(columns) for name, columns in found.items()}
