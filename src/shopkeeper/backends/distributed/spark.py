"""Spark as the engine: the same expressions over the same Delta files, on a cluster."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import ibis
import pyarrow as pa
import pyarrow.dataset as pads
from ibis.backends.sql.datatypes import PySparkType
from ibis.config import Config

from shopkeeper.backends.embedded.disk import full_disk_as_error
from shopkeeper.backends.embedded.lake import DeltaStore
from shopkeeper.backends.embedded.place import lake_folder
from shopkeeper.backends.engine import Relation
from shopkeeper.backends.snapshots import Snapshot, SnapshotCache
from shopkeeper.core.errors import ContractError, MissingExtraError, StoreError

__all__ = ["SparkEngine", "open_spark_store", "spark_sql"]

_NOT_ASCII = re.compile(r"%[89A-F][0-9A-F]")
_OPTIONS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}


class _NanIsANumber(Config):  # type: ignore[misc]
    treat_nan_as_null: bool = False


class SparkEngine:
    """Computes on a Spark cluster; the JVM starts with the first expression.

    Every machine of the cluster must see the store folder under the same path.

    Parameters
    ----------
    spill
        Shared folder for streamed results.
    master
        Address of the cluster, or ``local[N]``.
    memory_mb
        Memory of the driver.
    options
        Further Spark settings.
    """

    name = "spark"
    distributed = True

    def __init__(
        self, spill: Path, *, master: str, memory_mb: int, options: dict[str, str] | None = None
    ) -> None:
        self._spill = spill
        self._master = master
        self._options = {
            **_OPTIONS,
            "spark.driver.memory": f"{memory_mb}m",
            "spark.ui.enabled": "false",
            **(options or {}),
        }
        self._lock = threading.Lock()
        self._spark: Any = None

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
        MissingExtraError
            If pyspark is not installed.
        ContractError
            If a value does not fit the declared type.
        StoreError
            If Spark refuses the expression.
        """
        with self._session(relations) as session:
            result: pa.Table = session.sql(spark_sql(expr)).toArrow()
        return result

    def stream(
        self, expr: ibis.Table, relations: Sequence[Relation], *, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        """The result in batches: Spark writes Parquet files, which are read one by one.

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
        MissingExtraError, ContractError, StoreError
            As :meth:`run`.
        """
        folder = self._spill / uuid4().hex
        try:
            with self._session(relations) as session:
                frame = session.sql(spark_sql(expr))
                frame.write.parquet(str(folder))
            files = [str(x) for x in sorted(folder.glob("*.parquet"))]
            yield from pads.dataset(files, format="parquet").to_batches(batch_size=batch_rows)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Stop the Spark session this engine started."""
        if self._spark is not None:
            self._spark.stop()
            self._spark = None

    @contextmanager
    def _session(self, relations: Sequence[Relation]) -> Iterator[Any]:
        session = self._started().newSession()
        try:
            with full_disk_as_error(self._spill, "intermediate results"), _translated():
                for relation in relations:
                    _frame(session, relation).createOrReplaceTempView(relation.name)
                yield session
        finally:
            for relation in relations:
                session.catalog.dropTempView(relation.name)

    def _started(self) -> Any:
        with self._lock:
            if self._spark is None:
                try:
                    from pyspark.sql import SparkSession
                except ImportError as error:
                    raise MissingExtraError("pyspark", "spark") from error
                self._spark = self._start(SparkSession)
            return self._spark

    def _start(self, session: Any) -> Any:
        builder = session.builder.appName("shopkeeper").master(self._master)
        try:
            started = builder.config(map=self._options).getOrCreate()
        except Exception as error:
            raise StoreError(
                f"Spark did not start on {self._master}: {str(error).strip().splitlines()[0]}",
                next_step="Install Java 17 or later and check store.spark_master",
                master=self._master,
            ) from error
        started.sparkContext.setLogLevel("ERROR")
        return started


def spark_sql(expr: ibis.Table) -> str:
    """Spark SQL of an expression, its columns cast to exactly the declared types.

    Parameters
    ----------
    expr
        Any table expression.

    Returns
    -------
    str

    Examples
    --------
    >>> print(spark_sql(ibis.table({"a": "int64"}, name="t")))
    SELECT CAST(`a` AS BIGINT) AS `a` FROM (SELECT
      *
    FROM `t`) AS result
    """
    if ibis.options.pyspark is None:
        # Ibis reads this option while compiling but defines it in its pyspark back end only.
        ibis.options.pyspark = _NanIsANumber()
    columns = ", ".join(
        f"CAST({_quoted(name)} AS {PySparkType.to_string(dtype)}) AS {_quoted(name)}"
        for name, dtype in expr.schema().items()
    )
    return f"SELECT {columns} FROM ({ibis.to_sql(expr, dialect='pyspark')}) AS result"


def _frame(session: Any, relation: Relation) -> Any:
    source = relation.source
    if isinstance(source, pa.Table):
        rows = source.select(list(relation.schema))
        frame = _empty(session, relation) if not rows.num_rows else session.createDataFrame(rows)
        present = set(rows.column_names)
    elif source is None or not source.files:
        return _empty(session, relation)
    else:
        frame, present = _stored(session, source), set(source.columns)
    return frame.selectExpr(
        *(
            f"CAST({_read(name, source) if name in present else 'NULL'}"
            f" AS {PySparkType.to_string(dtype)}) AS {_quoted(name)}"
            for name, dtype in relation.schema.items()
        )
    )


def _read(name: str, source: Snapshot | pa.Table | None) -> str:
    """A column; Spark decodes %XX of a partition's path to one character a byte."""
    mangled = (
        isinstance(source, Snapshot)
        and name in source.partition
        and any(_NOT_ASCII.search(x) for x in source.files)
    )
    return f"decode(encode({_quoted(name)}, 'ISO-8859-1'), 'UTF-8')" if mangled else _quoted(name)


def _stored(session: Any, snapshot: Snapshot) -> Any:
    columns = ", ".join(
        f"{_quoted(name)} {PySparkType.to_string(dtype)}"
        for name, dtype in snapshot.columns.items()
    )
    reader = session.read.schema(columns).option("basePath", str(snapshot.folder))
    return reader.parquet(*snapshot.files)


def _empty(session: Any, relation: Relation) -> Any:
    columns = ", ".join(
        f"{_quoted(name)} {PySparkType.to_string(dtype)}" for name, dtype in relation.schema.items()
    )
    return session.createDataFrame([], columns)


@contextmanager
def _translated() -> Iterator[None]:
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        text = str(error).strip().splitlines()[0]
        if any(x in str(error.getCondition()) for x in ("CAST_", "OVERFLOW", "OUT_OF_RANGE")):
            raise ContractError(
                f"a computed value does not fit its column: {text}",
                next_step="Correct the expression or the type it declares",
            ) from error
        raise StoreError(
            f"Spark refused the expression: {text}",
            next_step="Report the expression; the lake itself was not changed",
        ) from error


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def open_spark_store(
    folder: Path,
    *,
    master: str = "local[*]",
    memory_mb: int = 2048,
    options: dict[str, str] | None = None,
) -> DeltaStore:
    """The table store below a shared folder with Spark as its engine.

    Parameters
    ----------
    folder
        Store folder, seen by every machine of the cluster under this path.
    master
        Address of the cluster, or ``local[N]``.
    memory_mb
        Memory of the driver.
    options
        Further Spark settings.

    Returns
    -------
    DeltaStore
        Commits are made by this process; reading and computing by the cluster.

    Raises
    ------
    SettingsError
        If the folder cannot be a store.
    """
    lake = lake_folder(folder)
    engine = SparkEngine(lake.parent / "spill", master=master, memory_mb=memory_mb, options=options)
    return DeltaStore(SnapshotCache(lake), engine)
