"""New products by their attributes: the launch curves of those most alike.

There is no past to learn from. What there is are earlier launches: each product's sales in its first
periods, and what was known of it before (category, brand, price, size). The curve of a new product is
the weighted mean of its nearest neighbours' curves; how far that is off is rehearsed by leaving each
earlier launch out in turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopkeeper.core.errors import InputError, NotEnoughDataError
from shopkeeper.predict.forecast.panel import Panel
from shopkeeper.predict.history import Bools, Floats, Ints

__all__ = ["LaunchForecast", "Launches", "launch_forecast", "launches_of"]

LEAST_LAUNCHES = 10
NEIGHBOURS = (3, 5, 10, 20)


@dataclass(frozen=True, slots=True)
class Launches:
    """Earlier launches.

    Parameters
    ----------
    curve : Floats
        Values of the first periods, shape (products, periods); NaN where not yet lived.
    numbers : Floats
        Numeric attributes (log price, size), shape (products, columns).
    words : tuple[tuple[str, ...], ...]
        Attributes in words (category, brand), one tuple a product.
    """

    curve: Floats
    numbers: Floats
    words: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class LaunchForecast:
    """Curves of new products; arrays have shape (new products, periods).

    Parameters
    ----------
    value : Floats
        Expected values from the first period on.
    low, high : Floats
        Interval.
    neighbours : Ints
        Positions of the launches most alike, nearest first.
    k : int
        How many were averaged.
    """

    value: Floats
    low: Floats
    high: Floats
    neighbours: Ints
    k: int


def launches_of(panel: Panel, steps: int) -> tuple[Ints, Floats]:
    """Cut the first periods of the series that begin inside a panel.

    Parameters
    ----------
    panel : Panel
        Series; one that is known from the first column on began earlier and is left out.
    steps : int
        Periods of a curve.

    Returns
    -------
    tuple[Ints, Floats]
        Positions of the series, and their curves (series, steps); NaN beyond the end.
    """
    known = np.isfinite(panel.values) & (panel.values != 0)
    first = known.argmax(axis=1)
    rows = np.nonzero(known.any(axis=1) & (first > 0))[0]
    at = first[rows][:, None] + np.arange(steps)
    inside = at < panel.periods
    curve = panel.values[rows[:, None], np.minimum(at, panel.periods - 1)]
    return rows, np.where(inside, curve, np.nan)


def launch_forecast(
    past: Launches, numbers: Floats, words: tuple[tuple[str, ...], ...], *, level: float = 0.9
) -> LaunchForecast:
    """Forecast products that have not been sold yet.

    Parameters
    ----------
    past : Launches
        Earlier launches, at least ten with a whole curve.
    numbers : Floats
        Numeric attributes of the new products, columns as in `past`.
    words : tuple[tuple[str, ...], ...]
        Attributes in words, as in `past`.
    level : float
        Share the intervals are made to hold.

    Returns
    -------
    LaunchForecast
        One curve a new product.

    Raises
    ------
    NotEnoughDataError
        When fewer than ten launches have a whole curve.
    InputError
        When attributes do not match those of the launches, or are unknown.
    """
    whole: Bools = np.asarray(np.isfinite(past.curve).all(axis=1))
    count = int(whole.sum())
    if count < LEAST_LAUNCHES:
        raise NotEnoughDataError(
            f"a new product needs {LEAST_LAUNCHES} earlier launches to be compared with, "
            f"found {count}: {LEAST_LAUNCHES - count} more needed",
            next_step="take a shorter horizon, or launches of more categories",
            needed=LEAST_LAUNCHES,
            found=count,
        )
    if numbers.shape[1] != past.numbers.shape[1] or len(words) != len(numbers):
        raise InputError(
            "the attributes of the new products are not those of the earlier ones",
            next_step="give the same columns in the same order",
        )
    if not np.isfinite(numbers).all():
        row = int(np.argmax(~np.isfinite(numbers).all(axis=1)))
        raise InputError(
            f"new product {row + 1} has an unknown attribute", next_step="fill it, or leave it out"
        )
    curve = np.log1p(np.maximum(past.curve[whole], 0.0))
    old = past.numbers[whole]
    named = tuple(one for one, kept in zip(past.words, whole, strict=True) if kept)
    spread = np.maximum(old.std(axis=0), 1e-9)
    among = _distance(old / spread, named, old / spread, named)
    np.fill_diagonal(among, np.inf)
    tried = [k for k in NEIGHBOURS if k < count] or [count - 1]
    said = [_average(among, curve, k)[0] for k in tried]
    k = tried[int(np.argmin([np.abs(curve - one).mean() for one in said]))]
    errors = curve - said[tried.index(k)]
    tail = min(1.0, (1.0 + level) / 2.0 * (count + 1) / count)
    high = np.quantile(errors, tail, axis=0, method="higher")
    low = -np.quantile(-errors, tail, axis=0, method="higher")
    value, nearest = _average(_distance(numbers / spread, words, old / spread, named), curve, k)
    places = np.nonzero(whole)[0]
    return LaunchForecast(
        np.expm1(value), np.maximum(np.expm1(value + low), 0.0), np.expm1(value + high),
        places[nearest], k,
    )  # fmt: skip


def _distance(
    numbers: Floats, words: tuple[tuple[str, ...], ...], others: Floats,
    their_words: tuple[tuple[str, ...], ...],
) -> Floats:  # fmt: skip
    """Gower-like: mean of squared differences in deviations, and of unequal words."""
    total = ((numbers[:, None, :] - others[None, :, :]) ** 2).sum(axis=2)
    width = numbers.shape[1]
    for at in range(len(words[0]) if words else 0):
        mine = np.array([one[at] for one in words])
        theirs = np.array([one[at] for one in their_words])
        total = total + 2.0 * (mine[:, None] != theirs[None, :])
        width += 1
    return np.asarray(total / max(width, 1), dtype=np.float64)


def _average(distance: Floats, curve: Floats, k: int) -> tuple[Floats, Ints]:
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :k]
    weight = 1.0 / (0.1 + np.take_along_axis(distance, nearest, axis=1))
    weight /= weight.sum(axis=1, keepdims=True)
    return np.einsum("nk,nks->ns", weight, curve[nearest]), nearest
