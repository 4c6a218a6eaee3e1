"""Rolling origins: train before each, forecast, and compare with what followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.forecast.combine import LEVELS, series_scale
from shopkeeper.predict.forecast.measure import interval_figures, measure_forecasts
from shopkeeper.predict.forecast.members import short_season
from shopkeeper.predict.forecast.model import (
    LEAST_PERIODS,
    ForecastModel,
    ForecastQuestion,
    check_question,
    last_known,
)
from shopkeeper.predict.forecast.panel import Panel
from shopkeeper.predict.history import Floats

__all__ = ["Backtest", "backtest", "rolling_origins"]

ORIGINS = 3
OURS = "shopkeeper"


@dataclass(frozen=True, slots=True)
class Backtest:
    """Forecasts and truth of all origins; arrays have shape (series, origins × steps).

    Parameters
    ----------
    ends : tuple[int, ...]
        First period ahead of each origin.
    steps : int
        Periods ahead.
    truth : Floats
        What happened; NaN where unknown, and for series that had not begun.
    forecasts : Mapping[str, Floats]
        By method, ours among them.
    low, high : Mapping[float, Floats]
        Ends of our intervals by level.
    absolute, squared : Floats
        Scales of errors, from the past of each origin.
    models : tuple[ForecastModel, ...]
        The model of each origin.
    """

    ends: tuple[int, ...]
    steps: int
    truth: Floats
    forecasts: Mapping[str, Floats]
    low: Mapping[float, Floats]
    high: Mapping[float, Floats]
    absolute: Floats
    squared: Floats
    models: tuple[ForecastModel, ...]

    def figures(self, others: Mapping[str, Floats] | None = None) -> dict[str, dict[str, float]]:
        """Measure every method, and our intervals.

        Parameters
        ----------
        others : Mapping[str, Floats] | None
            Further forecasts of the same cells.

        Returns
        -------
        dict[str, dict[str, float]]
            By method and metric.
        """
        said = {**self.forecasts, **(others or {})}
        table = measure_forecasts(said, self.truth, self.absolute, self.squared)
        for level in self.low:
            told = interval_figures(self.low[level], self.high[level], self.truth)
            table[OURS][f"coverage{round(100 * level)}"] = told["coverage"]
            table[OURS][f"width{round(100 * level)}"] = told["width"]
        return table


def rolling_origins(panel: Panel, steps: int, most: int = ORIGINS) -> tuple[int, ...]:
    """Choose the origins of a test, ascending, a horizon apart where the past allows.

    Parameters
    ----------
    panel : Panel
        All values.
    steps : int
        Periods ahead.
    most : int
        Origins wanted.

    Returns
    -------
    tuple[int, ...]
        First period ahead of each.

    Raises
    ------
    NotEnoughDataError
        When the history is too short for one origin.
    """
    size = last_known(panel) + 1
    known = int(np.isfinite(panel.values).any(axis=0).sum())
    needed = max(LEAST_PERIODS, 2 * steps + 4)
    room = known - steps - needed
    if steps >= 1 and room < 0:
        raise NotEnoughDataError(
            f"testing a horizon of {steps} steps needs {needed + steps} periods, found {known}",
            next_step=f"bring {-room} more periods, or ask for a shorter horizon",
            needed=needed + steps,
            found=known,
        )
    move = min(steps, room // (most - 1)) if most > 1 else 0
    count = most if move > 0 else 1
    return tuple(size - steps - move * back for back in reversed(range(count)))


def backtest(panel: Panel, steps: int, *, seed: int, origins: int = ORIGINS) -> Backtest:
    """Train before each origin and forecast what followed it.

    Parameters
    ----------
    panel : Panel
        All values; each training sees those before its origin only.
    steps : int
        Periods ahead.
    seed : int
        Decides everything random.
    origins : int
        Origins wanted.

    Returns
    -------
    Backtest
        Forecasts of ours and of the baselines.

    Raises
    ------
    NotEnoughDataError
        When the history is too short, empty, or never changes.
    """
    check_question(ForecastQuestion(panel, steps))
    ends = rolling_origins(panel, steps, origins)
    truth, said, lows, highs, absolute, squared, models = [], [], [], [], [], [], []
    for end in ends:
        question = ForecastQuestion(panel.before(end, steps=steps), steps, end)
        model = ForecastModel().fit(question, seed=seed)
        forecast = model.predict(question)
        past = panel.values[:, :end]
        begun = np.asarray(np.isfinite(past).any(axis=1))
        truth.append(np.where(begun[:, None], panel.values[:, end : end + steps], np.nan))
        said.append({**forecast.by_method, OURS: forecast.value})
        lows.append(forecast.low)
        highs.append(forecast.high)
        one, two = series_scale(past, short_season(panel, end))
        absolute.append(np.repeat(one[:, None], steps, axis=1))
        squared.append(np.repeat(two[:, None], steps, axis=1))
        models.append(model)
    everywhere = [name for name in said[0] if all(name in one for one in said)]
    return Backtest(
        ends, steps, _wide(truth), {name: _wide([one[name] for one in said]) for name in everywhere},
        {level: _wide([one[level] for one in lows]) for level in LEVELS},
        {level: _wide([one[level] for one in highs]) for level in LEVELS},
        _wide(absolute), _wide(squared), tuple(models),
    )  # fmt: skip


def _wide(parts: list[Floats]) -> Floats:
    return np.concatenate(parts, axis=1)
