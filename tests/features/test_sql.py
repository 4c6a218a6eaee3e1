"""The compiled text of every feature is a snapshot; the hand-written text gives the same values."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pytest

from shopkeeper.apps.bench.features_sql import NAMES, hand_sql
from shopkeeper.backends.distributed.spark import spark_sql
from shopkeeper.core.errors import ContractError
from shopkeeper.features.compute import SOURCES, cutoffs_expression, feature_table
from shopkeeper.features.definition import ROW, check_unique, derived
from shopkeeper.features.grains import GRAINS
from shopkeeper.features.library_index import all_features
from shopkeeper.features.manual import manual

AS_OF = datetime(2025, 6, 1, 16, 0, tzinfo=UTC)
SNAPSHOTS = Path(__file__).parent / "snapshots"


def compiled(names: list[str], dialect: str) -> str:
    bought, lines, activity, contacts = (x.unbound() for x in SOURCES)
    expr = feature_table(bought, lines, activity, contacts, cutoffs_expression(), names=names)
    text = spark_sql(expr) if dialect == "pyspark" else str(ibis.to_sql(expr, dialect=dialect))
    return re.sub(r"\s+", " ", text).strip() + "\n"


@pytest.mark.parametrize("dialect", ["duckdb", "pyspark"])
@pytest.mark.parametrize("grain", [*GRAINS, ROW])
def test_compiled_sql_is_as_it_was(grain: str, dialect: str) -> None:
    """Set SHOPKEEPER_UPDATE_SNAPSHOTS=1 to accept a change, and read the difference."""
    text = compiled([x.name for x in all_features() if x.grain == grain], dialect)
    path = SNAPSHOTS / f"{grain}.{dialect}.sql"
    if os.environ.get("SHOPKEEPER_UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text
    assert "COUNT(DISTINCT" not in text
    assert "EPOCH" not in text
    assert "DAYOFWEEK" not in text.upper()


def test_hand_written_sql_gives_the_same_values(
    compute: Callable[..., Any], shops: Callable[..., Any], arrows: Callable[..., Any]
) -> None:
    shop = shops(21, AS_OF)
    database = duckdb.connect(":memory:", config={"threads": 1})
    for name, rows in arrows(shop).items():
        database.register(name, rows)
    as_of_us = int(AS_OF.timestamp()) * 1_000_000
    by_hand = {
        x["customer_id"]: x for x in database.sql(hand_sql(as_of_us)).to_arrow_table().to_pylist()
    }
    ours = compute(shop, [AS_OF], NAMES)
    assert {x for x, _ in ours} == set(by_hand)
    for (customer, _), row in ours.items():
        for name in NAMES:
            mine, theirs = row[name], by_hand[customer][name]
            same = mine == theirs or (
                isinstance(mine, float) and theirs is not None and math.isclose(mine, theirs)
            )
            assert same, (customer, name, mine, theirs)


def test_every_feature_is_documented_in_both_languages() -> None:
    features = all_features()
    assert len(features) >= 150
    zh, en = manual("zh"), manual("en")
    for x in features:
        assert x.zh
        assert x.en
        assert x.owner
        assert x.entity == "customer"
        assert x.unit or x.dtype == "string"
        assert f"| `{x.name}` | {x.zh} |" in zh
        assert f"| `{x.name}` | {x.en} |" in en
        assert x.name.endswith(f"_{x.window_days}d") or x.window_days is None or x.grain == ROW
    assert len({x.zh for x in features}) == len({x.en for x in features}) == len(features)


def test_library_refuses_doubles_and_gaps() -> None:
    one = derived("a", (), lambda t: t.x, source="s", group="value", zh="甲", en="A", unit="")
    lost = derived("b", ("c",), lambda t: t.c, source="s", group="value", zh="乙", en="B", unit="")
    with pytest.raises(ContractError, match="feature a is defined twice"):
        check_unique([one, one])
    with pytest.raises(ContractError, match="feature b needs c, which is not defined"):
        check_unique([one, lost])
