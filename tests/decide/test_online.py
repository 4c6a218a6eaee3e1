"""The waiting customer's ranking: the plan's worth, honest probabilities, every refusal with its reason."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopkeeper.core.errors import InputError
from shopkeeper.core.ids import unit_interval
from shopkeeper.core.tables import DECISIONS
from shopkeeper.decide.online import Candidate, Known, rank
from shopkeeper.decide.online_ledger import ledger_row
from shopkeeper.decide.problem import CHANNELS, Customers, Limits, Options
from shopkeeper.decide.wording import render
from shopkeeper.decide.worth import lift_one, option_lift, worth_of, worth_one

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
LIMITS = Limits(
    100_000, holdout=0.1, explore=0.2, cap_days=7, cap_contacts=2, quiet_from=21, quiet_to=9
)
IN = next(f"c_{i}" for i in range(1000) if unit_interval(LIMITS.salt, f"c_{i}") >= LIMITS.holdout)
OUT = next(f"c_{i}" for i in range(1000) if unit_interval(LIMITS.salt, f"c_{i}") < LIMITS.holdout)
ALICE = Known(
    IN, 0.02, 8000, 2500, {"tea": 0.5}, frozenset({"email", "sms"}), frozenset({"email"}), hour=12
)
CARDS = [Candidate("a"), Candidate("b", discount_rate=0.02), Candidate("c", value_minor=900)]


def chosen(known, candidates, limits=LIMITS, decision_id="d1"):
    return rank(known, candidates, limits, decision_id=decision_id, as_of=NOW)


@settings(deadline=None)
@given(
    rate=st.floats(0, 0.5),
    money=st.floats(0, 50_000),
    share=st.floats(0, 1),
    discount=st.floats(0, 0.6),
    fixed=st.floats(0, 500),
    channel=st.sampled_from(CHANNELS),
    kind=st.sampled_from(["reminder", "percent", "amount", "other"]),
    category=st.sampled_from(["", "tea", "never bought"]),
)
def test_one_option_is_worth_what_the_plan_says(
    rate, money, share, discount, fixed, channel, kind, category
):
    options = Options(
        np.array([0]), np.array([CHANNELS.index(channel)]), ("o",), ("o",), (kind,),
        np.array([discount]), (category,), np.array([fixed]), np.array([np.inf]),
    )  # fmt: skip
    yes, zero = np.ones((1, 4), bool), np.zeros(1, np.int64)
    who = Customers(
        pa.array(["x"]), np.array([rate]), np.array([money]), np.array([money * 0.3]),
        np.array([[share]], np.float32), ("tea",), yes, yes, yes, zero, zero, zero, ("UTC",),
    )  # fmt: skip
    lifts, origin = option_lift(options, {})
    there = worth_of(who, options, LIMITS, lifts, slice(0, 1))
    lift, how = lift_one(kind, channel, discount, {})
    own = {"": None, "tea": float(np.float32(share)), "never bought": 0.0}[category]
    here = worth_one(
        rate, money, money * 0.3, own, lift=lift, discount_rate=discount, fixed_cost_minor=fixed,
        contact_minor=LIMITS.channel_cost_minor[CHANNELS.index(channel)], limits=LIMITS,
    )  # fmt: skip
    assert how == origin[0]
    assert here == pytest.approx(
        (there.value[0, 0], there.cost[0, 0], there.uplift[0, 0]), rel=1e-4, abs=1e-3
    )


def test_the_stated_probability_is_how_often_it_happens():
    wins = Counter(chosen(ALICE, CARDS, decision_id=f"d{i}").ranked[0].id for i in range(20_000))
    stated = {x.id: x.probability for x in chosen(ALICE, CARDS).ranked}
    within = 1 - LIMITS.holdout  # frequencies here are among customers who are not held out
    assert sum(stated.values()) == pytest.approx(within)
    for name, share in stated.items():
        assert wins[name] / 20_000 == pytest.approx(share / within, abs=0.01)
    assert max(stated, key=stated.get) == "c"


def test_a_repeated_request_gets_the_same_answer():
    assert chosen(ALICE, CARDS) == chosen(ALICE, CARDS)


@pytest.mark.parametrize(
    ("change", "channel", "reason"),
    [
        ({"granted": frozenset()}, "email", "no_consent"),
        ({}, "sms", "no_address"),
        ({"recent_contacts": 2}, "email", "frequency_cap"),
        ({"hour": 22}, "email", "quiet_hours"),
        ({"hour": 8}, "email", "quiet_hours"),
        ({"customer_id": OUT}, "email", "holdout"),
        ({"orders_rate": 0.0, "order_margin_minor": 0.0}, "email", "no_gain"),
    ],
)
def test_a_contact_is_refused_with_the_reason(change, channel, reason):
    one = Candidate("m", channel=channel)
    result = chosen(replace(ALICE, **change), [one])
    assert result.ranked == ()
    assert [(x, why["code"]) for x, why in result.refused] == [("m", reason)]
    row = ledger_row(result, [one], "CNY")
    assert (row["action"], row["reason"], row["probability"]) == ("none", reason, 1.0)


def test_a_contact_that_is_worth_it_is_allowed():
    result = chosen(ALICE, [Candidate("m", channel="email")])
    assert [x.id for x in result.ranked] == ["m"]
    assert ledger_row(result, [Candidate("m", channel="email")], "CNY")["action"] == "send"


def test_what_is_sold_out_is_not_shown():
    result = chosen(ALICE, [Candidate("gone", stock=0), Candidate("here", stock=1)])
    assert [x.id for x in result.ranked] == ["here"]
    assert result.refused == (("gone", {"code": "stock"}),)


@pytest.mark.parametrize(
    ("known", "code"),
    [
        (replace(ALICE, personal=False), "not_personalised"),
        (replace(ALICE, customer_id=OUT), "holdout"),
    ],
)
def test_the_order_of_the_shop_is_kept_without_personalisation(known, code):
    result = chosen(known, CARDS)
    assert [x.id for x in result.ranked] == ["a", "b", "c"]
    assert {x.reasons[0]["code"] for x in result.ranked} == {code}
    assert [x.probability for x in result.ranked][1:] == [0, 0]


def test_a_stranger_is_told_so():
    result = chosen(Known(""), CARDS)
    assert result.ranked[0].reasons[-1] == {"code": "stranger"}
    assert not result.holdout
    assert sum(x.probability for x in result.ranked) == pytest.approx(1)


def test_the_ledger_row_fits_the_contract_and_its_reasons_read_in_both_languages():
    row = ledger_row(chosen(ALICE, CARDS), CARDS, "CNY")
    row["as_of"] = datetime.fromisoformat(row["as_of"])
    table = DECISIONS.cast(pa.Table.from_pylist([row]), fill=True)
    assert table.num_rows == 1
    for column in ("candidates", "constraints"):
        assert isinstance(json.loads(row[column]), list)
    for sentence in render(row["reasons"], "CNY"):
        assert sentence["zh"]
        assert sentence["en"]
        assert "{" not in sentence["zh"] + sentence["en"]


@pytest.mark.parametrize(
    ("candidates", "match"),
    [
        ([], "0 candidates"),
        ([Candidate(str(i)) for i in range(201)], "201 candidates"),
        ([Candidate("a"), Candidate("a")], "candidate a is given twice"),
        ([Candidate("a", channel="pigeon")], "names the channel 'pigeon'"),
        ([Candidate("a", discount_rate=1.5)], "discount 1.5"),
        ([Candidate("a", cost_minor=-1)], "cost -1"),
    ],
)
def test_a_malformed_request_is_named(candidates, match):
    with pytest.raises(InputError, match=match):
        chosen(ALICE, candidates)
