"""Whether a classifier tells the customers of then from those of now, and by which columns.

Bins of single columns cannot see two columns that changed their relation. A classifier can: where
nothing changed it ranks no better than chance on customers it has not seen. Two halves judge each
other (each trains, the other tests), so each AUC is an exact Mann-Whitney statistic given the
other half; the smaller p counts twice (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from scipy.stats import norm, rankdata

from shopkeeper.core.errors import NotEnoughDataError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LEAST_ROWS = 100
"""Customers of either side below which nothing can be told."""
MOST_ROWS = 10_000
"""More customers of a side are sampled."""
LEAST_AUC = 0.55
"""Below this the difference is real, perhaps, but no reason to act."""
NAMED = 3
"""Columns named."""


@dataclass(frozen=True, slots=True)
class Domain:
    """How well then and now can be told apart.

    Parameters
    ----------
    auc : float
        Mean AUC of the two halves on customers they have not seen; 0.5 is chance.
    low, high : float
        What the mean AUC stays within in 95 % of cases if nothing changed.
    p : float
        Chance of an AUC this large if nothing changed.
    columns : tuple[str, ...]
        Columns that separate most, the first most of all.
    shares : tuple[float, ...]
        Their shares in the separation.
    n_before, n_now : int
        Customers used.
    """

    auc: float
    low: float
    high: float
    p: float
    columns: tuple[str, ...]
    shares: tuple[float, ...]
    n_before: int
    n_now: int

    @property
    def separates(self) -> bool:
        """Whether the separation is large enough to count, chance aside."""
        return self.auc >= LEAST_AUC

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {
            "auc": self.auc, "low": self.low, "high": self.high, "p": self.p,
            "columns": list(self.columns), "shares": list(self.shares),
            "n_before": self.n_before, "n_now": self.n_now,
        }  # fmt: skip


def tell_apart(names: Sequence[str], before: Floats, now: Floats, *, seed: int) -> Domain:
    """Try to tell then from now.

    Parameters
    ----------
    names : Sequence[str]
        Columns.
    before, now : Floats
        Values, shape (customers, columns), NaN where missing. The two must not share customers:
        what is constant of a person would tell nothing apart and vary with nothing.
    seed : int
        Decides sample, halves and trees.

    Returns
    -------
    Domain
        AUC beside its range under no change, and the columns that separate.

    Raises
    ------
    NotEnoughDataError
        When either side has fewer than 100 customers.
    """
    least = min(len(before), len(now))
    if least < LEAST_ROWS:
        raise NotEnoughDataError(
            f"then and now cannot be told apart with {least} customers on one side; "
            f"{LEAST_ROWS} are needed",
            next_step=f"wait for {LEAST_ROWS - least} more customers",
            needed=LEAST_ROWS,
            found=least,
        )
    random = np.random.default_rng(seed)
    parts = [side[random.permutation(len(side))[:MOST_ROWS]] for side in (before, now)]
    rows = np.vstack(parts)
    later = np.repeat([False, True], [len(part) for part in parts])
    # halves alternate within each side, so that both hold both
    half = np.concatenate([np.arange(len(part)) % 2 for part in parts]).astype(bool)
    areas, chances, gains = [], [], np.zeros(len(names))
    spread = 0.0
    for trained in (half, ~half):
        booster = _fit(rows[trained], later[trained], seed)
        said = np.asarray(booster.predict(rows[~trained]), dtype=np.float64)
        area, error = _area(later[~trained], said)
        areas.append(area)
        chances.append(float(norm.sf((area - 0.5) / error)))
        spread = max(spread, error)
        gains += booster.feature_importance("gain")
    total = float(gains.sum())
    top = np.argsort(-gains, kind="stable")[:NAMED] if total else np.array([], dtype=np.int64)
    return Domain(
        float(np.mean(areas)), 0.5 - 1.96 * spread, 0.5 + 1.96 * spread,
        min(1.0, 2.0 * min(chances)), tuple(names[at] for at in top),
        tuple(float(gains[at] / total) for at in top), len(parts[0]), len(parts[1]),
    )  # fmt: skip


def _fit(rows: Floats, later: Bools, seed: int) -> lgb.Booster:
    parameters = {
        "objective": "binary", "learning_rate": 0.1, "num_leaves": 15, "min_data_in_leaf": 20,
        "feature_fraction": 0.8, "lambda_l2": 5.0, "seed": seed, "num_threads": 1,
        "deterministic": True, "force_row_wise": True, "verbosity": -1,
    }  # fmt: skip
    return lgb.train(parameters, lgb.Dataset(rows, later.astype(np.int8)), num_boost_round=50)


def _area(later: Bools, said: Floats) -> tuple[float, float]:
    """AUC and its standard error if nothing changed, ties corrected."""
    m, n = int(later.sum()), int((~later).sum())
    ranks = rankdata(said)
    area = (float(ranks[later].sum()) - m * (m + 1) / 2) / (m * n)
    _, ties = np.unique(said, return_counts=True)
    size = m + n
    tied = float(np.sum(ties.astype(np.float64) ** 3 - ties)) / (size * (size - 1))
    return area, max(sqrt(max(size + 1 - tied, 1.0) / (12.0 * m * n)), 1e-9)
