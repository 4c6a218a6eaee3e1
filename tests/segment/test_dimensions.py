"""Eight dimensions of value on customers whose place is visible by eye."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import ibis
import numpy as np
import pyarrow as pa

from shopkeeper.core.tables import VALUE_DIMENSIONS
from shopkeeper.features.library_index import features_contract
from shopkeeper.segment.dimensions import DIMENSIONS, NEEDED, dimension_table

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)
KINDS = {x: "float64" if x == "discount_depth_365d" else "int64" for x in NEEDED}
FEATURES = ibis.table(
    {"customer_id": "string", "as_of": "timestamp('UTC', 6)", "orders_life": "int64", **KINDS},
    name="features",
)


def _rows(columns: dict[str, list[Any]], orders: int = 3) -> pa.Table:
    n = len(next(iter(columns.values())))
    base: dict[str, Any] = {name: [0] * n for name in NEEDED}
    base |= columns
    arrays = {
        name: pa.array(values, pa.float64() if KINDS[name] == "float64" else pa.int64())
        for name, values in base.items()
    }
    return pa.table(
        {
            "customer_id": [f"c{i:03d}" for i in range(n)],
            "as_of": pa.array([AS_OF] * n, pa.timestamp("us", tz="UTC")),
            "orders_life": [orders] * n,
            **arrays,
        }
    )


def _places(run: Any, table: pa.Table) -> dict[str, dict[str, Any]]:
    found = VALUE_DIMENSIONS.cast(run(dimension_table(FEATURES), features=table))
    return {row["customer_id"]: row for row in found.to_pylist()}


def test_there_are_eight_and_each_reads_features_that_exist() -> None:
    assert len(DIMENSIONS) == 8
    known = {str(column) for column in features_contract().columns}
    assert set(NEEDED) <= known
    assert {x.code for x in DIMENSIONS} <= {str(x) for x in VALUE_DIMENSIONS.columns}


def test_places_by_eye(run: Any) -> None:
    table = _rows(
        {
            "net_spend_minor_365d": [0, 100, 100, 900, 1000],
            "recency_days": [1, 50, 50, 200, 300],
            "discount_depth_365d": [0.5, None, 0.1, 0.0, 0.2],
        }
    )
    found = _places(run, table)
    assert [found[f"c{i:03d}"]["spending"] for i in range(5)] == [0, 25, 25, 75, 100]
    assert [found[f"c{i:03d}"]["recency"] for i in range(5)] == [100, 50, 50, 25, 0]
    # Nobody is ranked on a price never paid; the others are ranked among themselves.
    assert [found[f"c{i:03d}"]["price"] for i in range(5)] == [0, None, 67, 100, 33]
    assert {row["influence"] for row in found.values()} == {0}


def test_who_never_bought_has_no_place(run: Any) -> None:
    assert _places(run, _rows({"tenure_days": [1, 2]}, orders=0)) == {}


def test_a_place_is_the_share_of_customers_below(run: Any) -> None:
    values = np.random.default_rng(3).permutation(101).tolist()
    found = _places(run, _rows({"active_days_90d": values}))
    assert [found[f"c{i:03d}"]["engagement"] for i in range(101)] == values
