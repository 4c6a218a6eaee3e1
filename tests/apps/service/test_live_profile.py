"""One customer as known this second, after events that came through the service itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from small_shop import NOW, open_shop

from shopkeeper.apps.service import create_app
from shopkeeper.apps.worker.start import create_stream

WHO = "user:u1"
PERSON = {
    "user-agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/138.0.0.0 Safari/537.36"
}


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[TestClient]:
    """A service whose only customer looked at one product and said an e-mail address."""
    runtime = open_shop(tmp_path)
    client = TestClient(create_app(runtime), base_url="http://127.0.0.1")
    key = client.post("/api/v1/collect/sources", json={"source_id": "web"}).json()["write_key"]
    moment = (NOW - timedelta(seconds=90)).isoformat()
    common: dict[str, Any] = {"userId": "u1", "timestamp": moment, "anonymousId": "a1"}
    batch = [
        common | {"type": "identify", "messageId": "1",
                  "traits": {"email": "zhang@example.com", "size": "XL"}},
        common | {"type": "track", "messageId": "2", "event": "Product Viewed",
                  "properties": {"product_id": "p9"}},
    ]  # fmt: skip
    assert (
        client.post("/v1/batch", json={"batch": batch}, auth=(key, ""), headers=PERSON).status_code
        == 200
    )
    worker = create_stream(runtime)
    while worker.step(0.0):
        pass
    yield client
    runtime.close()


def test_events_are_told_in_words_with_source_and_age(seen: TestClient) -> None:
    answer = seen.get(f"/api/v1/customers/{WHO}/live")
    assert answer.status_code == 200
    profile = answer.json()
    traits = {x["name"]: x for x in profile["traits"]}
    viewed = traits["last_product_viewed"]
    assert (viewed["value"], viewed["origin"], viewed["source"]) == ("p9", "live", "web")
    assert viewed["label"]["zh"] == "最近浏览商品"
    assert viewed["age_seconds"] == 90
    assert (traits["size"]["value"], traits["size"]["origin"]) == ("XL", "fact")
    told = {x["title"]["en"]: x["detail"] for x in profile["timeline"]}
    assert told["Viewed a product"] == "p9"
    assert profile["changes"][0]["text"]["en"].startswith("Traits changed: ")
    assert {x["section"] for x in profile["sections"]} == {"live", "features", "base"}
    by_id = seen.get(f"/api/v1/customers/{profile['customer_id']}/live").json()
    assert by_id["customer_id"] == profile["customer_id"]


def test_addresses_are_masked(seen: TestClient) -> None:
    text = seen.get(f"/api/v1/customers/{WHO}/live").text
    assert "zhang@example.com" not in text


def test_nobody_is_not_found(seen: TestClient) -> None:
    answer = seen.get("/api/v1/customers/user:nobody/live")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "nothing live is known" in answer.json()["detail"]
