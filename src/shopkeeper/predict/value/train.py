"""Train and score value on purchases tables: what flows, the CLI and the service call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from shopkeeper.core.clock import from_us
from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.core.tables import SCORES
from shopkeeper.predict.cards import NO_REHEARSAL, Figure, ModelCard, rehearsal_words
from shopkeeper.predict.churn.features import bought_within
from shopkeeper.predict.explain import reason_without_history, store_reasons
from shopkeeper.predict.history import Floats, OrderHistory, Question, read_history
from shopkeeper.predict.split import Cutoff, plan_cutoffs
from shopkeeper.predict.value.model import Value, ValueModel

KINDS = {"expected_orders": "orders", "expected_spend": "minor", "p_alive": "probability"}
"""Kinds of rows written, and the unit of each."""

INTENDED_ZH = (
    "用于按未来价值分配服务与预算。预测期之外不外推；退货按天净额计算；"
    "不得作为个人定价或授信的依据。"
)
INTENDED_EN = (
    "For dividing service and budget by future value. It says nothing beyond its horizon; returns "
    "are netted per day. Not for personal prices or credit."
)


@dataclass(frozen=True, slots=True)
class ValueRun:
    """A trained model with its evidence.

    Parameters
    ----------
    model : ValueModel
        Ready to score.
    card : ModelCard
        What it is and what it was measured at, beside the baselines.
    """

    model: ValueModel
    card: ModelCard


def train_value(history: pa.Table, as_of_us: int, horizon_days: int, *, seed: int = 7) -> ValueRun:
    """Train the value model at a moment and measure it on a rehearsal before that moment.

    Parameters
    ----------
    history : pa.Table
        Columns `customer_id`, `ts_us`, `amount_minor` (`day` where the shop's zone is not UTC);
        orders at or after `as_of_us` are not seen.
    as_of_us : int
        The moment we pretend it is, microseconds UTC.
    horizon_days : int
        How far ahead.
    seed : int
        Decides everything random.

    Returns
    -------
    ValueRun
        The model and its card.

    Raises
    ------
    NotEnoughDataError
        When there are fewer than 50 customers, or fewer than ten with a repeat purchase.
    """
    orders = read_history(history)
    question = Question(orders, as_of_us, float(horizon_days))
    model = ValueModel().fit(question, seed=seed)
    learned = model.learned
    figures, cutoff = _rehearsed(question, seed)
    protocol, protocol_zh = (
        rehearsal_words(cutoff.as_of_us, cutoff.horizon_days) if cutoff else NO_REHEARSAL
    )
    parameters = {
        f"{part}.{name}": value
        for part, fitted in (
            ("bg_nbd", learned.bg_nbd),
            ("pareto_nbd", learned.pareto_nbd),
            ("gamma_gamma", learned.amounts),
        )
        for name, value in fitted.parameters().items()
    }
    card = ModelCard(
        name=f"{model.name}:{model.method}",
        task=model.task,
        as_of_us=as_of_us,
        train_from_us=int(orders.ts_us.min()),
        train_to_us=as_of_us,
        horizon_days=float(horizon_days),
        n=learned.customers,
        seed=seed,
        parameters=parameters,
        figures=figures,
        protocol=protocol,
        intended_zh=INTENDED_ZH,
        intended_en=INTENDED_EN,
        features=learned.boosted.columns if learned.boosted is not None else (),
        protocol_zh=protocol_zh,
        test_from_us=cutoff.as_of_us if cutoff else None,
        test_to_us=cutoff.end_us if cutoff else None,
    )
    return ValueRun(model, card)


def _rehearsed(question: Question, seed: int) -> tuple[tuple[Figure, ...], Cutoff | None]:
    """Do the same one cut-off earlier and hold it against what happened."""
    first = int(question.history.ts_us.min())
    try:
        cutoff = plan_cutoffs(first, question.as_of_us, question.horizon_days)[-1]
        past = Question(question.history, cutoff.as_of_us, cutoff.horizon_days)
        said = ValueModel().fit(past, seed=seed).predict(past)
    except NotEnoughDataError:
        return (), None
    known = question.history.before(question.as_of_us)
    count, amount = bought_within(known, said.code, cutoff.as_of_us, cutoff.horizon_days)
    return measure_value(said, count.astype(np.float64), amount), cutoff


def measure_value(said: Value, orders: Floats, spend_minor: Floats) -> tuple[Figure, ...]:
    """Measure every method on a window whose truth is known.

    Parameters
    ----------
    said : Value
        Forecasts.
    orders : Floats
        Purchases that followed, per customer of `said`.
    spend_minor : Floats
        Their amount in minor units.

    Returns
    -------
    tuple[Figure, ...]
        mae, rmse, bias, gini, spend_mae, spend_rmse, spend_bias (spend in major units) by method;
        coverage90 and spend_coverage90 of the method in use.
    """
    size = len(orders)
    figures = [
        Figure(method, metric, value, n=size)
        for method, (expected, spend) in said.by_method.items()
        for metric, value in value_figures(orders, expected, spend_minor, spend).items()
    ]
    used = "blend" if "blend" in said.by_method else "pareto_nbd"
    ranges = said.forecast
    inside = (orders >= ranges.orders_low) & (orders <= ranges.orders_high)
    paid = (spend_minor >= ranges.spend_low - 0.5) & (spend_minor <= ranges.spend_high + 0.5)
    figures.append(Figure(used, "coverage90", float(inside.mean()), n=size))
    figures.append(Figure(used, "spend_coverage90", float(paid.mean()), n=size))
    return tuple(figures)


def value_figures(
    orders: Floats, expected: Floats, spend_minor: Floats, expected_minor: Floats
) -> dict[str, float]:
    """Return the figures of a value forecast.

    Parameters
    ----------
    orders, expected : Floats
        Purchases that followed, and those expected.
    spend_minor, expected_minor : Floats
        Amounts that followed, and those expected, in minor units.

    Returns
    -------
    dict[str, float]
        Spend figures are in major units; bias is the relative error of the total.
    """
    gap = expected - orders
    spend_gap = (expected_minor - spend_minor) / 100.0
    return {
        "mae": float(np.abs(gap).mean()),
        "rmse": float(np.sqrt(np.mean(gap**2))),
        "bias": _bias(expected, orders),
        "gini": gini(orders, expected),
        "spend_mae": float(np.abs(spend_gap).mean()),
        "spend_rmse": float(np.sqrt(np.mean(spend_gap**2))),
        "spend_bias": _bias(expected_minor, spend_minor),
        "spend_gini": gini(spend_minor, expected_minor),
    }


def _bias(expected: Floats, actual: Floats) -> float:
    total = float(actual.sum())
    return float(expected.sum()) / total - 1.0 if total else float("nan")


def gini(actual: Floats, score: Floats) -> float:
    """Return how well a score concentrates what followed: 1 is the best order, 0 a random one.

    Tied scores share what they hold, so that the order of rows cannot matter.

    Parameters
    ----------
    actual : Floats
        What followed, not negative in total.
    score : Floats
        Higher means more expected.

    Returns
    -------
    float
        Normalised Gini coefficient; NaN where nothing followed.

    Examples
    --------
    >>> gini(np.array([3.0, 1.0, 0.0]), np.array([0.9, 0.5, 0.1]))
    1.0
    """
    best = _concentration(actual, actual)
    return _concentration(actual, score) / best if best else float("nan")


def _concentration(actual: Floats, score: Floats) -> float:
    total = float(actual.sum())
    if total == 0.0 or len(actual) == 0:
        return 0.0
    _, at = np.unique(-score, return_inverse=True)
    size = np.bincount(at)
    mean = np.bincount(at, weights=actual) / size
    curve = np.cumsum(np.repeat(mean, size)) / total
    return float(curve.mean()) - (len(actual) + 1.0) / (2.0 * len(actual))


def score_value(
    model: ValueModel | ValueRun,
    history: pa.Table,
    as_of_us: int,
    *,
    model_version: str,
    customers: Sequence[str] | None = None,
    ranges: bool = True,
) -> pa.Table:
    """Score customers at a moment: three rows a customer.

    Parameters
    ----------
    model : ValueModel | ValueRun
        A fitted model.
    history : pa.Table
        Purchases; those at or after `as_of_us` are not seen.
    as_of_us : int
        The moment we pretend it is, microseconds UTC.
    model_version : str
        Version written to the rows.
    customers : Sequence[str] | None
        Customers to return; None returns everybody who bought before the moment. A customer
        without a purchase is outside the model: 0 orders and 0 spend, the reason `no_history`, and
        no `p_alive` row.
    ranges : bool
        Whether to give ranges and reasons, which compare with everybody in `history`; the point
        forecasts are the same without.

    Returns
    -------
    pa.Table
        Rows of the contract SCORES without a band: `expected_orders` (orders), `expected_spend`
        (minor units), `p_alive` (probability).
    """
    fitted = model.model if isinstance(model, ValueRun) else model
    orders = read_history(history)
    parts = []
    if bool(np.any(orders.ts_us < as_of_us)):
        question = Question(orders, as_of_us, fitted.learned.horizon_days)
        parts = _rows(fitted.predict(question, ranges=ranges), orders, ranges=ranges)
    if customers is not None:
        wanted = pa.array(sorted(set(customers)), pa.string())
        parts = [part.filter(pa.compute.is_in(part["customer_id"], wanted)) for part in parts]
        seen = set(parts[0]["customer_id"].to_pylist()) if parts else set()
        absent = [name for name in wanted.to_pylist() if name not in seen]
        parts += [_unseen(kind, absent) for kind in ("expected_orders", "expected_spend")]
    table = pa.concat_tables(parts) if parts else _unseen("expected_orders", [])
    size = table.num_rows
    constants = {
        "as_of": pa.array([from_us(as_of_us)], pa.timestamp("us", tz="UTC")),
        "model": pa.array([f"{fitted.name}:{fitted.method}"]),
        "model_version": pa.array([model_version]),
        "horizon_days": pa.array([round(fitted.learned.horizon_days)], pa.int32()),
    }
    for name, value in constants.items():
        table = table.append_column(name, value.take(pa.array(np.zeros(size, dtype=np.int64))))
    return SCORES.cast(table, fill=True)


def _rows(said: Value, orders: OrderHistory, *, ranges: bool) -> list[pa.Table]:
    ids = orders.customers.take(pa.array(said.code))
    answer = said.forecast
    none, no_text = np.full(len(said.code), np.nan), pa.nulls(len(said.code), pa.string())
    if not ranges:
        return [
            _part("expected_orders", ids, answer.orders, none, none, no_text),
            _part("expected_spend", ids, answer.spend_minor, none, none, no_text),
            _part("p_alive", ids, answer.p_alive, none, none, no_text),
        ]
    reasons = _reasons(said)
    return [
        _part("expected_orders", ids, answer.orders, answer.orders_low, answer.orders_high, reasons),
        _part("expected_spend", ids, answer.spend_minor, answer.spend_low, answer.spend_high,
              reasons),
        _part("p_alive", ids, answer.p_alive, none, none, no_text),
    ]  # fmt: skip


def _part(
    kind: str, ids: pa.Array, value: Floats, low: Floats, high: Floats, reasons: pa.Array
) -> pa.Table:  # fmt: skip
    size = len(value)
    return pa.table(
        {
            "customer_id": ids,
            "kind": pa.array([kind]).take(pa.array(np.zeros(size, dtype=np.int64))),
            "value": pa.array(value),
            "low": pa.array(low, from_pandas=True),
            "high": pa.array(high, from_pandas=True),
            "unit": pa.array([KINDS[kind]]).take(pa.array(np.zeros(size, dtype=np.int64))),
            "band": pa.nulls(size, pa.string()),
            "reasons": reasons,
        }
    )


def _unseen(kind: str, customers: list[str]) -> pa.Table:
    size = len(customers)
    none = np.full(size, np.nan)
    reasons = pa.array([reason_without_history()] * size, pa.string())
    ids = pa.array(customers, pa.string())
    return _part(kind, ids, np.zeros(size), none, none, reasons)


def _reasons(said: Value) -> pa.Array:
    """Tell value by its two factors: how often, and how much at a time."""
    answer = said.forecast
    mean = answer.spend_minor / np.maximum(answer.orders, 1e-12)
    since = said.rows.column("days_since_last")
    values = np.column_stack([answer.orders, mean, since])
    usual = np.median(values, axis=0)
    with np.errstate(divide="ignore"):
        weight = np.log(np.maximum(values, 1e-6)) - np.log(np.maximum(usual, 1e-6))
    weight[:, 2] = -(np.log1p(since) - np.log1p(usual[2]))
    names = ("expected_orders", "amount_mean", "last_purchase_days")
    return store_reasons(names, weight, values, usual)
