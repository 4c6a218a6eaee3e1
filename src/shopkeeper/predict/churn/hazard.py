"""A discrete-time hazard of the next purchase, learned from every period a customer was at risk.

Each purchase opens a spell that ends with the next purchase or is cut off by the end of
observation (Singer and Willett 1993, "It's About Time: Using Discrete-Time Survival Analysis",
Journal of Educational Statistics 18(2)). The state of a spell is known: purchases so far, periods
since the last one, periods since the first one, and the level of the mean amount. While nobody
buys, the state moves on by itself, hence the chance of no purchase in a horizon is the product of
what the future states do not buy: no cut-off is needed, no horizon is too long, and a customer who
came yesterday teaches too.

Customers in one state are one row with two counts, so that the size of the fit does not grow with
the number of customers.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.history import Floats, Ints, PurchaseDays

PERIODS = 40
"""About how many periods the observed history is cut into."""
LEAST_EVENTS = 30
MOST_COUNTED = 12
"""Repeat purchases told apart one by one; more are pooled in steps of a third."""
AMOUNT_LEVELS = 16
RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class Spells:
    """At-risk periods by state; every array has shape (states,).

    Parameters
    ----------
    purchases : Floats
        Repeat purchases so far.
    since : Floats
        Whole periods since the last purchase.
    age : Floats
        Whole periods since the first purchase.
    level : Ints
        Level of the mean amount, from 0.
    at_risk : Floats
        Customers who entered a period in this state.
    bought : Floats
        Those who bought in it.
    """

    purchases: Floats
    since: Floats
    age: Floats
    level: Ints
    at_risk: Floats
    bought: Floats


@dataclass(frozen=True, slots=True)
class Hazard:
    """A fitted hazard.

    Parameters
    ----------
    period_days : float
        Length of a period.
    edges : tuple[float, ...]
        Mean amounts in minor units between the levels.
    worth : tuple[float, ...]
        log(1 + amount) that stands for each level.
    knots : tuple[float, ...]
        Knots of the bends in log(1 + periods since the last purchase).
    centre, spread : tuple[float, ...]
        Mean and standard deviation of the terms, which the weights refer to.
    weight : tuple[float, ...]
        Weight of each standardised term.
    intercept : float
        Constant of the log-odds.
    """

    period_days: float
    edges: tuple[float, ...]
    worth: tuple[float, ...]
    knots: tuple[float, ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    weight: tuple[float, ...]
    intercept: float

    def chance(self, purchases: Floats, since: Floats, age: Floats, level: Ints) -> Floats:
        """Return the chance of a purchase in the next period.

        Parameters
        ----------
        purchases : Floats
            Repeat purchases so far.
        since, age : Floats
            Periods since the last and the first purchase.
        level : Ints
            Level of the mean amount.

        Returns
        -------
        Floats
            One value a row.
        """
        terms = _terms(purchases, since, age, np.array(self.worth)[level], self.knots)
        ready = (terms - np.array(self.centre)) / np.array(self.spread)
        return np.asarray(expit(ready @ np.array(self.weight) + self.intercept), dtype=np.float64)

    def survival(
        self,
        frequency: Floats,
        since_days: Floats,
        age_days: Floats,
        amount_minor: Floats,
        horizon_days: float,
    ) -> Floats:
        """Return the chance of no purchase in a horizon.

        Parameters
        ----------
        frequency : Floats
            Repeat purchases; shape (customers,), as the following.
        since_days, age_days : Floats
            Days since the last and the first purchase.
        amount_minor : Floats
            Mean amount of a purchase in minor units.
        horizon_days : float
            Length of the horizon in days.

        Returns
        -------
        Floats
            In (0, 1); one value a customer.
        """
        length = self.period_days
        state = np.column_stack(
            [
                _counted(frequency),
                np.floor(since_days / length),
                np.floor(age_days / length),
                np.searchsorted(self.edges, amount_minor, side="right"),
            ]
        )
        states, at, _ = _distinct(state)
        x, since, age = states[:, 0], states[:, 1], states[:, 2]
        level = states[:, 3].astype(np.int64)
        log_left = np.zeros(len(states))
        whole, rest = divmod(horizon_days / length, 1.0)
        for step in range(int(whole) + (rest > 0)):
            share = 1.0 if step < whole else rest
            log_left += share * np.log1p(-self.chance(x, since + step, age + step, level))
        left: Floats = np.exp(log_left)[at]
        return left

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Hazard:
        """Read what `to_json` wrote.

        Parameters
        ----------
        stored : dict[str, Any]
            The JSON object.

        Returns
        -------
        Hazard
            The same hazard.
        """
        plain: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()
        }
        return cls(**plain)


def spells(days: PurchaseDays, end_day: int, period_days: float, edges: Floats) -> Spells:
    """Count who was at risk and who bought, by state.

    Parameters
    ----------
    days : PurchaseDays
        Purchase days before the moment, by customer.
    end_day : int
        First day not observed.
    period_days : float
        Length of a period.
    edges : Floats
        Amounts between the levels.

    Returns
    -------
    Spells
        One row a state.
    """
    new = np.append(True, np.diff(days.code) > 0)
    first = np.flatnonzero(new)
    size = np.diff(np.append(first, len(new)))
    born = np.repeat(days.day[first], size)
    x = _counted(np.arange(len(new)) - np.repeat(first, size))
    last = np.append(new[1:], True)
    gap = np.where(last, end_day - days.day, np.append(days.day[1:], end_day) - days.day)
    # a purchase within the first period is an event of that period
    length = np.where(last, np.floor(gap / period_days), np.ceil(gap / period_days))
    start = np.floor((days.day - born) / period_days)
    level = np.searchsorted(edges, _mean_so_far(days), side="right")
    kept = length > 0
    rows = np.column_stack([x, start, length, level, ~last])[kept]
    kinds, _, weight = _distinct(rows)
    return _states(kinds, weight)


def _distinct(rows: Floats) -> tuple[Floats, Ints, Floats]:
    """Return distinct rows of whole numbers, the place of each row among them, and their counts."""
    whole = rows.astype(np.int64)
    least = whole.min(axis=0, initial=0)
    width = whole.max(axis=0, initial=0) - least + 1
    key = np.zeros(len(whole), dtype=np.int64)
    for column in range(whole.shape[1]):
        key = key * width[column] + whole[:, column] - least[column]
    _, first, at, count = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    return rows[first], at.astype(np.int64), count.astype(np.float64)


def _mean_so_far(days: PurchaseDays) -> Floats:
    """Mean amount of a customer's purchases up to each of them."""
    first = np.flatnonzero(np.append(True, np.diff(days.code) > 0))
    size = np.diff(np.append(first, len(days.code)))
    total = np.cumsum(days.amount_minor.astype(np.float64))
    before = np.repeat(total[first] - days.amount_minor[first], size)
    mean: Floats = (total - before) / (np.arange(len(total)) - np.repeat(first, size) + 1.0)
    return mean


