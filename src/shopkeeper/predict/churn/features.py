"""What a customer's own orders say at a moment, one row per customer who has bought before it.

Everything is computed from orders strictly before `as_of`, including the parameters of the
processes whose answers are features: the same function makes training rows at past cut-offs and
scoring rows now, so a feature cannot see what a score could not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopkeeper.core.errors import InputError, NotEnoughDataError
from shopkeeper.predict.churn.processes import Processes, fit_processes
from shopkeeper.predict.history import (
    DAY_US,
    Bools,
    External,
    Floats,
    Ints,
    OrderHistory,
    PurchaseDays,
    purchase_days,
)
from shopkeeper.predict.value.summary import Summary, summarise

WINDOWS_DAYS = (30, 90, 180, 365)
"""Trailing windows in which purchases and amounts are counted."""

OWN_FEATURES = (
    "days_since_last",
    "age_days",
    "purchases",
    "mean_gap_days",
    "last_gap_days",
    "longest_gap_days",
    "gap_spread",
    "overdue",
    "idle_share",
    "recent_share",
    *(f"purchases_{days}d" for days in WINDOWS_DAYS),
    *(f"amount_{days}d" for days in WINDOWS_DAYS),
    "amount_mean",
    "amount_last",
    "amount_trend",
    "returned_share",
    "orders_per_day",
    "p_alive",
    "expected_orders",
    "p_buy",
    "bg_buy",
    "hazard_buy",
)
"""Names of the features computed here, in column order."""


@dataclass(frozen=True, slots=True)
class FeatureRows:
    """Feature rows of one moment.

    Parameters
    ----------
    names : tuple[str, ...]
        One name a column.
    code : Ints
        Customer code of each row; ascending.
    matrix : Floats
        Values; shape (rows, names); NaN where a value does not exist (a gap before the second
        purchase).
    summary : Summary
        Frequency, recency and age in days of the same rows.
    """

    names: tuple[str, ...]
    code: Ints
    matrix: Floats
    summary: Summary

    def column(self, name: str) -> Floats:
        """Return one feature.

        Parameters
        ----------
        name : str
            One of `names`.

        Returns
        -------
        Floats
            One value a row.
        """
        values: Floats = self.matrix[:, self.names.index(name)]
        return values

    def slice(self, start: int, stop: int) -> FeatureRows:
        """Return some of the rows.

        Parameters
        ----------
        start, stop : int
            First row, and the row after the last.

        Returns
        -------
        FeatureRows
            Views on the same arrays.
        """
        part = slice(start, stop)
        whole = self.summary
        summary = Summary(
            whole.code[part],
            whole.frequency[part],
            whole.recency[part],
            whole.age[part],
            whole.monetary_minor[part],
            whole.unit,
        )
        return FeatureRows(self.names, self.code[part], self.matrix[part], summary)


def feature_rows(
    history: OrderHistory,
    as_of_us: int,
    horizon_days: float,
    processes: Processes | None = None,
    external: External | None = None,
) -> FeatureRows:
    """Compute the features of every customer who bought before a moment.

    Parameters
    ----------
    history : OrderHistory
        Orders; those at or after `as_of_us` are not seen.
    as_of_us : int
        The moment we pretend it is, microseconds UTC.
    horizon_days : float
        Horizon of the processes' answers, in days.
    processes : Processes | None
        Processes fitted on orders before `as_of_us`, time in days; fitted here when absent.
    external : External | None
        More columns for the same moment; customers it does not know get NaN.

    Returns
    -------
    FeatureRows
        One row per customer with a purchase, by customer code.

    Raises
    ------
    NotEnoughDataError
        When nobody bought before `as_of_us`.
    InputError
        When `external` was computed for another moment.
    """
    days = purchase_days(history.before(as_of_us))
    if len(days.code) == 0:
        raise NotEnoughDataError(
            "there is no purchase before the moment of the forecast",
            next_step="choose a later moment, or load the orders before it",
            as_of_us=as_of_us,
        )
    summary = summarise(history, as_of_us, "day")
    columns = _gaps(days, summary)
    columns.update(_windows(days, summary, (as_of_us - 1) // DAY_US))
    columns.update(_amounts(history, days, summary, as_of_us))
    if processes is None:
        processes = fit_processes(days, summary, (as_of_us - 1) // DAY_US + 1)
    mean = columns["amount_mean"]
    columns.update(processes.columns(summary, columns["days_since_last"], mean, horizon_days))
    matrix = np.column_stack([columns[name] for name in OWN_FEATURES])
    names: tuple[str, ...] = OWN_FEATURES
    if external is not None:
        matrix = np.column_stack([matrix, _aligned(external, history, summary.code, as_of_us)])
        names = (*names, *external.names)
    return FeatureRows(names, summary.code, matrix, summary)


def bought_within(
    history: OrderHistory, code: Ints, as_of_us: int, horizon_days: float
) -> tuple[Ints, Floats]:
    """Return what the customers did in the horizon: the truth a forecast is held against.

    Parameters
    ----------
    history : OrderHistory
        Orders, those of the horizon included.
    code : Ints
        Customers of interest.
    as_of_us : int
        Start of the horizon, inclusive.
    horizon_days : float
        Length of the horizon in days; its end is exclusive.

    Returns
    -------
    tuple[Ints, Floats]
        Purchase days and their net amount in minor units, per customer of `code`.
    """
    end = as_of_us + int(horizon_days * DAY_US)
    inside = (history.ts_us >= as_of_us) & (history.ts_us < end)
    window = OrderHistory(
        history.customers,
        history.code[inside],
        history.ts_us[inside],
        history.day[inside],
        history.amount_minor[inside],
    )
    days = purchase_days(window)
    size = len(history.customers)
    count = np.bincount(days.code, minlength=size).astype(np.int64)
    amount = _sums(days.code, days.amount_minor, size)
    return count[code], amount[code]


def _sums(at: Ints, values: Ints | Floats | Bools, size: int) -> Floats:
    """Sum values by position."""
    weights = values.astype(np.float64)
    return np.asarray(np.bincount(at, weights=weights, minlength=size), dtype=np.float64)


def _gaps(days: PurchaseDays, summary: Summary) -> dict[str, Floats]:
    """Gaps between purchases, in days; NaN before the second purchase."""
    rows, first, last = _spans(days)
    x = summary.frequency.astype(np.float64)
    since = summary.age - summary.recency
    same = np.diff(days.code) == 0
    gap = np.diff(days.day)[same].astype(np.float64)
    at = np.searchsorted(rows, days.code[1:][same])
    size = len(rows)
    longest = np.full(size, np.nan)
    squares = np.bincount(at, weights=gap**2, minlength=size)
    if len(gap):
        starts = np.flatnonzero(np.append(True, np.diff(at) > 0))
        longest[at[starts]] = np.maximum.reduceat(gap, starts)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(x > 0, summary.recency / x, np.nan)
        variance = np.where(x > 1, np.maximum(squares / x - mean**2, 0.0), np.nan)
        before_last = days.day[np.maximum(last - 1, 0)]
        last_gap = np.where(last > first, days.day[last] - before_last, np.nan)
        # one imagined gap as long as the whole age keeps a single short gap from dominating
        usual = (summary.recency + summary.age + 1.0) / (x + 1.0)
        return {
            "days_since_last": since,
            "age_days": summary.age,
            "purchases": x + 1.0,
            "mean_gap_days": mean,
            "last_gap_days": last_gap,
            "longest_gap_days": longest,
            "gap_spread": np.sqrt(variance) / np.maximum(mean, 1.0),
            "overdue": since / usual,
            "idle_share": since / np.maximum(summary.age, 1.0),
        }


def _spans(days: PurchaseDays) -> tuple[Ints, Ints, Ints]:
    """Return the customers, and the first and last position of each."""
    new = np.append(True, np.diff(days.code) > 0)
    first = np.flatnonzero(new).astype(np.int64)
    last = np.append(first[1:], len(days.code)) - 1
    return days.code[first], first, last


def _windows(days: PurchaseDays, summary: Summary, last_day: int) -> dict[str, Floats]:
    """Purchases and amounts of trailing windows, and the share bought in the later half."""
    rows, first, last = _spans(days)
    at = np.repeat(np.arange(len(rows)), last - first + 1)
    back = last_day - days.day
    columns: dict[str, Floats] = {}
    for width in WINDOWS_DAYS:
        inside = back < width
        count = _sums(at, inside, len(rows))
        amount = _sums(at, inside * days.amount_minor, len(rows))
        columns[f"purchases_{width}d"] = count
        columns[f"amount_{width}d"] = amount
    late = back < summary.age[at] / 2.0
    columns["recent_share"] = np.bincount(at, weights=late, minlength=len(rows)) / (
        summary.frequency + 1.0
    )
    return columns


def _amounts(
    history: OrderHistory, days: PurchaseDays, summary: Summary, as_of_us: int
) -> dict[str, Floats]:
    """Amounts per purchase, their direction, and how much went back."""
    rows, first, last = _spans(days)
    size = len(rows)
    mean = np.add.reduceat(days.amount_minor, first) / (summary.frequency + 1.0)
    seen = history.before(as_of_us)
    at = np.searchsorted(rows, seen.code)
    known = (at < size) & (rows[np.minimum(at, size - 1)] == seen.code)
    at, amount = at[known], seen.amount_minor[known]
    returned = np.bincount(at, weights=np.maximum(-amount, 0), minlength=size)
    paid = np.bincount(at, weights=np.maximum(amount, 0), minlength=size)
    latest = days.amount_minor[last].astype(np.float64)
    return {
        "amount_mean": mean,
        "amount_last": latest,
        "amount_trend": latest / np.maximum(mean, 1.0),
        "returned_share": returned / np.maximum(paid, 1.0),
        "orders_per_day": np.add.reduceat(days.orders, first) / (summary.frequency + 1.0),
    }


def _aligned(external: External, history: OrderHistory, code: Ints, as_of_us: int) -> Floats:
    """Bring an external matrix to the order of `code`."""
    if external.as_of_us != as_of_us:
        raise InputError(
            f"external features were computed for {external.as_of_us}, the rows for {as_of_us}",
            next_step="compute them once for each cut-off listed by plan_cutoffs",
            as_of_us=as_of_us,
            external_as_of_us=external.as_of_us,
        )
    ids = np.asarray(history.customers.take(code).to_pylist(), dtype=object)
    given = np.asarray(list(external.customers), dtype=object)
    order = np.argsort(given, kind="stable")
    at = np.searchsorted(given[order], ids)
    at = np.minimum(at, max(len(given) - 1, 0))
    rows = np.full((len(ids), external.matrix.shape[1]), np.nan)
    if len(given):
        hit = given[order][at] == ids
        rows[hit] = external.matrix[order[at[hit]]]
    return rows
