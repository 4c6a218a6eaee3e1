"""What may be inside a shop's recommender, and how a period decides what is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shopkeeper.predict.recommend.again import BuyAgain, Replenish
from shopkeeper.predict.recommend.alike import SessionKnn
from shopkeeper.predict.recommend.als import Ials
from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.blend import Blend, choose_weights
from shopkeeper.predict.recommend.content import Content, Words
from shopkeeper.predict.recommend.diversity import arranged
from shopkeeper.predict.recommend.ease import Ease
from shopkeeper.predict.recommend.evaluate import Truth, evaluate, list_figures
from shopkeeper.predict.recommend.interactions import Interactions, Ints
from shopkeeper.predict.recommend.popularity import FadingPopularity, RecentPopularity
from shopkeeper.predict.recommend.rank import recommend
from shopkeeper.predict.recommend.ranker import Ranker
from shopkeeper.predict.recommend.similar import ItemGraph, ItemKnn, Markov
from shopkeeper.predict.recommend.split import Split, first_basket

__all__ = [
    "Chosen",
    "Ranked",
    "basket_members",
    "choose",
    "fit_all",
    "group_codes",
    "new_members",
    "weighted",
]

# What bounds the work on long grocery histories: neighbours kept, gap and latest baskets used.
_NEIGHBOURS = 100
_GAP = 2
_RECENT = 20
_RECENT_KNN = 8
# EASE inverts a dense matrix: the 2,000 most bought products take 16 MB and two seconds a fit.
_EASE_ITEMS = 2_000
_IALS_MOST = 300_000
_TRADED = 300
_TRADES = (0.0, 0.02, 0.05, 0.1, 0.2)


def new_members(words: Words | None = None, interactions: int = 0) -> list[Recommender]:
    """Methods that new products may come from, in the order of the weights.

    Parameters
    ----------
    words
        What is written about products; without it there is no content.
    interactions
        Size of the past: beyond 300,000 iALS would outlast all others together and is left out.

    Returns
    -------
    list of Recommender
        Not fitted.
    """
    members: list[Recommender] = [
        Markov(window=_GAP, neighbours=_NEIGHBOURS, recent=_RECENT),
        ItemGraph(window=_GAP, neighbours=_NEIGHBOURS, recent=_RECENT),
        ItemKnn(decay=0.95, neighbours=_NEIGHBOURS, recent=_RECENT_KNN),
        SessionKnn(neighbours=200, decay=0.9, recent=_RECENT),
        RecentPopularity(),
        FadingPopularity(),
        Ease(max_items=_EASE_ITEMS, overflow="frequent"),
    ]
    if interactions <= _IALS_MOST:
        members.append(Ials(factors=32, iterations=5))
    return members if words is None else [*members, Content(words=words)]


def basket_members() -> list[Recommender]:
    """Methods that the next basket may be made of.

    Returns
    -------
    list of Recommender
        Not fitted.
    """
    return [
        BuyAgain(),
        Replenish(),
        ItemGraph(window=_GAP, neighbours=_NEIGHBOURS, recent=_RECENT),
        SessionKnn(neighbours=200, decay=0.9, recent=_RECENT),
        RecentPopularity(),
        FadingPopularity(),
    ]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a period decided.

    Parameters
    ----------
    new, next_basket
        Weights by name of member.
    again
        Name of the method that orders what was bought before.
    trade
        What a repetition of a category costs in a list.
    ranked
        Whether boosted trees reorder what the members of ``new`` found.
    """

    new: dict[str, float]
    next_basket: dict[str, float]
    again: str
    trade: float = 0.0
    ranked: bool = False


