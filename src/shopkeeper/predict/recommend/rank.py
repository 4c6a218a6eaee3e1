"""From scores to lists, and the honest rank of what really came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.interactions import Floats, Interactions, Ints

__all__ = ["Lists", "blocks", "hide_seen", "largest", "recommend", "target_ranks", "top_items"]

_CELLS_AT_ONCE = 24_000_000
"""Scores held at once: 24 million float32 are 96 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """Ranked items of many users, sorted by user and rank.

    Parameters
    ----------
    users, items
        Codes, one pair a recommendation.
    ranks
        From 1.
    scores
        Of the model that found the item: the fallback where ``filled``.
    filled
        True where the model knew nothing more and popularity answered.
    """

    users: Ints
    items: Ints
    ranks: Ints
    scores: Floats
    filled: np.ndarray[tuple[int], np.dtype[np.bool_]]


def blocks(n_users: int, n_items: int) -> Iterator[tuple[int, int]]:
    """Cut users into blocks whose score matrix stays below a fixed size.

    Parameters
    ----------
    n_users, n_items
        Size of the whole score matrix.

    Yields
    ------
    tuple of int
        First and one past the last user of the block.
    """
    size = max(1, min(2_048, _CELLS_AT_ONCE // max(n_items, 1)))
    for start in range(0, n_users, size):
        yield start, min(start + size, n_users)


def hide_seen(scores: Floats, histories: Interactions) -> None:
    """Set the score of every item of the history to −∞, in place.

    Parameters
    ----------
    scores
        Shape (histories.n_users, n_items).
    histories
        In the item codes of the scores.
    """
    scores[histories.users, histories.items] = -np.inf


def largest(scores: Floats, depth: int) -> Floats:
    """The ``depth`` largest scores of each row that are above 0, largest first, then 0.

    Parameters
    ----------
    scores
        Shape (users, items).
    depth
        At most the number of items is given back.

    Returns
    -------
    numpy.ndarray
        Shape (users, min(depth, items)).
    """
    depth = min(depth, scores.shape[1])
    # Selection among thousands of equal zeros is ten times slower than among different values.
    different = -1.0 - np.arange(scores.shape[1], dtype=np.float32)
    spread = np.where(scores > 0, scores, different)
    spread.partition(scores.shape[1] - depth, axis=1)
    top = np.sort(spread[:, scores.shape[1] - depth :], axis=1)[:, ::-1]
    positive: Floats = np.maximum(top, np.float32(0.0))
    return positive


def target_ranks(
    scores: Floats, rows: Ints, targets: Ints, depth: int, top: Floats | None = None
) -> Ints:
    """Rank of target items among all items, ties counted against us.

    Parameters
    ----------
    scores
        Shape (users, items); 0 and below is not a recommendation.
    rows, targets
        One pair a target: row and item; item -1 is unknown to the model.
    depth
        Ranks from here on are not told apart.
    top
        ``largest(scores, depth + 1)`` where it is at hand.

    Returns
    -------
    numpy.ndarray
        From 0; ``depth`` means too far down, not recommended, or unknown.

    Examples
    --------
    >>> scores = np.array([[3.0, 2.0, 2.0, 0.0]], dtype=np.float32)
    >>> target_ranks(scores, np.array([0, 0, 0]), np.array([0, 1, 3]), depth=3).tolist()
    [0, 2, 3]
    """
    own = scores[rows, targets]
    if top is None and len(rows) == len(scores) and np.array_equal(rows, np.arange(len(rows))):
        ranks = np.count_nonzero(scores >= own[:, None], axis=1) - 1
    else:
        top = largest(scores, depth + 1) if top is None else top
        ranks = np.count_nonzero(top[rows] >= own[:, None], axis=1) - 1
    ranks[(targets < 0) | ~(own > 0)] = depth
    limited: Ints = np.minimum(ranks, depth).astype(np.int64)
    return limited


def top_items(scores: Floats, k: int, top: Floats | None = None) -> tuple[Ints, Ints, Ints, Floats]:
    """The k best items of each row among those with a score above 0.

    Parameters
    ----------
    scores
        Shape (users, items).
    k
        Longest list.
    top
        ``largest(scores, k)`` or deeper, where it is at hand.

    Returns
    -------
    tuple of numpy.ndarray
        Rows, items, ranks from 1 and scores; equal scores are ordered by item code.
    """
    k = min(k, scores.shape[1])
    top = largest(scores, k) if top is None else top
    edge = np.maximum(top[:, k - 1], np.finfo(np.float32).smallest_subnormal)
    rows, items = np.divmod(np.flatnonzero(scores >= edge[:, None]), scores.shape[1])
    values = scores[rows, items]
    order = np.lexsort((items, -values, rows))
    rows, items, values = rows[order], items[order], values[order]
    ranks = np.arange(len(rows)) - np.searchsorted(rows, rows) + 1
    keep = ranks <= k
    return rows[keep], items[keep], ranks[keep], values[keep]


def recommend(
    model: Recommender,
    histories: Interactions,
    k: int,
    *,
    exclude_seen: bool,
    fallback: Recommender | None = None,
    only_seen: bool = False,
) -> Lists:
    """Best items for each user.

    Parameters
    ----------
    model
        Fitted.
    histories
        The users to answer and what they did so far.
    k
        Longest list.
    exclude_seen
        Leave out items of the user's own history.
    fallback
        Fills lists in which the model knows fewer than k items, newcomers' lists whole. It must
        be fitted on the same items. None leaves them short.
    only_seen
        Recommend nothing but items of the user's own history ("buy again").

    Returns
    -------
    Lists
        In the item codes of the model.
    """
    known = histories.for_items(model.item_ids)
    found: list[tuple[Ints, Ints, Ints, Floats, np.ndarray[tuple[int], np.dtype[np.bool_]]]] = []
    for start, stop in blocks(known.n_users, known.n_items):
        part = known.slice_users(start, stop)
        scores = model.score(part)
        if exclude_seen:
            hide_seen(scores, part)
        if only_seen:
            scores = _nothing_but(scores, part)
        rows, items, ranks, values = top_items(scores, k)
        found.append((rows + start, items, ranks, values, np.zeros(len(rows), dtype=np.bool_)))
        lengths = np.bincount(rows, minlength=stop - start)
        short = np.flatnonzero(lengths < k)
        if fallback is None or only_seen or len(short) == 0:
            continue
        scores = fallback.score(part)
        if exclude_seen:
            hide_seen(scores, part)
        scores[rows, items] = -np.inf
        more, items, ranks, values = top_items(scores[short], k)
        ranks = ranks + lengths[short[more]]
        keep = ranks <= k
        fills = (short[more] + start, items, ranks, values)
        found.append((*(column[keep] for column in fills), np.ones(int(keep.sum()), np.bool_)))  # type: ignore[arg-type]
    users, items, ranks, values, filled = (np.concatenate(column) for column in zip(*found))  # noqa: B905
    order = np.lexsort((ranks, users))
    return Lists(users[order], items[order], ranks[order], values[order], filled[order])


def _nothing_but(scores: Floats, histories: Interactions) -> Floats:
    kept = np.full_like(scores, -np.inf)
    place = (histories.users, histories.items)
    kept[place] = scores[place]
    return kept
