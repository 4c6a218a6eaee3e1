from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from shopkeeper.apps.bench.value_shops import SHOPS, make_shop
from shopkeeper.core.errors import NotEnoughDataError, PlanError, SourceError
from shopkeeper.core.tables import SCORES
from shopkeeper.predict.cards import ModelCard
from shopkeeper.predict.churn.features import bought_within
from shopkeeper.predict.history import DAY_US, Question, read_history
from shopkeeper.predict.value.bgnbd import BgNbd, fit_bg_nbd
from shopkeeper.predict.value.forecast import forecast
from shopkeeper.predict.value.gamma_gamma import GammaGamma, fit_gamma_gamma
from shopkeeper.predict.value.model import ValueModel
from shopkeeper.predict.value.pareto_nbd import fit_pareto_nbd
from shopkeeper.predict.value.summary import Summary, group, summarise
from shopkeeper.predict.value.train import gini, score_value, train_value, value_figures
from shopkeeper.predict.value.ziln import fit_ziln


@pytest.fixture(scope="module")
def run(simulated, as_of_us):
    return train_value(simulated, as_of_us, 100, seed=3)


def test_ranges_hold_what_they_promise_on_simulated_customers(simulated, as_of_us):
    history = read_history(simulated)
    summary = summarise(history, as_of_us, "day")
    process = fit_bg_nbd(group(summary.frequency, summary.recency, summary.age))
    amounts = fit_gamma_gamma(summary.frequency, summary.monetary_minor)
    said = forecast(process, amounts, summary, 100.0)
    orders, spend = bought_within(history, summary.code, as_of_us, 100.0)
    inside = (orders >= said.orders_low) & (orders <= said.orders_high)
    paid = (spend >= said.spend_low - 0.5) & (spend <= said.spend_high + 0.5)
    # counts are discrete: a range cannot hold exactly nine in ten
    assert 0.88 <= inside.mean() <= 0.97
    assert 0.87 <= paid.mean() <= 0.96
    assert said.orders.sum() == pytest.approx(orders.sum(), rel=0.1)
    assert said.p_buy.mean() == pytest.approx((orders > 0).mean(), abs=0.02)
    assert (said.spend_low <= said.spend_high).all()


def test_range_levels_agree_with_brute_simulation():
    random = np.random.default_rng(2)
    process = BgNbd(0.8, 20.0, 0.9, 2.5, 0.0)
    amounts = GammaGamma(6.0, 4.0, 9_000.0, 0.0)
    one = Summary(
        np.array([0]), np.array([4]), np.array([25.0]), np.array([30.0]), np.array([2500.0]), "day"
    )
    said = forecast(process, amounts, one, 60.0)
    draws = 200_000
    alive = random.random(draws) < said.p_alive[0]
    rate = random.gamma(process.r + 4, 1 / (process.alpha + 30), draws)
    leave = random.beta(process.a, process.b + 4, draws)
    # purchases until leaving: geometric, cut by the Poisson number in the horizon
    orders = np.where(alive, np.minimum(random.poisson(rate * 60), random.geometric(leave)), 0)
    shape = amounts.q + 4 * amounts.p
    per_minor = random.gamma(shape, 1 / (amounts.gamma + 4 * 2500.0), draws)
    spend = np.where(orders > 0, random.gamma(amounts.p * np.maximum(orders, 1)) / per_minor, 0.0)
    assert said.orders[0] == pytest.approx(orders.mean(), rel=0.03)
    held = ((orders >= said.orders_low[0]) & (orders <= said.orders_high[0])).mean()
    assert held >= 0.895
    paid = ((spend >= said.spend_low[0]) & (spend <= said.spend_high[0])).mean()
    assert paid == pytest.approx(0.9, abs=0.02)


def test_scores_are_rows_of_the_contract(run, simulated, as_of_us):
    table = score_value(run, simulated, as_of_us, model_version="v1")
    assert table.schema.equals(SCORES.arrow_schema)
    assert set(table["kind"].to_pylist()) == {"expected_orders", "expected_spend", "p_alive"}
    assert table["band"].null_count == table.num_rows


def test_a_customer_without_purchases_gets_the_declared_answer(run, simulated, as_of_us):
    table = score_value(run, simulated, as_of_us, model_version="v1", customers=["c00001", "new"])
    rows = [row for row in table.to_pylist() if row["customer_id"] == "new"]
    assert [(row["kind"], row["value"], row["band"]) for row in rows] == [
        ("expected_orders", 0.0, None),
        ("expected_spend", 0.0, None),
    ]
    assert all("no_history" in row["reasons"] for row in rows)


def test_the_card_survives_json_and_holds_the_baselines(run):
    card = ModelCard.from_json(run.card.to_json())
    assert card.to_json() == run.card.to_json()
    assert {"zero", "pace", "pareto_nbd", "blend"} <= {figure.method for figure in card.figures}
    assert 0.85 <= card.figure("blend", "coverage90") <= 1.0
    assert np.isnan(card.figure("blend", "nothing"))


def test_orders_after_the_moment_change_no_score(run, simulated, as_of_us):
    past = simulated.filter(pa.compute.less(simulated["ts_us"], as_of_us))
    one = score_value(run, simulated, as_of_us, model_version="v1")
    two = score_value(run, past, as_of_us, model_version="v1")
    assert one.equals(two)


def test_too_few_customers_are_refused(as_of_us):
    table = pa.table({"customer_id": ["a", "b"], "ts_us": [0, DAY_US], "amount_minor": [1, 2]})
    with pytest.raises(NotEnoughDataError, match="needs at least 50 customers.*found 2"):
        train_value(table, as_of_us, 30)


