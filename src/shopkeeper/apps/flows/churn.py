"""Churn: who will not buy again within the horizon."""

from __future__ import annotations

import json
from datetime import datetime

from shopkeeper.apps.flows.learn_train import Trained, card_figures, lived
from shopkeeper.apps.flows.task import TaskReport, history_before, pivot, write_scores
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.predict.churn.model import ChurnModel
from shopkeeper.predict.churn.train import score_churn, train_churn

__all__ = ["predict_churn"]


def predict_churn(runtime: Runtime, as_of: datetime) -> TaskReport:
    """Churn: train where it is due, settle, score with the champion.

    Parameters
    ----------
    runtime
        The open shop; unify must have run.
    as_of
        The moment we pretend it is.
    """
    settings, now_us = runtime.settings.predict, to_us(as_of)
    history = history_before(runtime.tables, as_of)

    def train() -> Trained[ChurnModel]:
        run = train_churn(history, now_us, settings.horizon_days, seed=settings.seed)
        return Trained(run.card.name, run.model, json.loads(run.card.to_json()))

    stored, model = lived(runtime, "churn", as_of, train, ChurnModel.load)
    rows = score_churn(model, history, now_us, model_version=stored.version)
    write_scores(runtime.tables, rows, ("churn",), as_of)
    return TaskReport(stored.model, stored.version, rows.num_rows, pivot(card_figures(stored)))
