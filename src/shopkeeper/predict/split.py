"""Past moments to learn from, and folds of customers, without touching what comes after.

A model that looks `horizon_days` ahead learns from earlier moments (cut-offs) whose truth is known
by now. Where the history is shorter than two horizons, cut-offs with a shorter horizon stand in:
their features carry their own horizon.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.history import DAY_US, Ints

LEAST_HISTORY_DAYS = 14
"""A cut-off needs at least this much history before it and truth after it."""

FULL_OFFSETS = (1.0, 1.5, 2.0, 2.5)
"""Cut-offs before the present, in horizons, where the history is long enough."""

PARTIAL_OFFSETS = (0.667, 0.565, 0.46)
"""Cut-offs before the present, as shares of a short history: near enough to the horizon asked for,
with enough history before them."""


@dataclass(frozen=True, slots=True)
class Cutoff:
    """A past moment and the horizon whose truth is known.

    Parameters
    ----------
    as_of_us : int
        The moment, microseconds UTC; features see what is before it.
    horizon_days : float
        The truth is what happened in [as_of, as_of + horizon).
    """

    as_of_us: int
    horizon_days: float

    @property
    def end_us(self) -> int:
        """End of the truth, microseconds UTC; not part of it."""
        return self.as_of_us + round(self.horizon_days * DAY_US)


def plan_cutoffs(first_us: int, as_of_us: int, horizon_days: float) -> tuple[Cutoff, ...]:
    """Choose the past cut-offs to learn from; no truth lies at or after `as_of_us`.

    Parameters
    ----------
    first_us : int
        Moment of the first order, microseconds UTC.
    as_of_us : int
        The present; also the end of the last truth window.
    horizon_days : float
        Horizon of the forecast, in days.

    Returns
    -------
    tuple[Cutoff, ...]
        At most four, earliest first.

    Raises
    ------
    NotEnoughDataError
        When the history is shorter than four weeks.

    Examples
    --------
    >>> [c.horizon_days for c in plan_cutoffs(0, 400 * DAY_US, 90)]
    [90, 90, 90, 90]
    >>> [round(c.horizon_days) for c in plan_cutoffs(0, 273 * DAY_US, 273)]
    [182, 154, 126]
    """
    span = (as_of_us - first_us) / DAY_US
    if span < 2 * LEAST_HISTORY_DAYS:
        raise NotEnoughDataError(
            f"the orders span {max(span, 0):.0f} days before the moment of the forecast, and at "
            f"least {2 * LEAST_HISTORY_DAYS} are needed to learn from",
            next_step="load a longer history",
            needed_days=2 * LEAST_HISTORY_DAYS,
            found_days=max(span, 0.0),
        )
    if is_full(first_us, as_of_us, horizon_days):
        least = max(0.75 * horizon_days, LEAST_HISTORY_DAYS)
        offsets = [step * horizon_days for step in FULL_OFFSETS]
        offsets = [offset for offset in offsets if span - offset >= least]
        plan = [Cutoff(as_of_us - int(offset * DAY_US), horizon_days) for offset in offsets]
    else:
        shares = [min(float(round(share * span)), horizon_days) for share in PARTIAL_OFFSETS]
        offsets = [days for days in dict.fromkeys(shares) if days >= LEAST_HISTORY_DAYS / 2]
        plan = [Cutoff(as_of_us - int(days * DAY_US), days) for days in offsets]
    return tuple(sorted(plan, key=lambda cutoff: cutoff.as_of_us))


def is_full(first_us: int, as_of_us: int, horizon_days: float) -> bool:
    """Tell whether the history allows cut-offs with the whole horizon behind them.

    Parameters
    ----------
    first_us : int
        Moment of the first order.
    as_of_us : int
        The present.
    horizon_days : float
        Horizon in days.

    Returns
    -------
    bool
        Whether the history is at least 1.75 horizons long.
    """
    return (as_of_us - first_us) / DAY_US >= 1.75 * horizon_days


def customer_folds(code: Ints, folds: int, seed: int) -> Ints:
    """Assign customers to folds: one customer is always in one fold, whatever the row order.

    Parameters
    ----------
    code : Ints
        Customer codes, repeats allowed.
    folds : int
        Number of folds.
    seed : int
        Decides the assignment.

    Returns
    -------
    Ints
        Fold of each row, in [0, folds).
    """
    # splitmix64: neighbouring codes land in unrelated folds
    mixed = code.astype(np.uint64) + np.uint64((seed * 0x9E3779B97F4A7C15 + 1) & (2**64 - 1))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed % np.uint64(folds)).astype(np.int64)
