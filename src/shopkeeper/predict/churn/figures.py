"""Figures of churn scores on a window whose truth is known."""

from __future__ import annotations

from shopkeeper.predict.calibrate import (
    auc,
    average_precision,
    brier,
    calibration_error,
    calibration_line,
)
from shopkeeper.predict.cards import Figure, bootstrap_interval
from shopkeeper.predict.churn.model import Rehearsal
from shopkeeper.predict.history import Bools, Floats, Ints

LINE_NAMES = ("calibration_slope", "calibration_intercept")


def measure_churn(rehearsal: Rehearsal, chosen: str, *, seed: int) -> tuple[Figure, ...]:
    """Measure every method on a window whose truth is known.

    Parameters
    ----------
    rehearsal : Rehearsal
        What the methods said and what happened.
    chosen : str
        The method in use: its figures carry intervals and are given by slice.
    seed : int
        Decides the resampling of the intervals.

    Returns
    -------
    tuple[Figure, ...]
        auc, average_precision, brier and ece of churn by method; calibration_slope and
        calibration_intercept of the method in use.
    """
    churned = ~rehearsal.bought
    figures = []
    for method, said in rehearsal.said.items():
        risk = 1.0 - said
        for metric, value in churn_figures(churned, risk).items():
            low, high = None, None
            if method == chosen and metric in ("auc", "brier"):
                low, high = _interval(metric, churned, risk, seed)
            figures.append(Figure(method, metric, value, low, high, len(risk)))
    risk = 1.0 - rehearsal.said[chosen]
    for name, value in zip(LINE_NAMES, calibration_line(churned, risk), strict=True):
        figures.append(Figure(chosen, name, value, n=len(risk)))
    slices = {
        "purchases=1": rehearsal.purchases == 1,
        "purchases=2-4": (rehearsal.purchases >= 2) & (rehearsal.purchases <= 4),
        "purchases>=5": rehearsal.purchases >= 5,
    }
    for name, inside in slices.items():
        if int(inside.sum()) >= 30:
            for metric, value in churn_figures(churned[inside], risk[inside]).items():
                figures.append(Figure(chosen, metric, value, n=int(inside.sum()), slice=name))
    return tuple(figures)


def churn_figures(churned: Bools, risk: Floats) -> dict[str, float]:
    """Return the figures of a churn score.

    Parameters
    ----------
    churned : Bools
        Whether the customer bought nothing.
    risk : Floats
        Probability said.

    Returns
    -------
    dict[str, float]
        `auc`, `average_precision`, `brier`, `ece`.
    """
    return {
        "auc": auc(churned, risk),
        "average_precision": average_precision(churned, risk),
        "brier": brier(churned, risk),
        "ece": calibration_error(churned, risk),
    }


def _interval(metric: str, churned: Bools, risk: Floats, seed: int) -> tuple[float, float]:
    figure = auc if metric == "auc" else brier

    def statistic(rows: Ints) -> float:
        return figure(churned[rows], risk[rows])

    return bootstrap_interval(statistic, len(risk), seed=seed)
