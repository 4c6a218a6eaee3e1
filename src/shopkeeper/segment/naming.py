"""Names of clusters from the profile of their centre, in both languages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_FREQUENCY = {1: ("高频", "Frequent"), 0: ("中频", "Steady"), -1: ("低频", "Occasional")}
_VALUE = {
    1: ("高额", "big spenders"),
    0: ("中额", "middle spenders"),
    -1: ("低额", "small spenders"),
}
_RHYTHM = ("recency_days", "tenure_days", "orders_life")
_SINGLE_GAP = 45.0
_STATE = {
    "new": ("新客", "new"),
    "regular": ("常客", ""),
    "fresh": ("近期客", "recent"),
    "asleep": ("沉睡客", "asleep"),
    "gone": ("流失客", "gone"),
}


def name_clusters(
    centres: Floats,
    usual: Floats,
    dimensions: Sequence[str],
    earlier: Sequence[tuple[str, str] | None] = (),
) -> list[tuple[str, str]]:
    """Name every centre by frequency, value and state; names are unique.

    Parameters
    ----------
    centres
        In raw units, shape (k, d).
    usual
        The shop's median in raw units, shape (d,).
    dimensions
        Names of the columns; ``orders_365d``, ``orders_life``, ``spend_minor_365d``,
        ``recency_days`` and ``tenure_days`` are read.

    earlier
        Name each centre had in the run before, or None; kept while the words still fit.

    Returns
    -------
    list of (str, str)
        Chinese and English, in the order of ``centres``.

    Examples
    --------
    >>> columns = "recency_days orders_365d orders_life spend_minor_365d tenure_days".split()
    >>> centre, usual = [10.0, 20, 30, 90000, 500], [60.0, 4, 6, 20000, 400]
    >>> name_clusters(np.array([centre]), np.array(usual), columns)
    [('高频高额常客', 'Frequent big spenders')]
    """
    at = {name: i for i, name in enumerate(dimensions)}
    names: list[tuple[str, str]] = []
    for centre in centres:
        frequency = _level(centre[at["orders_365d"]], usual[at["orders_365d"]])
        value = _level(centre[at["spend_minor_365d"]], usual[at["spend_minor_365d"]])
        state = _STATE[_state([float(centre[at[x]]) for x in _RHYTHM], frequency)]
        words = (_FREQUENCY[frequency][1], _VALUE[value][1])
        tail = f", {state[1]}" if state[1] else ""
        names.append((_FREQUENCY[frequency][0] + _VALUE[value][0] + state[0],
                      " ".join(words) + tail))  # fmt: skip
    return _unique(names, centres, at, earlier or [None] * len(names))


def _level(here: float, usual: float) -> int:
    ratio = (here + 1) / (usual + 1)
    return 1 if ratio >= 1.5 else -1 if ratio <= 1 / 1.5 else 0


def _state(rhythm: Sequence[float], frequency: int) -> str:
    recency, tenure, orders = rhythm
    # As in the life cycle: twice the own gap is asleep, four times is gone.
    if tenure <= 45:
        return "new"
    gap = (tenure - recency) / (orders - 1) if orders >= 2 else _SINGLE_GAP
    overdue = recency / max(gap, 7.0)
    if overdue > 4:
        return "gone"
    if overdue > 2:
        return "asleep"
    return "regular" if frequency >= 0 else "fresh"


def _unique(
    names: list[tuple[str, str]],
    centres: Floats,
    at: dict[str, int],
    earlier: Sequence[tuple[str, str] | None],
) -> list[tuple[str, str]]:
    """Equal names are told apart by recency, in days; if that is equal too, by a number."""
    fits = [x is not None and x[0].startswith(y[0]) for x, y in zip(earlier, names, strict=True)]
    told = [x if fit else None for x, fit in zip(earlier, fits, strict=True)]
    for i, (zh, en) in enumerate(names):
        if told[i] is not None:
            continue
        days = round(float(centres[i][at["recency_days"]]))
        same = names.count((zh, en)) > 1
        base = (f"{zh}（约 {days} 天前）", f"{en} (about {days} days ago)") if same else (zh, en)
        choice, number = base, 2
        while choice in told:
            choice, number = (f"{base[0]} {number}", f"{base[1]} {number}"), number + 1
        told[i] = choice
    return [x for x in told if x is not None]
