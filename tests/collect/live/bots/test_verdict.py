"""The delayed verdict: on hand-made mail, on labelled traffic it was not fitted on, and as a step."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pyarrow as pa
import pytest

from shopkeeper.apps.bench.bots_traffic import judge
from shopkeeper.apps.flows.verdicts import WITHDRAWN, run_verdicts
from shopkeeper.backends.open import open_runtime
from shopkeeper.collect.live.bots.reasons import REASONS, SIGNS
from shopkeeper.collect.live.bots.signs import LISTED_SIGNS, MAIL_SIGNS
from shopkeeper.collect.live.bots.verdict import fitted, human_probability, reasons_of
from shopkeeper.collect.live.envelope import Arrived
from shopkeeper.collect.live.rows import event_rows
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import EVENTS, TOUCHES, VERDICTS
from shopkeeper.simulate.traffic import HUMAN, INVALID, TrafficSpec

S = 1_000_000
DAY = 86_400 * S
T0 = 1_730_044_800 * S
AS_OF = dt.datetime.fromtimestamp((T0 + DAY) / S, dt.UTC)
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) Version/17.1 Mobile Safari/604.1"
GATEWAY = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/79.0.3945.88 Safari/537.36"


def event(name, at_s, kind, *, user="user:1", agent=PHONE, ip="36.112.1.2", **given):
    at = T0 + int(at_s * S)
    return Arrived(
        event_id=name, type="track", kind=kind, name="", occurred_us=at, received_us=at, source="web",
        customer_ref=user, agent=agent, ip=ip, context={"userAgent": agent, "locale": "zh-CN"},
        properties=given.pop("properties", {}), **given,
    )  # fmt: skip


def touch(name, at_s, user="user:1"):
    at = dt.datetime.fromtimestamp(T0 / S + at_s, dt.UTC)
    return {
        "touch_id": name, "customer_ref": user, "channel": "email", "status": "sent",
        "sent_at": at, "ts_us": T0 + int(at_s * S), "source": "own",
    }  # fmt: skip


@pytest.fixture
def runtime(tmp_path):
    opened = open_runtime(load_settings(flags={"store.folder": str(tmp_path / "shop")}))
    yield opened
    opened.close()


def store(runtime, events, touches=()):
    runtime.tables.append(EVENTS, event_rows(events, zone_name="Asia/Shanghai"))
    if touches:
        schema = TOUCHES.arrow_schema
        rows = pa.Table.from_pylist(list(touches), pa.schema([schema.field(x) for x in touches[0]]))
        runtime.tables.append(TOUCHES, TOUCHES.cast(rows, fill=True))


def by_event(runtime):
    rows = runtime.tables.run(runtime.tables.table(VERDICTS)).to_pylist()
    return {x["event_id"]: x for x in rows}


def click(name, at_s, link, **given):
    return event(
        name, at_s, "email_link_clicked", properties={"touch_id": "t1", "link_id": link}, **given
    )


def test_a_gateway_and_then_the_person(runtime):
    mail = {"touch_id": "t1"}
    gateway = {"agent": GATEWAY, "ip": "209.222.82.7"}
    events = [event("g0", 103, "email_opened", properties=mail, **gateway)]
    events += [click(f"g{n}", 103 + n * 0.3, f"l{n}", **gateway) for n in range(1, 7)]
    events += [
        event("p0", 4000, "email_opened", properties=mail),
        click("p1", 4012, "l3"),
        event("p2", 4015, "page_view", anonymous_id="a"),
        event("p3", 4040, "view_item", anonymous_id="a", product_id="x"),
    ]
    store(runtime, events, [touch("t1", 100)])
    report = run_verdicts(runtime, as_of=AS_OF)
    found = by_event(runtime)
    assert set(found) == {*(f"g{n}" for n in range(7)), "p0", "p1"}
    assert all(found[f"g{n}"]["human"] < 0.05 for n in range(7))
    assert {found[f"g{n}"]["reason"] for n in range(7)} == {"mail_scanner"}
    assert found["p0"]["human"] > 0.9
    assert found["p1"]["human"] > 0.9
    assert found["p1"]["reason"] is None
    assert (report.judged, report.programs, report.by_reason) == (9, 7, {"mail_scanner": 7})


def test_pictures_fetched_by_apple(runtime):
    given = {"agent": "Mozilla/5.0", "ip": "17.58.101.9", "properties": {"touch_id": "t1"}}
    store(runtime, [event("m", 5000, "email_opened", **given)], [touch("t1", 100)])
    run_verdicts(runtime, as_of=AS_OF)
    assert by_event(runtime)["m"]["reason"] == "mail_proxy"


def test_earlier_events_of_a_visitor_found_out_later(runtime):
    events = [
        event(f"e{n}", n * 40 + n % 3 * 9, "page_view", user=None, anonymous_id="bot")
        for n in range(5)
    ]
    events[4].invalid = "honeypot"
    events.append(event("other", 30, "page_view", user=None, anonymous_id="person"))
    store(runtime, events)
    run_verdicts(runtime, as_of=AS_OF)
    found = by_event(runtime)
    assert set(found) == {"e0", "e1", "e2", "e3"}, (
        "the marked event keeps its mark, others are free"
    )
    assert {x["reason"] for x in found.values()} == {"known_actor"}
    assert json.loads(found["e0"]["reasons"]) == [{"sign": "marked", "reason": "honeypot"}]


def test_the_same_night_twice_and_a_verdict_that_no_longer_holds(runtime):
    cart = [
        event(
            f"c{n}", 40_000 + n * 50, "add_to_cart", user=None, anonymous_id=f"v{n}", product_id="p"
        )
        for n in range(8)
    ]
    cart[7].invalid = "no_browsing"
    store(runtime, cart)
    first = run_verdicts(runtime, as_of=AS_OF)
    before = by_event(runtime)
    again = run_verdicts(runtime, as_of=AS_OF)
    assert again == first
    assert by_event(runtime) == before

    stale = {**next(iter(before.values())), "event_id": "ghost", "ts_us": T0 + 50_000 * S} if before else {
        "event_id": "ghost", "kind": "view_item", "ts_us": T0 + 50_000 * S, "human": 0.1, "reason": "improbable",
        "reasons": "[]", "decided_at": AS_OF, "version": "0"}  # fmt: skip
    runtime.tables.append(VERDICTS, pa.Table.from_pylist([stale], schema=VERDICTS.arrow_schema))
    assert run_verdicts(runtime, as_of=AS_OF).withdrawn == 1
    ghost = by_event(runtime)["ghost"]
    assert (ghost["human"], ghost["reasons"]) == (1.0, WITHDRAWN)
    assert run_verdicts(runtime, as_of=AS_OF).withdrawn == 0


def test_a_shop_without_events_has_no_verdicts(runtime):
    assert run_verdicts(runtime, as_of=AS_OF).judged == 0
    assert not runtime.tables.exists(VERDICTS)


@pytest.mark.parametrize("part", [0, 1])
def test_the_sum_adds_up_and_no_weight_contradicts_its_name(part):
    version, *weights = fitted()
    signs = (LISTED_SIGNS, MAIL_SIGNS)[part]
    weigh = weights[part]
    assert version
    assert set(weigh.weights) == set(signs)
    assert set(signs) < set(SIGNS)
    assert all((w <= 0) == x.startswith("human_") or w == 0 for x, w in weigh.weights.items())
    rng = np.random.default_rng(part)
    matrix = rng.random((20, len(signs)))
    human = human_probability(matrix, signs, weigh)
    for row, chance in zip(matrix, human, strict=True):
        odds = sum(x["weight"] for x in reasons_of(row, signs, weigh))
        assert chance == pytest.approx(1 / (1 + np.exp(odds)), abs=0.01)


@pytest.mark.slow
def test_labelled_traffic_that_nothing_was_fitted_on():
    spec = TrafficSpec(seed=901, people=500, messages=400, classes=(*HUMAN, *INVALID))
    found = judge(spec)
    truth = np.array([x.invalid for x in found.traffic.events])
    assert found.invalid[truth].mean() >= 0.95
    assert found.invalid[~truth].mean() <= 0.01
    assert found.marked[truth].mean() < found.invalid[truth].mean(), "the verdict adds to the mark"
    reasons = {x.invalid for x in found.events if x.invalid}
    assert reasons <= set(REASONS)
