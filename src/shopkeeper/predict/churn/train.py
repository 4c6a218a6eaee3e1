"""Train and score churn on purchases tables: what flows, the CLI and the service call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from shopkeeper.core.clock import from_us
from shopkeeper.core.tables import SCORES
from shopkeeper.predict.calibrate import (
    calibration_bins,
)
from shopkeeper.predict.cards import (
    NO_REHEARSAL,
    CalibrationBin,
    Figure,
    Gain,
    ModelCard,
    gain_points,
    rehearsal_words,
)
from shopkeeper.predict.churn.features import FeatureRows
from shopkeeper.predict.churn.figures import churn_figures, measure_churn
from shopkeeper.predict.churn.model import ChurnModel
from shopkeeper.predict.explain import fold_reasons, reason_without_history, store_reasons
from shopkeeper.predict.history import (
    External,
    Floats,
    Ints,
    OrderHistory,
    Question,
    read_history,
    sample_customers,
)

__all__ = ["ChurnRun", "churn_figures", "measure_churn", "risk_score", "score_churn", "train_churn"]

KIND = "churn"
BANDS = ("low", "middle", "high")
BAND_NAMES: dict[str, tuple[str, str]] = {
    "low": ("低风险", "Low risk"),
    "middle": ("中风险", "Middle risk"),
    "high": ("高风险", "High risk"),
}
"""Names of the bands in Chinese and English."""
BAND_FROM = (0, 4, 7)
"""First risk score of each band: low 0-3, middle 4-6, high 7-9."""
RULES_VERSION = "churn-bands-1"

REASONS_AT_ONCE = 100_000
"""Rows whose contributions are held in memory at a time."""

ENOUGH_TO_EXPLAIN = 5_000
"""Customers behind the importances of a card."""

LEAST_TOLD = 0.02
"""Customers whose contributions are all below this get their largest one as reason."""

TOLD_BY = {
    "p_alive": "days_since_last",
    "p_buy": "days_since_last",
    "bg_buy": "days_since_last",
    "hazard_buy": "days_since_last",
    "expected_orders": "days_since_last",
    "overdue": "days_since_last",
    "idle_share": "days_since_last",
    "amount_last": "amount_mean",
    **{f"purchases_{days}d": "purchases_90d" for days in (30, 180, 365)},
    **{f"amount_{days}d": "amount_90d" for days in (30, 180, 365)},
}
"""Columns that restate a fact, and the fact in whose sentence their weight is told."""

INTENDED_ZH = (
    "用于挑选需要挽回的客户并安排先后。预测的是“预测期内不再购买”，不是永久流失；"
    "不得用于定价、授信或任何对个人不利的决定。新店开业、停业等历史中未出现的变化不在其判断之内。"
)
INTENDED_EN = (
    "For choosing whom to win back, and in which order. It predicts no purchase within the "
    "horizon, not departure for good. Not for prices, credit or any decision against a person. "
    "It cannot know changes that the history does not contain, such as a closed shop."
)


@dataclass(frozen=True, slots=True)
class ChurnRun:
    """A trained model with its evidence.

    Parameters
    ----------
    model : ChurnModel
        Ready to score.
    card : ModelCard
        What it is and what it was measured at; `card.figures` holds ours and the baselines'.
    """

    model: ChurnModel
    card: ModelCard


def train_churn(
    history: pa.Table,
    as_of_us: int,
    horizon_days: int,
    *,
    features: Sequence[External] = (),
    seed: int = 7,
) -> ChurnRun:
    """Train the churn model at a moment and measure it on a rehearsal before that moment.

    Parameters
    ----------
    history : pa.Table
        Columns `customer_id`, `ts_us`, `amount_minor` (`day` where the shop's zone is not UTC);
        orders at or after `as_of_us` are not seen.
    as_of_us : int
        The moment we pretend it is, microseconds UTC.
    horizon_days : int
        Churn means: nothing bought in [as_of, as_of + horizon).
    features : Sequence[External]
        Columns from the features stage, one block for each moment that `plan_cutoffs` names and
        one for `as_of_us`.
    seed : int
        Decides everything random.

    Returns
    -------
    ChurnRun
        The model and its card.

    Raises
    ------
    NotEnoughDataError
        When there are no orders before the moment, too few customers, too short a history or only
        one outcome.
    """
    orders = read_history(history)
    question = Question(orders, as_of_us, float(horizon_days), tuple(features))
    model = ChurnModel().fit(question, seed=seed)
    learned = model.learned
    figures: tuple[Figure, ...] = ()
    bins: tuple[CalibrationBin, ...] = ()
    gains: tuple[Gain, ...] = ()
    protocol, protocol_zh = NO_REHEARSAL
    window: tuple[int | None, int | None] = (None, None)
    if model.rehearsal is not None:
        past = model.rehearsal
        window = (past.cutoff.as_of_us, past.cutoff.end_us)
        figures = measure_churn(past, learned.method, seed=seed)
        risk = 1.0 - past.said[learned.method]
        bins = calibration_bins(~past.bought, risk)
        gains = gain_points(np.asarray(~past.bought, dtype=np.float64), risk)
        protocol, protocol_zh = rehearsal_words(past.cutoff.as_of_us, past.cutoff.horizon_days)
    line = dict(zip(learned.line.columns, learned.line.weight, strict=True))
    fitted = learned.processes.pareto_nbd
    process = fitted.parameters() if fitted is not None else {}
    known = model.rows(replace(question, history=sample_customers(orders, ENOUGH_TO_EXPLAIN, seed)))
    card = ModelCard(
        name=f"{model.name}:{learned.method}",
        task=model.task,
        as_of_us=as_of_us,
        train_from_us=int(orders.ts_us.min()),
        train_to_us=as_of_us,
        horizon_days=float(horizon_days),
        n=learned.customers,
        seed=seed,
        parameters={
            **{f"pareto_nbd.{name}": value for name, value in process.items()},
            **{f"logistic.{name}": value for name, value in line.items()},
            **{f"stack.{n}": learned.stack.share(n) for n in learned.stack.parts},
            "bought_share": learned.bought_share,
        },
        figures=figures,
        protocol=protocol,
        intended_zh=INTENDED_ZH,
        intended_en=INTENDED_EN,
        features=learned.names,
        protocol_zh=protocol_zh,
        test_from_us=window[0],
        test_to_us=window[1],
        calibration=bins,
        gains=gains,
        importances=model.importances(known),
    )
    return ChurnRun(model, card)


def score_churn(
    model: ChurnModel | ChurnRun,
    history: pa.Table,
    as_of_us: int,
    *,
    model_version: str,
    features: Sequence[External] = (),
    customers: Sequence[str] | None = None,
    reasons: bool = True,
) -> pa.Table:
    """Score customers at a moment.

    Parameters
    ----------
    model : ChurnModel | ChurnRun
        A fitted model.
    history : pa.Table
        Purchases; those at or after `as_of_us` are not seen.
    as_of_us : int
        The moment we pretend it is, microseconds UTC.
    model_version : str
        Version written to the rows.
    features : Sequence[External]
        The external block of `as_of_us`, where the model was trained with one.
    customers : Sequence[str] | None
        Customers to score; None scores everybody who bought before the moment. A customer without
        a purchase gets the overall share, no band, no risk score and the reason `no_history`.
    reasons : bool
        Whether to work out reasons.

    Returns
    -------
    pa.Table
        Rows of the contract SCORES, kind `churn`; `value` is the probability of churn.
    """
    fitted = model.model if isinstance(model, ChurnRun) else model
    orders = read_history(history)
    if customers is not None:
        orders = _only(orders, customers)
    learned = fitted.learned
    question = Question(orders, as_of_us, learned.horizon_days, tuple(features))
    known = bool(np.any(orders.ts_us < as_of_us))
    parts = []
    if known:
        rows = fitted.rows(question)
        churn = 1.0 - fitted.probabilities(rows)[learned.method]
        ids = orders.customers.take(pa.array(rows.code))
        parts.append(_table(ids, churn, _reasons(fitted, rows) if reasons else None))
    if customers is not None:
        seen = set(parts[0]["customer_id"].to_pylist()) if parts else set()
        absent = sorted(set(customers) - seen)
        parts.append(_unseen(absent, 1.0 - learned.bought_share))
    table = pa.concat_tables(parts) if parts else _unseen([], 0.0)
    size = table.num_rows
    constants = {
        "as_of": pa.array([from_us(as_of_us)], pa.timestamp("us", tz="UTC")),
        "kind": pa.array([KIND]),
        "model": pa.array([f"{fitted.name}:{learned.method}"]),
        "model_version": pa.array([model_version]),
        "horizon_days": pa.array([round(learned.horizon_days)], pa.int32()),
        "unit": pa.array(["probability"]),
    }
    for name, value in constants.items():
        table = table.append_column(name, value.take(pa.array(np.zeros(size, dtype=np.int64))))
    return SCORES.cast(table, fill=True)


def risk_score(churn: Floats) -> Ints:
    """Return the risk score: the first decimal of the probability.

    Parameters
    ----------
    churn : Floats
        Probability of churn.

    Returns
    -------
    Ints
        0 to 9.

    Examples
    --------
    >>> risk_score(np.array([0.04, 0.65, 1.0])).tolist()
    [0, 6, 9]
    """
    return np.clip(np.floor(churn * 10.0 + 1e-9), 0, 9).astype(np.int64)


def _table(ids: pa.Array, churn: Floats, reasons: pa.Array | None) -> pa.Table:
    risk = risk_score(churn)
    band = np.searchsorted(BAND_FROM, risk, side="right") - 1
    return pa.table(
        {
            "customer_id": ids,
            "value": pa.array(churn),
            "band": pa.array(BANDS).take(pa.array(band)),
            "risk": pa.array(risk, pa.int8()),
            "reasons": reasons if reasons is not None else pa.nulls(len(churn), pa.string()),
        }
    )


def _unseen(customers: list[str], share: float) -> pa.Table:
    size = len(customers)
    return pa.table(
        {
            "customer_id": pa.array(customers, pa.string()),
            "value": pa.array(np.full(size, share)),
            "band": pa.nulls(size, pa.string()),
            "risk": pa.nulls(size, pa.int8()),
            "reasons": pa.array([reason_without_history()] * size, pa.string()),
        }
    )


def _reasons(model: ChurnModel, rows: FeatureRows) -> pa.Array:
    """Work out reasons in slices of rows, which bounds the memory of the contributions."""
    parts = [
        _reasons_of(model, rows.slice(start, start + REASONS_AT_ONCE))
        for start in range(0, len(rows.code), REASONS_AT_ONCE)
    ]
    return pa.concat_arrays(parts)


def _reasons_of(model: ChurnModel, rows: FeatureRows) -> pa.Array:
    names, added = model.contributions(rows)
    added = fold_reasons(names, added, TOLD_BY)
    typical = np.array([model.learned.usual[name] for name in names])
    usual = np.broadcast_to(typical, added.shape).copy()
    # the pause is compared with the customer's own rhythm where there is one
    own = rows.column("mean_gap_days")
    since = list(names).index("days_since_last")
    usual[:, since] = np.where(np.isfinite(own) & (own > 0), own, usual[:, since])
    told = store_reasons(names, added, rows.matrix, usual)
    # somebody usual in every way still hears what weighs most, however little
    quiet = np.flatnonzero(np.abs(added).max(axis=1) < LEAST_TOLD)
    if len(quiet):
        one = store_reasons(
            names, added[quiet], rows.matrix[quiet], usual[quiet], top=1, least=-1.0
        )
        mask = np.zeros(len(added), dtype=bool)
        mask[quiet] = True
        told = pa.compute.replace_with_mask(told, pa.array(mask), one)
    return told


def _only(orders: OrderHistory, customers: Sequence[str]) -> OrderHistory:
    """Keep the orders of some customers; codes stay."""
    wanted = np.isin(
        np.asarray(orders.customers.to_pylist(), dtype=object),
        np.asarray(list(customers), dtype=object),
    )
    kept = wanted[orders.code]
    return replace(
        orders,
        code=orders.code[kept],
        ts_us=orders.ts_us[kept],
        day=orders.day[kept],
        amount_minor=orders.amount_minor[kept],
    )
