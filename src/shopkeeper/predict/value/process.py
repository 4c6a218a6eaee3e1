"""What every buy-till-you-die process offers, and how its parameters are found.

A process says how customers buy while alive and when they leave. Given a customer's frequency x,
recency t_x and age T, each process here answers with three functions, of which two depend on
(x, T) only; `intervals` and `forecast` build everything else from them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from scipy.optimize import minimize

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.history import Floats
from shopkeeper.predict.value.summary import Grouped

Objective = Callable[[Floats], tuple[float, Floats]]
"""Logarithms of the parameters -> (log-likelihood, gradient by the logarithms)."""

LOG_BOUND = 12.0
"""Parameters, with time in units of the mean age, stay within exp(+-12)."""


class PurchaseProcess(Protocol):
    """A fitted model of repeat buying with silent departure."""

    @property
    def name(self) -> str:
        """Return the name under which the process is saved, such as `bg_nbd`."""

    @property
    def log_likelihood(self) -> float:
        """Return the log-likelihood of the data it was fitted on."""

    def parameters(self) -> dict[str, float]:
        """Return the parameters by name, time in the unit of the summary."""

    def p_alive(self, x: Floats, t_x: Floats, age: Floats) -> Floats:
        """Return the probability that the customer has not left by the end of observation."""

    def expected_if_alive(self, x: Floats, age: Floats, horizon: float) -> Floats:
        """Return the expected purchases in the horizon of a customer still there now."""

    def tail_if_alive(self, k: Floats, x: Floats, age: Floats, horizon: float) -> Floats:
        """Return P(at least k purchases in the horizon) of a customer still there now; k >= 1."""


def maximise(objective: Objective, starts: list[Floats], name: str) -> tuple[Floats, float]:
    """Maximise a log-likelihood over log-parameters; later starts are tried when one fails.

    Parameters
    ----------
    objective : Objective
        Returns the log-likelihood and its gradient.
    starts : list[Floats]
        Starting points, logarithms of the parameters; the first that converges is kept.
    name : str
        Name of the model, for the error.

    Returns
    -------
    tuple[Floats, float]
        The parameters (not logarithms) and the log-likelihood there.

    Raises
    ------
    NotEnoughDataError
        When no start leads to a finite maximum.
    """
    best: tuple[Floats, float] | None = None
    for start in starts:
        scale = abs(objective(start)[0]) or 1.0

        def negative(point: Floats, scale: float = scale) -> tuple[float, Floats]:
            value, gradient = objective(point)
            return -value / scale, -gradient / scale

        found = minimize(
            negative,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(-LOG_BOUND, LOG_BOUND)] * len(start),
            options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-9},
        )
        value = -float(found.fun) * scale
        if np.isfinite(value) and (best is None or value > best[1]):
            best = (np.exp(np.asarray(found.x, dtype=np.float64)), value)
        if best is not None and found.success:
            break
    if best is None:
        raise NotEnoughDataError(
            f"{name} finds no finite maximum of the likelihood on these orders",
            needed=1,
            found=0,
            next_step="check that times are sane and that some customers bought more than once",
        )
    return best


def require_repeaters(rows: Grouped, name: str, minimum: int = 10) -> None:
    """Refuse data from which the parameters cannot be told.

    Parameters
    ----------
    rows : Grouped
        The customers.
    name : str
        Name of the model, for the error.
    minimum : int
        Least number of customers with a repeat purchase.

    Raises
    ------
    NotEnoughDataError
        When fewer than `minimum` customers bought on more than one day.
    """
    repeaters = int(rows.weight[rows.x > 0].sum())
    if repeaters < minimum:
        raise NotEnoughDataError(
            f"{name} needs at least {minimum} customers with purchases on two days or more, "
            f"found {repeaters} among {int(rows.weight.sum())}",
            needed=minimum,
            found=repeaters,
            next_step="load a longer history or wait for repeat purchases",
        )
