"""Value: what customers will buy within the horizon."""

from __future__ import annotations

import json
from datetime import datetime

from shopkeeper.apps.flows.learn_train import Trained, card_figures, lived
from shopkeeper.apps.flows.task import TaskReport, history_before, pivot, write_scores
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.predict.value.model import ValueModel
from shopkeeper.predict.value.train import score_value, train_value

__all__ = ["predict_value"]


def predict_value(runtime: Runtime, as_of: datetime) -> TaskReport:
    """Value: train where it is due, settle, score with the champion.

    Parameters
    ----------
    runtime
        The open shop; unify must have run.
    as_of
        The moment we pretend it is.
    """
    settings, now_us = runtime.settings.predict, to_us(as_of)
    history = history_before(runtime.tables, as_of)

    def train() -> Trained[ValueModel]:
        run = train_value(history, now_us, settings.horizon_days, seed=settings.seed)
        return Trained(run.card.name, run.model, json.loads(run.card.to_json()))

    stored, model = lived(runtime, "value", as_of, train, ValueModel.load)
    rows = score_value(model, history, now_us, model_version=stored.version)
    write_scores(runtime.tables, rows, ("expected_orders", "expected_spend", "p_alive"), as_of)
    return TaskReport(stored.model, stored.version, rows.num_rows, pivot(card_figures(stored)))
