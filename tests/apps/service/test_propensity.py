"""Asking for a model over HTTP, in a shop that is too small for one."""

from __future__ import annotations

import time

from fastapi.testclient import TestClient

CART = {"name": "cart", "target": {"kind": "event", "event": "product_added"}, "horizon_days": 7}
PATH = "/api/v1/predict/propensity"


def test_an_empty_shop_offers_the_way(empty: TestClient) -> None:
    options = empty.get(f"{PATH}/options").json()
    assert options["events"] == []
    assert options["first_day"] is None
    assert options["next_step"]["command"] == "shopkeeper run nightly"
    assert len(options["features"]) > 150
    listed = empty.get(PATH).json()
    assert listed["items"] == []
    assert listed["next_step"]["link"] == "/models/new"


def test_a_preview_that_cannot_be_says_why_in_both_languages(shop: TestClient) -> None:
    answer = shop.post(f"{PATH}/preview", json={**CART, "horizon_days": 365})
    assert answer.status_code == 200
    page = answer.json()
    assert page["possible"] is False
    assert page["refused"]["en"]
    assert page["sentence"]["zh"] == "预测所有客户在未来 365 天内加购的可能性"


def test_what_is_no_definition_is_refused(shop: TestClient) -> None:
    wrong = shop.post(f"{PATH}/preview", json={**CART, "target": {"kind": "event"}})
    assert wrong.status_code == 400
    assert "needs the kind of event" in wrong.json()["detail"]
    assert shop.post(f"{PATH}/preview", json={**CART, "name": "Cart!"}).status_code == 422
    missing = shop.get(f"{PATH}/nothing")
    assert missing.status_code == 404
    assert "no propensity model 'nothing'" in missing.json()["detail"]


def test_a_model_that_cannot_be_trained_is_kept_with_its_reason(own: TestClient) -> None:
    features = [x["value"] for x in own.get(f"{PATH}/options").json()["features"]]
    few = {"title": "加购", "exclude": features[1:]}
    answer = own.post(PATH, json={**CART, **few})
    assert answer.status_code == 202
    assert answer.json()["run_id"]
    page = answer.json()
    for _ in range(100):
        page = own.get(f"{PATH}/cart").json()
        if page["status"] not in ("waiting", "running"):
            break
        time.sleep(0.1)
    assert page["status"] == "refused"
    assert page["refused"]["en"]
    assert page["report"] is None
    assert page["title"] == {"zh": "加购", "en": "加购"}
    assert own.delete(f"{PATH}/cart").status_code == 204
    assert own.delete(f"{PATH}/cart").status_code == 404
