from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parents[1]))

from live_quarantine import LiveShop, open_live, order

from shopkeeper.apps.service import create_app
from shopkeeper.collect.live.plan.words import PLAN_REASONS
from shopkeeper.collect.live.spec import REASONS as ARRIVAL_REASONS

BASE = "/api/v1/collect"
STRICT = "version: 1\nevents: {purchase: {owner: 电商, properties: {order_id: {required: true}}}}\n"
MEND = [{"op": "add", "path": "/properties/order_id", "value": "o1"}]


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveShop]:
    opened = open_live(tmp_path / "shop")
    yield opened
    opened.runtime.close()


@pytest.fixture
def client(live: LiveShop) -> TestClient:
    return TestClient(create_app(live.runtime), base_url="http://127.0.0.1")


def put(client: TestClient, text: str, based_on: int) -> Any:
    return client.put(f"{BASE}/tracking", json={"yaml": text, "based_on": based_on, "note": "x"})


def test_without_a_plan_the_standard_one_is_offered(client: TestClient) -> None:
    found = client.get(f"{BASE}/tracking").json()
    assert (found["version"], found["digest"], found["history"]) == (0, None, [])
    assert "标准方案" in found["next_step"]["text"]["zh"]
    purchase = next(x for x in found["events"] if x["name"] == "purchase")
    paths = {x["path"]: x for x in purchase["properties"]}
    assert paths["order_id"]["required"] is True
    assert paths["products[].price"]["rules"] == ["min: 0"]
    assert put(client, found["yaml"], 0).json()["changed"] is True


def test_a_draft_is_previewed_applied_and_guarded(client: TestClient, live: LiveShop) -> None:
    live.send(order("m1"), order("m2", order_id="o2"))
    preview = client.post(f"{BASE}/tracking/preview", json={"yaml": STRICT}).json()
    assert (preview["valid"], preview["based_on"], preview["stricter"]) == (True, 0, True)
    assert [x["path"] for x in preview["steps"]] == ["events.purchase"]
    effect = preview["effect"]
    assert (effect["events"], effect["refused_then"], effect["newly_refused"]) == (2, 1, 1)
    assert effect["reasons"][0]["text"]["zh"] == "缺少 properties.order_id"

    applied = put(client, STRICT, preview["based_on"]).json()
    assert (applied["changed"], applied["version"]["version"]) == (True, 1)
    late = put(client, "version: 1\n", 0)
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    assert (
        put(client, STRICT, 0).json()["changed"] is False
    )  # what is in force already is no conflict
    assert put(client, "version: 1\n", 1).json()["version"]["version"] == 2
    found = client.get(f"{BASE}/tracking").json()
    assert [x["version"] for x in found["history"]] == [2, 1]
    assert found["next_step"] is None
    first = client.get(f"{BASE}/tracking/versions/1").json()
    assert first["events"][0]["owner"] == "电商"
    assert client.get(f"{BASE}/tracking/versions/9").status_code == 404


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [("version: 1\nevnts: {}", "evnts", 2), ("version: 1\nevents: [", "", 3)],
)
def test_faults_of_a_draft_have_their_line(
    client: TestClient, text: str, path: str, line: int
) -> None:
    found = client.post(f"{BASE}/tracking/preview", json={"yaml": text}).json()
    assert (found["valid"], found["effect"]) == (False, None)
    assert [(x["path"], x["line"]) for x in found["faults"]] == [(path, line)]
    refused = put(client, text, 0)
    assert (refused.status_code, refused.json()["code"]) == (400, "input")


def test_a_plan_is_guessed_from_what_arrived(client: TestClient, live: LiveShop) -> None:
    assert client.get(f"{BASE}/tracking/guess").json() == {
        "events": 0,
        "yaml": "version: 1\n",
    }
    live.send(*(order(f"m{x}", order_id=str(x)) for x in range(25)))
    found = client.get(f"{BASE}/tracking/guess").json()
    assert found["events"] == 25
    assert "order_id" in found["yaml"]


