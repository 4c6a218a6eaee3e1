"""Price elasticities: pooled, by product, and shrunk towards each other, with honest intervals.

Log units on log price, both residualised (`residual`); errors clustered by store and by period
(Cameron, Gelbach, Miller, JBES 29, 2011). Products lend each other strength by empirical Bayes:
Paule and Mandel (1982) for the spread between products, Morris (JASA 78, 1983) for its uncertainty.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.history import Floats, Ints
from shopkeeper.predict.memory import matrix_bytes, require_memory
from shopkeeper.predict.promotion.data import (
    LEAST_CHANGES,
    PriceData,
    require_variation,
    usable_rows,
)
from shopkeeper.predict.promotion.residual import residuals, time_blocks

__all__ = ["Elasticities", "Estimate", "clustered_slopes", "estimate_elasticities", "shrink"]

LIMIT_MB = 4_096
FEW_STORES = 10
BLOCKS = 12
LEAST_LEFT = 0.003
"""Smallest standard deviation of a residualised log price from which anything is said."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number with its uncertainty.

    Parameters
    ----------
    value, se : float
        Estimate and standard error.
    low, high : float
        Ends of the interval.
    """

    value: float
    se: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Elasticities:
    """Price elasticities.

    Parameters
    ----------
    pooled : Estimate
        One elasticity for all products, weighted by how much their prices moved.
    cross : Estimate | None
        Elasticity to the mean price of the other products in the store, where asked for.
    products : tuple[str, ...]
        Names, in the order of the arrays below.
    raw, raw_se : Floats
        Elasticity of each product on its own; NaN where its price hardly changed.
    value, low, high : Floats
        Shrunk towards the others; products whose price hardly changed get the mean of the others
        with an interval that is as wide as products differ.
    changes : Ints
        Price changes of each product.
    spread : float
        Standard deviation between products.
    rows : int
        Rows used.
    level : float
        Share the intervals are made to hold.
    """

    pooled: Estimate
    cross: Estimate | None
    products: tuple[str, ...]
    raw: Floats
    raw_se: Floats
    value: Floats
    low: Floats
    high: Floats
    changes: Ints
    spread: float
    rows: int
    level: float


def estimate_elasticities(
    data: PriceData, *, cross: bool = False, memory: bool = True, level: float = 0.95,
    seed: int = 0, limit_mb: int = LIMIT_MB,
) -> Elasticities:  # fmt: skip
    """Estimate how units follow the price.

    Parameters
    ----------
    data : PriceData
        Rows of sales; those without sales are left out.
    cross : bool
        Whether the mean price of other products in the store is a second treatment.
    memory : bool
        Whether demand and price of the period before are controls.
    level : float
        Share the intervals are made to hold.
    seed : int
        Decides the learners.
    limit_mb : int
        Memory that may be taken.

    Returns
    -------
    Elasticities
        Pooled and by product.

    Raises
    ------
    NotEnoughDataError
        When there are fewer than 40 rows with sales, prices hardly changed, or what changed is
        explained by the calendar and the other columns.
    InputError
        When a price is negative.
    TooLargeError
        When the estimate of memory exceeds the limit.
    """
    width = 6 * (len(data.controls) + 3) + 4
    require_memory(
        "estimating elasticities", matrix_bytes(len(data.product), width, copies=3.0), limit_mb,
        "sum the rows to weeks, or take fewer products", size=len(data.product),
    )  # fmt: skip
    rows = usable_rows(data)
    changes = require_variation(rows)
    treatment = np.log(rows.price)[:, None]
    if cross:
        treatment = np.column_stack([treatment[:, 0], _others(rows)])
    y, d, kept = residuals(rows, treatment, seed=seed, memory=memory)
    rows = rows.take(kept)
    if float(d[:, 0].std()) < LEAST_LEFT:
        raise NotEnoughDataError(
            "the price moved only as the calendar and the other columns did: its own effect "
            f"cannot be told apart; {LEAST_CHANGES} more price changes needed",
            next_step="vary prices between stores or weeks, or leave out columns that set them",
        )
    whole, covariance, freedom = _least_squares(y, d, _clusters(rows, pooled=True))
    quantile = float(stats.t.ppf(0.5 + level / 2.0, freedom))
    own = [_estimate(whole[at], covariance[at, at], quantile) for at in range(d.shape[1])]
    raw, raw_se, degrees = _by_product(rows, y, d, changes)
    value, low, high, spread = shrink(raw, raw_se, degrees, level, own[0])
    return Elasticities(
        own[0], own[1] if cross else None, rows.products, raw, raw_se, value, low, high, changes,
        spread, len(y), level,
    )  # fmt: skip


def clustered_slopes(data: PriceData, y: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Regress residuals on residuals with clustered errors.

    Parameters
    ----------
    data : PriceData
        Rows in order; say which errors may go together.
    y, x : Floats
        Outcome (rows,) and columns (rows, columns), effects taken out.

    Returns
    -------
    tuple[Floats, Floats]
        Slopes and their covariance.
    """
    slope, covariance, _ = _least_squares(y, x, _clusters(data, pooled=True))
    return slope, covariance


def _others(data: PriceData) -> Floats:
    """Mean log price of the other products sold in the same store and period."""
    place = data.store * (int(data.period.max()) + 1) + data.period
    _, code = np.unique(place, return_inverse=True)
    log_price = np.log(data.price)
    count = np.bincount(code)
    total = np.bincount(code, weights=log_price)
    mean = (total[code] - log_price) / np.maximum(count[code] - 1, 1)
    return np.where(count[code] > 1, mean, log_price.mean())


