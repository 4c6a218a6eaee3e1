"""What a plan changed: contacted-to-be against held-out, from sums that add.

Everybody the plan would have considered is split by the hold-out hash alone, so
the comparison is randomised (intention to treat). Difference of means with
Welch's interval; money is per customer, then scaled to the customers of the plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Literal

import ibis
from scipy import stats

from shopkeeper.core.moments import Moments

SPEND_SAVED = "spend_saved"
Unit = Literal["count", "minor", "ratio"]
LEVEL = 0.95
MIN_ORDERS = 20
"""Fewer orders in either arm say nothing yet."""


@dataclass(frozen=True, slots=True)
class Difference:
    """An estimated difference of means.

    Parameters
    ----------
    estimate, low, high
        Treated minus held-out per customer and its interval.
    p
        Two-sided p-value of no difference.
    n
        Customers in both arms.
    """

    estimate: float
    low: float
    high: float
    p: float
    n: int


def welch(treated: Moments, held_out: Moments, *, level: float = LEVEL) -> Difference | None:
    """Difference of two means with unequal variances (Welch 1947).

    Parameters
    ----------
    treated, held_out
        Sums of the two arms.
    level
        Coverage of the interval.

    Returns
    -------
    Difference or None
        None if an arm has fewer than two customers or nothing varies.

    Examples
    --------
    >>> d = welch(Moments.of([1, 2, 3, 4]), Moments.of([0, 1, 2, 3]))
    >>> d.estimate, round(d.p, 4), (d.p < 0.05) == (d.low > 0 or d.high < 0)
    (1.0, 0.3153, True)
    """
    if treated.n < 2 or held_out.n < 2:
        return None
    a, b = treated.variance / treated.n, held_out.variance / held_out.n
    if a + b == 0:
        return None
    freedom = (a + b) ** 2 / (a**2 / (treated.n - 1) + b**2 / (held_out.n - 1))
    estimate = treated.mean - held_out.mean
    error = sqrt(a + b)
    reach = float(stats.t.ppf(0.5 + level / 2, freedom)) * error
    p = float(2 * stats.t.sf(abs(estimate) / error, freedom))
    return Difference(estimate, estimate - reach, estimate + reach, p, treated.n + held_out.n)


def more_needed(treated: Moments, held_out: Moments, effect: float) -> int:
    """Customers still needed to see an effect with power 0.8 at 5 %, given the split.

    Parameters
    ----------
    treated, held_out
        Sums so far.
    effect
        Difference per customer that would matter.
    """
    if effect == 0 or not (treated.n and held_out.n):
        return 0
    share = held_out.n / (treated.n + held_out.n)
    spread = treated.variance / (1 - share) + held_out.variance / share
    return max(ceil((1.96 + 0.8416) ** 2 * spread / effect**2) - treated.n - held_out.n, 0)


def arm_sums(
    decisions: ibis.Table, purchases: ibis.Table, plan_id: str, start_us: int, end_us: int
) -> ibis.Table:
    """Sums of orders and spend by arm over a plan's response window.

    Parameters
    ----------
    decisions
        DECISIONS.
    purchases
        PURCHASES.
    plan_id
        Which plan.
    start_us, end_us
        Half-open window in microseconds.

    Returns
    -------
    ibis.Table
        holdout, n, orders, orders_squares, spend, spend_squares. Customers
        without a consent or an address are in neither arm: nothing could have
        been sent to them whatever the coin said.
    """
    mine = decisions.filter(
        (decisions.plan_id == plan_id) & ~decisions.reason.isin(["no_consent", "no_address"])
    ).select("customer_id", "holdout", "constraints")
    # Held-out customers are only comparable if somebody could have written to them.
    open_pattern = '%"consent":true,"address":true%'
    mine = mine.filter(mine.constraints.like(open_pattern))
    inside = purchases.filter(
        (purchases.ts_us >= ibis.literal(start_us).cast("int64"))
        & (purchases.ts_us < ibis.literal(end_us).cast("int64"))
    )
    bought = inside.group_by("customer_id").aggregate(
        orders=(inside.kind == "sale").sum().cast("float64"),
        spend=inside.amount_minor.sum().cast("float64"),
    )
    both = mine.left_join(bought, "customer_id")
    zero = ibis.literal(0).cast("float64")
    rows = both.select(
        "holdout", orders=both.orders.fill_null(zero), spend=both.spend.fill_null(zero)
    )
    return rows.group_by("holdout").aggregate(
        n=rows.count().cast("int64"),
        orders=rows.orders.sum(),
        orders_squares=(rows.orders * rows.orders).sum(),
        spend=rows.spend.sum(),
        spend_squares=(rows.spend * rows.spend).sum(),
    )


def avoided(decisions: ibis.Table, plan_id: str) -> ibis.Table:
    """Sums of the losses a plan avoided by leaving out whom no option would pay for.

    Parameters
    ----------
    decisions
        DECISIONS.
    plan_id
        Which plan.

    Returns
    -------
    ibis.Table
        n, sum, sum_squares of minus the value of the best option of every
        customer left out for ``no_gain``, as the ledger holds it.
    """
    mine = decisions.filter((decisions.plan_id == plan_id) & (decisions.reason == "no_gain"))
    first = mine.candidates.re_extract(r'"value":(-?\d+)', 1)
    mine = mine.mutate(first=first)
    mine = mine.filter(mine["first"] != "")
    loss = -mine["first"].cast("float64")
    return mine.aggregate(
        n=mine.count().cast("int64"), sum=loss.sum(), sum_squares=(loss * loss).sum()
    )
