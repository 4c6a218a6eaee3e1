"""Choose at most one option per customer within one budget and the stock of each offer.

A multiple-choice knapsack with few shared limits: prices for the limits are found
by minimising the smoothed Lagrangian dual on a sample, the exact dual at those
prices bounds every possible plan from above (weak duality), and a greedy repair
turns the choices into a plan that keeps every limit. The reported gap is measured,
not assumed. (Fisher 1981, "The Lagrangian relaxation method".)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from shopkeeper.decide.problem import Bools, Floats, Ints, Options, Singles
from shopkeeper.decide.worth import blocks

SAMPLE = 30_000
MAX_ROUNDS = 24


@dataclass(frozen=True, slots=True)
class Allocation:
    """The chosen options.

    Parameters
    ----------
    choice
        Option index by customer, -1 for none.
    value
        Total value of the choices, minor units.
    bound
        No plan within the limits can be worth more.
    spend
        Expected cost of the choices, minor units.
    budget_price
        Value of one more minor unit of budget.
    stock_price
        Value of one more unit of each offer.
    """

    choice: Ints
    value: float
    bound: float
    spend: float
    budget_price: float
    stock_price: Floats

    @property
    def gap(self) -> float:
        """Share of the bound that the plan may have left behind; 0 when nothing is possible."""
        return 0.0 if self.bound <= 0 else max(0.0, (self.bound - self.value) / self.bound)


def allocate(
    value: Singles, cost: Singles, options: Options, budget: float, stock: Floats, seed: int
) -> Allocation:
    """Choose options.

    Parameters
    ----------
    value
        Worth of every option, shape (n, options), minor units; -inf where the
        option is not permitted.
    cost
        What the budget pays for it, same shape.
    options
        Which offer each option draws on.
    budget
        Most that may be spent, minor units.
    stock
        Units of each offer; infinity when unlimited.
    seed
        Decides the sample on which prices are found.

    Returns
    -------
    Allocation
        Keeps budget and stock always; every chosen option has positive value.
    """
    n = len(value)
    nothing = np.full(n, -1, dtype=np.int64)
    open_stock = np.maximum(np.nan_to_num(stock, posinf=float(n)), 0.0)
    if n == 0 or not len(options) or budget <= 0:
        return Allocation(nothing, 0.0, 0.0, 0.0, 0.0, np.zeros(len(stock)))
    price, offer_price = _prices(value, cost, options, budget, open_stock, seed)
    bound = _dual(value, cost, options, budget, open_stock, price, offer_price)
    choice = _repair(value, cost, options, budget, open_stock, price, offer_price)
    who = np.flatnonzero(choice >= 0)
    total = float(value[who, choice[who]].sum(dtype=np.float64))
    spend = float(cost[who, choice[who]].sum(dtype=np.float64))
    return Allocation(choice, total, max(bound, total), spend, price, offer_price)


def _prices(
    value: Singles, cost: Singles, options: Options, budget: float, stock: Floats, seed: int
) -> tuple[float, Floats]:
    """Prices of the budget and of each offer's stock, from a sample of the customers."""
    rng = np.random.default_rng([seed, 17])
    able = np.flatnonzero((value > 0).any(axis=1))
    if not len(able):
        return 0.0, np.zeros(len(stock))
    chosen = able if len(able) <= SAMPLE else np.sort(rng.choice(able, SAMPLE, replace=False))
    scale = len(chosen) / len(able)
    v = np.where(np.isfinite(value[chosen]), value[chosen], -1e18).astype(np.float64)
    c = cost[chosen].astype(np.float64)
    binding = np.flatnonzero(stock < len(able))
    column = np.full(len(stock), -1, dtype=np.int64)
    column[binding] = np.arange(len(binding))
    of_option = column[options.offer]
    unit = max(float(np.median(v.max(axis=1))), 1e-6)
    rate = unit / max(float(np.median(c[v > 0])), 1e-6)
    limits = np.r_[budget, stock[binding]] * scale
    x = np.zeros(1 + len(binding))
    for temperature in (0.1, 0.02, 0.004):
        found = minimize(
            _smooth_dual, x, args=(v, c, of_option, limits, rate, unit, temperature * unit),
            jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(x),
            options={"maxiter": 60, "ftol": 1e-9},
        )  # fmt: skip
        x = found.x
    prices = np.zeros(len(stock))
    prices[binding] = x[1:] * unit
    return float(x[0] * rate), prices


