"""Two-stage boosted value: the chance to buy, the purchases, and the amount of buyers.

Learned on the same nested cut-offs and features as churn. The targets are relative to what the
process expects for the row's own horizon, so that cut-offs of different horizons can be stacked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from shopkeeper.predict.history import Floats

ROUNDS = 120


@dataclass(frozen=True, slots=True)
class Boosted:
    """Fitted trees for purchases and for the amount of a purchase.

    Parameters
    ----------
    columns : tuple[str, ...]
        Columns read, by position.
    orders : str
        LightGBM text: Poisson model of purchases, with the process's expectation as offset.
    amount : str
        LightGBM text: Gamma model of the mean amount of buyers in the horizon, with the amount
        expected by Gamma-Gamma as offset.
    """

    columns: tuple[str, ...]
    orders: str
    amount: str

    def predict(
        self, names: Sequence[str], matrix: Floats, orders: Floats, amount_minor: Floats
    ) -> tuple[Floats, Floats]:
        """Return expected purchases and the expected amount of each.

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
            Purchases in the horizon, and minor units per purchase.
        """
        at = [list(names).index(column) for column in self.columns]
        used = matrix[:, at]
        factors = []
        for text in (self.orders, self.amount):
            raw = lgb.Booster(model_str=text).predict(used, raw_score=True)
            factors.append(np.exp(np.asarray(raw, dtype=np.float64)))
        return factors[0] * _floor(orders), factors[1] * amount_minor


def _floor(orders: Floats) -> Floats:
    """Keep offsets off zero: nobody is certain to stay away."""
    return np.maximum(orders, 1e-3)


def fit_boosted(
    names: Sequence[str],
    matrix: Floats,
    columns: Sequence[str],
    expected: tuple[Floats, Floats],
    actual: tuple[Floats, Floats],
    seed: int,
) -> Boosted:
    """Fit both stages.

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
    actual : tuple[Floats, Floats]
        Purchases and total amount that followed.
    seed : int
        Decides sampling.

    Returns
    -------
    Boosted
        Both models as text.
    """
    at = [list(names).index(column) for column in columns]
    used = matrix[:, at]
    options = {
        "learning_rate": 0.03,
        "num_leaves": 7,
        "min_data_in_leaf": int(np.clip(len(used) / 100, 10, 200)),
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
    offset = np.log(_floor(expected[0]))
    data = lgb.Dataset(used, actual[0], init_score=offset)
    orders = lgb.train({**options, "objective": "poisson"}, data, ROUNDS)
    bought = (actual[0] > 0) & (actual[1] > 0)
    mean = actual[1][bought] / actual[0][bought]
    data = lgb.Dataset(
        used[bought],
        mean,
        weight=actual[0][bought],
        init_score=np.log(np.maximum(expected[1][bought], 1.0)),
    )
    amounts = lgb.train({**options, "objective": "gamma"}, data, ROUNDS)
    return Boosted(tuple(columns), orders.model_to_string(), amounts.model_to_string())
