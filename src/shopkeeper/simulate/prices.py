"""Shops whose price elasticities are known, with prices that follow demand as real ones do.

Log units = shelf + season + event + elasticity × log price + promotion + shock. The shop cuts prices
after bad weeks and raises them for events and in season, so that a plain regression of units on
prices is biased; what moves prices besides is chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["PricedShop", "simulate_prices"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PricedShop:
    """Sales of a simulated chain; arrays have one entry a product, store and week.

    Parameters
    ----------
    elasticity : Floats
        True elasticity of each product.
    promotion_effect : float
        True change of log units by a promotion, besides its price.
    product, store, week : Ints
        Where and when.
    units : Floats
        Units sold.
    price : Floats
        Price paid.
    promotion : Floats
        One in promoted weeks.
    event : Floats
        Local events: raise demand and price; observed.
    """

    elasticity: Floats
    promotion_effect: float
    product: Ints
    store: Ints
    week: Ints
    units: Floats
    price: Floats
    promotion: Floats
    event: Floats


def simulate_prices(
    *, seed: int, products: int = 8, stores: int = 15, weeks: int = 80, elasticity: float = -2.5,
    spread: float = 0.5, endogeneity: float = 1.0, promotion_effect: float = 0.3,
) -> PricedShop:  # fmt: skip
    """Simulate sales and prices.

    Parameters
    ----------
    seed : int
        Decides everything random.
    products, stores, weeks : int
        Size.
    elasticity, spread : float
        Mean and standard deviation of the products' elasticities.
    endogeneity : float
        How strongly prices follow demand; zero for prices set by chance.
    promotion_effect : float
        What a promotion adds to log units besides its price.

    Returns
    -------
    PricedShop
        Rows in order of product, store, week.
    """
    random = np.random.default_rng(seed)
    shape = (products, stores, weeks)
    theta = elasticity + spread * random.standard_normal(products)
    week = np.arange(weeks)
    season = 0.3 * np.sin(2 * np.pi * week / 52.0 + random.uniform(0, 2 * np.pi))
    event = random.gamma(0.6, 1.0, (stores, weeks))[None].repeat(products, axis=0)
    bent = 0.25 * np.log1p(event) + 0.1 * (event > 1.5)
    shelf = random.normal(4.0, 0.6, (products, stores, 1))
    shock = np.empty(shape)
    price = np.empty(shape)
    promotion = (random.random(shape) < 0.12).astype(np.float64)
    shock[:, :, 0] = random.normal(0, 0.3, shape[:2])
    for t in range(1, weeks):
        shock[:, :, t] = 0.4 * shock[:, :, t - 1] + random.normal(0, 0.27, shape[:2])
    before = np.concatenate([np.zeros((*shape[:2], 1)), shock[:, :, :-1]], axis=2)
    wish = 0.15 * bent * 2.0 + 0.2 * season + 0.12 * before
    list_price = random.uniform(0.5, 2.0, (products, stores, 1))
    price = np.log(list_price) + endogeneity * wish - 0.15 * promotion
    price = price + random.normal(0, 0.07, shape)
    log_units = shelf + season + bent + theta[:, None, None] * price + shock
    log_units = log_units + promotion_effect * promotion
    at = np.indices(shape).reshape(3, -1)
    return PricedShop(
        theta, promotion_effect, at[0], at[1], at[2], np.exp(log_units).ravel(),
        np.exp(price).ravel(), promotion.ravel(), event.ravel(),
    )  # fmt: skip
