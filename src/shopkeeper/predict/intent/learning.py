"""How intent is learned: earlier sessions teach, later ones calibrate, the latest judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import lightgbm as lgb
import numpy as np

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.calibrate import Calibrator, fit_calibrator, log_loss
from shopkeeper.predict.intent.embedding import PrefixNet, learn_prefix_net, widened
from shopkeeper.predict.intent.events import ACTIONS, Bools, EventRows, Floats, Ints
from shopkeeper.predict.intent.learners import (
    CategoryMix,
    Hazard,
    boost,
    learn_categories,
    learn_hazard,
)
from shopkeeper.predict.intent.prefixes import (
    LEAVE,
    Outcomes,
    Prefixes,
    goal_of,
    outcomes_of,
    prefixes_at,
)
from shopkeeper.predict.intent.settings import IntentSettings
from shopkeeper.predict.intent.state import CART, FEATURES
from shopkeeper.predict.leakage.inspect import guard_training
from shopkeeper.predict.memory import matrix_bytes, require_memory

__all__ = ["Learned", "Rehearsal", "learn_intent"]

CART_RULE = "has-added-to-cart"
TREES = "boosting"


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """Everything `IntentModel.fit` learns.

    Parameters
    ----------
    buy, action : lgb.Booster
        Goal in this session, and next action.
    calibrator : Calibrator
        Of ``buy``, from later sessions.
    hazard : Hazard
        Of the wait for the next goal.
    categories : CategoryMix | None
        Of the next category.
    net : PrefixNet | None
        Whose columns ``buy`` reads; None where the features alone were better.
    goal : int
        Place in `ACTIONS` of what counts as buying.
    method : str
        What ``buy`` is, in words.
    usual : Floats
        Median of each feature, for reasons.
    category_names : dict[int, str]
        Name by key.
    facts : dict[str, Any]
        Sizes and shares.
    """

    buy: lgb.Booster
    calibrator: Calibrator
    action: lgb.Booster
    hazard: Hazard
    categories: CategoryMix | None
    net: PrefixNet | None
    goal: int
    method: str
    usual: Floats
    category_names: dict[int, str]
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Rehearsal:
    """What was said of the latest sessions by models that had not seen them.

    Parameters
    ----------
    session : Ints
        Number of the session, in the order of `EventRows.sessions`.
    position : Ints
        Events before the judgement.
    bought : Bools
        What happened.
    said : dict[str, Floats]
        Chance by method; the rule of the cart gives the share of earlier sessions like it.
    next_action, next_category : float
        Share of right first guesses.
    last_category : float
        Share of right guesses where the category named last is guessed.
    from_us, to_us : int
        Starts of those sessions, half-open.
    """

    session: Ints
    position: Ints
    bought: Bools
    said: dict[str, Floats]
    next_action: float
    next_category: float
    last_category: float
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    prefixes: Prefixes
    outcomes: Outcomes
    features: Floats

    def take(self, rows: Ints | Bools) -> _Part:
        at: Ints = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows.astype(np.int64)
        o = self.outcomes
        outcomes = Outcomes(
            o.action[at], o.category[at], o.goal[at], o.reached[at], o.wait_us[at], o.observed[at],
            o.closed[at],
        )  # fmt: skip
        return _Part(self.prefixes.take(at), outcomes, self.features[at])


def learn_intent(
    rows: EventRows, end_us: int, settings: IntentSettings, *, seed: int
) -> tuple[Learned, Rehearsal]:
    """Learn and rehearse.

    Sessions are parted by their start: the first 70 % teach, the next 15 % stop and calibrate,
    the last 15 % judge. What is kept then learns from 85 % and calibrates on the last 15 %.

    Parameters
    ----------
    rows : EventRows
        Events before ``end_us``.
    end_us : int
        The moment until which everything is known, microseconds UTC.
    settings : IntentSettings
        Bounds and choices.
    seed : int
        Decides everything random.

    Returns
    -------
    tuple[Learned, Rehearsal]
        The model and its evidence.

    Raises
    ------
    NotEnoughDataError
        When too few sessions reach the goal, or too few do not.
    """
    goal = goal_of(rows) if len(rows) else -1
    every = _drawn(rows, goal, end_us, settings, seed)
    starts = every.prefixes.columns.numbers["start_us"]
    first, second = (int(np.quantile(starts, share)) for share in (0.7, 0.85))
    parts = [every.take(starts < first), every.take((starts >= first) & (starts < second)),
             every.take(starts >= second)]  # fmt: skip
    for part, name in zip(parts, ("first 70 %", "next 15 %", "last 15 %"), strict=True):
        _require(part, goal, max(settings.least_goals // 6, 2), f"the {name} of sessions")
    guard_training(
        FEATURES,
        every.features,
        every.outcomes.goal,
        moments=every.prefixes.columns.numbers["last_us"],
        train=starts < second,
        seed=seed,
    )
    tried = _tried(rows, first, parts[0], parts[1], settings, seed)
    best = min(tried, key=lambda method: tried[method][3])
    rehearsal = _rehearse(parts, tried, (second, end_us), settings, seed)
    net = tried[best][0]
    if net is not None:
        kind: Literal["gru", "transformer"] = "gru" if net.net.name == "gru" else "transformer"
        net = learn_prefix_net(rows.before(second), kind, seed=seed, seconds=settings.net_seconds)
    earlier = every.take(starts < second)
    buy, calibrator, _ = _buy(earlier, parts[2], net, settings, seed)
    learned = Learned(
        buy=buy,
        calibrator=calibrator,
        action=_action(earlier, parts[2], settings, seed),
        hazard=_hazard(every, settings, seed),
        categories=_categories(earlier, parts[2]),
        net=net,
        goal=goal,
        method=best,
        usual=_usual(every.features),
        category_names=rows.category_names,
        facts={
            "prefixes": len(every.features), "goal": ACTIONS[goal],
            "sessions": len(np.unique(every.prefixes.session)),
            "goal_share": float(every.outcomes.goal.mean()),
            "later_log_loss": {method: round(x[3], 6) for method, x in tried.items()},
        },
    )  # fmt: skip
    return learned, rehearsal


def _drawn(rows: EventRows, goal: int, end_us: int, settings: IntentSettings, seed: int) -> _Part:
    """Prefixes of closed sessions that have not reached the goal yet."""
    if len(rows) == 0:
        raise NotEnoughDataError(
            "there is no event before the moment of the forecast",
            next_step="collect events, or choose a later moment",
        )
    prefixes = prefixes_at(rows, settings.positions)
    size = min(len(prefixes.at), settings.most_prefixes)
    require_memory(
        f"learning intent from {size:,} prefixes",
        matrix_bytes(size, len(FEATURES) + 32, copies=6.0) + len(rows) * 8 * 24,
        settings.limit_mb,
        "lower most_prefixes, or take a later start",
        size=size,
        unit="prefixes",
    )
    outcomes = outcomes_of(rows, prefixes, goal, end_us)
    usable = np.flatnonzero(outcomes.closed & ~outcomes.reached)
    drawn = np.random.default_rng(seed).permutation(len(usable))[: settings.most_prefixes]
    every = _Part(prefixes, outcomes, np.zeros((len(prefixes.at), 0))).take(usable[np.sort(drawn)])
    _require(every, goal, settings.least_goals, "closed sessions")
    return _Part(every.prefixes, every.outcomes, every.prefixes.features())


def _require(part: _Part, goal: int, least: int, where: str) -> None:
    session, came = part.prefixes.session, part.outcomes.goal
    with_goal, without = len(np.unique(session[came])), len(np.unique(session[~came]))
    if min(with_goal, without) >= least:
        return
    few, kind = (with_goal, "reach") if with_goal < without else (without, "do not reach")
    raise NotEnoughDataError(
        f"only {few} of {where} {kind} the goal ({ACTIONS[goal]}), and {least} are needed: not "
        f"enough data to say; {least - few} more such sessions needed",
        next_step="collect events for a longer time",
        found=few,
        needed=least,
    )


def _buy(
    learn: _Part, check: _Part, net: PrefixNet | None, settings: IntentSettings, seed: int
) -> tuple[lgb.Booster, Calibrator, Floats]:
    pairs = [
        (widened(part.features, part.prefixes, net), part.outcomes.goal) for part in (learn, check)
    ]
    trees = boost(
        "binary", pairs[0], pairs[1], seed=seed, rounds=settings.rounds, threads=settings.threads
    )
    raw = np.asarray(trees.predict(pairs[1][0], num_threads=settings.threads), dtype=np.float64)
    calibrator = fit_calibrator(raw, check.outcomes.goal)
    return trees, calibrator, calibrator(raw)


def _tried(
    rows: EventRows, first_us: int, learn: _Part, check: _Part, settings: IntentSettings, seed: int
) -> dict[str, tuple[PrefixNet | None, lgb.Booster, Calibrator, float]]:
    """Every method with its loss on the later sessions."""
    nets: dict[str, PrefixNet | None] = {TREES: None}
    if settings.net != "none":
        past = rows.before(first_us)
        nets[f"{TREES}+{settings.net}"] = learn_prefix_net(
            past, settings.net, seed=seed, seconds=settings.net_seconds
        )
    found = {}
    for method, net in nets.items():
        trees, calibrator, said = _buy(learn, check, net, settings, seed)
        found[method] = (net, trees, calibrator, log_loss(check.outcomes.goal, said))
    return found


def _rehearse(
    parts: list[_Part],
    tried: dict[str, tuple[PrefixNet | None, lgb.Booster, Calibrator, float]],
    window: tuple[int, int],
    settings: IntentSettings,
    seed: int,
) -> Rehearsal:
    learn, check, judge = parts
    said: dict[str, Floats] = {}
    for method, (net, trees, calibrator, _) in tried.items():
        matrix = widened(judge.features, judge.prefixes, net)
        raw = np.asarray(trees.predict(matrix, num_threads=settings.threads), dtype=np.float64)
        said[method] = calibrator(raw)
    in_cart = [part.prefixes.columns.counts[:, CART] > 0 for part in (learn, judge)]
    came = learn.outcomes.goal
    share = [
        (came[in_cart[0] == has].sum() + 0.5) / (np.sum(in_cart[0] == has) + 1.0)
        for has in (False, True)
    ]
    said[CART_RULE] = np.where(in_cart[1], share[1], share[0])
    action = _action(learn, check, settings, seed)
    guessed = np.asarray(action.predict(judge.features, num_threads=settings.threads)).argmax(1)
    named = judge.outcomes.category > 0
    mix, right, last = _categories(learn, check), float("nan"), float("nan")
    if mix is not None and named.any():
        part = judge.take(named)
        best = mix.keys[mix.shares(part.prefixes.columns).argmax(axis=1)]
        right = float(np.mean(best == part.outcomes.category))
        ring = part.prefixes.columns.category
        latest = ring.shape[1] - 1 - np.argmax((ring > 0)[:, ::-1], axis=1)
        same = ring[np.arange(len(ring)), latest] == part.outcomes.category
        last = float(np.mean(same & (ring > 0).any(axis=1)))
    return Rehearsal(
        judge.prefixes.session, judge.prefixes.position, judge.outcomes.goal, said,
        float(np.mean(guessed == judge.outcomes.action)), right, last, *window,
    )  # fmt: skip


def _action(learn: _Part, check: _Part, settings: IntentSettings, seed: int) -> lgb.Booster:
    pairs = [(part.features, part.outcomes.action) for part in (learn, check)]
    rounds = max(settings.rounds // 4, 1)
    return boost(
        "multiclass", pairs[0], pairs[1], seed=seed, rounds=rounds, classes=LEAVE + 1,
        threads=settings.threads,
    )  # fmt: skip


def _hazard(every: _Part, settings: IntentSettings, seed: int) -> Hazard:
    drawn = np.sort(np.random.default_rng(seed).permutation(len(every.features))[:30_000])
    part = every.take(drawn)
    return learn_hazard(part.features, part.outcomes, seed=seed, threads=settings.threads)


def _categories(learn: _Part, check: _Part) -> CategoryMix | None:
    later = (check.prefixes.columns, check.outcomes.category)
    return learn_categories((learn.prefixes.columns, learn.outcomes.category), later)


def _usual(features: Floats) -> Floats:
    """Median of each feature; NaN where it never has a value."""
    empty = np.isnan(features).all(axis=0)
    usual: Floats = np.nanmedian(np.where(empty, 0.0, features), axis=0)
    return np.where(empty, np.nan, usual)
