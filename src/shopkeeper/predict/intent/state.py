"""What is kept of a visitor while events stream by, and the features both ways of counting share.

Batch and stream fill the same columns (`Columns`), and one function turns them into features: so
they are equal bit for bit, which a test holds. A state takes constant memory: sums, and the last
`RECENT` events of the session.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shopkeeper.core.errors import InputError
from shopkeeper.predict.intent.events import (
    ACTIONS,
    DAY_US,
    GAP_US,
    Floats,
    Ints,
    action_of,
    key_of,
)

__all__ = ["FEATURES", "RECENT", "Columns", "IntentState", "features_of"]

RECENT = 20
"""Events of the session that are kept one by one."""
VIEW, CART, CHECKOUT, BUY = (ACTIONS.index(x) for x in ("view", "cart", "checkout", "buy"))

FEATURES: tuple[str, ...] = (
    "events", "seconds", "mean_gap_s", "last_gap_s", "longest_gap_s",
    *(f"{action}_events" for action in ACTIONS),
    "recent_views", "recent_carts", "has_added_to_cart", "events_since_cart",
    "distinct_items", "distinct_categories", "item_repeats", "item_again", "category_run",
    "category_share", "carted_item_again", "last_action", "action_before", "hour", "weekday",
    "sessions_before", "events_before", "views_before", "carts_before", "checkouts_before",
    "buys_before", "days_since_session", "days_since_checkout", "days_since_buy",
    "checkouts_a_session_before", "buys_a_session_before",
)  # fmt: skip
"""Names of the features of a prefix, in order. NaN where something never happened."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What is known at the end of each of n prefixes.

    Parameters
    ----------
    numbers : Mapping[str, Ints]
        Whole numbers by name, each of shape (n,).
    counts, before : Ints
        Events by action in the session, and in the sessions before it; shape (n, actions).
    action, item, category : Ints
        The last `RECENT` events, oldest first, filled from the right; shape (n, RECENT). Action is
        -1 and keys are 0 where there is none.
    """

    numbers: Mapping[str, Ints]
    counts: Ints
    before: Ints
    action: Ints
    item: Ints
    category: Ints


def features_of(columns: Columns) -> Floats:
    """Features of prefixes.

    Parameters
    ----------
    columns : Columns
        From `batch_columns` or `IntentState.columns`.

    Returns
    -------
    Floats
        Shape (n, features), in the order of `FEATURES`.
    """
    n, counts, before = columns.numbers, columns.counts, columns.before
    events = n["events"].astype(np.float64)
    length = n["last_us"] - n["start_us"]
    last_action = columns.action[:, -1]
    in_cart = columns.action == CART
    own_item, own_category = columns.item[:, -1:], columns.category[:, -1:]
    same_item = (columns.item == own_item) & (own_item > 0)
    same_category = (columns.category == own_category) & (own_category > 0)
    named = np.maximum((columns.category > 0).sum(axis=1), 1)
    ago = RECENT - 1 - np.arange(RECENT)
    sessions = n["sessions_before"].astype(np.float64)
    since_cart = np.where(in_cart, ago, np.nan)
    since_cart = np.fmin.reduce(since_cart, axis=1)
    parts = [
        events, length / 1e6, length / 1e6 / np.maximum(events - 1.0, 1.0), n["gap_us"] / 1e6,
        n["longest_us"] / 1e6,
        *(counts[:, at] for at in range(len(ACTIONS))),
        (columns.action[:, -5:] == VIEW).sum(axis=1), in_cart[:, -5:].sum(axis=1),
        counts[:, CART] > 0, since_cart,
        _distinct(columns.item), _distinct(columns.category),
        (columns.item > 0).sum(axis=1) - _distinct(columns.item),
        np.maximum(same_item.sum(axis=1) - 1, 0),
        np.cumprod(same_category[:, ::-1], axis=1).sum(axis=1), same_category.sum(axis=1) / named,
        (same_item & in_cart).any(axis=1), last_action, columns.action[:, -2], n["hour"], n["dow"],
        sessions, before.sum(axis=1), before[:, VIEW], before[:, CART], before[:, CHECKOUT],
        before[:, BUY],
        *(_days(n["last_us"], n[name]) for name in ("session_us", "checkout_us", "buy_us")),
        before[:, CHECKOUT] / np.maximum(sessions, 1.0), before[:, BUY] / np.maximum(sessions, 1.0),
    ]  # fmt: skip
    return np.column_stack([np.asarray(part, dtype=np.float64) for part in parts])


def _distinct(keys: Ints) -> Ints:
    ordered = np.sort(keys, axis=1)
    fresh = ordered[:, 1:] != ordered[:, :-1]
    distinct: Ints = (fresh & (ordered[:, 1:] > 0)).sum(axis=1) + (ordered[:, 0] > 0)
    return distinct


def _days(now_us: Ints, then_us: Ints) -> Floats:
    return np.where(then_us >= 0, (now_us - then_us) / DAY_US, np.nan)


def _zeros() -> list[int]:
    return [0] * len(ACTIONS)


@dataclass(slots=True)
class IntentState:
    """One visitor so far.

    Parameters
    ----------
    last_us, start_us : int
        Moment of the latest event and of the first of its session; -1 before the first event.
    gap_us, longest_us : int
        Time before the latest event, and the longest such time, in the session.
    hour, dow : int
        Of the latest event; -1 where unknown.
    counts, before : list[int]
        Events by action in the session, and in the sessions before it.
    sessions_before : int
        Sessions that ended.
    session_us, checkout_us, buy_us : int
        End of the session before, and latest checkout and purchase before this session; -1 for
        never.
    seen_checkout_us, seen_buy_us : int
        The latest of all, this session included; -1 for never.
    recent : list[tuple[int, int, int]]
        Action, item key and category key of the last events of the session, at most `RECENT`.
    """

    last_us: int = -1
    start_us: int = -1
    gap_us: int = 0
    longest_us: int = 0
    hour: int = -1
    dow: int = -1
    counts: list[int] = field(default_factory=_zeros)
    before: list[int] = field(default_factory=_zeros)
    sessions_before: int = 0
    session_us: int = -1
    checkout_us: int = -1
    buy_us: int = -1
    seen_checkout_us: int = -1
    seen_buy_us: int = -1
    recent: list[tuple[int, int, int]] = field(default_factory=list)

    def update(
        self,
        ts_us: int,
        kind: str,
        product_id: str | None = None,
        category: str | None = None,
        *,
        hour: int = -1,
        dow: int = -1,
    ) -> IntentState:
        """Take in the next event.

        Parameters
        ----------
        ts_us : int
            Its moment, microseconds UTC.
        kind : str
            As in EVENTS.
        product_id, category : str | None
            What it names, if anything.
        hour, dow : int
            Hour and weekday (1 Monday) where the shop is; -1 where unknown.

        Returns
        -------
        IntentState
            The same object.

        Raises
        ------
        InputError
            When the event is earlier than the one before it: late events are for the batch.
        """
        if ts_us < self.last_us:
            raise InputError(
                f"an event of {ts_us} came after one of {self.last_us}",
                next_step="leave late events to the nightly batch, or sort the stream by time",
            )
        if self.last_us < 0 or ts_us - self.last_us > GAP_US:
            self._begin(ts_us)
        else:
            self.gap_us = ts_us - self.last_us
            self.longest_us = max(self.longest_us, self.gap_us)
        action = action_of(kind)
        self.last_us, self.hour, self.dow = ts_us, hour, dow
        self.counts[action] += 1
        self.recent.append((action, key_of(product_id), key_of(category)))
        del self.recent[:-RECENT]
        if action == CHECKOUT:
            self.seen_checkout_us = ts_us
        elif action == BUY:
            self.seen_buy_us = ts_us
        return self

    def _begin(self, ts_us: int) -> None:
        if self.last_us >= 0:
            self.sessions_before += 1
            self.before = [a + b for a, b in zip(self.before, self.counts, strict=True)]
            self.session_us = self.last_us
            self.checkout_us, self.buy_us = self.seen_checkout_us, self.seen_buy_us
        self.counts, self.recent = _zeros(), []
        self.start_us, self.gap_us, self.longest_us = ts_us, 0, 0

    def columns(self) -> Columns:
        """What is known, as `features_of` takes it: one prefix.

        Returns
        -------
        Columns
            Of one row.

        Raises
        ------
        InputError
            When nothing happened yet.
        """
        if not self.recent:
            raise InputError(
                "a visitor without any event has no intent to judge",
                next_step="call update with the first event",
            )
        names = ("start_us", "last_us", "gap_us", "longest_us", "hour", "dow", "sessions_before",
                 "session_us", "checkout_us", "buy_us")  # fmt: skip
        numbers = {name: np.array([getattr(self, name)], dtype=np.int64) for name in names}
        numbers["events"] = np.array([sum(self.counts)], dtype=np.int64)
        filled = np.zeros((RECENT, 3), dtype=np.int64)
        filled[:, 0] = -1
        filled[RECENT - len(self.recent) :] = self.recent
        return Columns(
            numbers,
            np.array([self.counts], dtype=np.int64),
            np.array([self.before], dtype=np.int64),
            filled[None, :, 0],
            filled[None, :, 1],
            filled[None, :, 2],
        )

    def to_json(self) -> str:
        """Write the state, a few hundred bytes whatever came before."""
        return json.dumps([getattr(self, x) for x in self.__slots__], separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> IntentState:
        """Read what `to_json` wrote.

        Parameters
        ----------
        text : str
            JSON.

        Returns
        -------
        IntentState
            The same state.
        """
        values: list[Any] = json.loads(text)
        state = cls(*values)
        state.recent = [(a, b, c) for a, b, c in state.recent]
        return state
