"""Prefixes of sessions and what followed them, counted for millions of events at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.intent.events import ACTIONS, GAP_US, Bools, EventRows, Floats, Ints
from shopkeeper.predict.intent.state import BUY, CHECKOUT, RECENT, Columns, features_of

__all__ = [
    "LEAVE",
    "Outcomes",
    "Prefixes",
    "goal_of",
    "last_prefixes",
    "outcomes_of",
    "prefixes_at",
]

LEAVE = len(ACTIONS)
"""Code of the next action where the session ended."""


@dataclass(frozen=True, slots=True, eq=False)
class Prefixes:
    """Prefixes of sessions, each ending with one event.

    Parameters
    ----------
    at : Ints
        Row of the last event of each prefix.
    visitor, session : Ints
        Whose, and which session.
    position : Ints
        Events so far, from 1.
    columns : Columns
        What is known there.
    """

    at: Ints
    visitor: Ints
    session: Ints
    position: Ints
    columns: Columns

    def features(self) -> Floats:
        """Features, shape (n, features)."""
        return features_of(self.columns)

    def take(self, rows: Ints) -> Prefixes:
        """Some of the prefixes.

        Parameters
        ----------
        rows : Ints
            Which, in the given order.

        Returns
        -------
        Prefixes
            Those.
        """
        c = self.columns
        columns = Columns(
            {name: values[rows] for name, values in c.numbers.items()}, c.counts[rows],
            c.before[rows], c.action[rows], c.item[rows], c.category[rows],
        )  # fmt: skip
        return Prefixes(
            self.at[rows], self.visitor[rows], self.session[rows], self.position[rows], columns
        )


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What followed each prefix.

    Parameters
    ----------
    action : Ints
        Next action, or `LEAVE`.
    category : Ints
        Key of the next category that the session names; 0 where it names none.
    goal : Bools
        Whether the goal was reached later in the session.
    reached : Bools
        Whether it had been reached already.
    wait_us : Ints
        Time to the visitor's next goal in any session, or to the end of what is known.
    observed : Bools
        Whether that goal came.
    closed : Bools
        Whether the session was over by the end of what is known.
    """

    action: Ints
    category: Ints
    goal: Bools
    reached: Bools
    wait_us: Ints
    observed: Bools
    closed: Bools


def goal_of(rows: EventRows) -> int:
    """The action that counts as buying: a purchase, or a checkout where purchases are not told.

    Parameters
    ----------
    rows : EventRows
        Events of a shop.

    Returns
    -------
    int
        Place in `ACTIONS`.

    Raises
    ------
    NotEnoughDataError
        When there is neither.
    """
    for action in (BUY, CHECKOUT):
        if np.any(rows.action == action):
            return action
    raise NotEnoughDataError(
        "no event is a purchase or the start of a checkout, so there is no intent to learn",
        next_step="collect order_completed (or checkout_started) events",
    )


def prefixes_at(rows: EventRows, positions: tuple[int, ...]) -> Prefixes:
    """Prefixes of the given lengths of every session that is that long.

    Parameters
    ----------
    rows : EventRows
        Events.
    positions : tuple[int, ...]
        Lengths, from 1.

    Returns
    -------
    Prefixes
        By visitor and time.
    """
    session, first = rows.sessions()
    position = np.arange(len(rows)) - first[session] + 1
    return _prefixes(rows, np.flatnonzero(np.isin(position, positions)), session, first)


def last_prefixes(rows: EventRows) -> Prefixes:
    """The whole latest session of every visitor.

    Parameters
    ----------
    rows : EventRows
        Events; a visitor without any has no prefix.

    Returns
    -------
    Prefixes
        By visitor.
    """
    session, first = rows.sessions()
    last = np.flatnonzero(np.append(rows.visitor[1:] != rows.visitor[:-1], True)[: len(rows)])
    return _prefixes(rows, last, session, first)


def _prefixes(rows: EventRows, at: Ints, session: Ints, first: Ints) -> Prefixes:
    own = session[at]
    start = first[own]
    position = at - start + 1
    sums = np.zeros((len(rows) + 1, len(ACTIONS)), dtype=np.int64)
    sums[np.arange(1, len(rows) + 1), rows.action] = 1
    np.cumsum(sums, axis=0, out=sums)
    born = np.searchsorted(rows.visitor, rows.visitor[at])
    gap = np.zeros(len(rows), dtype=np.int64)
    gap[1:] = np.diff(rows.ts_us)
    gap[first] = 0
    # the running maximum starts anew with each session because sessions come in ascending bands
    longest = np.maximum.accumulate(gap + session * (GAP_US + 1)) - session * (GAP_US + 1)
    first_session = session[born]
    earlier = np.where(start > born, rows.ts_us[start - 1], -1)
    numbers = {
        "events": position, "start_us": rows.ts_us[start], "last_us": rows.ts_us[at],
        "gap_us": gap[at], "longest_us": longest[at], "hour": rows.hour[at], "dow": rows.dow[at],
        "sessions_before": own - first_session, "session_us": earlier,
        "checkout_us": _latest(rows, CHECKOUT, start, born),
        "buy_us": _latest(rows, BUY, start, born),
    }  # fmt: skip
    places = at[:, None] - np.arange(RECENT)[::-1]
    inside = places >= start[:, None]
    places = np.where(inside, places, 0)
    columns = Columns(
        numbers,
        sums[at + 1] - sums[start],
        sums[start] - sums[born],
        np.where(inside, rows.action[places], -1),
        np.where(inside, rows.item[places], 0),
        np.where(inside, rows.category[places], 0),
    )
    return Prefixes(at, rows.visitor[at], own, position, columns)


def _latest(rows: EventRows, action: int, start: Ints, born: Ints) -> Ints:
    """Moment of the visitor's latest event of an action before a session; -1 for never."""
    marked = np.where(rows.action == action, np.arange(len(rows)), -1)
    latest = np.append(-1, np.maximum.accumulate(marked))[start]
    return np.where(latest >= born, rows.ts_us[np.maximum(latest, 0)], -1)


def outcomes_of(rows: EventRows, prefixes: Prefixes, goal: int, end_us: int) -> Outcomes:
    """What followed each prefix, as far as it is known by a moment.

    Parameters
    ----------
    rows : EventRows
        The same events, all before the moment.
    prefixes : Prefixes
        From them.
    goal : int
        Place in `ACTIONS`.
    end_us : int
        The moment, microseconds UTC.

    Returns
    -------
    Outcomes
        One a prefix.
    """
    n, at = len(rows), prefixes.at
    session, first = rows.sessions()
    last = np.append(first[1:], n)[session[at]] - 1
    following = np.minimum(at + 1, n - 1)
    more = at < last
    action = np.where(more, rows.action[following], LEAVE)
    named = _next_where(rows.category > 0, n)[at + 1]
    category = np.where(named <= last, rows.category[np.minimum(named, n - 1)], 0)
    reach = _next_where(rows.action == goal, n)[at + 1]
    observed = (reach < n) & (rows.visitor[np.minimum(reach, n - 1)] == rows.visitor[at])
    then = np.where(observed, rows.ts_us[np.minimum(reach, n - 1)], end_us)
    return Outcomes(
        action,
        category,
        reach <= last,
        prefixes.columns.counts[:, goal] > 0,
        then - rows.ts_us[at],
        observed,
        rows.ts_us[last] + GAP_US < end_us,
    )


def _next_where(marked: Bools, n: int) -> Ints:
    """First marked row at or after each row, and after the last; n where there is none."""
    place = np.where(marked, np.arange(n), n)
    return np.append(np.minimum.accumulate(place[::-1])[::-1], n)
