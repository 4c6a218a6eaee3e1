"""The learners of intent: boosted trees, a mixture for the next category, a hazard for the wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.intent.events import DAY_US, Bools, Floats, Ints
from shopkeeper.predict.intent.prefixes import Outcomes
from shopkeeper.predict.intent.state import Columns

__all__ = ["EDGES_DAYS", "CategoryMix", "Hazard", "boost", "learn_categories", "learn_hazard"]

EDGES_DAYS = (0.02, 1.0, 3.0, 7.0, 14.0, 30.0, 60.0, 90.0)
"""Ends of the intervals in which a purchase may come; the first is the session at hand."""

_AT_RISK = 50
"""An interval is learned from at least so many prefixes that reach it."""
_MOST_CATEGORIES = 1_000


def boost(
    objective: str,
    learn: tuple[Floats, Any],
    check: tuple[Floats, Any] | None,
    *,
    seed: int,
    rounds: int,
    classes: int = 1,
    threads: int = 1,
    share: float = 0.7,
) -> lgb.Booster:
    """Boost trees; stop when the later rows gain nothing more.

    Parameters
    ----------
    objective : str
        ``binary`` or ``multiclass``.
    learn, check : tuple[Floats, Any] | None
        Features and outcomes of the rows learned from, and of the later ones.
    seed : int
        Decides everything random.
    rounds : int
        Most trees (a class).
    classes : int
        Of ``multiclass``.
    threads : int
        Of LightGBM.
    share : float
        Of the columns, drawn anew for each tree.

    Returns
    -------
    lgb.Booster
        Of its best round.
    """
    parameters = {
        "objective": objective, "learning_rate": 0.06, "num_leaves": 15, "min_data_in_leaf": 40,
        "feature_fraction": share, "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": 2.0,
        "seed": seed, "deterministic": True, "force_row_wise": True, "num_threads": threads,
        "verbose": -1, "max_bin": 127,
    }  # fmt: skip
    if objective == "multiclass":
        parameters["num_class"] = classes
    data = lgb.Dataset(*learn, free_raw_data=False)
    later = None if check is None else [lgb.Dataset(*check, reference=data)]
    stop = [] if later is None else [lgb.early_stopping(20, verbose=False)]
    grown = lgb.train(parameters, data, rounds, valid_sets=later, callbacks=stop)
    # what a file gives back is what is used: the same trees before and after saving
    return lgb.Booster(model_str=grown.model_to_string(num_iteration=grown.best_iteration))


@dataclass(frozen=True, slots=True, eq=False)
class CategoryMix:
    """Next category = a mixture of what follows the last one, this session's share, and the shop's.

    Deleted interpolation (Jelinek and Mercer 1980): the weights are learned by EM on later rows.

    Parameters
    ----------
    keys : Ints
        Known categories, ascending.
    follows : Floats
        Row by row what follows a category; shape (categories, categories).
    usual : Floats
        Share of each category in what comes next.
    weights : tuple[float, float, float]
        Of the three, where the session named a category; elsewhere the usual shares hold alone.
    """

    keys: Ints
    follows: Floats
    usual: Floats
    weights: tuple[float, float, float]

    def parts(self, columns: Columns) -> tuple[Floats, Floats, Bools]:
        """What the first two of the mixture say, and where they say anything.

        Parameters
        ----------
        columns : Columns
            Prefixes.

        Returns
        -------
        tuple[Floats, Floats, Bools]
            Shapes (n, categories), (n, categories) and (n,).
        """
        place = np.searchsorted(self.keys, columns.category)
        place = np.minimum(place, max(len(self.keys) - 1, 0))
        known = (self.keys[place] == columns.category) & (columns.category > 0)
        shares = np.zeros((len(place), len(self.keys)))
        row, at = np.nonzero(known)
        np.add.at(shares, (row, place[row, at]), 1.0)
        some = known.any(axis=1)
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1.0)
        latest = place.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
        last = place[np.arange(len(place)), latest]
        return self.follows[last] * some[:, None], shares, some

    def shares(self, columns: Columns) -> Floats:
        """Probability of each known category to be the next that is named.

        Parameters
        ----------
        columns : Columns
            Prefixes.

        Returns
        -------
        Floats
            Shape (n, categories); rows sum to 1.
        """
        follows, own, some = self.parts(columns)
        a, b, c = self.weights
        mixed: Floats = np.where(
            some[:, None], a * follows + b * own + c * self.usual, self.usual[None, :]
        )
        return mixed


def learn_categories(
    learn: tuple[Columns, Ints], check: tuple[Columns, Ints]
) -> CategoryMix | None:
    """Learn the mixture.

    Parameters
    ----------
    learn, check : tuple[Columns, Ints]
        Prefixes and the key of the category that came next, 0 where none did.

    Returns
    -------
    CategoryMix | None
        None where no session names two categories one after the other.
    """
    columns, came = learn
    keys, counts = np.unique(came[came > 0], return_counts=True)
    if len(keys) == 0:
        return None
    frequent = np.sort(np.argsort(-counts, kind="stable")[:_MOST_CATEGORIES])
    keys, counts = keys[frequent], counts[frequent]
    usual = (counts + 1.0) / (counts.sum() + len(counts))
    empty = CategoryMix(keys, np.zeros((len(keys), len(keys))), usual, (0.0, 0.0, 1.0))
    told = np.flatnonzero(np.isin(came, keys))
    place = np.searchsorted(keys, came[told])
    last = _last_category(columns.category[told], keys)
    follows = np.zeros((len(keys), len(keys)))
    some = last >= 0
    np.add.at(follows, (last[some], place[some]), 1.0)
    # three rows of the usual keep a rare category from certainty
    follows = (follows + 3.0 * usual) / (follows.sum(axis=1, keepdims=True) + 3.0)
    mix = CategoryMix(empty.keys, follows, usual, (1 / 3, 1 / 3, 1 / 3))
    return CategoryMix(keys, follows, usual, _weights(mix, *check))


def _last_category(ring: Ints, keys: Ints) -> Ints:
    place = np.minimum(np.searchsorted(keys, ring), len(keys) - 1)
    known = keys[place] == ring
    latest = ring.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    return np.where(known.any(axis=1), place[np.arange(len(ring)), latest], -1)


def _weights(mix: CategoryMix, columns: Columns, came: Ints) -> tuple[float, float, float]:
    rows = np.flatnonzero(np.isin(came, mix.keys))[:20_000]
    part = Columns(
        {}, columns.counts[rows], columns.before[rows], columns.action[rows], columns.item[rows],
        columns.category[rows],
    )  # fmt: skip
    follows, own, some = mix.parts(part)
    if not some.any():
        return (0.0, 0.0, 1.0)
    target = np.searchsorted(mix.keys, came[rows])[some]
    at = np.arange(len(rows))[some]
    said = np.column_stack([follows[at, target], own[at, target], mix.usual[target]])
    weight = np.full(3, 1 / 3)
    for _ in range(50):
        share = said * weight
        weight = (share / np.maximum(share.sum(axis=1, keepdims=True), 1e-12)).mean(axis=0)
    return (float(weight[0]), float(weight[1]), float(1.0 - weight[0] - weight[1]))


@dataclass(frozen=True, slots=True, eq=False)
class Hazard:
    """Chance of a purchase in each interval, given none before: a discrete-time hazard.

    Parameters
    ----------
    trees : lgb.Booster
        Over the features of the prefix and the number of the interval.
    edges_days : tuple[float, ...]
        Ends of the intervals.
    """

    trees: lgb.Booster
    edges_days: tuple[float, ...]

    def survival(self, features: Floats) -> Floats:
        """Chance that nothing is bought by the end of each interval.

        Parameters
        ----------
        features : Floats
            Shape (n, features).

        Returns
        -------
        Floats
            Shape (n, intervals), falling along a row.
        """
        size = len(self.edges_days)
        number = np.tile(np.arange(size, dtype=np.float64), len(features))
        rows = np.column_stack([np.repeat(features, size, axis=0), number])
        hazard = np.asarray(self.trees.predict(rows, num_threads=1)).reshape(-1, size)
        survival: Floats = np.cumprod(1.0 - hazard, axis=1).astype(np.float64)
        return survival

    def expected_days(self, features: Floats) -> Floats:
        """Mean wait, counting what lies beyond the last interval as its end.

        Parameters
        ----------
        features : Floats
            Shape (n, features).

        Returns
        -------
        Floats
            Days, at most the last edge.
        """
        survival = self.survival(features)
        before = np.column_stack([np.ones(len(features)), survival[:, :-1]])
        width = np.diff(np.r_[0.0, self.edges_days])
        days: Floats = ((before + survival) / 2 * width).sum(axis=1)
        return days


def learn_hazard(features: Floats, outcomes: Outcomes, *, seed: int, threads: int) -> Hazard:
    """Learn from prefixes whose wait is known or cut off by the end of what is known.

    Parameters
    ----------
    features : Floats
        Shape (n, features).
    outcomes : Outcomes
        Of the same prefixes; one that was cut off counts up to the last interval it survived.
    seed : int
        Decides everything random.
    threads : int
        Of LightGBM.

    Returns
    -------
    Hazard
        Over the intervals that enough prefixes reach.

    Raises
    ------
    NotEnoughDataError
        When no interval is reached by enough of them.
    """
    days = outcomes.wait_us / DAY_US
    edges = np.array(EDGES_DAYS)
    number = np.searchsorted(edges, days)
    # the interval of a purchase counts; one that is only partly known does not
    reached = np.where(outcomes.observed, np.minimum(number + 1, len(edges)), number)
    at_risk = np.array([(reached > at).sum() for at in range(len(edges))])
    size = int((at_risk >= _AT_RISK).sum())
    if size == 0:
        raise NotEnoughDataError(
            f"only {int(at_risk.max(initial=0))} prefixes were watched to the end of an interval, "
            f"and {_AT_RISK} are needed",
            next_step="collect events for a longer time",
        )
    reached = np.minimum(reached, size)
    row = np.repeat(np.arange(len(days)), reached)
    interval = np.arange(len(row)) - np.repeat(np.cumsum(reached) - reached, reached)
    bought = outcomes.observed[row] & (number[row] == interval)
    matrix = np.column_stack([features[row], interval])
    rounds = 80 if bought.any() else 1
    # every tree may split by interval: without it, a tree would learn who is still waiting
    trees = boost(
        "binary", (matrix, bought), None, seed=seed, rounds=rounds, threads=threads, share=1.0
    )
    return Hazard(trees, tuple(EDGES_DAYS[:size]))
