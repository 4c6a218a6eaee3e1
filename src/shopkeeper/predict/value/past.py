"""One cut-off of the past: models fitted before it, features, expectations and what followed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopkeeper.predict.churn.features import FeatureRows, bought_within, feature_rows
from shopkeeper.predict.churn.processes import Processes
from shopkeeper.predict.history import Floats, OrderHistory
from shopkeeper.predict.split import Cutoff
from shopkeeper.predict.value.gamma_gamma import GammaGamma, fit_gamma_gamma
from shopkeeper.predict.value.pareto_nbd import ParetoNbd, fit_pareto_nbd
from shopkeeper.predict.value.summary import Grouped, Summary, group, summarise


def grouped(summary: Summary) -> Grouped:
    """Collapse the customers of a summary.

    Parameters
    ----------
    summary : Summary
        Customers at a moment.

    Returns
    -------
    Grouped
        Distinct rows.
    """
    return group(summary.frequency, summary.recency, summary.age)


@dataclass(frozen=True, slots=True)
class Past:
    """One cut-off: models fitted before it, features, expectations and what followed.

    Parameters
    ----------
    cutoff : Cutoff
        The moment and its horizon.
    process : ParetoNbd
        Fitted before it.
    amounts : GammaGamma
        Fitted before it.
    rows : FeatureRows
        Features at it.
    expected : tuple[Floats, Floats]
        Purchases and amount per purchase said by both.
    actual : tuple[Floats, Floats]
        Purchases and spend that followed.
    """

    cutoff: Cutoff
    process: ParetoNbd
    amounts: GammaGamma
    rows: FeatureRows
    expected: tuple[Floats, Floats]
    actual: tuple[Floats, Floats]


def past(history: OrderHistory, cutoff: Cutoff, near: ParetoNbd | None = None) -> Past:
    """Fit, describe and look at what followed, at one past moment.

    Parameters
    ----------
    history : OrderHistory
        Orders, those of the horizon included.
    cutoff : Cutoff
        The moment and its horizon.
    near : ParetoNbd | None
        Process of another moment, where the search for this one starts.

    Returns
    -------
    Past
        All of it.
    """
    summary = summarise(history, cutoff.as_of_us, "day")
    process = fit_pareto_nbd(grouped(summary), near)
    amounts = fit_gamma_gamma(summary.frequency, summary.monetary_minor)
    rows = feature_rows(history, cutoff.as_of_us, cutoff.horizon_days, Processes(process))
    alive = process.p_alive(summary.frequency.astype(np.float64), summary.recency, summary.age)
    frequency = summary.frequency.astype(np.float64)
    orders = alive * process.expected_if_alive(frequency, summary.age, cutoff.horizon_days)
    paid = np.where(summary.monetary_minor > 0, frequency, 0.0)
    mean = amounts.expected_minor(paid, summary.monetary_minor)
    count, amount = bought_within(history, rows.code, cutoff.as_of_us, cutoff.horizon_days)
    actual = count.astype(np.float64), amount
    return Past(cutoff, process, amounts, rows, (orders, mean), actual)


def stack(parts: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Lay pairs of arrays one below the other.

    Parameters
    ----------
    parts : list[tuple[Floats, Floats]]
        Pairs.

    Returns
    -------
    tuple[Floats, Floats]
        One pair.
    """
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
