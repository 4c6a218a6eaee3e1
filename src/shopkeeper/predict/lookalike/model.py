"""Who resembles an audience: positive-unlabelled learning, bagged, with activity set aside.

The rest is unlabelled, not negative. Each bag takes the seeds against a fresh sample of the rest
(Mordelet & Vert 2014, bagging SVM for positive-unlabelled data), drawn so that both sides have
equal shares of every stratum of activity: what remains to be learned is not how much somebody
shops. Scores of customers come from bags that did not contain them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from shopkeeper.core.errors import InputError, NotEnoughDataError
from shopkeeper.predict.contract import require_fitted
from shopkeeper.predict.lookalike.space import Bools, Customers, Floats, Ints, Space
from shopkeeper.predict.memory import matrix_bytes, require_memory

FEWEST_SEEDS, FEWEST_OTHERS = 10, 30
BAGS = 16
AGAINST = 3
"""Customers of the rest against each seed in a bag, at least 200."""
STRENGTH = 0.05
MEMORY_MB = 4096


@dataclass(frozen=True, slots=True)
class Seeds:
    """An audience among customers.

    Parameters
    ----------
    customers : Customers
        Everybody.
    members : Bools
        Who belongs to the audience.
    """

    customers: Customers
    members: Bools


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much each customer is like the audience.

    Parameters
    ----------
    score : Floats
        Mean log-odds over the bags that had not seen the customer.
    similarity : Floats
        Share of the seeds that are less alike by the same measure: 0.5 is as typical of the
        audience as its median member.
    added : Floats
        What each dimension adds to the score beyond the mean customer; shape (customers,
        dimensions).
    """

    score: Floats
    similarity: Floats
    added: Floats


class LookalikeModel:
    """Bagged logistics of seeds against a matched sample of the rest.

    Points are ranks and places among the customers of one moment, so what is learned holds for
    them alone: it is learned when it is asked for and never stored.
    """

    def __init__(self) -> None:
        self._weights: Floats | None = None
        self._bases: Floats = np.zeros(0)
        self._seeds: Floats = np.zeros(0)

    @property
    def mean_weights(self) -> Floats:
        """Weight of each dimension, the mean over bags.

        Returns
        -------
        Floats
        """
        require_fitted(self._weights, "lookalike")
        assert self._weights is not None
        return np.asarray(self._weights.mean(axis=0))

    def fit(self, space: Space, members: Bools, *, seed: int = 0) -> Floats:
        """Learn an audience from points.

        Parameters
        ----------
        space : Space
            Points and strata of everybody.
        members : Bools
            Who belongs.
        seed : int
            Decides the bags.

        Returns
        -------
        Floats
            Score of each customer by bags that had not seen the customer.
        """
        random = np.random.default_rng(seed)
        inside, outside = np.flatnonzero(members), np.flatnonzero(~members)
        chance = _matched(space.stratum, members)[outside]
        size = int(min(max(AGAINST * len(inside), 200), max(len(outside) * 2 // 3, 1)))
        weights, bases = [], []
        total, times = np.zeros(len(members)), np.zeros(len(members))
        for _ in range(BAGS):
            kept = inside[random.random(len(inside)) < 0.8]
            kept = kept if len(kept) >= 2 else inside
            others = random.choice(outside, size, replace=False, p=chance)
            at = np.concatenate([kept, others])
            own = np.concatenate([np.ones(len(kept)), np.zeros(len(others))])
            balance = np.where(own == 1, 0.5 / len(kept), 0.5 / len(others)) * len(at)
            fitted = LogisticRegression(C=STRENGTH * _size(len(kept)), max_iter=200)
            fitted.fit(space.points[at], own, sample_weight=balance)
            weights.append(fitted.coef_[0])
            bases.append(float(fitted.intercept_[0]))
            unseen = np.ones(len(members), dtype=bool)
            unseen[at] = False
            total[unseen] += space.points[unseen] @ weights[-1] + bases[-1]
            times[unseen] += 1
        self._weights, self._bases = np.array(weights), np.array(bases)
        all_bags = space.points @ self._weights.mean(axis=0) + self._bases.mean()
        score = np.where(times > 0, total / np.maximum(times, 1), all_bags)
        self._seeds = np.sort(score[inside])
        return np.asarray(score)

    def likeness(self, points: Floats, score: Floats | None = None) -> Likeness:
        """How much points are like the audience.

        Parameters
        ----------
        points : Floats
            Shape (customers, dimensions).
        score : Floats | None
            Scores by bags that had not seen them; None takes all bags.

        Returns
        -------
        Likeness
            In their order.
        """
        require_fitted(self._weights, "lookalike")
        assert self._weights is not None
        mean = self._weights.mean(axis=0)
        value = points @ mean + self._bases.mean() if score is None else score
        below = np.searchsorted(self._seeds, value, side="left")
        level = below / max(len(self._seeds), 1)
        return Likeness(value, np.asarray(level), (points - points.mean(axis=0)) * mean)


def require_audience(data: Seeds) -> None:
    """Refuse audiences that nothing can be learned from.

    Parameters
    ----------
    data : Seeds
        Everybody, and who belongs.

    Raises
    ------
    NotEnoughDataError
        When there are fewer than 10 members, or fewer than 30 customers outside.
    InputError
        When the members are not told for every customer.
    TooLargeError
        When it would need more memory than it may take.
    """
    count, seeds = len(data.customers), int(data.members.sum())
    if len(data.members) != count:
        raise InputError(
            f"membership is told for {len(data.members)} of {count} customers",
            next_step="give one value a customer",
        )
    if seeds < FEWEST_SEEDS:
        raise NotEnoughDataError(
            f"{seeds} customers of the audience are known here; they are too few to learn from",
            next_step=f"{FEWEST_SEEDS - seeds} more members with purchases are needed",
            seeds=seeds,
            needed=FEWEST_SEEDS,
        )
    if count - seeds < FEWEST_OTHERS:
        raise NotEnoughDataError(
            f"the audience holds {seeds} of {count} customers; hardly anybody is left to find",
            next_step=f"choose a narrower audience: at least {FEWEST_OTHERS} customers outside it "
            "are needed",
            outside=count - seeds,
            needed=FEWEST_OTHERS,
        )
    width = data.customers.facts.shape[1] + 24
    require_memory(
        f"a look-alike audience among {count:,} customers", matrix_bytes(count, width, copies=4.0),
        MEMORY_MB, "take a sample of the customers", size=count, unit="customers",
    )  # fmt: skip


def _matched(stratum: Ints, members: Bools) -> Floats:
    """Chance of each customer outside so that strata get the shares that the seeds have."""
    count = int(stratum.max()) + 1
    seeds = np.bincount(stratum[members], minlength=count).astype(float)
    others = np.bincount(stratum[~members], minlength=count).astype(float)
    # a stratum without a seed still gets a little, so that everybody can be compared
    wanted = (seeds + 0.5) / (seeds + 0.5).sum()
    weight = np.where(members, 0.0, (wanted / np.maximum(others, 1.0))[stratum])
    return np.asarray(weight / weight.sum())


def _size(seeds: int) -> float:
    """Less shrinkage with more seeds."""
    return float(np.clip(seeds / 100.0, 0.2, 20.0))
