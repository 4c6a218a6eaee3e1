"""The live debugger and the sources, with events that come through the service itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from small_shop import open_shop

from shopkeeper.apps.service import create_app

EVENT = {"event": "Product Viewed", "userId": "u1"}


@pytest.fixture
def live(tmp_path: Path) -> Iterator[TestClient]:
    """A service over an empty shop of its own."""
    runtime = open_shop(tmp_path)
    yield TestClient(create_app(runtime), base_url="http://127.0.0.1")
    runtime.close()


def test_an_empty_shop_says_what_to_do(live: TestClient) -> None:
    feed = live.get("/api/v1/collect/live").json()
    assert (feed["items"], feed["last"], feed["next_step"]["command"]) == (
        [], 0, "shopkeeper source list",
    )  # fmt: skip
    sources = live.get("/api/v1/collect/sources").json()
    assert sources["next_step"]["command"] == "shopkeeper source add web"


def test_a_source_is_made_used_rotated_and_disabled(live: TestClient) -> None:
    made = live.post("/api/v1/collect/sources", json={"source_id": "web", "user_kind": "crm"})
    assert made.status_code == 201
    key = made.json()["write_key"]
    assert made.json()["health"] == "never"
    # Another site's page, host and origin: none of the console's rules hold at the door.
    headers = {"host": "events.shop.example", "origin": "https://shop.example"}
    sent = live.post("/v1/track", json=EVENT, auth=(key, ""), headers=headers)
    assert (sent.status_code, sent.json()) == (200, {"success": True})
    assert "content-security-policy" not in sent.headers
    assert live.post("/v1/track", json=EVENT, auth=("forged", "")).status_code == 401

    (source,) = live.get("/api/v1/collect/sources").json()["items"]
    assert (source["accepted"], source["health"], source["per_minute"]) == (1, "active", 1)
    feed = live.get("/api/v1/collect/live").json()
    assert [(x["status"], x["source"], x["reason"]) for x in feed["items"]] == [
        (200, "web", None), (401, "", "unauthorised"),
    ]  # fmt: skip
    assert feed["items"][0]["events"] == [{"name": "Product Viewed", "count": 1}]
    assert feed["items"][1]["reason_text"]["zh"]
    assert sum(x["lag"] for x in feed["lag"]) == 1
    later = live.get("/api/v1/collect/live", params={"after": 1, "refused": True}).json()
    assert [x["number"] for x in later["items"]] == [2]

    rotated = live.patch("/api/v1/collect/sources/web", json={"rotate": True}).json()
    assert rotated["write_key"] != key
    off = live.patch("/api/v1/collect/sources/web", json={"enabled": False}).json()
    assert (off["health"], off["write_key"]) == ("disabled", rotated["write_key"])


@pytest.mark.parametrize(("body", "said"), [
    ({"source_id": "Web Shop"}, "cannot name a source"), ({"source_id": "a", "kind": "x"}, "no kind of source"),
    ({"source_id": "a", "user_kind": "A B"}, "kind of identifier"),
    ({"source_id": "a", "origins": ["shop.example/x"]}, "no origin of a page"),
])  # fmt: skip
def test_a_source_that_cannot_be(live: TestClient, body: dict[str, object], said: str) -> None:
    answer = live.post("/api/v1/collect/sources", json=body)
    assert answer.status_code == 400
    assert said in answer.json()["detail"]


def test_names_are_taken_once_and_unknown_ones_are_not_found(live: TestClient) -> None:
    assert live.post("/api/v1/collect/sources", json={"source_id": "a"}).status_code == 201
    again = live.post("/api/v1/collect/sources", json={"source_id": "a"})
    assert "there is a source a already" in again.json()["detail"]
    missing = live.patch("/api/v1/collect/sources/b", json={"enabled": True})
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


def test_events_are_counted_in_metrics(live: TestClient) -> None:
    key = live.post("/api/v1/collect/sources", json={"source_id": "web"}).json()["write_key"]
    live.post("/v1/batch", json={"batch": [EVENT, EVENT]}, auth=(key, ""))
    text = live.get("/metrics").text
    assert 'shopkeeper_events_accepted_total{source="web"} 2' in text
    assert "shopkeeper_commit_seconds_count 1" in text
