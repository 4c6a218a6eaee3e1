"""Rows by hand, and a lake to put them in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import EVENTS, TableContract

UTC = dt.UTC
START = dt.datetime(2026, 1, 1, tzinfo=UTC)


def moment(day: int, hour: int = 12) -> dt.datetime:
    """So many days after the start."""
    return START + dt.timedelta(days=day, hours=hour)


def when(day: int, hour: int = 12) -> dict[str, Any]:
    """The time columns of a row."""
    at = moment(day, hour)
    return {
        "occurred_at": at, "ts_us": int(at.timestamp() * 1_000_000), "day": at.date(),
        "month": f"{at:%Y-%m}", "dow": at.isoweekday(), "hour": at.hour,
    }  # fmt: skip


def rows(contract: TableContract, given: list[dict[str, Any]], **same: Any) -> pa.Table:
    """Rows under a contract; columns left out are null."""
    full = [{**same, **x} for x in given]
    names = {n for x in full for n in x}
    fields = [f for f in contract.arrow_schema if f.name in names]
    table = pa.table({f.name: pa.array([x.get(f.name) for x in full], f.type) for f in fields})
    return contract.cast(table, fill=True)


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    opened = open_runtime(load_settings(flags={"store.folder": str(tmp_path / "shop")}))
    yield opened
    opened.close()


@pytest.fixture
def make() -> Callable[..., pa.Table]:
    return rows


@pytest.fixture
def event() -> Callable[..., pa.Table]:
    def build(event_id: str, day: int = 3, **given: Any) -> pa.Table:
        row = {"event_id": event_id, "kind": "view_item", "received_at": moment(day), **when(day)}
        return rows(EVENTS, [{**row, **given}], source="web", load_id="l1")

    return build
