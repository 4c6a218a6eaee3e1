"""Frequency, recency and age of customers, and the grouped rows on which models are fitted.

A million customers share few distinct (frequency, recency, age) rows. Likelihoods and predictions
are computed once per distinct row and weighted or copied, which is what makes them fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from shopkeeper.predict.history import DAY_US, Floats, Ints, OrderHistory, purchase_days

Unit = Literal["day", "week"]
DAYS_IN: dict[str, float] = {"day": 1.0, "week": 7.0}
"""Days in a unit of time; a week is seven days, not a calendar week."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What the buy-till-you-die models know of each customer; every array has shape (customers,).

    Parameters
    ----------
    code : Ints
        Customer code in the history; ascending; customers without a purchase are absent.
    frequency : Ints
        Purchases after the first; orders of one day are one purchase.
    recency : Floats
        Time from the first to the last purchase, in `unit`.
    age : Floats
        Time from the first purchase to the end of observation (usually called T), in `unit`.
    monetary_minor : Floats
        Mean amount of the repeat purchases in minor units; 0 where there is none.
    unit : Unit
        Unit of time.
    """

    code: Ints
    frequency: Ints
    recency: Floats
    age: Floats
    monetary_minor: Floats
    unit: Unit


def summarise(history: OrderHistory, as_of_us: int, unit: Unit = "week") -> Summary:
    """Summarise the orders before a moment, one row per customer who has bought.

    Parameters
    ----------
    history : OrderHistory
        Orders; those at or after `as_of_us` are not seen.
    as_of_us : int
        End of observation, microseconds UTC, exclusive. The last day observed is the day of the
        microsecond before it.
    unit : Unit
        Unit of `recency` and `age`.

    Returns
    -------
    Summary
        Returns are netted per day: a day on which goods only went back is no purchase.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from shopkeeper.predict.history import read_history
    >>> day = 86_400_000_000
    >>> orders = pa.table(
    ...     {
    ...         "customer_id": ["a", "a", "a", "b"],
    ...         "ts_us": [0, 10, 7 * day, day],
    ...         "amount_minor": [500, 100, 300, 900],
    ...     }
    ... )
    >>> summary = summarise(read_history(orders), as_of_us=15 * day, unit="day")
    >>> summary.frequency.tolist(), summary.recency.tolist(), summary.age.tolist()
    ([1, 0], [7.0, 0.0], [14.0, 13.0])
    >>> summary.monetary_minor.tolist()
    [300.0, 0.0]
    """
    days = purchase_days(history.before(as_of_us))
    scale = DAYS_IN[unit]
    if len(days.code) == 0:
        none = np.empty(0, dtype=np.float64)
        empty = np.empty(0, dtype=np.int64)
        return Summary(empty, empty, none, none, none, unit)
    new = np.ones(len(days.code), dtype=bool)
    new[1:] = days.code[1:] != days.code[:-1]
    start = np.flatnonzero(new)
    end = np.append(start[1:], len(days.code)) - 1
    frequency = end - start
    total = np.add.reduceat(days.amount_minor, start) - days.amount_minor[start]
    monetary = np.where(frequency > 0, total / np.maximum(frequency, 1), 0.0)
    last_observed = (as_of_us - 1) // DAY_US
    first = days.day[start]
    return Summary(
        code=days.code[start],
        frequency=frequency.astype(np.int64),
        recency=(days.day[end] - first) / scale,
        age=np.maximum(last_observed - first, 0) / scale,
        monetary_minor=monetary.astype(np.float64),
        unit=unit,
    )


@dataclass(frozen=True, slots=True)
class Grouped:
    """Distinct (frequency, recency, age) rows and how many customers share each.

    Parameters
    ----------
    x : Floats
        Repeat purchases; shape (groups,), as the following.
    t_x : Floats
        Recency.
    age : Floats
        Age, never below recency.
    weight : Floats
        Customers of the group.
    inverse : Ints
        Group of each customer; shape (customers,).
    """

    x: Floats
    t_x: Floats
    age: Floats
    weight: Floats
    inverse: Ints


def group(frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike) -> Grouped:
    """Collapse customers to distinct rows.

    Parameters
    ----------
    frequency : npt.ArrayLike
        Repeat purchases per customer; shape (customers,).
    recency : npt.ArrayLike
        Time of the last purchase since the first; ignored (taken as 0) where frequency is 0.
    age : npt.ArrayLike
        Time observed since the first purchase, same unit.

    Returns
    -------
    Grouped
        Groups in ascending order of (frequency, recency, age).

    Examples
    --------
    >>> group([1, 0, 1], [2.0, 0.0, 2.0], [5.0, 5.0, 5.0]).weight.tolist()
    [1.0, 2.0]
    """
    x = np.asarray(frequency, dtype=np.float64)
    t_x = np.where(x > 0, np.asarray(recency, dtype=np.float64), 0.0)
    ages = np.maximum(np.asarray(age, dtype=np.float64), t_x)
    first, first_code = np.unique(x, return_inverse=True)
    second, second_code = np.unique(t_x, return_inverse=True)
    third, third_code = np.unique(ages, return_inverse=True)
    key = (first_code * max(len(second), 1) + second_code) * max(len(third), 1) + third_code
    keys, inverse, weight = np.unique(key, return_inverse=True, return_counts=True)
    rest, third_at = np.divmod(keys, max(len(third), 1))
    first_at, second_at = np.divmod(rest, max(len(second), 1))
    return Grouped(
        x=first[first_at],
        t_x=second[second_at],
        age=third[third_at],
        weight=weight.astype(np.float64),
        inverse=inverse.astype(np.int64),
    )
