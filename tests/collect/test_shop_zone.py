"""A day begins in the shop's zone, whatever zone the source writes its times in."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa

from shopkeeper.apps.flows.collect import collect_table
from shopkeeper.backends.open import open_runtime
from shopkeeper.collect.mapping import SourceMapping
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import ORDERS


def test_days_and_hours_are_the_shops(tmp_path: Path) -> None:
    settings = load_settings(
        flags={"store.folder": str(tmp_path), "shop.time_zone": "America/New_York"}
    )
    runtime = open_runtime(settings)
    rows = pa.table({"id": ["1"], "who": ["7"], "at": ["2018-01-01 04:01:20"], "paid": ["3.50"]})
    mapping = SourceMapping(
        table="orders",
        columns={
            "order_id": ("id",),
            "customer_ref": ("who",),
            "occurred_at": ("at",),
            "amount_minor": ("paid",),
        },
        time_zone="UTC",
    )
    collect_table(
        rows, "till", mapping, tables=runtime.tables, settings=settings,
        now=datetime(2018, 2, 1, tzinfo=UTC),
    )  # fmt: skip
    row = runtime.tables.run(runtime.tables.table(ORDERS)).to_pylist()[0]
    runtime.close()
    assert row["occurred_at"] == datetime(2018, 1, 1, 4, 1, 20, tzinfo=UTC)
    assert (row["day"], row["hour"], row["dow"], row["month"]) == (
        date(2017, 12, 31),
        23,
        7,
        "2017-12",
    )
