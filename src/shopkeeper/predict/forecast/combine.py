"""Average forecasts by what held in the past, and state intervals that held there.

Weights: greedy selection with replacement (Caruana et al., "Ensemble selection from libraries of
models", ICML 2004) on rehearsals before the moment of the forecast. Intervals: split conformal, one
pair of quantiles a step, of errors divided by the spread of the series (Vovk et al., *Algorithmic
Learning in a Random World*, 2005), so that the level holds whatever the models' errors look like.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from shopkeeper.predict.history import Floats

__all__ = ["LEVELS", "choose_weights", "conformal_ends", "series_scale", "weighted"]

LEVELS = (0.8, 0.9)
PICKS = 20
LEAST_ERRORS = 60
APIECE = 20


def series_scale(values: Floats, season: int = 1) -> tuple[Floats, Floats]:
    """Return what errors are divided by: errors of the seasonal naive forecast in the past.

    Hyndman and Koehler, "Another look at measures of forecast accuracy", IJF 22 (2006).

    Parameters
    ----------
    values : Floats
        The past, shape (series, periods); NaN where unknown.
    season : int
        Periods back.

    Returns
    -------
    tuple[Floats, Floats]
        Mean absolute and root mean squared change; NaN where there is none, or it is zero.
    """
    change = values[:, season:] - values[:, :-season]
    known = np.isfinite(change)
    count = known.sum(axis=1)
    held = np.where(known, change, 0.0)
    absolute = np.abs(held).sum(axis=1) / np.maximum(count, 1)
    squared = np.sqrt((held**2).sum(axis=1) / np.maximum(count, 1))
    usable = (count > 0) & (absolute > 0)
    return np.where(usable, absolute, np.nan), np.where(usable, squared, np.nan)


def weighted(forecasts: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """Average forecasts of the same shape.

    Parameters
    ----------
    forecasts : Mapping[str, Floats]
        By method.
    weights : Mapping[str, float]
        By method; those that are zero are left out.

    Returns
    -------
    Floats
        Their weighted mean.
    """
    total = sum(share for name, share in weights.items() if name in forecasts)
    parts = [forecasts[name] * (share / total) for name, share in weights.items()
             if share > 0 and name in forecasts]  # fmt: skip
    answer: Floats = np.sum(parts, axis=0)
    return answer


def choose_weights(
    forecasts: Mapping[str, Floats], truth: Floats, absolute: Floats, squared: Floats, *,
    intermittent: bool = False,
) -> dict[str, float]:  # fmt: skip
    """Choose how much each forecast counts.

    Parameters
    ----------
    forecasts : Mapping[str, Floats]
        Rehearsed forecasts by method; shape (series, cells).
    truth : Floats
        What happened; NaN where unknown.
    absolute, squared : Floats
        Scales of errors, from `series_scale`; shape (series,).
    intermittent : bool
        Whether values are mostly zero. Absolute errors then ask for zero everywhere, which no
        stock can be planned from: squared ones, which ask for the mean, count more.

    Returns
    -------
    dict[str, float]
        Shares that sum to one; all alike where the past says nothing.
    """
    names = list(forecasts)
    usable = np.isfinite(truth) & np.isfinite(absolute)[:, None]
    if not usable.any():
        return {name: 1.0 / len(names) for name in names}
    rows, _ = np.nonzero(usable)
    y = truth[usable]
    stack = np.stack([forecasts[name][usable] for name in names])
    first, second = 1.0 / absolute[rows], 1.0 / squared[rows]
    volume = float(np.abs(y).mean()) or 1.0

    def loss(said: Floats) -> float:
        error = said - y
        scaled = float((np.abs(error) * first).mean()) / base[0]
        spread = float(np.sqrt(((error * second) ** 2).mean())) / base[1]
        total = float(np.abs(error).mean()) / volume / base[2]
        if intermittent:
            return 0.3 * scaled + 2.0 * spread
        return scaled + 0.5 * spread + 0.5 * total

    middle = stack.mean(axis=0) - y
    base = (
        float((np.abs(middle) * first).mean()) or 1.0,
        float(np.sqrt(((middle * second) ** 2).mean())) or 1.0,
        float(np.abs(middle).mean()) / volume or 1.0,
    )
    count = np.zeros(len(names))
    total = np.zeros_like(y)
    for pick in range(PICKS):
        tried = [loss((total + one) / (pick + 1)) for one in stack]
        best = int(np.argmin(tried))
        count[best] += 1
        total = total + stack[best]
    return {name: float(share) for name, share in zip(names, count / PICKS, strict=True)}


def conformal_ends(
    errors: Sequence[Floats], level: float, rehearsals: int
) -> tuple[Floats, Floats]:
    """Return the ends of scaled errors that hold a level, step by step.

    Parameters
    ----------
    errors : Sequence[Floats]
        Errors (truth less forecast, divided by the spread of the series) of each step; finite.
    level : float
        Share to hold, such as 0.9.
    rehearsals : int
        Rehearsals the errors come from: series of one rehearsal share its shocks, so that it counts
        as no more than twenty errors.

    Returns
    -------
    tuple[Floats, Floats]
        Low and high end by step. Steps with few errors borrow from the steps beside them.
    """
    steps = len(errors)
    low, high = np.empty(steps), np.empty(steps)
    for at in range(steps):
        reach = 0
        pool = errors[at]
        while len(pool) < LEAST_ERRORS and reach < steps:
            reach += 1
            pool = np.concatenate(errors[max(0, at - reach) : at + reach + 1])
        tail = (1.0 - level) / 2.0
        n = max(min(len(pool), APIECE * rehearsals), 1)
        rank = min(1.0, (1.0 - tail) * (n + 1) / n)
        if len(pool) == 0:
            low[at], high[at] = -np.inf, np.inf
            continue
        high[at] = np.quantile(pool, rank, method="higher")
        low[at] = -np.quantile(-pool, rank, method="higher")
    return low, high
