"""Features and truth at the past cut-offs a churn model learns from."""

from __future__ import annotations

import numpy as np

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.churn.features import FeatureRows, bought_within, feature_rows
from shopkeeper.predict.churn.processes import Processes, fit_processes
from shopkeeper.predict.history import DAY_US, Bools, OrderHistory, Question, purchase_days
from shopkeeper.predict.split import Cutoff, plan_cutoffs
from shopkeeper.predict.value.pareto_nbd import ParetoNbd
from shopkeeper.predict.value.summary import summarise

LEAST_CUSTOMERS = 50
LEAST_OUTCOMES = 10


def first_us(data: Question) -> int:
    """Moment of the first order known at the moment of the question.

    Parameters
    ----------
    data : Question
        Orders and moment.

    Returns
    -------
    int
        Microseconds UTC.

    Raises
    ------
    NotEnoughDataError
        When there are none.
    """
    seen = data.history.ts_us[data.history.ts_us < data.as_of_us]
    if len(seen) == 0:
        raise NotEnoughDataError(
            "there are no orders before the moment of the forecast",
            next_step="choose a later moment, or load the orders before it",
            as_of_us=data.as_of_us,
        )
    return int(seen.min())


def training_rows(data: Question) -> tuple[list[Cutoff], list[FeatureRows], list[Bools]]:
    """Compute features and truth at the past cut-offs.

    Parameters
    ----------
    data : Question
        Orders, moment and horizon.

    Returns
    -------
    tuple[list[Cutoff], list[FeatureRows], list[Bools]]
        One entry a cut-off with at least 50 customers, earliest first.

    Raises
    ------
    NotEnoughDataError
        When no cut-off has 50 customers, or one of the two outcomes hardly occurs.
    """
    known = data.history.before(data.as_of_us)
    plan = plan_cutoffs(first_us(data), data.as_of_us, data.horizon_days)
    cutoffs, blocks, outcomes = [], [], []
    most, near = 0, None
    for cutoff in plan:
        customers = len(np.unique(known.before(cutoff.as_of_us).code))
        most = max(most, customers)
        if customers < LEAST_CUSTOMERS:
            continue
        block = data.columns_at(cutoff.as_of_us)
        fitted = processes_at(known, cutoff.as_of_us, near)
        near = fitted.pareto_nbd or near
        rows = feature_rows(known, cutoff.as_of_us, cutoff.horizon_days, fitted, block)
        count, _ = bought_within(known, rows.code, cutoff.as_of_us, cutoff.horizon_days)
        cutoffs.append(cutoff)
        blocks.append(rows)
        outcomes.append(count > 0)
    if not blocks:
        raise NotEnoughDataError(
            f"at least {LEAST_CUSTOMERS} customers with a purchase before a past cut-off are "
            f"needed, found {most}",
            next_step="load more customers or a longer history",
            needed=LEAST_CUSTOMERS,
            found=most,
        )
    bought = int(sum(np.sum(outcome) for outcome in outcomes))
    stayed_away = sum(len(outcome) for outcome in outcomes) - bought
    if min(bought, stayed_away) < LEAST_OUTCOMES:
        raise NotEnoughDataError(
            f"in the truth windows {bought} customers bought and {stayed_away} did not; at least "
            f"{LEAST_OUTCOMES} of each are needed to tell them apart",
            next_step="choose another horizon, or load a longer history",
            bought=bought,
            stayed_away=stayed_away,
        )
    return cutoffs, blocks, outcomes


def processes_at(history: OrderHistory, as_of_us: int, near: ParetoNbd | None = None) -> Processes:
    """Fit the processes at a moment.

    Parameters
    ----------
    history : OrderHistory
        Orders; those at or after the moment are not seen.
    as_of_us : int
        The moment, microseconds UTC.
    near : ParetoNbd | None
        Process of another moment, where the search starts.

    Returns
    -------
    Processes
        Those with too little data are None.
    """
    days = purchase_days(history.before(as_of_us))
    summary = summarise(history, as_of_us, "day")
    return fit_processes(days, summary, (as_of_us - 1) // DAY_US + 1, near)
