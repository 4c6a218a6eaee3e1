"""Buy again: what this customer keeps coming back for, and what is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.interactions import Bools, Floats, Interactions, Ints
from shopkeeper.predict.recommend.popularity import Popularity

__all__ = ["BuyAgain", "OwnFrequent", "Replenish", "own_pairs"]


class BuyAgain(Recommender):
    """Personal frequency: Σ over the baskets with the item of ``decay`` to the baskets since.

    Popularity fills what a short history leaves open; its share is below any personal score of
    the last ``1 / (1 - decay)`` baskets, so it decides between equals. A newcomer has nothing to
    buy again: all scores are 0.

    Parameters
    ----------
    decay
        How much less a basket counts than the one after it.
    popular
        Largest score that popularity alone can give.
    """

    name: ClassVar[str] = "buy-again"
    reason: ClassVar[str] = "buy_again"

    def __init__(self, decay: float = 0.95, popular: float = 0.01) -> None:
        super().__init__()
        self.decay = decay
        self.popular = popular
        self._prior: Floats = np.zeros(0, dtype=np.float32)

    def parameters(self) -> dict[str, Any]:
        """Everything `__init__` takes."""
        return {"decay": self.decay, "popular": self.popular}

    def _learn(self, interactions: Interactions, seed: int) -> None:
        whole = Popularity().fit(interactions, seed=seed)
        counts = whole.score(interactions.slice_users(0, 1))[0]
        self._prior = (self.popular * counts / max(float(counts.max(initial=0)), 1.0)).astype(
            np.float32
        )

    def _score(self, histories: Interactions) -> Floats:
        scores: Floats = histories.weights(self.decay).toarray()
        scores += np.where(self._answers(histories), self._prior, np.float32(0.0))
        return scores

    def _answers(self, histories: Interactions) -> Bools:
        """Who gets popularity besides: those with a history; for others there is no again."""
        return (np.diff(histories.starts()) > 0)[:, None]

    def _state(self) -> Mapping[str, Any]:
        return {"prior": self._prior}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._prior = state["prior"]


class OwnFrequent(BuyAgain):
    """Own most frequent items, filled with the most popular: the baseline of every next basket.

    GP-TopFreq of Li et al. 2023, "A Next Basket Recommendation Reality Check".

    Parameters
    ----------
    decay
        1: how long ago does not count.
    popular
        Largest score that popularity alone can give.
    """

    name: ClassVar[str] = "own-frequent"

    def __init__(self, decay: float = 1.0, popular: float = 0.01) -> None:
        super().__init__(decay, popular)

    def _answers(self, histories: Interactions) -> Bools:
        return np.ones((histories.n_users, 1), dtype=np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class OwnPairs:
    """What a user did with an item so far, one row a pair of user and item.

    Parameters
    ----------
    users, items
        Codes; sorted by user and item.
    times
        Steps with the item.
    since
        Steps of the user after the latest with it; 0 is the latest step.
    span
        Steps from the first with it to the user's latest, that one included.
    """

    users: Ints
    items: Ints
    times: Ints
    since: Ints
    span: Ints


def own_pairs(histories: Interactions) -> OwnPairs:
    """Count each user's items.

    Parameters
    ----------
    histories
        Any.

    Returns
    -------
    OwnPairs
    """
    key = histories.users * histories.n_items + histories.items
    order = np.lexsort((histories.steps, key))
    found, first, times = np.unique(key[order], return_index=True, return_counts=True)
    ago = histories.steps_ago()[order]
    users, items = np.divmod(found, max(histories.n_items, 1))
    since = ago[first + times - 1]
    return OwnPairs(users, items, times.astype(np.int64), since, ago[first] + 1)


_TIMES = np.array([2, 3, 5, 10])
_RATES = np.array([0.05, 0.1, 0.2, 0.35, 0.55, 0.8])
_DUE = np.array([0.3, 0.7, 1.0, 1.5, 2.5, 5.0])
_CELLS = (len(_TIMES) + 1, len(_RATES) + 1, len(_DUE) + 1)


class Replenish(Recommender):
    """Chance that an item is bought again now, from how often, how regularly, how long ago.

    Every pair of user and item falls into a cell of (times bought, share of the baskets since the
    first, time since the last against the pair's usual gap, in orders). The chance of a cell is
    what happened in the last basket of each history, shrunk towards the chance of all pairs with
    that share and wait, and that towards all with that share; what a customer never bought scores
    a little by popularity.

    Parameters
    ----------
    strength
        Pairs that the shrinkage counts as.
    decay
        Of the frequency that orders pairs of one cell.
    popular
        Largest score that popularity alone can give.
    """

    name: ClassVar[str] = "replenish"
    reason: ClassVar[str] = "due"

    def __init__(self, strength: float = 20.0, decay: float = 0.9, popular: float = 0.005) -> None:
        super().__init__()
        self.strength = strength
        self.decay = decay
        self.popular = popular
        self._chance: Floats = np.zeros(_CELLS, dtype=np.float32)
        self._prior: Floats = np.zeros(0, dtype=np.float32)

    def parameters(self) -> dict[str, Any]:
        """Everything `__init__` takes."""
        return {"strength": self.strength, "decay": self.decay, "popular": self.popular}

    def _learn(self, interactions: Interactions, seed: int) -> None:
        ago = interactions.steps_ago()
        before = interactions.where(ago >= 1)
        latest = interactions.where(ago == 0)
        pairs = own_pairs(before)
        width = max(interactions.n_items, 1)
        came = np.isin(pairs.users * width + pairs.items, latest.users * width + latest.items)
        cells = np.ravel_multi_index(_cells(pairs), _CELLS)
        total = np.bincount(cells, minlength=int(np.prod(_CELLS))).reshape(_CELLS)
        again = np.bincount(cells, came, minlength=int(np.prod(_CELLS))).reshape(_CELLS)
        whole = (came.sum() + 1.0) / (len(came) + 20.0)
        rate = (again.sum((0, 2)) + self.strength * whole) / (total.sum((0, 2)) + self.strength)
        timed = (again.sum(0) + self.strength * rate[:, None]) / (total.sum(0) + self.strength)
        chance = (again + self.strength * timed) / (total + self.strength)
        self._chance = chance.astype(np.float32)
        counts = Popularity().fit(interactions, seed=seed).score(interactions.slice_users(0, 1))[0]
        self._prior = (self.popular * counts / max(float(counts.max(initial=0)), 1.0)).astype(
            np.float32
        )

    def _score(self, histories: Interactions) -> Floats:
        known = (np.diff(histories.starts()) > 0)[:, None]
        scores: Floats = np.where(known, self._prior, np.float32(0.0))
        pairs = own_pairs(histories)
        if len(pairs.users) == 0:
            return scores
        chance = self._chance[_cells(pairs)]
        # Entries of the weights are the same pairs in the same order.
        often = histories.weights(self.decay).data * np.float32(1 - self.decay)
        scores[pairs.users, pairs.items] += chance * (1 + often)
        return scores

    def due(self, histories: Interactions) -> tuple[OwnPairs, Floats]:
        """Pairs of user and item with the chance that the item is bought now.

        Parameters
        ----------
        histories
            In the item codes of the model.

        Returns
        -------
        tuple
            The pairs and their chances in [0, 1].
        """
        pairs = own_pairs(histories)
        return pairs, self._chance[_cells(pairs)]

    def _state(self) -> Mapping[str, Any]:
        return {"chance": self._chance, "prior": self._prior}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._chance = state["chance"]
        self._prior = state["prior"]


def _cells(pairs: OwnPairs) -> tuple[Ints, Ints, Ints]:
    rate = pairs.times / np.maximum(pairs.span, 1)
    # Gap between purchases in orders; a single purchase is held against the wait since.
    gap = np.where(
        pairs.times > 1, (pairs.span - 1 - pairs.since) / np.maximum(pairs.times - 1, 1), 5.0
    )
    due = (pairs.since + 1) / np.maximum(gap, 1.0)
    return (
        np.searchsorted(_TIMES, pairs.times, side="right"),
        np.searchsorted(_RATES, rate, side="right"),
        np.searchsorted(_DUE, due, side="right"),
    )
