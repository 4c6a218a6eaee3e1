"""Fixed expressions over small tables that change: compiled and planned once, run often."""

from __future__ import annotations

import threading

import duckdb
import ibis
import pyarrow as pa

from shopkeeper.backends.embedded.duck import compiled, translated
from shopkeeper.core.errors import ContractError, NotFoundError

__all__ = ["PreparedQueries"]


class _Source:
    """What an engine scans: the rows at hand when the query runs, not when it was planned."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.rows.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return self.rows.schema.__arrow_c_schema__()


class PreparedQueries:
    """Expressions over in-memory tables, planned once; one caller at a time.

    A large expression takes longer to compile and plan than to run over the rows of a
    few customers. Here both happen once, and a run costs the execution alone. One
    thread is used by default: over few rows, threads cost more than they bring.

    Parameters
    ----------
    threads
        Threads of the engine.
    memory_mb
        Memory it may use.

    Examples
    --------
    >>> queries = PreparedQueries()
    >>> queries.source("numbers", pa.schema({"n": pa.int64()}))
    >>> numbers = ibis.table({"n": "int64"}, name="numbers")
    >>> queries.prepare("double", numbers.select(twice=numbers.n * 2))
    >>> queries.feed("numbers", pa.table({"n": [1, 4]}))
    >>> queries.run("double")["twice"].to_pylist()
    [2, 8]
    """

    def __init__(self, *, threads: int = 1, memory_mb: int = 1024) -> None:
        self._sources: dict[str, _Source] = {}
        self._queries: dict[str, str] = {}
        self._lock = threading.Lock()
        self._database = duckdb.connect(
            ":memory:",
            config={
                "threads": threads,
                "memory_limit": f"{memory_mb}MiB",
                "python_enable_replacements": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        self._database.execute("SET TimeZone = 'UTC'")

    def source(self, name: str, schema: pa.Schema) -> None:
        """Declare a table; it is empty until fed.

        Parameters
        ----------
        name
            As the expressions name it.
        schema
            Its columns.
        """
        with self._lock:
            self._sources[name] = _Source(schema.empty_table())
            self._database.register(name, self._sources[name])

    def prepare(self, name: str, expr: ibis.Table) -> None:
        """Compile and plan an expression over declared tables.

        Parameters
        ----------
        name
            To run it by.
        expr
            Reads declared tables only.

        Raises
        ------
        StoreError
            If the engine refuses it.
        """
        statement = f"query_{len(self._queries)}"
        with self._lock, translated():
            self._database.execute(f"PREPARE {statement} AS {compiled(expr)}")
            self._queries[name] = statement

    def feed(self, name: str, rows: pa.Table) -> None:
        """Replace the rows of a declared table.

        Parameters
        ----------
        name
            The table.
        rows
            Its columns in its order; types are cast where that loses nothing.

        Raises
        ------
        NotFoundError
            If the table was not declared.
        ContractError
            If columns or types differ.
        """
        source = self._sources.get(name)
        if source is None:
            raise NotFoundError(
                f"no table {name!r} was declared", next_step="Declare it first", name=name
            )
        schema = source.rows.schema
        try:
            source.rows = rows if rows.schema.equals(schema) else rows.cast(schema)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
            raise ContractError(
                f"rows for table {name} do not have its columns: {str(error).splitlines()[0]}",
                next_step="Bring them to the declared schema first",
                name=name,
            ) from error

    def run(self, name: str) -> pa.Table:
        """Execute a prepared expression over the rows fed last.

        Parameters
        ----------
        name
            Given to :meth:`prepare`.

        Returns
        -------
        pa.Table
            Types as the expression declares them, no order.

        Raises
        ------
        ContractError, TooLargeError, StoreError
            If a value does not fit its type, memory does not suffice, or the engine
            refuses.
        """
        with self._lock, translated():
            return self._database.sql(f"EXECUTE {self._queries[name]}").to_arrow_table()

    def close(self) -> None:
        """Release memory."""
        with self._lock:
            self._database.close()
