"""Whether this month looks like the last: volumes and distributions, held against chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

Floats = npt.NDArray[np.float64]
CONFIDENCE = 0.999
"""How sure a drift must be not to be sampling noise."""
MIN_BIN = 20.0
"""Bins of fewer rows in both months together are pooled."""
MIN_ROWS = 100
"""Months of fewer rows say nothing about a distribution."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Difference of two samples over bins.

    Parameters
    ----------
    psi
        Population stability index.
    expected
        What it is on average if nothing changed.
    noise
        What it stays below in 99.9 % of cases if nothing changed.
    bins
        Bins compared after pooling.
    """

    psi: float
    expected: float
    noise: float
    bins: int

    @property
    def effect(self) -> float:
        """Index above what chance explains; never negative."""
        return max(0.0, self.psi - self.expected)

    def line(self, threshold: float) -> float:
        """The effect that counts as drift: the threshold, or more where rows are few."""
        return max(threshold, self.noise - self.expected)


def drift(before: Floats, now: Floats, *, units: tuple[float, float] | None = None) -> Drift | None:
    """Compare two months over the same bins.

    Parameters
    ----------
    before, now
        Rows per bin, shape (bins,), of the earlier and the later month.
    units
        Independent units (customers) behind the rows of each month; rows of
        one customer are alike, and counting each would find drift in noise.
        None takes every row for independent.

    Returns
    -------
    Drift or None
        None if either month has too few rows to say. Under no change the
        index is (bins - 1)(1/n + 1/m) on average and follows that multiple of
        a chi-squared variable, so fixed lines such as 0.1 alone mislead.

    Examples
    --------
    >>> same = drift(np.array([500.0, 500.0]), np.array([510.0, 490.0]))
    >>> same is not None and same.effect == 0.0
    True
    """
    n, m = float(before.sum()), float(now.sum())
    if n < MIN_ROWS or m < MIN_ROWS:
        return None
    small = before + now < MIN_BIN
    if small.any():
        before = np.append(before[~small], before[small].sum())
        now = np.append(now[~small], now[small].sum())
    bins = len(before)
    if bins < 2:
        return Drift(0.0, 0.0, 0.0, bins)
    # Half a row in every bin keeps empty bins finite.
    p = (now + 0.5) / (m + 0.5 * bins)
    q = (before + 0.5) / (n + 0.5 * bins)
    spread = 1.0 / n + 1.0 / m
    if units is not None:
        spread = sum(1.0 / max(1.0, min(x, y)) for x, y in zip(units, (n, m), strict=True))
    return Drift(
        float(np.sum((p - q) * np.log(p / q))),
        (bins - 1) * spread,
        float(chi2.ppf(CONFIDENCE, bins - 1)) * spread,
        bins,
    )


def outlier_mask(values: Floats) -> npt.NDArray[np.bool_]:
    """Values far outside by robust statistics; they are flagged, never changed.

    Parameters
    ----------
    values
        Shape (n,); NaN is no outlier.

    Returns
    -------
    numpy.ndarray
        True where a value lies more than three quartile ranges outside the
        quartiles. The range is at least a hundredth of the median, so that
        almost constant columns do not flag every small difference.

    Examples
    --------
    >>> outlier_mask(np.array([9.0, 10.0, 10.0, 11.0, 12.0, 900.0])).tolist()
    [False, False, False, False, False, True]
    """
    low, middle, high = np.nanquantile(values, [0.25, 0.5, 0.75])
    reach = 3.0 * max(high - low, abs(middle) * 0.01)
    with np.errstate(invalid="ignore"):
        return np.asarray((values < low - reach) | (values > high + reach), dtype=np.bool_)
