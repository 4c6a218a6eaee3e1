"""Shops whose elasticities are known; prices that never change; curves that end where prices did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from shopkeeper.core.errors import InputError, NotEnoughDataError, SourceError, TooLargeError
from shopkeeper.predict.promotion.curve import response_curve
from shopkeeper.predict.promotion.data import PriceData, price_changes, usable_rows
from shopkeeper.predict.promotion.effect import promotion_effect
from shopkeeper.predict.promotion.elasticity import Estimate, estimate_elasticities, shrink
from shopkeeper.predict.promotion.train import PriceResponseModel, PriceSales
from shopkeeper.simulate.prices import PricedShop, simulate_prices


def data_of(shop: PricedShop) -> PriceData:
    names = tuple(f"p{at}" for at in range(len(shop.elasticity)))
    return PriceData(
        names, shop.product, shop.store, shop.week, shop.units, shop.price, shop.promotion,
        {"event": shop.event},
    )  # fmt: skip


@pytest.fixture(scope="module")
def shop() -> PricedShop:
    return simulate_prices(seed=4)


def test_it_recovers_elasticities_though_prices_follow_demand(shop: PricedShop):
    said = estimate_elasticities(data_of(shop))
    # Errors of about 0.1 a product; 8 intervals of 95 % hold at least six.
    assert np.abs(said.value - shop.elasticity).max() < 0.45
    assert ((said.low <= shop.elasticity) & (shop.elasticity <= said.high)).sum() >= 6
    assert said.spread == pytest.approx(np.std(shop.elasticity), abs=0.25)
    assert said.pooled.low < shop.elasticity.mean() + 0.2
    assert said.pooled.high > shop.elasticity.mean() - 0.2


def test_the_plain_regression_is_misled_where_ours_is_not():
    ours, plain = [], []
    for seed in range(6):
        made = simulate_prices(
            seed=seed, spread=0.0, products=4, stores=12, weeks=60, endogeneity=2.0
        )
        ours.append(estimate_elasticities(data_of(made)).pooled.value)
        alone = replace(data_of(made), controls={}, promotion=None)
        plain.append(estimate_elasticities(alone, memory=False).pooled.value)
    assert abs(np.mean(ours) + 2.5) < 0.125
    assert abs(np.mean(plain) + 2.5) > 0.4


def test_row_order_is_irrelevant(shop: PricedShop):
    data = data_of(shop)
    order = np.random.default_rng(0).permutation(len(data.units))
    first, second = estimate_elasticities(data), estimate_elasticities(data.take(order))
    np.testing.assert_allclose(first.value, second.value, rtol=1e-9)


def test_cross_prices_have_their_own_slope():
    random = np.random.default_rng(3)
    product, store, week = (x.ravel() for x in np.indices((2, 15, 60)))
    price = 0.2 * random.standard_normal((2, 15, 60))
    units = np.exp(5 - 2.0 * price + 0.8 * price[::-1] + 0.1 * random.standard_normal(price.shape))
    data = PriceData(("a", "b"), product, store, week, units.ravel(), np.exp(price).ravel())
    said = estimate_elasticities(data, cross=True)
    assert said.cross is not None
    assert (said.pooled.value, said.cross.value) == pytest.approx((-2.0, 0.8), abs=0.06)


def test_shrinking_moves_the_noisy_most():
    raw, se = np.array([-2.0, -2.2, -1.8, -4.0, np.nan]), np.array([0.1, 0.1, 0.1, 1.5, np.nan])
    pooled = Estimate(-2.0, 0.1, -2.2, -1.8)
    value, low, high, spread = shrink(raw, se, np.full(5, 200.0), 0.95, pooled)
    assert value[:3] == pytest.approx(raw[:3], abs=0.1)
    assert -2.6 < value[3] < -1.9
    assert np.isfinite(value[4])
    assert high[4] - low[4] > 0
    assert 0 <= spread < 0.6
    few = shrink(raw[:2], se[:2], np.full(2, 50.0), 0.95, pooled)
    assert few[0].tolist() == raw[:2].tolist()


def test_promotions_bring_what_was_planted():
    made = simulate_prices(seed=9, spread=0.0, endogeneity=0.0)
    found = promotion_effect(data_of(made), cost=np.full(8, 0.1))
    # 0.3 besides the price, and 15 % off at an elasticity of -2.5.
    assert found.uplift / found.baseline == pytest.approx(np.expm1(0.3 + 0.15 * 2.5), rel=0.1)
    assert abs(found.pulled_forward) < 0.1 * found.baseline
    assert found.net_low < found.net < found.net_high
    assert found.margin is not None
    assert found.margin_low < found.margin < found.margin_high


def test_stocking_up_is_seen_after_the_promotion(shop: PricedShop):
    random = np.random.default_rng(1)
    product, store, week = (x.ravel() for x in np.indices((3, 12, 60)))
    promoted = random.random((3, 12, 60)) < 0.1
    after = np.zeros_like(promoted)
    after[:, :, 1:] = promoted[:, :, :-1] & ~promoted[:, :, 1:]
    log_units = 4 + 0.7 * promoted - 0.5 * after + 0.1 * random.standard_normal(promoted.shape)
    data = PriceData(
        ("a", "b", "c"), product, store, week, np.exp(log_units).ravel(), np.ones(len(week)),
        promoted.ravel().astype(float),
    )  # fmt: skip
    found = promotion_effect(data)
    assert found.pulled_forward / found.baseline == pytest.approx(np.expm1(-0.5), abs=0.06)
    assert found.margin is None
    single = promotion_effect(data.take(store < 3))
    assert single.cannibalised is None


def test_the_curve_ends_where_prices_did():
    curve = response_curve(
        np.linspace(8, 12, 50), np.full(50, 100.0), Estimate(-2.0, 0.2, -2.4, -1.6), cost=5.0
    )
    told = curve.at(np.array([curve.price_now, 9.0]))
    assert told["units"][0] == pytest.approx(100.0)
    assert told["margin"][1] == pytest.approx(told["units"][1] * 4.0)
    assert told["units_low"][1] < told["units"][1] < told["units_high"][1]
    assert len(curve.grid()) == 15
    with pytest.raises(InputError, match=r"a price of 20 was never seen: prices were between 8"):
        curve.at(np.array([9.0, 20.0]))
    with pytest.raises(InputError, match="no period with a price"):
        response_curve(np.array([np.nan]), np.array([1.0]), Estimate(-1, 0.1, -1.2, -0.8))


def flat(price: np.ndarray, units: np.ndarray | None = None) -> PriceData:
    size = len(price)
    zero = np.zeros(size, dtype=np.int64)
    sold = np.full(size, 5.0) if units is None else units
    return PriceData(("a",), zero, zero, np.arange(size), sold, price)


def test_what_cannot_be_said_is_refused():
    with pytest.raises(NotEnoughDataError, match="the price never changed: 10 more price changes"):
        estimate_elasticities(flat(np.full(100, 3.0)))
    once = np.where(np.arange(100) < 50, 3.0, 4.0)
    with pytest.raises(NotEnoughDataError, match="changed 1 times: 9 more price changes needed"):
        estimate_elasticities(flat(once))
    with pytest.raises(NotEnoughDataError, match="needs 40 rows with sales and a price, found 10"):
        estimate_elasticities(flat(np.arange(1.0, 11.0)))
    with pytest.raises(NotEnoughDataError, match="every number of units is zero"):
        estimate_elasticities(flat(np.arange(1.0, 101.0), np.zeros(100)))
    with pytest.raises(InputError, match="row 3: the price -1 is negative"):
        estimate_elasticities(flat(np.where(np.arange(100) == 2, -1.0, 2.0)))
    with pytest.raises(InputError, match="differ in length"):
        usable_rows(replace(flat(np.ones(50)), units=np.ones(4)))
    with pytest.raises(TooLargeError, match="estimating elasticities needs about"):
        estimate_elasticities(flat(np.ones(100_000)), limit_mb=1)
    random = np.random.default_rng(0)
    together = np.tile(np.exp(0.1 * random.standard_normal(60)), 2)
    zero = np.zeros(120, dtype=np.int64)
    calendar = PriceData(
        ("a", "b"), np.repeat([0, 1], 60), zero, np.tile(np.arange(60), 2),
        random.uniform(1, 9, 120), together,
    )  # fmt: skip
    with pytest.raises(NotEnoughDataError, match="moved only as the calendar"):
        estimate_elasticities(calendar)
    with pytest.raises(NotEnoughDataError, match="nothing says when products were promoted"):
        promotion_effect(calendar)
    seldom = replace(calendar, promotion=(np.arange(120) < 3).astype(float))
    with pytest.raises(NotEnoughDataError, match="3 promoted product-periods are too few: 17 more"):
        promotion_effect(seldom)


def test_changes_are_counted_within_a_shelf():
    data = replace(
        flat(np.array([1.0, 1.0, 2.0, 2.0, 2.0, 1.0])), store=np.array([0, 0, 0, 1, 1, 1])
    )
    assert price_changes(data).tolist() == [2]


@pytest.fixture(scope="module")
def sales() -> PriceSales:
    made = simulate_prices(seed=2, products=12, stores=1, weeks=70, spread=0.0, endogeneity=0.0)
    paid = made.units * made.price * 100
    table = pa.table({
        "category": np.where(made.product < 6, "tea", "coffee"),
        "product_id": np.char.add("p", made.product.astype(str)), "week": made.week,
        "units": made.units, "amount_minor": paid, "discount_minor": made.promotion * paid * 0.2,
    })  # fmt: skip
    rare = table.slice(0, 15).set_column(0, "category", pa.array(["rare"] * 15))
    return PriceSales(pa.concat_tables([table, rare]), {})


def test_categories_get_an_elasticity_or_a_reason(sales: PriceSales, tmp_path):
    model = PriceResponseModel().fit(sales)
    coffee, rare, tea = model.learned
    for one in (coffee, tea):
        assert one.estimate is not None
        # The promotion is part of what a price brings here: steeper than -2.5 alone.
        assert -4.5 < one.estimate.value < -2.0
        assert "fewer units" in one.why_en
        assert "下降" in one.why_zh
    assert rare.estimate is None
    assert "5 more weeks with sales needed" in rare.why_en
    assert "还差 5" in rare.why_zh
    now = np.array([tea.response["price_now_minor"]])
    assert model.predict("tea", now)["units"][0] == pytest.approx(tea.response["units_now"])
    model.save(tmp_path)
    assert PriceResponseModel.load(tmp_path).learned == model.learned
    with pytest.raises(InputError, match="was never seen"):
        model.predict("tea", now * 9)
    with pytest.raises(NotEnoughDataError, match="nothing can be said of prices of 'rare'"):
        model.predict("rare", now)
    with pytest.raises(SourceError, match="no model of price response"):
        PriceResponseModel.load(tmp_path / "nowhere")
    with pytest.raises(NotEnoughDataError, match="no sales with a category"):
        PriceResponseModel().fit(PriceSales(sales.table.slice(0, 0), {}))
