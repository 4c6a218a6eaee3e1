"""Rows to learn a propensity from: features before past moments, outcomes after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.apps.flows.audiences import shop_vocabulary
from shopkeeper.apps.flows.features import features_at
from shopkeeper.apps.flows.propensity_outcome import (
    features_named,
    happening,
    holders,
    is_among,
    only,
    past_rule,
    rows_at,
    without,
)
from shopkeeper.apps.flows.propensity_spec import PropensitySpec
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import day_start, to_us
from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import ACTIVITY, PURCHASES

DAY_US = 86_400_000_000
LEAST_HISTORY_DAYS = 14
"""A past moment needs at least this much history before it."""
OFFSETS = (1.0, 2.0, 2.5, 3.0)
"""Past moments, in horizons before now. The latest is the test; the others end before it."""
MOST_ROWS = 120_000
"""More rows of past moments than this are a sample of the customers."""
SMALL = "first_seen_days"
"""A feature that costs nothing, for counting."""


@dataclass(frozen=True, slots=True)
class Window:
    """One past moment.

    Parameters
    ----------
    role
        Whether its rows are learned from or tested on.
    at, until
        The moment, and the end of the outcome.
    """

    role: Literal["learn", "test"]
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Past:
    """Rows of past moments.

    Parameters
    ----------
    windows
        Earliest first.
    rows
        ``customer_id``, ``as_of`` and features.
    outcome
        What happened, one a row.
    """

    windows: tuple[Window, ...]
    rows: pa.Table
    outcome: np.ndarray[Any, np.dtype[np.bool_]]

    def counts(self) -> list[dict[str, Any]]:
        """Customers and positives of each window."""
        moment = self.rows["as_of"].to_numpy(zero_copy_only=False).astype("datetime64[us]")
        found = []
        for window in self.windows:
            inside = moment == np.datetime64(to_us(window.at), "us")
            n, yes = int(inside.sum()), int(self.outcome[inside].sum())
            found.append(
                {
                    "role": window.role, "at": window.at, "until": window.until, "customers": n,
                    "positives": yes, "rate": yes / n if n else None,
                }
            )  # fmt: skip
        return found


def plan_windows(store: TableStore, as_of: datetime, horizon_days: int) -> tuple[Window, ...]:
    """Choose past moments whose outcome is known by now.

    Parameters
    ----------
    store
        The lake; unify must have run.
    as_of
        Now.
    horizon_days
        Length of the outcome.

    Returns
    -------
    tuple of Window
        Earliest first. One alone is both learned from and tested on, by folds of customers.

    Raises
    ------
    NotEnoughDataError
        With the days of data that are missing.
    """
    first = first_moment(store)
    if first is None:
        raise NotEnoughDataError(
            "no customer was ever seen", next_step="Load data and run: shopkeeper unify"
        )
    span = (to_us(as_of) - first) / DAY_US
    least = max(LEAST_HISTORY_DAYS, min(horizon_days, 60) / 2)
    needed = horizon_days + least
    if span < needed:
        raise NotEnoughDataError(
            f"not enough data to say: a horizon of {horizon_days} days needs {needed:.0f} days of "
            f"history and there are {max(span, 0):.0f}; {needed - span:.0f} more days are needed",
            next_step="choose a shorter horizon, or load a longer history",
            needed_days=needed,
            found_days=span,
        )
    offsets = [x * horizon_days for x in OFFSETS if span - x * horizon_days >= least]
    return tuple(
        Window(
            "test" if position == 0 else "learn",
            as_of - timedelta(days=days),
            as_of - timedelta(days=days - horizon_days),
        )
        for position, days in reversed(list(enumerate(offsets)))
    )


def now_of(runtime: Runtime) -> datetime:
    """The start of the day after the last purchase or event.

    Parameters
    ----------
    runtime
        The open shop.

    Raises
    ------
    NotEnoughDataError
        When nobody ever did anything.
    """
    last = None
    for contract in (PURCHASES, ACTIVITY):
        table = runtime.tables.table(contract)
        found = runtime.tables.run(table.aggregate(last=table.day.max()))["last"][0].as_py()
        last = max((x for x in (last, found) if x is not None), default=None)
    if last is None:
        raise NotEnoughDataError(
            "no customer was ever seen", next_step="Load data and run: shopkeeper unify"
        )
    return day_start(last + timedelta(days=1), runtime.settings.shop.time_zone)


def first_moment(store: TableStore) -> int | None:
    """First moment anybody did anything, microseconds UTC; None when nobody did.

    Parameters
    ----------
    store
        The lake.
    """
    found = []
    for contract in (PURCHASES, ACTIVITY):
        table = store.table(contract)
        found.append(store.run(table.aggregate(first=table.ts_us.min()))["first"][0].as_py())
    return min((x for x in found if x is not None), default=None)


def past_rows(
    runtime: Runtime, spec: PropensitySpec, as_of: datetime, *, names: Sequence[str] | None = None
) -> Past:
    """Features before past moments and outcomes after them.

    Parameters
    ----------
    runtime
        The open shop.
    spec
        What is asked.
    as_of
        Now; nothing at or after it is seen.
    names
        Only these features and those the rules need; None means the whole library.

    Returns
    -------
    Past

    Raises
    ------
    NotEnoughDataError
        When the history is too short or the audience was empty.
    RuleError
        When a rule speaks of what is not known of the past.
    """
    store = runtime.tables
    windows = plan_windows(store, as_of, spec.horizon_days)
    vocabulary = shop_vocabulary(runtime)
    audience = past_rule(spec.audience, vocabulary) if spec.audience.strip() else None
    target = past_rule(spec.target.rule or "", vocabulary) if spec.target.kind == "rule" else None
    wanted = None
    if names is not None:
        rules = [x for x in (audience, target) if x is not None]
        wanted = list(
            dict.fromkeys([*names, *(y for x in rules for y in features_named(x, vocabulary))])
        )
    moments = [x.at for x in windows]
    if target is not None:
        moments += [x.until for x in windows]
    rows = features_at(store, moments, names=wanted)
    parts, outcomes = [], []
    for window in windows:
        block = rows_at(rows, window.at)
        block = without(block, spec.exclude_customers)
        if audience is not None:
            block = only(block, holders(store, audience, vocabulary, block, window.at))
        if target is not None:
            already = holders(store, target, vocabulary, block, window.at)
            block = without(block, already)
            later = rows_at(rows, window.until)
            happened = holders(store, target, vocabulary, later, window.until)
        else:
            happened = happening(store, spec.target, window.at, window.until)
        block = block.sort_by("customer_id")
        parts.append(block)
        outcomes.append(is_among(block["customer_id"], happened))
    table = pa.concat_tables(parts)
    outcome = np.concatenate(outcomes)
    if table.num_rows == 0:
        raise NotEnoughDataError(
            "not enough data to say: nobody was in the audience at the past moments",
            next_step="choose a wider audience",
        )
    return _sampled(Past(windows, table, outcome), seed=runtime.settings.predict.seed)


def _sampled(past: Past, seed: int) -> Past:
    if past.rows.num_rows <= MOST_ROWS:
        return past
    customers = pc.unique(past.rows["customer_id"]).sort()
    share = MOST_ROWS / past.rows.num_rows
    kept = np.random.default_rng([seed, 8]).random(len(customers)) < share
    inside = is_among(past.rows["customer_id"], customers.filter(pa.array(kept)))
    return Past(past.windows, past.rows.filter(pa.array(inside)), past.outcome[inside])


def current_rows(runtime: Runtime, spec: PropensitySpec, as_of: datetime,
                 names: Sequence[str] | None = None) -> pa.Table:  # fmt: skip
    """Features of the audience now.

    Parameters
    ----------
    runtime
        The open shop.
    spec
        Whose audience and exclusions count.
    as_of
        Now.
    names
        Only these features and those the rules need; None means the whole library.

    Returns
    -------
    pa.Table
        ``customer_id``, ``as_of`` and features, by customer.
    """
    store = runtime.tables
    vocabulary = shop_vocabulary(runtime)
    texts = [spec.audience, spec.target.rule or ""]
    rules = [past_rule(x, vocabulary) if x.strip() else None for x in texts]
    wanted = None
    if names is not None:
        needed = [y for x in rules if x is not None for y in features_named(x, vocabulary)]
        wanted = list(dict.fromkeys([*names, *needed]))
    block = features_at(store, [as_of], names=wanted)
    block = without(block, spec.exclude_customers)
    audience, target = rules
    if audience is not None:
        block = only(block, holders(store, audience, vocabulary, block, as_of))
    if target is not None:
        block = without(block, holders(store, target, vocabulary, block, as_of))
    return block.sort_by("customer_id")
