"""What changes the shop: audiences, approval, performing, starting a run."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from small_shop import NOW

from shopkeeper.apps.service.background import Background
from shopkeeper.core.errors import BusyError


def preview(shop: TestClient, **rule: str) -> Any:
    answer = shop.post("/api/v1/segment/audiences/preview", json=rule)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("rule", "who"),
    [
        ("everyone", ["c1", "c2", "c3", "c4", "c5", "c6"]),
        ("recency_days > 3", ["c4", "c5", "c6"]),
        ("recency_days 大于 3 且 tier = 'vip'", ["c6"]),
        ("risk >= 8", ["c1", "c2"]),  # of the latest moment and the chosen model only
        ("expected_spend >= 50000 and permit.sms = 'GRANT'", ["c5"]),
        ("rfm8 = 'champions'", ["c6"]),
        ("did(kind='search', within 1 days)", ["c1"]),
        ("contacted(channel='sms')", ["c1"]),
        ("bought(category='dairy', at least 3 times)", []),
        ("not contacted() and recency_days < 3", ["c2"]),
    ],
)
def test_a_preview_counts_and_shows(shop: TestClient, rule: str, who: list[str]) -> None:
    body = preview(shop, rule_text=rule)
    assert body["error"] is None
    assert (body["size"], [x["customer_id"] for x in body["sample"]]) == (len(who), who)
    assert body["share"] == len(who) / 6
    again = preview(shop, rule_yaml=body["rule_yaml"])
    assert (again["size"], again["rule_text"]) == (body["size"], body["rule_text"])


def test_a_preview_names_the_place_of_an_error(shop: TestClient) -> None:
    wrong = preview(shop, rule_text="recency_days > 3 and\nnonsense = 1")
    assert wrong["size"] is None
    assert (wrong["error"]["line"], wrong["error"]["column"]) == (2, 1)
    assert "nonsense" in wrong["error"]["message"]["zh"]
    cut = preview(shop, rule_text="recency_days >")
    assert cut["error"]["offset"] == 14
    assert cut["error"]["expected"] != []
    broken = preview(shop, rule_yaml="all: [")
    assert broken["error"]["line"] >= 1


@pytest.mark.parametrize("body", [{}, {"rule_text": "everyone", "rule_yaml": "everyone: true"}])
def test_a_rule_comes_in_one_form(shop: TestClient, body: dict[str, str]) -> None:
    answer = shop.post("/api/v1/segment/audiences/preview", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "input")
    assert "one of the two" in answer.json()["detail"]


def test_an_audience_is_saved_built_and_questioned(own: TestClient) -> None:
    draft = {"name": "将流失", "rule_text": "risk >= 8", "description": "本周"}
    made = own.post("/api/v1/segment/audiences", json=draft)
    assert made.status_code == 201, made.text
    audience = made.json()
    assert (audience["status"], audience["size"], audience["version"]) == ("draft", None, 1)
    assert audience["rule_text"]["en"] == "churn.risk >= 8"
    path = f"/api/v1/segment/audiences/{audience['audience_id']}"

    built = own.post(f"{path}/build").json()
    assert (built["status"], built["size"], built["version"]) == ("built", 2, 1)
    assert own.post(f"{path}/build").json() == built  # the same moment gives the same set
    assert own.get(path).json()["size"] == 2
    assert own.get("/api/v1/segment/audiences").json()["items"][0]["name"] == "将流失"
    assert own.get("/api/v1/customers/c1").json()["audiences"] == [
        {"audience_id": audience["audience_id"], "name": "将流失"}
    ]
    assert own.get("/api/v1/search?q=流失").json()["items"][0]["kind"] == "audience"

    inside = own.get(f"{path}/why?customer_id=c1").json()
    assert (inside["member"], inside["built_member"]) == (True, True)
    outside = own.get(f"{path}/why?customer_id=c6").json()
    assert (outside["member"], outside["built_member"]) == (False, False)
    fact = outside["facts"][0]
    assert (fact["actual"], fact["expected"], fact["flips"]) == ("4", "8", True)
    assert outside["sentence"]["zh"] != ""
    assert own.get(f"{path}/why?customer_id=nobody").status_code == 404


def test_a_name_is_used_once(own: TestClient) -> None:
    draft = {"name": "x", "rule_text": "everyone"}
    assert own.post("/api/v1/segment/audiences", json=draft).status_code == 201
    again = own.post("/api/v1/segment/audiences", json=draft)
    assert again.status_code == 400
    assert "already an audience named 'x'" in again.json()["detail"]


@pytest.mark.parametrize(
    ("draft", "code"),
    [
        ({"name": "", "rule_text": "everyone"}, "invalid_request"),
        ({"name": "x", "rule_text": "oops ="}, "rule"),
        ({"name": "x", "rule_text": "everyone", "sql": "drop"}, "invalid_request"),
    ],
)
def test_a_draft_that_cannot_be_saved(empty: TestClient, draft: dict[str, str], code: str) -> None:
    answer = empty.post("/api/v1/segment/audiences", json=draft)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize("action", ["", "/why?customer_id=c1"])
def test_an_unknown_audience(shop: TestClient, action: str) -> None:
    answer = shop.get(f"/api/v1/segment/audiences/none{action}")
    assert answer.status_code == 404
    assert "there is no audience 'none'" in answer.json()["detail"]


def test_a_plan_is_approved_then_performed_once(own: TestClient) -> None:
    path = "/api/v1/decide/plans/plan1"
    early = own.post(f"{path}/perform")
    assert (early.status_code, early.json()["code"]) == (409, "plan")

    stale = own.post(f"{path}/approve", json={"digest": "other"})
    assert stale.status_code == 409
    assert "not the one that was looked at" in stale.json()["detail"]

    approved = own.post(f"{path}/approve", json={"by": "mei", "digest": "abc"}).json()["summary"]
    assert (approved["status"], approved["approved_by"]) == ("approved", "mei")
    assert datetime.fromisoformat(approved["approved_at"]) == NOW

    done = own.post(f"{path}/perform").json()
    assert (done["status"], done["written"], done["already"]) == ("performed", 3, 0)
    again = own.post(f"{path}/perform").json()
    assert (again["written"], again["already"]) == (0, 3)
    messages = own.get("/api/v1/deliver/outbox?plan_id=plan1").json()
    assert messages["total"] == 3
    assert {x["customer_id"] for x in messages["items"]} == {"c1", "c2", "c3"}
    late = own.post(f"{path}/approve", json={})
    assert late.status_code == 409


def test_an_empty_shop_has_nothing_to_run(empty: TestClient) -> None:
    answer = empty.post("/api/v1/runs/nightly", json={})
    assert (answer.status_code, answer.json()["code"]) == (422, "not_enough_data")
    assert "shopkeeper collect" in answer.json()["next_step"]


def test_one_run_at_a_time() -> None:
    gate = threading.Event()
    background = Background()
    background.start("a", threading.Thread(target=gate.wait, daemon=True))
    background.start("a", threading.Thread(target=gate.wait))  # the same run: nothing new
    with pytest.raises(BusyError, match="run a is in progress"):
        background.start("b", threading.Thread(target=gate.wait))
    gate.set()
    background.wait(5)
    background.start("b", threading.Thread(target=gate.wait))
    background.wait(5)
    assert background.run_id == "b"


@pytest.mark.slow
def test_the_loop_is_started_in_the_background(own: TestClient) -> None:
    answer = own.post("/api/v1/runs/nightly", json={"as_of": "2026-03-01"})
    assert answer.status_code == 202, answer.text
    run = answer.json()
    own.app.state.shop.background.wait(120)  # type: ignore[attr-defined]
    found = own.get(f"/api/v1/runs/{run['run_id']}").json()
    assert found["status"] in {"done", "failed"}
    assert found["as_of"] == "2026-03-01"
    assert found["started_at"] == NOW.astimezone(UTC).isoformat().replace("+00:00", "Z")
    assert found["steps"][0]["step"] == "govern"
