"""Days that a calendar tells beforehand, as columns known ahead.

Lunar dates are a table: the day of the Chinese New Year by year. Fixed days are rules. A shop adds
its own days by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from shopkeeper.core.errors import InputError
from shopkeeper.predict.forecast.grain import Grain
from shopkeeper.predict.history import DAY_US, Floats, Ints

__all__ = ["CHINESE", "SPRING_FESTIVAL", "chinese_days", "holiday_columns"]

SPRING_FESTIVAL = {
    2010: (2, 14), 2011: (2, 3), 2012: (1, 23), 2013: (2, 10), 2014: (1, 31), 2015: (2, 19),
    2016: (2, 8), 2017: (1, 28), 2018: (2, 16), 2019: (2, 5), 2020: (1, 25), 2021: (2, 12),
    2022: (2, 1), 2023: (1, 22), 2024: (2, 10), 2025: (1, 29), 2026: (2, 17), 2027: (2, 6),
    2028: (1, 26), 2029: (2, 13), 2030: (2, 3),
}  # fmt: skip
"""First day of the lunar year (春节)."""
CHINESE = ("spring_festival", "national_day", "double_11", "618", "valentine_520")


def chinese_days(years: Sequence[int]) -> dict[str, list[date]]:
    """Return the days that move sales in China: 春节, 国庆, 双11, 618, 520.

    Parameters
    ----------
    years : Sequence[int]
        Years asked for.

    Returns
    -------
    dict[str, list[date]]
        First day of each, by name.

    Raises
    ------
    InputError
        When the table of lunar years does not reach that far.

    Examples
    --------
    >>> chinese_days([2026])["spring_festival"]
    [datetime.date(2026, 2, 17)]
    """
    beyond = [year for year in years if year not in SPRING_FESTIVAL]
    if beyond:
        raise InputError(
            f"the day of the Spring Festival of {beyond[0]} is not in the table "
            f"({min(SPRING_FESTIVAL)} to {max(SPRING_FESTIVAL)})",
            next_step="give the days yourself",
            year=beyond[0],
        )
    return {
        "spring_festival": [date(year, *SPRING_FESTIVAL[year]) for year in years],
        "national_day": [date(year, 10, 1) for year in years],
        "double_11": [date(year, 11, 11) for year in years],
        "618": [date(year, 6, 18) for year in years],
        "valentine_520": [date(year, 5, 20) for year in years],
    }


def holiday_columns(
    grain: Grain, position: Ints, series: int, days: Mapping[str, Sequence[date]], *,
    before: int = 7, during: int = 7,
) -> dict[str, Floats]:  # fmt: skip
    """Turn days into columns known ahead.

    Parameters
    ----------
    grain : Grain
        A dated axis.
    position : Ints
        Periods of the axis.
    series : int
        Series of the panel; all get the same columns.
    days : Mapping[str, Sequence[date]]
        First day of each holiday, by name.
    before, during : int
        Days before the first one on which people stock up, and days it lasts.

    Returns
    -------
    dict[str, Floats]
        Two columns a holiday, shape (series, periods): the share of the period that lies before it,
        and in it.

    Raises
    ------
    InputError
        When the axis has no dates.
    """
    if not grain.dated:
        raise InputError(
            "numbered periods have no holidays", next_step="name a column of dates with --time COL"
        )
    start = grain.moments(position) // DAY_US
    end = np.maximum((grain.moments(position + 1) - 1) // DAY_US + 1, start + 1)
    answer = {}
    for name, found in days.items():
        parts = np.zeros((2, len(position)))
        for day in found:
            first = (day - date(1970, 1, 1)).days
            for row, (low, high) in enumerate(((first - before, first), (first, first + during))):
                shared = np.minimum(end, high) - np.maximum(start, low)
                parts[row] += np.maximum(shared, 0) / (end - start)
        for row, suffix in enumerate(("before", "in")):
            answer[f"holiday_{name}_{suffix}"] = np.repeat(parts[row][None, :], series, axis=0)
    return answer
