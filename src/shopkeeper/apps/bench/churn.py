"""Bench of churn: no purchase in the horizon after a cut-off, every method beside the baselines."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from shopkeeper.apps.bench.orders import OrdersTask, order_tasks
from shopkeeper.apps.bench.peers import peer_python, run_peer
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, Measured, measure
from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.calibrate import auc, brier, calibration_line
from shopkeeper.predict.cards import bootstrap_interval
from shopkeeper.predict.churn.features import bought_within
from shopkeeper.predict.churn.figures import LINE_NAMES, churn_figures
from shopkeeper.predict.churn.model import METHODS, ChurnModel
from shopkeeper.predict.history import Bools, Floats, Ints, Question, read_history
from shopkeeper.predict.value.summary import Summary

__all__ = ["run"]

PEER = "lifetimes_btyd.py"
OURS = "shopkeeper"
"""The method chosen on a rehearsal before the cut-off."""
LEARNED = (OURS, "logistic", "boosted", "blend", "stack")


def run(options: BenchOptions) -> list[BenchRow]:
    """Measure churn on CDNOW (whole file) or on the user's orders.

    Parameters
    ----------
    options : BenchOptions
        `inputs`, `customer`, `time`, `amount`, `cutoff` (last day of the past), `horizon_days`,
        `methods`, `seed`.

    Returns
    -------
    list[BenchRow]
        auc, average_precision, brier and ece of churn, by method; `shopkeeper` is the method
        chosen without looking past the cut-off: its auc and brier carry 95 % intervals, and it has
        calibration_slope and calibration_intercept. lifetimes stands beside it where installed.

    Raises
    ------
    ShopkeeperError
        When a file cannot be read or cannot answer.
    """
    return [row for task in order_tasks(options, sample=False) for row in _one(task, options)]


def _one(task: OrdersTask, options: BenchOptions) -> list[BenchRow]:
    orders = read_history(task.orders)
    past = read_history(task.orders.filter(pc.less(task.orders["ts_us"], task.as_of_us)))
    question = Question(past, task.as_of_us, float(task.horizon_days))
    with measure() as learning:
        model = ChurnModel().fit(question, seed=options.seed)
    with measure() as scoring:
        rows = model.rows(question)
        said = model.probabilities(rows)
    # the truth is read only now, by customer id: the model was given the past alone
    code = np.asarray(pc.index_in(past.customers.take(rows.code), orders.customers).to_numpy())
    count, _ = bought_within(orders, code.astype(np.int64), task.as_of_us, task.horizon_days)
    churned = count == 0
    if churned.all() or not churned.any():
        raise NotEnoughDataError(
            f"after the cut-off of {task.data} every customer has the same outcome",
            next_step="choose another --cutoff or --horizon",
            churned=int(churned.sum()),
            customers=len(churned),
        )
    took = Measured(learning.seconds + scoring.seconds, learning.peak_mb)
    answers = {OURS: said[model.learned.method], **{m: said[m] for m in METHODS if m in said}}
    figures = []
    for method, chance in answers.items():
        spent = took if method in LEARNED else scoring
        figures += _figures(task, method, churned, 1.0 - chance, spent, options.seed)
    for method, risk, spent in _peers(task, rows.summary, options):
        figures += _figures(task, method, churned, risk, spent, options.seed)
    return [row for row in figures if not options.methods or row.method in options.methods]


def _peers(
    task: OrdersTask, summary: Summary, options: BenchOptions
) -> list[tuple[str, Floats, Measured]]:
    """Churn by lifetimes: 1 - P(alive), and exp(-expected purchases), which ranks as they do."""
    if not (options.peers and peer_python("value")):
        return []
    arrays = {
        "frequency": summary.frequency,
        "recency": summary.recency,
        "age": summary.age,
        "monetary": summary.monetary_minor / 100.0,
    }
    facts = {"horizon": float(task.horizon_days), "models": ["bg_nbd", "pareto_nbd"]}
    answer = run_peer("value", PEER, arrays, facts, timeout_s=900.0)
    found = []
    for model in ("bg_nbd", "pareto_nbd"):
        if f"{model}.orders" not in answer.arrays:
            continue
        spent = Measured(answer.facts["took"][model], answer.facts["peak"][model])
        alive, orders = answer.arrays[f"{model}.p_alive"], answer.arrays[f"{model}.orders"]
        found.append((f"lifetimes {model} p_alive", 1.0 - alive, spent))
        found.append((f"lifetimes {model} E[x]", np.exp(-orders), spent))
    return found


def _figures(
    task: OrdersTask, method: str, churned: Bools, risk: Floats, took: Measured, seed: int
) -> list[BenchRow]:
    rows = []
    values = churn_figures(churned, risk)
    if method == OURS:
        values |= dict(zip(LINE_NAMES, calibration_line(churned, risk), strict=True))
    for metric, value in values.items():
        low, high = None, None
        if method == OURS and metric in ("auc", "brier"):
            figure = auc if metric == "auc" else brier

            def statistic(at: Ints, figure=figure) -> float:  # type: ignore[no-untyped-def]
                return float(figure(churned[at], risk[at]))

            low, high = bootstrap_interval(statistic, len(risk), seed=seed)
        rows.append(
            BenchRow(
                "churn", task.data, task.protocol, method, metric, value, low, high, len(risk),
                took.seconds, took.peak_mb, seed,
            )
        )  # fmt: skip
    return rows