def test_an_unfitted_model_and_an_empty_folder_are_refused(tmp_path):
    with pytest.raises(PlanError, match="'value' is not fitted"):
        _ = ValueModel().learned
    with pytest.raises(SourceError, match="holds no value model"):
        ValueModel.load(tmp_path)


def test_figures_by_hand():
    said = value_figures(
        np.array([2.0, 0.0]), np.array([1.0, 0.0]), np.array([400.0, 0.0]), np.array([300.0, 100.0])
    )
    assert said["mae"] == 0.5
    assert said["bias"] == -0.5
    assert said["spend_rmse"] == 1.0
    assert gini(np.array([1.0, 0.0]), np.array([0.3, 0.3])) == pytest.approx(0.0)


def test_the_blend_beats_the_baselines_on_a_later_window(simulated, as_of_us):
    model = ValueModel().fit(Question(read_history(simulated), as_of_us, 100.0), seed=1)
    history = read_history(simulated)
    said = model.predict(Question(history, as_of_us, 100.0))
    orders, _ = bought_within(history, said.code, as_of_us, 100.0)
    rmse = {m: np.sqrt(np.mean((o - orders) ** 2)) for m, (o, _) in said.by_method.items()}
    assert rmse["blend"] < min(rmse["zero"], rmse["pace"])
    assert abs(said.by_method["blend"][0].sum() / orders.sum() - 1) < 0.15


def test_ziln_recovers_a_zero_inflated_lognormal():
    random = np.random.default_rng(4)
    size = 6_000
    rich = random.random(size) < 0.5
    chance = np.where(rich, 0.6, 0.2)
    spend = np.where(
        random.random(size) < chance, random.lognormal(np.where(rich, 8.0, 7.0), 0.8, size), 0.0
    )
    names = ("p_buy", "rich")
    matrix = np.column_stack([np.full(size, 0.4), rich.astype(float)])
    expected = np.full(size, 0.4), np.full(size, np.exp(7.5))
    head = fit_ziln(names, matrix, names, expected, spend, np.arange(size), 1)
    said, money = head.predict(names, matrix, *expected)
    assert said[rich].mean() == pytest.approx(0.6, abs=0.05)
    assert said[~rich].mean() == pytest.approx(0.2, abs=0.05)
    assert money[rich].mean() == pytest.approx(0.6 * np.exp(8.0 + 0.32), rel=0.1)
    assert money[~rich].mean() == pytest.approx(0.2 * np.exp(7.0 + 0.32), rel=0.2)
    assert money.sum() == pytest.approx(spend.sum(), rel=0.05)


def test_grouping_amounts_changes_no_parameter(monkeypatch):
    random = np.random.default_rng(5)
    x = random.integers(1, 9, 4_000).astype(float)
    mean = random.gamma(4.0 * x, 1.0 / (4.0 * x)) * 2_000.0 / random.gamma(4.0, 0.3, 4_000)
    plain = fit_gamma_gamma(x, mean)
    monkeypatch.setattr("shopkeeper.predict.value.gamma_gamma.MOST_EXACT", 10)
    grouped = fit_gamma_gamma(x, mean)
    assert list(grouped.parameters().values()) == pytest.approx(
        list(plain.parameters().values()), rel=2e-3
    )


def test_constant_amounts_still_give_their_amount():
    x, mean = np.tile([1.0, 2.0, 5.0], 100), np.full(300, 1_500.0)
    said = fit_gamma_gamma(x, mean).expected_minor(np.array([0.0, 3.0]), np.array([0.0, 1_500.0]))
    assert said == pytest.approx([1_500.0, 1_500.0], rel=0.05)


def test_orders_dated_after_the_moment_teach_nothing(simulated, as_of_us):
    ahead = pa.table(
        {
            "customer_id": [f"c{i:05d}" for i in range(500)],
            "ts_us": np.full(500, as_of_us + 9_000 * DAY_US),
            "amount_minor": np.full(500, 99_999_999),
        }
    )
    with pytest.raises(NotEnoughDataError, match="needs at least 50 customers.*found 0"):
        train_value(ahead, as_of_us, 100)


def test_a_search_from_nearby_ends_at_the_same_parameters(simulated, as_of_us):
    summary = summarise(read_history(simulated), as_of_us, "day")
    rows = group(summary.frequency, summary.recency, summary.age)
    far = fit_pareto_nbd(rows)
    near = fit_pareto_nbd(rows, far)
    assert near.log_likelihood == pytest.approx(far.log_likelihood, rel=1e-7)
    assert near.r == pytest.approx(far.r, rel=1e-2)


def test_simulated_shops_hold_their_ranges():
    shop = SHOPS["groceries"]
    history = read_history(make_shop(shop, 1_200, 3))
    as_of_us = shop.days * DAY_US
    past = Question(history.before(as_of_us), as_of_us, float(shop.horizon_days))
    said = ValueModel().fit(past, seed=1).predict(past)
    orders, spend = bought_within(history, said.code, as_of_us, shop.horizon_days)
    ranges = said.forecast
    inside = (orders >= ranges.orders_low) & (orders <= ranges.orders_high)
    paid = (spend >= ranges.spend_low - 0.5) & (spend <= ranges.spend_high + 0.5)
    assert 0.87 <= inside.mean() <= 0.96
    assert 0.87 <= paid.mean() <= 0.95
