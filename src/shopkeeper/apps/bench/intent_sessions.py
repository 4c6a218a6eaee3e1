"""Sessions of a simulated shop whose chance to buy is known at every event."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["Sessions", "Walk", "simulate_sessions"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_DAY_US = 86_400_000_000
_START_US = 1_704_067_200_000_000
_KINDS = ("page_viewed", "products_searched", "product_viewed", "product_added",
          "checkout_started", "order_completed")  # fmt: skip
_PAGE, _SEARCH, _VIEW, _CART, _CHECKOUT, _BUY = range(6)
_NONE = -1
# by what the visitor came for: to look around, to compare, to buy
_LEAVE = np.array([0.14, 0.07, 0.06])
_TO_CART = np.array([0.05, 0.04, 0.10])
_TO_CHECKOUT = np.array([0.02, 0.06, 0.30])
_RETURN = np.array([0.05, 0.40, 0.25])
_SWITCH = np.array([0.30, 0.06, 0.12])
_PAUSE_S = np.array([12.0, 45.0, 25.0])
_LONGEST = 60


@dataclass(slots=True)
class Walk:
    """Where n sessions stand; the whole truth about what can still happen.

    Parameters
    ----------
    purpose : Ints
        0 to look around, 1 to compare, 2 to buy; nobody is told.
    category, item, before : Ints
        What is looked at, and the item looked at before it.
    views : Ints
        Looks at the item.
    carted : Ints
        Items in the cart.
    stage : Ints
        0 in the shop, 1 at the checkout, 2 gone.
    """

    purpose: Ints
    category: Ints
    item: Ints
    before: Ints
    views: Ints
    carted: Ints
    stage: Ints

    def take(self, rows: Ints) -> Walk:
        """Some of the sessions."""
        return Walk(
            self.purpose[rows], self.category[rows], self.item[rows], self.before[rows],
            self.views[rows], self.carted[rows], self.stage[rows],
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Sessions:
    """Events and the truth behind them.

    Parameters
    ----------
    table : pa.Table
        ``customer_id``, ``ts_us``, ``kind``, ``product_id``, ``category``, ``hour``, ``dow``, by
        customer and time.
    truth : dict[int, Floats]
        By number of events: the chance that the session, if it gets so far without buying, still
        ends in a purchase, for who knows what the visitor came for; NaN elsewhere.
    start_us : Ints
        Start of each session, in the order of ``truth``.
    customer : Ints
        Number of its customer.
    end_us : int
        After everything.
    """

    table: pa.Table
    truth: dict[int, Floats]
    start_us: Ints
    customer: Ints
    end_us: int


def simulate_sessions(
    sessions: int,
    *,
    seed: int,
    positions: tuple[int, ...] = (3, 5, 10),
    draws: int = 40,
    days: int = 120,
    categories: int = 12,
) -> Sessions:
    """Simulate sessions in which looking closer leads to buying, and carts often lead nowhere.

    Parameters
    ----------
    sessions : int
        About how many.
    seed : int
        Decides everything random.
    positions : tuple[int, ...]
        Events after which the truth is worked out.
    draws : int
        Futures drawn for one truth.
    days : int
        Length of the history.
    categories : int
        Of the shop, 30 items each.

    Returns
    -------
    Sessions
        Events and truth.
    """
    random = np.random.default_rng(seed)
    customers = max(sessions // 5, 1)
    taste = random.dirichlet(np.full(categories, 0.4), customers)
    keen = random.beta(1.2, 5.0, customers)
    customer = np.sort(random.integers(0, customers, sessions))
    start = _START_US + (random.random(sessions) * days * _DAY_US).astype(np.int64)
    by = np.lexsort((start, customer))
    customer, start = customer[by], start[by]
    keep = np.ones(sessions, dtype=np.bool_)
    # a visitor is not in two sessions at once
    keep[1:] = (customer[1:] != customer[:-1]) | (np.diff(start) > 6 * 3_600_000_000)
    customer, start = customer[keep], start[keep]
    walk = _begin(random, taste[customer], keen[customer])
    events: list[tuple[Ints, ...]] = []
    truth: dict[int, Floats] = {}
    now = start.copy()
    bought = np.zeros(len(walk.stage), dtype=np.bool_)
    for number in range(1, _LONGEST + 1):
        action = np.full(len(now), _VIEW) if number == 1 else _step(walk, random, categories)
        some = np.flatnonzero(action != _NONE)
        if len(some) == 0:
            break
        bought |= action == _BUY
        if number > 1:
            pause = random.lognormal(np.log(_PAUSE_S[walk.purpose]), 0.8)
            now += (np.minimum(pause, 1_500.0) * 1e6).astype(np.int64)
        told = (action[some] == _VIEW) | (action[some] == _CART)
        events.append(
            (some, now[some], action[some], np.where(told, walk.item[some], -1),
             np.where(told, walk.category[some], -1), np.full(len(some), number))
        )  # fmt: skip
        if number in positions:
            truth[number] = _truth(walk, np.where(bought, 2, walk.stage), seed + number, draws,
                                   categories)  # fmt: skip
            truth[number][(action == _NONE) | bought] = np.nan
    columns = [np.concatenate(parts) for parts in zip(*events, strict=True)]
    table = _table(columns, customer)
    return Sessions(table, truth, start, customer, _START_US + (days + 1) * _DAY_US)


def _begin(random: np.random.Generator, taste: Floats, keen: Floats) -> Walk:
    n = len(keen)
    dice = random.random(n)
    purpose = np.where(dice < 0.6 * keen + 0.02, 2, np.where(dice < 0.35 + 0.5 * keen, 1, 0))
    category = (random.random((n, 1)) > np.cumsum(taste, axis=1)).sum(axis=1)
    category = np.minimum(category, taste.shape[1] - 1)
    item = category * 30 + random.integers(0, 30, n)
    ones, zeros = np.ones(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    return Walk(purpose, category, item, item.copy(), ones, zeros, zeros.copy())


def _step(walk: Walk, random: np.random.Generator, categories: int) -> Ints:
    """Move each session on by one event; what happened, or -1 where the visitor left."""
    n = len(walk.stage)
    action = np.full(n, _NONE, dtype=np.int64)
    dice, other, which = random.random((3, n))
    purpose = walk.purpose
    paying = walk.stage == 1
    action[paying & (dice < 0.8)] = _BUY
    here = walk.stage == 0
    walk.stage[paying] = 2
    edge = _LEAVE[purpose]
    stays = here & (dice >= edge)
    walk.stage[here & ~stays] = 2
    checkout = stays & (walk.carted > 0) & (dice < edge + _TO_CHECKOUT[purpose])
    edge = edge + np.where(walk.carted > 0, _TO_CHECKOUT[purpose], 0.0)
    closer = _TO_CART[purpose] * (1.0 + 0.9 * np.minimum(walk.views - 1, 4))
    cart = stays & ~checkout & (dice < edge + closer)
    action[checkout], action[cart] = _CHECKOUT, _CART
    walk.stage[checkout] = 1
    walk.carted[cart] += 1
    rest = stays & ~checkout & ~cart
    back = rest & (other < _RETURN[purpose])
    again = back & (which < 0.5)
    former = back & ~again
    walk.views[again] += 1
    walk.item[former], walk.before[former] = walk.before[former], walk.item[former]
    walk.views[former] = 2
    quiet = rest & ~back & (other > 0.92)
    action[rest] = _VIEW
    action[quiet] = np.where(which[quiet] < 0.5, _PAGE, _SEARCH)
    fresh = rest & ~back & ~quiet
    switch = fresh & (which < _SWITCH[purpose])
    walk.category[switch] = random.integers(0, categories, int(switch.sum()))
    walk.before[fresh] = walk.item[fresh]
    walk.item[fresh] = walk.category[fresh] * 30 + random.integers(0, 30, int(fresh.sum()))
    walk.views[fresh] = 1
    return action


def _truth(walk: Walk, stage: Ints, seed: int, draws: int, categories: int) -> Floats:
    """Share of futures that end in a purchase."""
    random = np.random.default_rng(seed + 1_000_003)
    alive = np.flatnonzero(stage < 2)
    copy = replace(walk.take(np.repeat(alive, draws)))
    bought = np.zeros(len(copy.stage), dtype=np.bool_)
    for _ in range(_LONGEST):
        if not np.any(copy.stage < 2):
            break
        bought |= _step(copy, random, categories) == _BUY
    chance = np.zeros(len(stage))
    chance[alive] = bought.reshape(-1, draws).mean(axis=1)
    return chance


def _table(columns: list[Ints], customer: Ints) -> pa.Table:
    session, now, action, item, category, number = columns
    by = np.lexsort((number, session))
    session, now, action, item, category = (x[by] for x in (session, now, action, item, category))
    names = np.char.add("c", np.char.zfill(customer.astype(str), 7))
    local = (now + 8 * 3_600_000_000) // 3_600_000_000
    return pa.table(
        {
            "customer_id": pa.array(names).take(pa.array(session)),
            "ts_us": now,
            "kind": pa.array(_KINDS).take(pa.array(action)),
            "product_id": _named("p", item),
            "category": _named("k", category),
            "hour": pa.array(local % 24).cast(pa.int8()),
            "dow": pa.array(1 + (local // 24) % 7).cast(pa.int8()),
        }
    )


def _named(letter: str, codes: Ints) -> pa.Array:
    unique, place = np.unique(codes, return_inverse=True)
    words = pa.array([None if code < 0 else f"{letter}{code}" for code in unique.tolist()])
    return words.take(pa.array(place))
