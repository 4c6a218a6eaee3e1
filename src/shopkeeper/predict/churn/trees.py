"""The second learner of churn: boosted trees that correct the hazard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightgbm as lgb
import numpy as np

from shopkeeper.predict.churn.features import OWN_FEATURES
from shopkeeper.predict.churn.stack import log_odds
from shopkeeper.predict.history import Bools, Floats

OFFSET = "hazard_buy"
"""Where the trees start from: they learn what the hazard does not say, whatever the horizon."""

SHORT_TREES = (
    "p_buy",
    "hazard_buy",
    "expected_orders",
    "idle_share",
    "recent_share",
    "overdue",
    "orders_per_day",
    "amount_mean",
    "amount_last",
)
"""Columns of the trees where cut-offs have shorter horizons than the score: free of the length of
the history, which trees cannot extrapolate."""

FULL_TREES = tuple(name for name in OWN_FEATURES if name != "bg_buy")

ROUNDS = 100


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
    start = offset(names, matrix)
    data = lgb.Dataset(matrix[:, at], bought.astype(np.float64), init_score=start)
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
    raw = np.asarray(trees.predict(matrix[:, at], raw_score=True), dtype=np.float64)
    start = offset(names, matrix)
    return raw if start is None else raw + start


def offset(names: Sequence[str], matrix: Floats) -> Floats | None:
    """Return the log-odds the trees start from.

    Parameters
    ----------
    names : Sequence[str]
        Columns of `matrix`.
    matrix : Floats
        Feature rows.

    Returns
    -------
    Floats | None
        None where the hazard could not be fitted.
    """
    start = matrix[:, list(names).index(OFFSET)]
    return log_odds(start) if np.isfinite(start).all() else None
