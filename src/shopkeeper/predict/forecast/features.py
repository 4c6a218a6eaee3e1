"""What the boosted model reads: the series as it was at an origin, and what is known of the target.

One row is (series, origin t, steps h). Every number about the series comes from periods up to t;
only the calendar and the columns known ahead come from period t + h. There is no lag of the target's
own period by construction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopkeeper.predict.forecast.panel import Panel
from shopkeeper.predict.history import DAY_US, Floats, Ints

__all__ = ["Origins", "Prepared", "build_rows", "prepare"]

LAGS = (0, 1, 2, 3, 4, 5, 6, 7)
WINDOWS = (3, 8, 13, 26, 52)
SPEED = (0.08, 0.25, 0.6)
ROUNDS = 4
"""Seasons back that are read."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Arrays that rows are cut from.

    Parameters
    ----------
    rest : Floats
        Scaled values less effects and profile, shape (series, periods).
    level : Floats
        Smoothed rest at the end of each period, by speed; shape (speeds, series, periods).
    means : Floats
        Trailing means of rest, by window; shape (windows, series, periods).
    spread : Floats
        Trailing standard deviation of rest over the longest window.
    age : Ints
        Periods since the first value.
    expected : Floats
        Effect and profile of every period, known ahead.
    columns : Floats
        Design, shape (series, periods, columns).
    usual : Floats
        Trailing means of the design's columns over a window, same shape.
    """

    rest: Floats
    level: Floats
    means: Floats
    spread: Floats
    age: Ints
    expected: Floats
    columns: Floats
    usual: Floats


@dataclass(frozen=True, slots=True)
class Origins:
    """Rows to build: parallel arrays of series, origin column and steps ahead (from 1)."""

    series: Ints
    origin: Ints
    step: Ints


def prepare(rest: Floats, expected: Floats, columns: Floats) -> Prepared:
    """Compute what all rows share.

    Parameters
    ----------
    rest : Floats
        Scaled values less effects and profile; NaN where unknown.
    expected : Floats
        Effects and profile.
    columns : Floats
        Design.

    Returns
    -------
    Prepared
        Every array at period t depends on periods up to t only, but for `expected` and `columns`.
    """
    known = np.isfinite(rest)
    level = np.empty((len(SPEED), *rest.shape))
    state = np.zeros((len(SPEED), rest.shape[0]))
    seen = np.zeros(rest.shape[0])
    speed = np.array(SPEED)[:, None]
    for t in range(rest.shape[1]):
        now = known[:, t]
        seen += now
        # The first values are averaged before they are smoothed.
        pace = np.maximum(speed, 1.0 / np.maximum(seen, 1.0))
        state = np.where(now, state + pace * (np.where(now, rest[:, t], 0.0) - state), state)
        level[:, :, t] = state
    means = np.stack([_trailing(rest, window) for window in WINDOWS])
    squares = _trailing(rest**2, WINDOWS[-1])
    spread = np.sqrt(np.maximum(squares - means[-1] ** 2, 0.0))
    first = np.where(known.any(axis=1), known.argmax(axis=1), rest.shape[1])
    age = np.maximum(np.arange(rest.shape[1])[None, :] - first[:, None], -1).astype(np.int64)
    usual = np.empty_like(columns)
    for at in range(columns.shape[2]):
        usual[:, :, at] = _trailing(columns[:, :, at], 13)
    return Prepared(rest, level, means, spread, age, expected, columns, usual)


def _trailing(values: Floats, window: int) -> Floats:
    """Mean of the known values among the last `window` periods, this one included."""
    known = np.isfinite(values)
    pad = ((0, 0), (window, 0))
    total = np.cumsum(np.pad(np.where(known, values, 0.0), pad), axis=1)
    count = np.cumsum(np.pad(known.astype(np.float64), pad), axis=1)
    n = count[:, window:] - count[:, :-window]
    return np.where(n > 0, (total[:, window:] - total[:, :-window]) / np.maximum(n, 1), np.nan)


def build_rows(
    panel: Panel, prepared: Prepared, rows: Origins
) -> tuple[tuple[str, ...], Floats, Floats]:
    """Cut rows.

    Parameters
    ----------
    panel : Panel
        Keys, calendar and seasons.
    prepared : Prepared
        From `prepare`.
    rows : Origins
        Which.

    Returns
    -------
    tuple[tuple[str, ...], Floats, Floats]
        Names of the features, the matrix (rows, features; NaN where unknown, float32 precision is
        enough), and the base each row starts from: level at the origin plus what is known ahead.
    """
    s, t, h = rows.series, rows.origin, rows.step
    target = t + h
    level = prepared.level[1, s, t]
    table: dict[str, Floats] = {"step": h.astype(np.float64)}
    for lag in LAGS:
        at = np.maximum(t - lag, 0)
        table[f"lag_{lag}"] = np.where(t >= lag, prepared.rest[s, at], np.nan) - level
    for place, window in enumerate(WINDOWS):
        table[f"mean_{window}"] = prepared.means[place, s, t] - level
    table["slow"] = prepared.level[0, s, t] - level
    table["quick"] = prepared.level[2, s, t] - level
    table["level"] = level
    table["spread"] = prepared.spread[s, t]
    table["age"] = np.minimum(prepared.age[s, t], 400).astype(np.float64)
    _seasonal(panel, prepared, rows, level, table)
    _calendar(panel, target, table)
    table["expected"] = prepared.expected[s, target]
    table["expected_change"] = prepared.expected[s, target] - prepared.expected[s, t]
    for column in range(prepared.columns.shape[2]):
        now = prepared.columns[s, target, column]
        table[f"known_{column}"] = now
        table[f"unusual_{column}"] = now - prepared.usual[s, t, column]
    for part, name in enumerate(panel.key_names):
        _, code = np.unique([key[part] for key in panel.keys], return_inverse=True)
        if code.max() < 255:
            table[f"key_{name}"] = code[s].astype(np.float64)
    base = level + prepared.expected[s, target]
    return tuple(table), np.column_stack(list(table.values())), base


def _seasonal(
    panel: Panel, prepared: Prepared, rows: Origins, level: Floats, table: dict[str, Floats]
) -> None:
    """Rest in the same place of earlier seasons, the latest of them at or before the origin."""
    s, t, h = rows.series, rows.origin, rows.step
    # A year of days is counted in whole weeks.
    for m in (364 if season == 365 else season for season in panel.grain.seasons):
        found = []
        back = -(-h // m) * m
        for turn in range(ROUNDS if m < 100 else 2):
            at = t + h - back - turn * m
            value = np.where(at >= 0, prepared.rest[s, np.maximum(at, 0)], np.nan) - level
            found.append(value)
            table[f"season_{m}_{turn}"] = value
        stack = np.stack(found)
        count = np.isfinite(stack).sum(axis=0)
        total = np.where(np.isfinite(stack), stack, 0.0).sum(axis=0)
        table[f"season_{m}_mean"] = np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _calendar(panel: Panel, target: Ints, table: dict[str, Floats]) -> None:
    grain = panel.grain
    position = target + panel.origin
    for m in grain.seasons:
        if not grain.dated or m in (24, 168, 7):
            table[f"place_{m}"] = (position % m).astype(np.float64)
    if not grain.dated:
        return
    moment = grain.moments(position)
    day = moment // DAY_US
    date = day.astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    year = date.astype("datetime64[Y]")
    if grain.unit in ("minute", "hour", "day", "week", "month"):
        table["month"] = (month.astype(np.int64) % 12).astype(np.float64)
    if grain.unit in ("minute", "hour", "day"):
        table["weekday"] = ((day + 3) % 7).astype(np.float64)
        table["day_of_month"] = (date - month.astype("datetime64[D]")).astype(np.float64)
    if grain.unit in ("minute", "hour"):
        table["clock"] = (moment % DAY_US // (DAY_US // 1440)).astype(np.float64)
    if grain.unit in ("hour", "day", "week"):
        table["day_of_year"] = (date - year.astype("datetime64[D]")).astype(np.float64)