def _clusters(data: PriceData, *, pooled: bool) -> tuple[Ints, ...]:
    """Groups whose errors may go together: stores and periods, or blocks of time where few."""
    if len(np.unique(data.store)) >= FEW_STORES:
        return data.store, data.period
    if pooled and len(np.unique(data.unit)) >= FEW_STORES:
        return data.unit, data.period
    return (data.unit * BLOCKS + time_blocks(data.period, BLOCKS),)


def _least_squares(
    y: Floats, d: Floats, clusters: tuple[Ints, ...]
) -> tuple[Floats, Floats, float]:
    """Slopes, their clustered covariance, and degrees of freedom."""
    bread = np.linalg.inv(d.T @ d + 1e-12 * np.eye(d.shape[1]))
    slope = bread @ (d.T @ y)
    score = d * (y - d @ slope)[:, None]
    parts = [_meat(score, code) for code in clusters]
    meat = np.sum([part for part, _ in parts], axis=0)
    if len(clusters) == 2:
        together = clusters[0] * (int(clusters[1].max()) + 1) + clusters[1]
        two_way = meat - _meat(score, together)[0]
        # The two-way formula may fall below either of its parts; then the larger part is said.
        largest = max((part for part, _ in parts), key=np.trace)
        meat = two_way if np.all(np.diag(two_way) >= np.diag(largest)) else largest
    fewest = min(count for _, count in parts)
    return slope, bread @ meat @ bread, float(max(fewest - 1, 1))


def _meat(score: Floats, code: Ints) -> tuple[Floats, int]:
    _, compact = np.unique(code, return_inverse=True)
    count = int(compact.max()) + 1
    sums = np.zeros((count, score.shape[1]))
    np.add.at(sums, compact, score)
    return sums.T @ sums * (count / max(count - 1, 1)), count


def _estimate(value: float, variance: float, quantile: float) -> Estimate:
    se = float(np.sqrt(max(variance, 0.0)))
    return Estimate(float(value), se, float(value - quantile * se), float(value + quantile * se))


def _by_product(
    data: PriceData, y: Floats, d: Floats, changes: Ints
) -> tuple[Floats, Floats, Floats]:
    size = len(data.products)
    raw, se = np.full(size, np.nan), np.full(size, np.nan)
    degrees = np.ones(size)
    order = np.argsort(data.product, kind="stable")
    ends = np.searchsorted(data.product[order], np.arange(size + 1))
    for at in range(size):
        rows = order[ends[at] : ends[at + 1]]
        enough = changes[at] >= LEAST_CHANGES and len(rows) >= 20
        if not enough or float(d[rows, 0].std()) < LEAST_LEFT:
            continue
        clusters = _clusters(data.take(rows), pooled=False)
        slope, covariance, degrees[at] = _least_squares(y[rows], d[rows], clusters)
        raw[at], se[at] = slope[0], np.sqrt(max(float(covariance[0, 0]), 1e-12))
    return raw, se, degrees


def shrink(
    raw: Floats, se: Floats, degrees: Floats, level: float, pooled: Estimate
) -> tuple[Floats, Floats, Floats, float]:
    """Shrink estimates towards their mean by how noisy they are.

    Parameters
    ----------
    raw, se : Floats
        Estimates and standard errors; NaN where there is none.
    degrees : Floats
        Degrees of freedom of each standard error.
    level : float
        Share the intervals are made to hold.
    pooled : Estimate
        Used alone where fewer than four products have an estimate.

    Returns
    -------
    tuple[Floats, Floats, Floats, float]
        Values, low and high ends, and the standard deviation between products.
    """
    known = np.isfinite(raw)
    count = int(known.sum())
    normal = float(stats.norm.ppf(0.5 + level / 2.0))
    # A standard error from few clusters says less than it seems.
    wide = np.asarray(stats.t.ppf(0.5 + level / 2.0, np.maximum(degrees, 2.0))) / normal
    if count < 4:
        value = np.where(known, raw, pooled.value)
        half = np.where(known, normal * wide * se, max(pooled.high - pooled.value, 0.5))
        return value, value - half, value + half, float("nan")
    theta, variance = raw[known], se[known] ** 2
    between = _between(theta, variance)
    weight = 1.0 / (variance + between)
    mean = float(np.sum(weight * theta) / weight.sum())
    mean_variance = float(1.0 / weight.sum())
    noise = np.where(known, np.nan_to_num(se) ** 2, np.inf)
    finite = np.where(known, noise, 1.0)
    share = np.where(known & (between > 0), finite / (finite + between), 1.0)
    away = np.where(known, np.nan_to_num(raw) - mean, 0.0)
    value = mean + (1.0 - share) * away
    doubt = 2.0 / max(count - 3, 1)
    spread_of = np.where(known, (1.0 - share) * np.where(known, noise, 0.0), between)
    total = spread_of + share**2 * mean_variance + doubt * (share * away) ** 2
    half = normal * np.where(known, wide, 1.0) * np.sqrt(total)
    return value, value - half, value + half, float(np.sqrt(between))


def _between(theta: Floats, variance: Floats) -> float:
    """Variance between products by Paule and Mandel's equation, by bisection."""

    def excess(between: float) -> float:
        weight = 1.0 / (variance + between)
        mean = np.sum(weight * theta) / weight.sum()
        return float(np.sum(weight * (theta - mean) ** 2)) - (len(theta) - 1)

    if excess(0.0) <= 0:
        return 0.0
    low, high = 0.0, float(np.var(theta) * 4 + 1e-9)
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2.0
