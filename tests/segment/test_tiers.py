"""Fixed schemes on customers whose place is visible by eye."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import ibis
import pyarrow as pa
import pytest

from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.tables import SEGMENTS
from shopkeeper.segment.schemes import SCHEMES, segment_of
from shopkeeper.segment.tiers import (
    NEEDED,
    RFM_CODES,
    aipl_segments,
    fixed_segments,
    life_cycle_segments,
    rfm_scores,
    rfm_segments,
    tier_segments,
)

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)
STAMP = "timestamp('UTC', 6)"
FEATURES = ibis.table(
    {"customer_id": "string", "as_of": STAMP}
    | {x: "float64" if x == "gap_mean_days" else "int64" for x in NEEDED},
    name="features",
)
SCORES = ibis.table({"customer_id": "string", "as_of": STAMP, "value": "float64"}, name="scores")


def rows(*customers: dict[str, Any]) -> pa.Table:
    base = {"recency_days": 10, "tenure_days": 400, "orders_life": 5, "orders_365d": 4,
            "net_spend_minor_365d": 1000, "gap_mean_days": 20.0, "views_90d": 0, "searches_90d": 0,
            "carts_90d": 0, "as_of": AS_OF}  # fmt: skip
    schema = pa.schema(
        [("customer_id", pa.string()), ("as_of", pa.timestamp("us", tz="UTC"))]
        + [(x, pa.float64() if x == "gap_mean_days" else pa.int64()) for x in NEEDED]
    )
    return pa.Table.from_pylist([base | x for x in customers], schema=schema)


def labels(result: pa.Table) -> dict[str, str]:
    assert result.column_names == [str(x) for x in SEGMENTS.columns]
    return {x["customer_id"]: x["label"] for x in result.to_pylist()}


def test_each_of_the_eight_types_has_its_customer(run: Any) -> None:
    customers = [
        {"customer_id": code, "recency_days": 5 if r else 200, "orders_365d": 9 if f else 1,
         "net_spend_minor_365d": 9000 if m else 100}
        for (r, f, m), code in RFM_CODES.items()
    ]  # fmt: skip
    found = labels(run(rfm_segments(FEATURES), features=rows(*customers)))
    assert found == {code: code for code in RFM_CODES.values()}
    assert [x.zh for x in SCHEMES["rfm8"].segments] == [
        "重要价值客户", "重要发展客户", "重要保持客户", "重要挽留客户",
        "一般价值客户", "一般发展客户", "一般保持客户", "一般挽留客户",
    ]  # fmt: skip


def test_equal_values_have_equal_scores(run: Any) -> None:
    found = run(
        rfm_scores(FEATURES),
        features=rows(*({"customer_id": str(i), "orders_365d": i // 5} for i in range(10))),
    ).to_pylist()
    assert {(int(x["customer_id"]) // 5, x["f"]) for x in found} == {(0, 1), (1, 3)}
    assert {x["r"] for x in found} == {1}


def test_life_cycle_by_own_rhythm(run: Any) -> None:
    customers = rows(
        {"customer_id": "weekly", "gap_mean_days": 7.0, "recency_days": 29},
        {"customer_id": "yearly", "gap_mean_days": 300.0, "recency_days": 290},
        {"customer_id": "once", "gap_mean_days": None, "recency_days": 100},
        {"customer_id": "burst", "gap_mean_days": 1.0, "recency_days": 14},
        {"customer_id": "fresh", "gap_mean_days": None, "tenure_days": 29, "recency_days": 29},
        {"customer_id": "monthly", "gap_mean_days": 30.0, "recency_days": 100},
        {"customer_id": "never", "orders_life": 0, "recency_days": None, "tenure_days": None},
    )
    assert labels(run(life_cycle_segments(FEATURES), features=customers)) == {
        "weekly": "lost",  # 29 > 4 × 7
        "yearly": "active",  # 290 ≤ 2 × 300
        "once": "lost",  # the shop's median gap is 18.5: 100 > 74
        "burst": "active",  # one day counts as seven: 14 ≤ 14
        "fresh": "new",
        "monthly": "dormant",  # 60 < 100 ≤ 120
    }


def test_tiers(run: Any) -> None:
    customers = rows(
        *({"customer_id": f"{i:03d}", "recency_days": 500 if i % 2 else 1} for i in range(100))
    )
    scores = pa.table(
        {"customer_id": [f"{i:03d}" for i in range(100)],
         "as_of": pa.array([AS_OF] * 100, pa.timestamp("us", tz="UTC")),
         "value": [float(i) for i in range(100)]}
    )  # fmt: skip
    found = labels(run(tier_segments(FEATURES, SCORES), features=customers, scores=scores))
    count = {x: sum(v == x for v in found.values()) for x in found.values()}
    assert count == {"vip": 5, "strategic": 15, "core": 30, "potential": 25, "lapsing": 25}
    assert found["099"] == "vip"
    assert (found["001"], found["002"]) == ("lapsing", "potential")


def test_aipl_and_union(run: Any) -> None:
    customers = rows(
        {"customer_id": "a", "orders_365d": 0}, {"customer_id": "i", "orders_365d": 0, "carts_90d": 1},
        {"customer_id": "p", "orders_365d": 1}, {"customer_id": "l", "orders_365d": 2},
    )  # fmt: skip
    found = labels(run(aipl_segments(FEATURES), features=customers))
    assert found == {"a": "aware", "i": "interest", "p": "purchase", "l": "loyal"}
    together = run(fixed_segments(FEATURES, None), features=customers)
    keys = {(x["customer_id"], x["scheme"]) for x in together.to_pylist()}
    assert len(keys) == together.num_rows == 12
    known = {(s.code, x.code) for s in SCHEMES.values() for x in s.segments}
    assert {(x["scheme"], x["label"]) for x in together.to_pylist()} <= known


def test_unknown_segment() -> None:
    with pytest.raises(NotFoundError, match="no segment rfm8:gold.*champions"):
        segment_of("rfm8", "gold")
