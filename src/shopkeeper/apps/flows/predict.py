"""Train, compare, store and apply the models of churn, value and recommendation."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa

from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.core.ports import StoredModel, TableStore
from shopkeeper.core.tables import PURCHASE_LINES, PURCHASES, RECOMMENDATIONS, SCORES
from shopkeeper.predict.cards import Figure
from shopkeeper.predict.churn.train import score_churn, train_churn
from shopkeeper.predict.recommend.train import train_recommender
from shopkeeper.predict.value.train import score_value, train_value

CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class TaskReport:
    """How one task went.

    Parameters
    ----------
    model, version
        What was trained; empty if it was not.
    rows
        Rows written.
    table
        Figures by method and metric, baselines included.
    refused
        Why it was not trained, in words; empty if it was.
    """

    model: str = ""
    version: str = ""
    rows: int = 0
    table: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    refused: str = ""


@dataclass(frozen=True, slots=True)
class PredictReport:
    """How every task went."""

    tasks: Mapping[str, TaskReport]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            name: {
                "model": t.model, "version": t.version, "rows": t.rows, "refused": t.refused,
                "figures": {m: dict(v) for m, v in t.table.items()},
            }
            for name, t in self.tasks.items()
        }  # fmt: skip


def run_predict(runtime: Runtime, *, as_of: datetime) -> PredictReport:
    """Train each task on what was known before ``as_of`` and score every customer.

    A task without enough data is reported as refused with the reason; the
    others go on.

    Parameters
    ----------
    runtime
        The open shop; unify must have run.
    as_of
        The moment we pretend it is.
    """
    tasks: dict[str, Callable[[Runtime, datetime], TaskReport]] = {
        "churn": predict_churn, "value": predict_value, "recommend": predict_recommend,
    }  # fmt: skip
    done = {}
    for name, task in tasks.items():
        try:
            done[name] = task(runtime, as_of)
        except NotEnoughDataError as error:
            done[name] = TaskReport(refused=str(error))
    return PredictReport(done)


def history_before(store: TableStore, as_of: datetime) -> pa.Table:
    """Purchases before a moment: customer_id, ts_us, day, amount_minor."""
    purchases = store.table(PURCHASES)
    known = purchases.filter(purchases.ts_us < ibis.literal(to_us(as_of)).cast("int64"))
    return store.run(known.select("customer_id", "ts_us", "day", "amount_minor"))


def predict_churn(runtime: Runtime, as_of: datetime) -> TaskReport:
    """Churn: train, keep, score."""
    settings = runtime.settings.predict
    history = history_before(runtime.tables, as_of)
    run = train_churn(history, to_us(as_of), settings.horizon_days, seed=settings.seed)
    kept = keep(runtime, "churn", run.card.name, run.model.save, json.loads(run.card.to_json()))
    rows = score_churn(run, history, to_us(as_of), model_version=kept.version)
    write_scores(runtime.tables, rows, ("churn",), as_of)
    return TaskReport(run.card.name, kept.version, rows.num_rows, pivot(run.card.figures))


def predict_value(runtime: Runtime, as_of: datetime) -> TaskReport:
    """Value: train, keep, score."""
    settings = runtime.settings.predict
    history = history_before(runtime.tables, as_of)
    run = train_value(history, to_us(as_of), settings.horizon_days, seed=settings.seed)
    kept = keep(runtime, "value", run.card.name, run.model.save, json.loads(run.card.to_json()))
    rows = score_value(run, history, to_us(as_of), model_version=kept.version)
    write_scores(runtime.tables, rows, ("expected_orders", "expected_spend", "p_alive"), as_of)
    return TaskReport(run.card.name, kept.version, rows.num_rows, pivot(run.card.figures))


def predict_recommend(runtime: Runtime, as_of: datetime) -> TaskReport:
    """Recommendation: train, keep, recommend."""
    settings = runtime.settings.predict
    lines = runtime.tables.table(PURCHASE_LINES)
    known = lines.filter(lines.ts_us < ibis.literal(to_us(as_of)).cast("int64"))
    table = runtime.tables.run(known.select("customer_id", "product_id", "ts_us", "kind"))
    run = train_recommender(table, as_of, seed=settings.seed, k=settings.recommendations)
    name = f"recommend:{run.facts['chosen']}"
    card = {
        **run.facts, "name": name, "task": "recommend", "n": run.facts["customers"],
        "figures": [_figure(x) for x in run.figures],
        "intended_zh": "用于向客户推荐可能购买的商品：新品与复购分别给出；不用于定价。",
        "intended_en": "For showing customers what they may buy, new and again; not for prices.",
    }  # fmt: skip
    kept = keep(runtime, "recommend", name, run.model.save, card)
    rows = run.recommendations(kept.version)
    runtime.tables.replace(RECOMMENDATIONS, rows)
    return TaskReport(name, kept.version, rows.num_rows, pivot(run.figures, by_slice=True))


def keep(
    runtime: Runtime, task: str, name: str, save: Callable[[Path], None], card: Mapping[str, Any]
) -> StoredModel:
    """Store a model and make it the champion.

    Parameters
    ----------
    runtime
        The open shop.
    task
        What it predicts.
    name
        Name of the model.
    save
        Writes its files into a folder.
    card
        What the reader must know.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        save(folder)
        kept = runtime.models.save(task, name, folder, card, created_at=runtime.clock.now())
    runtime.models.alias(task, CHAMPION, kept.version)
    return kept


def write_scores(
    store: TableStore, rows: pa.Table, kinds: tuple[str, ...], as_of: datetime
) -> None:
    """Replace the scores of some kinds, keeping those of the moment before.

    Older ones stay readable through the table's versions.

    Parameters
    ----------
    store
        The lake.
    rows
        SCORES rows of one moment.
    kinds
        Their kinds; one partition each.
    as_of
        That moment.
    """
    scores = store.table(SCORES)
    for kind in kinds:
        earlier = scores.filter((scores.kind == kind) & (scores.as_of < ibis.literal(as_of)))
        last = earlier.aggregate(last=earlier.as_of.max())
        other = earlier.semi_join(last, earlier.as_of == last["last"])
        kept = store.run(other) if store.exists(SCORES) else SCORES.empty()
        fresh = rows.filter(pa.compute.equal(rows.column("kind"), kind))
        store.replace(SCORES, pa.concat_tables([SCORES.cast(kept), fresh]), where={"kind": kind})


def pivot(figures: tuple[Figure, ...], *, by_slice: bool = False) -> dict[str, dict[str, float]]:
    """Figures of all rows as method → metric → value.

    Parameters
    ----------
    figures
        As on a card.
    by_slice
        Whether the slice is part of the method's name instead of being left out.
    """
    table: dict[str, dict[str, float]] = {}
    for figure in figures:
        if figure.slice and not by_slice:
            continue
        method = f"{figure.method} ({figure.slice})" if figure.slice else figure.method
        table.setdefault(method, {})[figure.metric] = round(float(figure.value), 5)
    return table


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "method": figure.method, "metric": figure.metric, "value": figure.value,
        "low": figure.low, "high": figure.high, "n": figure.n, "slice": figure.slice,
    }  # fmt: skip
