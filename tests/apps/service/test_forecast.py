"""Forecasts and price responses of a shop whose weeks are known: flow, tables, API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from fastapi.testclient import TestClient
from small_shop import AS_OF, open_shop, put, when

from shopkeeper.apps.flows.forecast import predict_forecast
from shopkeeper.apps.flows.predict import TASKS
from shopkeeper.apps.flows.promotion import predict_promotion
from shopkeeper.apps.flows.task import TaskReport
from shopkeeper.apps.service import create_app
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import tables
from shopkeeper.core.errors import NotEnoughDataError

BASE = "/api/v1/predict"
WEEKS = 40


def lines() -> list[dict[str, object]]:
    """Forty weeks of eight products; teas cost 10 yuan, coffees 20, with a price of its own a week."""
    random = np.random.default_rng(6)
    rows: list[dict[str, object]] = []
    for week in range(WEEKS):
        for at in range(8):
            price = 1000.0 * (1 + at // 4) * np.exp(0.2 * random.standard_normal())
            units = max(
                1, round(30 * (price / 1000 / (1 + at // 4)) ** -2 * random.uniform(0.9, 1.1))
            )
            amount = round(units * price)
            rows.append({
                "line_id": f"{week}-{at}", "order_id": f"o{week}-{at}", "customer_id": "c1",
                "kind": "sale", "product_id": f"p{at}", "category": "tea" if at < 4 else "coffee",
                "channel": "store", "store_id": "s1", "amount_minor": amount,
                "discount_minor": amount // 9 if week % 4 == at % 4 else 0, "currency": "CNY",
                "quantity": float(units), **when(AS_OF - timedelta(days=7 * week + 3)),
            })  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    opened = open_shop(tmp_path_factory.mktemp("forecast"))
    future = [
        {**lines()[0], "line_id": "later", "amount_minor": 10**9, **when(AS_OF + timedelta(1))}
    ]
    put(opened, tables.PURCHASE_LINES, lines() + future)
    put(
        opened,
        tables.PRODUCTS,
        [{"product_id": "p0", "name": "龙井", "category": "tea", "currency": "CNY",
          "source": "csv", "load_id": "l"}],
    )  # fmt: skip
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def reports(runtime: Runtime) -> tuple[TaskReport, TaskReport]:
    return predict_forecast(runtime, AS_OF), predict_promotion(runtime, AS_OF)


@pytest.fixture(scope="module")
def asked(runtime: Runtime, reports: tuple[TaskReport, TaskReport]) -> TestClient:
    return TestClient(create_app(runtime), base_url="http://127.0.0.1")


def test_a_night_forecasts_what_adds_up(runtime: Runtime, reports: tuple[TaskReport, TaskReport]):
    assert set(TASKS) >= {"forecast", "promotion"}
    table = runtime.tables.run(runtime.tables.table(tables.FORECASTS)).to_pylist()
    assert reports[0].rows == len(table) == (1 + 2 + 8) * 8
    for step in range(1, 9):
        rows = [row for row in table if row["steps_ahead"] == step]
        total = next(row["value"] for row in rows if row["series_kind"] == "total")
        parts = sum(row["value"] for row in rows if row["series_kind"] == "category")
        assert total == pytest.approx(parts, rel=1e-9)
        # About 8 × 30 units at 10 and 20 yuan; the billion sold later is not seen.
        assert 200_000 < total < 600_000
    assert all(row["low"] <= row["value"] <= row["high"] for row in table)
    assert reports[0].table["shopkeeper"]["mase"] > 0


def test_a_night_without_sales_says_what_is_missing(tmp_path):
    opened = open_shop(tmp_path)
    try:
        with pytest.raises(NotEnoughDataError, match="there is no sale to forecast from"):
            predict_forecast(opened, AS_OF)
        put(opened, tables.PURCHASE_LINES, lines()[:3])
        with pytest.raises(NotEnoughDataError, match="less than two weeks"):
            predict_forecast(opened, AS_OF)
        with pytest.raises(NotEnoughDataError, match="no sales with a category"):
            predict_promotion(opened, AS_OF - timedelta(days=900))
    finally:
        opened.close()


def test_the_list_and_one_series(asked: TestClient):
    told = asked.get(f"{BASE}/forecast").json()
    assert [item["series_kind"] for item in told["items"][:4]] == [
        "total", "category", "category", "product",
    ]  # fmt: skip
    assert told["items"][0]["unit"] == "minor"
    assert {x["label"]["zh"] for x in told["items"] if x["series_id"] == "p0"} == {"龙井"}
    chosen = [x for x in told["model"]["figures"] if x["chosen"]]
    assert [x["method"] for x in chosen] == ["shopkeeper"]
    assert "检验" in told["model"]["protocol"]["zh"]
    one = asked.get(f"{BASE}/forecast/series", params={"kind": "category", "id": "tea"}).json()
    # The first week was not whole: its first sale is on the fifth day.
    assert len(one["history"]) == WEEKS - 1
    last = sum(x["amount_minor"] for x in lines()[:4])
    assert one["history"][-1]["value"] == pytest.approx(last)
    assert [x["step"] for x in one["forecast"]] == list(range(1, 9))
    assert one["history"][-1]["start"] < one["forecast"][0]["start"]
    missing = asked.get(f"{BASE}/forecast/series", params={"kind": "category", "id": "gold"})
    assert missing.status_code == 404
    assert "there is no forecast of category 'gold'" in missing.json()["detail"]


def test_price_responses(asked: TestClient):
    told = asked.get(f"{BASE}/promotion").json()
    assert {item["series_id"] for item in told["items"]} == {"tea", "coffee"}
    for item in told["items"]:
        assert item["low"] < -2.0 + 0.3
        assert item["estimate"] == pytest.approx(-2.0, abs=0.3)
        assert item["price_changes"] > 100
        assert len(item["curve"]) == 15
        assert item["curve"][0]["units"] > item["curve"][-1]["units"]
        assert "fewer units" in item["sentence"]["en"]
        assert item["effect"]["cannibalised"] is None


def test_an_empty_shop_says_what_to_do(empty: TestClient):
    for path in ("forecast", "promotion"):
        told = empty.get(f"{BASE}/{path}").json()
        assert told["items"] == []
        assert told["next_step"]["command"] == "shopkeeper run nightly"
