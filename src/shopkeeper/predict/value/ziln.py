"""Spend as a zero-inflated lognormal: the chance to buy, and mean and spread of the log spend.

Wang, Liu and Miao (2019), "A Deep Probabilistic Model for Customer Lifetime Value Prediction",
arXiv 1912.07753. The paper trains one network on the joint likelihood; the likelihood falls into
three parts, which are fitted here one after the other: boosted trees for the chance to buy and for
the mean log spend of buyers, both starting from what the processes say for the row's own horizon,
and the spread of the log spend by fifths of its mean. Expected spend is
p * exp(mean + spread^2 / 2), recalibrated by tenths of itself on customers the trees have not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from scipy.special import expit, logit

from shopkeeper.predict.history import Floats, Ints
from shopkeeper.predict.split import customer_folds

ROUNDS = 80
FOLDS = 2
FIFTHS, TENTHS = 5, 10
MOST_SPREAD = 1.5
"""Bound of the standard deviation of the log spend: its square enters an exponent."""
SHRINK = 30.0
"""Buyers' worth of the overall factor mixed into the factor of a tenth."""


@dataclass(frozen=True, slots=True)
class Ziln:
    """A fitted zero-inflated lognormal.

    Parameters
    ----------
    columns : tuple[str, ...]
        Columns read, by position.
    buys : str
        LightGBM text: corrections of the log-odds to buy.
    mean : str
        LightGBM text: corrections of the mean log spend of buyers.
    spread_from : tuple[float, ...]
        Mean log spends between the fifths.
    spread : tuple[float, ...]
        Standard deviation of the log spend in each fifth.
    factor_at : tuple[float, ...]
        Log of the expected spend in the middle of each tenth, ascending.
    factor : tuple[float, ...]
        What the expectation of each tenth is multiplied by; linear in between.
    """

    columns: tuple[str, ...]
    buys: str
    mean: str
    spread_from: tuple[float, ...]
    spread: tuple[float, ...]
    factor_at: tuple[float, ...]
    factor: tuple[float, ...]

    def predict(
        self, names: Sequence[str], matrix: Floats, orders: Floats, amount_minor: Floats
    ) -> tuple[Floats, Floats]:
        """Return the chance to buy and the expected spend.

        Parameters
        ----------
        names : Sequence[str]
            Columns of `matrix`; `p_buy` is one.
        matrix : Floats
            Feature rows.
        orders : Floats
            Purchases expected by the process in the horizon.
        amount_minor : Floats
            Amount expected by Gamma-Gamma, minor units.

        Returns
        -------
        tuple[Floats, Floats]
            Probability, and minor units.
        """
        chance, spend = self.before_factor(names, matrix, orders, amount_minor)
        return chance, spend * self._factor(spend)

    def before_factor(
        self, names: Sequence[str], matrix: Floats, orders: Floats, amount_minor: Floats
    ) -> tuple[Floats, Floats]:
        """Return the chance to buy and the expected spend before the recalibration.

        Parameters
        ----------
        names : Sequence[str]
            Columns of `matrix`.
        matrix : Floats
            Feature rows.
        orders : Floats
            Purchases expected by the process in the horizon.
        amount_minor : Floats
            Amount expected by Gamma-Gamma, minor units.

        Returns
        -------
        tuple[Floats, Floats]
            Probability, and minor units.
        """
        at = [list(names).index(column) for column in self.columns]
        odds, log_mean = _starts(names, matrix, orders, amount_minor)
        odds = odds + _raw(self.buys, matrix[:, at])
        log_mean = log_mean + _raw(self.mean, matrix[:, at])
        part = np.searchsorted(self.spread_from, log_mean, side="right")
        spread = np.array(self.spread)[part]
        chance = np.asarray(expit(odds), dtype=np.float64)
        return chance, chance * np.exp(log_mean + spread**2 / 2.0)

    def _factor(self, spend: Floats) -> Floats:
        log_spend = np.log(np.maximum(spend, 1e-9))
        return np.asarray(np.interp(log_spend, self.factor_at, self.factor), dtype=np.float64)


def _raw(text: str, used: Floats) -> Floats:
    answer = lgb.Booster(model_str=text).predict(used, raw_score=True)
    return np.asarray(answer, dtype=np.float64)


def _starts(
    names: Sequence[str], matrix: Floats, orders: Floats, amount_minor: Floats
) -> tuple[Floats, Floats]:
    """Log-odds to buy, and log spend of those who do, by the processes."""
    buys = np.clip(matrix[:, list(names).index("p_buy")], 1e-4, 1.0 - 1e-4)
    many = np.maximum(orders / buys, 1.0)
    odds: Floats = np.asarray(logit(buys), dtype=np.float64)
    return odds, np.log(np.maximum(many * amount_minor, 1.0))


