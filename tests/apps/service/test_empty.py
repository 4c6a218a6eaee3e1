"""A shop in which nothing ever happened answers everything, and says what to do first."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

LISTS = [
    "/collect/loads", "/collect/quarantine", "/customers", "/predict/models", "/segment/schemes",
    "/segment/audiences", "/decide/plans", "/deliver/outbox", "/measure/indicators",
    "/measure/cohorts", "/measure/effects", "/runs",
]  # fmt: skip
OTHERS = [
    "/overview", "/search?q=x", "/collect/quarantine/summary", "/collect/tables",
    "/govern/quality", "/govern/rules", "/govern/dictionary", "/govern/lineage",
    "/govern/lineage?column=orders.amount_minor", "/govern/report",
    "/predict/scores/summary", "/segment/vocabulary", "/measure/rfm-migration", "/settings",
]  # fmt: skip
STEPLESS = {
    "/search?q=x", "/collect/quarantine/summary", "/govern/rules", "/govern/dictionary",
    "/segment/vocabulary", "/settings",
}  # fmt: skip


def is_text(step: dict[str, str]) -> bool:
    return bool(step["zh"] and step["en"])


@pytest.mark.parametrize("path", LISTS)
def test_an_empty_list_says_what_to_do(empty: TestClient, path: str) -> None:
    answer = empty.get(f"/api/v1{path}")
    assert answer.status_code == 200
    body = answer.json()
    assert body["items"] == []
    assert is_text(body["next_step"]["text"])
    assert is_text(body["next_step"]["action"])


@pytest.mark.parametrize("path", OTHERS)
def test_everything_else_answers_too(empty: TestClient, path: str) -> None:
    answer = empty.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    if path not in STEPLESS:
        assert is_text(answer.json()["next_step"]["text"])


def test_overview_of_nothing_shows_no_number_without_meaning(empty: TestClient) -> None:
    body = empty.get("/api/v1/overview").json()
    assert body["shop"]["empty"]
    assert body["shop"]["name"] == "小店"
    assert (body["sentences"], body["figures"], body["today"]) == ([], [], [])
    assert {x["state"] for x in body["stages"]} == {"empty"}
    assert body["next_step"]["command"].startswith("shopkeeper collect")


def test_an_unfit_path_beside_an_empty_graph_is_no_crash(empty: TestClient) -> None:
    body = empty.get("/api/v1/govern/lineage?column=orders.amount_minor").json()
    assert [x["id"] for x in body["nodes"]] == ["orders.amount_minor"]
    assert body["edges"] == []


@pytest.mark.parametrize("rule", ["everyone", "recency_days > 3", "tier = 'vip' and risk >= 7"])
def test_a_rule_gives_nobody(empty: TestClient, rule: str) -> None:
    answer = empty.post("/api/v1/segment/audiences/preview", json={"rule_text": rule})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["size"], body["customers"], body["share"], body["sample"]) == (0, 0, None, [])


def test_probes(empty: TestClient) -> None:
    assert empty.get("/health").json()["status"] == "ok"
    ready = empty.get("/ready")
    assert ready.status_code == 200
    assert [x["name"] for x in ready.json()["checks"]] == ["tables", "state"]
    metrics = empty.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert 'shopkeeper_table_rows{stage="collect",table="orders"} 0' in metrics.text
    again = empty.get("/metrics").text
    assert 'route="/health"' in again
    assert "shopkeeper_http_request_seconds_bucket" in again


def test_settings_show_no_secret(empty: TestClient) -> None:
    keys = {x["key"]: x for x in empty.get("/api/v1/settings").json()["items"]}
    assert keys["shop.currency"]["value"] == "CNY"
    assert "service.token" not in keys
