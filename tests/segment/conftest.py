"""A bare engine for expressions over Arrow tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import duckdb
import ibis
import pyarrow as pa
import pytest

Run = Callable[..., pa.Table]


@pytest.fixture(scope="session")
def run() -> Iterator[Run]:
    """Compute an expression over named Arrow tables."""
    database = duckdb.connect(":memory:", config={"threads": 1})
    database.execute("SET TimeZone = 'UTC'")

    def compute(expr: ibis.Table, **tables: pa.Table) -> pa.Table:
        for name, rows in tables.items():
            database.register(name, rows)
        return database.sql(str(ibis.to_sql(expr, dialect="duckdb"))).to_arrow_table()

    yield compute
    database.close()
