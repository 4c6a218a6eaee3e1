"""Ranges for the purchases and the spend of a horizon, from the predictive distribution itself.

Given that a customer is alive, both distributions depend on (x, T) only, so they are tabulated
once per distinct pair; the chance of having left mixes in a spike at zero per customer. No
simulation, hence no seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc

from shopkeeper.predict.history import Floats, Ints
from shopkeeper.predict.value.gamma_gamma import GammaGamma
from shopkeeper.predict.value.process import PurchaseProcess

CLASSES = (8, 16, 32)
"""Counts up to these are tabulated one by one; above, in 32 equal steps."""
AMOUNT_KNOTS = 32


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Distribution functions of many groups, laid end to end.

    Parameters
    ----------
    key : Floats
        2 * group + distribution function at the knot; ascending.
    knot : Floats
        Value at the knot.
    last : Ints
        Position of each group's last knot.
    smooth : bool
        Whether to interpolate between knots (amounts) or step to the next (counts).
    """

    key: Floats
    knot: Floats
    last: Ints
    smooth: bool

    def at(self, group: Ints, level: Floats) -> Floats:
        """Return the smallest value whose distribution function reaches the level.

        Parameters
        ----------
        group : Ints
            Group of each row.
        level : Floats
            Level of each row; at or below 0 gives the first knot, which is 0.

        Returns
        -------
        Floats
            One value a row.
        """
        target = 2.0 * group + np.clip(level, 0.0, 1.0)
        found = np.minimum(np.searchsorted(self.key, target, side="left"), self.last[group])
        value = self.knot[found]
        if not self.smooth:
            return value
        before = np.maximum(found - 1, 0)
        inside = (found > 0) & (before >= np.append(-1, self.last)[group] + 1)
        room = self.key[found] - self.key[before]
        share = np.where(
            inside & (room > 0), (target - self.key[before]) / np.maximum(room, 1e-300), 1
        )
        blended = self.knot[before] + np.clip(share, 0.0, 1.0) * (value - self.knot[before])
        return np.where(inside, blended, value)


def tabulate(
    process: PurchaseProcess, x: Floats, age: Floats, horizon: float, amounts: GammaGamma | None
) -> tuple[Quantiles, Quantiles | None]:
    """Tabulate counts, and spend in units of (gamma + x * mean), of customers still there.

    Parameters
    ----------
    process : PurchaseProcess
        Fitted process.
    x, age : Floats
        Distinct pairs of repeat purchases and age; shape (groups,).
    horizon : float
        Length of the horizon in the unit of `age`.
    amounts : GammaGamma | None
        Fitted amounts; without them only counts are tabulated.

    Returns
    -------
    tuple[Quantiles, Quantiles | None]
        Counts, and spend ratios where `amounts` was given.
    """
    mean = process.expected_if_alive(x, age, horizon)
    # Gamma-mixed Poisson bounds every process here; eight deviations leave out under 1e-3
    most = mean + 8.0 * np.sqrt(mean + mean**2 / np.maximum(x, 0.25)) + 4.0
    size = np.select([most <= top for top in CLASSES], CLASSES, CLASSES[-1])
    step = np.where(most > CLASSES[-1], np.ceil(most / CLASSES[-1]), 1.0)
    counts: list[tuple[Ints, Floats, Floats]] = []
    spends: list[tuple[Ints, Floats, Floats]] = []
    for top in CLASSES:
        rows = np.flatnonzero(size == top).astype(np.int64)
        if len(rows) == 0:
            continue
        knot = np.arange(top + 1, dtype=np.float64)[None, :] * step[rows, None]
        tail = process.tail_if_alive(
            np.maximum(knot + 1.0, 1.0), x[rows, None], age[rows, None], horizon
        )
        below = np.clip(1.0 - tail, 0.0, 1.0)
        counts.append((rows, knot, np.maximum.accumulate(below, axis=1)))
        if amounts is not None:
            spends.append(_spend_table(rows, knot, below, x[rows], step[rows], amounts))
    return (
        _lay_out(counts, len(x), smooth=False),
        _lay_out(spends, len(x), smooth=True) if amounts is not None else None,
    )


def _spend_table(
    rows: Ints, knot: Floats, below: Floats, x: Floats, step: Floats, amounts: GammaGamma
) -> tuple[Ints, Floats, Floats]:
    """Mix the distribution of the sum of y amounts over the number of purchases y."""
    p, rest = amounts.p, amounts.q + amounts.p * x
    each = p / np.maximum(rest - 1.0, 0.05)
    top = 3.0 * knot[:, -1:]
    grid = 0.01 * (top / 0.01) ** (np.arange(AMOUNT_KNOTS) / (AMOUNT_KNOTS - 1.0))
    ratio = grid * each[:, None]
    share = ratio / (1.0 + ratio)
    mass = np.diff(below, axis=1)
    middle = knot[:, 1:] - (step[:, None] - 1.0) / 2.0
    total = np.repeat(below[:, :1], AMOUNT_KNOTS, axis=1)
    for at in range(mass.shape[1]):
        total += mass[:, at : at + 1] * betainc(p * middle[:, at : at + 1], rest[:, None], share)
    ratio = np.concatenate([np.zeros((len(rows), 1)), ratio], axis=1)
    total = np.concatenate([below[:, :1], total], axis=1)
    return rows, ratio, np.maximum.accumulate(np.clip(total, 0.0, 1.0), axis=1)


def _lay_out(parts: list[tuple[Ints, Floats, Floats]], groups: int, *, smooth: bool) -> Quantiles:
    """Lay the classes' tables end to end in order of group."""
    width = np.zeros(groups, dtype=np.int64)
    for rows, knot, _ in parts:
        width[rows] = knot.shape[1]
    last = np.cumsum(width) - 1
    key = np.empty(int(width.sum()))
    value = np.empty_like(key)
    for rows, knot, below in parts:
        at = (last[rows] - width[rows] + 1)[:, None] + np.arange(knot.shape[1])
        key[at] = 2.0 * rows[:, None] + below
        value[at] = knot
    return Quantiles(key, value, last, smooth)


def narrower_range(
    quantiles: Quantiles, group: Ints, alive: Floats, level: float
) -> tuple[Floats, Floats]:
    """Return the narrower of the range from zero and the central range, each of the given level.

    Parameters
    ----------
    quantiles : Quantiles
        Distributions of customers still there.
    group : Ints
        Group of each row.
    alive : Floats
        Probability of each row to be alive.
    level : float
        Probability the range holds at least, such as 0.9.

    Returns
    -------
    tuple[Floats, Floats]
        Low and high ends.
    """

    def at(total: float) -> Floats:
        return quantiles.at(group, (total - (1.0 - alive)) / np.maximum(alive, 1e-12))

    upper, low, high = at(level), at((1.0 - level) / 2.0), at((1.0 + level) / 2.0)
    from_zero = upper <= high - low
    return np.where(from_zero, 0.0, low), np.where(from_zero, upper, high)