def choose(
    split: Split,
    words: Words | None,
    categories: Mapping[str, str] | None,
    *,
    seed: int,
    users: int = 400,
    ranker: Ranked | None = None,
) -> Chosen:
    """Decide weights and methods on a period that no figure is reported from.

    Parameters
    ----------
    split
        The period: all of it for new products, each customer's first basket of it for the next
        basket and what is bought again.
    words
        What is written about products.
    categories
        Category by product id; without it lists are not rearranged.
    seed
        Decides everything random.
    users
        Customers judged.
    ranker
        What a ranker would know of the products; it is used only if it ranks this period better
        than the blend. None does not try one.

    Returns
    -------
    Chosen
        Each decision by NDCG@10.
    """
    parts = [part.fit(split.past, seed=seed) for part in new_members(words, split.past.n)]
    weights = choose_weights(parts, split, exclude_seen=True, users=users, seed=seed)
    news = dict(zip((part.name for part in parts), weights, strict=True))
    new = weighted(parts, news)
    if isinstance(new, Blend):
        new.take_fitted()
    trade = _trade(new, split, categories, seed) if categories else 0.0
    plain = evaluate(new, split, exclude_seen=True).values["ndcg@10"] if ranker else 1.0
    baskets = first_basket(split)
    # The past is the same: what is fitted already is not fitted again.
    ready = {_key(part): part for part in parts}
    parts = [
        ready.get(_key(part)) or part.fit(baskets.past, seed=seed) for part in basket_members()
    ]
    weights = choose_weights(parts, baskets, exclude_seen=False, users=users, seed=seed)
    basket = dict(zip((part.name for part in parts), weights, strict=True))
    again = {
        part.name: evaluate(part, baskets, exclude_seen=False).values["ndcg@10"]
        for part in parts[:2]
    }
    won = False
    if ranker is not None:
        trees = ranker.over(weighted(new_members(words, split.past.n), news)).fit(
            split.past, seed=seed
        )
        won = evaluate(trees, split, exclude_seen=True).values["ndcg@10"] > plain
    return Chosen(news, basket, max(again, key=lambda name: again[name]), trade, won)


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """What a ranker knows of the products besides who had them.

    Parameters
    ----------
    prices
        In the order of the interactions' items, NaN where not known; None knows none.
    groups
        Group codes in the same order; None knows none.
    """

    prices: npt.NDArray[np.float64] | None
    groups: Ints | None

    def over(self, model: Recommender) -> Ranker:
        """A ranker over the members of a blend.

        Parameters
        ----------
        model
            Not fitted; a single method is its own only member.

        Returns
        -------
        Ranker
            To be fitted.
        """
        members = list(model.components) if isinstance(model, Blend) else [model]
        return Ranker(members, users=2_000).about(self.prices, self.groups)


def _trade(model: Recommender, split: Split, categories: Mapping[str, str], seed: int) -> float:
    """The largest price of a repetition that costs at most a hundredth of NDCG@10."""
    few = split.histories.user_ids[:_TRADED]
    split = Split(split.past, split.histories.for_users(few), split.truth.for_users(few))
    fallback = RecentPopularity().fit(split.past, seed=seed)
    groups = group_codes(model.item_ids, categories)
    truth = Truth.of(split, model, new_only=True)
    lists = recommend(model, split.histories, 50, exclude_seen=True, fallback=fallback)
    ones = np.ones(len(groups), dtype=np.float32)
    users, width = split.histories.n_users, len(groups)
    kept, best = 0.0, 0.0
    for trade in _TRADES:
        shown = arranged(lists, users, 10, groups, ones, trade)
        value = list_figures(shown, truth, width).values["ndcg@10"]
        if trade == 0.0:
            best = value
        if value >= 0.99 * best:
            kept = trade
    return kept


def fit_all(
    models: Sequence[Recommender],
    past: Interactions,
    seed: int,
    ready: Sequence[Recommender] = (),
) -> None:
    """Fit models on one past, each member that several blends share only once.

    Parameters
    ----------
    models
        Blends and single methods, fitted in place; members of blends are exchanged for equal ones.
    past
        To learn from.
    seed
        Decides everything random.
    ready
        Methods already fitted on this past with this seed.
    """
    done = {_key(part): part for part in ready}
    for model in models:
        members = model.components if isinstance(model, Blend) else [model]
        for place, part in enumerate(members):
            if _key(part) not in done or not isinstance(model, Blend):
                done[_key(part)] = part.fit(past, seed=seed)
            members[place] = done[_key(part)]
        if isinstance(model, Blend):
            model.take_fitted()


def _key(part: Recommender) -> str:
    return json.dumps([part.name, part.parameters()], sort_keys=True)


def group_codes(item_ids: pa.StringArray, categories: Mapping[str, str]) -> Ints:
    """Code of the category of each product.

    Parameters
    ----------
    item_ids
        Products.
    categories
        Category by product id.

    Returns
    -------
    numpy.ndarray
        Codes from 0 in the order of the names, -1 where the category is not known.
    """
    names = [categories.get(key) for key in item_ids.to_pylist()]
    codes = {name: code for code, name in enumerate(sorted({x for x in names if x}))}
    return np.array([codes[x] if x else -1 for x in names], dtype=np.int64)


def weighted(parts: list[Recommender], weights: dict[str, float]) -> Recommender:
    """The one method that has all the weight, or a blend of those that have some.

    Parameters
    ----------
    parts
        Members, fitted or not.
    weights
        By name.

    Returns
    -------
    Recommender
        Not fitted, unless its one method is.
    """
    used = [part for part in parts if weights.get(part.name, 0.0) > 0]
    if len(used) == 1:
        return used[0]
    return Blend(used, [weights[part.name] for part in used])
