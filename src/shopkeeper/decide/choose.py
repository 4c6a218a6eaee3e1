"""From worth to a choice for every customer: hold-out, manners, exploration, optimum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shopkeeper.core.errors import TooLargeError
from shopkeeper.core.ids import unit_interval
from shopkeeper.decide.allocate import Allocation, allocate
from shopkeeper.decide.problem import Bools, Customers, Floats, Ints, Limits, Options, Singles
from shopkeeper.decide.worth import MeasuredLift, blocks, option_lift, worth_of

MAX_CELLS = 400_000_000
"""Largest customers × options that one plan holds in memory (8 bytes each)."""

REASONS: tuple[str, ...] = (
    "best_value", "explored", "holdout", "no_consent", "no_address", "frequency_cap", "no_gain",
    "budget", "stock",
)  # fmt: skip
"""Why a decision came out as it did; the first two are sends."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen for every customer; one array entry each.

    Parameters
    ----------
    option
        Option index, -1 for none.
    reason
        Index into ``REASONS``.
    probability
        With which this very action was chosen, over hold-out and exploration.
    holdout
        Whether the customer is held out.
    value, cost, uplift
        Of the chosen option; zero for none.
    top, top_value
        The three best permitted options and their values, shape (n, 3); -1 where
        there are fewer.
    total, bound, spend, budget_price
        Of the optimised part and the whole plan, minor units.
    lift_origin
        By option: assumed or measured.
    """

    option: Ints
    reason: Ints
    probability: Floats
    holdout: Bools
    value: Singles
    cost: Singles
    uplift: Singles
    top: Ints
    top_value: Singles
    total: float
    bound: float
    spend: float
    budget_price: float
    lift_origin: tuple[str, ...]

    @property
    def gap(self) -> float:
        """Share of the bound that may have been left behind."""
        return 0.0 if self.bound <= 0 else max(0.0, (self.bound - self.total) / self.bound)


def held_out(customers: Customers, limits: Limits) -> Bools:
    """Stable hold-out: a customer stays in or out for as long as the salt stays."""
    ids = customers.customer_id.to_pylist()
    return np.array([unit_interval(limits.salt, x) < limits.holdout for x in ids], dtype=bool)


def choose(
    customers: Customers,
    options: Options,
    limits: Limits,
    measured: Mapping[str, MeasuredLift] | None = None,
) -> Choice:
    """Choose at most one option for every customer.

    Parameters
    ----------
    customers, options, limits
        The problem.
    measured
        Lifts measured by randomised contacts, by channel.

    Returns
    -------
    Choice

    Raises
    ------
    TooLargeError
        If customers × options exceeds the bound; says what would fit.
    """
    n, m = len(customers), len(options)
    if n * m > MAX_CELLS:
        raise TooLargeError(
            f"{n:,} customers × {m} options need about {n * m * 9 / 1e9:.0f} GB",
            next_step=f"Plan at most {MAX_CELLS // max(m, 1):,} customers or fewer offers at once",
            customers=n,
            options=m,
        )
    lifts, origin = option_lift(options, measured or {})
    value, cost = np.empty((n, m), np.float32), np.empty((n, m), np.float32)
    for rows in blocks(n):
        worth = worth_of(customers, options, limits, lifts, rows)
        value[rows], cost[rows] = worth.value, worth.cost
    out = held_out(customers, limits)
    capped = customers.recent_contacts >= limits.cap_contacts
    allowed = customers.permitted & ~(out | capped)[:, None]
    permitted = allowed[:, options.channel]
    explored = _explore(permitted, cost, options, limits)
    lucky = np.flatnonzero(explored.option >= 0)
    value[~permitted] = -np.inf
    top, top_value = _top(value)
    kept = value[lucky].copy()
    value[lucky] = -np.inf
    left = limits.budget_minor - explored.spend
    found = allocate(value, cost, options, left, explored.room, limits.seed)
    value[lucky] = kept
    greedy = found.choice.copy()
    greedy[lucky] = _preferred(value, cost, options, found, lucky)
    option = np.where(explored.option >= 0, explored.option, found.choice)
    who = np.flatnonzero(option >= 0)
    picked = np.zeros(n, np.float32), np.zeros(n, np.float32), np.zeros(n, np.float32)
    picked[0][who], picked[1][who] = value[who, option[who]], cost[who, option[who]]
    for rows in blocks(n):
        block = np.arange(rows.start, rows.stop)
        inside = block[option[rows] >= 0]
        uplift = worth_of(customers, options, limits, lifts, rows).uplift
        picked[2][inside] = uplift[inside - rows.start, option[inside]]
    explored_value = float(picked[0][lucky].sum(dtype=np.float64))
    return Choice(
        option=option,
        reason=_reasons(
            customers, limits, value, cost, found.budget_price, option, explored.option, out, capped
        ),
        probability=_probability(permitted, greedy, explored, out, limits),
        holdout=out,
        value=picked[0],
        cost=picked[1],
        uplift=picked[2],
        top=top,
        top_value=top_value,
        total=found.value + explored_value,
        bound=found.bound + explored_value,
        spend=float(picked[1].sum(dtype=np.float64)),
        budget_price=found.budget_price,
        lift_origin=tuple(origin),
    )


@dataclass(frozen=True, slots=True)
class Explored:
    """Random picks (-1 for none), their cost, the stock left, and the share really explored."""

    option: Ints
    spend: float
    room: Floats
    share: float


def _explore(permitted: Bools, cost: Singles, options: Options, limits: Limits) -> Explored:
    """Random permitted options for a random share, within a tenth of budget and stock."""
    n, m = permitted.shape
    rng = np.random.default_rng([limits.seed, 23])
    chosen = np.full(n, -1, dtype=np.int64)
    room = options.stock.copy()
    # In random order, so that a full tenth leaves everybody the same chance.
    lucky = rng.permutation(
        np.flatnonzero((rng.random(n) < limits.explore) & permitted.any(axis=1))
    )
    if not len(lucky) or limits.budget_minor == 0:
        return Explored(chosen, 0.0, room, 0.0)
    keys = rng.random((len(lucky), m), dtype=np.float32)
    keys[~permitted[lucky]] = -1
    option = keys.argmax(axis=1)
    spent = cost[lucky, option].astype(np.float64)
    fits = np.cumsum(spent) <= limits.budget_minor * 0.1
    offer = options.offer[option]
    place = np.zeros(len(lucky))
    for k in np.unique(offer):
        mine = offer == k
        place[mine] = np.cumsum(mine[mine])
    fits &= place <= np.floor(room[offer] * 0.1)
    chosen[lucky[fits]] = option[fits]
    room -= np.bincount(offer[fits], minlength=len(room))
    return Explored(chosen, float(spent[fits].sum()), room, limits.explore * float(fits.mean()))


def _top(value: Singles) -> tuple[Ints, Singles]:
    """The three best permitted options of each customer."""
    n, m = value.shape
    k = min(3, m)
    top = np.full((n, 3), -1, dtype=np.int64)
    best = np.full((n, 3), np.nan, dtype=np.float32)
    for rows in blocks(n):
        block = value[rows]
        first = np.argpartition(-block, k - 1, axis=1)[:, :k]
        worth = np.take_along_axis(block, first, axis=1)
        order = np.argsort(-worth, axis=1, kind="stable")
        first, worth = np.take_along_axis(first, order, 1), np.take_along_axis(worth, order, 1)
        real = np.isfinite(worth)
        top[rows, :k] = np.where(real, first, -1)
        best[rows, :k] = np.where(real, worth, np.nan)
    return top, best


def _probability(
    permitted: Bools, greedy: Ints, explored: Explored, out: Bools, limits: Limits
) -> Floats:
    """Chance of the chosen action over the hold-out and exploration coins.

    A customer with k permitted options gets each of them with ε/k; what the
    prices prefer gets the rest. ``greedy`` is that preference, -1 for none; it
    is also known for explored customers, whose pick may coincide with it.
    """
    options_open = permitted.sum(axis=1)
    able = options_open > 0
    share = np.where(able, explored.share / np.maximum(options_open, 1), 0.0)
    exploit = np.where(able, 1 - explored.share, 1.0)
    picked = explored.option >= 0
    send = share + np.where(~picked | (explored.option == greedy), exploit, 0.0)
    inside = np.where(picked | (greedy >= 0), send, exploit)
    coin = np.where(out, limits.holdout, 1 - limits.holdout)
    result: Floats = np.where(out, coin, coin * inside)
    return result


def _preferred(
    value: Singles, cost: Singles, options: Options, found: Allocation, rows: Ints
) -> Ints:
    """What the prices of the limits prefer for some customers, -1 for nothing."""
    per_option = found.stock_price[options.offer].astype(np.float32)
    reduced = value[rows] - np.float32(found.budget_price) * cost[rows] - per_option
    best: Ints = reduced.argmax(axis=1)
    return np.where(reduced[np.arange(len(rows)), best] > 0, best, -1)


def _reasons(
    customers: Customers,
    limits: Limits,
    value: Singles,
    cost: Singles,
    budget_price: float,
    option: Ints,
    explored: Ints,
    out: Bools,
    capped: Bools,
) -> Ints:
    """One reason per customer; for none, the first obstacle met."""
    code = {name: i for i, name in enumerate(REASONS)}
    n = len(option)
    consent = customers.consented.any(axis=1)
    possible = customers.permitted.any(axis=1)
    positive, worth_budget = np.zeros(n, bool), np.zeros(n, bool)
    for rows in blocks(n):
        gain = value[rows] > 0
        positive[rows] = gain.any(axis=1)
        worth_budget[rows] = (gain & (value[rows] > budget_price * cost[rows])).any(axis=1)
    reason = np.full(n, code["stock"])
    reason[~worth_budget] = code["budget"]
    # With no budget left the price says nothing: whoever had a gain lacked the budget.
    if limits.budget_minor == 0:
        reason[:] = code["budget"]
    reason[~positive] = code["no_gain"]
    reason[capped] = code["frequency_cap"]
    reason[~possible] = code["no_address"]
    reason[~consent] = code["no_consent"]
    reason[out] = code["holdout"]
    reason[option >= 0] = code["best_value"]
    reason[explored >= 0] = code["explored"]
    return reason
