"""The forecasts that are averaged, the plain ones among them being the baselines."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from shopkeeper.predict.forecast.decompose import Scale, Structure, design, find_scale
from shopkeeper.predict.forecast.decompose import find_structure as structure_of
from shopkeeper.predict.forecast.features import Origins, Prepared, build_rows, prepare
from shopkeeper.predict.forecast.panel import Panel
from shopkeeper.predict.forecast.smoothing import smooth, smooth_intermittent
from shopkeeper.predict.history import Floats

__all__ = ["BASELINES", "Boost", "baselines", "boosted", "level_forecast", "short_season",
           "train_boost"]  # fmt: skip

BASELINES = ("naive", "seasonal_naive", "median8", "ets")
MOST_ROWS = 120_000
FEWEST_ROWS = 400
ROUNDS = 240
FEW_ROWS = 30_000
"""Below this one thread is faster than several that wait for each other."""
LONGEST_SMOOTHED = 1_500
PARAMETERS = {
    "objective": "regression", "learning_rate": 0.05, "num_leaves": 31, "lambda_l2": 5.0,
    "feature_fraction": 0.6, "bagging_fraction": 0.8, "bagging_freq": 1, "verbosity": -1,
    "deterministic": True, "force_row_wise": True, "max_bin": 127,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Boost:
    """What one training learned, on the scale of the model.

    Parameters
    ----------
    scale : Scale
        Scale of each series.
    structure : Structure
        Effects and profile of each series.
    trees : str | None
        LightGBM text; None where the history was too short.
    rounds : int
        Trees in use.
    """

    scale: Scale
    structure: Structure
    trees: str | None
    rounds: int


def short_season(panel: Panel, end: int) -> int:
    """Return the longest season a smoothing can carry and the past shows twice, or 1."""
    usable = [m for m in panel.grain.seasons if m <= 200 and end >= 2 * m + 1]
    return max(usable, default=1)


def baselines(panel: Panel, end: int, steps: int) -> dict[str, Floats]:
    """Forecast with what anybody would do.

    Parameters
    ----------
    panel : Panel
        Values before `end` are read.
    end : int
        First period ahead.
    steps : int
        Periods ahead.

    Returns
    -------
    dict[str, Floats]
        Shape (series, steps) by name: `naive` the last value, `seasonal_naive` the last value of
        the same place in the season, `median8` the median of the last eight of these, `ets`
        exponential smoothing of every series on its own.
    """
    values = panel.values[:, :end]
    known = np.isfinite(values)
    last = np.where(known, np.arange(end), -1).max(axis=1)
    rows = np.arange(panel.series)
    naive = np.where(last >= 0, values[rows, np.maximum(last, 0)], 0.0)
    season = next((m for m in reversed(panel.grain.seasons) if end >= 2 * m + 1), 1)
    week = panel.grain.seasons[0] if panel.grain.seasons and end > panel.grain.seasons[0] else 1
    alike = _alike(values, end, steps, season, 4)
    answer = {
        "naive": np.repeat(naive[:, None], steps, axis=1),
        "seasonal_naive": _first(alike, naive),
        "median8": _median(_alike(values, end, steps, week if week < 52 else 1, 8), naive),
    }
    smoothed = smooth(values[:, -LONGEST_SMOOTHED:], short_season(panel, end))
    answer["ets"] = smoothed.ahead(steps)
    if known.any() and not (values[known] < 0).any():
        answer["ets"] = np.maximum(answer["ets"], 0.0)
    return answer


def _alike(values: Floats, end: int, steps: int, season: int, rounds: int) -> Floats:
    """Values of the same place in the `rounds` seasons before; shape (rounds, series, steps)."""
    h = np.arange(1, steps + 1)
    back = -(-h // season) * season
    found = []
    for turn in range(rounds):
        at = end - 1 + h - back - turn * season
        found.append(np.where(at >= 0, values[:, np.maximum(at, 0)], np.nan))
    return np.stack(found)


def _first(found: Floats, otherwise: Floats) -> Floats:
    known = np.isfinite(found)
    at = known.argmax(axis=0)
    value = np.take_along_axis(found, at[None], axis=0)[0]
    return np.where(known.any(axis=0), value, otherwise[:, None])


def _median(found: Floats, otherwise: Floats) -> Floats:
    count = np.isfinite(found).sum(axis=0)
    ordered = np.sort(found, axis=0)  # NaN goes last
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[None], axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(count // 2, len(found) - 1)[None], axis=0)[0]
    high = np.where(count % 2 == 1, low, high)
    return np.where(count > 0, (low + high) / 2.0, otherwise[:, None])


def _made(panel: Panel, end: int, boost: Boost) -> tuple[Floats, Prepared, Floats]:
    """Rest, prepared arrays and design of a panel cut at `end`."""
    _, columns = design(panel)
    scaled = boost.scale.to(panel.values)
    expected = boost.structure.expected(columns, panel.origin + np.arange(panel.periods))
    rest = scaled - expected
    rest[:, end:] = np.nan
    return rest, prepare(rest, expected, columns), columns


def train_boost(
    panel: Panel, end: int, steps: int, *, seed: int, rounds: int = ROUNDS
) -> tuple[Boost, int]:
    """Learn scale, structure and trees from periods before `end`.

    Parameters
    ----------
    panel : Panel
        Values from `end` on are not read.
    end : int
        First period that is not the past.
    steps : int
        Most periods ahead.
    seed : int
        Decides which rows are sampled.
    rounds : int
        Trees.

    Returns
    -------
    tuple[Boost, int]
        What was learned, and the rows it was learned from.
    """
    past = panel.before(end, steps=steps)
    scale = find_scale(past.values[:, :end])
    _, columns = design(past)
    scaled = scale.to(past.values)
    structure = structure_of(past, scaled, columns, end)
    empty = Boost(scale, structure, None, 0)
    rest, prepared, _ = _made(past, end, empty)
    rows = _sample(np.isfinite(rest[:, :end]), steps, seed)
    if len(rows.series) < FEWEST_ROWS:
        return empty, len(rows.series)
    features, matrix, base = build_rows(past, prepared, rows)
    target = scaled[rows.series, rows.origin + rows.step] - base
    categories = [at for at, name in enumerate(features) if name.startswith("key_")]
    data = lgb.Dataset(
        matrix.astype(np.float32), target, feature_name=list(features),
        categorical_feature=categories or "auto", free_raw_data=True,
        params={"max_bin": PARAMETERS["max_bin"], "verbosity": -1,
                "num_threads": _threads(len(target))},
    )  # fmt: skip
    leaf = max(10, min(100, len(target) // 500))
    parameters = {**PARAMETERS, "seed": seed, "min_data_in_leaf": leaf, "max_cat_to_onehot": 8,
                  "num_threads": _threads(len(target))}  # fmt: skip
    trees = lgb.train(parameters, data, num_boost_round=rounds)
    return Boost(scale, structure, trees.model_to_string(), rounds), len(target)


def _sample(known: Floats, steps: int, seed: int) -> Origins:
    """Rows whose target is known; at most `MOST_ROWS`, later origins as likely as earlier ones."""
    series, periods = known.shape
    first = np.where(known.any(axis=1), known.argmax(axis=1), periods)
    least = np.minimum(first + 2, periods)
    random = np.random.default_rng(seed)
    size = series * periods * steps
    wanted = min(size, int(MOST_ROWS * 1.15))
    flat = np.arange(size) if size == wanted else np.unique(random.integers(0, size, wanted))
    s, rest = np.divmod(flat, periods * steps)
    t, h = np.divmod(rest, steps)
    h = h + 1
    usable = (t >= least[s]) & (t + h < periods)
    s, t, h = s[usable], t[usable], h[usable]
    usable = known[s, t + h]
    return Origins(s[usable], t[usable], h[usable])


def boosted(panel: Panel, end: int, steps: int, boost: Boost, rounds: int | None = None) -> Floats:
    """Forecast with the trees.

    Parameters
    ----------
    panel : Panel
        Values before `end` are read, known-ahead columns until `end` + `steps`.
    end : int
        First period ahead.
    steps : int
        Periods ahead.
    boost : Boost
        With trees.
    rounds : int | None
        Trees in use; None takes those of `boost`.

    Returns
    -------
    Floats
        Shape (series, steps).
    """
    return boosted_rounds(panel, end, steps, boost, (rounds or boost.rounds,))[0]


def boosted_rounds(
    panel: Panel, end: int, steps: int, boost: Boost, rounds: tuple[int, ...]
) -> list[Floats]:
    """Forecast with the first so many trees, for several numbers of them."""
    cut = panel.before(end, steps=steps)
    _, prepared, _ = _made(cut, end, boost)
    s, h = np.divmod(np.arange(panel.series * steps), steps)
    rows = Origins(s, np.full(len(s), end - 1), h + 1)
    _, matrix, base = build_rows(cut, prepared, rows)
    assert boost.trees is not None
    trees = lgb.Booster(model_str=boost.trees)
    answer = []
    for count in rounds:
        change = np.asarray(
            trees.predict(
                matrix.astype(np.float32), num_iteration=count, num_threads=_threads(len(matrix))
            )
        )
        answer.append(boost.scale.back((base + change).reshape(panel.series, steps)))
    return answer


def _threads(rows: int) -> int:
    return 1 if rows < FEW_ROWS else 0


def level_forecast(panel: Panel, end: int, steps: int, boost: Boost) -> tuple[Floats, Floats]:
    """Forecast with smoothed rest plus effects and profile known ahead.

    Parameters
    ----------
    panel : Panel
        Values before `end` are read.
    end : int
        First period ahead.
    steps : int
        Periods ahead.
    boost : Boost
        Scale and structure.

    Returns
    -------
    tuple[Floats, Floats]
        Values of shape (series, steps), and the deviation of one-step errors on the scale.
    """
    cut = panel.before(end, steps=steps)
    _, columns = design(cut)
    expected = boost.structure.expected(columns, panel.origin + np.arange(cut.periods))
    rest = boost.scale.to(cut.values[:, :end]) - expected[:, :end]
    smoothed = smooth(rest[:, -LONGEST_SMOOTHED:])
    ahead = smoothed.ahead(steps)
    if not boost.scale.log and boost.scale.nonnegative:
        flat = smooth_intermittent(
            rest[:, -LONGEST_SMOOTHED:] + expected[:, :end][:, -LONGEST_SMOOTHED:]
        )
        ahead = (ahead + expected[:, end:] + flat[:, None]) / 2.0 - expected[:, end:]
    return boost.scale.back(ahead + expected[:, end:]), smoothed.sigma
