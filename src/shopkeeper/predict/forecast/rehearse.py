"""Rehearsals in the past: they choose weights and the number of trees, and calibrate intervals.

One training before the first rehearsal serves all of them; each rehearsal reads values up to its own
origin only. Nothing after the moment of the real forecast is ever seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from shopkeeper.predict.forecast.combine import (
    LEVELS,
    choose_weights,
    conformal_ends,
    series_scale,
    weighted,
)
from shopkeeper.predict.forecast.measure import measure_forecasts
from shopkeeper.predict.forecast.members import (
    ROUNDS,
    Boost,
    baselines,
    boosted_rounds,
    level_forecast,
    short_season,
    train_boost,
)
from shopkeeper.predict.forecast.panel import Panel
from shopkeeper.predict.history import Bools, Floats

__all__ = ["Rehearsal", "origins_of", "rehearse"]

MOST_ORIGINS = 6
TRIED = (60, 120, ROUNDS)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What rehearsals taught.

    Parameters
    ----------
    weights : Mapping[str, float]
        Share of each forecast in the average.
    ends : Mapping[float, tuple[Floats, Floats]]
        Ends of scaled errors by level; one number a step.
    spread : Floats
        What errors of each series are divided by, on the scale of the model.
    rounds : int
        Trees to use.
    figures : Mapping[str, Mapping[str, float]]
        Figures by method and metric; of the average they flatter, since it was chosen on them.
    starts : tuple[int, ...]
        First period ahead of each rehearsal.
    errors : Floats
        Truth less average, shape (series, rehearsals × steps); not kept in files.
    """

    weights: Mapping[str, float]
    ends: Mapping[float, tuple[Floats, Floats]]
    spread: Floats
    rounds: int
    figures: Mapping[str, Mapping[str, float]]
    starts: tuple[int, ...]
    errors: Floats = field(default_factory=lambda: np.zeros((0, 0)))


def origins_of(end: int, steps: int, most: int = MOST_ORIGINS, share: float = 0.4) -> list[int]:
    """Choose first periods ahead of rehearsals, ascending, with their truth before `end`.

    Parameters
    ----------
    end : int
        First period that is not the past.
    steps : int
        Periods ahead.
    most : int
        Rehearsals at most.
    share : float
        Share of the past that rehearsals may take.

    Returns
    -------
    list[int]
        At least one.

    Examples
    --------
    >>> origins_of(100, 8)
    [60, 68, 76, 84, 92]
    >>> origins_of(20, 8)
    [12]
    >>> origins_of(40, 8)
    [24, 28, 32]
    """
    room = max(int(end * share) - steps, 0)
    move = steps if room >= 3 * steps else max(1, steps // 2)
    count = min(most, 1 + room // move)
    return [end - steps - move * back for back in reversed(range(count))]


def rehearse(panel: Panel, end: int, steps: int, *, seed: int) -> Rehearsal:
    """Hold rehearsals before `end`.

    Parameters
    ----------
    panel : Panel
        Values before `end` are read.
    end : int
        First period of the real forecast.
    steps : int
        Periods ahead.
    seed : int
        Decides which rows the trees see.

    Returns
    -------
    Rehearsal
        Weights, intervals, spread.
    """
    origins = origins_of(end, steps)
    boost, _ = train_boost(panel, origins[0], steps, seed=seed)
    season = short_season(panel, origins[0])
    absolute, squared = series_scale(panel.values[:, : origins[0]], season)
    said: list[dict[str, Floats]] = []
    trees: list[list[Floats]] = []
    sigma = np.zeros(panel.series)
    for origin in origins:
        now = baselines(panel, origin, steps)
        now["level"], one = level_forecast(panel, origin, steps, boost)
        sigma = sigma + one / len(origins)
        said.append(now)
        if boost.trees is not None:
            trees.append(boosted_rounds(panel, origin, steps, boost, TRIED))
    truth = np.concatenate([panel.values[:, o : o + steps] for o in origins], axis=1)
    forecasts = {name: np.concatenate([now[name] for now in said], axis=1) for name in said[0]}
    rounds = TRIED[-1]
    if trees:
        tried = [np.concatenate([now[at] for now in trees], axis=1) for at in range(len(TRIED))]
        error = [_error(boost, one, truth) for one in tried]
        rounds = TRIED[int(np.argmin(error))]
        forecasts["boosted"] = tried[int(np.argmin(error))]
    weights = choose_weights(
        forecasts,
        truth,
        absolute,
        squared,
        intermittent=not boost.scale.log and boost.scale.nonnegative,
    )
    value = weighted(forecasts, weights)
    spread, errors = _spread(boost, value, truth, sigma, steps)
    ends = {level: conformal_ends(errors, level, len(origins)) for level in LEVELS}
    figures = measure_forecasts({**forecasts, "shopkeeper": value}, truth, absolute, squared)
    return Rehearsal(weights, ends, spread, rounds, figures, tuple(origins), truth - value)


def _error(boost: Boost, said: Floats, truth: Floats) -> float:
    known = np.isfinite(truth)
    if not known.any():
        return 0.0
    return float(np.mean(np.abs(boost.scale.to(said) - boost.scale.to(truth))[known]))


def _spread(
    boost: Boost, value: Floats, truth: Floats, sigma: Floats, steps: int
) -> tuple[Floats, list[Floats]]:
    """Spread of each series, shrunk to that of one-step errors, and scaled errors by step."""
    error = boost.scale.to(truth) - boost.scale.to(value)
    known = np.isfinite(error)
    usual = float(np.median(sigma[sigma > 0])) if (sigma > 0).any() else 1.0
    sigma = np.maximum(sigma, 0.2 * usual)
    ratio = np.where(known, error / sigma[:, None], 0.0) ** 2
    count = error.shape[1] // steps
    parts = []
    for place in range(count):
        # Each rehearsal is scaled by the others: an error must not excuse itself.
        others = np.arange(error.shape[1]) // steps != place
        scale = _shrunk(sigma, ratio[:, others], known[:, others], steps)
        parts.append(error[:, ~others] / scale[:, None])
    errors = []
    for step in range(steps):
        column = np.concatenate([part[:, step] for part in parts])
        errors.append(column[np.isfinite(column)])
    return _shrunk(sigma, ratio, known, steps), errors


def _shrunk(sigma: Floats, ratio: Floats, known: Bools, steps: int) -> Floats:
    """Spread of each series from its own errors, as far as there are some."""
    if not known.any():
        return sigma
    count = known.sum(axis=1)
    pool = max(float(ratio.sum()) / int(known.sum()), 1e-12)
    # Errors of one rehearsal go together: they count as three at most.
    weight = count * min(1.0, 3.0 / steps)
    own = ratio.sum(axis=1) / np.maximum(count, 1) / pool
    return np.asarray(sigma * np.sqrt((6.0 + weight * own) / (6.0 + weight)))
