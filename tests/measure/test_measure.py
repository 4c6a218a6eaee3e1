"""Indicators, cohorts and effects against hand-made truth and independent computation."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from shopkeeper.backends.open import open_runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import InputError
from shopkeeper.core.moments import Moments
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import ACTIVITY, CONTACTS, DECISIONS, PURCHASES, SEGMENTS
from shopkeeper.measure.cohorts import cohorts, migration
from shopkeeper.measure.daily import daily_indicators
from shopkeeper.measure.effects import arm_sums, avoided, more_needed, welch
from shopkeeper.measure.metrics import METRICS

floats = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40)


@given(floats, floats)
def test_moments_add_and_agree_with_numpy(a: list[float], b: list[float]) -> None:
    both = Moments.of(a) + Moments.of(b)
    assert both.mean == pytest.approx(np.mean(a + b), rel=1e-9, abs=1e-6)
    scale = max(abs(x) for x in (*a, *b)) ** 2
    assert both.variance == pytest.approx(np.var(a + b, ddof=1), rel=1e-6, abs=1e-9 * scale + 1e-9)


def test_the_mean_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="mean of nothing"):
        Moments(0, 0, 0).mean  # noqa: B018


@given(st.integers(0, 10_000))
def test_welch_equals_scipy_and_interval_and_p_agree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.gamma(2, 3, rng.integers(3, 60)), rng.gamma(2, 2, rng.integers(3, 60))
    found = welch(Moments.of(a.tolist()), Moments.of(b.tolist()))
    assert found is not None
    oracle = stats.ttest_ind(a, b, equal_var=False)
    interval = oracle.confidence_interval(0.95)
    assert found.p == pytest.approx(oracle.pvalue, rel=1e-6)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-6)
    assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


def test_welch_interval_covers_the_truth() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(600):
        a, b = rng.poisson(0.35, 400), rng.poisson(0.30, 80)
        found = welch(Moments.of(a.tolist()), Moments.of(b.tolist()))
        assert found is not None
        hits += found.low <= 0.05 <= found.high
    assert 0.92 < hits / 600 < 0.98
    assert welch(Moments.of([1]), Moments.of([1, 2])) is None
    assert more_needed(Moments.of([0, 1] * 50), Moments.of([0, 1] * 50), 0.01) > 10_000
    assert more_needed(Moments.of([0, 1] * 50), Moments.of([0, 1] * 50), 0) == 0


@pytest.fixture
def store(tmp_path: Path):
    runtime = open_runtime(load_settings(flags={"store.folder": str(tmp_path / "shop")}))
    yield runtime.tables
    runtime.close()


def purchase(number: int, customer: str, day: str, amount: int, kind: str = "sale", **more) -> dict:
    moment = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)
    return {
        "order_id": f"o{number}", "customer_id": customer, "kind": kind, "occurred_at": moment,
        "ts_us": to_us(moment), "day": moment.date(), "month": day[:7], "dow": moment.isoweekday(),
        "hour": 12, "amount_minor": amount, "currency": "CNY", "quantity": 1.0, **more,
    }  # fmt: skip


HISTORY = [
    purchase(1, "a", "2024-01-01", 1000, lines=2, discount_minor=250),
    purchase(2, "b", "2024-01-01", 3000),
    purchase(3, "a", "2024-01-03", 500),
    purchase(4, "a", "2024-01-03", 500),
    purchase(5, "b", "2024-01-03", -3000, kind="return", quantity=-1.0),
    purchase(6, "c", "2024-02-20", 700),
    purchase(7, "a", "2024-02-20", 900),
]


def rows_of(rows: list[dict], contract) -> pa.Table:
    return contract.cast(pa.Table.from_pylist(rows), fill=True)


def test_fifteen_indicators_by_eye(store) -> None:
    store.append(PURCHASES, rows_of(HISTORY, PURCHASES))
    visit = {k: v for k, v in HISTORY[0].items() if k in ACTIVITY.arrow_schema.names}
    visits = [
        visit | {"event_id": f"e{i}", "customer_id": who, "session_id": s, "kind": "page_viewed"}
        for i, (who, s) in enumerate([("a", "s1"), ("a", "s1"), ("a", "s2"), ("z", "s3")])
    ]
    store.append(ACTIVITY, rows_of(visits, ACTIVITY))
    contact = {"touch_id": "t1", "customer_id": "a", "channel": "sms", "status": "sent", "ts_us": 1,
               "day": date(2024, 1, 3), "cost_minor": 5}  # fmt: skip
    held = contact | {"touch_id": "t2", "status": "held_out", "cost_minor": 0}
    store.append(CONTACTS, rows_of([contact, held], CONTACTS))
    table = daily_indicators(store, date(2024, 3, 25), "run")
    value = {(r["metric"], r["day"].isoformat()): r["value"] for r in table.to_pylist()}
    assert len(METRICS) == 15
    assert table.num_rows == 15 * 84
    day1 = {m.name: value[m.name, "2024-01-01"] for m in METRICS}
    assert day1 == {
        "orders": 2, "revenue": 4000, "buyers": 2, "new_buyers": 2, "returning_buyers": 0,
        "order_value": 2000, "lines_per_order": 1.5, "discount_share": 250 / 4250,
        "return_share": 0, "repeat_share_30d": 0, "active_30d": 2, "visits": 3,
        "visit_buyers_share": 0.5, "contacts": 0, "contact_cost": 0,
    }  # fmt: skip
    assert value["revenue", "2024-01-03"] == -2000
    assert value["return_share", "2024-01-03"] == 0.5
    assert value["repeat_share_30d", "2024-01-03"] == 1
    assert value["contacts", "2024-01-03"] == 1
    assert value["repeat_share_30d", "2024-02-20"] == 0
    assert value["order_value", "2024-01-02"] is None
    active = [
        value["active_30d", d]
        for d in (
            "2024-01-30",
            "2024-01-31",
            "2024-02-01",
            "2024-02-02",
            "2024-02-20",
            "2024-03-20",
            "2024-03-21",
        )
    ]
    assert active == [2, 1, 1, 0, 2, 2, 0]


def test_active_customers_against_counting(store) -> None:
    rng = np.random.default_rng(4)
    start = date(2024, 1, 1)
    pairs = [
        (int(c), int(d))
        for c, d in zip(rng.integers(0, 30, 150), rng.integers(0, 200, 150), strict=True)
    ]
    rows = [
        purchase(i, f"c{c}", (start + timedelta(days=d)).isoformat(), 100)
        for i, (c, d) in enumerate(pairs)
    ]
    store.append(PURCHASES, rows_of(rows, PURCHASES))
    table = daily_indicators(store, start + timedelta(days=200), "r").to_pylist()
    found = {r["day"]: r["value"] for r in table if r["metric"] == "active_30d"}
    for day, value in found.items():
        t = (day - start).days
        assert value == len({c for c, d in pairs if t - 29 <= d <= t})


def test_nothing_sold_measures_nothing(store) -> None:
    assert daily_indicators(store, date(2024, 1, 1), "r").num_rows == 0


def test_cohorts_by_eye(store) -> None:
    store.append(PURCHASES, rows_of(HISTORY, PURCHASES))
    assert store.run(cohorts(store.table(PURCHASES))).to_pylist() == [
        {"cohort": "2024-01", "period": 0, "customers": 2, "spend_minor": 2000},
        {"cohort": "2024-01", "period": 1, "customers": 1, "spend_minor": 900},
        {"cohort": "2024-02", "period": 0, "customers": 1, "spend_minor": 700},
    ]


def test_migration_by_eye(store) -> None:
    one, two = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)
    places = [
        ("a", one, "x"),
        ("b", one, "x"),
        ("c", one, "y"),
        ("a", two, "x"),
        ("b", two, "y"),
        ("d", two, "y"),
    ]
    rows = [
        {"customer_id": c, "as_of": t, "scheme": "rfm8", "label": s, "version": "1"}
        for c, t, s in places
    ]
    store.append(SEGMENTS, rows_of(rows, SEGMENTS))
    moved = store.run(migration(store.table(SEGMENTS), "rfm8", one, two)).to_pylist()
    assert {(r["origin"], r["target"]): r["customers"] for r in moved} == {
        ("x", "x"): 1, ("x", "y"): 1, ("y", "gone"): 1, ("new", "y"): 1}  # fmt: skip


def decision(
    customer: str, reason: str, *, holdout: bool = False, open_: bool = True, value: int = 0
) -> dict:
    truth = "true" if open_ else "false"
    return {
        "decision_id": f"p:{customer}", "plan_id": "p", "customer_id": customer,
        "as_of": datetime(2024, 1, 2, tzinfo=UTC), "action": "none", "probability": 1.0,
        "policy_version": "v", "holdout": holdout, "reason": reason,
        "constraints": f'[{{"channel":"sms","consent":{truth},"address":true}}]',
        "candidates": f'[{{"offer":"o","channel":"sms","value":{value}}}]',
    }  # fmt: skip


def test_arms_hold_only_those_who_could_have_been_written_to(store) -> None:
    store.append(PURCHASES, rows_of(HISTORY, PURCHASES))
    store.append(DECISIONS, rows_of([
        decision("a", "no_gain", value=-40), decision("b", "holdout", holdout=True),
        decision("c", "no_gain", value=-60), decision("d", "holdout", holdout=True, open_=False),
        decision("e", "no_consent", open_=False),
    ], DECISIONS))  # fmt: skip
    start, end = (to_us(datetime(2024, 1, d, tzinfo=UTC)) for d in (2, 9))
    arms = store.run(arm_sums(store.table(DECISIONS), store.table(PURCHASES), "p", start, end))
    found = {r["holdout"]: r for r in arms.to_pylist()}
    assert (found[False]["n"], found[False]["orders"], found[False]["spend"]) == (2, 2, 1000)
    assert (found[True]["n"], found[True]["orders"], found[True]["spend"]) == (1, 0, -3000)
    saved = store.run(avoided(store.table(DECISIONS), "p")).to_pylist()[0]
    assert saved == {"n": 2, "sum": 100.0, "sum_squares": 40**2 + 60**2}
