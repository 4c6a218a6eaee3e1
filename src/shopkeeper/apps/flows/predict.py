"""Train, compare, store and apply the models of churn, value and recommendation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from shopkeeper.apps.flows.forecast import predict_forecast
from shopkeeper.apps.flows.intent import predict_intent
from shopkeeper.apps.flows.learn_train import Trained, card_figures, lived
from shopkeeper.apps.flows.promotion import predict_promotion
from shopkeeper.apps.flows.propensity import predict_propensities
from shopkeeper.apps.flows.recommend import predict_recommend
from shopkeeper.apps.flows.task import (
    TaskReport,
    history_before,
    pivot,
    write_scores,
)
from shopkeeper.apps.flows.text import predict_text
from shopkeeper.apps.flows.uplift import predict_uplift
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.cards import gain_points
from shopkeeper.predict.churn.model import ChurnModel
from shopkeeper.predict.churn.train import score_churn, train_churn
from shopkeeper.predict.value.model import ValueModel
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
    """Churn: train where it is due, settle, score with the champion."""
    settings, now_us = runtime.settings.predict, to_us(as_of)
    history = history_before(runtime.tables, as_of)

    def train() -> Trained[ChurnModel]:
        run = train_churn(history, now_us, settings.horizon_days, seed=settings.seed)
        card = run.card
        if not card.gains and run.model.rehearsal is not None:
            past, method = run.model.rehearsal, run.model.learned.method
            gone = np.asarray(~past.bought, dtype=np.float64)
            card = replace(card, gains=gain_points(gone, 1.0 - past.said[method]))
        return Trained(card.name, run.model, json.loads(card.to_json()))

    stored, model = lived(runtime, "churn", as_of, train, ChurnModel.load)
    rows = score_churn(model, history, now_us, model_version=stored.version)
    write_scores(runtime.tables, rows, ("churn",), as_of)
    return TaskReport(stored.model, stored.version, rows.num_rows, pivot(card_figures(stored)))


def predict_value(runtime: Runtime, as_of: datetime) -> TaskReport:
    """Value: train where it is due, settle, score with the champion."""
    settings, now_us = runtime.settings.predict, to_us(as_of)
    history = history_before(runtime.tables, as_of)

    def train() -> Trained[ValueModel]:
        run = train_value(history, now_us, settings.horizon_days, seed=settings.seed)
        return Trained(run.card.name, run.model, json.loads(run.card.to_json()))

    stored, model = lived(runtime, "value", as_of, train, ValueModel.load)
    rows = score_value(model, history, now_us, model_version=stored.version)
    write_scores(runtime.tables, rows, ("expected_orders", "expected_spend", "p_alive"), as_of)
    return TaskReport(stored.model, stored.version, rows.num_rows, pivot(card_figures(stored)))


TASKS: dict[str, Callable[[Runtime, datetime], TaskReport]] = {
    "churn": predict_churn,
    "value": predict_value,
    "recommend": predict_recommend,
    "text": predict_text,
    "forecast": predict_forecast,
    "promotion": predict_promotion,
    "intent": predict_intent,
    "propensity": predict_propensities,
    "uplift": predict_uplift,
}
"""What a night trains and applies, in this order."""
