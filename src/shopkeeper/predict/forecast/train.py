"""Forecast a shop's demand: total, categories and top products, by week; what flows call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.core.tables import FORECASTS
from shopkeeper.predict.cards import NO_REHEARSAL, Figure, ModelCard
from shopkeeper.predict.forecast.backtest import backtest
from shopkeeper.predict.forecast.grain import Grain
from shopkeeper.predict.forecast.holidays import (
    SPRING_FESTIVAL,
    chinese_days,
    holiday_columns,
)
from shopkeeper.predict.forecast.model import Forecast, ForecastModel, ForecastQuestion
from shopkeeper.predict.forecast.panel import Panel, make_panel
from shopkeeper.predict.forecast.reconcile import Hierarchy, mint_shrink
from shopkeeper.predict.history import DAY_US, Floats, Ints

__all__ = ["DemandRun", "demand_panel", "forecast_rows", "train_demand"]

STEPS = 8
STEP_DAYS = 7
LEVEL = 0.9
TOTAL = ("total", "all")
UNITS = {"total": "minor", "category": "minor", "product": "units"}
INTENDED_ZH = (
    "用于按周备货和排班：全店、品类的销售额与主要商品的销量。不含尚未公布的促销；缺货会压低预测。"
)
INTENDED_EN = (
    "For stock and staff by week: sales of the shop and its categories, units of top products. "
    "Promotions not yet announced are not in it; stock-outs pull it down."
)


@dataclass(frozen=True, slots=True)
class DemandRun:
    """A trained model with its evidence.

    Parameters
    ----------
    model : ForecastModel
        Ready to forecast.
    card : ModelCard
        Its figures beside the baselines.
    panel : Panel
        What it learned from.
    forecast : Forecast
        Total and categories made to add up.
    """

    model: ForecastModel
    card: ModelCard
    panel: Panel
    forecast: Forecast


def demand_panel(
    sales: Mapping[str, pa.Table],
    first: date,
    *,
    chinese: bool = False,
    steps: int = STEPS,
) -> Panel:
    """Lay weekly sales out as a panel.

    Parameters
    ----------
    sales : Mapping[str, pa.Table]
        By kind (`category`, `product`): columns `series_id`, `ago` (whole weeks before the moment of
        the forecast, 0 for the last one) and `value`. Categories sum to the total.
    first : date
        First day ahead.
    chinese : bool
        Whether 春节, 国庆, 双11, 618 and 520 are known ahead.
    steps : int
        Weeks ahead for which they are.

    Returns
    -------
    Panel
        Weeks without sales after the first one are zero; the oldest week is left out, being cut.

    Raises
    ------
    NotEnoughDataError
        When there is no sale, or less than two weeks.
    """
    category = sales["category"]
    if category.num_rows == 0:
        raise NotEnoughDataError(
            "there is no sale to forecast from", next_step="load orders with their lines"
        )
    kinds: list[npt.NDArray[np.str_]] = []
    names: list[npt.NDArray[np.str_]] = []
    ago: list[Ints] = []
    value: list[Floats] = []
    for kind, table in sales.items():
        kinds.append(np.full(table.num_rows, kind))
        names.append(np.asarray(table["series_id"].to_numpy(zero_copy_only=False), dtype=str))
        ago.append(np.asarray(table["ago"].to_numpy(), dtype=np.int64))
        value.append(np.asarray(table["value"].to_numpy(zero_copy_only=False), dtype=np.float64))
    oldest = int(ago[0].max())
    if oldest < 1:
        raise NotEnoughDataError(
            "sales cover less than two weeks: 12 weeks are needed",
            next_step="come back with more weeks of sales",
            needed=12,
            found=1,
        )
    weeks: Ints = np.arange(oldest, dtype=np.int64)
    total = np.bincount(ago[0], weights=value[0], minlength=oldest + 1)
    kinds.append(np.full(oldest, TOTAL[0]))
    names.append(np.full(oldest, TOTAL[1]))
    ago.append(weeks)
    value.append(np.asarray(total[:oldest], dtype=np.float64))
    back = np.concatenate(ago)
    kept = back < oldest
    start = (first - date(1970, 1, 1)).days - STEP_DAYS * oldest
    grain = Grain("week", 1, start * DAY_US, (52,), True)
    panel, _ = make_panel(
        [np.concatenate(kinds)[kept], np.concatenate(names)[kept]], ["kind", "name"],
        oldest - 1 - back[kept], np.concatenate(value)[kept], grain,
    )  # fmt: skip
    known = np.isfinite(panel.values)
    sold = np.where(known.any(axis=1), known.argmax(axis=1), panel.periods)
    begun = np.arange(panel.periods)[None, :] >= sold[:, None]
    filled = np.where(known, panel.values, np.where(begun, 0.0, np.nan))
    filled = np.maximum(filled, 0.0)
    if not chinese:
        return Panel(panel.keys, panel.key_names, filled, grain)
    years = range(first.year - oldest // 52 - 1, first.year + 2)
    days = chinese_days([year for year in years if year in SPRING_FESTIVAL])
    known_ahead = holiday_columns(grain, np.arange(oldest + steps), panel.series, days)
    # Seen once, a holiday cannot be told from whatever else happened then.
    happened = {name: x for name, x in known_ahead.items() if _twice(x[0, :oldest])}
    return Panel(panel.keys, panel.key_names, filled, grain, happened)


def _twice(column: Floats) -> bool:
    weeks = np.nonzero(column)[0]
    return len(weeks) > 1 and int(weeks[-1] - weeks[0]) > 26


def train_demand(panel: Panel, as_of: datetime, *, seed: int, steps: int = STEPS) -> DemandRun:
    """Train, measure on weeks held back, and forecast.

    Parameters
    ----------
    panel : Panel
        From `demand_panel`: sales before `as_of` only.
    as_of : datetime
        The moment of the forecast.
    seed : int
        Decides everything random.
    steps : int
        Weeks ahead; fewer where the history is short.

    Returns
    -------
    DemandRun
        Model, card, forecast.

    Raises
    ------
    NotEnoughDataError
        When there are fewer than twelve weeks, or nothing was sold.
    """
    steps = max(1, min(steps, (panel.periods - 4) // 2))
    model = ForecastModel().fit(ForecastQuestion(panel, steps, panel.periods), seed=seed)
    said = forecast_with(model, panel, steps)
    figures, words = _figures(panel, steps, seed)
    end = to_us(as_of)
    shares = model.learned.rehearsal.weights
    card = ModelCard(
        "forecast", "forecast", end, end - panel.periods * STEP_DAYS * DAY_US, end,
        float(steps * STEP_DAYS), panel.series, seed,
        {"steps": float(steps), "step_days": float(STEP_DAYS), "level": LEVEL,
         **{f"weight_{name}": share for name, share in shares.items() if share > 0}},
        figures, words[0], INTENDED_ZH, INTENDED_EN, tuple(sorted(shares)), words[1],
    )  # fmt: skip
    return DemandRun(model, card, panel, said)


def forecast_with(model: ForecastModel, panel: Panel, steps: int) -> Forecast:
    """Forecast with a model that is there, the sums of parts made to agree.

    Parameters
    ----------
    model : ForecastModel
        Fitted on these series, at this moment or an earlier one.
    panel : Panel
        From `demand_panel`: sales before the moment of the forecast.
    steps : int
        Weeks ahead, as far as the model was trained for.

    Returns
    -------
    Forecast
        Of every series of the panel.
    """
    ahead = min(steps, model.learned.steps)
    return _coherent(panel, model, model.predict(ForecastQuestion(panel, ahead, panel.periods)))


def _figures(panel: Panel, steps: int, seed: int) -> tuple[tuple[Figure, ...], tuple[str, str]]:
    try:
        made = backtest(panel, steps, seed=seed, origins=2)
    except NotEnoughDataError:
        return (), NO_REHEARSAL
    figures = tuple(
        Figure(method, metric, value, n=int(values["n"]))
        for method, values in made.figures().items()
        for metric, value in values.items()
        if metric != "n"
    )
    en = (
        f"trained before each of {len(made.ends)} past weeks, measured on the {steps} weeks after "
        "it; then trained again with all weeks"
    )
    zh = (
        f"在过去 {len(made.ends)} 个时点之前训练，各在其后 {steps} 周上检验；随后用全部周次重新训练"
    )
    return figures, (en, zh)


def _errors_of(model: ForecastModel, keys: Sequence[tuple[str, ...]]) -> Floats:
    """Errors of the rehearsal by series; one that came later takes the mean size of the others."""
    errors = model.learned.rehearsal.errors
    place = {key: at for at, key in enumerate(model.learned.keys)}
    usual = np.sqrt(np.nanmean(errors**2, axis=0, keepdims=True))
    rows = np.array([place.get(key, len(errors)) for key in keys])
    return np.asarray(np.concatenate([errors, usual])[rows], dtype=np.float64)


def _coherent(panel: Panel, model: ForecastModel, said: Forecast) -> Forecast:
    """Make total and categories add up (MinT), and move their intervals along."""
    total = panel.keys.index(TOTAL)
    parts = [at for at, key in enumerate(panel.keys) if key[0] == "category"]
    at = np.array([total, *parts])
    tree = Hierarchy(
        tuple((panel.keys[x][0], panel.keys[x][1]) for x in at),
        np.vstack([np.ones((1, len(parts))), np.eye(len(parts))]),
    )
    value = said.value.copy()
    errors = _errors_of(model, [panel.keys[x] for x in at])
    made = np.maximum(mint_shrink(tree, said.value[at], errors)[1:], 0.0)
    value[at] = tree.up(made)
    ratio = np.where(said.value > 0, value / np.where(said.value > 0, said.value, 1.0), 1.0)
    low = {level: np.minimum(ends * ratio, value) for level, ends in said.low.items()}
    high = {level: np.maximum(ends * ratio, value) for level, ends in said.high.items()}
    return Forecast(value, low, high, said.by_method)


def forecast_rows(run: DemandRun, as_of: datetime, first: date, version: str) -> pa.Table:
    """Rows of FORECASTS.

    Parameters
    ----------
    run : DemandRun
        The run.
    as_of : datetime
        The moment of the forecast.
    first : date
        First day of the first week ahead.
    version : str
        Version of the stored model.

    Returns
    -------
    pa.Table
        One row a series and week.
    """
    steps = run.forecast.value.shape[1]
    series = len(run.panel.keys)
    kinds = [kind for kind, _ in run.panel.keys]
    size = series * steps
    starts = [first + timedelta(days=STEP_DAYS * at) for at in range(steps)]

    def spread(words: Sequence[str]) -> pa.Array:
        return pa.array(np.repeat(np.asarray(words, dtype=object), steps), pa.string())

    return FORECASTS.cast(pa.table({
        "series_kind": spread(kinds),
        "series_id": spread([name for _, name in run.panel.keys]),
        "as_of": pa.array([as_of] * size, pa.timestamp("us", tz="UTC")),
        "period_start": pa.array(starts * series, pa.date32()),
        "steps_ahead": np.tile(np.arange(1, steps + 1, dtype=np.int32), series),
        "value": run.forecast.value.ravel(),
        "low": run.forecast.low[LEVEL].ravel(),
        "high": run.forecast.high[LEVEL].ravel(),
        "unit": spread([UNITS[kind] for kind in kinds]),
        "model_version": pa.array([version] * size, pa.string()),
    }))  # fmt: skip
