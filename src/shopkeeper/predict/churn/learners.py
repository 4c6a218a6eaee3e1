"""The first learner of churn: a logistic line on log features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from shopkeeper.predict.churn.features import OWN_FEATURES
from shopkeeper.predict.history import Bools, Floats

LOG = "log"
"""log(1 + value)."""
LOG_SMALL = "log_small"
"""log(0.001 + value), for expected counts."""
LOGIT = "logit"
"""log(p / (1 - p)), for probabilities."""
LINEAR = "linear"

LINE = {
    "days_since_last": LOG,
    "purchases": LOG,
    "expected_orders": LOG_SMALL,
    "p_buy": LOGIT,
    "hazard_buy": LOGIT,
    "amount_mean": LOG,
    "amount_last": LOG,
    "orders_per_day": LINEAR,
}
"""Columns of the line, and how each enters. Counts of windows are left to the trees: at a single
cut-off, or after a change of pace, their weights do not carry over."""


def line_columns(names: Sequence[str]) -> dict[str, str]:
    """Return the columns of the logistic line among those present, external ones included.

    Parameters
    ----------
    names : Sequence[str]
        Columns of the feature rows.

    Returns
    -------
    dict[str, str]
        Transform by column.
    """
    outside = {name: LINEAR for name in names if name not in OWN_FEATURES}
    return {**{name: how for name, how in LINE.items() if name in names}, **outside}


def _transformed(values: Floats, how: str) -> Floats:
    if how == LOG:
        return np.log1p(np.maximum(values, 0.0))
    if how == LOG_SMALL:
        return np.log(np.maximum(values, 0.0) + 1e-3)
    if how == LOGIT:
        bounded = np.clip(values, 1e-4, 1.0 - 1e-4)
        return np.log(bounded) - np.log1p(-bounded)
    return values


@dataclass(frozen=True, slots=True)
class Line:
    """A fitted logistic line.

    Parameters
    ----------
    columns : tuple[str, ...]
        Columns in order.
    how : tuple[str, ...]
        Transform of each column.
    centre, spread : tuple[float, ...]
        Mean and standard deviation of the transformed training values; a missing value counts as
        the mean.
    weight : tuple[float, ...]
        Coefficient of each standardised column.
    intercept : float
        Constant of the line.
    """

    columns: tuple[str, ...]
    how: tuple[str, ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    weight: tuple[float, ...]
    intercept: float

    def standardised(self, names: Sequence[str], matrix: Floats) -> Floats:
        """Transform and standardise rows.

        Parameters
        ----------
        names : Sequence[str]
            Columns of `matrix`.
        matrix : Floats
            Feature rows.

        Returns
        -------
        Floats
            Shape (rows, columns of the line); clipped to eight deviations.
        """
        at = [list(names).index(column) for column in self.columns]
        out = np.empty((len(matrix), len(at)))
        for place, (column, how) in enumerate(zip(at, self.how, strict=True)):
            value = _transformed(matrix[:, column], how)
            out[:, place] = (value - self.centre[place]) / self.spread[place]
        return np.clip(np.nan_to_num(out, nan=0.0, posinf=8.0, neginf=-8.0), -8.0, 8.0)

    def margin(self, names: Sequence[str], matrix: Floats) -> Floats:
        """Return the log-odds of buying.

        Parameters
        ----------
        names : Sequence[str]
            Columns of `matrix`.
        matrix : Floats
            Feature rows.

        Returns
        -------
        Floats
            One value a row.
        """
        margin: Floats = self.standardised(names, matrix) @ np.array(self.weight) + self.intercept
        return margin

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Line:
        """Read what `to_json` wrote.

        Parameters
        ----------
        stored : dict[str, Any]
            The JSON object.

        Returns
        -------
        Line
            The same line.
        """
        parts = {key: tuple(value) for key, value in stored.items() if key != "intercept"}
        return cls(**parts, intercept=float(stored["intercept"]))


def fit_line(names: Sequence[str], matrix: Floats, bought: Bools, columns: dict[str, str]) -> Line:
    """Fit the logistic line.

    Parameters
    ----------
    names : Sequence[str]
        Columns of `matrix`.
    matrix : Floats
        Feature rows of all cut-offs, stacked.
    bought : Bools
        Whether the customer bought in the horizon of the row.
    columns : dict[str, str]
        Transform by column.

    Returns
    -------
    Line
        The fitted line.
    """
    centre, spread, kept = [], [], []
    for name, how in columns.items():
        value = _transformed(matrix[:, list(names).index(name)], how)
        value = value[np.isfinite(value)]
        deviation = float(value.std()) if len(value) else 0.0
        if deviation > 1e-9:
            kept.append(name)
            centre.append(float(value.mean()))
            spread.append(deviation)
    empty = Line(
        tuple(kept), tuple(columns[n] for n in kept), tuple(centre), tuple(spread), (), 0.0
    )
    ready = empty.standardised(names, matrix)
    # a tall thin matrix gains nothing from threads, and loses much where cores are busy
    with threadpool_limits(limits=1):
        model = LogisticRegression(C=1.0, max_iter=1_000).fit(ready, bought.astype(np.int64))
    weight = tuple(float(part) for part in model.coef_[0])
    return Line(
        empty.columns, empty.how, empty.centre, empty.spread, weight, float(model.intercept_[0])
    )


def chance(margin: Floats) -> Floats:
    """Return the probability of log-odds.

    Parameters
    ----------
    margin : Floats
        Log-odds.

    Returns
    -------
    Floats
        Probabilities.
    """
    return np.asarray(expit(margin), dtype=np.float64)
