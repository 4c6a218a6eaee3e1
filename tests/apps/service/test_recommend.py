"""Recommend: lists, neighbours and the model of a shop whose rows are known."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from small_shop import AS_OF, fill, open_shop, put

from shopkeeper.apps.service import create_app
from shopkeeper.core import tables

BASE = "/api/v1/predict/recommend"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    runtime = open_shop(tmp_path_factory.mktemp("recommend"))
    fill(runtime)
    because = [{"code": "in_baskets", "times": 4}]
    put(
        runtime,
        tables.ITEM_NEIGHBOURS,
        [
            {"product_id": "p1", "as_of": AS_OF, "kind": kind, "rank": 1, "other_product_id": "p2",
             "score": 0.5, "model": "item-graph", "model_version": "v3",
             "reasons": json.dumps(because)}
            for kind in ("similar", "bought_together")
        ],
    )  # fmt: skip
    put(
        runtime,
        tables.RECOMMENDATIONS,
        [
            {"customer_id": "c1", "as_of": AS_OF, "kind": "next_basket", "rank": 1,
             "product_id": "p1", "score": 0.4, "model": "blend", "model_version": "v3",
             "reasons": json.dumps([{"code": "due", "every": 7, "days": 6, "times": 3}])},
        ],
    )  # fmt: skip
    yield TestClient(create_app(runtime), base_url="http://127.0.0.1")
    runtime.close()


def test_lists_of_a_customer_and_why(asked: TestClient) -> None:
    body = asked.get(f"{BASE}/customers/c1").json()
    assert [part["surface"] for part in body["surfaces"]] == ["for_you", "again", "next_basket"]
    first = body["surfaces"][0]["items"][0]
    assert first["product"]["name"] == "面包"
    assert first["product"]["price"] == {"minor": 800, "currency": "CNY"}
    (why,) = first["why"]
    assert why["text"]["zh"] == "常在购买牛奶之后购买"
    assert why["source"]["product_id"] == "p1"
    assert why["days_ago"] >= 0
    (due,) = body["surfaces"][2]["items"][0]["why"]
    assert due["text"]["en"] == "bought about every 7 days, last 6 days ago"
    assert (due["times"], due["days_ago"]) == (3, 6)
    assert body["history"][0]["product"]["product_id"] == "p1"
    assert body["history"][0]["times"] >= 1
    assert body["model_version"] == "v3"


def test_one_surface_alone(asked: TestClient) -> None:
    body = asked.get(f"{BASE}/customers/c1?surface=next_basket").json()
    assert [part["surface"] for part in body["surfaces"]] == ["next_basket"]
    assert asked.get(f"{BASE}/customers/c1?surface=window").status_code == 422
    assert asked.get(f"{BASE}/customers/nobody").status_code == 404


def test_what_goes_with_a_product(asked: TestClient) -> None:
    body = asked.get(f"{BASE}/items/p1").json()
    assert not body["cold"]
    (beside,) = body["bought_together"]
    assert beside["product"]["name"] == "面包"
    assert beside["why"][0]["text"] == {
        "zh": "4 单里同时买了这两件",
        "en": "in 4 orders both were bought",
    }
    cold = asked.get(f"{BASE}/items/p2").json()
    assert cold["cold"]
    assert cold["similar"] == []
    assert cold["next_step"] is not None
    gone = asked.get(f"{BASE}/items/gold")
    assert gone.status_code == 404
    assert "neither in the catalogue" in gone.json()["detail"]


def test_the_older_page_shows_no_baskets(asked: TestClient) -> None:
    items = asked.get("/api/v1/predict/recommendations/c1").json()["items"]
    assert {item["kind"] for item in items} == {"new"}


def test_the_model_behind_it(asked: TestClient, empty: TestClient) -> None:
    body = asked.get(f"{BASE}/summary").json()
    assert body["freshness"]["as_of"] is not None
    nothing = empty.get(f"{BASE}/summary").json()
    assert nothing["members"] == []
    assert nothing["next_step"] is not None
