"""The processes whose answers are features of churn: two that leave silently, and a hazard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.churn.hazard import Hazard, fit_hazard
from shopkeeper.predict.history import Floats, PurchaseDays
from shopkeeper.predict.split import customer_folds
from shopkeeper.predict.value.bgnbd import BgNbd, fit_bg_nbd
from shopkeeper.predict.value.pareto_nbd import ParetoNbd, fit_pareto_nbd
from shopkeeper.predict.value.process import PurchaseProcess
from shopkeeper.predict.value.summary import Grouped, Summary, group

MOST_FITTED = 50_000
"""Customers on which the processes are fitted, at most about: plenty for their few parameters."""

ANSWERS = ("p_alive", "expected_orders", "p_buy", "bg_buy", "hazard_buy")
"""Columns the processes answer with."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Processes:
    """Processes fitted at one moment, time in days; each None where there was too little to fit it.

    Parameters
    ----------
    pareto_nbd : ParetoNbd | None
        Answers `p_alive`, `expected_orders` and `p_buy`.
    bg_nbd : BgNbd | None
        Answers `bg_buy`.
    hazard : Hazard | None
        Answers `hazard_buy`.
    """

    pareto_nbd: ParetoNbd | None = None
    bg_nbd: BgNbd | None = None
    hazard: Hazard | None = None

    def columns(
        self, summary: Summary, since_days: Floats, amount_mean: Floats, horizon_days: float
    ) -> dict[str, Floats]:
        """Return the answers; NaN where a process was not fitted.

        Parameters
        ----------
        summary : Summary
            Customers at the moment, time in days.
        since_days : Floats
            Days since the last purchase.
        amount_mean : Floats
            Mean amount of a purchase in minor units.
        horizon_days : float
            Horizon in days.

        Returns
        -------
        dict[str, Floats]
            The columns of `ANSWERS`.
        """
        nothing = np.full(len(summary.code), np.nan)
        found = dict.fromkeys(ANSWERS, nothing)
        rows = group(summary.frequency, summary.recency, summary.age)
        at = rows.inverse
        if self.pareto_nbd is not None:
            alive, buys = _buys(self.pareto_nbd, rows, horizon_days)
            orders = alive * self.pareto_nbd.expected_if_alive(rows.x, rows.age, horizon_days)
            found |= {"p_alive": alive[at], "expected_orders": orders[at], "p_buy": buys[at]}
        if self.bg_nbd is not None:
            found["bg_buy"] = _buys(self.bg_nbd, rows, horizon_days)[1][at]
        if self.hazard is not None:
            x = summary.frequency.astype(np.float64)
            found["hazard_buy"] = 1.0 - self.hazard.survival(
                x, since_days, summary.age, amount_mean, horizon_days
            )
        return found

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        fitted = {"pareto_nbd": self.pareto_nbd, "bg_nbd": self.bg_nbd}
        stored: dict[str, Any] = {
            name: process and {**process.parameters(), "log_likelihood": process.log_likelihood}
            for name, process in fitted.items()
        }
        return stored | {"hazard": self.hazard and self.hazard.to_json()}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Processes:
        """Read what `to_json` wrote.

        Parameters
        ----------
        stored : dict[str, Any]
            The JSON object.

        Returns
        -------
        Processes
            The same processes.
        """
        pareto, bg, hazard = (stored[name] for name in ("pareto_nbd", "bg_nbd", "hazard"))
        return cls(
            pareto and ParetoNbd(**pareto), bg and BgNbd(**bg), hazard and Hazard.from_json(hazard)
        )


def _buys(process: PurchaseProcess, rows: Grouped, horizon_days: float) -> tuple[Floats, Floats]:
    """Chance to be alive, and to buy at least once."""
    alive = process.p_alive(rows.x, rows.t_x, rows.age)
    once = process.tail_if_alive(np.ones_like(rows.x), rows.x, rows.age, horizon_days)
    return alive, alive * once


def fit_processes(
    days: PurchaseDays, summary: Summary, end_day: int, near: ParetoNbd | None = None
) -> Processes:
    """Fit every process that the data allow.

    Parameters
    ----------
    days : PurchaseDays
        Purchase days before the moment.
    summary : Summary
        The same customers, time in days.
    end_day : int
        First day not observed.
    near : ParetoNbd | None
        Process of another moment of the same shop, where the search starts.

    Returns
    -------
    Processes
        Those with too little data are None.
    """
    stride = max(len(summary.code) // MOST_FITTED, 1)
    # neighbouring codes may be related (ids of one shop or one day), hence folds and not a slice
    kept = customer_folds(summary.code, stride, 0) == 0
    rows = group(summary.frequency[kept], summary.recency[kept], summary.age[kept])
    inside = customer_folds(days.code, stride, 0) == 0
    some = PurchaseDays(
        days.code[inside], days.day[inside], days.amount_minor[inside], days.orders[inside]
    )
    return Processes(
        _or_none(lambda: fit_pareto_nbd(rows, near)),
        _or_none(lambda: fit_bg_nbd(rows)),
        _or_none(lambda: fit_hazard(some, end_day)),
    )


def _or_none(fit: Callable[[], T]) -> T | None:
    try:
        return fit()
    except NotEnoughDataError:
        return None
