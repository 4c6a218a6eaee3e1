"""The forecast model: boosted trees, levels and plain methods, averaged by what held in rehearsals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from shopkeeper.core.errors import InputError, NotEnoughDataError, SourceError
from shopkeeper.predict.contract import register, require_fitted
from shopkeeper.predict.forecast.combine import LEVELS, weighted
from shopkeeper.predict.forecast.decompose import Scale, Structure
from shopkeeper.predict.forecast.grain import seasons_that_hold
from shopkeeper.predict.forecast.members import (
    Boost,
    baselines,
    boosted,
    level_forecast,
    train_boost,
)
from shopkeeper.predict.forecast.panel import Panel
from shopkeeper.predict.forecast.rehearse import Rehearsal, rehearse
from shopkeeper.predict.history import Floats
from shopkeeper.predict.memory import require_memory

__all__ = ["Forecast", "ForecastModel", "ForecastQuestion", "check_question", "last_known"]

LEAST_PERIODS = 12
LIMIT_MB = 8_192
NAME = "shopkeeper"


@dataclass(frozen=True, slots=True)
class ForecastQuestion:
    """What is asked.

    Parameters
    ----------
    panel : Panel
        The past, and what is known ahead.
    steps : int
        Periods ahead.
    end : int | None
        First period ahead; None is the one after the last known value.
    limit_mb : int
        Memory that may be taken.
    """

    panel: Panel
    steps: int
    end: int | None = None
    limit_mb: int = LIMIT_MB

    @property
    def first(self) -> int:
        """First period ahead."""
        return last_known(self.panel) + 1 if self.end is None else self.end


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the model says; arrays have shape (series, steps), series in the order of the panel.

    Parameters
    ----------
    value : Floats
        The forecast.
    low, high : Mapping[float, Floats]
        Ends of the interval by level.
    by_method : Mapping[str, Floats]
        Every forecast that was averaged, and the baselines.
    """

    value: Floats
    low: Mapping[float, Floats]
    high: Mapping[float, Floats]
    by_method: Mapping[str, Floats]


def last_known(panel: Panel) -> int:
    """Return the last column with a known value, or -1."""
    known = np.isfinite(panel.values).any(axis=0)
    return int(np.nonzero(known)[0][-1]) if known.any() else -1


