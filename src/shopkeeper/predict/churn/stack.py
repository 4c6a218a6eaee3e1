"""A weighing of several chances to buy into one, learned on rows the learners never saw.

Wolpert (1992), "Stacked Generalization", Neural Networks 5(2), with weights that cannot be negative
(Breiman 1996, "Stacked Regressions", Machine Learning 24).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.special import expit, logit

from shopkeeper.predict.calibrate import auc
from shopkeeper.predict.history import Bools, Floats

PARTS = ("logistic", "boosted", "hazard", "pareto_nbd", "bg_nbd")
"""What may be weighed; those that could not be fitted are left out."""

RIDGE = 20.0
"""Pull towards equal weights, in rows' worth of curvature: small data keep near the plain mean."""

EDGE = 1e-4

ENOUGH_ORDERS = 2_000_000
"""From this many orders on the boosted model alone may replace the others."""
PREFER = 0.002
"""Another method replaces the stack only where its AUC is better by more than this."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Weights of the log-odds of several methods.

    Parameters
    ----------
    parts : tuple[str, ...]
        Methods weighed.
    weight : tuple[float, ...]
        Weight of each, not negative.
    intercept : float
        Constant.
    """

    parts: tuple[str, ...]
    weight: tuple[float, ...]
    intercept: float

    def chance(self, said: Mapping[str, Floats]) -> Floats:
        """Return the stacked chance to buy.

        Parameters
        ----------
        said : Mapping[str, Floats]
            Chance to buy by method; every part is there.

        Returns
        -------
        Floats
            One value a row.
        """
        margin = np.full(len(said[self.parts[0]]), self.intercept)
        for name, weight in zip(self.parts, self.weight, strict=True):
            margin += weight * log_odds(said[name])
        return np.asarray(expit(margin), dtype=np.float64)

    def share(self, part: str) -> float:
        """Return the weight of a part; 0 where it is not weighed.

        Parameters
        ----------
        part : str
            One of `PARTS`.

        Returns
        -------
        float
            Its weight.
        """
        return dict(zip(self.parts, self.weight, strict=True)).get(part, 0.0)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Stack:
        """Read what `to_json` wrote.

        Parameters
        ----------
        stored : dict[str, Any]
            The JSON object.

        Returns
        -------
        Stack
            The same weights.
        """
        return cls(tuple(stored["parts"]), tuple(stored["weight"]), stored["intercept"])


def log_odds(chance: Floats) -> Floats:
    """Return the log-odds of chances, kept off certainty.

    Parameters
    ----------
    chance : Floats
        Probabilities.

    Returns
    -------
    Floats
        One value a row.
    """
    return np.asarray(logit(np.clip(chance, EDGE, 1.0 - EDGE)), dtype=np.float64)


def fit_stack(said: Mapping[str, Floats], bought: Bools) -> Stack:
    """Learn the weights.

    Parameters
    ----------
    said : Mapping[str, Floats]
        Chance to buy by method, on rows whose customers the learners have not seen.
    bought : Bools
        What happened.

    Returns
    -------
    Stack
        The weights.
    """
    parts = tuple(name for name in PARTS if name in said)
    odds = np.column_stack([log_odds(said[name]) for name in parts])
    truth = bought.astype(np.float64)
    start = np.append(np.full(len(parts), 1.0 / len(parts)), 0.0)

    def loss(point: Floats) -> tuple[float, Floats]:
        away = point[:-1] - start[:-1]
        margin = odds @ point[:-1] + point[-1]
        gap = expit(margin) - truth
        value = np.sum(np.logaddexp(0.0, margin) - truth * margin) + RIDGE * (away @ away) / 2.0
        slope = np.append(odds.T @ gap + RIDGE * away, gap.sum())
        return float(value) / len(truth), slope / len(truth)

    bounds = [(0.0, None)] * len(parts) + [(None, None)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return Stack(parts, tuple(float(w) for w in found.x[:-1]), float(found.x[-1]))


def level_shift(chance: Floats, level: float) -> float:
    """Return what must be added to the log-odds for the mean chance to be a given level.

    Parameters
    ----------
    chance : Floats
        Probabilities.
    level : float
        The mean wanted.

    Returns
    -------
    float
        0 where the level cannot be reached.

    Examples
    --------
    >>> round(level_shift(np.array([0.5, 0.5]), 0.25), 3)
    -1.099
    """
    odds = log_odds(chance)
    if len(odds) == 0 or not 0.0 < level < 1.0:
        return 0.0

    def gap(shift: float) -> float:
        return float(expit(odds + shift).mean()) - level

    if gap(-6.0) > 0.0 or gap(6.0) < 0.0:
        return 0.0
    return float(brentq(gap, -6.0, 6.0, xtol=1e-10))


def choose(bought: Bools, said: Mapping[str, Floats], orders: int, *, seed: int) -> str:
    """Choose the method to use: the stack, unless another is clearly better on a later window.

    Parameters
    ----------
    bought : Bools
        What happened in the window.
    said : Mapping[str, Floats]
        Chance to buy by method.
    orders : int
        Orders in the whole history: the boosted model alone is eligible from 2,000,000 on.
    seed : int
        Decides the resampling.

    Returns
    -------
    str
        Name of the method.
    """
    barred = {"p_alive", "stack"} | (set() if orders >= ENOUGH_ORDERS else {"boosted"})
    area = {name: auc(bought, chance) for name, chance in said.items() if name not in barred}
    own = auc(bought, said["stack"])
    best = max(area, key=lambda name: (area[name], name))
    if not area[best] > own + PREFER:
        return "stack"
    return best if surely_ranks_better(bought, said[best], said["stack"], seed=seed) else "stack"


def surely_ranks_better(
    bought: Bools, one: Floats, other: Floats, *, seed: int, draws: int = 60
) -> bool:
    """Tell whether one score ranks better than another beyond chance, by paired bootstrap.

    Parameters
    ----------
    bought : Bools
        What happened.
    one, other : Floats
        Scores of the same rows.
    seed : int
        Decides the resampling.
    draws : int
        Number of resamples.

    Returns
    -------
    bool
        Whether the gain in AUC is above zero in 95 % of the resamples.
    """
    random = np.random.default_rng(seed)
    gains = []
    for _ in range(draws):
        rows = random.integers(0, len(bought), len(bought))
        gains.append(auc(bought[rows], one[rows]) - auc(bought[rows], other[rows]))
    return float(np.nanquantile(gains, 0.05)) > 0.0