def test_a_refused_event_is_edited_judged_and_replayed(client: TestClient, live: LiveShop) -> None:
    put(client, STRICT, 0)
    live.send(order("m1"), order("m2"), {"type": "page", "messageId": "m3"})
    live.work()
    page = client.get(f"{BASE}/quarantine/events").json()
    assert page["total"] == 3
    assert [(x["key"], x["count"]) for x in page["by_reason"]] == [
        ("plan_missing", 2), ("missing_identity", 1),
    ]  # fmt: skip
    assert page["by_reason"][0]["label"] == {"zh": "缺少 字段", "en": "the field is missing"}
    assert [x["key"] for x in page["by_source"]] == ["web"]
    number = next(x["number"] for x in page["items"] if x["event_id"] == "m1")
    path = f"{BASE}/quarantine/events/{number}"
    one = client.get(path).json()
    assert (one["admitted"], one["event"]["name"], one["event"]["status"]) == (
        False, "Order Completed", "open",
    )  # fmt: skip

    asked = client.patch(path, json={"patch": MEND, "keep": False}).json()
    assert asked["admitted"] is True
    assert asked["event"]["event"]["properties"]["order_id"] == "o1"
    assert client.get(path).json()["event"]["status"] == "open"
    kept = client.patch(path, json={"patch": MEND, "by": "mei"}).json()
    assert (kept["admitted"], kept["event"]["status"]) == (True, "edited")

    result = client.post(f"{BASE}/quarantine/replays", json={"reason": "plan_missing"}).json()
    assert (result["requested"], result["would_be_refused"]) == (1, 1)
    assert result["items"][0]["violations"][0]["text"]["zh"] == "缺少 properties.order_id"
    for _ in range(4):
        again = client.post(f"{BASE}/quarantine/replays", json={"numbers": [number]}).json()
        assert again["requested"] == 1
    live.work()
    assert [x["event_id"] for x in live.events()] == ["m1"]
    left = client.get(f"{BASE}/quarantine/events").json()
    assert sorted(x["event_id"] for x in left["items"]) == ["m2", "m3"]
    done = client.get(f"{BASE}/quarantine/events?status=admitted").json()
    assert [(x["event_id"], x["replays"]) for x in done["items"]] == [("m1", 5)]


def test_pages_of_refused_events(client: TestClient, live: LiveShop) -> None:
    put(client, STRICT, 0)
    assert client.get(f"{BASE}/quarantine/events").json()["next_step"] is not None
    live.send(*(order(f"m{x}") for x in range(5)))
    live.work()
    first = client.get(f"{BASE}/quarantine/events?limit=3&source=web").json()
    cursor = first["next_cursor"]
    second = client.get(f"{BASE}/quarantine/events?limit=3&source=web&cursor={cursor}").json()
    seen = [x["event_id"] for x in first["items"] + second["items"]]
    assert seen == ["m4", "m3", "m2", "m1", "m0"]
    assert second["next_cursor"] is None


def test_what_cannot_be_done_says_why(client: TestClient, live: LiveShop) -> None:
    put(client, STRICT, 0)
    live.send(order("m1"))
    live.work()
    number = client.get(f"{BASE}/quarantine/events").json()["items"][0]["number"]
    path = f"{BASE}/quarantine/events/{number}"
    assert client.get(f"{BASE}/quarantine/events/77").status_code == 404
    assert "neither patch nor event" in client.patch(path, json={}).json()["detail"]
    moved = [{"op": "replace", "path": "/messageId", "value": "m2"}]
    assert "messageId must stay" in client.patch(path, json={"patch": moved}).json()["detail"]
    odd = client.patch(path, json={"patch": [{"op": "dance", "path": "/a"}]})
    assert (odd.status_code, odd.json()["code"]) == (400, "input")
    assert (
        "no event was chosen" in client.post(f"{BASE}/quarantine/replays", json={}).json()["detail"]
    )


def test_every_reason_has_words_in_general() -> None:
    from shopkeeper.apps.service.queries.live_quarantine import _label

    for code in (*PLAN_REASONS, *ARRIVAL_REASONS, "step_failed"):
        label = _label("reason", code)
        assert label.zh != label.en
        assert "{" not in label.zh.replace("{…}", "") + label.en.replace("{…}", "")
