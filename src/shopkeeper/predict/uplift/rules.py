"""Baselines that need no learner: the best rule on one column, and the score from which it pays."""

from __future__ import annotations

import numpy as np

from shopkeeper.predict.history import Floats
from shopkeeper.predict.uplift.curve import exact_curve
from shopkeeper.predict.uplift.effects import OneColumn
from shopkeeper.predict.uplift.trial import Trial


def best_column(trial: Trial) -> OneColumn:
    """The one-column rule with the greatest Qini in training.

    Parameters
    ----------
    trial : Trial
        Training rows.

    Returns
    -------
    OneColumn
        Column and direction.
    """
    best: tuple[float, OneColumn] | None = None
    for place, name in enumerate(trial.columns):
        for sign in (1.0, -1.0):
            rule = OneColumn(place, sign, name)
            score = rule.predict(trial.matrix)
            qini = exact_curve(score, trial.treated, trial.outcome, trial.weight).qini
            if best is None or qini > best[0]:
                best = (qini, rule)
    assert best is not None
    return best[1]


def paying_share(score: Floats, trial: Trial, cost: float) -> float:
    """Score from which treating paid most in training, for rankings without a unit.

    Parameters
    ----------
    score : Floats
        Scores of training rows.
    trial : Trial
        Training rows.
    cost : float
        Cost of a treatment.

    Returns
    -------
    float
        Treat those at or above it; infinite when nobody pays.
    """
    curve = exact_curve(score, trial.treated, trial.outcome, trial.weight)
    best = int(np.argmax(curve.uplift - cost * curve.share))
    if best == 0:
        return float("inf")
    return float(np.sort(np.unique(score))[::-1][best - 1])