def fit_ziln(
    names: Sequence[str],
    matrix: Floats,
    columns: Sequence[str],
    expected: tuple[Floats, Floats],
    spend_minor: Floats,
    code: Ints,
    seed: int,
) -> Ziln:
    """Fit the three parts and the recalibration.

    Parameters
    ----------
    names : Sequence[str]
        Columns of `matrix`.
    matrix : Floats
        Feature rows of all cut-offs, stacked.
    columns : Sequence[str]
        Columns to use.
    expected : tuple[Floats, Floats]
        Purchases and amount per purchase said by the process and Gamma-Gamma.
    spend_minor : Floats
        Spend that followed, in minor units.
    code : Ints
        Customer of each row: one customer is on one side of a fold.
    seed : int
        Decides folds and sampling.

    Returns
    -------
    Ziln
        The fitted head.
    """
    fold = customer_folds(code, FOLDS, seed)
    unseen = np.zeros(len(code))
    for part in range(FOLDS):
        out = fold == part
        inside = ~out
        if out.any() and int((spend_minor[inside] > 0).sum()) >= 2 * FIFTHS:
            kept = expected[0][inside], expected[1][inside]
            head = _parts(names, matrix[inside], columns, kept, spend_minor[inside], seed)
            unseen[out] = head.before_factor(
                names, matrix[out], expected[0][out], expected[1][out]
            )[1]
    head = _parts(names, matrix, columns, expected, spend_minor, seed)
    at, factor = _tenths(unseen, spend_minor)
    return Ziln(
        head.columns, head.buys, head.mean, head.spread_from, head.spread, tuple(at), tuple(factor)
    )


def _parts(
    names: Sequence[str],
    matrix: Floats,
    columns: Sequence[str],
    expected: tuple[Floats, Floats],
    spend_minor: Floats,
    seed: int,
) -> Ziln:
    used = matrix[:, [list(names).index(column) for column in columns]]
    odds, log_mean = _starts(names, matrix, *expected)
    bought = spend_minor > 0
    options = _options(len(used), seed)
    data = lgb.Dataset(used, bought.astype(np.float64), init_score=odds)
    buys = lgb.train({**options, "objective": "binary"}, data, ROUNDS)
    log_spend = np.log(spend_minor[bought])
    data = lgb.Dataset(used[bought], log_spend, init_score=log_mean[bought])
    mean = lgb.train({**options, "objective": "regression"}, data, ROUNDS)
    said = log_mean[bought] + np.asarray(mean.predict(used[bought], raw_score=True))
    edges = np.unique(np.quantile(said, np.arange(1, FIFTHS) / FIFTHS))
    part = np.searchsorted(edges, said, side="right")
    size = np.bincount(part, minlength=len(edges) + 1)
    square = np.bincount(part, weights=(log_spend - said) ** 2, minlength=len(edges) + 1)
    overall = float(np.mean((log_spend - said) ** 2))
    spread = np.sqrt((square + SHRINK * overall) / (size + SHRINK))
    return Ziln(
        tuple(columns),
        buys.model_to_string(),
        mean.model_to_string(),
        tuple(edges.tolist()),
        tuple(np.minimum(spread, MOST_SPREAD).tolist()),
        (0.0,),
        (1.0,),
    )


def _tenths(said: Floats, actual: Floats) -> tuple[list[float], list[float]]:
    """Factor from what was said to what was spent, by tenths of what was said."""
    by = np.argsort(said, kind="stable")
    total = float(actual.sum()) / max(float(said.sum()), 1e-9)
    each = float(actual[actual > 0].mean()) if (actual > 0).any() else 1.0
    at, factor = [], []
    for part in np.array_split(by, TENTHS):
        if len(part) == 0:
            continue
        told, seen = float(said[part].sum()), float(actual[part].sum())
        at.append(float(np.log(max(told / len(part), 1e-9))))
        # each tenth is pulled to the overall factor by some buyers' worth of spend
        mixed = (seen + SHRINK * each * total) / max(told + SHRINK * each, 1e-9)
        factor.append(float(np.clip(mixed, 0.5, 2.0)))
    return at, factor


def _options(rows: int, seed: int) -> dict[str, Any]:
    return {
        "learning_rate": 0.03,
        "num_leaves": 7,
        "min_data_in_leaf": int(np.clip(rows / 100, 10, 200)),
        "lambda_l2": 5.0,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbose": -1,
        "boost_from_average": False,
    }
