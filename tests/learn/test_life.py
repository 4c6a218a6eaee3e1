"""Planted faults in a shop that nobody looks at: caught, replaced, kept out, rolled back."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from shopkeeper.apps.bench import life as bench
from shopkeeper.apps.bench.life_line import TASK, Line, join, predict_again, train_again
from shopkeeper.apps.bench.life_world import World, day, night, open_world, purchases
from shopkeeper.apps.flows.learn import evaluate, run_learn
from shopkeeper.apps.flows.learn_events import events, of, training_plan
from shopkeeper.apps.flows.learn_lives import LIVES
from shopkeeper.apps.flows.learn_settle import (
    CHAMPION,
    PREVIOUS,
    RETIRED,
    by_card,
    enter,
    promote,
    roll_back,
    settle,
)
from shopkeeper.apps.flows.task import keep, serving
from shopkeeper.core.errors import PlanError
from shopkeeper.core.tables import MODEL_EVENTS
from shopkeeper.learn.challenge import Evaluation
from shopkeeper.learn.reference import load_reference

SIZE = 700


@pytest.fixture(autouse=True)
def again():
    join()
    yield
    LIVES.pop(TASK, None)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A steady shop: first model on day 200, looked at and trained again on day 245."""
    join()
    runtime, clock = open_world(
        tmp_path_factory.mktemp("life") / "shop", purchases(World(SIZE, 250, None, 4))
    )
    night(runtime, clock, 200, bench.looked, predict_again)
    night(runtime, clock, 245, bench.looked, predict_again)
    yield runtime, clock
    runtime.close()


def test_a_change_of_behaviour_is_caught_and_the_model_replaced():
    assert bench._drift(1_100, 7) == {"caught": 1.0, "retrained": 1.0, "promoted": 1.0}


def test_a_degraded_champion_is_caught_and_replaced():
    found = bench._degraded(SIZE, 7)
    assert (found["caught"], found["promoted"]) == (1.0, 1.0)
    assert found["skill_lost"] >= 0.15


def test_a_worse_challenger_stays_out_and_a_bad_promotion_is_rolled_back():
    assert bench._worse(SIZE, 7) == {"held": 1.0}
    assert bench._bad(SIZE, 7) == {"rolled_back": 1.0, "stays_retired": 1.0}


def test_a_steady_shop_keeps_its_champion_and_says_so(shop):
    runtime, _ = shop
    history = events(runtime.tables, TASK)
    assert [x.act for x in history][-1] == "first"
    assert {x.act for x in history} == {"first", "sound", "steady", "trained", "held"}
    held = of(history, "held")[0]
    assert held.evidence["metric"] == "auc"
    assert held.evidence["low"] <= 0 <= held.evidence["high"]
    assert held.evidence["window_from_us"] == int(day(215).timestamp()) * 1_000_000
    assert all(x.zh and x.en for x in history)


def test_a_night_done_again_writes_nothing_new(shop):
    runtime, clock = shop
    before = runtime.tables.count(MODEL_EVENTS)
    champion = runtime.models.get(TASK, CHAMPION).version
    night(runtime, clock, 245, bench.looked, predict_again)
    assert runtime.tables.count(MODEL_EVENTS) == before
    assert runtime.models.get(TASK, CHAMPION).version == champion
    again = training_plan(runtime, TASK, day(245))
    assert (again.train, again.wait) == (False, "fresh")
    assert training_plan(runtime, TASK, day(252)).because == ("schedule",)


def test_the_model_carries_its_reference_and_no_pickle(shop):
    runtime, _ = shop
    stored = runtime.models.get(TASK, CHAMPION)
    reference = load_reference(stored.folder)
    assert reference is not None
    assert next(x.name for x in reference.columns) == "age_days"
    assert reference.prediction is not None
    for model in runtime.models.versions():
        for file in (x for x in model.folder.rglob("*") if x.is_file()):
            assert file.suffix in {".json", ".txt", ".npz", ".arrow", ".parquet", ".onnx"}
            assert file.read_bytes()[:1] != b"\x80"