def _states(kinds: Floats, weight: Floats) -> Spells:
    """Follow each kind of spell through its periods, and add up by state."""
    length = kinds[:, 2].astype(np.int64)
    at = np.repeat(np.arange(len(kinds)), length)
    ends = np.cumsum(length)
    since = np.arange(len(at)) - np.repeat(ends - length, length)
    state = np.column_stack([kinds[at, 0], since, kinds[at, 1] + since, kinds[at, 3]])
    event = np.where(since == length[at] - 1, kinds[at, 4], 0.0) * weight[at]
    states, where, _ = _distinct(state)
    return Spells(
        states[:, 0],
        states[:, 1],
        states[:, 2],
        states[:, 3].astype(np.int64),
        np.bincount(where, weights=weight[at]).astype(np.float64),
        np.bincount(where, weights=event).astype(np.float64),
    )


def fit_hazard(days: PurchaseDays, end_day: int) -> Hazard:
    """Fit the hazard of the next purchase.

    Parameters
    ----------
    days : PurchaseDays
        Purchase days before the moment, by customer.
    end_day : int
        First day not observed.

    Returns
    -------
    Hazard
        The fitted hazard.

    Raises
    ------
    NotEnoughDataError
        When fewer than 30 repeat purchases were observed.
    """
    repeats = int(len(days.code) - len(np.unique(days.code)))
    if repeats < LEAST_EVENTS:
        raise NotEnoughDataError(
            f"a hazard needs at least {LEAST_EVENTS} repeat purchases, found {repeats}",
            next_step="load a longer history or wait for repeat purchases",
            needed=LEAST_EVENTS,
            found=repeats,
        )
    span = end_day - int(days.day.min())
    period = float(max(round(span / PERIODS), 1))
    shares = np.arange(1, AMOUNT_LEVELS) / AMOUNT_LEVELS
    mean = _mean_so_far(days)
    edges = np.unique(np.quantile(mean, shares))
    at = np.searchsorted(edges, mean, side="right")
    worth = np.bincount(at, np.log1p(mean), len(edges) + 1) / np.maximum(
        np.bincount(at, minlength=len(edges) + 1), 1
    )
    rows = spells(days, end_day, period, edges)
    where = np.log1p(rows.since)
    by = np.argsort(where, kind="stable")
    mass = np.cumsum(rows.bought[by]) / max(rows.bought.sum(), 1.0)
    knots = np.unique(where[by][np.searchsorted(mass, (0.25, 0.5, 0.75))])
    terms = _terms(rows.purchases, rows.since, rows.age, worth[rows.level], tuple(knots))
    centre = np.average(terms, axis=0, weights=rows.at_risk)
    spread = np.sqrt(np.average((terms - centre) ** 2, axis=0, weights=rows.at_risk))
    spread = np.where(spread > 1e-9, spread, 1.0)
    point = fit_binomial((terms - centre) / spread, rows.at_risk, rows.bought, RIDGE)
    return Hazard(
        period,
        tuple(edges.tolist()),
        tuple(worth.tolist()),
        tuple(knots.tolist()),
        tuple(centre.tolist()),
        tuple(spread.tolist()),
        tuple(point[1:].tolist()),
        float(point[0]),
    )


