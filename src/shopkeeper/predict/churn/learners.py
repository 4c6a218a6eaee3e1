"""The two learners of churn: a logistic line on log features, and boosted trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from shopkeeper.predict.churn.features import OWN_FEATURES
from shopkeeper.predict.history import Bools, Floats

Shares = dict[str, float]

LOG = "log"
"""log(1 + value)."""
LOG_SMALL = "log_small"
"""log(0.001 + value), for expected counts."""
LOGIT = "logit"
"""log(p / (1 - p)), for probabilities."""
LINEAR = "linear"

SHORT_LINE = {
    "days_since_last": LOG,
    "purchases": LOG,
    "expected_orders": LOG_SMALL,
    "p_buy": LOGIT,
    "amount_mean": LOG,
    "amount_last": LOG,
    "orders_per_day": LINEAR,
}
"""Columns of the line, and how each enters, where cut-offs have shorter horizons than the score."""

FULL_LINE = {
    **SHORT_LINE,
    "overdue": LOG,
    "idle_share": LINEAR,
    "recent_share": LINEAR,
    "purchases_30d": LOG,
    "purchases_90d": LOG,
    "purchases_180d": LOG,
    "amount_90d": LOG,
    "mean_gap_days": LOG,
    "last_gap_days": LOG,
    "gap_spread": LINEAR,
    "returned_share": LINEAR,
}
"""Columns of the line where all cut-offs have the horizon of the score."""

SHORT_TREES = (
    "p_buy",
    "expected_orders",
    "idle_share",
    "recent_share",
    "overdue",
    "orders_per_day",
    "amount_mean",
    "amount_last",
)
"""Columns of the trees in the first case: free of the length of the history, which trees cannot
extrapolate."""

FULL_TREES = OWN_FEATURES

ROUNDS = 200


def line_columns(names: Sequence[str], *, full: bool) -> dict[str, str]:
    """Return the columns of the logistic line among those present, external ones included.

    Parameters
    ----------
    names : Sequence[str]
        Columns of the feature rows.
    full : bool
        Whether every cut-off has the whole horizon.

    Returns
    -------
    dict[str, str]
        Transform by column.
    """
    known = FULL_LINE if full else SHORT_LINE
    outside = {name: LINEAR for name in names if name not in OWN_FEATURES}
    return {**{name: how for name, how in known.items() if name in names}, **outside}


def tree_columns(names: Sequence[str], *, full: bool) -> tuple[str, ...]:
    """Return the columns of the trees among those present, external ones included.

    Parameters
    ----------
    names : Sequence[str]
        Columns of the feature rows.
    full : bool
        Whether every cut-off has the whole horizon.

    Returns
    -------
    tuple[str, ...]
        Column names.
    """
    known = FULL_TREES if full else SHORT_TREES
    outside = tuple(name for name in names if name not in OWN_FEATURES)
    return (*(name for name in known if name in names), *outside)


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


def fit_trees(
    names: Sequence[str], matrix: Floats, bought: Bools, columns: Sequence[str], seed: int
) -> lgb.Booster:
    """Fit boosted trees for the chance to buy.

    Parameters
    ----------
    names : Sequence[str]
        Columns of `matrix`.
    matrix : Floats
        Feature rows of all cut-offs, stacked.
    bought : Bools
        Whether the customer bought in the horizon of the row.
    columns : Sequence[str]
        Columns to use.
    seed : int
        Decides the sampling of rows and columns.

    Returns
    -------
    lgb.Booster
        Its features are `columns` by position: names from outside may not suit its format.
    """
    at = [list(names).index(column) for column in columns]
    rows = len(matrix)
    options = tree_options(rows, seed) | {"objective": "binary"}
    data = lgb.Dataset(matrix[:, at], bought.astype(np.float64))
    return lgb.train(options, data, ROUNDS)


def tree_options(rows: int, seed: int) -> dict[str, Any]:
    """Return careful boosting options for a number of rows.

    Parameters
    ----------
    rows : int
        Training rows.
    seed : int
        Decides the sampling.

    Returns
    -------
    dict[str, Any]
        Options of LightGBM; deterministic for a seed.
    """
    return {
        "learning_rate": 0.03,
        "num_leaves": 7 if rows < 100_000 else 15,
        "min_data_in_leaf": int(np.clip(rows / 100, 10, 200)),
        "lambda_l2": 5.0,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        # sums in one order give one answer on every machine
        "num_threads": 1,
        "verbose": -1,
    }


def tree_margin(
    trees: lgb.Booster, columns: Sequence[str], names: Sequence[str], matrix: Floats
) -> Floats:
    """Return the log-odds of buying said by the trees.

    Parameters
    ----------
    trees : lgb.Booster
        Fitted trees.
    columns : Sequence[str]
        Columns the trees were fitted on.
    names : Sequence[str]
        Columns of `matrix`.
    matrix : Floats
        Feature rows.

    Returns
    -------
    Floats
        One value a row.
    """
    at = [list(names).index(column) for column in columns]
    return np.asarray(trees.predict(matrix[:, at], raw_score=True), dtype=np.float64)


def importances(method: str, line: Line, columns: Sequence[str], trees: lgb.Booster) -> Shares:
    """Return each column's share in the judgement of a method.

    The line counts by the absolute weight of its standardised columns, the trees by the gain of
    their splits, the blend by the mean of both shares.

    Parameters
    ----------
    method : str
        Method in use.
    line : Line
        Fitted line.
    columns : Sequence[str]
        Columns of the trees, by position.
    trees : lgb.Booster
        Fitted trees.

    Returns
    -------
    Shares
        Share by column, largest first, summing to one; the columns without any are left out.
    """
    sole = {"recency": "days_since_last", "pareto_nbd": "expected_orders"}.get(method)
    if sole is not None:
        return {sole: 1.0}
    parts = []
    if method in ("logistic", "blend"):
        parts.append(_shares(line.columns, np.abs(np.array(line.weight))))
    if method in ("boosted", "blend"):
        parts.append(_shares(columns, trees.feature_importance("gain")))
    names = {name for part in parts for name in part}
    mean = {name: sum(part.get(name, 0.0) for part in parts) / len(parts) for name in names}
    return dict(sorted(mean.items(), key=lambda pair: (-pair[1], pair[0])))


def _shares(columns: Sequence[str], weight: Floats) -> Shares:
    total = float(np.sum(weight))
    pairs = zip(columns, weight, strict=True)
    return {name: float(part) / total for name, part in pairs if part > 0} if total > 0 else {}


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
