"""What promotions brought: uplift, sales pulled forward, sales taken from others, and the net.

Event-study regression on log units (fixed effects of product-store and of period): the promoted
period, the three after it, and the share of other products promoted in the store; errors clustered.
Promotions were not drawn by lot: the figures hold as far as effects and periods explain when they
were run. Blattberg, Briesch, Fox, Marketing Science 14 (1995) list the parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.history import Bools, Floats
from shopkeeper.predict.promotion.data import PriceData, usable_rows
from shopkeeper.predict.promotion.elasticity import clustered_slopes
from shopkeeper.predict.promotion.residual import demean

__all__ = ["PromotionEffect", "promotion_effect"]

AFTER = 3
DRAWS = 1_000
LEAST_PROMOTED = 20
LEAST_STORES = 5


@dataclass(frozen=True, slots=True)
class PromotionEffect:
    """Effect of one promoted product-period, mean over all of them.

    Parameters
    ----------
    promoted : int
        Promoted product-store-periods it rests on.
    baseline : float
        Units that would have been sold, mean of the promoted periods.
    uplift : float
        Units sold more in the promoted period.
    pulled_forward : float
        Units sold less (negative) or more in the periods after.
    cannibalised : float | None
        Units other products sold less (negative) or more; None with fewer than five stores: there
        it cannot be told from what the period does.
    net : float
        Sum of those that are known.
    net_low, net_high : float
        Interval of the net.
    margin : float | None
        Net change of margin; None without costs.
    margin_low, margin_high : float | None
        Its interval.
    level : float
        Share the intervals are made to hold.
    """

    promoted: int
    baseline: float
    uplift: float
    pulled_forward: float
    cannibalised: float | None
    net: float
    net_low: float
    net_high: float
    margin: float | None
    margin_low: float | None
    margin_high: float | None
    level: float


def promotion_effect(
    data: PriceData, *, cost: Floats | None = None, level: float = 0.95, seed: int = 0
) -> PromotionEffect:
    """Estimate what promotions of a set of products brought.

    Parameters
    ----------
    data : PriceData
        Rows with `promotion`; a row counts as promoted from one half on.
    cost : Floats | None
        Cost of one unit by product, shape (products,); NaN where unknown.
    level : float
        Share the intervals are made to hold.
    seed : int
        Decides the draws behind the intervals.

    Returns
    -------
    PromotionEffect
        Mean over promoted product-store-periods.

    Raises
    ------
    NotEnoughDataError
        When promotions are unknown, fewer than twenty, or always on.
    """
    if data.promotion is None:
        raise NotEnoughDataError(
            "nothing says when products were promoted", next_step="give a column of promotions"
        )
    rows = usable_rows(data)
    assert rows.promotion is not None
    promoted = rows.promotion >= 0.5
    count = int(promoted.sum())
    if min(count, len(promoted) - count) < LEAST_PROMOTED:
        side = "promoted" if count < LEAST_PROMOTED else "unpromoted"
        found = min(count, len(promoted) - count)
        raise NotEnoughDataError(
            f"{found} {side} product-periods are too few: {LEAST_PROMOTED - found} more needed",
            next_step="wait for more of them, or take more products and stores together",
            needed=LEAST_PROMOTED,
            found=found,
        )
    x = np.column_stack([promoted.astype(np.float64), _after(rows, promoted.astype(np.float64)),
                         _elsewhere(rows, promoted.astype(np.float64))])  # fmt: skip
    made = demean(np.column_stack([np.log(rows.units), x]), (rows.unit, rows.period))
    usable = made[:, 1:].std(axis=0) > 1e-9
    told = len(np.unique(rows.store)) >= LEAST_STORES
    usable[-1] &= told
    slope, covariance = np.zeros(x.shape[1]), np.zeros((x.shape[1], x.shape[1]))
    found_slope, found_covariance = clustered_slopes(rows, made[:, 0], made[:, 1:][:, usable])
    slope[usable] = found_slope
    covariance[np.ix_(usable, usable)] = found_covariance
    draws = np.random.default_rng(seed).multivariate_normal(
        slope, covariance, DRAWS, check_valid="ignore"
    )
    parts = _parts(rows, promoted, np.vstack([slope, draws]))
    net = parts["net"]
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(net[1:], tails)
    margin = _margin(rows, promoted, parts, cost)
    ends = (None, None) if margin is None else tuple(np.quantile(margin[1:], tails))
    return PromotionEffect(
        count, float(parts["base"][0]), float(parts["uplift"][0]), float(parts["after"][0]),
        float(parts["others"][0]) if told else None, float(net[0]), float(low), float(high),
        None if margin is None else float(margin[0]),
        None if ends[0] is None else float(ends[0]), None if ends[1] is None else float(ends[1]),
        level,
    )  # fmt: skip


def _after(data: PriceData, promoted: Floats) -> Floats:
    """Whether a promotion ended one, two, three periods before; zero while promoted."""
    unit, period = data.unit, data.period
    columns = np.zeros((len(promoted), AFTER))
    for back in range(1, AFTER + 1):
        same = np.zeros(len(promoted), dtype=bool)
        same[back:] = (unit[back:] == unit[:-back]) & (period[back:] - period[:-back] == back)
        columns[back:, back - 1] = np.where(same[back:], promoted[:-back], 0.0)
    return columns * (1.0 - promoted)[:, None]


def _elsewhere(data: PriceData, promoted: Floats) -> Floats:
    """Share of the other products of the store that are promoted in the period."""
    place = data.store * (int(data.period.max()) + 1) + data.period
    _, code = np.unique(place, return_inverse=True)
    count = np.bincount(code)[code]
    total = np.bincount(code, weights=promoted)[code]
    return (total - promoted) / np.maximum(count - 1, 1)


def _parts(data: PriceData, promoted: Bools, slopes: Floats) -> dict[str, Floats]:
    """Units by part, one number a draw."""
    units = data.units[promoted]
    base = np.mean(units) / np.exp(slopes[:, 0])
    uplift = base * np.expm1(slopes[:, 0])
    after = base * np.expm1(slopes[:, 1 : 1 + AFTER]).sum(axis=1)
    rivals, weight = _rivals(data, promoted)
    # One promoted product moves the share by one over the number of its rivals.
    others = weight * np.expm1(slopes[:, 1 + AFTER] / max(rivals, 1.0)) if rivals > 0 else 0 * base
    return {"base": base, "uplift": uplift, "after": after, "others": others,
            "net": uplift + after + others}  # fmt: skip


def _rivals(data: PriceData, promoted: Bools) -> tuple[float, float]:
    """Mean number of other products beside a promoted one, and the units they sell together."""
    place = data.store * (int(data.period.max()) + 1) + data.period
    _, code = np.unique(place, return_inverse=True)
    count = np.bincount(code)[code] - 1
    sold = np.bincount(code, weights=data.units)[code] - data.units
    return float(count[promoted].mean()), float(sold[promoted].mean())


def _margin(
    data: PriceData, promoted: Bools, parts: dict[str, Floats], cost: Floats | None
) -> Floats | None:
    """Net margin of a promoted period, one number a draw."""
    if cost is None:
        return None
    each = cost[data.product]
    known = np.isfinite(each)
    if known[promoted].mean() < 0.8:
        return None
    regular = ~promoted & known
    if not regular.any():
        return None
    during, off = promoted & known, regular
    gain = float(np.average((data.price - each)[during], weights=data.units[during]))
    usual = float(np.average((data.price - each)[off], weights=data.units[off]))
    sold = parts["base"] + parts["uplift"]
    answer: Floats = sold * gain - parts["base"] * usual
    return answer + (parts["after"] + parts["others"]) * usual