def check_question(data: ForecastQuestion) -> None:
    """Refuse what cannot be answered.

    Parameters
    ----------
    data : ForecastQuestion
        The question.

    Raises
    ------
    NotEnoughDataError
        When the past is too short for the horizon, is empty, or never changes.
    InputError
        When steps make no sense, or numbers are infinite.
    TooLargeError
        When the estimate exceeds the limit.
    """
    past = data.panel.values[:, : data.first]
    if data.steps < 1:
        raise InputError(
            f"a horizon of {data.steps} asks for nothing", next_step="give at least one step"
        )
    if np.isinf(past).any():
        row = int(np.nonzero(np.isinf(past).any(axis=1))[0][0])
        raise InputError(
            f"series {' / '.join(data.panel.keys[row])} holds an infinite value",
            next_step="correct the value",
        )
    known = np.isfinite(past)
    periods = int(known.any(axis=0).sum())
    needed = max(LEAST_PERIODS, 2 * data.steps + 4)
    if periods < needed:
        raise NotEnoughDataError(
            f"a forecast of {data.steps} steps needs {needed} periods of history, found {periods}",
            next_step=f"bring {needed - periods} more periods, or ask for a shorter horizon",
            needed=needed,
            found=periods,
        )
    held = past[known]
    if not held.any():
        raise NotEnoughDataError(
            f"every known value is zero ({len(held):,} periods): there is no demand to learn from",
            next_step="name the column of sales with --value COL, or wait for the first sale",
        )
    if np.ptp(held) == 0:
        raise NotEnoughDataError(
            f"the value never changes: it is {held[0]:g} in all {len(held):,} periods",
            next_step="name the column that is to be forecast with --value COL",
        )
    cells = data.panel.series * (data.first + data.steps)
    arrays = 24 + 4 * len(data.panel.known)
    # Rows of trees: at most 140,000 of about 60 + 2 features, as float64, float32 and bins.
    rows = min(140_000, cells * data.steps) * (60 + 2 * len(data.panel.known)) * 14
    ahead = data.panel.series * data.steps * (60 + 2 * len(data.panel.known)) * 12
    require_memory(
        "forecasting", cells * 8 * arrays + rows + ahead, data.limit_mb,
        "forecast fewer series at once, or a shorter history", size=data.panel.series,
        unit="series",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class LearnedForecast:
    """Everything `fit` learns.

    Parameters
    ----------
    keys : tuple[tuple[str, ...], ...]
        Series learned from, in the order of all arrays.
    steps : int
        Periods ahead.
    seasons : tuple[int, ...]
        Seasons in use.
    boost : Boost
        Scale, effects, profile, trees.
    rehearsal : Rehearsal
        Weights, interval ends, spread of each series, and the figures of the rehearsals.
    seed : int
        Seed of the fit.
    rows : int
        Rows the trees learned from.
    """

    keys: tuple[tuple[str, ...], ...]
    steps: int
    seasons: tuple[int, ...]
    boost: Boost
    rehearsal: Rehearsal
    seed: int
    rows: int


@register
class ForecastModel:
    """Values of many series in the periods ahead, with intervals."""

    name: ClassVar[str] = "forecast"
    task: ClassVar[str] = "forecast"

    def __init__(self) -> None:
        self._learned: LearnedForecast | None = None

    @property
    def learned(self) -> LearnedForecast:
        """Return what was learned.

        Raises
        ------
        PlanError
            When the model was not fitted.
        """
        require_fitted(self._learned, self.name)
        assert self._learned is not None
        return self._learned

    def fit(self, data: ForecastQuestion, /, *, seed: int = 0) -> Self:
        """Learn from the periods before the first one ahead.

        Parameters
        ----------
        data : ForecastQuestion
            Panel and horizon; values from the first period ahead on are not read.
        seed : int
            Decides which rows the trees see.

        Returns
        -------
        Self
            The same object.

        Raises
        ------
        NotEnoughDataError
            When the past is too short, empty, or never changes.
        TooLargeError
            When the estimate of memory exceeds the limit.
        """
        check_question(data)
        panel, end = data.panel.before(data.first, steps=data.steps), data.first
        seasons = seasons_that_hold(panel.values[:, :end], panel.grain.seasons)
        panel = replace(panel, grain=replace(panel.grain, seasons=seasons))
        rehearsal = rehearse(panel, end, data.steps, seed=seed)
        boost, rows = train_boost(panel, end, data.steps, seed=seed, rounds=rehearsal.rounds)
        self._learned = LearnedForecast(
            panel.keys, data.steps, seasons, boost, rehearsal, seed, rows
        )
        return self

    def predict(self, data: ForecastQuestion) -> Forecast:
        """Forecast the periods ahead.

        Parameters
        ----------
        data : ForecastQuestion
            Panel and first period ahead; at most as many steps as were learned. A series that was
            not learned from takes the mean of what was learned.

        Returns
        -------
        Forecast
            Series in the order of the panel.

        Raises
        ------
        InputError
            When more steps are asked for than were learned.
        """
        learned = self.learned
        if data.steps > learned.steps:
            raise InputError(
                f"the model was trained for {learned.steps} steps, asked for {data.steps}",
                next_step="train it again with the longer horizon",
            )
        end, steps = data.first, data.steps
        panel = data.panel.before(end, steps=steps)
        panel = replace(panel, grain=replace(panel.grain, seasons=learned.seasons))
        boost, spread = self._for(panel)
        said = baselines(panel, end, steps)
        said["level"], _ = level_forecast(panel, end, steps, boost)
        if boost.trees is not None:
            said["boosted"] = boosted(panel, end, steps, boost)
        value = weighted(said, learned.rehearsal.weights)
        if boost.scale.nonnegative:
            value = np.maximum(value, 0.0)
        middle = boost.scale.to(value)
        low, high = {}, {}
        for level in LEVELS:
            ends = learned.rehearsal.ends[level]
            low[level] = boost.scale.back(middle + ends[0][:steps] * spread[:, None])
            high[level] = boost.scale.back(middle + ends[1][:steps] * spread[:, None])
        return Forecast(value, low, high, said)

    def _for(self, panel: Panel) -> tuple[Boost, Floats]:
        """What was learned, in the order of another panel."""
        learned = self.learned
        if panel.keys == learned.keys:
            return learned.boost, learned.rehearsal.spread
        place = {key: at for at, key in enumerate(learned.keys)}
        rows = np.array([place.get(key, len(place)) for key in panel.keys])
        boost = learned.boost

        def pick(values: Floats) -> Floats:
            mean = values.mean(axis=0, keepdims=True)
            return np.asarray(np.concatenate([values, mean])[rows], dtype=np.float64)

        old = boost.structure
        structure = Structure(old.names, pick(old.effect), pick(old.centre), pick(old.profile))
        scale = replace(boost.scale, unit=pick(boost.scale.unit))
        return replace(boost, scale=scale, structure=structure), pick(learned.rehearsal.spread)

    def save(self, folder: Path) -> None:
        """Write `model.json`, `arrays.npz` and the trees as text.

        Parameters
        ----------
        folder : Path
            Made if it does not exist.
        """
        learned = self.learned
        folder.mkdir(parents=True, exist_ok=True)
        boost, rehearsal = learned.boost, learned.rehearsal
        stored: dict[str, Any] = {
            "model": self.name, "keys": [list(key) for key in learned.keys],
            "steps": learned.steps, "seasons": list(learned.seasons), "seed": learned.seed,
            "rows": learned.rows, "log": boost.scale.log, "nonnegative": boost.scale.nonnegative,
            "columns": list(boost.structure.names), "rounds": boost.rounds,
            "weights": dict(rehearsal.weights), "figures": rehearsal.figures,
            "starts": list(rehearsal.starts),
        }  # fmt: skip
        (folder / "model.json").write_text(json.dumps(stored, ensure_ascii=False, indent=1) + "\n")
        ends = {f"ends_{level}": np.stack(pair) for level, pair in rehearsal.ends.items()}
        arrays: dict[str, Any] = {
            "unit": boost.scale.unit, "effect": boost.structure.effect,
            "centre": boost.structure.centre, "profile": boost.structure.profile,
            "spread": rehearsal.spread, **ends,
        }  # fmt: skip
        np.savez(folder / "arrays.npz", **arrays)
        path = folder / "trees.txt"
        if boost.trees is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(boost.trees)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : Path
            Folder given to `save`.

        Returns
        -------
        Self
            Answers exactly as the saved model.

        Raises
        ------
        SourceError
            When the folder holds no forecast model.
        """
        try:
            stored = json.loads((folder / "model.json").read_text())
            with np.load(folder / "arrays.npz", allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            text = folder / "trees.txt"
            structure = Structure(
                tuple(stored["columns"]), arrays["effect"], arrays["centre"], arrays["profile"]
            )
            scale = Scale(stored["log"], arrays["unit"], stored["nonnegative"])
            trees = text.read_text() if text.exists() else None
            boost = Boost(scale, structure, trees, stored["rounds"])
            ends = {level: (arrays[f"ends_{level}"][0], arrays[f"ends_{level}"][1])
                    for level in LEVELS}  # fmt: skip
            rehearsal = Rehearsal(stored["weights"], ends, arrays["spread"], stored["rounds"],
                                  stored["figures"], tuple(stored["starts"]))  # fmt: skip
            learned = LearnedForecast(
                tuple(tuple(key) for key in stored["keys"]), stored["steps"],
                tuple(stored["seasons"]), boost, rehearsal, stored["seed"], stored["rows"],
            )  # fmt: skip
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise SourceError(
                f"{folder} holds no forecast model that can be read "
                f"({type(error).__name__}: {error})",
                next_step="save the model again with ForecastModel.save",
                path=str(folder),
            ) from error
        model = cls()
        model._learned = learned
        return model
