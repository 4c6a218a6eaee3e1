"""Figures of two models on the same rows, and the interval of their difference.

Every figure is recomputed on the same resampled rows for both models (paired bootstrap, Efron and
Tibshirani 1993, chapter 16): what makes a customer hard makes her hard for both, and cancels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from shopkeeper.core.errors import InputError

Floats = npt.NDArray[np.float64]
Metric = Literal["auc", "brier", "log_loss", "mae", "wape", "ndcg"]

HIGHER_IS_BETTER: dict[str, bool] = {
    "auc": True, "brier": False, "log_loss": False, "mae": False, "wape": False, "ndcg": True,
}  # fmt: skip
PROBABILITIES = frozenset({"auc", "brier", "log_loss"})
"""Figures of a probability of something that happens or not."""

DRAWS = 400
AT_ONCE = 4_000_000
"""Weights held in memory at a time: 32 MB."""


@dataclass(frozen=True, slots=True)
class Paired:
    """Two models on the same rows.

    Parameters
    ----------
    metric : str
        Name of the figure.
    champion, challenger : float
        The figures.
    difference : float
        How much better the challenger is; positive is better whatever the direction of the figure.
    low, high : float
        95 % interval of the difference.
    n : int
        Rows.
    """

    metric: str
    champion: float
    challenger: float
    difference: float
    low: float
    high: float
    n: int


def paired(
    metric: Metric,
    truth: Floats,
    champion: Floats,
    challenger: Floats,
    *,
    seed: int,
    draws: int = DRAWS,
) -> Paired:
    """Compare two models on the same rows.

    Parameters
    ----------
    metric : Metric
        `auc`, `brier`, `log_loss` of a probability; `mae`, `wape` of an amount; `ndcg`, where
        `champion` and `challenger` are each customer's own figure and `truth` is not read.
    truth : Floats
        What happened; 0 or 1 for probabilities.
    champion, challenger : Floats
        What each said; shape of `truth`.
    seed : int
        Decides the resampling.
    draws : int
        Resamples.

    Returns
    -------
    Paired
        NaN where the figure does not exist (one outcome only, no rows).

    Raises
    ------
    InputError
        When the three do not have the same length.

    Examples
    --------
    >>> same = np.array([0.1, 0.9, 0.4])
    >>> paired("mae", np.array([0.0, 1.0, 1.0]), same, same, seed=1).difference
    0.0
    """
    if not len(truth) == len(champion) == len(challenger):
        raise InputError(
            f"two models are compared on the same rows: {len(truth)} outcomes, {len(champion)} "
            f"statements of the champion, {len(challenger)} of the challenger",
            next_step="join them by customer first",
        )
    n = len(truth)
    sign = 1.0 if HIGHER_IS_BETTER[metric] else -1.0
    if n == 0 or (metric == "auc" and truth.min() == truth.max()):
        nan = float("nan")
        return Paired(metric, nan, nan, nan, nan, nan, n)
    of = [statistic(metric, truth, said) for said in (champion, challenger)]
    whole = np.ones((1, n))
    a, b = (float(figure(whole)[0]) for figure in of)
    gaps = []
    random = np.random.default_rng(seed)
    for size in _sizes(draws, n):
        weights = random.multinomial(n, np.full(n, 1.0 / n), size=size).astype(np.float64)
        gaps.append(of[1](weights) - of[0](weights))
    low, high = np.nanquantile(sign * np.concatenate(gaps), [0.025, 0.975])
    return Paired(metric, a, b, sign * (b - a) + 0.0, float(low), float(high), n)


def figure(metric: Metric, truth: Floats, said: Floats) -> float:
    """Return one figure of one model.

    Parameters
    ----------
    metric : Metric
        As for `paired`.
    truth, said : Floats
        What happened, and what was said.

    Returns
    -------
    float
        NaN where it does not exist.

    Examples
    --------
    >>> figure("auc", np.array([0.0, 1.0, 1.0]), np.array([0.1, 0.1, 0.7]))
    0.75
    """
    if len(truth) == 0 or (metric == "auc" and truth.min() == truth.max()):
        return float("nan")
    return float(statistic(metric, truth, said)(np.ones((1, len(truth))))[0])


def skill(metric: Metric, value: float, blind: float) -> float:
    """Return how much of what can be known a model knows: 0 is blind, 1 is perfect.

    Parameters
    ----------
    metric : Metric
        Name of the figure.
    value : float
        The model's figure.
    blind : float
        The figure of a forecast that knows no customer; not read for `auc` (0.5) and `ndcg` (0).

    Returns
    -------
    float
        2 AUC - 1, NDCG itself, or 1 - value / blind; negative is worse than blind.

    Examples
    --------
    >>> skill("auc", 0.75, 0.5), skill("mae", 3.0, 4.0)
    (0.5, 0.25)
    """
    if metric == "auc":
        return 2.0 * value - 1.0
    if metric == "ndcg":
        return value
    return 1.0 - value / blind if blind > 0 else float("nan")


def blind_figure(metric: Metric, truth: Floats) -> float:
    """Return the figure of an honest forecast that says the same of everybody.

    Parameters
    ----------
    metric : Metric
        Name of the figure.
    truth : Floats
        What happened.

    Returns
    -------
    float
        0.5 for `auc`, 0 for `ndcg`, else the figure of the mean said of everybody.
    """
    if metric in ("auc", "ndcg"):
        return 0.5 if metric == "auc" else 0.0
    return figure(metric, truth, np.full(len(truth), float(np.mean(truth))))


def _sizes(draws: int, n: int) -> list[int]:
    at_once = max(1, min(draws, AT_ONCE // n))
    whole, rest = divmod(draws, at_once)
    return [at_once] * whole + ([rest] if rest else [])


def statistic(metric: Metric, truth: Floats, said: Floats) -> Callable[[Floats], Floats]:
    """Return a figure as a function of row weights.

    Parameters
    ----------
    metric : Metric
        Name of the figure.
    truth, said : Floats
        What happened and what was said; shape (rows,).

    Returns
    -------
    Callable[[Floats], Floats]
        Takes weights of shape (draws, rows), returns one figure a draw.
    """
    if metric == "auc":
        return _area(truth, said)
    if metric == "wape":
        gap, size = np.abs(said - truth), np.abs(truth)
        return lambda weights: (weights @ gap) / np.maximum(weights @ size, 1e-12)
    if metric == "brier":
        loss = (said - truth) ** 2
    elif metric == "log_loss":
        loss = -np.log(np.clip(np.where(truth > 0.5, said, 1.0 - said), 1e-12, 1.0))
    elif metric == "mae":
        loss = np.abs(said - truth)
    else:
        loss = said
    return lambda weights: (weights @ loss) / weights.sum(axis=1)


def _area(truth: Floats, said: Floats) -> Callable[[Floats], Floats]:
    by = np.argsort(said, kind="stable")
    positive = truth[by] > 0.5
    starts = np.flatnonzero(np.append(True, np.diff(said[by]) != 0))

    def area(weights: Floats) -> Floats:
        ordered = weights[:, by]
        hits = np.add.reduceat(np.where(positive, ordered, 0.0), starts, axis=1)
        others = np.add.reduceat(np.where(positive, 0.0, ordered), starts, axis=1)
        below = np.cumsum(others, axis=1) - others
        above = (hits * (below + 0.5 * others)).sum(axis=1)
        total = hits.sum(axis=1) * others.sum(axis=1)
        with np.errstate(invalid="ignore"):
            return np.asarray(above / np.where(total > 0, total, np.nan))

    return area
