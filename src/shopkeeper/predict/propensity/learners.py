"""The learners of propensity: base rate, best single column, logistic line, boosted trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from shopkeeper.predict.calibrate import auc
from shopkeeper.predict.history import Bools, Floats, Ints
from shopkeeper.predict.propensity.table import Sheet

STRENGTHS = (0.003, 0.03, 0.3)
"""Inverse penalties tried for the line."""
BINS = 16
WIDE = 500
"""More columns than this on the line are solved without their matrix of products."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What tuning may change.

    Parameters
    ----------
    learning_rate : float
        Of the trees.
    leaves : int
        Of each tree.
    least : int
        Rows in a leaf; 0 goes by the number of rows.
    columns : float
        Share of the columns a tree sees.
    ridge : float
        Penalty of the leaves.
    trees : int
        Most trees; an eighth, a quarter and a half of them are tried too.
    """

    learning_rate: float = 0.05
    leaves: int = 8
    least: int = 0
    columns: float = 0.5
    ridge: float = 10.0
    trees: int = 320

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """Numbers of trees tried."""
        return tuple(dict.fromkeys(max(1, self.trees // part) for part in (8, 4, 2, 1)))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)

    def options(self, rows: int, seed: int) -> dict[str, Any]:
        """Return options of LightGBM, deterministic for a seed.

        Parameters
        ----------
        rows : int
            Training rows.
        seed : int
            Of the sampling of rows and columns.
        """
        return {
            "objective": "binary", "learning_rate": self.learning_rate, "num_leaves": self.leaves,
            "min_data_in_leaf": self.least or int(np.clip(rows / 100, 10, 200)),
            "lambda_l2": self.ridge, "feature_fraction": self.columns, "bagging_fraction": 0.7,
            "bagging_freq": 1, "max_bin": 127, "seed": seed, "deterministic": True,
            "force_row_wise": True, "num_threads": 1, "verbose": -1,
        }  # fmt: skip


def fit_lines(
    matrix: Floats, outcome: Bools, weight: Floats | None, strengths: Sequence[float]
) -> list[Floats]:
    """Fit logistic lines with several penalties.

    Parameters
    ----------
    matrix : Floats
        Standardised columns.
    outcome : Bools
        What happened.
    weight : Floats | None
        Of each row.
    strengths : Sequence[float]
        Inverse penalties, times rows over 1,000: a penalty that does not fade with the data would
        be none.

    Returns
    -------
    list[Floats]
        Coefficients of each, the intercept last.
    """
    if matrix.shape[1] == 0:
        rate = np.clip(np.average(outcome, weights=weight), 1e-9, 1 - 1e-9)
        return [np.array([np.log(rate / (1 - rate))]) for _ in strengths]
    fitted = []
    with threadpool_limits(limits=1):
        # Newton's steps end exactly where quasi-Newton wanders: features restate each other
        solver = "newton-cholesky" if matrix.shape[1] <= WIDE else "lbfgs"
        model = LogisticRegression(solver=solver, max_iter=1_000, tol=1e-5, warm_start=True)
        for strength in strengths:
            model.C = strength
            model.fit(matrix, outcome.astype(np.int64), sample_weight=weight)
            fitted.append(np.append(model.coef_[0], model.intercept_[0]))
    return fitted


def line_margin(matrix: Floats, weights: Floats) -> Floats:
    """Return the log-odds of a line.

    Parameters
    ----------
    matrix : Floats
        Standardised columns.
    weights : Floats
        Coefficients, the intercept last.
    """
    margin: Floats = matrix @ weights[:-1] + weights[-1]
    return margin


def fit_trees(
    matrix: Floats,
    outcome: Bools,
    weight: Floats | None,
    settings: Settings,
    rounds: int,
    seed: int,
) -> lgb.Booster:
    """Fit boosted trees.

    Parameters
    ----------
    matrix : Floats
        Columns, NaN where missing.
    outcome : Bools
        What happened.
    weight : Floats | None
        Of each row.
    settings : Settings
        Sizes and penalties.
    rounds : int
        Number of trees.
    seed : int
        Of the sampling.

    Returns
    -------
    lgb.Booster
        Deterministic.
    """
    data = lgb.Dataset(matrix, outcome.astype(np.float64), weight=weight)
    return lgb.train(settings.options(len(outcome), seed), data, rounds)


def tree_margin(trees: lgb.Booster, matrix: Floats, rounds: int = 0) -> Floats:
    """Return the log-odds said by the trees.

    Parameters
    ----------
    trees : lgb.Booster
        Fitted.
    matrix : Floats
        Columns as it was fitted with.
    rounds : int
        Only the first trees; 0 takes all.
    """
    said = trees.predict(matrix, raw_score=True, num_iteration=rounds or -1, num_threads=1)
    return np.asarray(said, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class SingleColumn:
    """The rule of one column: the rate of the outcome in each of its bins or words.

    Parameters
    ----------
    source : int
        Which column of the layout.
    edges : tuple[float, ...]
        Upper ends of the bins of a number; empty for a category.
    rates : tuple[float, ...]
        Rate of each bin or word; the last one is for missing or unknown.
    """

    source: int
    edges: tuple[float, ...]
    rates: tuple[float, ...]

    def score(self, sheet: Sheet) -> Floats:
        """Return the chance it says.

        Parameters
        ----------
        sheet : Sheet
            Rows.
        """
        return np.asarray(self.rates)[_bins(sheet, self.source, self.edges)]

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> SingleColumn:
        """Read what `dataclasses.asdict` gave.

        Parameters
        ----------
        stored : Mapping[str, Any]
            The JSON object.
        """
        return cls(stored["source"], tuple(stored["edges"]), tuple(stored["rates"]))


def best_column(sheet: Sheet, outcome: Bools, fold: Ints) -> SingleColumn:
    """Choose the column that alone ranks best on folds it was not learned on.

    Parameters
    ----------
    sheet : Sheet
        Training rows.
    outcome : Bools
        What happened.
    fold : Ints
        Fold of each row.

    Returns
    -------
    SingleColumn
        Its rule, learned on all training rows.
    """
    found: list[tuple[float, int]] = []
    out = fold == fold.min()
    for source in range(len(sheet.layout.columns)):
        edges = _edges(sheet, source)
        code = _bins(sheet, source, edges)
        rate = _bin_rates(code[~out], outcome[~out], int(code.max()) + 1)
        area = auc(outcome[out], rate[code[out]]) if out.any() and (~out).any() else 0.5
        found.append((-area if np.isfinite(area) else -0.5, source))
    source = min(found)[1]
    edges = _edges(sheet, source)
    size = len(edges) + 1 if edges else len(sheet.layout.columns[source].levels) + 1
    rates = _bin_rates(_bins(sheet, source, edges), outcome, size)
    return SingleColumn(source, edges, tuple(rates.tolist()))


def _edges(sheet: Sheet, source: int) -> tuple[float, ...]:
    if source >= sheet.layout.numbers:
        return ()
    value = sheet.values[:, source]
    seen = value[np.isfinite(value)]
    if not len(seen):
        return (0.0,)
    cuts = np.unique(np.quantile(seen, np.linspace(0, 1, BINS + 1)[1:], method="higher"))
    return tuple(cuts.tolist())


def _bins(sheet: Sheet, source: int, edges: tuple[float, ...]) -> Ints:
    """Bin of each row; the last one is for missing or unknown."""
    if source >= sheet.layout.numbers:
        size = len(sheet.layout.columns[source].levels)
        code = sheet.codes[:, source - sheet.layout.numbers]
        return np.where(code < 0, size, code)
    value = sheet.values[:, source]
    place = np.minimum(np.searchsorted(edges, value), len(edges) - 1)
    return np.where(np.isfinite(value), place, len(edges)).astype(np.int64)


def _bin_rates(code: Ints, outcome: Bools, size: int) -> Floats:
    prior = (float(outcome.sum()) + 0.5) / (len(outcome) + 1.0)
    n = np.bincount(code, minlength=size)
    hit = np.bincount(code, weights=outcome, minlength=size)
    rate: Floats = (hit + 10.0 * prior) / (n + 10.0)
    return rate
