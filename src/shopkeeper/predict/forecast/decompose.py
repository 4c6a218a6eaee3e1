"""What a series is made of: effects of price and promotion, a seasonal profile, and the rest.

Everything is learned from columns before `end` only. Effects are ridge regressions of detrended
values on detrended columns known ahead, shared by all series, then corrected by key (brand, store)
and by series as far as the data carry it; all from sums that add up over series.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopkeeper.predict.forecast.panel import Panel
from shopkeeper.predict.history import Bools, Floats, Ints

__all__ = ["Scale", "Structure", "design", "find_scale", "find_structure"]

ZEROS_OF_INTERMITTENT = 0.3
RIDGE_ALL, RIDGE_KEY, RIDGE_SERIES = 5.0, 20.0, 40.0
MOST_COLUMNS = 40
LONGEST_PROFILE = 400


@dataclass(frozen=True, slots=True)
class Scale:
    """How values become comparable between series.

    Parameters
    ----------
    log : bool
        Whether ``log1p(value / unit)`` is modelled; else ``value / unit``.
    unit : Floats
        Shape (series,).
    nonnegative : bool
        Whether a forecast below zero makes no sense.
    """

    log: bool
    unit: Floats
    nonnegative: bool

    def to(self, values: Floats) -> Floats:
        """Return values on the scale of the model; shape (series, ...)."""
        ratio = values / self.unit.reshape(-1, *[1] * (values.ndim - 1))
        return np.log1p(ratio) if self.log else ratio

    def back(self, scaled: Floats) -> Floats:
        """Return scaled numbers as values; shape (series, ...)."""
        unit = self.unit.reshape(-1, *[1] * (scaled.ndim - 1))
        values: Floats = unit * (np.expm1(np.minimum(scaled, 50.0)) if self.log else scaled)
        return np.maximum(values, 0.0) if self.nonnegative else values


def find_scale(values: Floats) -> Scale:
    """Choose the scale of a panel.

    Parameters
    ----------
    values : Floats
        The past; NaN where unknown.

    Returns
    -------
    Scale
        Logarithmic for values that are never negative and seldom zero.
    """
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=1), 1)
    held = np.where(known, values, 0.0)
    mean = np.abs(held).sum(axis=1) / count
    overall = float(mean.mean()) if len(mean) else 1.0
    mean = np.where(mean > 0, mean, overall or 1.0)
    nonnegative = not bool((held < 0).any())
    zeros = float((known & (values == 0)).sum() / max(known.sum(), 1))
    if nonnegative and zeros < ZEROS_OF_INTERMITTENT:
        whole = bool(np.all(held == np.round(held)))
        unit = np.maximum(mean / 100.0, 1.0) if whole else mean / 100.0
        return Scale(True, unit, True)
    return Scale(False, mean, nonnegative)


@dataclass(frozen=True, slots=True)
class Structure:
    """Learned effects and profile.

    Parameters
    ----------
    names : tuple[str, ...]
        Columns of the design.
    effect : Floats
        Shape (series, columns): change of the scaled value by one unit of the column.
    centre : Floats
        Shape (series, columns): mean of each column in the past.
    profile : Floats
        Shape (series, season): what the place in the season adds; zeros without one.
    """

    names: tuple[str, ...]
    effect: Floats
    centre: Floats
    profile: Floats

    def expected(self, columns: Floats, at: Ints) -> Floats:
        """Return effect and profile of periods.

        Parameters
        ----------
        columns : Floats
            Design, shape (series, periods, columns).
        at : Ints
            Period of each column, counted as the grain does, for the season.

        Returns
        -------
        Floats
            Shape (series, periods).
        """
        season: Floats = self.profile[:, at % self.profile.shape[1]]
        if not self.names:
            return season
        moved: Floats = np.einsum("stp,sp->st", columns - self.centre[:, None, :], self.effect)
        return season + moved


def design(panel: Panel) -> tuple[tuple[str, ...], Floats]:
    """Return columns known ahead as numbers, prices as logarithms, gaps carried on.

    Parameters
    ----------
    panel : Panel
        Its `known` columns, all of its axis.

    Returns
    -------
    tuple[tuple[str, ...], Floats]
        Names, and shape (series, periods, columns).
    """
    names = tuple(sorted(panel.known))[:MOST_COLUMNS]
    if not names:
        return (), np.zeros((panel.series, panel.periods, 0))
    parts = []
    for name in names:
        column = panel.known[name]
        known = column[np.isfinite(column)]
        if len(known) and known.min() > 0 and known.max() / known.min() > 1.05:
            column = np.log(column)
        parts.append(_carried(column))
    return names, np.stack(parts, axis=2)


def _carried(column: Floats) -> Floats:
    """Fill gaps with the value before, leading ones with the first, empty rows with zero."""
    known = np.isfinite(column)
    last = np.maximum.accumulate(np.where(known, np.arange(column.shape[1]), -1), axis=1)
    first = np.where(known.any(axis=1), known.argmax(axis=1), 0)
    at = np.where(last >= 0, last, first[:, None])
    return np.nan_to_num(np.take_along_axis(column, at, axis=1), nan=0.0)


def find_structure(panel: Panel, scaled: Floats, columns: Floats, end: int) -> Structure:
    """Learn effects and profile from the past.

    Parameters
    ----------
    panel : Panel
        Keys and seasons.
    scaled : Floats
        Scaled values, shape (series, periods).
    columns : Floats
        Design, shape (series, periods, columns).
    end : int
        First column that is not the past.

    Returns
    -------
    Structure
        Zeros where nothing can be learned.
    """
    names = tuple(sorted(panel.known))[: columns.shape[2]]
    past, told = scaled[:, :end], columns[:, :end]
    centre = told.mean(axis=1) if end else np.zeros((len(scaled), columns.shape[2]))
    season = next((m for m in reversed(panel.grain.seasons) if m <= LONGEST_PROFILE
                   and end >= 2 * m + 1), 1)  # fmt: skip
    if season > 200 and len(panel.grain.seasons) > 1:
        season = panel.grain.seasons[-2]
    profile = _profile(_detrended(past, season), season, panel.origin)
    flat = past - profile[:, (panel.origin + np.arange(end)) % season]
    effect = np.zeros((len(scaled), len(names)))
    if names:
        effect = _effects(panel, flat, told, min(max(season, 9), 27) | 1)
        rest = past - np.einsum("stp,sp->st", told - centre[:, None, :], effect)
        profile = _profile(_detrended(rest, season), season, panel.origin)
    return Structure(names, effect, centre, profile)


def _detrended(values: Floats, season: int) -> Floats:
    return values - moving_mean(values, max(season, 9) | 1)


def moving_mean(values: Floats, window: int) -> Floats:
    """Mean of the known values in a centred window.

    Parameters
    ----------
    values : Floats
        Shape (series, periods); NaN where unknown.
    window : int
        Odd length.

    Returns
    -------
    Floats
        NaN where the window holds nothing.
    """
    known = np.isfinite(values)
    half = window // 2
    pad = ((0, 0), (half + 1, half))
    total = np.cumsum(np.pad(np.where(known, values, 0.0), pad), axis=1)
    count = np.cumsum(np.pad(known.astype(np.float64), pad), axis=1)
    size = values.shape[1]
    n = count[:, -size:] - count[:, :size]
    summed = total[:, -size:] - total[:, :size]
    return np.where(n > 0, summed / np.maximum(n, 1), np.nan)


def _effects(panel: Panel, flat: Floats, told: Floats, window: int) -> Floats:
    """Ridge of all, then of each key, then of each series, each on what is left."""
    y = flat - moving_mean(flat, window)
    usable = np.isfinite(y) & np.isfinite(flat)
    series, _, count = told.shape
    x = np.empty_like(told)
    for column in range(count):
        part = np.where(usable, told[:, :, column], np.nan)
        x[:, :, column] = np.where(usable, part - moving_mean(part, window), 0.0)
    y = np.where(usable, y, 0.0)
    # Rare extremes (closures, typing errors) must not carry the slope.
    limit = 5.0 * np.sqrt(np.sum(y**2, axis=1) / np.maximum(usable.sum(axis=1), 1))
    y = np.clip(y, -limit[:, None], limit[:, None])
    spread = np.sqrt((x**2).sum(axis=(0, 1)) / max(int(usable.sum()), 1))
    spread = np.where(spread > 1e-9, spread, np.inf)
    x = x / spread
    xx = np.einsum("stp,stq->spq", x, x)
    xy = np.einsum("stp,st->sp", x, y)
    answer = np.zeros((series, count))
    groups = [(np.zeros(series, dtype=np.int64), RIDGE_ALL)]
    for at in range(len(panel.key_names)):
        _, code = np.unique([key[at] for key in panel.keys], return_inverse=True)
        if 1 < code.max() + 1 < series:
            groups.append((code.astype(np.int64), RIDGE_KEY))
    # The key whose groups differ most comes first: with one order the others only correct it.
    groups[1:] = sorted(groups[1:], key=lambda group: -_gain(group, xx, xy))
    for code, ridge in [*groups, (np.arange(series), RIDGE_SERIES)]:
        answer += _ridge(code, ridge, xx, xy - np.einsum("spq,sq->sp", xx, answer))[code]
    return answer / spread


def _ridge(code: Ints, ridge: float, xx: Floats, xy: Floats) -> Floats:
    size, count = int(code.max()) + 1, xy.shape[1]
    left, right = np.zeros((size, count, count)), np.zeros((size, count))
    np.add.at(left, code, xx)
    np.add.at(right, code, xy)
    solved = np.linalg.solve(left + ridge * np.eye(count), right[:, :, None])[:, :, 0]
    return np.asarray(solved, dtype=np.float64)


def _gain(group: tuple[Ints, float], xx: Floats, xy: Floats) -> float:
    """Share of squares that slopes by group explain."""
    code, ridge = group
    slope = _ridge(code, ridge, xx, xy)[code]
    return float(np.sum(slope * xy) * 2 - np.einsum("sp,spq,sq->", slope, xx, slope))


def _profile(detrended: Floats, season: int, origin: int) -> Floats:
    """Mean by place in the season, shrunk to what held in the last season."""
    series, periods = detrended.shape
    answer = np.zeros((series, season))
    if season == 1:
        return answer
    phase = (origin + np.arange(periods)) % season
    early = np.arange(periods) < periods - max(season, periods // 3 // season * season)
    shared = _means(np.nanmean(_some(detrended), axis=0, keepdims=True), phase, season)
    before = _means(np.nanmean(_some(detrended[:, early]), axis=0, keepdims=True),
                    phase[early], season)  # fmt: skip
    late = detrended[:, ~early]
    kept = _slope(before[:, phase[~early]].repeat(series, axis=0), late)
    own = _means(detrended - kept * shared[:, phase], phase, season)
    own_before = _means(detrended[:, early] - kept * before[:, phase[early]], phase[early], season)
    held = _slope(own_before[:, phase[~early]], late - kept * before[:, phase[~early]])
    return kept * shared + held * own


def _some(values: Floats) -> Floats:
    """Columns without a known value count as zero."""
    told: Bools = np.asarray(np.isfinite(values).any(axis=0))
    return np.where(told[None, :], values, 0.0)


def _means(values: Floats, phase: Ints, season: int) -> Floats:
    known = np.isfinite(values)
    total, count = np.zeros((len(values), season)), np.zeros((len(values), season))
    held = np.where(known, values, 0.0)
    np.add.at(total.T, phase, held.T)
    np.add.at(count.T, phase, known.T.astype(np.float64))
    mean: Floats = total / np.maximum(count, 1)
    centred: Floats = mean - mean.mean(axis=1, keepdims=True)
    return centred


def _slope(told: Floats, happened: Floats) -> float:
    """How much of a profile came true, between nothing and all."""
    known = np.isfinite(happened)
    squares = float(np.sum(told[known] ** 2))
    if squares <= 0:
        return 0.0
    return float(np.clip(np.sum(told[known] * happened[known]) / squares, 0.0, 1.0))
