"""What each customer will do in a horizon: purchases, spend, and the chance to be there at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopkeeper.predict.history import Floats
from shopkeeper.predict.value.gamma_gamma import GammaGamma
from shopkeeper.predict.value.intervals import narrower_range, tabulate
from shopkeeper.predict.value.process import PurchaseProcess
from shopkeeper.predict.value.summary import DAYS_IN, Grouped, Summary, group

LEVEL = 0.9
"""Probability that a stated range holds at least."""


CLAIMS = (0.7, 0.75, 0.8, 0.84, 0.87, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995)
"""Levels tried when ranges are fitted to what held in the past. Counts jump: a range that claims .8
may hold .9, and real customers stray more than a process allows."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Answers for one horizon; every array has one entry a customer, in the summary's order.

    Parameters
    ----------
    p_alive : Floats
        Probability that the customer has not left.
    p_buy : Floats
        Probability of at least one purchase.
    orders, orders_low, orders_high : Floats
        Expected purchases and the ends of a range with at least 90 % probability.
    spend_minor, spend_low, spend_high : Floats
        Expected spend in minor units and its range; NaN where no amounts were modelled.
    """

    p_alive: Floats
    p_buy: Floats
    orders: Floats
    orders_low: Floats
    orders_high: Floats
    spend_minor: Floats
    spend_low: Floats
    spend_high: Floats


def forecast(
    process: PurchaseProcess,
    amounts: GammaGamma | None,
    summary: Summary,
    horizon_days: float,
    level: tuple[float, float] = (LEVEL, LEVEL),
    *,
    ranges: bool = True,
) -> Forecast:
    """Forecast every customer of a summary.

    Ranges leave out the uncertainty of the parameters themselves, which for some hundreds of
    customers or more is small beside the chance in one customer's behaviour.

    Parameters
    ----------
    process : PurchaseProcess
        Process fitted on a summary of the same unit.
    amounts : GammaGamma | None
        Fitted amounts, or None where only purchases are wanted.
    summary : Summary
        Customers at the moment of the forecast.
    horizon_days : float
        Length of the horizon in days.
    level : tuple[float, float]
        Probability that the ranges of purchases and of spend hold at least, by the model.
    ranges : bool
        Whether to work out ranges, which is most of the work; without, their ends are NaN.

    Returns
    -------
    Forecast
        One entry a customer.
    """
    horizon = horizon_days / DAYS_IN[summary.unit]
    rows = group(summary.frequency, summary.recency, summary.age)
    alive = process.p_alive(rows.x, rows.t_x, rows.age)
    pairs, pair = _pairs(rows)
    x, age = pairs
    tails = process.tail_if_alive(np.ones_like(x), x, age, horizon)
    orders = alive * process.expected_if_alive(x, age, horizon)[pair]
    at = rows.inverse
    nothing = np.full(len(at), np.nan)
    orders_range, spend_range = (nothing, nothing), (nothing, nothing)
    counts, sums = tabulate(process, x, age, horizon, amounts) if ranges else (None, None)
    if counts is not None:
        low, high = narrower_range(counts, pair, alive, level[0])
        orders_range = low[at], high[at]
    spend = nothing
    if amounts is not None:
        frequency = np.where(summary.monetary_minor > 0, summary.frequency, 0).astype(np.float64)
        spend = orders[at] * amounts.expected_minor(frequency, summary.monetary_minor)
        if sums is not None:
            low, high = narrower_range(sums, pair, alive, level[1])
            scale = amounts.gamma + frequency * summary.monetary_minor
            spend_range = low[at] * scale, high[at] * scale
    return Forecast(
        p_alive=alive[at],
        p_buy=(alive * tails[pair])[at],
        orders=orders[at],
        orders_low=orders_range[0],
        orders_high=orders_range[1],
        spend_minor=spend,
        spend_low=spend_range[0],
        spend_high=spend_range[1],
    )


def levels_that_held(
    process: PurchaseProcess,
    amounts: GammaGamma,
    summary: Summary,
    horizon_days: float,
    followed: tuple[Floats, Floats],
) -> tuple[float, float]:
    """Find the levels the model must claim for its ranges to have held nine in ten of the past.

    Split conformal prediction on nested sets (Gupta, Kuchibhotla and Ramdas 2022, "Nested Conformal
    Prediction and Quantile Out-of-Bag Ensemble Methods", Pattern Recognition 127): the sets are the
    process's own ranges by level, the calibration customers those of a past moment whose truth is
    known. Coverage is over customers, not for each of them.

    Parameters
    ----------
    process : PurchaseProcess
        Process fitted before that moment.
    amounts : GammaGamma
        Amounts fitted before that moment.
    summary : Summary
        Customers at that moment.
    horizon_days : float
        Length of the horizon whose truth is known, in days.
    followed : tuple[Floats, Floats]
        Purchases and spend in minor units that followed, per customer.

    Returns
    -------
    tuple[float, float]
        Levels for purchases and for spend, each one of `CLAIMS`.
    """
    horizon = horizon_days / DAYS_IN[summary.unit]
    rows = group(summary.frequency, summary.recency, summary.age)
    alive = process.p_alive(rows.x, rows.t_x, rows.age)
    (x, age), pair = _pairs(rows)
    counts, sums = tabulate(process, x, age, horizon, amounts)
    frequency = np.where(summary.monetary_minor > 0, summary.frequency, 0).astype(np.float64)
    scale = amounts.gamma + frequency * summary.monetary_minor
    orders, spend = followed
    found = []
    for table, value, unit, slack in (
        (counts, orders, np.ones_like(scale), 0.0),
        (sums, spend, scale, 0.5),
    ):
        assert table is not None
        # the finite-sample correction of split conformal prediction
        needed = min(np.ceil((len(value) + 1) * LEVEL) / max(len(value), 1), 1.0)
        chosen = CLAIMS[-1]
        for claim in CLAIMS:
            low, high = narrower_range(table, pair, alive, claim)
            inside = value >= low[rows.inverse] * unit - slack
            inside &= value <= high[rows.inverse] * unit + slack
            if float(inside.mean()) >= needed:
                chosen = claim
                break
        found.append(chosen)
    return found[0], found[1]


def _pairs(
    rows: Grouped,
) -> tuple[tuple[Floats, Floats], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Return the distinct (x, age) of groups and the pair of each group."""
    pairs = group(rows.x, np.zeros_like(rows.x), rows.age)
    return (pairs.x, pairs.age), pairs.inverse
