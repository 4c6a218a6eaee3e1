"""How long a period is, which seasons it has, and where it lies in the calendar.

Found from the times themselves: hours, days, weeks, months, quarters, years, or plain steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopkeeper.core.errors import InputError
from shopkeeper.predict.history import DAY_US, Bools, Floats, Ints

__all__ = ["Grain", "find_grain", "grain_of_steps", "seasons_that_hold"]

HOUR_US = DAY_US // 24
MONTHS = {"month": 1, "quarter": 3, "year": 12}
_NAMED = {
    "hour": "hour", "hr": "hour", "day": "day", "date": "day", "week": "week", "wk": "week",
    "month": "month", "quarter": "quarter", "qtr": "quarter", "year": "year", "小时": "hour",
    "日": "day", "天": "day", "周": "week", "月": "month", "季": "quarter", "年": "year",
}  # fmt: skip
_SEASONS = {"day": (7, 365), "week": (52,), "month": (12,), "quarter": (4,), "year": ()}


@dataclass(frozen=True, slots=True)
class Grain:
    """One step of the time axis.

    Parameters
    ----------
    unit : str
        `minute`, `hour`, `day`, `week`, `month`, `quarter`, `year` or `step`.
    size : int
        Units in a step: 1 for plain hours, 15 for quarters of an hour.
    start_us : int
        Moment of period 0, microseconds UTC; 0 for counted steps.
    seasons : tuple[int, ...]
        Lengths of its seasons in periods, shortest first.
    dated : bool
        Whether periods have a place in the calendar.
    """

    unit: str
    size: int
    start_us: int
    seasons: tuple[int, ...] = ()
    dated: bool = False

    @property
    def words(self) -> str:
        """The step in words."""
        return f"{self.unit}s" if self.size == 1 else f"steps of {self.size} {self.unit}s"

    def moments(self, position: Ints) -> Ints:
        """Return the moment at which periods begin.

        Parameters
        ----------
        position : Ints
            Periods.

        Returns
        -------
        Ints
            Microseconds UTC; the period itself where the axis is not dated.
        """
        if not self.dated:
            return position
        if self.unit in MONTHS:
            months = np.datetime64(self.start_us, "us").astype("datetime64[M]")
            moved = months + np.asarray(position) * MONTHS[self.unit] * self.size
            moments: Ints = moved.astype("datetime64[us]").astype(np.int64)
            return moments
        return self.start_us + np.asarray(position, dtype=np.int64) * self.step_us

    @property
    def step_us(self) -> int:
        """Length of a step that is no multiple of months, microseconds."""
        lengths = {"minute": HOUR_US // 60, "hour": HOUR_US, "day": DAY_US, "week": 7 * DAY_US}
        return self.size * lengths.get(self.unit, 1)

    def label(self, position: int) -> str:
        """Return a period as a person writes it.

        Parameters
        ----------
        position : int
            The period.

        Returns
        -------
        str
            A date, a moment, or the number of the step.
        """
        if not self.dated:
            return str(position * self.size + self.start_us)
        unit = "m" if self.unit in ("minute", "hour") else "D"
        return str(np.datetime64(int(self.moments(np.array([position]))[0]), "us").astype(
            f"datetime64[{unit}]"))  # fmt: skip


def find_grain(ts_us: Ints, series: Ints) -> tuple[Grain, Ints]:
    """Find the step of dated rows.

    Parameters
    ----------
    ts_us : Ints
        Moment of each row, microseconds UTC.
    series : Ints
        Series of each row.

    Returns
    -------
    tuple[Grain, Ints]
        The grain, and the period of each row, counted from a fixed day far back.

    Raises
    ------
    InputError
        When all rows have the same time.
    """
    order = np.lexsort((ts_us, series))
    gap = np.diff(ts_us[order])
    gap = gap[(np.diff(series[order]) == 0) & (gap > 0)]
    if len(gap) == 0:
        gap = np.diff(np.unique(ts_us))
    if len(gap) == 0:
        raise InputError(
            "all rows have the same time", next_step="name the column of times with --time COL"
        )
    first = int(ts_us.min())
    days = gap / DAY_US
    typical = float(np.median(days))
    monthly = _monthly(ts_us, days, typical)
    if monthly is not None:
        return monthly
    if typical >= 1.0 - 1e-9:
        # A moment within the day (a clock that was shifted) does not make a day more than one.
        day = ts_us // DAY_US
        step = int(np.gcd.reduce(np.maximum(np.round(days).astype(np.int64), 1)))
        weekly = typical > 6.0 and (step % 7 == 0 or float(np.mean(np.round(days) % 7 == 0)) > 0.98)
        size = 7 if weekly else 1
        start = first // DAY_US % size
        grain = Grain("week" if weekly else "day", 1, start * DAY_US,
                      _SEASONS["week" if weekly else "day"], True)  # fmt: skip
        return grain, (day - start) // size
    minutes = np.maximum(np.round(gap / (HOUR_US / 60)).astype(np.int64), 1)
    common = int(np.gcd.reduce(minutes[:1_000_000]))
    unit, size = ("hour", common // 60) if common % 60 == 0 else ("minute", common)
    a_day = 24 * 60 // common if (24 * 60) % common == 0 else 0
    seasons = (a_day, 7 * a_day) if a_day > 1 else (7,)
    step_us = common * (HOUR_US // 60)
    grain = Grain(unit, size, first % step_us, seasons, True)
    return grain, np.round((ts_us - first % step_us) / step_us).astype(np.int64)


def _monthly(ts_us: Ints, days: Floats, typical: float) -> tuple[Grain, Ints] | None:
    """Months, quarters and years: always the same day of the month, or always its last."""
    if days.min() < 27.5:
        return None
    date = ts_us.astype("datetime64[us]").astype("datetime64[D]")
    month = date.astype("datetime64[M]").astype(np.int64)
    first = np.unique(date - date.astype("datetime64[M]")).size == 1
    last = bool(np.all((date + 1).astype("datetime64[M]").astype(np.int64) > month))
    regular = 28 <= typical <= 31 and np.unique(np.round(days)).size > 1
    if not (first or last or regular):
        return None
    apart = int(np.gcd.reduce(np.diff(np.unique(month))))
    unit = "year" if apart % 12 == 0 else "quarter" if apart % 3 == 0 else "month"
    step = MONTHS[unit]
    offset = int(month.min()) % step
    start = int(np.datetime64(offset, "M").astype("datetime64[us]").astype(np.int64))
    return Grain(unit, 1, start, _SEASONS[unit], True), (month - offset) // step


def grain_of_steps(number: Ints, name: str, series: Ints) -> tuple[Grain, Ints]:
    """Find the step of numbered rows.

    Parameters
    ----------
    number : Ints
        Number of the period of each row.
    name : str
        Name of the column: one that says week, month, hour tells the season.
    series : Ints
        Series of each row.

    Returns
    -------
    tuple[Grain, Ints]
        The grain, and the period of each row, counted from a fixed day far back.

    Examples
    --------
    >>> import numpy as np
    >>> grain, period = grain_of_steps(np.array([40, 42, 46]), "week", np.zeros(3, dtype=int))
    >>> grain.unit, grain.seasons, period.tolist()
    ('week', (), [20, 21, 23])
    """
    order = np.lexsort((number, series))
    gap = np.diff(number[order])
    gap = gap[(np.diff(series[order]) == 0) & (gap > 0)]
    size = int(np.gcd.reduce(gap)) if len(gap) else 1
    lowered = name.lower()
    unit = next((found for word, found in _NAMED.items() if word in lowered), "step")
    seasons = (24, 168) if unit == "hour" else _SEASONS.get(unit, ())
    first = int(number.min()) % size
    return Grain(unit, size, first, seasons if size == 1 else ()), (number - first) // size


def seasons_that_hold(values: Floats, seasons: tuple[int, ...]) -> tuple[int, ...]:
    """Keep the seasons of which the past shows two rounds, or find one in plain steps.

    Parameters
    ----------
    values : Floats
        Shape (series, periods); NaN where unknown.
    seasons : tuple[int, ...]
        Candidates from the grain; empty where the axis says nothing.

    Returns
    -------
    tuple[int, ...]
        Seasons in use, shortest first.
    """
    known: Bools = np.isfinite(values)
    periods = known.any(axis=0).sum()
    if seasons:
        return tuple(m for m in seasons if periods >= 2 * m + 1)
    found = [
        (_repeats(values, m), m)
        for m in (4, 7, 12, 24, 52)
        if periods >= 3 * m + 1 and _repeats(values, m) > 0.4
    ]
    return (max(found)[1],) if found else ()


def _repeats(values: Floats, m: int) -> float:
    """Correlation of changes one season apart, over all series."""
    change = np.diff(values, axis=1)
    now, then = change[:, m:], change[:, :-m]
    both = np.isfinite(now) & np.isfinite(then)
    if both.sum() < 10:
        return 0.0
    spread = float(np.sqrt(np.sum(now[both] ** 2) * np.sum(then[both] ** 2)))
    return float(np.sum(now[both] * then[both]) / spread) if spread > 0 else 0.0
