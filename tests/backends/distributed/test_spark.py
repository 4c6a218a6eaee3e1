"""The same expressions on Spark: compiled anywhere, equal results on a real session."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import ibis
import pyarrow as pa
import pytest

from shopkeeper.backends.distributed.spark import SparkEngine, open_spark_store, spark_sql
from shopkeeper.backends.embedded.duck import DuckEngine
from shopkeeper.backends.engine import Engine, Relation
from shopkeeper.core.errors import ContractError, SettingsError, StoreError

ROWS = ibis.table(
    {"who": "string", "x": "int64", "f": "float64", "ts": "timestamp('UTC', 6)", "d": "date"},
    name="rows",
)
DATA = pa.table(
    {
        "who": ["a", "a", "b", None, "b", "a"],
        "x": pa.array([3, 1, 2, None, 2, -5]),
        "f": [0.5, None, 2.25, 1.0, -0.0, 1e300],
        "ts": pa.array([0, 1, 10**15, None, -1, 5], pa.int64()).cast(pa.timestamp("us", tz="UTC")),
        "d": pa.array([0, 19_000, None, 1, 2, 3], pa.int32()).cast(pa.date32()),
    }
)


def test_sql_casts_to_the_declared_types() -> None:
    t = ROWS
    sql = spark_sql(t.group_by("who").agg(s=t.x.sum(), m=t.f.mean()))
    assert "CAST(`who` AS STRING) AS `who`, CAST(`s` AS BIGINT) AS `s`" in sql
    assert "CAST(`m` AS DOUBLE) AS `m`" in sql


def test_a_folder_the_lake_cannot_keep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="in its path, which the lake cannot keep"):
        open_spark_store(tmp_path / "a=b")


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Engine]]:
    pytest.importorskip("pyspark", reason="the spark extra is not installed")
    folder = tmp_path_factory.mktemp("engines")
    spark = SparkEngine(
        folder / "spark",
        master="local[2]",
        memory_mb=1024,
        options={"spark.sql.shuffle.partitions": "1", "spark.driver.bindAddress": "127.0.0.1"},
    )
    duck = DuckEngine(folder / "duck", memory_mb=256, threads=1)
    yield duck, spark
    spark.close()
    duck.close()


def expressions() -> dict[str, ibis.Table]:
    t = ROWS
    window = ibis.window(group_by="who", order_by=["ts", "x"])
    return {
        "aggregate": t.group_by("who").agg(
            n=t.count(), s=t.x.sum(), m=t.f.mean(), lo=t.ts.min(), hi=t.d.max(), u=t.x.nunique()
        ),
        "window": t.mutate(rank=ibis.row_number().over(window), before=t.x.lag(1).over(window)),
        "case": t.mutate(
            band=ibis.cases((t.x > 2, "high"), (t.x > 0, "low"), else_="none"),
            half=t.x.cast("float64") / ibis.literal(2).cast("float64"),
        ),
        "join": t.inner_join(t.view(), ["who", "x"]).select("who", "x"),
    }


@pytest.mark.spark
@pytest.mark.slow
def test_every_row_and_column_is_equal_on_both_engines(engines: tuple[Engine, Engine]) -> None:
    duck, spark = engines
    relation = Relation("rows", ROWS.schema(), DATA)
    for name, expr in expressions().items():
        left, right = duck.run(expr, [relation]), spark.run(expr, [relation])
        assert left.schema.types == right.schema.types, name
        assert ordered(left) == ordered(right), name


def ordered(rows: pa.Table) -> list[tuple[object, ...]]:
    plain = [tuple(x.values()) for x in rows.to_pylist()]
    return sorted(plain, key=lambda row: [(x is not None, str(x)) for x in row])


@pytest.mark.spark
@pytest.mark.slow
def test_spark_names_values_that_do_not_fit_and_refusals(engines: tuple[Engine, Engine]) -> None:
    t = ROWS
    relation = Relation("rows", ROWS.schema(), DATA)
    with pytest.raises(ContractError, match="a computed value does not fit its column"):
        engines[1].run(t.select(n=t.who.cast("int64")), [relation])
    with pytest.raises(StoreError, match="Spark refused the expression"):
        engines[1].run(t.select(n=t.who.re_extract("(", 0)), [relation])


@pytest.mark.spark
@pytest.mark.slow
def test_a_spark_that_does_not_start_says_what_it_needs(tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="the spark extra is not installed")
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from shopkeeper.backends.distributed.spark import open_spark_store\n"
        "from shopkeeper.core.tables import ORDERS\n"
        "store = open_spark_store(Path(sys.argv[1]))\n"
        "store.run(store.table(ORDERS))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env={"PATH": "", "JAVA_HOME": str(tmp_path / "nowhere")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Spark did not start on local[*]" in done.stderr
    assert "Install Java 17 or later" in done.stderr
