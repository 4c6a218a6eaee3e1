"""Train and score intent on tables of events: what flows and the service call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from shopkeeper.core.clock import from_us
from shopkeeper.core.tables import SCORES
from shopkeeper.predict.calibrate import (
    auc,
    average_precision,
    brier,
    calibration_bins,
    calibration_error,
)
from shopkeeper.predict.cards import Figure, ModelCard, bootstrap_interval
from shopkeeper.predict.explain import store_reasons
from shopkeeper.predict.intent.embedding import widened
from shopkeeper.predict.intent.events import DAY_US, Bools, EventRows, Floats, Ints, read_events
from shopkeeper.predict.intent.learning import Rehearsal
from shopkeeper.predict.intent.model import IntentData, IntentModel, IntentSaid
from shopkeeper.predict.intent.prefixes import Prefixes, last_prefixes
from shopkeeper.predict.intent.settings import IntentSettings
from shopkeeper.predict.intent.state import FEATURES

__all__ = [
    "BUY_SESSION", "DAYS_TO_PURCHASE", "KINDS", "NEXT_CATEGORY", "IntentRun", "intent_figures",
    "measure_intent", "score_intent", "train_intent",
]  # fmt: skip

BUY_SESSION, NEXT_CATEGORY = "intent:buy_session", "intent:next_category"
DAYS_TO_PURCHASE = "expected_days_to_purchase"
KINDS = (BUY_SESSION, NEXT_CATEGORY, DAYS_TO_PURCHASE)
RECENT_DAYS = 7
"""A customer whose latest session began within so many days is scored."""

INTENDED_ZH = (
    "用于在访问进行中选择下一步（提醒、客服、推荐品类）。判断只依据行为先后与历史次数，"
    "不得用于定价或任何对个人不利的决定。"
)
INTENDED_EN = (
    "For choosing the next step while a visit goes on: a reminder, a chat, a category to show. It "
    "reads the order of actions and counts of the past. Not for prices or any decision against a "
    "person."
)
PROTOCOL = (
    "sessions by start: first 70 % teach, next 15 % stop and calibrate, last 15 % are judged after "
    "each of their first events; then all is learned again"
)
PROTOCOL_ZH = (
    "按开始时间切分访问：前 70% 训练，随后 15% 用于停止与校准，最后 15% 在其前若干步之后检验；"
    "随后用全部数据重新训练"
)


@dataclass(frozen=True, slots=True)
class IntentRun:
    """A trained model with its evidence.

    Parameters
    ----------
    model : IntentModel
        Ready to score.
    card : ModelCard
        What it is and what it was measured at.
    """

    model: IntentModel
    card: ModelCard


def train_intent(
    events: pa.Table | EventRows,
    as_of_us: int,
    *,
    settings: IntentSettings | None = None,
    seed: int = 7,
) -> IntentRun:
    """Train the model of intent at a moment and measure it on the latest sessions before it.

    Parameters
    ----------
    events : pa.Table | EventRows
        Columns ``customer_id``, ``ts_us``, ``kind`` and what else `read_events` takes; events from
        ``as_of_us`` on are not seen.
    as_of_us : int
        The moment we pretend it is, microseconds UTC.
    settings : IntentSettings | None
        Bounds and choices.
    seed : int
        Decides everything random.

    Returns
    -------
    IntentRun
        The model and its card.

    Raises
    ------
    NotEnoughDataError
        When there are too few sessions that reach the goal, or that do not.
    """
    rows = events if isinstance(events, EventRows) else read_events(events)
    model = IntentModel(settings).fit(IntentData(rows, as_of_us), seed=seed)
    learned, past = model.learned, model.rehearsal
    assert past is not None
    chosen = past.said[learned.method]
    card = ModelCard(
        name=f"{model.name}:{learned.method}",
        task=model.task,
        as_of_us=as_of_us,
        train_from_us=int(rows.ts_us.min()),
        train_to_us=as_of_us,
        horizon_days=learned.hazard.edges_days[-1],
        n=learned.facts["sessions"],
        seed=seed,
        parameters={
            "goal_share": learned.facts["goal_share"],
            **{f"later_log_loss.{k}": v for k, v in learned.facts["later_log_loss"].items()},
        },
        figures=measure_intent(past, learned.method, seed=seed),
        protocol=f"{PROTOCOL}; goal: {learned.facts['goal']}",
        intended_zh=INTENDED_ZH,
        intended_en=INTENDED_EN,
        features=FEATURES,
        protocol_zh=f"{PROTOCOL_ZH}；目标：{learned.facts['goal']}",
        test_from_us=past.from_us,
        test_to_us=past.to_us,
        calibration=calibration_bins(past.bought, chosen),
        importances=_importances(model),
    )
    return IntentRun(model, card)


def _importances(model: IntentModel) -> dict[str, float]:
    gain = np.asarray(model.learned.buy.feature_importance("gain"), dtype=np.float64)
    gain = np.append(gain[: len(FEATURES)], gain[len(FEATURES) :].sum())
    shares = gain / max(float(gain.sum()), 1e-12)
    named = zip((*FEATURES, "prefix_network"), shares, strict=True)
    return {name: float(share) for name, share in named if share > 0}


def intent_figures(bought: Bools, said: Floats) -> dict[str, float]:
    """Figures of a chance to buy.

    Parameters
    ----------
    bought : Bools
        What happened.
    said : Floats
        Chance said.

    Returns
    -------
    dict[str, float]
        ``auc``, ``average_precision``, ``brier``, ``ece``.
    """
    return {
        "auc": auc(bought, said),
        "average_precision": average_precision(bought, said),
        "brier": brier(bought, said),
        "ece": calibration_error(bought, said),
    }


def measure_intent(past: Rehearsal, chosen: str, *, seed: int) -> tuple[Figure, ...]:
    """Figures of every method on the latest sessions, over all judged prefixes and by length.

    Parameters
    ----------
    past : Rehearsal
        What was said and what happened.
    chosen : str
        The method in use: its figures carry intervals.
    seed : int
        Decides the resampling.

    Returns
    -------
    tuple[Figure, ...]
        For the card.
    """
    figures: list[Figure] = []
    for method, said in past.said.items():
        for metric, value in intent_figures(past.bought, said).items():
            low, high = None, None
            if method == chosen and metric in {"auc", "brier"}:
                low, high = _interval(metric, past.bought, said, seed)
            figures.append(Figure(method, metric, value, low, high, len(said)))
        for length in (3, 5, 10):
            at = past.position == length
            if at.sum() >= 30:
                for metric, value in intent_figures(past.bought[at], said[at]).items():
                    figures.append(
                        Figure(method, metric, value, n=int(at.sum()), slice=f"event={length}")
                    )
    size = len(past.bought)
    figures += [
        Figure("boosting", "next_action_accuracy", past.next_action, n=size),
        Figure("mixture", "next_category_accuracy", past.next_category, n=size),
        Figure("last-category", "next_category_accuracy", past.last_category, n=size),
    ]
    return tuple(figures)


def _interval(metric: str, bought: Bools, said: Floats, seed: int) -> tuple[float, float]:
    figure = auc if metric == "auc" else brier

    def statistic(rows: Ints) -> float:
        return figure(bought[rows], said[rows])

    return bootstrap_interval(statistic, len(said), seed=seed)


def score_intent(
    model: IntentModel,
    events: pa.Table | EventRows,
    as_of_us: int,
    *,
    model_version: str,
    recent_days: float = RECENT_DAYS,
    reasons: bool = True,
) -> pa.Table:
    """Score the customers whose latest session is recent, as it stood after its latest event.

    Parameters
    ----------
    model : IntentModel
        Fitted.
    events : pa.Table | EventRows
        Events; those from ``as_of_us`` on are not seen.
    as_of_us : int
        The moment we pretend it is, microseconds UTC.
    model_version : str
        Version written to the rows.
    recent_days : float
        The latest session's last event is at most so old.
    reasons : bool
        Whether to work out reasons of the chance to buy.

    Returns
    -------
    pa.Table
        Rows of the contract SCORES. ``intent:buy_session``: chance that the session reaches the
        goal; its band is ``bought`` where it did already, else ``low``, ``middle`` (from the usual
        share on) or ``high`` (from twice that on). ``intent:next_category``: band names the
        likeliest category, value is its chance. ``expected_days_to_purchase``: days, at most the
        horizon. A customer without a recent session has no row.
    """
    rows = events if isinstance(events, EventRows) else read_events(events)
    rows = rows.before(as_of_us)
    if len(rows) == 0:
        return SCORES.empty()
    prefixes = last_prefixes(rows)
    late = prefixes.columns.numbers["last_us"] >= as_of_us - recent_days * DAY_US
    prefixes = prefixes.take(np.flatnonzero(late))
    said = model.predict(prefixes)
    ids = rows.visitors.take(pa.array(prefixes.visitor))
    parts = [
        _part(ids, BUY_SESSION, said.buy, "probability", _bands(model, prefixes, said),
              _reasons(model, prefixes) if reasons else None),
        _named_categories(model, ids, said),
        _part(ids, DAYS_TO_PURCHASE, said.days, "days", None, None),
    ]  # fmt: skip
    table = pa.concat_tables(parts)
    constants = {
        "as_of": pa.array([from_us(as_of_us)], pa.timestamp("us", tz="UTC")),
        "model": pa.array([f"{model.name}:{model.learned.method}"]),
        "model_version": pa.array([model_version]),
        "horizon_days": pa.array([round(model.learned.hazard.edges_days[-1])], pa.int32()),
    }
    for name, value in constants.items():
        repeated = value.take(pa.array(np.zeros(table.num_rows, dtype=np.int64)))
        table = table.append_column(name, repeated)
    return SCORES.cast(table, fill=True)


def _part(
    ids: pa.Array,
    kind: str,
    values: Floats,
    unit: str,
    bands: pa.Array | None,
    reasons: pa.Array | None,
) -> pa.Table:
    size = len(values)
    empty = pa.nulls(size, pa.string())
    return pa.table(
        {
            "customer_id": ids,
            "kind": pa.array([kind] * size, pa.string()),
            "value": pa.array(values, pa.float64()),
            "unit": pa.array([unit] * size, pa.string()),
            "band": empty if bands is None else bands.cast(pa.string()),
            "reasons": empty if reasons is None else reasons.cast(pa.string()),
        }
    )


def _bands(model: IntentModel, prefixes: Prefixes, said: IntentSaid) -> pa.Array:
    share = model.learned.facts["goal_share"]
    level = (said.buy >= share).astype(np.int64) + (said.buy >= 2 * share)
    level[prefixes.columns.counts[:, model.learned.goal] > 0] = 3
    return pa.array(["low", "middle", "high", "bought"]).take(pa.array(level))


def _named_categories(model: IntentModel, ids: pa.Array, said: IntentSaid) -> pa.Table:
    keys, place = np.unique(said.category, return_inverse=True)
    names = [model.learned.category_names.get(int(key)) for key in keys]
    named = pa.array(names, pa.string()).take(pa.array(place))
    table = _part(ids, NEXT_CATEGORY, said.category_share, "probability", named, None)
    return table.filter(pa.compute.is_valid(table["band"]))


def _reasons(model: IntentModel, prefixes: Prefixes) -> pa.Array:
    learned = model.learned
    if len(prefixes.at) == 0:
        return pa.array([], pa.string())
    features = prefixes.features()
    matrix = widened(features, prefixes, learned.net)
    told = np.asarray(learned.buy.predict(matrix, pred_contrib=True, num_threads=1))[:, :-1]
    width = len(FEATURES)
    folded = np.column_stack([told[:, :width], told[:, width:].sum(axis=1)])
    values = np.column_stack([features, np.full(len(features), np.nan)])
    usual = np.append(learned.usual, np.nan)
    return store_reasons((*FEATURES, "prefix_network"), folded, values, usual)
