"""Train, compare, store and apply the models of churn, value and recommendation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shopkeeper.apps.flows.recommend import predict_recommend
from shopkeeper.apps.flows.task import (
    TaskReport,
    history_before,
    keep,
    pivot,
    write_scores,
)
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.churn.train import score_churn, train_churn
from shopkeeper.predict.value.train import score_value, train_value


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
    done = {}
    for name, task in TASKS.items():
        try:
            done[name] = task(runtime, as_of)
        except NotEnoughDataError as error:
            done[name] = TaskReport(refused=str(error))
    return PredictReport(done)


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


TASKS: dict[str, Callable[[Runtime, datetime], TaskReport]] = {
    "churn": predict_churn,
    "value": predict_value,
    "recommend": predict_recommend,
}
"""What a night trains and applies, in this order."""
