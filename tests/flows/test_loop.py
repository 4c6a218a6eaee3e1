"""The loop as a whole: done once, resumed, performed once, and measured truthfully."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from shopkeeper.apps.bench.plan import known_customers
from shopkeeper.apps.flows import nightly as flow
from shopkeeper.apps.flows.decide import lifts_of
from shopkeeper.apps.flows.deliver import approve_plan, perform_plan, refuse_if_stopped
from shopkeeper.apps.flows.manners import SendManners, write_touches
from shopkeeper.apps.flows.unify import run_unify
from shopkeeper.backends.open import open_runtime
from shopkeeper.core.errors import NotEnoughDataError, PlanError, StoreError
from shopkeeper.core.moments import Moments
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import (
    CONSENTS,
    CONTACTS,
    DECISIONS,
    IDENTITIES,
    METRICS,
    SCORES,
    TOUCHES,
)
from shopkeeper.decide.choose import choose
from shopkeeper.decide.problem import CHANNELS, Limits, read_customers, read_options
from shopkeeper.measure.effects import welch
from shopkeeper.simulate.shop import generate, offer_table, respond, truth_table
from shopkeeper.simulate.spec import ShopSpec

SPEC = ShopSpec(customers=400, days=180, join_days=60, seed=3, events_per_customer=6)


class Hands:
    """A clock whose hands the test moves."""

    def __init__(self, now: datetime) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment


def opened(folder: Path, **flags: object):
    settings = load_settings(
        flags={"store.folder": str(folder), "predict.horizon_days": 30, **flags}
    )
    clock = Hands(SPEC.as_of)
    return open_runtime(settings, clock=clock), clock


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory):
    runtime, clock = opened(tmp_path_factory.mktemp("loop") / "shop")
    for number, (contract, rows) in enumerate(generate(SPEC)):
        runtime.tables.append(contract, rows, token=(f"s {contract.name}", number))
    report = flow.run_nightly(runtime, as_of=SPEC.as_of)
    yield runtime, clock, report
    runtime.close()


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory):
    runtime, _ = opened(tmp_path_factory.mktemp("twice") / "shop")
    small = ShopSpec(customers=120, days=120, join_days=30, seed=5, events_per_customer=0)
    for number, (contract, rows) in enumerate(generate(small)):
        runtime.tables.append(contract, rows, token=(f"s {contract.name}", number))
    yield runtime, small.as_of
    runtime.close()


@pytest.mark.slow
def test_every_stage_wrote_what_it_promises(shop) -> None:
    runtime, _, report = shop
    assert list(report.steps) == [
        "govern", "verdicts", "unify", "history", "features", "learn", "predict", "segment", "profiles", "online",
        "decide", "measure"]  # fmt: skip
    plan = report.steps["decide"]
    assert sum(plan["by_reason"].values()) == plan["customers"] == 400
    assert runtime.tables.count(DECISIONS) == 400
    assert runtime.tables.count(METRICS) == 15 * report.steps["measure"]["days"]
    scores = runtime.tables.run(runtime.tables.table(SCORES))
    assert set(scores.column("kind").to_pylist()) == {
        "churn",
        "expected_orders",
        "expected_spend",
        "p_alive",
        "intent:buy_session",
        "intent:next_category",
        "expected_days_to_purchase",
        "uplift:all",
    }
    assert pc.min(scores.column("as_of")).as_py() == SPEC.as_of


@pytest.mark.slow
def test_the_same_night_is_done_once(twice) -> None:
    runtime, as_of = twice
    first = flow.run_nightly(runtime, as_of=as_of)
    versions = {c.name: runtime.tables.version(c) for c in (DECISIONS, METRICS, SCORES)}
    again = flow.run_nightly(runtime, as_of=as_of)
    assert again.repeated
    assert again.run_id == first.run_id
    assert versions == {c.name: runtime.tables.version(c) for c in (DECISIONS, METRICS, SCORES)}


@pytest.mark.slow
def test_a_plan_is_approved_then_performed_once(shop) -> None:
    runtime, clock, report = shop
    plan = report.steps["decide"]
    with pytest.raises(PlanError, match="is a draft"):
        perform_plan(runtime, plan["plan_id"])
    approve_plan(runtime, plan["plan_id"], "op")
    # Somebody withdraws every consent between the plan and the sending.
    decisions = runtime.tables.table(DECISIONS)
    chosen = runtime.tables.run(
        decisions.filter(decisions.action == "send").order_by("customer_id").limit(1)
    )
    identities = runtime.tables.table(IDENTITIES)
    who = chosen.column("customer_id")[0].as_py()
    ref = (
        runtime.tables.run(identities.filter(identities.customer_id == who))
        .column("identifier")[0]
        .as_py()
    )
    withdrawn = {"customer_ref": ref, "purpose": "marketing", "channel": "all", "status": "REVOKED",
                 "status_at": SPEC.as_of + timedelta(hours=1), "source": "test"}  # fmt: skip
    runtime.tables.append(CONSENTS, CONSENTS.cast(pa.Table.from_pylist([withdrawn]), fill=True))
    clock.moment = SPEC.as_of + timedelta(days=2, hours=12)
    before = runtime.tables.count(TOUCHES)
    first = perform_plan(runtime, plan["plan_id"])
    again = perform_plan(runtime, plan["plan_id"])
    assert first.enqueued == plan["send"]
    assert first.delivered["sent"] == plan["send"] - 1
    assert first.delivered["withdrawn"] == 1
    assert (again.enqueued, again.delivered["sent"]) == (0, 0)
    assert runtime.tables.count(TOUCHES) == before + plan["send"] - 1
    with pytest.raises(PlanError, match="already performed"):
        approve_plan(runtime, plan["plan_id"], "op")
    # A crash between sending and writing the touches: the next round finds them.
    touches = runtime.tables.table(TOUCHES)
    ours = runtime.tables.run(touches.filter(touches.source == "shopkeeper"))
    runtime.tables.delete(TOUCHES, {"touch_id": ours.column("touch_id")[0].as_py()})
    assert [write_touches(runtime, clock.now()) for _ in range(2)] == [1, 0]
    run_unify(runtime, as_of=SPEC.as_of + timedelta(days=3), run_id="later")
    contacts = runtime.tables.run(runtime.tables.table(CONTACTS))
    assert contacts.num_rows == runtime.tables.count(TOUCHES)


@pytest.mark.slow
def test_a_broken_field_stops_the_plan(tmp_path: Path) -> None:
    runtime, _ = opened(tmp_path / "shop")
    small = ShopSpec(customers=100, days=90, join_days=30, seed=8, events_per_customer=0)
    for number, (contract, rows) in enumerate(generate(small)):
        if contract.name in {"orders", "order_lines"}:
            half = pa.array(np.arange(rows.num_rows) % 2 == 0)
            at = rows.schema.get_field_index("amount_minor")
            broken = pc.if_else(
                half, pc.negate(rows.column("amount_minor")), rows.column("amount_minor")
            )
            broken_rows = rows.set_column(at, rows.schema.field(at), broken)
            runtime.tables.append(contract, broken_rows)
            continue
        runtime.tables.append(contract, rows, token=(f"s {contract.name}", number))
    report = flow.run_nightly(runtime, as_of=small.as_of)
    assert "stopped" in report.steps["decide"]
    assert "停止" in report.steps["decide"]["stopped"]["zh"]
    assert runtime.tables.count(DECISIONS) == 0
    with pytest.raises(PlanError, match="is stopped"):
        refuse_if_stopped(runtime)
    runtime.close()


def test_quiet_hours_and_caps_hold_at_the_moment_of_sending(tmp_path: Path) -> None:
    runtime, _ = opened(tmp_path / "shop", **{"decide.default_consent": "GRANT"})
    noon, night = (
        datetime(2024, 5, 5, h, tzinfo=UTC) for h in (4, 15)
    )  # 12:00 and 23:00 in Shanghai
    manners = SendManners(runtime, noon)
    manners.prepare([("a", "sms")])
    assert [manners.verdict("a", "sms")] == ["send"]
    manners.sent("a")
    manners.sent("a")
    assert "疲劳度" in manners.verdict("a", "sms")
    asleep = SendManners(runtime, night)
    asleep.prepare([("a", "sms")])
    assert asleep.verdict("a", "sms") == "hold"
    runtime.close()
    strict, _ = opened(tmp_path / "strict")
    unknown = SendManners(strict, noon)
    unknown.prepare([("a", "sms")])
    assert "授权" in unknown.verdict("a", "sms")
    strict.close()


@pytest.mark.slow
def test_an_interrupted_night_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime, _ = opened(tmp_path / "shop")
    small = ShopSpec(customers=150, days=120, join_days=30, seed=4, events_per_customer=0)
    for number, (contract, rows) in enumerate(generate(small)):
        runtime.tables.append(contract, rows, token=(f"s {contract.name}", number))
    real = flow.run_features

    def broken(*args: object, **kwargs: object) -> object:
        raise StoreError("the power went")

    monkeypatch.setattr(flow, "run_features", broken)
    with pytest.raises(StoreError, match="the power went"):
        flow.run_nightly(runtime, as_of=small.as_of)
    monkeypatch.setattr(flow, "run_features", real)
    seen: list[str] = []
    report = flow.run_nightly(
        runtime, as_of=small.as_of, progress=lambda step, *_: seen.append(step)
    )
    assert seen[0] == "history"
    assert not report.repeated
    runtime.close()


def test_an_empty_shop_says_what_to_do(tmp_path: Path) -> None:
    runtime, _ = opened(tmp_path / "shop")
    with pytest.raises(NotEnoughDataError, match="no order was ever loaded"):
        flow.default_as_of(runtime.tables, "Asia/Shanghai")
    runtime.close()


def test_the_hold_out_measures_what_the_plan_really_changed() -> None:
    spec = ShopSpec(customers=40_000, days=120, join_days=20, seed=9)
    rules = Limits(
        budget_minor=10**9, holdout=0.3, explore=0.0, cap_days=7, cap_contacts=99,
        quiet_from=21, quiet_to=9, default_consent="GRANT",
    )  # fmt: skip
    table = known_customers(spec).drop([f"consent:{x}" for x in CHANNELS])
    customers = read_customers(table, rules, "UTC")
    options = read_options(offer_table(spec), spec.as_of)
    choice = choose(customers, options, rules)
    channel = np.where(choice.option >= 0, options.channel[np.maximum(choice.option, 0)], -1)
    answer = respond(spec, np.arange(spec.customers), channel, seed=5)
    arms = [Moments.of(answer.orders[mask].tolist()) for mask in (~choice.holdout, choice.holdout)]
    found = welch(*arms)
    assert found is not None
    quiet = respond(spec, np.arange(spec.customers), np.full(spec.customers, -1), seed=5)
    truth = (answer.orders - quiet.orders)[~choice.holdout].mean()
    assert found.low <= truth <= found.high
    assert found.high - found.low < 0.03


def test_randomised_contacts_replace_the_assumed_lift(tmp_path: Path) -> None:
    spec = ShopSpec(
        customers=6000, days=120, join_days=5, seed=6, events_per_customer=0, touches_per_customer=6
    )
    runtime, _ = opened(tmp_path / "shop")
    for number, (contract, rows) in enumerate(generate(spec)):
        runtime.tables.append(contract, rows, token=(f"s {contract.name}", number))
    run_unify(runtime, as_of=spec.as_of, run_id="r")
    lifts = lifts_of(runtime.tables, spec.as_of)
    runtime.close()
    assert set(lifts) == set(CHANNELS)
    effects = truth_table(spec)
    strong, weak = (
        np.clip(effects.column(f"effect_{x}").to_numpy(), 0, None).mean()
        for x in ("wecom", "email")
    )
    assert strong > weak
    assert all(x.lift > 0 for x in lifts.values())
    assert lifts["wecom"].n > 5000