def _smooth_dual(
    x: Floats,
    v: Floats,
    c: Floats,
    of_option: Ints,
    limits: Floats,
    rate: float,
    unit: float,
    temperature: float,
) -> tuple[float, Floats]:
    """Smoothed dual and its gradient, in units of one typical value."""
    offer_price = np.r_[x[1:] * unit, 0.0][of_option]
    reduced = (v - x[0] * rate * c - offer_price) / temperature
    padded = np.column_stack([reduced, np.zeros(len(v))])
    total = logsumexp(padded, axis=1)
    weight = np.exp(reduced - total[:, None])
    used = np.bincount(
        np.where(of_option >= 0, of_option, len(limits) - 1),
        weights=weight.sum(axis=0),
        minlength=len(limits),
    )[: len(limits) - 1]
    dual = temperature * total.sum() + x[0] * rate * limits[0] + float(x[1:] @ limits[1:]) * unit
    gradient = np.r_[rate * (limits[0] - (weight * c).sum()), unit * (limits[1:] - used)]
    norm = unit * len(v)
    return float(dual / norm), gradient / norm


def _dual(
    value: Singles,
    cost: Singles,
    options: Options,
    budget: float,
    stock: Floats,
    price: float,
    offer_price: Floats,
) -> float:
    """Exact Lagrangian dual over all customers: an upper bound of every plan."""
    total = price * budget + float(offer_price @ stock)
    per_option = offer_price[options.offer].astype(np.float32)
    for rows in blocks(len(value)):
        reduced = value[rows] - np.float32(price) * cost[rows] - per_option
        total += float(np.maximum(reduced.max(axis=1), 0).sum(dtype=np.float64))
    return total


def _repair(
    value: Singles,
    cost: Singles,
    options: Options,
    budget: float,
    stock: Floats,
    price: float,
    offer_price: Floats,
) -> Ints:
    """Feasible choices in rounds: everybody asks for their best, limits take the best askers."""
    choice = np.full(len(value), -1, dtype=np.int64)
    left, room = float(budget), np.floor(stock)
    open_rows = np.flatnonzero((value > 0).any(axis=1))
    for _ in range(MAX_ROUNDS):
        best, reduced = _ask(value, cost, options, open_rows, price, offer_price, room, left)
        asking = best >= 0
        open_rows, best, reduced = open_rows[asking], best[asking], reduced[asking]
        if not len(open_rows):
            break
        spent = cost[open_rows, best].astype(np.float64)
        order = np.argsort(-reduced, kind="stable")
        taken = _within_stock(options.offer[best[order]], room)
        running = np.cumsum(np.where(taken, spent[order], 0.0))
        taken &= running <= left
        accepted = order[taken]
        choice[open_rows[accepted]] = best[accepted]
        left -= float(spent[accepted].sum())
        room -= np.bincount(options.offer[best[accepted]], minlength=len(room))
        if not len(accepted):
            # Nothing of what was asked fits any more: what is left is below the cheapest wish.
            break
        keep = np.ones(len(open_rows), dtype=bool)
        keep[accepted] = False
        open_rows = open_rows[keep]
    return choice


def _ask(
    value: Singles,
    cost: Singles,
    options: Options,
    rows: Ints,
    price: float,
    offer_price: Floats,
    room: Floats,
    left: float,
) -> tuple[Ints, Floats]:
    """Best affordable option of each open customer and its reduced value; -1 for none."""
    best = np.full(len(rows), -1, dtype=np.int64)
    reduced = np.zeros(len(rows))
    closed = room[options.offer] < 1
    per_option = offer_price[options.offer].astype(np.float32)
    for block in blocks(len(rows)):
        v, c = value[rows[block]], cost[rows[block]]
        r = v - np.float32(price) * c - per_option
        r[(v <= 0) | closed[None, :] | (c > left)] = -np.inf
        column = r.argmax(axis=1)
        top = r[np.arange(len(column)), column]
        found = np.isfinite(top)
        best[block] = np.where(found, column, -1)
        reduced[block] = np.where(found, top, 0.0)
    return best, reduced


def _within_stock(offer: Ints, room: Floats) -> Bools:
    """Which of the askers, in order, still find their offer in stock."""
    order = np.argsort(offer, kind="stable")
    sorted_offer = offer[order]
    starts = np.r_[0, np.flatnonzero(np.diff(sorted_offer)) + 1] if len(offer) else np.zeros(0, int)
    sizes = np.diff(np.r_[starts, len(offer)])
    position = np.arange(len(offer)) - np.repeat(starts, sizes)
    fits = np.zeros(len(offer), dtype=bool)
    fits[order] = position < room[sorted_offer]
    return fits