def fit_binomial(terms: Floats, at_risk: Floats, events: Floats, ridge: float) -> Floats:
    """Fit a logistic line to counts by Newton's method.

    Parameters
    ----------
    terms : Floats
        Standardised terms; shape (rows, terms).
    at_risk, events : Floats
        Tries and successes of each row.
    ridge : float
        Penalty of each squared weight; the constant is free.

    Returns
    -------
    Floats
        The constant, then one weight a term.
    """
    design = np.column_stack([np.ones(len(terms)), terms])
    share = float(np.clip(events.sum() / at_risk.sum(), 1e-6, 1.0 - 1e-6))
    point = np.zeros(design.shape[1])
    point[0] = np.log(share) - np.log1p(-share)
    penalty = np.full(len(point), ridge)
    penalty[0] = 1e-9
    value = -np.inf
    for _ in range(50):
        chance = expit(design @ point)
        gradient = design.T @ (events - at_risk * chance) - penalty * point
        curvature = (design * (at_risk * chance * (1.0 - chance))[:, None]).T @ design
        step = np.linalg.solve(curvature + np.diag(penalty), gradient)
        scale = 1.0
        while scale > 1e-6:
            moved = point + scale * step
            found = _likelihood(design, moved, at_risk, events, penalty)
            if found >= value:
                break
            scale /= 2.0
        if scale <= 1e-6 or found - value < 1e-9 * abs(found):
            point = moved if scale > 1e-6 else point
            break
        point, value = moved, found
    return point


def _likelihood(
    design: Floats, point: Floats, at_risk: Floats, events: Floats, penalty: Floats
) -> float:
    margin = design @ point
    log_sum = np.logaddexp(0.0, margin)
    return float(events @ margin - at_risk @ log_sum - 0.5 * penalty @ point**2)


def _counted(frequency: Floats | Ints) -> Floats:
    """Pool large numbers of repeat purchases in geometric steps."""
    x = np.asarray(frequency, dtype=np.float64)
    step = np.floor(3.0 * np.log(np.maximum(x, 1.0) / MOST_COUNTED))
    pooled = np.round(MOST_COUNTED * np.exp((step + 0.5) / 3.0))
    return np.where(x <= MOST_COUNTED, x, pooled)


def _terms(
    purchases: Floats, since: Floats, age: Floats, worth: Floats, knots: tuple[float, ...]
) -> Floats:
    """Lay out the terms; none bends beyond the last knot, so that they can be carried on."""
    x, quiet, old = np.log1p(purchases), np.log1p(since), np.log1p(age)
    parts = [x, quiet, old, x * quiet, x * old, quiet * old, worth, worth * x, worth * quiet]
    parts += [(purchases == 0).astype(np.float64), (since == 0).astype(np.float64)]
    for knot in knots:
        bend = np.maximum(quiet - knot, 0.0)
        parts += [bend, bend * x]
    return np.column_stack(parts)
