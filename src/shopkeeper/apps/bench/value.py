"""Bench of value: parameters of the processes, and their forecasts against what followed."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import pyarrow.compute as pc

from shopkeeper.apps.bench.orders import OrdersTask, order_tasks
from shopkeeper.apps.bench.peers import peer_python, run_peer
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, Measured, measure
from shopkeeper.apps.bench.value_shops import PEER, large_shop, shops
from shopkeeper.core.errors import InputError
from shopkeeper.predict.churn.features import bought_within
from shopkeeper.predict.history import OrderHistory, Question, read_history
from shopkeeper.predict.value.bgnbd import fit_bg_nbd
from shopkeeper.predict.value.gamma_gamma import fit_gamma_gamma
from shopkeeper.predict.value.model import ValueModel
from shopkeeper.predict.value.pareto_nbd import fit_pareto_nbd
from shopkeeper.predict.value.summary import DAYS_IN, Unit, group, summarise
from shopkeeper.predict.value.train import measure_value, value_figures

__all__ = ["run"]

OURS = "shopkeeper"
"""The forecast in use: the average of Pareto/NBD and boosted trees where these can learn."""


def run(options: BenchOptions) -> list[BenchRow]:
    """Measure value on the CDNOW sample or on the user's orders.

    Parameters
    ----------
    options : BenchOptions
        `inputs`, `customer`, `time`, `amount`, `cutoff` (last day of the past), `horizon_days`,
        `unit` (`day` or `week`, of the parameters), `methods`, `seed`, `customers` (size of a
        simulated shop), `peers`.

    Returns
    -------
    list[BenchRow]
        Parameters and log_likelihood of bg_nbd, pareto_nbd and gamma_gamma (money in major units);
        mae, rmse, bias, gini, spend_mae, spend_rmse, spend_bias by method; coverage90 of
        `shopkeeper`, also on five simulated shops; lifetimes beside it where installed. With
        `customers`: seconds, peak_mb, coverage90 and bias on a simulated shop of that size.

    Raises
    ------
    InputError
        When the unit is not known.
    ShopkeeperError
        When a file cannot be read or cannot answer.
    """
    unit = options.unit or "week"
    if unit not in DAYS_IN:
        raise InputError(
            f"there is no unit {unit!r}", next_step="use --unit day or --unit week", unit=unit
        )
    if options.customers:
        return _chosen(large_shop(options, options.customers), options)
    rows = []
    for task in order_tasks(options, sample=True):
        past = read_history(task.orders.filter(pc.less(task.orders["ts_us"], task.as_of_us)))
        rows += _parameters(task, past, cast("Unit", unit), options)
        rows += _forecasts(task, past, options)
        rows += _peers(task, past, cast("Unit", unit), options)
    if not options.inputs:
        rows += shops(options)
    return _chosen(rows, options)


def _chosen(rows: list[BenchRow], options: BenchOptions) -> list[BenchRow]:
    return [row for row in rows if not options.methods or row.method in options.methods]


def _row(
    task: OrdersTask, method: str, metric: str, value: float, n: int, took: Measured, seed: int
) -> BenchRow:
    return BenchRow(
        "value", task.data, task.protocol, method, metric, value, None, None, n, took.seconds,
        took.peak_mb, seed,
    )  # fmt: skip


def _parameters(
    task: OrdersTask, past: OrderHistory, unit: Unit, options: BenchOptions
) -> list[BenchRow]:
    summary = summarise(past, task.as_of_us, unit)
    customers = group(summary.frequency, summary.recency, summary.age)
    size = len(summary.code)
    rows = []
    for fit in (fit_bg_nbd, fit_pareto_nbd):
        with measure() as took:
            process = fit(customers)
        figures = {**process.parameters(), "log_likelihood": process.log_likelihood}
        rows += [
            _row(task, process.name, name, value, size, took, options.seed)
            for name, value in figures.items()
        ]
    with measure() as took:
        amounts = fit_gamma_gamma(summary.frequency, summary.monetary_minor)
    used = int(((summary.frequency > 0) & (summary.monetary_minor > 0)).sum())
    figures = {
        "p": amounts.p,
        "q": amounts.q,
        "gamma": amounts.gamma / 100.0,
        "log_likelihood": amounts.log_likelihood + used * math.log(100.0),
    }
    return rows + [
        _row(task, "gamma_gamma", name, value, used, took, options.seed)
        for name, value in figures.items()
    ]


def _peers(
    task: OrdersTask, past: OrderHistory, unit: Unit, options: BenchOptions
) -> list[BenchRow]:
    """The same by lifetimes: parameters, errors, seconds and peak memory of each model."""
    if not (options.peers and peer_python("value")):
        return []
    summary = summarise(past, task.as_of_us, unit)
    arrays = {
        "frequency": summary.frequency,
        "recency": summary.recency,
        "age": summary.age,
        "monetary": summary.monetary_minor / 100.0,
    }
    models = ["bg_nbd", "pareto_nbd", "gamma_gamma"]
    facts = {"horizon": task.horizon_days / DAYS_IN[unit], "models": models}
    answer = run_peer("value", PEER, arrays, facts, timeout_s=900.0)
    orders = read_history(task.orders)
    code = np.asarray(pc.index_in(past.customers.take(summary.code), orders.customers).to_numpy())
    count, amount = bought_within(orders, code.astype(np.int64), task.as_of_us, task.horizon_days)
    mean = answer.arrays.get("mean", np.full(len(count), np.nan))
    rows, size = [], len(summary.code)
    for model in models:
        if model not in answer.facts:
            continue
        took = Measured(answer.facts["took"][model], answer.facts["peak"][model])
        figures = {str(name): float(value) for name, value in answer.facts[model].items()}
        said = answer.arrays.get(f"{model}.orders")
        if said is not None:
            figures |= value_figures(count.astype(np.float64), said, amount, said * mean * 100.0)
        rows += [
            _row(task, f"lifetimes {model}", name, value, size, took, options.seed)
            for name, value in figures.items()
        ]
    return rows


def _forecasts(task: OrdersTask, past: OrderHistory, options: BenchOptions) -> list[BenchRow]:
    question = Question(past, task.as_of_us, float(task.horizon_days))
    with measure() as took:
        model = ValueModel().fit(question, seed=options.seed)
        said = model.predict(question)
    orders = read_history(task.orders)
    code = np.asarray(pc.index_in(past.customers.take(said.code), orders.customers).to_numpy())
    count, amount = bought_within(orders, code.astype(np.int64), task.as_of_us, task.horizon_days)
    figures = measure_value(said, count.astype(np.float64), amount)
    rows = []
    for ours in (True, False):
        for figure in figures:
            if ours and figure.method != model.method:
                continue
            name = OURS if ours else figure.method
            rows.append(_row(task, name, figure.metric, figure.value, figure.n, took, options.seed))
    return rows
