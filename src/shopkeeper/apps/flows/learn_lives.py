"""How the models of each task are asked about the past: what they say, and what happened.

A task joins model life by one entry in `LIVES`: its deciding figure, how a stored model is opened,
what it says at any moment, what happened in any window, and how the task's recipe is trained at a
past moment. Everything else (comparison, degradation, drift, roll-back) is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.errors import InputError
from shopkeeper.core.tables import PURCHASES
from shopkeeper.learn.metrics import Metric
from shopkeeper.predict.churn.model import ChurnModel
from shopkeeper.predict.churn.train import score_churn, train_churn
from shopkeeper.predict.history import DAY_US, Floats, Question, read_history
from shopkeeper.predict.value.model import ValueModel
from shopkeeper.predict.value.train import score_value, train_value

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Said:
    """What a model says of customers at one moment.

    Parameters
    ----------
    customers : pa.Array
        Ids, one a row, each once.
    value : Floats
        What it says of each.
    columns : Mapping[str, Floats]
        What it reads of each; empty where the task has no columns.
    """

    customers: pa.Array
    value: Floats
    columns: Mapping[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True)
class Life:
    """One task's entry.

    Parameters
    ----------
    metric : Metric
        The figure that decides.
    opened : Callable[[Path], Any]
        Opens a stored model's folder.
    trained : Callable[[Runtime, str, int], Any]
        Trains the task's recipe at a past moment (microseconds UTC) with what was known then.
    said : Callable[[Runtime, Any, int], Said]
        What a model says at a moment, with the columns it reads.
    happened : Callable[[Runtime, pa.Array, int, int], Floats]
        What happened to customers in a window, in the unit of what is said.
    horizon_days : Callable[[Any], float]
        How far ahead a model looks.
    age : str
        Column that says how many days ago a customer came; empty where there is none.
    """

    metric: Metric
    opened: Callable[[Path], Any]
    trained: Callable[[Runtime, str, int], Any]
    said: Callable[[Runtime, Any, int], Said]
    happened: Callable[[Runtime, pa.Array, int, int], Floats]
    horizon_days: Callable[[Any], float]
    age: str = "age_days"


def purchases_between(runtime: Runtime, from_us: int | None, to_us: int) -> pa.Table:
    """Purchases in a half-open window: customer_id, ts_us, day, amount_minor.

    Parameters
    ----------
    runtime
        The open shop.
    from_us
        First moment, microseconds UTC; None takes everything before the end.
    to_us
        The moment after the last.
    """
    table = runtime.tables.table(PURCHASES)
    known = table.filter(table.ts_us < ibis.literal(to_us).cast("int64"))
    if from_us is not None:
        known = known.filter(known.ts_us >= ibis.literal(from_us).cast("int64"))
    return runtime.tables.run(known.select("customer_id", "ts_us", "day", "amount_minor"))


def purchases_start(runtime: Runtime) -> int | None:
    """Moment of the first purchase, microseconds UTC.

    Parameters
    ----------
    runtime
        The open shop.

    Returns
    -------
    int or None
        None before the first.
    """
    table = runtime.tables.table(PURCHASES)
    first = runtime.tables.run(table.aggregate(first=table.ts_us.min())).column("first")[0].as_py()
    return None if first is None else int(first)


def net_days(purchases: pa.Table, customers: pa.Array) -> tuple[Floats, Floats]:
    """Purchase days and their net amount of each customer; returns are netted by day.

    Parameters
    ----------
    purchases
        Rows of `purchases_between`.
    customers
        Whose; the order of the answer.
    """
    by_day = purchases.group_by(["customer_id", "day"]).aggregate([("amount_minor", "sum")])
    bought = by_day.filter(pc.greater(by_day["amount_minor_sum"], 0))
    sums = bought.group_by("customer_id").aggregate([("day", "count"), ("amount_minor_sum", "sum")])
    place = pc.index_in(customers, value_set=sums["customer_id"].combine_chunks())
    found = pc.is_valid(place).to_numpy(zero_copy_only=False)
    at = pc.fill_null(place, 0).to_numpy(zero_copy_only=False)
    days, amounts = np.zeros(len(customers)), np.zeros(len(customers))
    if sums.num_rows:
        days[found] = sums["day_count"].to_numpy()[at[found]]
        amounts[found] = sums["amount_minor_sum_sum"].to_numpy()[at[found]]
    return days, amounts


def _plain_ids(table: pa.Table) -> pa.Array:
    ids = table["customer_id"].combine_chunks()
    return pa.concat_arrays(ids.chunks) if isinstance(ids, pa.ChunkedArray) else ids


def _churn_said(runtime: Runtime, model: ChurnModel, as_of_us: int) -> Said:
    history = purchases_between(runtime, None, as_of_us)
    scores = score_churn(model, history, as_of_us, model_version="", reasons=False)
    orders = read_history(history)
    rows = model.rows(Question(orders, as_of_us, model.learned.horizon_days))
    ids = orders.customers.take(pa.array(rows.code))
    columns = {name: rows.matrix[:, at] for at, name in enumerate(rows.names)}
    return Said(ids, _aligned(scores, ids), columns)


def _churn_trained(runtime: Runtime, _task: str, as_of_us: int) -> ChurnModel:
    settings = runtime.settings.predict
    history = purchases_between(runtime, None, as_of_us)
    return train_churn(history, as_of_us, settings.horizon_days, seed=settings.seed).model


def _churned(runtime: Runtime, customers: pa.Array, from_us: int, to_us: int) -> Floats:
    days, _ = net_days(purchases_between(runtime, from_us, to_us), customers)
    return np.asarray(days == 0, dtype=np.float64)


def _value_said(runtime: Runtime, model: ValueModel, as_of_us: int) -> Said:
    history = purchases_between(runtime, None, as_of_us)
    scores = score_value(model, history, as_of_us, model_version="", ranges=False)
    spend = scores.filter(pc.equal(scores["kind"], "expected_spend"))
    orders = read_history(history)
    said = model.predict(Question(orders, as_of_us, model.learned.horizon_days), ranges=False)
    ids = orders.customers.take(pa.array(said.code))
    columns = {name: said.rows.matrix[:, at] for at, name in enumerate(said.rows.names)}
    return Said(ids, _aligned(spend, ids), columns)


def _value_trained(runtime: Runtime, _task: str, as_of_us: int) -> ValueModel:
    settings = runtime.settings.predict
    history = purchases_between(runtime, None, as_of_us)
    return train_value(history, as_of_us, settings.horizon_days, seed=settings.seed).model


def _spent(runtime: Runtime, customers: pa.Array, from_us: int, to_us: int) -> Floats:
    return net_days(purchases_between(runtime, from_us, to_us), customers)[1]


def _aligned(scores: pa.Table, ids: pa.Array) -> Floats:
    place = pc.index_in(ids, value_set=_plain_ids(scores))
    if place.null_count:
        raise InputError(
            f"a model left out {place.null_count} of the customers it was asked about",
            next_step="train the task again",
            missing=place.null_count,
        )
    values: Floats = scores["value"].to_numpy()[place.to_numpy()]
    return values


def _learned_days(model: Any) -> float:
    return float(model.learned.horizon_days)


LIVES: dict[str, Life] = {
    "churn": Life("auc", ChurnModel.load, _churn_trained, _churn_said, _churned, _learned_days),
    "value": Life("mae", ValueModel.load, _value_trained, _value_said, _spent, _learned_days),
}
"""Life by task, or by the part of the task's name before the first dot."""


