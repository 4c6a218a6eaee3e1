"""Methods put to each question, and the blend whose weights validation decides."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from shopkeeper.apps.bench.recommend_tasks import Task
from shopkeeper.predict.recommend.again import BuyAgain, OwnFrequent, Replenish
from shopkeeper.predict.recommend.alike import SessionKnn
from shopkeeper.predict.recommend.als import Ials
from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.blend import Blend, choose_weights
from shopkeeper.predict.recommend.ease import Ease
from shopkeeper.predict.recommend.popularity import (
    FadingPopularity,
    Popularity,
    RecentPopularity,
)
from shopkeeper.predict.recommend.similar import ItemGraph, ItemKnn, Markov

__all__ = ["BASELINES", "OPTIONAL", "blend_of", "methods_of"]

Make = Callable[[], Recommender]

BASELINES = ("popularity", "popularity-7-days", "markov", "sequential-rules", "own-frequent")
"""What shames: the strongest of them stands in the paired difference."""

OPTIONAL = ("sequence", "ranker")
"""Methods that take minutes or an extra: run where they are asked for by name."""

_EASE_ITEMS = 4_000
_DENSE_ITEMS = 20_000


def _rules() -> Recommender:
    """Sequential rules (Ludewig & Jannach 2018): what follows the last item, nearer counts more."""
    return ItemGraph(
        decay=1e-6,
        window=10,
        power=1.0,
        backward=0.0,
        together=0.0,
        row_power=0.0,
        column_power=0.0,
    )


def methods_of(task: Task) -> dict[str, Make]:
    """Methods that answer a question.

    Parameters
    ----------
    task
        The question.

    Returns
    -------
    dict
        Maker by name, baselines first.
    """
    known: dict[str, Make] = {
        "popularity": Popularity,
        "popularity-7-days": RecentPopularity,
        "popularity-fading": FadingPopularity,
        "markov": Markov,
        "item-graph": ItemGraph,
        "item-knn": ItemKnn,
        "session-knn": SessionKnn,
    }
    if task.sessions:
        known["sequential-rules"] = _rules
    elif not task.exclude_seen:
        known |= {"own-frequent": OwnFrequent, "buy-again": BuyAgain, "replenish": Replenish}
    if task.report.past.n_items <= _DENSE_ITEMS:
        known["ials"] = Ials
        known["ease"] = partial(Ease, max_items=_EASE_ITEMS, overflow="frequent")
    return known


_BLENDED = (
    "markov", "item-graph", "item-knn", "session-knn", "ease", "ials", "popularity-7-days",
    "popularity-fading", "buy-again", "replenish", "sequential-rules",
)  # fmt: skip


def blend_of(task: Task, known: dict[str, Make], seed: int, also: tuple[str, ...] = ()) -> Blend:
    """The blend with weights from validation, fitted for the report.

    Parameters
    ----------
    task
        The question.
    known
        Makers by name.
    seed
        Decides everything random.
    also
        Further methods to blend.

    Returns
    -------
    Blend
        Holds the members that have some weight.
    """
    names = [name for name in (*_BLENDED, *also) if name in known]
    parts = [known[name]().fit(task.validation.past, seed=seed) for name in names]
    weights = choose_weights(
        parts, task.validation, exclude_seen=task.exclude_seen, users=2_000, seed=seed
    )
    used = [(part, weight) for part, weight in zip(parts, weights, strict=True) if weight > 0]
    blend = Blend([part for part, _ in used], [weight for _, weight in used])
    same = task.validation.past.n == task.report.past.n and (
        task.validation.past.items is task.report.past.items
        or bool((task.validation.past.items == task.report.past.items).all())
    )
    # Leave-one-out learns from the same past for validation and report.
    return blend.take_fitted() if same else blend.fit(task.report.past, seed=seed)
