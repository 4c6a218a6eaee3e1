"""Candidates: the best items of every method for each user, with what each method said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.evaluate import DEPTH, Figures, Truth, figures_of
from shopkeeper.predict.recommend.interactions import Bools, Floats, Interactions, Ints
from shopkeeper.predict.recommend.rank import hide_seen, top_items
from shopkeeper.predict.recommend.split import Split

__all__ = ["Candidates", "Judged", "collect", "judged", "levelled"]

_CELLS_AT_ONCE = 24_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Pairs of user and item, sorted by user and item.

    Parameters
    ----------
    users, items
        Codes, one pair a row.
    scores
        Levelled score of each method, shape (pairs, methods).
    n_users
        Users asked about, those without candidates included.
    """

    users: Ints
    items: Ints
    scores: Floats
    n_users: int

    def starts(self) -> Ints:
        """First row of each user and, at the end, the number of rows."""
        return np.searchsorted(self.users, np.arange(self.n_users + 1)).astype(np.int64)

    def hit(self, truth: Truth, width: int) -> Bools:
        """Whether each candidate came.

        Parameters
        ----------
        truth
            In the same codes of users and items.
        width
            Number of items.

        Returns
        -------
        numpy.ndarray
            Boolean, one a row.
        """
        known = truth.items >= 0
        came = truth.users[known] * width + truth.items[known]
        return np.isin(self.users * width + self.items, came)


def levelled(scores: Floats) -> Floats:
    """Scores over the largest of their user, 0 where a method knows nothing.

    Parameters
    ----------
    scores
        Shape (users, items).

    Returns
    -------
    numpy.ndarray
        At most 1.
    """
    largest = scores.max(axis=1, keepdims=True, initial=0.0)
    shares: Floats = scores / np.maximum(largest, np.finfo(np.float32).tiny)
    return shares


def collect(
    components: Sequence[Recommender], histories: Interactions, depth: int, *, exclude_seen: bool
) -> Candidates:
    """The union of every component's best items.

    Parameters
    ----------
    components
        Fitted on the same items.
    histories
        Users to answer.
    depth
        Items taken from each component.
    exclude_seen
        Leave out items of the history.

    Returns
    -------
    Candidates
        Scores of all components for all of them.
    """
    known = histories.for_items(components[0].item_ids)
    width = known.n_items
    size = max(1, min(512, _CELLS_AT_ONCE // max(width * len(components), 1)))
    users, items, scores = [], [], []
    for start in range(0, known.n_users, size):
        part = known.slice_users(start, min(start + size, known.n_users))
        said = [levelled(component.score(part)) for component in components]
        cells = []
        for one in said:
            shown = one.copy() if exclude_seen else one
            if exclude_seen:
                hide_seen(shown, part)
            rows, found, _, _ = top_items(shown, depth)
            cells.append(rows * width + found)
        rows, found = np.divmod(np.unique(np.concatenate(cells)), width)
        users.append(rows + start)
        items.append(found)
        scores.append(np.column_stack([one[rows, found] for one in said]))
    return Candidates(
        np.concatenate(users).astype(np.int64),
        np.concatenate(items).astype(np.int64),
        np.concatenate(scores).astype(np.float32),
        known.n_users,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Candidates of the users who can be judged, with the truth, ready to try many rankings.

    Parameters
    ----------
    candidates
        Of the drawn users, renumbered from 0.
    histories
        Of the same users.
    truth
        What came for them.
    own
        Row of the candidate of each truth, -1 where no method found it.
    column
        Place of each candidate among its user's.
    """

    candidates: Candidates
    histories: Interactions
    truth: Truth
    own: Ints
    column: Ints

    def figures(self, scores: Floats) -> Figures:
        """Figures of a ranking of the candidates, ties against us.

        Parameters
        ----------
        scores
            One a candidate; 0 and below is not recommended.

        Returns
        -------
        Figures
            Truth that is no candidate is a miss; coverage is 0, nothing is listed here.
        """
        mine = scores[self.own]
        width = max(int(self.column.max(initial=0)) + 1, DEPTH + 1)
        padded = np.full((self.candidates.n_users, width), -np.inf, dtype=np.float32)
        padded[self.candidates.users, self.column] = scores
        padded.partition(width - DEPTH - 1, axis=1)
        # One of the largest is the truth itself: as many others stand level or above.
        ahead = padded[:, width - DEPTH - 1 :][self.truth.users] >= mine[:, None]
        ranks = np.count_nonzero(ahead, axis=1).astype(np.int64) - 1
        ranks[(self.own < 0) | ~(mine > 0)] = DEPTH
        return figures_of(np.clip(ranks, 0, DEPTH), self.truth.users, 0.0)


def judged(
    components: Sequence[Recommender],
    split: Split,
    *,
    exclude_seen: bool,
    depth: int = 100,
    users: int = 2_000,
    seed: int = 0,
) -> Judged:
    """Candidates of users drawn from a split.

    Parameters
    ----------
    components
        Fitted on ``split.past``.
    split
        Validation.
    exclude_seen
        Take items of the history out of candidates and truth.
    depth
        Items taken from each component.
    users
        At most so many users, drawn by ``seed``.
    seed
        Decides the draw.

    Returns
    -------
    Judged

    Raises
    ------
    NotEnoughDataError
        If no user of the split can be judged.
    """
    truth = Truth.of(split, components[0], new_only=exclude_seen)
    came = np.unique(truth.users)
    if len(came) == 0:
        raise NotEnoughDataError(
            "no user of the validation period can be judged, weights cannot be chosen",
            next_step="choose a longer horizon or give the weights",
        )
    drawn = np.sort(np.random.default_rng(seed).permutation(came)[:users])
    keep = np.isin(truth.users, drawn)
    truth = Truth(np.searchsorted(drawn, truth.users[keep]), truth.items[keep])
    histories = _of_users(split.histories.for_items(components[0].item_ids), drawn)
    candidates = collect(components, histories, depth, exclude_seen=exclude_seen)
    width = histories.n_items
    keys = candidates.users * width + candidates.items
    wanted = truth.users * width + np.maximum(truth.items, 0)
    place = np.searchsorted(keys, wanted).clip(max=max(len(keys) - 1, 0))
    own = np.where((truth.items >= 0) & (keys[place] == wanted), place, -1)
    column = np.arange(len(candidates.users)) - candidates.starts()[candidates.users]
    return Judged(candidates, histories, truth, own, column)


def _of_users(histories: Interactions, codes: Ints) -> Interactions:
    rows = np.isin(histories.users, codes)
    part = histories.where(rows)
    return Interactions(
        np.searchsorted(codes, part.users),
        part.items,
        part.steps,
        part.times,
        histories.user_ids.take(codes),
        part.item_ids,
    )