def life_of(task: str) -> Life | None:
    """The entry of a task.

    Parameters
    ----------
    task
        Such as `churn` or `propensity.buys-tea`.

    Returns
    -------
    Life or None
        None for a task that has not joined: its models are compared by their cards.
    """
    return LIVES.get(task) or LIVES.get(task.partition(".")[0])


def groups_of(columns: Mapping[str, Floats]) -> dict[str, Bools]:
    """Customers by number of purchases, pause, age and value, where the columns say so.

    Parameters
    ----------
    columns
        Values by column.
    """
    found: dict[str, Bools] = {}
    bands: dict[str, tuple[str, tuple[float, ...]]] = {
        "purchases": ("purchases", (1.0, 4.0)),
        "days_since_last": ("pause", (30.0, 90.0)),
        "age_days": ("tenure", (90.0, 365.0)),
    }
    for column, (name, limits) in bands.items():
        if column in columns:
            found |= _bands(name, columns[column], limits)
    if "amount_mean" in columns:
        amounts = columns["amount_mean"]
        known = amounts[np.isfinite(amounts)]
        if len(known):
            found |= _bands(
                "value", amounts, tuple(np.quantile(known, [1 / 3, 2 / 3]).tolist()), ranks=True
            )
    return found


def _bands(
    name: str, values: Floats, limits: tuple[float, ...], *, ranks: bool = False
) -> dict[str, Bools]:
    ends = (-np.inf, *limits, np.inf)
    words = ("low", "middle", "high")
    found: dict[str, Bools] = {}
    for at, (low, high) in enumerate(pairwise(ends)):
        label = words[at] if ranks else f"≤{high:g}" if at == 0 else f">{low:g}"
        if not ranks and 0 < at < len(limits):
            label = f"{low:g}–{high:g}"
        found[f"{name}={label}"] = (values > low) & (values <= high)
    return found


__all__ = [
    "DAY_US",
    "LIVES",
    "Life",
    "Said",
    "groups_of",
    "life_of",
    "purchases_between",
    "purchases_start",
]
