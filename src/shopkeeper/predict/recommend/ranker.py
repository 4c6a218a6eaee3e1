"""A boosted ranker over the candidates of other methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from shopkeeper.core.errors import SourceError
from shopkeeper.predict.contract import model_class
from shopkeeper.predict.memory import matrix_bytes, require_memory
from shopkeeper.predict.recommend.again import own_pairs
from shopkeeper.predict.recommend.base import Reasons, Recommender, load_recommender
from shopkeeper.predict.recommend.candidates import Candidates, collect
from shopkeeper.predict.recommend.evaluate import Truth
from shopkeeper.predict.recommend.interactions import DAY_US, Floats, Interactions, Ints
from shopkeeper.predict.recommend.split import Split, leave_last_out, temporal

__all__ = ["Ranker"]

Doubles = npt.NDArray[np.float64]

_ITEM_FEATURES = ("buyers", "trend", "age", "price", "group")
_PAIR_FEATURES = ("times", "since", "rate", "price_fit", "affinity", "length")


class Ranker(Recommender):
    """LambdaMART (Burges 2010, by LightGBM) over what other methods found and said.

    The last part of the past is held out: components are fitted on what was before it, their best
    items are the candidates, what came is the label. Then the components are fitted on everything.
    Features of a candidate: every component's levelled score and place; the item's buyers, trend,
    recency and price; how often and how lately the customer had it; price fit and affinity to its
    group. An item no component found scores 0.

    Parameters
    ----------
    components
        Recommenders, or their names and parameters.
    depth
        Candidates taken from each.
    trees
        Number of trees.
    hold_days
        Length of the held-out part where there are times; else the last step of each history.
    users
        At most so many customers to learn from, drawn by the seed.
    repeats
        Whether what was bought before may be recommended.
    limit_mb
        Bound of memory of the candidates, MiB.
    """

    name: ClassVar[str] = "ranker"

    def __init__(
        self,
        components: Sequence[Recommender | Mapping[str, Any]],
        depth: int = 50,
        trees: int = 150,
        hold_days: float = 28.0,
        users: int = 4_000,
        repeats: bool = False,
        limit_mb: int = 2_048,
    ) -> None:
        super().__init__()
        self.components = [
            part
            if isinstance(part, Recommender)
            else model_class(self.task, part["name"])(**part["parameters"])
            for part in components
        ]
        self.depth = depth
        self.trees = trees
        self.hold_days = hold_days
        self.users = users
        self.repeats = repeats
        self.limit_mb = limit_mb
        self.prices: Doubles | None = None
        self.groups: Ints | None = None
        self._items: Doubles = np.zeros((0, len(_ITEM_FEATURES)))
        self._booster: lgb.Booster | None = None

    def about(self, prices: Doubles | None = None, groups: Ints | None = None) -> Ranker:
        """What is known of the items besides who had them.

        Parameters
        ----------
        prices
            Price of every item in the order of the interactions' items, NaN where not known.
        groups
            Group of every item, -1 where not known.

        Returns
        -------
        Ranker
            The same object, to be fitted.
        """
        self.prices, self.groups = prices, groups
        return self

    def parameters(self) -> dict[str, Any]:
        """Everything `__init__` takes."""
        parts = [{"name": p.name, "parameters": p.parameters()} for p in self.components]
        return {
            "components": parts,
            "depth": self.depth,
            "trees": self.trees,
            "hold_days": self.hold_days,
            "users": self.users,
            "repeats": self.repeats,
            "limit_mb": self.limit_mb,
        }

    def _held_out(self, interactions: Interactions) -> Split:
        if interactions.times is None:
            return leave_last_out(interactions)
        span = int(interactions.times.max()) - int(interactions.times.min())
        length = min(int(self.hold_days * DAY_US), span // 4)
        return temporal(interactions, int(interactions.times.max()) + 1 - length)

    def _learn(self, interactions: Interactions, seed: int) -> None:
        split = self._held_out(interactions)
        width = len(self.components)
        pairs = min(self.users, interactions.n_users) * self.depth * width
        require_memory(
            f"ranking {min(self.users, interactions.n_users):,} customers' candidates",
            matrix_bytes(pairs, 2 * width + len(_ITEM_FEATURES + _PAIR_FEATURES), copies=2),
            self.limit_mb,
            "lower users or depth",
        )
        for part in self.components:
            part.fit(split.past, seed=seed)
        self._items = self._about_items(split.past)
        came = np.unique(split.truth.users)
        drawn = np.sort(np.random.default_rng(seed).permutation(came)[: self.users])
        names = split.histories.user_ids.take(drawn)
        asked = Split(split.past, split.histories.for_users(names), split.truth.for_users(names))
        found = collect(self.components, asked.histories, self.depth, exclude_seen=not self.repeats)
        truth = Truth.of(asked, self.components[0], new_only=not self.repeats)
        hit = found.hit(truth, interactions.n_items)
        self._booster = self._boosted(self._features(found, asked.histories), hit, found, seed)
        for part in self.components:
            part.fit(interactions, seed=seed)
        self._items = self._about_items(interactions)

    def _boosted(
        self, features: Doubles, hit: npt.NDArray[np.bool_], found: Candidates, seed: int
    ) -> lgb.Booster | None:
        sizes = np.diff(found.starts())
        hits = np.bincount(found.users, hit, minlength=found.n_users)
        # A customer none of whose candidates came teaches no order.
        teaching = np.repeat(hits > 0, sizes)
        if not teaching.any():
            return None
        data = lgb.Dataset(
            features[teaching], hit[teaching].astype(np.float64), group=sizes[hits > 0]
        )
        settings = {
            "objective": "lambdarank", "lambdarank_truncation_level": 20, "num_leaves": 15,
            "learning_rate": 0.05, "min_data_in_leaf": 100, "feature_fraction": 0.7,
            "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": 5.0, "seed": seed,
            "num_threads": 1, "deterministic": True, "verbosity": -1,
        }  # fmt: skip
        return lgb.train(settings, data, num_boost_round=self.trees)

    def _about_items(self, past: Interactions) -> Doubles:
        """One row an item: buyers, trend, days or steps since last sold, price, group."""
        n = past.n_items
        buyers = np.bincount(past.weights().indices, minlength=n).astype(np.float64)
        if past.times is None:
            clock = past.steps_ago().astype(np.float64)
            recent = clock < 2
        else:
            clock = (int(past.times.max(initial=0)) - past.times) / DAY_US
            recent = clock < 7
        age = np.full(n, np.nan)
        order = np.argsort(-clock, kind="stable")
        age[past.items[order]] = clock[order]
        lately = np.bincount(past.items[recent], minlength=n)
        trend = (lately + 1.0) / (np.bincount(past.items, minlength=n) + 10.0)
        price = np.full(n, np.nan) if self.prices is None else np.log1p(self.prices)
        group = np.full(n, -1.0) if self.groups is None else self.groups.astype(np.float64)
        return np.column_stack([np.log1p(buyers), trend, age, price, group])

    def _features(self, found: Candidates, histories: Interactions) -> Doubles:
        """One row a candidate."""
        known = histories.for_items(self.components[0].item_ids)
        scores = found.scores.astype(np.float64)
        places = np.column_stack([_places(found.users, column) for column in scores.T])
        pairs = own_pairs(known)
        width = known.n_items
        keys = pairs.users * width + pairs.items
        asked = found.users * width + found.items
        place = np.searchsorted(keys, asked).clip(max=max(len(keys) - 1, 0))
        own = np.zeros(len(asked), np.bool_) if len(keys) == 0 else keys[place] == asked
        times = np.where(own, pairs.times[place] if len(keys) else 0, 0)
        since = np.where(own, pairs.since[place] if len(keys) else 0, np.nan)
        span = np.where(own, pairs.span[place] if len(keys) else 1, 1)
        item = self._items[found.items]
        usual, liked = self._tastes(known)
        group = item[:, 4].astype(np.int64)
        affinity = np.where(group >= 0, liked[found.users, np.maximum(group, 0)], np.nan)
        length = np.bincount(known.users, minlength=known.n_users)[found.users]
        mine = np.column_stack(
            [times, since, times / np.maximum(span, 1), item[:, 3] - usual[found.users],
             affinity, np.log1p(length)]
        )  # fmt: skip
        # A group's code says nothing of its size: affinity speaks for it.
        return np.column_stack([scores, places, item[:, :4], mine])

    def _tastes(self, known: Interactions) -> tuple[Doubles, Doubles]:
        """Usual log price of each user, and the share of each group in the history."""
        count = np.maximum(np.bincount(known.users, minlength=known.n_users), 1)
        price = self._items[known.items, 3]
        priced = np.isfinite(price)
        sums = np.bincount(known.users[priced], price[priced], minlength=known.n_users)
        of = np.bincount(known.users[priced], minlength=known.n_users)
        usual = np.where(of > 0, sums / np.maximum(of, 1), np.nan)
        group = self._items[known.items, 4].astype(np.int64)
        groups = int(self._items[:, 4].max(initial=-1)) + 1
        liked = np.zeros((known.n_users, max(groups, 1)))
        there = group >= 0
        np.add.at(liked, (known.users[there], group[there]), 1.0)
        return usual, liked / count[:, None]

    def _score(self, histories: Interactions) -> Floats:
        scores = np.zeros((histories.n_users, histories.n_items), dtype=np.float32)
        found = collect(self.components, histories, self.depth, exclude_seen=not self.repeats)
        if len(found.users) == 0:
            return scores
        if self._booster is None:
            value = found.scores.sum(axis=1).astype(np.float64)
        else:
            features = self._features(found, histories)
            value = np.asarray(self._booster.predict(features, num_threads=1), dtype=np.float64)
        # Order is all that counts; a positive score says "a candidate".
        scores[found.users, found.items] = 1.0 / (1.0 + np.exp(-value / 4))
        return scores

    def explain(self, histories: Interactions, users: Ints, items: Ints) -> Reasons:
        """The reason of the first component that has one for each pair."""
        codes = np.full(len(items), self.reason, dtype=object)
        sources = np.full(len(items), -1, dtype=np.int64)
        open_rows = np.arange(len(items))
        for part in self.components:
            said = part.explain(histories, users[open_rows], items[open_rows])
            found = said.sources >= 0
            codes[open_rows[found]] = said.codes[found]
            sources[open_rows[found]] = said.sources[found]
            open_rows = open_rows[~found]
        return Reasons(codes, sources)

    def _state(self) -> Mapping[str, Any]:
        return {"items": self._items}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._items = state["items"]

    def _save_parts(self, folder: Path) -> None:
        if self._booster is not None:
            (folder / "ranker.txt").write_text(self._booster.model_to_string(), encoding="utf-8")
        for number, part in enumerate(self.components):
            part.save(folder / f"component-{number}")

    def _load_parts(self, folder: Path) -> None:
        path = folder / "ranker.txt"
        try:
            text = path.read_text(encoding="utf-8") if path.exists() else None
            self._booster = lgb.Booster(model_str=text) if text else None
        except lgb.basic.LightGBMError as error:
            raise SourceError(
                f"{path} holds no trees that can be read",
                next_step="save the model again",
                path=str(path),
            ) from error
        self.components = [
            load_recommender(folder / f"component-{number}")
            for number in range(len(self.components))
        ]


def _places(users: Ints, scores: Doubles) -> Doubles:
    """Place of each candidate among its user's by one score, from 1; equal scores share none."""
    order = np.lexsort((-scores, users))
    first = np.searchsorted(users[order], users[order])
    places = np.empty(len(users))
    places[order] = np.arange(len(users)) - first + 1
    return np.where(scores > 0, places, 1e3)
