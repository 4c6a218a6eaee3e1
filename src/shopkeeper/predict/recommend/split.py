"""Past and truth: four ways to cut histories for an honest figure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.recommend.interactions import Interactions

__all__ = [
    "Split",
    "first_basket",
    "leave_last_out",
    "next_basket",
    "next_in_session",
    "sampled",
    "temporal",
]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """What a model may learn from, what it may look at when scoring, and what came.

    Parameters
    ----------
    past
        To fit on.
    histories
        What is known of each judged user at the moment of the question.
    truth
        What came; its user codes are those of ``histories``.
    """

    past: Interactions
    histories: Interactions
    truth: Interactions


def leave_last_out(interactions: Interactions, *, skip: int = 0, hold: int | None = None) -> Split:
    """Last step of each user is the truth, everything before it the history.

    Other users' later steps stay in the past: this protocol leaks their future by design and
    is here because published tables use it.

    Parameters
    ----------
    interactions
        Histories; a user needs at least one step before the truth.
    skip
        Ignore so many latest steps first: 1 judges the second-to-last (validation).
    hold
        Keep so many latest steps out of ``past``; default ``skip + 1``. With 2 and ``skip=0``
        the model is fitted without the validation step, yet the history shows it.

    Returns
    -------
    Split
        ``past`` has every user's remaining steps.
    """
    hold = skip + 1 if hold is None else hold
    ago = interactions.steps_ago()
    truth = interactions.where((ago == skip) & (interactions.steps > 0))
    return Split(
        interactions.where(ago >= hold),
        interactions.where(ago > skip),
        truth,
    )


def temporal(interactions: Interactions, cut: int, end: int | None = None) -> Split:
    """Everything before the cut is known, everything from it to the end is the truth.

    Parameters
    ----------
    interactions
        With times.
    cut
        Microseconds UTC: the first moment of the truth.
    end
        First moment after the truth; None is open.

    Returns
    -------
    Split
        No row of ``past`` or ``histories`` is later than the cut.

    Raises
    ------
    NotEnoughDataError
        If there are no times, or one side of the cut is empty.
    """
    if interactions.times is None:
        raise NotEnoughDataError(
            "a temporal split needs times, these interactions only have an order",
            next_step="give a file with a time column, or use leave-one-out",
        )
    before = interactions.times < cut
    after = ~before if end is None else ~before & (interactions.times < end)
    if not before.any() or not after.any():
        raise NotEnoughDataError(
            f"the cut leaves {int(before.sum())} rows before it and {int(after.sum())} after it",
            next_step="choose a cut inside the period of the data",
            cut=cut,
        )
    past = interactions.where(before)
    return Split(past, past, interactions.where(after))


def next_basket(interactions: Interactions, *, skip: int = 0) -> Split:
    """Last basket of each user is the truth; nobody's truth basket is learned from.

    Parameters
    ----------
    interactions
        Rows of one basket share their step.
    skip
        Ignore so many latest baskets first: 1 judges the second-to-last (validation).

    Returns
    -------
    Split
        One truth basket a user with at least two baskets.
    """
    return leave_last_out(interactions, skip=skip)


def next_in_session(train: Interactions, test: Interactions) -> Split:
    """Every prefix of every test session asks for its next item.

    Parameters
    ----------
    train
        Sessions to learn from.
    test
        Other sessions, their steps single items.

    Returns
    -------
    Split
        A session of m items becomes m − 1 users of ``histories`` with one truth each.
    """
    starts = test.starts()
    ask = np.flatnonzero(test.steps > 0)
    # Row p asks with all rows of its session before it: lengths = rows since the start.
    first = starts[test.users[ask]]
    lengths = ask - first
    users = np.repeat(np.arange(len(ask)), lengths)
    offset = np.arange(len(users)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    rows = np.repeat(first, lengths) + offset
    names = test.user_ids.take(test.users[ask])
    histories = Interactions(users, test.items[rows], test.steps[rows], None, names, test.item_ids)
    ones = np.arange(len(ask))
    truth = Interactions(ones, test.items[ask], test.steps[ask], None, names, test.item_ids)
    return Split(train, histories, truth)


def first_basket(split: Split) -> Split:
    """The same split with only the first basket of each user's truth.

    Parameters
    ----------
    split
        Usually temporal.

    Returns
    -------
    Split
        One truth basket a user: the next one.
    """
    truth = split.truth
    first = np.full(truth.n_users, np.iinfo(np.int64).max)
    np.minimum.at(first, truth.users, truth.steps)
    return Split(split.past, split.histories, truth.where(truth.steps == first[truth.users]))


def sampled(split: Split, judged: int, seed: int) -> Split:
    """The same split with at most so many judged customers.

    Parameters
    ----------
    split
        Usually temporal.
    judged
        At most so many.
    seed
        Decides the draw.

    Returns
    -------
    Split
        Only customers with a history and a truth.

    Raises
    ------
    NotEnoughDataError
        If no customer has both.
    """
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
