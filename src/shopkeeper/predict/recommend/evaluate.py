"""Figures of a recommender: full ranking over all items, ties counted against us."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.interactions import Floats, Ints
from shopkeeper.predict.recommend.rank import (
    Lists,
    blocks,
    hide_seen,
    largest,
    target_ranks,
    top_items,
)
from shopkeeper.predict.recommend.split import Split

__all__ = ["DEPTH", "METRICS", "Figures", "Truth", "evaluate", "figures_of", "list_figures"]

DEPTH = 20
"""Deepest rank any metric looks at."""

METRICS = ("hr@10", "ndcg@10", "recall@20", "mrr@20", "coverage")

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figures:
    """Averages over the judged users.

    Parameters
    ----------
    values
        By name: ``hr@10`` any hit in ten, ``ndcg@10``, ``recall@20`` share of the truth found,
        ``mrr@20`` one over the rank of the first hit, ``coverage`` share of the items that
        appear in anybody's ten.
    errors
        Standard errors of the averages by name; coverage has none.
    n
        Judged users: those with at least one item of truth.
    each
        Value of every judged user by name, in the order of ``users``: what paired comparisons need.
    users
        Codes of the judged users, ascending.
    """

    values: dict[str, float]
    errors: dict[str, float]
    n: int
    each: dict[str, Doubles] = field(default_factory=dict, repr=False, compare=False)
    users: Ints = field(default_factory=lambda: np.zeros(0, np.int64), repr=False, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What came, in the item codes of a model.

    Parameters
    ----------
    users, items
        One pair a user and item that came, sorted by user; item -1 is unknown to the model.
    """

    users: Ints
    items: Ints

    @classmethod
    def of(cls, split: Split, model: Recommender, *, new_only: bool) -> Truth:
        """Translate the truth of a split.

        Parameters
        ----------
        split
            Histories and truth.
        model
            Whose codes to speak.
        new_only
            Leave out what is already in the user's history.

        Returns
        -------
        Truth
            Each item once a user.
        """
        truth = split.truth
        codes = pc.index_in(truth.item_ids, value_set=model.item_ids).fill_null(-1)
        # Unknown items stay in, as distinct misses below -1.
        unknown = -1 - np.arange(truth.n_items)
        coded = codes.to_numpy().astype(np.int64)
        coded = np.where(coded < 0, unknown, coded)
        pairs = np.unique(np.column_stack([truth.users, coded[truth.items]]), axis=0)
        users, items = pairs[:, 0], pairs[:, 1]
        if new_only:
            known = split.histories.for_items(model.item_ids)
            width = len(model.item_ids)
            seen = np.isin(users * width + items, known.users * width + known.items)
            keep = ~(seen & (items >= 0))
            users, items = users[keep], items[keep]
        return cls(users, np.maximum(items, -1))


def evaluate(model: Recommender, split: Split, *, exclude_seen: bool) -> Figures:
    """Rank the truth of a split among all items.

    Parameters
    ----------
    model
        Fitted on ``split.past``.
    split
        Histories and truth.
    exclude_seen
        Take items of the history out of the candidates *and* out of the truth ("new items").

    Returns
    -------
    Figures
        Full ranking, ties counted against us; items the model does not know are misses.

    Raises
    ------
    NotEnoughDataError
        If no user has an item of truth.
    """
    truth = Truth.of(split, model, new_only=exclude_seen)
    judged = np.unique(truth.users)
    if len(judged) == 0:
        raise NotEnoughDataError(
            "no user has anything to be judged by in the test period",
            next_step="choose an earlier cut or a longer horizon",
        )
    histories = split.histories.for_items(model.item_ids)
    ranks = np.empty(len(truth.users), dtype=np.int64)
    shown = np.zeros(histories.n_items, dtype=np.bool_)
    for start, stop in blocks(histories.n_users, histories.n_items):
        own = slice(*np.searchsorted(truth.users, [start, stop]))
        if own.start == own.stop:
            continue
        part = histories.slice_users(start, stop)
        scores = model.score(part)
        if exclude_seen:
            hide_seen(scores, part)
        rows = truth.users[own] - start
        top = largest(scores, DEPTH + 1)
        ranks[own] = target_ranks(scores, rows, truth.items[own], DEPTH, top)
        listed, items, _, _ = top_items(scores, 10, top)
        shown[items[np.isin(listed, rows)]] = True
    return figures_of(ranks, truth.users, float(shown.mean()))


def figures_of(ranks: Ints, users: Ints, coverage: float) -> Figures:
    """Metrics from the ranks of the truth.

    Parameters
    ----------
    ranks
        From 0, one a user and item that came; `DEPTH` is a miss.
    users
        Their users, sorted.
    coverage
        Passed through.

    Returns
    -------
    Figures
        Averages over users.

    Examples
    --------
    >>> found = figures_of(np.array([0, 20, 3]), np.array([5, 5, 9]), coverage=0.5)
    >>> found.n, found.values["hr@10"], found.values["recall@20"], found.values["mrr@20"]
    (2, 1.0, 0.75, 0.625)
    """
    who, index, sizes = np.unique(users, return_inverse=True, return_counts=True)

    def per_user(values: Floats | Doubles) -> Doubles:
        sums: Doubles = np.bincount(index, weights=values, minlength=len(sizes)).astype(np.float64)
        return sums

    gain = np.where(ranks < 10, 1.0 / np.log2(ranks + 2.0), 0.0)
    ideal = np.cumsum(1.0 / np.log2(np.arange(10) + 2.0))[np.minimum(sizes, 10) - 1]
    best = np.full(len(sizes), DEPTH, dtype=np.int64)
    np.minimum.at(best, index, ranks)
    # Ties between two items of the truth can only make ranks worse, never the gain too large.
    each = {
        "hr@10": (best < 10).astype(np.float64),
        "ndcg@10": per_user(gain) / ideal,
        "recall@20": per_user((ranks < DEPTH).astype(np.float64)) / sizes,
        "mrr@20": np.where(best < DEPTH, 1.0 / (best + 1.0), 0.0),
    }
    n = len(sizes)
    values = {name: float(column.mean()) for name, column in each.items()} | {"coverage": coverage}
    errors = {name: float(column.std() / np.sqrt(n)) for name, column in each.items()}
    return Figures(values, errors, n, each, who)


def list_figures(lists: Lists, truth: Truth, n_items: int) -> Figures:
    """Figures of lists as they are shown, after every rearrangement.

    Parameters
    ----------
    lists
        Of the judged users at least; what is deeper than `DEPTH` does not count.
    truth
        In the same codes of users and items.
    n_items
        Items there are.

    Returns
    -------
    Figures
        What is not in a list is a miss.
    """
    keys = lists.users * n_items + lists.items
    order = np.argsort(keys)
    wanted = truth.users * n_items + np.maximum(truth.items, 0)
    place = np.searchsorted(keys[order], wanted).clip(max=max(len(keys) - 1, 0))
    ranks = np.full(len(wanted), DEPTH, dtype=np.int64)
    if len(keys):
        found = (keys[order][place] == wanted) & (truth.items >= 0)
        ranks = np.where(found, lists.ranks[order][place] - 1, DEPTH)
    shown = lists.items[(lists.ranks <= 10) & np.isin(lists.users, truth.users)]
    return figures_of(np.minimum(ranks, DEPTH), truth.users, len(np.unique(shown)) / n_items)
