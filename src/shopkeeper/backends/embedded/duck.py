"""DuckDB as the engine: runs compiled expressions over the files of snapshots."""

from __future__ import annotations

import glob
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import duckdb
import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import pyarrow as pa
from ibis.backends.sql.datatypes import DuckDBType

from shopkeeper.backends.embedded.disk import full_disk_as_error
from shopkeeper.backends.engine import Relation
from shopkeeper.backends.snapshots import Snapshot
from shopkeeper.core.errors import ContractError, StoreError, TooLargeError

__all__ = ["DuckEngine", "compiled", "translated"]


class DuckEngine:
    """An in-memory DuckDB shared by threads; each run has its own cursor and views.

    Parameters
    ----------
    spill
        Folder for what does not fit in memory.
    memory_mb
        Memory DuckDB may use.
    threads
        Threads; 0 means all cores.
    """

    name = "duckdb"
    distributed = False

    def __init__(self, spill: Path, *, memory_mb: int, threads: int) -> None:
        self._spill = spill
        self._lock = threading.Lock()
        options: dict[str, str | int | bool] = {
            "memory_limit": f"{memory_mb}MiB",
            "temp_directory": str(spill),
            "python_enable_replacements": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        if threads:
            options["threads"] = threads
        self._database = duckdb.connect(":memory:", config=options)
        self._database.execute("SET GLOBAL TimeZone = 'UTC'")
        self._database.execute("SET GLOBAL parquet_metadata_cache = true")

    def run(self, expr: ibis.Table, relations: Sequence[Relation]) -> pa.Table:
        """The whole result, with the types the expression declares.

        Parameters
        ----------
        expr
            Expression over the relations.
        relations
            Everything it names.

        Returns
        -------
        pa.Table

        Raises
        ------
        ContractError
            If a value does not fit the declared type.
        TooLargeError
            If the memory limit does not suffice even with spilling.
        StoreError
            If the engine refuses the expression for another reason.
        """
        with self._cursor(expr, relations) as (cursor, sql):
            return cursor.sql(sql).to_arrow_table()

    def stream(
        self, expr: ibis.Table, relations: Sequence[Relation], *, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """As :meth:`run`, in batches of at most ``batch_rows`` rows.

        Parameters
        ----------
        expr
            Expression over the relations.
        relations
            Everything it names.
        batch_rows
            Largest batch.

        Yields
        ------
        pa.RecordBatch

        Raises
        ------
        ContractError, TooLargeError, StoreError
            As :meth:`run`.
        """
        with self._cursor(expr, relations) as (cursor, sql):
            yield from cursor.sql(sql).to_arrow_reader(batch_rows)

    def close(self) -> None:
        """Release memory, threads and spilled files."""
        self._database.close()

    @contextmanager
    def _cursor(
        self, expr: ibis.Table, relations: Sequence[Relation]
    ) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
        with self._lock:
            cursor = self._database.cursor()
        try:
            with full_disk_as_error(self._spill, "intermediate results"), translated():
                for relation in relations:
                    _define(cursor, relation)
                yield cursor, compiled(expr)
        finally:
            cursor.close()


@contextmanager
def translated() -> Iterator[None]:
    """Name the failures of DuckDB.

    Raises
    ------
    TooLargeError, ContractError, StoreError
        By the kind of failure.
    """
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise TooLargeError(
            f"the computation needs more memory than allowed: {_first_line(error)}",
            next_step="Raise store.memory_mb or free space in the store folder for spilling",
        ) from error
    except (duckdb.ConversionException, duckdb.OutOfRangeException) as error:
        raise ContractError(
            f"a computed value does not fit its column: {_first_line(error)}",
            next_step="Correct the expression or the type it declares",
        ) from error
    except duckdb.Error as error:
        raise StoreError(
            f"the engine refused the expression: {_first_line(error)}",
            next_step="Report the expression; the lake itself was not changed",
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def compiled(expr: ibis.Table) -> str:
    """An expression as SQL whose columns have exactly the declared types.

    Parameters
    ----------
    expr
        Any table expression.

    Returns
    -------
    str
    """
    return _sql(expr.op())


@lru_cache(maxsize=256)
def _sql(operation: ops.Node) -> str:
    """SQL whose columns have exactly the declared types (a sum of BIGINT is HUGEINT).

    Kept by the expression's structure: compiling the feature library takes seconds,
    and one night asks for the same expressions again and again.
    """
    expr: ibis.Table = operation.to_expr()
    columns = ", ".join(
        f"CAST({_quoted(name)} AS {_sql_type(dtype)}) AS {_quoted(name)}"
        for name, dtype in expr.schema().items()
    )
    return f"SELECT {columns} FROM ({ibis.to_sql(expr, dialect='duckdb')}) AS result"


def _define(cursor: duckdb.DuckDBPyConnection, relation: Relation) -> None:
    if isinstance(relation.source, pa.Table):
        given = f"{relation.name} as given"
        cursor.register(given, relation.source)
        sql = f"SELECT {_columns(relation, relation.source.column_names)} FROM {_quoted(given)}"
    else:
        sql = _view_sql(relation, relation.source)
    cursor.execute(f"CREATE TEMP VIEW {_quoted(relation.name)} AS {sql}")


def _columns(relation: Relation, stored: Iterable[str]) -> str:
    """The declared columns; those that the source does not have yet are null."""
    present = set(stored)
    return ", ".join(
        f"CAST({_quoted(name) if name in present else 'NULL'} AS {_sql_type(dtype)})"
        f" AS {_quoted(name)}"
        for name, dtype in relation.schema.items()
    )


def _view_sql(relation: Relation, snapshot: Snapshot | None) -> str:
    if snapshot is None or not snapshot.files:
        return f"SELECT {_columns(relation, ())} WHERE false"
    columns = _columns(relation, snapshot.columns)
    files = ", ".join(_text(glob.escape(x)) for x in snapshot.files)
    options = "union_by_name = true"
    if snapshot.partition:
        kinds = ", ".join(
            f"{_text(x)}: {_text(_sql_type(snapshot.columns[x]))}" for x in snapshot.partition
        )
        options += f", hive_partitioning = true, hive_types = {{{kinds}}}"
    else:
        options += ", hive_partitioning = false"
    return f"SELECT {columns} FROM read_parquet([{files}], {options})"


def _sql_type(dtype: dt.DataType) -> str:
    text: str = DuckDBType.to_string(dtype)
    return text


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
