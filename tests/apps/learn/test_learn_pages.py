"""Model life over HTTP and on the command line: read, plan, confirm."""

from __future__ import annotations

import json

import pytest
from fastapi.testclient import TestClient

from shopkeeper.apps.bench.life_line import TASK, join, predict_again, train_again
from shopkeeper.apps.bench.life_world import World, day, night, open_world, purchases
from shopkeeper.apps.flows.learn import run_learn
from shopkeeper.apps.flows.learn_lives import LIVES
from shopkeeper.apps.flows.task import keep
from shopkeeper.apps.service import create_app


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    join()
    opened, clock = open_world(
        tmp_path_factory.mktemp("pages") / "shop", purchases(World(1_000, 250, 200, 4))
    )
    night(opened, clock, 200, predict_again)
    night(opened, clock, 245, lambda r, t: run_learn(r, as_of=t))
    new = train_again(opened, day(245))
    card = {**new.card, "figures": [{**x, "value": x["value"] * 0.5} for x in new.card["figures"]],
            "features": ["pace"], "gains": [{"share": 1.0, "found": 1.0, "n": 9}]}  # fmt: skip
    keep(opened, TASK, new.name, new.model.save, card)
    yield opened
    LIVES.pop(TASK, None)
    opened.close()


@pytest.fixture(scope="module")
def client(runtime):
    return TestClient(create_app(runtime), base_url="http://127.0.0.1")


def test_events_say_what_happened_in_both_languages(client):
    found = client.get("/api/v1/learn/events", params={"task": TASK}).json()["items"]
    acts = [x["act"] for x in found]
    assert acts[-1] == "first"
    assert {"held", "trained", "drifted"} <= set(acts)
    held = next(x for x in found if x["act"] == "held")
    assert held["comparison"]["metric"] == "auc"
    assert held["text"]["zh"]
    assert held["text"]["en"]
    only = client.get("/api/v1/learn/events", params={"act": "first"}).json()["items"]
    assert [x["act"] for x in only] == ["first"]
    wrong = client.get("/api/v1/learn/events", params={"act": "sang"})
    assert wrong.status_code == 400
    assert "choose one of" in wrong.json()["next_step"]


def test_status_and_drift(client):
    task = next(x for x in client.get("/api/v1/learn/status").json()["tasks"] if x["task"] == TASK)
    assert task["champion"]["alias"] == "champion"
    assert task["state"] in ("drifted", "degraded")
    assert task["can_promote"] is True
    assert task["can_roll_back"] is False
    report = client.get(f"/api/v1/learn/{TASK}/drift").json()
    assert report["alarmed"] is True
    first = next(x for x in report["columns"] if x["alarmed"] and x["kind"] == "feature")
    assert sum(first["before"]) == pytest.approx(1.0)
    assert sum(first["now"]) == pytest.approx(1.0)
    assert len(first["before"]) == len(first["edges"]) + 2
    assert first["effect"] > 0.05
    assert client.get("/api/v1/learn/nothing/drift").status_code == 404


def test_two_versions_side_by_side(client, runtime):
    new = next(x for x in runtime.models.versions(TASK) if x.card.get("gains")).version
    found = client.get(f"/api/v1/learn/{TASK}/compare", params={"b": new}).json()
    auc = next(x for x in found["figures"] if x["column"]["metric"] == "auc")
    assert auc["better"] == "a"
    assert auc["difference"] == pytest.approx(auc["b"] - auc["a"])
    assert found["features_added"] == ["pace"]
    assert found["same_window"] is False
    extra = client.get(f"/api/v1/learn/{TASK}/versions/{new}").json()
    assert extra["gains"] == [{"share": 1.0, "found": 1.0, "customers": 9}]
    assert {"trained", "held"} <= {x["act"] for x in extra["events"]}


def test_a_change_by_hand_is_planned_confirmed_and_taken_back(client, runtime):
    before = runtime.models.get(TASK, "champion").version
    plan = client.post(f"/api/v1/learn/{TASK}/promote", json={}).json()
    assert plan["performed"] is False
    assert any("did not favour" in x["en"] for x in plan["warnings"])
    assert runtime.models.get(TASK, "champion").version == before
    stale = client.post(f"/api/v1/learn/{TASK}/promote", json={"confirm": "x"})
    assert stale.status_code == 409
    assert "changed since the plan was read" in stale.json()["detail"]
    body = {"confirm": plan["digest"], "reason": "试一试", "by": "amy"}
    done = client.post(f"/api/v1/learn/{TASK}/promote", json=body).json()
    assert done["performed"] is True
    assert done["event"]["by"] == "amy"
    assert "试一试" in done["event"]["text"]["zh"]
    assert runtime.models.get(TASK, "previous").version == before
    again = client.post(f"/api/v1/learn/{TASK}/promote", json={"version": done["into"]["version"]})
    assert "serves already" in again.json()["detail"]
    back = client.post(f"/api/v1/learn/{TASK}/rollback", json={}).json()
    assert "withdrawn" in back["warnings"][0]["en"]
    client.post(f"/api/v1/learn/{TASK}/rollback", json={"confirm": back["digest"]})
    assert runtime.models.get(TASK, "champion").version == before
    never = client.post(f"/api/v1/learn/{TASK}/promote", json={"version": done["into"]["version"]})
    assert "was withdrawn because it did worse" in never.json()["detail"]
    none = client.post(f"/api/v1/learn/{TASK}/rollback", json={})
    assert "has no previous to bring in" in none.json()["detail"]
    runtime.models.alias(TASK, "challenger", done["into"]["version"])


def test_everything_answered_is_json(client):
    assert json.dumps(client.get("/api/v1/learn/status").json(), allow_nan=False)
