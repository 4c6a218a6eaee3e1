"""How well groups, or single dimensions, separate what people spend next."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def relevance(values: Floats, future: Floats) -> Floats:
    """Weight of each dimension by how it orders the spend of the next period.

    Parameters
    ----------
    values
        Shape (n, d), at an earlier cut-off.
    future
        Spend after that cut-off, shape (n,).

    Returns
    -------
    ndarray
        Shape (d,), in [.25, 1]: absolute rank correlation over the largest.
    """
    strength = np.array([_rank_correlation(x, future) for x in values.T])
    top = strength.max()
    return np.ones(len(strength)) if top <= 0 else np.maximum(strength / top, 0.25)


def eta_squared(groups: Ints, outcome: Floats) -> float:
    """Share of the variance of an outcome that lies between groups.

    Parameters
    ----------
    groups
        Group of each unit, shape (n,).
    outcome
        Shape (n,).

    Returns
    -------
    float
        0 where the outcome does not vary.

    Examples
    --------
    >>> eta_squared(np.array([0, 0, 1, 1]), np.array([1.0, 1.0, 3.0, 3.0]))
    1.0
    """
    _, index = np.unique(groups, return_inverse=True)
    total = float(((outcome - outcome.mean()) ** 2).sum())
    if total == 0:
        return 0.0
    counts = np.bincount(index)
    means = np.bincount(index, weights=outcome) / counts
    return float((counts * (means - outcome.mean()) ** 2).sum() / total)


def _rank_correlation(column: Floats, future: Floats) -> float:
    if np.ptp(column) == 0 or np.ptp(future) == 0:
        return 0.0
    return abs(float(spearmanr(column, future).statistic))
