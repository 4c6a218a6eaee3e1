"""Sessions like this one: nearest past sessions, weighed by order, and what they went on to.

The method of Garg et al. 2019 (STAN, "Sequence and time aware neighborhood for session-based
recommendations") in the sampling frame of Ludewig and Jannach 2018 (V-SKNN), computed for many
prefixes at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.evaluate import evaluate
from shopkeeper.predict.recommend.interactions import DAY_US, Floats, Interactions, Ints
from shopkeeper.predict.recommend.rank import blocks
from shopkeeper.predict.recommend.split import Split

__all__ = ["Stan", "tuned_stan"]

Doubles = npt.NDArray[np.float64]

_MATCHES_AT_ONCE = 4_000_000


class Stan(Recommender):
    """Score = Σ over the nearest past sessions of similarity · closeness of the item to the match.

    Similarity of a session is the sum over shared items of ``exp(-steps ago / query_decay)``, by
    a power of its length; closeness is ``exp(-|places from the shared item| /
    item_decay)``, times ``backward`` for items before it.

    Parameters
    ----------
    neighbours : int
        Nearest sessions that speak.
    recent : int
        Latest sessions of each item that are looked at.
    query_decay : float
        Steps of the prefix over which an item loses most of its say.
    item_decay : float
        Places of the past session over which an item loses most of its weight.
    backward : float
        What items before the shared one count.
    age_days : float | None
        Days over which a past session loses most of its say; None, or data without times, lets
        all say alike.
    rarity : float
        Power of log(sessions / sessions with the item) by which a shared item counts.
    length_power : float
        Similarity is divided by the length of the past session to this power.
    """

    name: ClassVar[str] = "stan"
    reason: ClassVar[str] = "often_after"

    def __init__(
        self,
        neighbours: int = 500,
        recent: int = 2_000,
        query_decay: float = 2.0,
        item_decay: float = 3.0,
        backward: float = 0.7,
        age_days: float | None = None,
        rarity: float = 1.0,
        length_power: float = 0.5,
    ) -> None:
        super().__init__()
        self.neighbours, self.recent = neighbours, recent
        self.query_decay, self.item_decay = query_decay, item_decay
        self.backward, self.age_days = backward, age_days
        self.rarity, self.length_power = rarity, length_power
        self._held: dict[str, npt.NDArray[Any]] = {}

    def parameters(self) -> dict[str, Any]:
        """Everything `__init__` takes."""
        names = ("neighbours", "recent", "query_decay", "item_decay", "backward", "age_days",
                 "rarity", "length_power")  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def _learn(self, interactions: Interactions, seed: int) -> None:  # noqa: ARG002 - nothing random
        starts = interactions.starts()
        lengths = np.diff(starts)
        newest = np.arange(interactions.n_users, dtype=np.int64)
        weight = np.ones(interactions.n_users)
        if interactions.times is not None and interactions.n:
            some = np.flatnonzero(lengths > 0)
            last = np.zeros(interactions.n_users, dtype=np.int64)
            last[some] = interactions.times[starts[some + 1] - 1]
            newest = last
            if self.age_days is not None:
                weight = np.exp((last - last.max()) / (self.age_days * DAY_US))
        weight = weight / np.maximum(lengths, 1) ** self.length_power
        # an item that came twice is matched where it came last
        row = np.arange(interactions.n)
        by = np.lexsort((-row, interactions.items, interactions.users))
        users, items = interactions.users[by], interactions.items[by]
        fresh = np.ones(len(by), dtype=np.bool_)
        fresh[1:] = (users[1:] != users[:-1]) | (items[1:] != items[:-1])
        kept = by[fresh]
        kept = kept[np.lexsort((-newest[interactions.users[kept]], interactions.items[kept]))]
        first = np.searchsorted(interactions.items[kept], np.arange(interactions.n_items + 1))
        df = np.diff(first)
        said = np.log(max(interactions.n_users, 2) / np.maximum(df, 1)) ** self.rarity
        within = np.arange(len(kept)) - first[interactions.items[kept]]
        kept = kept[within < self.recent]
        first = np.searchsorted(interactions.items[kept], np.arange(interactions.n_items + 1))
        self._held = {
            "items": interactions.items, "users": interactions.users, "starts": starts,
            "weight": weight, "match": kept, "first": first, "said": said,
        }  # fmt: skip

    def _score(self, histories: Interactions) -> Floats:
        scores = np.zeros((histories.n_users, histories.n_items), dtype=np.float32)
        ago = histories.steps_ago()
        by = np.lexsort((ago, histories.items, histories.users))
        users, items = histories.users[by], histories.items[by]
        fresh = np.ones(len(by), dtype=np.bool_)
        fresh[1:] = (users[1:] != users[:-1]) | (items[1:] != items[:-1])
        users, items, ago = users[fresh], items[fresh], ago[by][fresh]
        reach = np.diff(self._held["first"])[items]
        reached = np.bincount(users, weights=reach, minlength=histories.n_users)
        work: Doubles = np.cumsum(reached).astype(np.float64)
        for start, stop in _cuts(work, histories.n_users, histories.n_items):
            own = slice(*np.searchsorted(users, [start, stop]))
            self._block(scores[start:stop], users[own] - start, items[own], ago[own])
        return scores

    def _block(self, scores: Floats, users: Ints, items: Ints, ago: Ints) -> None:
        query, session, place, likeness = self._nearest(users, items, ago)
        held = self._held
        lengths = np.diff(held["starts"])[session]
        pair = np.repeat(np.arange(len(query)), lengths)
        offset = np.arange(len(pair)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        row = held["starts"][session][pair] + offset
        away = row - place[pair]
        close = np.exp(-np.abs(away) / self.item_decay)
        close[away < 0] *= self.backward
        close[away == 0] *= self.backward
        cell = query[pair] * scores.shape[1] + held["items"][row]
        scores += np.bincount(
            cell, weights=likeness[pair] * close, minlength=scores.size
        ).reshape(scores.shape)  # fmt: skip

    def _nearest(self, users: Ints, items: Ints, ago: Ints) -> tuple[Ints, Ints, Ints, Doubles]:
        """Query, past session, row of the match and similarity, one a pair that is kept."""
        held = self._held
        first = held["first"][items]
        counts = held["first"][items + 1] - first
        asked = np.repeat(np.arange(len(items)), counts)
        offset = np.arange(len(asked)) - np.repeat(np.cumsum(counts) - counts, counts)
        match = held["match"][first[asked] + offset]
        session = held["users"][match]
        say = (np.exp(-ago / self.query_decay) * held["said"][items])[asked]
        key = users[asked] * len(held["weight"]) + session
        by = np.lexsort((ago[asked], key))
        key, match, say = key[by], match[by], say[by]
        start = np.flatnonzero(np.append(True, key[1:] != key[:-1])[: len(key)])
        if len(start) == 0:
            none = np.zeros(0, dtype=np.int64)
            return none, none, none, np.zeros(0)
        query, session = np.divmod(key[start], len(held["weight"]))
        likeness = np.add.reduceat(say, start) * held["weight"][session]
        order = np.lexsort((session, -likeness, query))
        rank = np.arange(len(order)) - np.searchsorted(query[order], query[order])
        kept = order[rank < self.neighbours]
        return query[kept], session[kept], match[start][kept], likeness[kept]

    def _state(self) -> Mapping[str, Any]:
        return self._held

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._held = dict(state)


_GRID: Mapping[str, tuple[float, ...]] = {
    "query_decay": (1.0, 4.0, 8.0, 16.0),
    "item_decay": (0.7, 1.5, 6.0, 12.0),
    "backward": (0.4, 1.0),
    "rarity": (0.5, 1.5),
    "length_power": (0.0, 1.0),
}


def tuned_stan(split: Split, *, seed: int, prefixes: int = 2_000, **fixed: Any) -> Stan:
    """Choose the decays on prefixes whose next item is known, one parameter after the other.

    Parameters
    ----------
    split : Split
        Past, prefixes and what came; not those that are reported on.
    seed : int
        Draws the prefixes.
    prefixes : int
        At most so many are asked.
    **fixed : Any
        Parameters of `Stan` that are given.

    Returns
    -------
    Stan
        Not fitted; of the best sum of recall@20 and mrr@20.
    """
    drawn = np.random.default_rng(seed).permutation(split.histories.n_users)[:prefixes]
    names = split.histories.n_users
    chosen = np.zeros(names, dtype=np.bool_)
    chosen[drawn] = True
    asked = Split(
        split.past,
        _only(split.histories, chosen),
        _only(split.truth, chosen),
    )

    def worth(parameters: Mapping[str, Any]) -> float:
        model = Stan(**parameters).fit(asked.past)
        found = evaluate(model, asked, exclude_seen=False).values
        return found["recall@20"] + found["mrr@20"]

    best = dict(fixed)
    gained = worth(best)
    for name, values in _GRID.items():
        for value in values:
            tried = {**best, name: value}
            gain = worth(tried)
            # a thousandth of difference is noise: the usual value stays
            if gain > gained + 0.001:
                best, gained = tried, gain
    return Stan(**best)


def _only(interactions: Interactions, chosen: npt.NDArray[np.bool_]) -> Interactions:
    """Some users under codes of their own; ids of prefixes repeat, codes do not."""
    number = np.cumsum(chosen) - 1
    kept = interactions.where(chosen[interactions.users])
    return replace(
        kept,
        users=number[kept.users],
        user_ids=interactions.user_ids.take(pa.array(np.flatnonzero(chosen))),
    )


def _cuts(work: Doubles, users: int, items: int) -> list[tuple[int, int]]:
    """Blocks of queries that bound both the matches and the scores held at once."""
    cuts: list[tuple[int, int]] = []
    for start, stop in blocks(users, items):
        before = 0.0 if start == 0 else work[start - 1]
        part = (work[start:stop] - before) // _MATCHES_AT_ONCE
        edges = [start, *(np.flatnonzero(np.diff(part)) + 1 + start).tolist(), stop]
        cuts += itertools.pairwise(edges)
    return cuts
