"""Tables and queries of a database."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from pyarrow import ipc

from shopkeeper.collect.sources.arrow import digest_values
from shopkeeper.collect.sources.base import RawBatch, Reading, ReadOptions, unique_names
from shopkeeper.core.errors import MissingExtraError, SourceError

BATCH_ROWS = 20_000


class SqlSource:
    """A table or query of a database, fetched once into a local file.

    A query gives its rows in no promised order and may change between two
    reads; the copy makes a load repeatable. Memory stays at one batch.

    Parameters
    ----------
    url
        An SQLAlchemy address such as ``postgresql+psycopg://user@host/shop``.
    options
        ``query`` is a table name or a SELECT.

    Raises
    ------
    SourceError
        If nothing is asked for, or the database refuses.
    MissingExtraError
        If the driver is not installed.
    """

    format = "sql"
    has_header = True

    def __init__(self, url: str, options: ReadOptions) -> None:
        try:
            address = sa.make_url(url)
        except (sa.exc.ArgumentError, ValueError) as error:
            raise SourceError(
                "the database address cannot be read",
                next_step="Write it as dialect+driver://user:password@host/database",
            ) from error
        self.name = f"{address.render_as_string(hide_password=True)}#{options.query or ''}"
        self.notes: Sequence[tuple[str, str]] = ()
        engine = database(address)
        try:
            query = _query(engine, options.query, self.name)
            self._folder = tempfile.TemporaryDirectory(prefix="shopkeeper-sql-")
            self._file = Path(self._folder.name) / "rows.arrow"
            self._columns, self._total, self._digest = _fetch(engine, query, self._file)
        except sa.exc.SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise SourceError(
                f"{self.name} cannot be read: {reason}",
                next_step="Check address, rights and the query",
                path=self.name,
            ) from error
        finally:
            engine.dispose()
        self.size = self._file.stat().st_size

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names in order."""
        return self._columns

    def digest(self) -> str:
        """SHA-256 of the fetched rows."""
        return self._digest

    def batches(self, reading: Reading) -> Iterator[RawBatch]:
        """Rows of text in the order they came."""
        done = 0
        with pa.memory_map(str(self._file)) as file, ipc.open_stream(file) as stream:
            for batch in stream:
                numbers = np.arange(done + 1, done + 1 + batch.num_rows, dtype=np.int64)
                done += batch.num_rows
                reading.bytes_done = int(self.size * done / max(self._total, 1))
                yield RawBatch(pa.Table.from_batches([batch]), numbers)


def database(address: sa.URL, **options: Any) -> sa.Engine:
    """An engine for an address; no connection is made yet.

    Parameters
    ----------
    address
        Where the database is.
    **options
        As ``sqlalchemy.create_engine`` takes them.

    Raises
    ------
    MissingExtraError
        If the driver is not installed.
    SourceError
        If there is no such dialect.
    """
    try:
        return sa.create_engine(address, **options)
    except ModuleNotFoundError as error:
        extra = "mysql" if address.get_backend_name() in {"mysql", "mariadb"} else "postgres"
        raise MissingExtraError(error.name or address.drivername, extra) from error
    except sa.exc.NoSuchModuleError as error:
        raise SourceError(
            f"there is no database dialect {address.drivername!r}",
            next_step="Use sqlite, postgresql, mysql or another that SQLAlchemy knows",
        ) from error


def _query(engine: sa.Engine, asked: str | None, name: str) -> Any:
    if asked and asked.lstrip().lower().startswith(("select ", "select\n", "with ")):
        return sa.text(asked)
    inspector = sa.inspect(engine)
    tables = [*inspector.get_table_names(), *inspector.get_view_names()]
    if asked in tables:
        return sa.select(sa.Table(asked, sa.MetaData(), autoload_with=engine))
    raise SourceError(
        f"{name}: {'no table is named' if not asked else f'there is no table {asked!r}'}",
        next_step=f"Write URL#TABLE; there are {', '.join(sorted(tables)) or 'no tables'}",
        path=name,
    )


def _fetch(engine: sa.Engine, query: Any, file: Path) -> tuple[tuple[str, ...], int, str]:
    digest = hashlib.sha256()
    total = 0
    with engine.connect() as connection:
        result = connection.execution_options(yield_per=BATCH_ROWS).execute(query)
        names = unique_names(list(result.keys()))
        schema = pa.schema([(x, pa.string()) for x in names])
        with ipc.new_stream(str(file), schema) as writer:
            for part in result.partitions(BATCH_ROWS):
                columns = list(zip(*part, strict=True))
                arrays = [pa.array([as_text(x) for x in c], pa.string()) for c in columns]
                batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
                for array in arrays:
                    digest_values(digest, pa.chunked_array([array]))
                writer.write_batch(batch)
                total += batch.num_rows
    return names, total, digest.hexdigest()


def as_text(value: Any) -> str | None:
    """A value of a database as the text that sources hand on; nothing for NULL."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="backslashreplace")
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value)
