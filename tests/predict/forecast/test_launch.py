"""Launches that follow their attributes; days of the calendar by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from shopkeeper.core.errors import InputError, NotEnoughDataError
from shopkeeper.predict.forecast.grain import Grain
from shopkeeper.predict.forecast.holidays import chinese_days, holiday_columns
from shopkeeper.predict.forecast.launch import Launches, launch_forecast, launches_of
from shopkeeper.predict.forecast.panel import Panel

DAY_US = 86_400_000_000


def launched(count: int, seed: int) -> Launches:
    """Sales fall with the price; teas start at 200, coffees at 50."""
    random = np.random.default_rng(seed)
    price = random.uniform(0, 1, count)
    tea = random.random(count) < 0.5
    size = np.where(tea, 200, 50) * np.exp(-price)
    curve = size[:, None] * np.exp(-0.1 * np.arange(6)) * np.exp(random.normal(0, 0.1, (count, 6)))
    return Launches(curve, price[:, None], tuple(("tea" if x else "coffee",) for x in tea))


def test_new_products_sell_like_those_most_alike():
    past, new = launched(80, 1), launched(60, 2)
    said = launch_forecast(past, new.numbers, new.words)
    error = np.abs(said.value - new.curve).sum() / new.curve.sum()
    mean = np.abs(past.curve.mean(axis=0) - new.curve).sum() / new.curve.sum()
    assert error < 0.15 < 0.5 * mean
    inside = (said.low <= new.curve) & (new.curve <= said.high)
    assert inside.mean() == pytest.approx(0.93, abs=0.06)
    assert past.words[said.neighbours[0, 0]] == new.words[0]


def test_launches_are_cut_where_series_begin():
    values = np.array([[5.0, 6, 7, 8], [np.nan, 0, 3, 4], [np.nan, np.nan, np.nan, 9]])
    panel = Panel((("a",), ("b",), ("c",)), ("p",), values, Grain("week", 1, 0))
    rows, curve = launches_of(panel, 2)
    assert rows.tolist() == [1, 2]
    np.testing.assert_array_equal(curve, [[3, 4], [9, np.nan]])


def test_few_launches_and_other_attributes_are_refused():
    few = launched(6, 1)
    with pytest.raises(NotEnoughDataError, match="found 6: 4 more needed"):
        launch_forecast(few, few.numbers, few.words)
    past = launched(20, 1)
    with pytest.raises(InputError, match="are not those of the earlier ones"):
        launch_forecast(past, np.ones((1, 2)), (("tea",),))
    with pytest.raises(InputError, match="new product 1 has an unknown attribute"):
        launch_forecast(past, np.array([[np.nan]]), (("tea",),))


def test_the_spring_festival_moves_and_weeks_hold_their_share():
    days = chinese_days([2025, 2026])
    assert days["spring_festival"] == [date(2025, 1, 29), date(2026, 2, 17)]
    monday = (date(2026, 2, 9) - date(1970, 1, 1)).days
    grain = Grain("week", 1, monday * DAY_US, (52,), True)
    made = holiday_columns(grain, np.arange(3), 2, days)
    assert made["holiday_spring_festival_before"][0].tolist() == [6 / 7, 1 / 7, 0]
    assert made["holiday_spring_festival_in"][1].tolist() == [0, 6 / 7, 1 / 7]
    with pytest.raises(InputError, match="Spring Festival of 2050 is not in the table"):
        chinese_days([2050])
    with pytest.raises(InputError, match="numbered periods have no holidays"):
        holiday_columns(Grain("week", 1, 0), np.arange(3), 2, days)