def evidence(champion, challenger, truth):
    return Evaluation("auc", truth, champion, challenger, 0, 1)


def test_keep_without_evidence_holds_two_cards_against_each_other(tmp_path):
    runtime, clock = open_world(tmp_path / "shop", purchases(World(200, 60, None, 1)))
    clock.moment = day(60)

    def store(auc, spread):
        card = {"name": "other:line", "as_of_us": int(day(60).timestamp()) * 1_000_000,
                "figures": [{"method": "line", "metric": "auc", "value": auc}] if auc else []}  # fmt: skip
        line = Line((0.0,), (spread,), (1.0,), 0.0)
        return keep(runtime, "other", "other:line", line.save, card), line

    first, _ = store(0.8, 1.0)
    assert first.aliases == (CHAMPION,)
    worse, line = store(0.7, 2.0)
    assert "champion" not in worse.aliases
    assert serving(runtime, worse, line, Line.load)[0].version == first.version
    assert "按各自卡片，新模型更差" in of(events(runtime.tables, "other"), "held")[0].zh
    same, line = store(0.79, 3.0)
    assert CHAMPION in same.aliases
    assert serving(runtime, same, line, Line.load) == (same, line)
    assert runtime.models.get("other", PREVIOUS).version == first.version
    assert of(events(runtime.tables, "other"), "renewed")[0].evidence["paired"] is False
    blank, _ = store(None, 4.0)
    assert CHAMPION in blank.aliases
    assert enter(runtime, blank, day(60)) is None
    # rolled back by hand: the one before returns, the other never does
    said = ("手动", "By hand")
    roll_back(runtime, "other", day(60), said, {})
    assert runtime.models.get("other", RETIRED).version == blank.version
    with pytest.raises(PlanError, match="was withdrawn because it did worse"):
        promote(runtime, blank, day(60), said, {})
    assert "曾被撤下" in enter(runtime, blank, day(61)).zh
    with pytest.raises(PlanError, match="no earlier champion"):
        roll_back(runtime, "other", day(60), said, {})
    with pytest.raises(PlanError, match="has no champion to settle"):
        settle(runtime, "nothing", None, day(60))
    assert by_card(runtime, same, worse, day(62)).act == "held"
    runtime.close()


def test_what_is_switched_off_stays_as_it_is(tmp_path):
    runtime, clock = open_world(
        tmp_path / "shop", purchases(World(300, 120, None, 2)), learn__enabled=False
    )
    night(runtime, clock, 100, bench.looked, predict_again)
    night(runtime, clock, 115, bench.looked, predict_again)
    assert [x.act for x in events(runtime.tables)] == ["first"]
    assert run_learn(runtime, as_of=day(115)).to_dict() == {}
    assert training_plan(runtime, TASK, day(115)).wait == "disabled"
    assert training_plan(runtime, TASK, day(115), asked=True).train
    runtime.close()


def test_a_champion_that_cannot_answer_gives_way(tmp_path):
    runtime, clock = open_world(tmp_path / "shop", purchases(World(400, 250, None, 3)))
    night(runtime, clock, 200, predict_again)
    broken = runtime.models.get(TASK, CHAMPION)
    new = train_again(runtime, day(200) + timedelta(days=30))
    (broken.folder / "line.json").write_text(json.dumps({"centre": []}))
    clock.moment = day(240)
    judged = evaluate(runtime, TASK, broken, day(240))
    assert judged is not None
    assert judged.champion is None
    kept = keep(runtime, TASK, new.name, new.model.save, new.card, evidence=judged)
    assert CHAMPION in kept.aliases
    assert of(events(runtime.tables, TASK), "promoted")[0].evidence["why"] == "cannot_answer"
    runtime.close()
