from __future__ import annotations

import ibis
import pyarrow as pa
import pytest

from shopkeeper.backends.embedded.prepared import PreparedQueries
from shopkeeper.core.errors import ContractError, NotFoundError, StoreError

SCHEMA = pa.schema({"k": pa.string(), "n": pa.int64()})


@pytest.fixture
def queries():
    found = PreparedQueries()
    found.source("rows", SCHEMA)
    rows = ibis.table({"k": "string", "n": "int64"}, name="rows")
    found.prepare("sums", rows.group_by("k").aggregate(n=rows.n.sum()))
    yield found
    found.close()


def test_every_run_sees_the_rows_fed_last(queries):
    assert queries.run("sums").num_rows == 0
    queries.feed("rows", pa.table({"k": ["a", "a", "b"], "n": [1, 2, 5]}, schema=SCHEMA))
    assert sorted(map(tuple, (x.values() for x in queries.run("sums").to_pylist()))) == [
        ("a", 3),
        ("b", 5),
    ]
    queries.feed("rows", pa.table({"k": ["c"], "n": [7]}, schema=SCHEMA))
    assert queries.run("sums").to_pylist() == [{"k": "c", "n": 7}]


def test_the_result_has_the_declared_type(queries):
    queries.feed("rows", pa.table({"k": ["a"], "n": [1]}, schema=SCHEMA))
    assert queries.run("sums").schema.field("n").type == pa.int64()


def test_rows_are_cast_where_that_loses_nothing(queries):
    queries.feed("rows", pa.table({"k": ["a"], "n": pa.array([1], pa.int8())}))
    assert queries.run("sums").to_pylist() == [{"k": "a", "n": 1}]
    with pytest.raises(ContractError, match="rows for table rows do not have its columns"):
        queries.feed("rows", pa.table({"k": ["a"], "n": ["x"]}))


def test_a_table_nobody_declared_is_refused(queries):
    with pytest.raises(NotFoundError, match="no table 'other' was declared"):
        queries.feed("other", pa.table({"k": ["a"]}))
    with pytest.raises(StoreError, match="the engine refused the expression"):
        queries.prepare("bad", ibis.table({"x": "int64"}, name="nowhere"))
