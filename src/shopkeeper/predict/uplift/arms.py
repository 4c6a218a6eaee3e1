"""Several treatments, one control: which treatment for whom, within a budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shopkeeper.core.errors import InputError
from shopkeeper.predict.history import Floats


@dataclass(frozen=True, slots=True)
class Allocation:
    """Who gets which treatment.

    Parameters
    ----------
    arm : npt.NDArray[np.int64]
        By customer: position of the treatment, −1 for none.
    gain : float
        Sum of value times uplift less cost.
    spent : float
        Sum of costs.
    price : float
        Worth of one more unit of budget; 0 where the budget is not used up.
    """

    arm: npt.NDArray[np.int64]
    gain: float
    spent: float
    price: float


def allocate(
    uplift: Floats, cost: Sequence[float], *, value: float = 1.0, budget: float | None = None
) -> Allocation:
    """Choose the treatment of greatest net gain for each customer, within a budget.

    A multiple-choice knapsack, solved by its dual: at price λ of a unit of budget every customer
    takes the arm of greatest value·uplift − (1 + λ)·cost; λ is found by bisection, and what is left
    of the budget goes to the customers next in line. At most one customer away from the optimum of
    the relaxed problem (Sinha and Zoltners 1979).

    Parameters
    ----------
    uplift : Floats
        (customers, treatments).
    cost : Sequence[float]
        Cost of each treatment.
    value : float
        Worth of one unit of the outcome, in units of cost.
    budget : float | None
        Sum of costs that may be spent; None for no limit.

    Returns
    -------
    Allocation
        Nobody is treated at a loss.

    Raises
    ------
    InputError
        When costs do not fit the treatments or are negative.

    Examples
    --------
    >>> allocate(np.array([[1.0, 2.0], [3.0, 1.0]]), [1.0, 1.0], budget=1.0).arm.tolist()
    [-1, 0]
    """
    price = np.asarray(cost, dtype=np.float64)
    if uplift.ndim != 2 or price.shape != (uplift.shape[1],) or (price < 0).any():
        raise InputError(
            f"{len(price)} costs for {uplift.shape[-1]} treatments",
            next_step="give one cost of 0 or more for each treatment",
        )
    worth = value * uplift
    arm = _choice(worth, price, 0.0)
    limit = np.inf if budget is None else budget
    multiplier = 0.0
    if _spent(arm, price) > limit:
        low, high = 0.0, 1.0
        while _spent(_choice(worth, price, high), price) > limit:
            high *= 2.0
        for _ in range(60):
            middle = (low + high) / 2
            if _spent(_choice(worth, price, middle), price) > limit:
                low = middle
            else:
                high = middle
        multiplier = high
        arm = _filled(worth, price, _choice(worth, price, high), limit, low)
    rows = np.flatnonzero(arm >= 0)
    net = float((worth[rows, arm[rows]] - price[arm[rows]]).sum())
    return Allocation(arm, net, _spent(arm, price), multiplier)


def _choice(worth: Floats, price: Floats, multiplier: float) -> npt.NDArray[np.int64]:
    net = worth - (1.0 + multiplier) * price
    best = np.argmax(net, axis=1)
    return np.where(net[np.arange(len(net)), best] > 0, best, -1)


def _spent(arm: npt.NDArray[np.int64], price: Floats) -> float:
    return float(price[arm[arm >= 0]].sum())


def _filled(
    worth: Floats, price: Floats, arm: npt.NDArray[np.int64], limit: float, low: float
) -> npt.NDArray[np.int64]:
    """Give what is left of the budget to those who would be next."""
    more = _choice(worth, price, low)
    next_ones = np.flatnonzero((arm < 0) & (more >= 0))
    if not len(next_ones):
        return arm
    net = worth[next_ones, more[next_ones]] - price[more[next_ones]]
    order = next_ones[np.argsort(-net / np.maximum(price[more[next_ones]], 1e-12), kind="stable")]
    left = limit - _spent(arm, price)
    fits = np.cumsum(price[more[order]]) <= left + 1e-9
    arm = arm.copy()
    arm[order[fits]] = more[order[fits]]
    return arm
