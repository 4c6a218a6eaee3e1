"""Probabilities that mean what they say, and the figures that show whether they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import expit, logit
from scipy.stats import rankdata
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from shopkeeper.predict.cards import CalibrationBin
from shopkeeper.predict.history import Bools, Floats

ENOUGH_POSITIVES = 2_000
"""From this many of the rarer outcome on, the shape of the map is learned freely."""

EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Calibrator:
    """A monotone map from a score in (0, 1) to a probability.

    Parameters
    ----------
    kind : Literal["isotonic", "platt"]
        Free monotone shape, or a straight line on the logit scale.
    x, y : tuple[float, ...]
        Isotonic: knots and their probabilities, linear in between. Platt: (slope,) and
        (intercept,).
    """

    kind: Literal["isotonic", "platt"]
    x: tuple[float, ...]
    y: tuple[float, ...]

    def __call__(self, score: Floats) -> Floats:
        """Map scores to probabilities.

        Parameters
        ----------
        score : Floats
            Scores in [0, 1].

        Returns
        -------
        Floats
            Probabilities in (0, 1).
        """
        if self.kind == "platt":
            raw = self.x[0] * logit(np.clip(score, EDGE, 1.0 - EDGE)) + self.y[0]
            mapped = np.asarray(expit(raw), dtype=np.float64)
        else:
            mapped = np.interp(score, self.x, self.y)
        return np.clip(mapped, EDGE, 1.0 - EDGE)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {"kind": self.kind, "x": list(self.x), "y": list(self.y)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Calibrator:
        """Read what `to_json` wrote.

        Parameters
        ----------
        stored : dict[str, Any]
            The JSON object.

        Returns
        -------
        Calibrator
            The same map.
        """
        return cls(stored["kind"], tuple(stored["x"]), tuple(stored["y"]))


def fit_calibrator(score: Floats, outcome: Bools) -> Calibrator:
    """Learn the map on scores of customers the model has not seen.

    Isotonic regression where at least 2,000 of the rarer outcome exist, else Platt's line. The
    isotonic steps are joined at their centres (Oron and Flournoy 2017), so that customers keep
    their order inside a step.

    Parameters
    ----------
    score : Floats
        Out-of-sample scores in [0, 1].
    outcome : Bools
        What happened.

    Returns
    -------
    Calibrator
        The map.
    """
    positives = int(np.sum(outcome))
    if min(positives, len(outcome) - positives) >= ENOUGH_POSITIVES:
        return _isotonic(score, outcome.astype(np.float64))
    return fit_platt(score, outcome)


def fit_platt(score: Floats, outcome: Bools) -> Calibrator:
    """Learn a straight line on the logit scale.

    Parameters
    ----------
    score : Floats
        Out-of-sample scores in [0, 1].
    outcome : Bools
        What happened.

    Returns
    -------
    Calibrator
        The map.
    """
    line = LogisticRegression(C=1e6, max_iter=1_000)
    line.fit(logit(np.clip(score, EDGE, 1.0 - EDGE))[:, None], outcome.astype(np.int64))
    return Calibrator("platt", (float(line.coef_[0, 0]),), (float(line.intercept_[0]),))


def _isotonic(score: Floats, outcome: Floats) -> Calibrator:
    by = np.argsort(score, kind="stable")
    stepped = IsotonicRegression().fit_transform(score[by], outcome[by])
    start = np.flatnonzero(np.append(True, np.diff(stepped) > 1e-12))
    size = np.diff(np.append(start, len(stepped)))
    centre = np.add.reduceat(score[by], start) / size
    # half a customer of each outcome keeps the ends away from certainty
    level = (np.add.reduceat(outcome[by], start) + 0.5) / (size + 1.0)
    level = np.maximum.accumulate(level)
    return Calibrator("isotonic", tuple(centre.tolist()), tuple(level.tolist()))


def auc(outcome: Bools, score: Floats) -> float:
    """Return the area under the ROC curve; ties count half.

    Parameters
    ----------
    outcome : Bools
        What happened.
    score : Floats
        Higher means more likely.

    Returns
    -------
    float
        NaN where only one outcome occurs.

    Examples
    --------
    >>> auc(np.array([False, True, True]), np.array([0.1, 0.1, 0.7]))
    0.75
    """
    positives = int(np.sum(outcome))
    negatives = len(outcome) - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    ranks = rankdata(score)
    above = float(ranks[outcome].sum()) - positives * (positives + 1) / 2
    return above / (positives * negatives)


def average_precision(outcome: Bools, score: Floats) -> float:
    """Return the mean precision over the positives; tied scores enter together.

    Parameters
    ----------
    outcome : Bools
        What happened.
    score : Floats
        Higher means more likely.

    Returns
    -------
    float
        NaN where nothing positive occurs.

    Examples
    --------
    >>> average_precision(np.array([True, False, True]), np.array([0.9, 0.8, 0.1])).__round__(4)
    0.8333
    """
    positives = int(np.sum(outcome))
    if positives == 0:
        return float("nan")
    by = np.argsort(-score, kind="stable")
    hits = np.cumsum(outcome[by])
    last = np.flatnonzero(np.append(np.diff(score[by]) != 0, True))
    precision = hits[last] / (last + 1.0)
    return float(np.sum(precision * np.diff(np.append(0, hits[last]))) / positives)


def brier(outcome: Bools, probability: Floats) -> float:
    """Return the mean squared distance of probability and outcome.

    Parameters
    ----------
    outcome : Bools
        What happened.
    probability : Floats
        What was said.

    Returns
    -------
    float
        In [0, 1]; lower is better.
    """
    return float(np.mean((probability - outcome) ** 2))


def log_loss(outcome: Bools, probability: Floats) -> float:
    """Return the mean negative log-probability of what happened.

    Parameters
    ----------
    outcome : Bools
        What happened.
    probability : Floats
        What was said, in (0, 1).

    Returns
    -------
    float
        Nats per row; lower is better.
    """
    said = np.clip(np.where(outcome, probability, 1.0 - probability), 1e-12, 1.0)
    return float(-np.mean(np.log(said)))


def calibration_error(outcome: Bools, probability: Floats, bins: int = 10) -> float:
    """Return the expected calibration error over bins of equal size.

    Parameters
    ----------
    outcome : Bools
        What happened.
    probability : Floats
        What was said.
    bins : int
        Number of bins; rows are cut by rank of probability.

    Returns
    -------
    float
        Mean absolute gap of said and seen, weighted by rows.

    Examples
    --------
    >>> calibration_error(np.array([False, True]), np.array([0.5, 0.5]), bins=1)
    0.0
    """
    parts = calibration_bins(outcome, probability, bins)
    gap = sum(abs(part.predicted - part.observed) * part.n for part in parts)
    return gap / max(len(probability), 1)


def calibration_line(outcome: Bools, probability: Floats) -> tuple[float, float]:
    """Return slope and intercept of the log-odds of what happened on the log-odds of what was said.

    Cox (1958), "Two Further Applications of a Model for Binary Regression", Biometrika 45. A slope
    of 1 and an intercept of 0 are right; a slope below 1 is overconfident.

    Parameters
    ----------
    outcome : Bools
        What happened.
    probability : Floats
        What was said.

    Returns
    -------
    tuple[float, float]
        Slope and intercept; NaN where only one outcome occurs.

    Examples
    --------
    >>> said = np.repeat([0.2, 0.8], 100)
    >>> seen = np.tile(np.arange(100) < 20, 2) ^ (said > 0.5)
    >>> [round(abs(part), 2) for part in calibration_line(seen, said)]
    [1.0, 0.0]
    """
    if outcome.all() or not outcome.any():
        return float("nan"), float("nan")
    fitted = fit_platt(probability, outcome)
    return fitted.x[0], fitted.y[0]


def calibration_bins(
    outcome: Bools, probability: Floats, bins: int = 10
) -> tuple[CalibrationBin, ...]:
    """Return what was said and what was seen in bins of equal size.

    Parameters
    ----------
    outcome : Bools
        What happened.
    probability : Floats
        What was said.
    bins : int
        Number of bins; rows are cut by rank of probability.

    Returns
    -------
    tuple[CalibrationBin, ...]
        From the lowest probability to the highest; fewer than `bins` where there are fewer rows.

    Examples
    --------
    >>> calibration_bins(np.array([False, True]), np.array([0.2, 0.6]), bins=1)
    (CalibrationBin(predicted=0.4, observed=0.5, n=2),)
    """
    by = np.argsort(probability, kind="stable")
    return tuple(
        CalibrationBin(float(np.mean(probability[part])), float(np.mean(outcome[part])), len(part))
        for part in np.array_split(by, min(bins, max(len(by), 1)))
        if len(part)
    )
