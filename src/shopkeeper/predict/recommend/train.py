"""Train the recommenders of a shop: choose on one period, report on the next, fit on all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.cards import Figure
from shopkeeper.predict.recommend.again import BuyAgain, OwnFrequent, Replenish
from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.beside import neighbour_rows
from shopkeeper.predict.recommend.blend import Blend
from shopkeeper.predict.recommend.choose import (
    Chosen,
    Ranked,
    basket_members,
    choose,
    fit_all,
    group_codes,
    new_members,
    weighted,
)
from shopkeeper.predict.recommend.content import Words, product_words
from shopkeeper.predict.recommend.diversity import arranged, exposure_of
from shopkeeper.predict.recommend.evaluate import METRICS, Figures, Truth, evaluate, list_figures
from shopkeeper.predict.recommend.interactions import DAY_US, Interactions
from shopkeeper.predict.recommend.model import ShopRecommender
from shopkeeper.predict.recommend.popularity import Popularity, RecentPopularity
from shopkeeper.predict.recommend.rank import recommend
from shopkeeper.predict.recommend.split import Split, first_basket, sampled, temporal

__all__ = ["RecommendRun", "evaluate_at", "train_recommender"]

_ARRIVALS = 2_000
"""Products nobody bought yet that may be recommended by their words."""


@dataclass(frozen=True, slots=True)
class RecommendRun:
    """A trained shop recommender with what it was measured at.

    Parameters
    ----------
    model
        Fitted on everything before ``as_of``.
    histories
        The same past, to recommend from.
    as_of
        Nothing later was seen.
    k
        Longest list.
    figures
        Of every method, baselines included, on the last period; ``slice`` is ``new``,
        ``again`` or ``next_basket``.
    facts
        What a model card says: periods, sizes, protocol, how the choice was made.
    """

    model: ShopRecommender
    histories: Interactions
    as_of: datetime
    k: int
    figures: tuple[Figure, ...]
    facts: dict[str, Any]

    def recommendations(
        self, model_version: str, customers: pa.StringArray | None = None
    ) -> pa.Table:
        """Rows of RECOMMENDATIONS for all customers, or for those named.

        Parameters
        ----------
        model_version
            Written to every row.
        customers
            Whom to answer; those with purchases when left out. Newcomers get what is popular.

        Returns
        -------
        pyarrow.Table
            Sorted by customer, kind and rank.
        """
        return self.model.recommend(
            self.histories,
            as_of=self.as_of,
            k=self.k,
            model_version=model_version,
            customers=customers,
        )

    def neighbours(self, model_version: str) -> pa.Table:
        """Rows of ITEM_NEIGHBOURS: what is like each product, and what is bought with it.

        Parameters
        ----------
        model_version
            Written to every row.

        Returns
        -------
        pyarrow.Table
            Sorted by product, kind and rank.
        """
        return neighbour_rows(
            self.model, self.histories, as_of=self.as_of, k=self.k, model_version=model_version
        )


def train_recommender(
    lines: pa.Table,
    as_of: datetime,
    *,
    seed: int,
    k: int = 10,
    horizon_days: int = 28,
    min_buyers: int = 10,
    judged: int = 600,
    products: pa.Table | None = None,
    opinion: Mapping[str, float] | None = None,
    ranker: bool = False,
) -> RecommendRun:
    """Fit, compare and choose recommenders on purchase lines.

    The last ``horizon_days`` before ``as_of`` are the report: every method is fitted on what came
    before and ranks all products. The same length before that is the choice: weights of the blends,
    the order of what is bought again and how much lists are mixed are decided by NDCG@10 there.
    The winner is then fitted on everything. If the data is too short for three such lengths, the
    horizon shrinks to a quarter of the data's days, which the facts say.

    Parameters
    ----------
    lines
        ``customer_id``, ``product_id``, ``ts_us``; rows whose ``kind`` is ``return`` and rows from
        ``as_of`` on are left out.
    as_of
        The moment we pretend it is, with time zone.
    seed
        Decides everything random.
    k
        Longest list.
    horizon_days
        Length of the period that is judged.
    min_buyers
        Products fewer customers ever bought are not recommended; new arrivals are, by their words.
    judged
        Judge at most so many customers in each period, drawn by ``seed``.
    products
        The catalogue: ``product_id`` with names, categories, brands. None: nothing is written.
    opinion
        By product id, how customers speak of it (-1 to 1); noted with the model, used at its tilt.
    ranker
        Also try boosted trees over the blend's members, and use them if they win on the choice.

    Returns
    -------
    RecommendRun
        Model, figures and facts.

    Raises
    ------
    NotEnoughDataError
        If there are no lines before ``as_of``, or too few to judge anything.
    """
    past = _past(lines, as_of, min_buyers, products)
    words = product_words(products) if products is not None and products.num_rows else None
    categories = _categories(products)
    end = int(as_of.timestamp() * 1_000_000)
    span_days = (end - int(past.times.min())) / DAY_US  # type: ignore[union-attr]
    horizon = min(float(horizon_days), span_days / 4)
    length = int(horizon * DAY_US)
    choice = sampled(temporal(past, end - 2 * length, end - length), judged, seed)
    report = sampled(temporal(past, end - length, end), judged, seed + 1)
    ranked = _about(past.item_ids, products, categories) if ranker else None
    chosen = choose(choice, words, categories, seed=seed, ranker=ranked)
    figures, exposure = _report(report, chosen, words, categories, ranked, seed)
    new = weighted(new_members(words), chosen.new)
    model = ShopRecommender(
        ranked.over(new) if ranked is not None and chosen.ranked else new,
        BuyAgain() if chosen.again == BuyAgain.name else Replenish(),
        weighted(basket_members(), chosen.next_basket),
        words=words,
        categories=categories,
        trade=chosen.trade,
        opinion=opinion,
    ).fit(past, seed=seed)
    facts: dict[str, Any] = {
        "chosen": model.name,
        "chosen_by_surface": {
            "new": model.name,
            "again": model.again.name,
            "next_basket": "next-basket",
        },
        "chosen_by": "NDCG@10 in the period before the reported one",
        "weights": chosen.new,
        "weights_next_basket": chosen.next_basket,
        "exposure": exposure,
        "notes": _notes(chosen),
        "protocol": f"temporal, next {horizon:g} days, full ranking, ties against us",
        "protocol_zh": f"按时间切分，看其后 {horizon:g} 天；对全部商品排序，并列时按不利于我们计",
        "train_from_us": int(past.times.min()),  # type: ignore[union-attr]
        "train_to_us": end,
        "test_from_us": end - length,
        "test_to_us": end,
        "horizon_days": horizon,
        "horizon_shrunk": horizon < horizon_days,
        "choice_from_us": end - 2 * length,
        "report_from_us": end - length,
        "as_of_us": end,
        "customers": past.n_users,
        "products": past.n_items,
        "cold_products": past.n_items - len(np.unique(past.items)),
        "interactions": past.n,
        "min_buyers": min_buyers,
        "seed": seed,
        "parameters": model.parameters(),
    }
    return RecommendRun(model, past, as_of, k, figures, facts)


def evaluate_at(
    model: ShopRecommender, lines: pa.Table, as_of: datetime, *, horizon_days: float = 28.0
) -> dict[str, Figures]:
    """Judge a model on what came after a moment, without training anything.

    Parameters
    ----------
    model
        Fitted on lines before ``as_of`` only; that is the caller's promise.
    lines
        As for `train_recommender`, the judged period included.
    as_of
        First moment of the judged period, with time zone.
    horizon_days
        Its length.

    Returns
    -------
    dict
        By surface (``for_you``, ``again``, ``next_basket``); values of each customer included, so
        that two models can be compared on the same customers.

    Raises
    ------
    NotEnoughDataError
        If nobody bought anything on one side of the moment.
    """
    start = int(as_of.timestamp() * 1_000_000)
    kept = lines
    if "kind" in lines.column_names:
        kept = lines.filter(pc.not_equal(lines["kind"], "return"))
    every = Interactions.from_table(kept).for_items(model.item_ids)
    split = temporal(every, start, start + int(horizon_days * DAY_US))
    whole, first = model.evaluate(split), model.evaluate(first_basket(split))
    return {
        "for_you": whole["for_you"],
        "again": whole["again"],
        "next_basket": first["next_basket"],
    }


def _past(
    lines: pa.Table, as_of: datetime, min_buyers: int, products: pa.Table | None
) -> Interactions:
    end = int(as_of.timestamp() * 1_000_000)
    wanted = pc.less(lines["ts_us"], end)
    if "kind" in lines.column_names:
        wanted = pc.and_(wanted, pc.not_equal(lines["kind"], "return"))
    kept = lines.filter(wanted)
    if kept.num_rows == 0:
        raise NotEnoughDataError(
            f"there is no purchase line before {as_of.isoformat()}",
            next_step="choose a later as_of or load orders",
            as_of=as_of.isoformat(),
        )
    every = Interactions.from_table(kept)
    buyers = Popularity().fit(every).score(every.slice_users(0, 1))[0]
    sold = np.flatnonzero(buyers >= min_buyers)
    if len(sold) == 0:
        raise NotEnoughDataError(
            f"no product was bought by {min_buyers} customers",
            next_step="load more orders or lower min_buyers",
            min_buyers=min_buyers,
        )
    ids = every.item_ids.take(sold)
    if products is not None and products.num_rows:
        catalogue = pc.unique(products["product_id"].cast(pa.string()).drop_null())
        arrivals = catalogue.filter(pc.invert(pc.is_in(catalogue, value_set=every.item_ids)))
        arrivals = arrivals.take(pc.sort_indices(arrivals))[:_ARRIVALS]
        ids = pa.concat_arrays([ids.cast(pa.string()), arrivals])
        ids = ids.take(pc.sort_indices(ids))
    return every.for_items(ids)


def _about(
    item_ids: pa.StringArray, products: pa.Table | None, categories: Mapping[str, str]
) -> Ranked:
    """Prices and categories in the order of the items."""
    groups = group_codes(item_ids, categories) if categories else None
    if products is None or "price_minor" not in products.column_names:
        return Ranked(None, groups)
    place = pc.index_in(item_ids, value_set=products["product_id"].combine_chunks())
    prices = products["price_minor"].combine_chunks().take(place).cast(pa.float64())
    return Ranked(prices.to_numpy(zero_copy_only=False), groups)


def _categories(products: pa.Table | None) -> dict[str, str]:
    if products is None or "category" not in products.column_names:
        return {}
    ids, names = products["product_id"].to_pylist(), products["category"].to_pylist()
    return {key: name for key, name in zip(ids, names, strict=True) if key and name}


def _report(
    split: Split,
    chosen: Chosen,
    words: Words | None,
    categories: Mapping[str, str],
    ranked: Ranked | None,
    seed: int,
) -> tuple[tuple[Figure, ...], dict[str, float]]:
    """Figures of every surface, and what the lists of new products expose."""
    parts = [part.fit(split.past, seed=seed) for part in new_members(words, split.past.n)]
    shown: list[Recommender] = [Popularity().fit(split.past, seed=seed), *parts]
    new = weighted(parts, chosen.new)
    if isinstance(new, Blend):
        shown.append(new.take_fitted())
    if ranked is not None:
        trees = ranked.over(weighted(new_members(words, split.past.n), chosen.new))
        shown.append(trees.fit(split.past, seed=seed))
        new = shown[-1] if chosen.ranked else new
    rows: list[Figure] = []
    for model in shown:
        rows += _figures(model.name, evaluate(model, split, exclude_seen=True), "new")
    groups = group_codes(new.item_ids, categories) if categories else None
    fallback = RecentPopularity().fit(split.past, seed=seed)
    lists = recommend(new, split.histories, 50, exclude_seen=True, fallback=fallback)
    if groups is not None and chosen.trade > 0:
        ones = np.ones(len(groups), dtype=np.float32)
        lists = arranged(lists, split.histories.n_users, 20, groups, ones, chosen.trade)
        truth = Truth.of(split, new, new_only=True)
        rows += _figures("served", list_figures(lists, truth, len(groups)), "new")
    ten = lists.ranks <= 10
    buyers = Popularity().fit(split.past).score(split.past.slice_users(0, 1))[0]
    exposure = exposure_of(
        lists.users[ten], lists.items[ten], groups, buyers, split.past.n_users
    ).to_dict()
    again = (RecentPopularity(), OwnFrequent(), BuyAgain(), Replenish())
    fitted = [part.fit(split.past, seed=seed) for part in again]
    for part in fitted:
        rows += _figures(part.name, evaluate(part, split, exclude_seen=False), "again")
    baskets = first_basket(split)
    basket = weighted(basket_members(), chosen.next_basket)
    fit_all([basket], split.past, seed, parts)
    for part in fitted:
        rows += _figures(part.name, evaluate(part, baskets, exclude_seen=False), "next_basket")
    rows += _figures("next-basket", evaluate(basket, baskets, exclude_seen=False), "next_basket")
    return tuple(rows), exposure


def _figures(method: str, found: Figures, part: str) -> Iterator[Figure]:
    for metric in METRICS:
        value, error = found.values[metric], found.errors.get(metric)
        low = None if error is None else value - 1.96 * error
        high = None if error is None else value + 1.96 * error
        yield Figure(method, metric, value, low, high, found.n, part)


def _notes(chosen: Chosen) -> list[dict[str, str]]:
    """What was decided, as sentences."""
    used = [name for name, weight in chosen.new.items() if weight > 0]
    notes = [
        {
            "zh": f"新品推荐由 {len(used)} 种方法融合，权重取自报告期之前的一段时间。",
            "en": f"New products come from {len(used)} methods; their weights were set on the "
            "period before the reported one.",
        }
    ]
    if chosen.trade > 0:
        notes.append(
            {
                "zh": f"同一品类每重复一次扣 {chosen.trade:g} 分：准确度损失不超过 1%。",
                "en": f"Each repetition of a category costs {chosen.trade:g}: that loses at most "
                "1 % of accuracy.",
            }
        )
    return notes
