"""Exponential smoothing of many series at once: simple, damped trend, additive season.

Hyndman, Koehler, Ord, Snyder: *Forecasting with Exponential Smoothing* (2008), chapters 2 and 5;
error-correction form. Parameters come from a grid, chosen for each series by AIC of one-step errors;
the loop runs over time only, series and grid are array axes. Intermittent demand: Teunter, Syntetos,
Babai, "Intermittent demand: linking forecasting to inventory obsolescence", EJOR 214 (2011).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopkeeper.predict.history import Floats, Ints

__all__ = ["Smoothed", "smooth", "smooth_intermittent"]

ALPHA = (0.02, 0.06, 0.12, 0.2, 0.35, 0.5, 0.75, 0.98)
BETA = (0.03, 0.15)
PHI = (0.9, 0.98)
GAMMA = (0.05, 0.2)
SEASON_ALPHA = (0.03, 0.12, 0.3, 0.6)
CHUNK = 8_000_000
"""Numbers of one state array at most."""


@dataclass(frozen=True, slots=True)
class Smoothed:
    """States after the last known period.

    Parameters
    ----------
    level, trend : Floats
        Shape (series,).
    phi : Floats
        Damping of the trend; zero without one.
    season : Floats
        Shape (series, m): the season of the m periods ahead, in order; zeros without one.
    sigma : Floats
        Standard deviation of one-step errors.
    alpha : Floats
        Smoothing chosen for the level.
    errors : Floats
        One-step errors, shape (series, periods); NaN where unknown. Empty unless asked for.
    """

    level: Floats
    trend: Floats
    phi: Floats
    season: Floats
    sigma: Floats
    alpha: Floats
    errors: Floats

    def ahead(self, steps: int) -> Floats:
        """Return the expectation of the periods to come.

        Parameters
        ----------
        steps : int
            How many.

        Returns
        -------
        Floats
            Shape (series, steps).
        """
        h = np.arange(1, steps + 1)
        damp = np.cumsum(self.phi[:, None] ** h, axis=1)
        m = self.season.shape[1]
        return self.level[:, None] + self.trend[:, None] * damp + self.season[:, (h - 1) % m]


def smooth(values: Floats, season: int = 1, *, errors: bool = False) -> Smoothed:
    """Choose and run a smoothing for each series.

    Parameters
    ----------
    values : Floats
        Shape (series, periods); NaN where unknown. A series without a value smooths to zero.
    season : int
        Periods of a season; 1 for none. Series with fewer than two seasons get none.
    errors : bool
        Whether to return one-step errors.

    Returns
    -------
    Smoothed
        Of each series the best by AIC.
    """
    rows, periods = values.shape
    season = season if 1 < season <= periods // 2 else 1
    step = max(1, CHUNK // (season * 64))
    parts = [_smooth(values[at : at + step], season, errors) for at in range(0, rows, step)]
    if not parts:
        empty = np.zeros(0)
        return Smoothed(empty, empty, empty, np.zeros((0, season)), empty, empty, values)
    names = Smoothed.__dataclass_fields__
    return Smoothed(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})


def _grid(season: int) -> Floats:
    """Rows of alpha, beta, phi, gamma, parameters counted."""
    rows = [(a, 0.0, 0.0, 0.0, 2) for a in ALPHA]
    rows += [(a, b * a, p, 0.0, 5) for a in ALPHA[1:7:2] for b in BETA for p in PHI]
    if season > 1:
        rows += [(a, 0.0, 0.0, g, 3 + min(season, 24)) for a in SEASON_ALPHA for g in GAMMA]
    return np.array(rows)


def _smooth(values: Floats, season: int, errors: bool) -> Smoothed:
    grid = _grid(season)
    plain = grid[:, 3] == 0
    shape = (int(plain.sum()), len(values))
    first = [_spread(grid[plain, i], shape[1]) for i in range(4)]
    runs = [_run(values, 1, *first)]
    if season > 1:
        second = [_spread(grid[~plain, i], shape[1]) for i in range(4)]
        runs.append(_run(values, season, *second))
    n = np.maximum(np.isfinite(values).sum(axis=1), 1)
    sse = np.concatenate([run.sse for run in runs])
    floor = 1e-12 + 1e-9 * np.nanmean(np.where(np.isfinite(values), values, 0.0) ** 2, axis=1)
    score = n * np.log(sse / n + floor) + 2 * grid[:, 4:5] + _small(grid[:, 4:5], n)
    best = np.argmin(score, axis=0)
    at = np.arange(len(values))
    level = np.concatenate([run.level for run in runs])[best, at]
    trend = np.concatenate([run.trend for run in runs])[best, at]
    states = np.zeros((len(values), season))
    if season > 1:
        seasonal = best >= shape[0]
        states[seasonal] = runs[1].season[best[seasonal] - shape[0], at[seasonal]]
    told = np.zeros((len(values), 0))
    if errors:
        chosen = [grid[best, i][None, :] for i in range(4)]
        told = _run(values, season, *chosen, keep=True).errors
    sigma = np.sqrt(sse[best, at] / n)
    return Smoothed(level, trend, grid[best, 2], states, sigma, grid[best, 0], told)


def _small(parameters: Floats, n: Ints) -> Floats:
    """Correction of AIC for few observations."""
    return 2 * parameters * (parameters + 1) / np.maximum(n - parameters - 1, 1)


def _spread(column: Floats, series: int) -> Floats:
    return np.repeat(column[:, None], series, axis=1)


@dataclass(slots=True)
class _Run:
    level: Floats
    trend: Floats
    season: Floats
    sse: Floats
    errors: Floats


def _start(values: Floats, season: int) -> tuple[Floats, Floats, Ints]:
    """First level and season, and the period after which errors count."""
    known = np.isfinite(values)
    begins = np.where(known.any(axis=1), known.argmax(axis=1), 0)
    window = 3 if season == 1 else 2 * season
    inside = (np.arange(values.shape[1]) - begins[:, None] < window) & known
    held = np.where(inside, values, 0.0)
    level = held.sum(axis=1) / np.maximum(inside.sum(axis=1), 1)
    first = np.zeros((len(values), season))
    if season > 1:
        for phase in range(season):
            part = inside[:, phase::season]
            total = np.where(part, values[:, phase::season] - level[:, None], 0.0).sum(axis=1)
            first[:, phase] = total / np.maximum(part.sum(axis=1), 1)
    return level, first, begins


def _run(
    values: Floats, season: int, alpha: Floats, beta: Floats, phi: Floats, gamma: Floats, *,
    keep: bool = False,
) -> _Run:  # fmt: skip
    """Run every row of the grid over every series; arrays have shape (grid, series)."""
    periods = values.shape[1]
    start, first, begins = _start(values, season)
    level = np.repeat(start[None, :], len(alpha), axis=0)
    trend = np.zeros_like(level)
    cycle = np.repeat(first[None], len(alpha), axis=0)
    sse = np.zeros_like(level)
    told = np.full((values.shape[1], values.shape[0]), np.nan) if keep else np.zeros((0, 0))
    flat = not beta.any()
    for t in range(periods):
        now = values[:, t]
        known = np.isfinite(now)
        if not known.any():
            if not flat:
                trend *= phi
                level += trend
            continue
        phase = t % season
        expected = level + phi * trend + cycle[:, :, phase] if season > 1 else level + phi * trend
        error = np.where(known, now - expected, 0.0)
        sse += np.where(t > begins, error**2, 0.0)
        if keep:
            told[t] = np.where(known, error[0], np.nan)
        # Before a series begins nothing moves; inside a gap the level keeps its trend.
        trend *= phi
        level += trend + alpha * error
        if not flat:
            trend += beta * error
        if season > 1:
            cycle[:, :, phase] += gamma * error
    if season > 1:
        cycle = np.roll(cycle, -(periods % season), axis=2)
    return _Run(level, trend, cycle, sse, told.T)


def smooth_intermittent(values: Floats, alpha: float = 0.1, beta: float = 0.1) -> Floats:
    """Expected demand a period of series that are mostly zero (TSB).

    Parameters
    ----------
    values : Floats
        Shape (series, periods); NaN where unknown.
    alpha : float
        Smoothing of the size of demands.
    beta : float
        Smoothing of their probability, moved in every known period: an item that dies goes to zero.

    Returns
    -------
    Floats
        Shape (series,).

    Examples
    --------
    >>> import numpy as np
    >>> float(smooth_intermittent(np.array([[0.0, 4.0] * 50]))[0].round(1))
    2.1
    """
    known = np.isfinite(values)
    sold = known & (values != 0)
    count = np.maximum(known.sum(axis=1), 1)
    size = np.where(sold, values, 0.0).sum(axis=1) / np.maximum(sold.sum(axis=1), 1)
    chance = sold.sum(axis=1) / count
    for t in range(values.shape[1]):
        chance = np.where(known[:, t], chance + beta * (sold[:, t] - chance), chance)
        size = np.where(sold[:, t], size + alpha * (values[:, t] - size), size)
    answer: Floats = chance * size
    return answer
