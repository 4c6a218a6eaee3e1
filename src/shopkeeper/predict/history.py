"""Order histories as sorted arrays: the one input of the churn and the value models.

An :class:`OrderHistory` is built once from a purchases table. Every later step (a cut at a past
moment, a summary, a feature matrix, a label) is vectorised arithmetic on its three arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DAY_US = 86_400_000_000
"""Microseconds in a day."""


@dataclass(frozen=True, slots=True)
class OrderHistory:
    """Orders sorted by customer and time.

    Parameters
    ----------
    customers : pa.Array
        Customer ids, one per code, ascending; shape (customers,).
    code : Ints
        Position of the order's customer in `customers`; shape (orders,), ascending.
    ts_us : Ints
        Moment of the order, microseconds UTC; ascending within a customer.
    day : Ints
        Days since 1970-01-01 in the zone in which orders of one day are merged.
    amount_minor : Ints
        Signed amount in minor units; a return is negative.
    """

    customers: pa.Array
    code: Ints
    ts_us: Ints
    day: Ints
    amount_minor: Ints

    def __len__(self) -> int:
        """Return the number of orders."""
        return len(self.code)

    def before(self, as_of_us: int) -> OrderHistory:
        """Return the orders strictly before a moment; customer codes stay as they are.

        Parameters
        ----------
        as_of_us : int
            The moment we pretend it is, microseconds UTC; orders at or after it are not seen.

        Returns
        -------
        OrderHistory
            The same customers, fewer orders.
        """
        keep = self.ts_us < as_of_us
        return OrderHistory(
            self.customers,
            self.code[keep],
            self.ts_us[keep],
            self.day[keep],
            self.amount_minor[keep],
        )


def read_history(table: pa.Table) -> OrderHistory:
    """Turn a purchases table into sorted arrays.

    Rows may come in any order. Rows without a customer or a time are left out, because no model
    can place them; a missing amount counts as 0.

    Parameters
    ----------
    table : pa.Table
        Columns `customer_id` (string), `ts_us` (int64, microseconds UTC), `amount_minor` (int64);
        `day` (date32, the shop's own day) is used where present, else the UTC day.

    Returns
    -------
    OrderHistory
        Orders by customer id, then time, then amount.

    Examples
    --------
    >>> table = pa.table(
    ...     {"customer_id": ["b", "a", "b"], "ts_us": [5, 7, 3], "amount_minor": [100, 250, -40]}
    ... )
    >>> history = read_history(table)
    >>> history.customers.to_pylist(), history.code.tolist(), history.amount_minor.tolist()
    (['a', 'b'], [0, 1, 1], [250, -40, 100])
    """
    known = pc.and_(pc.is_valid(table["customer_id"]), pc.is_valid(table["ts_us"]))
    table = table.filter(known)
    ids = table["customer_id"].combine_chunks().cast(pa.string())
    if isinstance(ids, pa.ChunkedArray):  # more than one chunk survives where offsets overflow
        ids = pa.concat_arrays(ids.chunks)
    encoded = pc.dictionary_encode(ids)
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    code = rank[encoded.indices.to_numpy()] if len(ids) else np.empty(0, dtype=np.int64)
    ts_us = _ints(table["ts_us"])
    amount = _ints(pc.fill_null(table["amount_minor"], 0))
    if "day" in table.column_names:
        days = pc.fill_null(pc.cast(table["day"], pa.date32()).cast(pa.int32()).cast(pa.int64()), 0)
        day = np.where(pc.is_valid(table["day"]).to_numpy(), _ints(days), ts_us // DAY_US)
    else:
        day = ts_us // DAY_US
    by = np.lexsort((amount, ts_us, code))
    return OrderHistory(
        encoded.dictionary.take(pa.array(order)), code[by], ts_us[by], day[by], amount[by]
    )


def sample_customers(history: OrderHistory, most: int, seed: int) -> OrderHistory:
    """Keep the orders of about `most` customers; which, does not depend on the order of rows.

    Parameters
    ----------
    history : OrderHistory
        Orders.
    most : int
        Customers to keep, about; with fewer in all, everything is kept.
    seed : int
        Decides which.

    Returns
    -------
    OrderHistory
        The same codes, fewer orders.
    """
    if len(history.customers) <= most:
        return history
    chosen = np.random.default_rng(seed).permutation(len(history.customers))[:most]
    kept = np.zeros(len(history.customers), dtype=bool)
    kept[chosen] = True
    inside = kept[history.code]
    return OrderHistory(
        history.customers,
        history.code[inside],
        history.ts_us[inside],
        history.day[inside],
        history.amount_minor[inside],
    )


def _ints(column: pa.ChunkedArray) -> Ints:
    """Return an integer column as a fresh int64 array."""
    return np.array(column.cast(pa.int64()).to_numpy(), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class PurchaseDays:
    """One row per customer and day on which the customer bought.

    Orders of one day are one purchase of their net amount. A day on which goods only went back
    (net amount not above zero and at least one negative order) is no purchase.

    Parameters
    ----------
    code : Ints
        Customer code, ascending; shape (purchase days,).
    day : Ints
        Days since 1970-01-01, ascending within a customer.
    amount_minor : Ints
        Net amount of the day in minor units, never negative.
    orders : Ints
        Orders merged into the day.
    """

    code: Ints
    day: Ints
    amount_minor: Ints
    orders: Ints


def purchase_days(history: OrderHistory) -> PurchaseDays:
    """Merge the orders of one customer and day.

    Parameters
    ----------
    history : OrderHistory
        Orders, already cut at the moment of interest.

    Returns
    -------
    PurchaseDays
        Purchase days by customer, then day.
    """
    if len(history) == 0:
        none = np.empty(0, dtype=np.int64)
        return PurchaseDays(none, none, none, none)
    # days of one customer may interleave when `day` follows another zone than `ts_us`
    by = np.lexsort((history.day, history.code))
    code, day, amount = history.code[by], history.day[by], history.amount_minor[by]
    new = np.ones(len(code), dtype=bool)
    new[1:] = (code[1:] != code[:-1]) | (day[1:] != day[:-1])
    start = np.flatnonzero(new)
    net = np.add.reduceat(amount, start)
    returned = np.add.reduceat((amount < 0).astype(np.int64), start)
    orders = np.diff(np.append(start, len(code)))
    bought = (net > 0) | (returned == 0)
    return PurchaseDays(
        code[start][bought], day[start][bought], net[bought], (orders - returned)[bought]
    )


@dataclass(frozen=True, slots=True)
class External:
    """Features from elsewhere, aligned by customer and moment.

    Parameters
    ----------
    names : Sequence[str]
        One name a column.
    as_of_us : int
        The moment the values were computed for; equals a cut-off or the moment of scoring.
    customers : Sequence[str]
        Customer ids, any order, one a row.
    matrix : Floats
        Values; shape (customers, names); NaN where unknown.
    """

    names: Sequence[str]
    as_of_us: int
    customers: Sequence[str]
    matrix: Floats


@dataclass(frozen=True, slots=True)
class Question:
    """A moment, the orders known by then, and how far ahead to look.

    Parameters
    ----------
    history : OrderHistory
        Orders; a model looks at those before `as_of_us` only.
    as_of_us : int
        The moment we pretend it is, microseconds UTC.
    horizon_days : float
        How far ahead, in days.
    external : tuple[External, ...]
        Columns from elsewhere: one block for each cut-off of `split.plan_cutoffs` to learn from
        them, one for `as_of_us` to score with them.
    """

    history: OrderHistory
    as_of_us: int
    horizon_days: float
    external: tuple[External, ...] = ()

    def columns_at(self, as_of_us: int) -> External | None:
        """Return the external block of a moment.

        Parameters
        ----------
        as_of_us : int
            The moment.

        Returns
        -------
        External | None
            None where there is none.
        """
        return next((block for block in self.external if block.as_of_us == as_of_us), None)
