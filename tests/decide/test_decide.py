"""The plan: optimal within its bound, within every limit, honest about chance and reasons."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from shopkeeper.core import tables
from shopkeeper.core.clock import from_us, to_us
from shopkeeper.core.errors import ContractError, InputError, NotEnoughDataError, TooLargeError
from shopkeeper.decide.allocate import allocate
from shopkeeper.decide.choose import REASONS, choose
from shopkeeper.decide.plan import explain, make_plan
from shopkeeper.decide.problem import (
    CHANNELS,
    Customers,
    Limits,
    Options,
    read_customers,
    read_options,
)
from shopkeeper.decide.timing import send_times
from shopkeeper.decide.wording import render
from shopkeeper.decide.worth import measured_lift, option_lift, worth_of

AS_OF = datetime(2024, 11, 8, 3, tzinfo=UTC)


def limits(**changes: object) -> Limits:
    base: dict[str, object] = {
        "budget_minor": 50_000, "holdout": 0.1, "explore": 0.05, "cap_days": 7, "cap_contacts": 2,
        "quiet_from": 21, "quiet_to": 9,
    }  # fmt: skip
    return Limits(**(base | changes))  # type: ignore[arg-type]


def some_offers(count: int = 4, **changes: object) -> pa.Table:
    rows = [
        {
            "offer_id": f"o{i}", "name": f"offer {i}", "kind": "percent" if i else "reminder",
            "discount_rate": 0.1 * i, "currency": "CNY", "valid_to": AS_OF + timedelta(days=9),
        } | changes
        for i in range(count)
    ]  # fmt: skip
    return tables.OFFERS.cast(pa.Table.from_pylist(rows), fill=True)


def some_customers(n: int = 2000, seed: int = 0, **columns: object) -> pa.Table:
    rng = np.random.default_rng(seed)
    value = rng.gamma(4, 2500, n)
    base: dict[str, object] = {
        "customer_id": [f"c{i:06d}" for i in range(n)],
        "orders_rate": rng.gamma(0.8, 0.04, n),
        "order_value_minor": value,
        "order_margin_minor": value * 0.3,
        "recent_contacts": rng.poisson(0.6, n),
        "preferred_hour": rng.integers(-1, 24, n),
    }
    base |= {f"consent:{x}": rng.choice(["GRANT", "DENY"], n, p=[0.7, 0.3]) for x in CHANNELS}
    base |= {f"address:{x}": rng.random(n) < 0.8 for x in CHANNELS}
    return pa.table(base | columns)


def problem(**changes: object) -> tuple[Customers, Options, Limits]:
    wanted = limits(**changes)
    return (
        read_customers(some_customers(), wanted, "Asia/Shanghai"),
        read_options(some_offers(), AS_OF),
        wanted,
    )


def random_case(rng: np.random.Generator, n: int, offers: int, channels: int):
    stock = np.where(rng.random(offers) < 0.5, np.ceil(n * rng.uniform(0.02, 0.3, offers)), np.inf)
    options = Options(
        np.repeat(np.arange(offers), channels), np.tile(np.arange(channels), offers),
        tuple(map(str, range(offers))), ("x",) * offers, ("reminder",) * offers, np.zeros(offers),
        ("",) * offers, np.zeros(offers), stock,
    )  # fmt: skip
    m = offers * channels
    value = (rng.gamma(1, 100, (n, 1)) * rng.gamma(2, 0.5, (n, m)) - 30).astype(np.float32)
    cost = (rng.gamma(2, 20, (n, m)) + 1).astype(np.float32)
    value[rng.random((n, m)) < 0.2] = -np.inf
    return value, cost, options, float(n * rng.uniform(1, 30)), stock


@pytest.mark.parametrize("seed", range(4))
def test_allocation_against_an_exact_solver(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, offers, channels = 150, 4, 2
    value, cost, options, budget, stock = random_case(rng, n, offers, channels)
    m = offers * channels
    found = allocate(value, cost, options, budget, stock, seed=1)
    finite = np.flatnonzero(np.isfinite(stock))
    uses = np.tile((options.offer[None, :] == finite[:, None]).astype(float), (1, n))
    exact = milp(
        -np.where(np.isfinite(value), value, -1e6).ravel().astype(float),
        constraints=[
            LinearConstraint(sp.kron(sp.eye(n), np.ones((1, m))), -np.inf, 1),
            LinearConstraint(cost.ravel()[None, :].astype(float), -np.inf, budget),
            LinearConstraint(sp.csr_matrix(uses), -np.inf, stock[finite]),
        ],
        integrality=np.ones(n * m), bounds=Bounds(0, 1), options={"mip_rel_gap": 1e-6},
    )  # fmt: skip
    optimum = -exact.fun
    assert found.value <= optimum * (1 + 1e-6)
    assert optimum <= found.bound * (1 + 1e-6)
    assert found.value >= 0.985 * optimum


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 300), st.integers(1, 5))
def test_no_limit_is_ever_broken(seed: int, n: int, offers: int) -> None:
    rng = np.random.default_rng(seed)
    value, cost, options, budget, stock = random_case(rng, n, offers, 3)
    found = allocate(value, cost, options, budget, stock, seed)
    who = np.flatnonzero(found.choice >= 0)
    assert (value[who, found.choice[who]] > 0).all()
    assert cost[who, found.choice[who]].sum(dtype=float) <= budget * (1 + 1e-6)
    used = np.bincount(options.offer[found.choice[who]], minlength=offers)
    assert (used <= stock).all()
    assert found.value <= found.bound * (1 + 1e-6)


def test_large_plans_close_the_gap() -> None:
    rng = np.random.default_rng(5)
    value, cost, options, budget, stock = random_case(rng, 20_000, 10, 4)
    assert allocate(value, cost, options, budget, stock, 1).gap < 0.005


def test_plan_keeps_consent_caps_budget_and_holdout() -> None:
    customers, options, rules = problem()
    choice = choose(customers, options, rules)
    send = choice.option >= 0
    channel = options.channel[choice.option[send]]
    assert customers.consented[send, channel].all()
    assert customers.reachable[send, channel].all()
    assert (customers.recent_contacts[send] < rules.cap_contacts).all()
    assert choice.spend <= rules.budget_minor
    assert not (choice.holdout & send).any()
    assert 0.07 < choice.holdout.mean() < 0.13
    assert send.sum() > 100


def test_every_customer_gets_the_true_reason() -> None:
    customers, options, rules = problem()
    choice = choose(customers, options, rules)
    names = np.array(REASONS)[choice.reason]
    none = choice.option < 0
    assert ((names == "holdout") == choice.holdout).all()
    no_consent = none & ~choice.holdout & ~customers.consented.any(axis=1)
    assert (names[no_consent] == "no_consent").all()
    capped = none & (names == "frequency_cap")
    assert (customers.recent_contacts[capped] >= rules.cap_contacts).all()
    assert set(names[~none]) <= {"best_value", "explored"}
    rich = choose(customers, options, limits(budget_minor=10**9))
    assert "budget" not in set(np.array(REASONS)[rich.reason])
    poor = choose(customers, options, limits(budget_minor=0))
    assert (poor.option < 0).all()
    assert "budget" in set(np.array(REASONS)[poor.reason])


def test_logged_probabilities_match_the_frequency_over_seeds() -> None:
    rules = limits(explore=0.4, holdout=0.3, budget_minor=10**9)
    customers = read_customers(some_customers(300), rules, "UTC")
    options = read_options(some_offers(2), AS_OF)
    draws = 400
    hits = np.zeros((300, len(options) + 1))
    claimed = np.full((300, len(options) + 1), np.nan)
    for seed in range(draws):
        choice = choose(customers, options, limits(
            explore=0.4, holdout=0.3, budget_minor=10**9, seed=seed, salt=str(seed)))  # fmt: skip
        action = np.where(choice.option < 0, len(options), choice.option)
        inside = ~choice.holdout
        hits[np.arange(300)[inside], action[inside]] += 1
        claimed[np.arange(300)[inside], action[inside]] = choice.probability[inside]
    known = ~np.isnan(claimed) & (claimed > 0.02)
    frequency = hits / draws
    error = np.abs(frequency - claimed)[known]
    tolerance = 4.5 * np.sqrt(claimed[known] * (1 - claimed[known]) / draws) + 0.01
    assert (error < tolerance).mean() > 0.995


def test_row_order_changes_nothing_and_a_seed_decides_everything() -> None:
    rules = limits()
    rows = some_customers()
    shuffled = rows.take(pa.array(np.random.default_rng(3).permutation(rows.num_rows)))
    options = read_options(some_offers(), AS_OF)
    plans = []
    for table in (rows, shuffled):
        customers = read_customers(table, rules, "Asia/Shanghai")
        choice = choose(customers, options, rules)
        plans.append(make_plan(customers, options, rules, choice, AS_OF, "CNY"))
    assert plans[0].plan_id == plans[1].plan_id
    assert plans[0].decisions.equals(plans[1].decisions)


def test_plan_explains_itself_in_both_languages() -> None:
    customers, options, rules = problem()
    plan = make_plan(customers, options, rules, choose(customers, options, rules), AS_OF, "CNY")
    assert plan.decisions.num_rows == len(customers)
    assert sum(plan.summary["by_reason"].values()) == len(customers)
    assert sum(x["send"] for x in plan.summary["by_channel"]) == plan.summary["send"]
    spend = pc.sum(plan.decisions.column("cost_minor")).as_py()
    assert spend == pytest.approx(plan.summary["spend_minor"], abs=len(customers))
    for row in plan.decisions.slice(0, 300).to_pylist():
        json.loads(row["candidates"])
        json.loads(row["constraints"])
        for sentence in render(row["reasons"], "CNY"):
            assert sentence["zh"]
            assert "{" not in sentence["en"]
    assert "contact" in explain(plan)
    assert "触达" in explain(plan, "zh")


@given(st.integers(0, 23), st.integers(0, 23), st.integers(-1, 23), st.integers(0, 24 * 400))
@settings(deadline=None)
def test_nothing_is_planned_inside_quiet_hours(start: int, end: int, wish: int, hours: int) -> None:
    rules = limits(quiet_from=start, quiet_to=end)
    as_of = AS_OF + timedelta(hours=hours, minutes=17)
    rows = some_customers(
        2, preferred_hour=[wish, wish], time_zone=["America/New_York", "Asia/Tokyo"]
    )
    customers = read_customers(rows, rules, "UTC")
    for moment, name in zip(
        send_times(customers, rules, as_of), ("America/New_York", "Asia/Tokyo"), strict=True
    ):
        assert to_us(as_of) <= moment < to_us(as_of + timedelta(hours=49))
        hour = from_us(int(moment)).astimezone(ZoneInfo(name)).hour
        inside = start <= hour < end if start < end else (hour >= start or hour < end)
        assert start == end or not inside


def test_worth_by_hand() -> None:
    rules = limits(redeem=0.5)
    rows = pa.table({
        "customer_id": ["a"], "orders_rate": [0.1], "order_value_minor": [10_000.0],
        "order_margin_minor": [3000.0],
    })  # fmt: skip
    options = read_options(some_offers(2, channel="email"), AS_OF)
    lifts, origin = option_lift(options, {})
    assert lifts == pytest.approx([0.15 * 0.8, 0.15 * 0.8 + 0.15])
    assert set(origin) == {"assumed"}
    worth = worth_of(read_customers(rows, rules, "UTC"), options, rules, lifts, slice(0, 1))
    base = 1 - np.exp(-0.7)
    after = 1 / (1 + np.exp(-(np.log(base / (1 - base)) + lifts[1])))
    assert worth.uplift[0, 1] == pytest.approx(after - base, rel=1e-4)
    assert worth.cost[0, 1] == pytest.approx(1 + after * 0.5 * 1000, rel=1e-4)
    assert worth.value[0, 1] == pytest.approx((after - base) * 3000 - 1 - after * 500, rel=1e-3)


def test_measured_lift_takes_over_as_it_gets_precise() -> None:
    options = read_options(some_offers(1, channel="sms"), AS_OF)
    few = measured_lift("sms", 50, 20, 50, 10)
    many = measured_lift("sms", 500_000, 200_000, 500_000, 100_000)
    assert few is not None
    assert many is not None
    assert many.lift == pytest.approx(np.log(0.4 / 0.6) - np.log(0.2 / 0.8), abs=0.02)
    assumed = option_lift(options, {})[0][0]
    some, all_of_it = (option_lift(options, {"sms": x})[0][0] for x in (few, many))
    assert assumed < some < all_of_it
    assert all_of_it == pytest.approx(many.lift, abs=0.01)
    assert measured_lift("sms", 0, 0, 10, 1) is None


def test_refusals() -> None:
    with pytest.raises(InputError, match="must be shares"):
        limits(holdout=1.0)
    with pytest.raises(InputError, match="channel costs"):
        limits(channel_cost_minor=(1,))
    with pytest.raises(InputError, match="must not be negative"):
        limits(budget_minor=-1)
    with pytest.raises(NotEnoughDataError, match="none of 1 offers is valid"):
        read_options(some_offers(1, valid_to=AS_OF - timedelta(days=1)), AS_OF)
    with pytest.raises(ContractError, match="lack orders_rate"):
        read_customers(pa.table({"customer_id": ["a"], "order_margin_minor": [1]}), limits(), "UTC")
    with pytest.raises(ContractError, match="appears twice"):
        read_customers(pa.table({
            "customer_id": ["a", "a"], "orders_rate": [0.1, 0.1], "order_margin_minor": [1, 1],
        }), limits(), "UTC")  # fmt: skip
    with pytest.raises(InputError, match="unknown reason code 'whim'"):
        render('[{"code": "whim"}]', "CNY")


def test_too_large_a_plan_is_refused_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shopkeeper.decide.choose.MAX_CELLS", 100)
    customers, options, rules = problem()
    with pytest.raises(TooLargeError, match="need about"):
        choose(customers, options, rules)
