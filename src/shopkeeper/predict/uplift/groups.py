"""Four groups of customers by what treating them changes, and the spend that leaving out saves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shopkeeper.predict.history import Floats

PERSUADABLE = "persuadable"
SURE_THING = "sure_thing"
LOST_CAUSE = "lost_cause"
DO_NOT_DISTURB = "do_not_disturb"
GROUPS = (PERSUADABLE, SURE_THING, LOST_CAUSE, DO_NOT_DISTURB)

NAMES: Mapping[str, tuple[str, str]] = {
    PERSUADABLE: ("说服者", "Persuadables"),
    SURE_THING: ("自愿购买者", "Sure things"),
    LOST_CAUSE: ("无动于衷者", "Lost causes"),
    DO_NOT_DISTURB: ("勿扰者", "Do not disturb"),
}
"""Chinese and English name by group."""
MEANINGS: Mapping[str, tuple[str, str]] = {
    PERSUADABLE: ("因触达而改变，增量高于成本", "Treatment changes them by more than it costs"),
    SURE_THING: ("不触达也会买，触达不值成本", "Buy without it; treatment does not pay"),
    LOST_CAUSE: ("触达与否都很少买", "Seldom buy, with it or without it"),
    DO_NOT_DISTURB: ("触达反而减少购买", "Treatment makes them buy less"),
}
ADVICE: Mapping[str, tuple[str, str]] = {
    PERSUADABLE: ("触达", "Treat"),
    SURE_THING: ("省下这笔费用", "Save the cost"),
    LOST_CAUSE: ("省下这笔费用，换别的方式", "Save the cost, try something else"),
    DO_NOT_DISTURB: ("不要触达", "Leave alone"),
}


@dataclass(frozen=True, slots=True)
class Group:
    """One group.

    Parameters
    ----------
    group : str
        One of `GROUPS`.
    customers : int
        How many.
    mean_uplift : float
        Mean effect; NaN in an empty group.
    low, high : float
        95 % interval of the mean.
    mean_baseline : float
        Mean expected outcome untreated; NaN in an empty group.
    cost : float
        Cost of treating all of them, in units of the outcome.
    """

    group: str
    customers: int
    mean_uplift: float
    low: float
    high: float
    mean_baseline: float
    cost: float


def group_of(
    uplift: Floats, baseline: Floats, cost: float, harm: float = 0.0
) -> npt.NDArray[np.int64]:
    """Group of each customer.

    Parameters
    ----------
    uplift : Floats
        Effect by customer.
    baseline : Floats
        Expected outcome untreated.
    cost : float
        Cost of a treatment in units of the outcome: the break-even uplift.
    harm : float
        Uplift below which a customer should be left alone; 0 or less.

    Returns
    -------
    npt.NDArray[np.int64]
        Positions in `GROUPS`. Persuadable: uplift above cost. Do not disturb: uplift below harm.
        The others are sure things where the baseline is above its median, else lost causes.

    Examples
    --------
    >>> group_of(np.array([0.2, 0.0, 0.0, -0.1]), np.array([0.1, 0.5, 0.1, 0.3]), 0.05).tolist()
    [0, 1, 2, 3]
    """
    usual = float(np.median(baseline)) if len(baseline) else 0.0
    rest = np.where(baseline > usual, 1, 2)
    return np.where(uplift > cost, 0, np.where(uplift < min(harm, 0.0), 3, rest)).astype(np.int64)


def four_groups(
    uplift: Floats, baseline: Floats, cost: float, average_error: float = 0.0
) -> tuple[Group, ...]:
    """The table of groups.

    Parameters
    ----------
    uplift : Floats
        Effect by customer.
    baseline : Floats
        Expected outcome untreated.
    cost : float
        Cost of a treatment in units of the outcome.
    average_error : float
        Standard error of the average effect, which every group shares.

    Returns
    -------
    tuple[Group, ...]
        In the order of `GROUPS`; intervals hold the error of the average and the spread within.
    """
    place = group_of(uplift, baseline, cost)
    found = []
    for number, group in enumerate(GROUPS):
        mine = place == number
        size = int(mine.sum())
        if not size:
            nan = float("nan")
            found.append(Group(group, 0, nan, nan, nan, nan, 0.0))
            continue
        mean = float(uplift[mine].mean())
        reach = 1.96 * float(np.sqrt(average_error**2 + uplift[mine].var() / size))
        base = float(baseline[mine].mean())
        found.append(Group(group, size, mean, mean - reach, mean + reach, base, size * cost))
    return tuple(found)


def spend_saved(uplift: Floats, cost: float) -> float:
    """Cost of treating those whose uplift does not pay.

    Parameters
    ----------
    uplift : Floats
        Effect by customer.
    cost : float
        Cost of a treatment, in units of the outcome.

    Returns
    -------
    float
        In units of the outcome.
    """
    return float((uplift <= cost).sum()) * cost
