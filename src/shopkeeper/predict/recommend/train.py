"""Train the recommenders of a shop: choose on one period, report on the next, fit on all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.cards import Figure
from shopkeeper.predict.recommend.again import BuyAgain
from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.blend import Blend, choose_weights
from shopkeeper.predict.recommend.ease import Ease
from shopkeeper.predict.recommend.evaluate import METRICS, Figures, evaluate
from shopkeeper.predict.recommend.interactions import DAY_US, Interactions
from shopkeeper.predict.recommend.model import ShopRecommender
from shopkeeper.predict.recommend.popularity import Popularity, RecentPopularity
from shopkeeper.predict.recommend.similar import ItemGraph, ItemKnn, Markov, Neighbours
from shopkeeper.predict.recommend.split import Split, temporal

__all__ = ["RecommendRun", "train_recommender"]

# What bounds the work on long grocery histories: neighbours kept, gap and latest baskets used.
_NEIGHBOURS = 100
_GAP = 2
_RECENT = 20
_RECENT_KNN = 8
# EASE inverts a dense matrix: the 2,000 most bought products take 16 MB and two seconds a fit.
_EASE_ITEMS = 2_000


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
        Of every method, baselines included, on the last period; ``slice`` is ``new`` or
        ``again``.
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


def train_recommender(
    lines: pa.Table,
    as_of: datetime,
    *,
    seed: int,
    k: int = 10,
    horizon_days: int = 28,
    min_buyers: int = 10,
    judged: int = 1_000,
) -> RecommendRun:
    """Fit, compare and choose recommenders on purchase lines.

    The last ``horizon_days`` before ``as_of`` are the report: every method is fitted on what came
    before and ranks all products. The same length before that is the choice: one method, or a blend
    of some, is taken for the best NDCG@10 there. The winner is then fitted on
    everything. If the data is too short for three such lengths, the horizon shrinks to a quarter
    of the data's days, which the facts say.

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
        Products fewer customers ever bought are not recommended.
    judged
        Judge at most so many customers in each period, drawn by ``seed``.

    Returns
    -------
    RecommendRun
        Model, figures and facts.

    Raises
    ------
    NotEnoughDataError
        If there are no lines before ``as_of``, or too few to judge anything.
    """
    past = _past(lines, as_of, min_buyers)
    end = int(as_of.timestamp() * 1_000_000)
    span_days = (end - int(past.times.min())) / DAY_US  # type: ignore[union-attr]
    horizon = min(float(horizon_days), span_days / 4)
    length = int(horizon * DAY_US)
    choice = _sample(temporal(past, end - 2 * length, end - length), judged, seed)
    report = _sample(temporal(past, end - length, end), judged, seed + 1)
    weights = _choose(choice, seed)
    figures = _report(report, weights, seed)
    new = _weighted(_candidates(), weights).fit(past, seed=seed)
    graph = ItemGraph(window=_GAP, neighbours=_NEIGHBOURS, recent=_RECENT)
    model = ShopRecommender(
        new=new,
        again=BuyAgain().fit(past, seed=seed),
        fallback=RecentPopularity().fit(past, seed=seed),
        neighbours=_graph_in(new) or graph.fit(past, seed=seed),
    )
    facts: dict[str, Any] = {
        "chosen": new.name,
        "chosen_by": "NDCG@10 of new products in the period before the reported one",
        "weights": dict(zip((m.name for m in _candidates()), weights, strict=True)),
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
        "interactions": past.n,
        "min_buyers": min_buyers,
        "seed": seed,
        "parameters": model.parameters(),
    }
    return RecommendRun(model, past, as_of, k, figures, facts)


def _past(lines: pa.Table, as_of: datetime, min_buyers: int) -> Interactions:
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
    return every.for_items(every.item_ids.take(sold))


def _candidates() -> list[Recommender]:
    """What may be chosen or blended, in the order of the weights."""
    return [
        Markov(window=_GAP, neighbours=_NEIGHBOURS, recent=_RECENT),
        ItemGraph(window=_GAP, neighbours=_NEIGHBOURS, recent=_RECENT),
        ItemKnn(decay=0.95, neighbours=_NEIGHBOURS, recent=_RECENT_KNN),
        RecentPopularity(),
        Ease(max_items=_EASE_ITEMS, overflow="frequent"),
    ]


def _choose(split: Split, seed: int) -> list[float]:
    """Weights with the best NDCG@10; all on one method if that is best."""
    parts = [model.fit(split.past, seed=seed) for model in _candidates()]
    return choose_weights(parts, split, exclude_seen=True, grid=3, users=400, seed=seed)


def _weighted(parts: list[Recommender], weights: list[float]) -> Recommender:
    """The one method that has all the weight, or a blend of those that have some."""
    used = [(part, weight) for part, weight in zip(parts, weights, strict=True) if weight > 0]
    if len(used) == 1:
        return used[0][0]
    return Blend([part for part, _ in used], [weight for _, weight in used])


def _report(split: Split, weights: list[float], seed: int) -> tuple[Figure, ...]:
    parts = [model.fit(split.past, seed=seed) for model in _candidates()]
    shown = [Popularity().fit(split.past, seed=seed), *parts]
    chosen = _weighted(parts, weights)
    if isinstance(chosen, Blend):
        shown.append(chosen.take_fitted())
    rows: list[Figure] = []
    for model in shown:
        rows += _figures(model.name, evaluate(model, split, exclude_seen=True), "new")
    for model in (RecentPopularity(), BuyAgain()):
        found = evaluate(model.fit(split.past, seed=seed), split, exclude_seen=False)
        rows += _figures(model.name, found, "again")
    return tuple(rows)


def _figures(method: str, found: Figures, part: str) -> Iterator[Figure]:
    for metric in METRICS:
        value, error = found.values[metric], found.errors.get(metric)
        low = None if error is None else value - 1.96 * error
        high = None if error is None else value + 1.96 * error
        yield Figure(method, metric, value, low, high, found.n, part)


def _sample(split: Split, judged: int, seed: int) -> Split:
    """The same split with at most so many judged customers."""
    came = np.unique(split.truth.users)
    known = came[np.isin(came, split.histories.users)]
    if len(known) == 0:
        raise NotEnoughDataError(
            "no customer bought both before and within the judged period",
            next_step="load a longer period of orders or shorten horizon_days",
        )
    drawn = np.sort(np.random.default_rng(seed).permutation(known)[:judged])
    names = split.histories.user_ids.take(drawn)
    return Split(split.past, split.histories.for_users(names), split.truth.for_users(names))


def _graph_in(model: Recommender) -> Neighbours | None:
    parts = model.components if isinstance(model, Blend) else [model]
    return next((part for part in parts if isinstance(part, ItemGraph)), None)
