from __future__ import annotations

import numpy as np
import pytest

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.churn.hazard import Hazard, fit_binomial, fit_hazard, spells
from shopkeeper.predict.churn.stack import choose, fit_stack, level_shift
from shopkeeper.predict.history import PurchaseDays


def _days(code, day, amount=None) -> PurchaseDays:
    code, day = np.asarray(code), np.asarray(day)
    worth = np.full(len(code), 100) if amount is None else np.asarray(amount)
    return PurchaseDays(code, day, worth, np.ones(len(code), dtype=np.int64))


def test_spells_by_hand():
    # customer 0 buys on days 0 and 9, customer 1 on day 0; periods of 4 days, observed to day 20
    rows = spells(_days([0, 0, 1], [0, 9, 0]), 20, 4.0, np.array([]))
    seen = {
        (x, since, age): (risk, event)
        for x, since, age, risk, event in zip(
            rows.purchases, rows.since, rows.age, rows.at_risk, rows.bought, strict=True
        )
    }
    assert seen == {
        (0, 0, 0): (2, 0),
        (0, 1, 1): (2, 0),
        (0, 2, 2): (2, 1),
        (0, 3, 3): (1, 0),
        (0, 4, 4): (1, 0),
        (1, 0, 2): (1, 0),
        (1, 1, 3): (1, 0),
    }


def test_a_binomial_line_equals_the_counts_of_its_cells():
    said = fit_binomial(
        np.array([[0.0], [1.0]]), np.array([200.0, 50.0]), np.array([20.0, 25.0]), 0
    )
    chance = 1 / (1 + np.exp(-np.array([said[0], said.sum()])))
    assert chance == pytest.approx([0.1, 0.5], abs=1e-6)


def _geometric(customers: int, seed: int) -> tuple[PurchaseDays, np.ndarray]:
    """Everybody buys on each day with a chance of one in fifty, for 200 days."""
    random = np.random.default_rng(seed)
    bought = random.random((customers, 300)) < 0.02
    bought[:, 0] = True
    code, day = np.nonzero(bought[:, :200])
    return _days(code, day), bought[:, 200:].any(axis=1)


def test_survival_of_customers_without_memory():
    days, later = _geometric(2_000, 5)
    hazard = fit_hazard(days, 200)
    last = np.array([day[-1] for day in np.split(days.day, np.flatnonzero(np.diff(days.code)) + 1)])
    count = np.bincount(days.code) - 1.0
    stay = hazard.survival(count, 199.0 - last, np.full(2_000, 199.0), np.full(2_000, 100.0), 100)
    assert stay.mean() == pytest.approx(0.98**100, abs=0.02)
    assert stay.mean() == pytest.approx(1 - later.mean(), abs=0.03)
    half = hazard.survival(count, 199.0 - last, np.full(2_000, 199.0), np.full(2_000, 100.0), 50)
    assert (half > stay).all()


def test_a_hazard_survives_json_and_grouping():
    days, _ = _geometric(300, 6)
    hazard = fit_hazard(days, 200)
    assert Hazard.from_json(hazard.to_json()) == hazard
    twice = PurchaseDays(
        np.concatenate([days.code, days.code + 300]),
        np.tile(days.day, 2),
        np.tile(days.amount_minor, 2),
        np.tile(days.orders, 2),
    )
    again = fit_hazard(twice, 200)
    one = np.array([1.0]), np.array([20.0]), np.array([90.0]), np.array([100.0])
    assert again.survival(*one, 30)[0] == pytest.approx(hazard.survival(*one, 30)[0], abs=0.01)


def test_too_few_repeats_are_refused():
    with pytest.raises(NotEnoughDataError, match="at least 30 repeat purchases, found 1"):
        fit_hazard(_days([0, 0, 1], [0, 9, 0]), 20)


def test_the_stack_weighs_what_knows_and_never_against():
    random = np.random.default_rng(1)
    truth = random.normal(size=4_000)
    bought = random.random(4_000) < 1 / (1 + np.exp(-truth))
    good = 1 / (1 + np.exp(-truth))
    said = {"hazard": good, "bg_nbd": random.random(4_000), "logistic": 1.0 - good}
    stack = fit_stack(said, bought)
    assert stack.share("hazard") == pytest.approx(1.0, abs=0.15)
    assert stack.share("logistic") == 0.0
    assert abs(stack.share("bg_nbd")) < 0.1
    assert stack.chance(said).mean() == pytest.approx(bought.mean(), abs=0.005)


def test_a_level_is_reached_or_left_alone():
    chance = np.array([0.1, 0.5, 0.7])
    shift = level_shift(chance, 0.3)
    odds = np.log(chance / (1 - chance)) + shift
    assert (1 / (1 + np.exp(-odds))).mean() == pytest.approx(0.3)
    assert level_shift(chance, 1.0) == 0.0


def test_boosting_takes_over_only_on_large_data_and_on_evidence():
    random = np.random.default_rng(2)
    bought = random.random(3_000) < 0.4
    sharp = np.where(bought, 0.6, 0.4) + random.normal(0, 0.1, 3_000)
    vague = np.where(bought, 0.6, 0.4) + random.normal(0, 0.4, 3_000)
    said = {"stack": vague, "boosted": sharp, "logistic": vague}
    assert choose(bought, said, 2_000_000, seed=1) == "boosted"
    assert choose(bought, said, 1_999_999, seed=1) == "stack"
    level = {"stack": sharp, "boosted": sharp + random.normal(0, 1e-4, 3_000)}
    assert choose(bought, level, 5_000_000, seed=1) == "stack"
