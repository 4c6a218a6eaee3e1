"""Lists that are not ten times the same: marginal relevance, caps, and how different they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shopkeeper.predict.recommend.interactions import Floats, Ints
from shopkeeper.predict.recommend.rank import Lists

__all__ = ["Exposure", "arranged", "diversify", "exposure_of"]

_FAR = np.float32(-1e9)


def diversify(
    scores: Floats, groups: Ints, k: int, *, trade: float = 0.0, cap: int | None = None
) -> Ints:
    """Pick k candidates of each user, taking off what repeats a group already shown.

    Maximal marginal relevance (Carbonell & Goldstein 1998) with similarity 1 within a group and
    0 between groups: the next is the largest ``score − trade · (times its group was shown)``.

    Parameters
    ----------
    scores
        Levelled scores, shape (users, candidates); 0 and below is never picked.
    groups
        Group (category) of each candidate, same shape; -1 is a group of its own.
    k
        Longest list.
    trade
        What a repetition costs, in levelled score.
    cap
        Longest share of one group in a list; None does not limit it.

    Returns
    -------
    numpy.ndarray
        Columns picked in order, shape (users, k); -1 where nothing is left.

    Examples
    --------
    >>> scores = np.array([[1.0, 0.9, 0.8, 0.5]], dtype=np.float32)
    >>> groups = np.array([[3, 3, 3, 4]])
    >>> diversify(scores, groups, 3, trade=0.3).tolist()
    [[0, 1, 3]]
    >>> diversify(scores, groups, 3, cap=1).tolist()
    [[0, 3, -1]]
    """
    n_users, n = scores.shape
    left = np.where(scores > 0, scores, _FAR).astype(np.float32)
    shown = np.zeros((n_users, n), dtype=np.float32)
    picked = np.full((n_users, k), -1, dtype=np.int64)
    rows = np.arange(n_users)
    for place in range(min(k, n)):
        value = left - np.float32(trade) * shown
        if cap is not None:
            value = np.where(shown >= cap, _FAR, value)
        best = value.argmax(axis=1)
        open_rows = value[rows, best] > _FAR / 2
        picked[open_rows, place] = best[open_rows]
        group = groups[rows, best]
        same = (groups == group[:, None]) & (group >= 0)[:, None] & open_rows[:, None]
        shown += same
        left[rows[open_rows], best[open_rows]] = _FAR
    return picked


def arranged(lists: Lists, n_users: int, k: int, groups: Ints, tilt: Floats, trade: float) -> Lists:
    """The first k of deeper lists, tilted by opinion and made less repetitive.

    Parameters
    ----------
    lists
        Deeper than ``k``.
    n_users
        Users there are.
    k
        Longest list wanted.
    groups
        Group of every item, -1 for one of its own.
    tilt
        Factor of every item's levelled score.
    trade
        What a repetition of a group costs, see `diversify`.

    Returns
    -------
    Lists
        Scores stay those of the model.
    """
    width = int(lists.ranks.max(initial=1))
    place = (lists.users, lists.ranks - 1)
    top = np.zeros(n_users, dtype=np.float32)
    np.maximum.at(top, lists.users, np.where(lists.filled, 0.0, lists.scores))
    # What filled a list up stands behind what was found: its scores are of another scale.
    share = lists.scores / np.maximum(top[lists.users], 1e-12) * tilt[lists.items]
    scores = np.zeros((n_users, width), dtype=np.float32)
    scores[place] = np.where(lists.filled, 1e-3 / lists.ranks, share)
    own = np.full((n_users, width), -1, dtype=np.int64)
    own[place] = groups[lists.items]
    rows = np.full((n_users, width), -1, dtype=np.int64)
    rows[place] = np.arange(len(lists.users))
    picked = diversify(scores, own, k, trade=trade)
    users, places = np.nonzero(picked >= 0)
    row = rows[users, picked[users, places]]
    return Lists(
        users.astype(np.int64),
        lists.items[row],
        (places + 1).astype(np.int64),
        lists.scores[row],
        lists.filled[row],
    )


@dataclass(frozen=True, slots=True)
class Exposure:
    """What lists show.

    Parameters
    ----------
    coverage
        Share of the items that appear in anybody's list.
    diversity
        Mean share of pairs in a list whose groups differ; NaN without lists of two.
    novelty
        Mean −log2 of the share of users who had a shown item.
    """

    coverage: float
    diversity: float
    novelty: float

    def to_dict(self) -> dict[str, float]:
        """Plain values for a card; what is not known is left out."""
        told = {"coverage": self.coverage, "diversity": self.diversity, "novelty": self.novelty}
        return {name: round(value, 4) for name, value in told.items() if np.isfinite(value)}


def exposure_of(
    users: Ints, items: Ints, groups: Ints | None, buyers: npt.NDArray[np.floating], n_users: int
) -> Exposure:
    """Coverage, diversity within lists and novelty of many lists.

    Parameters
    ----------
    users, items
        One pair a recommendation.
    groups
        Group of every item; None where groups are not known.
    buyers
        Number of users who had each item.
    n_users
        Users the buyers are among.

    Returns
    -------
    Exposure

    Examples
    --------
    >>> two = exposure_of(np.array([0, 0]), np.array([0, 1]), np.array([5, 6, 6]), np.ones(3), 4)
    >>> round(two.coverage, 2), two.diversity, two.novelty
    (0.67, 1.0, 2.0)
    """
    coverage = len(np.unique(items)) / max(len(buyers), 1)
    share = np.maximum(buyers, 0.5) / max(n_users, 1)
    novelty = float(-np.log2(share[items]).mean()) if len(items) else float("nan")
    diversity = float("nan")
    if groups is not None and len(items):
        _, owner, sizes = np.unique(users, return_inverse=True, return_counts=True)
        group = groups[items].astype(np.int64)
        # An item without a group differs from every other.
        alone = group.max(initial=0) + 1 + np.arange(len(group))
        group = np.where(group < 0, alone, group)
        together, counts = np.unique(np.column_stack([owner, group]), axis=0, return_counts=True)
        same = np.bincount(together[:, 0], counts * (counts - 1), minlength=len(sizes))
        pairs = sizes * (sizes - 1)
        full = pairs > 0
        if full.any():
            diversity = float((1 - same[full] / pairs[full]).mean())
    return Exposure(coverage, diversity, novelty)
