"""Bench of forecasts: rolling origins on retail series, and elasticities of simulated shops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from shopkeeper.apps.bench.forecast_read import SeriesFile, read_series, series_panel
from shopkeeper.apps.bench.peers import peer_python, run_peer
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, Measured, measure
from shopkeeper.core.errors import TooLargeError
from shopkeeper.predict.forecast.backtest import OURS, Backtest, backtest
from shopkeeper.predict.forecast.combine import series_scale
from shopkeeper.predict.forecast.measure import interval_figures, measure_forecasts
from shopkeeper.predict.forecast.members import baselines, short_season
from shopkeeper.predict.forecast.panel import Panel
from shopkeeper.predict.forecast.reconcile import Hierarchy, make_hierarchy, mint_shrink
from shopkeeper.predict.history import Bools, Floats, Ints

__all__ = ["run"]

METRICS = ("mase", "rmsse", "wape", "bias")
PEER_TIMEOUT_S = 900.0
STEPS = {"minute": 96, "hour": 24, "day": 14, "week": 8, "month": 6, "quarter": 4, "year": 2}


@dataclass(frozen=True, slots=True)
class Task:
    """One data set to measure on.

    Parameters
    ----------
    data : str
        Its name.
    file : SeriesFile
        The panel and what was made of the columns.
    steps : int
        Periods ahead.
    """

    data: str
    file: SeriesFile
    steps: int


def run(options: BenchOptions) -> list[BenchRow]:
    """Measure forecasts on the reference series or on the user's file.

    Parameters
    ----------
    options : BenchOptions
        `inputs`, `series`, `time`, `value`, `exclude`, `steps` (default by the length of a period),
        `methods`, `seed`, `peers`.

    Returns
    -------
    list[BenchRow]
        mase, rmsse, wape, bias by method; coverage80, coverage90 (also as
        coverage) and widths of intervals; the same for sums of series; without a file also the
        elasticities.

    Raises
    ------
    ShopkeeperError
        When a file cannot be read or cannot answer.
    """
    rows: list[BenchRow] = []
    for task in _tasks(options):
        rows += _measure(task, options)
    if not options.inputs:
        from shopkeeper.apps.bench.forecast_elasticity import elasticity_rows

        rows += elasticity_rows(options)
    return [row for row in rows if not options.methods or row.method in options.methods]


def _tasks(options: BenchOptions) -> Iterator[Task]:
    for path in options.inputs:
        file = read_series(
            path, series=options.series, time=options.time, value=options.value,
            exclude=options.exclude,
        )  # fmt: skip
        yield Task(path.name, file, options.steps or STEPS.get(file.panel.grain.unit, 8))
    if not options.inputs:
        yield from _reference(options)


def _reference(options: BenchOptions) -> Iterator[Task]:
    folder = options.data_folder
    yield Task("orange juice", orange_juice(folder), options.steps or 8)
    cheese = read_series(
        folder / "bayesm" / "cheese.csv.gz", series=["RETAILER"], value="VOLUME"
    )  # fmt: skip
    # Rows are weeks by the documentation of the data; only their order says so in the file.
    panel = replace(cheese.panel, grain=replace(cheese.panel.grain, unit="week", seasons=(52,)))
    yield Task("cheese", replace(cheese, panel=panel), options.steps or 8)
    steps = options.steps or 24
    walkers = folder / "footfall_pedestrian" / "pedestrian.csv.gz"
    yield Task(
        "footfall", read_series(walkers, series=["Sensor"], time="Date_Time", value="Count"), steps
    )


def orange_juice(folder: Path) -> SeriesFile:
    """Read Dominick's orange juice: units a week by store and brand, own and other prices.

    Parameters
    ----------
    folder : Path
        The data folder.

    Returns
    -------
    SeriesFile
        `profit` is left out: it is known only after the week.
    """
    from pyarrow import csv

    table = csv.read_csv(folder / "bayesm" / "orangeJuice_yx.csv.gz")
    brand = np.asarray(table["brand"].to_numpy()).astype(np.int64)
    prices = np.column_stack([table[f"price{at}"].to_numpy() for at in range(1, 12)])
    own = prices[np.arange(len(brand)), brand - 1]
    columns = {
        "store": table["store"], "brand": pa.array(brand), "week": table["week"],
        "units": pa.array(np.exp(np.asarray(table["logmove"].to_numpy()))),
        "price": pa.array(own), "deal": table["deal"], "feat": table["feat"],
        **{f"price{at}": table[f"price{at}"] for at in range(1, 12)},
    }  # fmt: skip
    return series_panel(
        pa.table(columns), "orangeJuice_yx", series=["store", "brand"], time="week", value="units"
    )


def _measure(task: Task, options: BenchOptions) -> list[BenchRow]:
    with measure() as took:
        made = backtest(task.file.panel, task.steps, seed=options.seed)
    grain = task.file.panel.grain
    ahead = ", ".join(task.file.ahead) or "nothing but the calendar"
    notes = "".join(f"; {note}" for note in task.file.notes)
    protocol = (
        f"{len(made.ends)} rolling origins, {task.steps} {grain.words} ahead; "
        f"known ahead: {ahead}{notes}"
    )
    others, told = _peers(task, made, options)
    figures = made.figures({name: said for name, said in others.items() if "_" not in name})
    rows = []
    for method in sorted(figures, key=lambda name: name != OURS):
        values = figures[method]
        spent = told.get(method, took)
        if f"{method}_low" in others:
            interval = interval_figures(
                others[f"{method}_low"], others[f"{method}_high"], made.truth
            )
            values |= {"coverage90": interval["coverage"], "width90": interval["width"]}
        if "coverage90" in values:
            values = {**values, "coverage": values["coverage90"]}
        rows += [
            BenchRow("forecast", task.data, protocol, method, metric, value, None, None,
                     int(values["n"]), spent.seconds, spent.peak_mb, options.seed)
            for metric, value in values.items() if metric != "n"
        ]  # fmt: skip
    return rows + _sums(task, made, others, protocol, options, took)


def _peers(
    task: Task, made: Backtest, options: BenchOptions
) -> tuple[dict[str, Floats], dict[str, Measured]]:
    if not options.peers or peer_python("forecast") is None:
        return {}, {}
    panel = task.file.panel
    season = short_season(panel, made.ends[0])
    answer = run_peer(
        "forecast", "statsforecast_levels.py", {"values": panel.values[:, -1_500:]},
        {"ends": [end - max(panel.periods - 1_500, 0) for end in made.ends], "steps": task.steps,
         "season": season if season <= 24 else _shorter(panel)},
        timeout_s=PEER_TIMEOUT_S,
    )  # fmt: skip
    if answer.failed:
        return {}, {}
    said = {name: np.concatenate(list(stack), axis=1) for name, stack in answer.arrays.items()}
    spent = answer.facts.get("spent", {})
    told = {name: Measured(float(spent.get(name, answer.seconds)), answer.peak_mb) for name in said}
    return said, told


def _shorter(panel: Panel) -> int:
    """AutoETS carries seasons up to 24."""
    return max((m for m in panel.grain.seasons if m <= 24), default=1)


def _sums(
    task: Task, made: Backtest, others: Mapping[str, Floats], protocol: str, options: BenchOptions,
    took: Measured,
) -> list[BenchRow]:  # fmt: skip
    """Figures of sums over series: bottom-up sums, MinT, and smoothing of the sums themselves."""
    whole = np.nonzero(_known_throughout(task.file.panel, made))[0]
    panel = task.file.panel.take(whole)
    if len(whole) < 2 or (panel.values[np.isfinite(panel.values)] < 0).any():
        return []
    try:
        tree = make_hierarchy(panel.keys, panel.key_names)
    except TooLargeError:
        return []
    truth = tree.up(made.truth[whole])
    bottom = {name: tree.up(said[whole])
              for name, said in {**made.forecasts, **others}.items() if "_low" not in name
              and "_high" not in name}  # fmt: skip
    bottom[f"{OURS}_mint"], bottom["ets_of_sums"] = _reconciled(panel, made, tree, whole)
    rows = []
    scales = [series_scale(_summed(tree, panel.values[:, :end])) for end in made.ends]
    one = np.concatenate([np.repeat(x[0][:, None], made.steps, 1) for x in scales], axis=1)
    two = np.concatenate([np.repeat(x[1][:, None], made.steps, 1) for x in scales], axis=1)
    for level in dict.fromkeys(level for level, _ in tree.names):
        at = np.array([where for where, name in enumerate(tree.names) if name[0] == level])
        said = {name: values[at] for name, values in bottom.items()
                if level != "series" or name != "ets_of_sums"}  # fmt: skip
        for method, values in measure_forecasts(said, truth[at], one[at], two[at]).items():
            rows += [
                BenchRow("forecast", f"{task.data} · {level}", f"sums of series; {protocol}", method,
                         metric, values[metric], None, None, int(values["n"]), took.seconds,
                         took.peak_mb, options.seed)
                for metric in METRICS
            ]  # fmt: skip
    return rows


def _summed(tree: Hierarchy, values: Floats) -> Floats:
    """Sums; unknown where a part is unknown."""
    known = tree.up(np.isfinite(values).astype(np.float64))
    complete = known >= tree.members.sum(axis=1, keepdims=True) - 0.5
    return np.where(complete, tree.up(np.nan_to_num(values)), np.nan)


def _known_throughout(panel: Panel, made: Backtest) -> Bools:
    """Series whose truth is known in every test, and whose past is in nine of ten periods."""
    past = np.isfinite(panel.values[:, : made.ends[0]])
    answer: Bools = np.isfinite(made.truth).all(axis=1) & (past.mean(axis=1) > 0.9)
    return answer


def _reconciled(
    panel: Panel, made: Backtest, tree: Hierarchy, whole: Ints
) -> tuple[Floats, Floats]:
    """MinT of our series and of smoothed sums, each origin from errors before it."""
    ours, direct = [], []
    for at, end in enumerate(made.ends):
        part = slice(at * made.steps, (at + 1) * made.steps)
        sums = replace(panel, keys=tree.names[: tree.upper], key_names=("level", "name"),
                       values=_summed(tree, panel.values)[: tree.upper], known={})  # fmt: skip
        upper = baselines(sums, end, made.steps)["ets"]
        errors = []
        rehearsal = made.models[at].learned.rehearsal
        for place, origin in enumerate(rehearsal.starts):
            mine = rehearsal.errors[whole, place * made.steps : (place + 1) * made.steps]
            said = baselines(sums, origin, made.steps)["ets"]
            errors.append(np.concatenate(
                [sums.values[:, origin : origin + made.steps] - said, mine]))  # fmt: skip
        bottom = made.forecasts[OURS][whole][:, part]
        base = np.concatenate([upper, bottom])
        ours.append(mint_shrink(tree, base, np.concatenate(errors, axis=1)))
        direct.append(np.concatenate([upper, bottom]))
    return np.concatenate(ours, axis=1), np.concatenate(direct, axis=1)
