"""Intent: learn from the sessions of the shop's customers, keep, score those who came lately."""

from __future__ import annotations

import json
from datetime import datetime

import ibis

from shopkeeper.apps.flows.learn_train import Trained, card_figures, lived
from shopkeeper.apps.flows.task import TaskReport, pivot, write_scores
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.core.tables import ACTIVITY
from shopkeeper.predict.intent.events import DAY_US, read_events
from shopkeeper.predict.intent.model import IntentModel
from shopkeeper.predict.intent.train import KINDS, score_intent, train_intent

TASK = "intent"
COLUMNS = ("customer_id", "ts_us", "kind", "product_id", "category", "hour", "dow")
"""Columns of ACTIVITY that are read."""

HISTORY_DAYS = 180
MOST_EVENTS = 3_000_000
"""The latest so many days, and of a larger shop so many days that about this many events stay."""


def predict_intent(runtime: Runtime, as_of: datetime) -> TaskReport:
    """Intent: train where it is due, settle, score the customers of the last days.

    Parameters
    ----------
    runtime
        The open shop; unify must have run. Events of programs are no part of ACTIVITY.
    as_of
        The moment we pretend it is.

    Returns
    -------
    TaskReport
        With figures of every method.

    Raises
    ------
    NotEnoughDataError
        When the shop collects no events, or too few of them lead to a goal.
    """
    now_us, seed = to_us(as_of), runtime.settings.predict.seed
    if not runtime.tables.exists(ACTIVITY):
        raise NotEnoughDataError(
            "the shop has no events, so nothing is known of sessions",
            next_step="collect events of the website or app",
        )
    activity = runtime.tables.table(ACTIVITY)
    since = _since(runtime, now_us)
    moment = activity.ts_us
    known = activity.filter(
        (moment < ibis.literal(now_us).cast("int64")) & (moment >= ibis.literal(since))
    )
    rows = read_events(runtime.tables.run(known.select(*COLUMNS)))

    def train() -> Trained[IntentModel]:
        run = train_intent(rows, now_us, seed=seed)
        return Trained(run.card.name, run.model, json.loads(run.card.to_json()))

    stored, model = lived(runtime, TASK, as_of, train, IntentModel.load)
    scores = score_intent(model, rows, now_us, model_version=stored.version)
    write_scores(runtime.tables, scores, KINDS, as_of)
    return TaskReport(stored.model, stored.version, scores.num_rows, pivot(card_figures(stored)))


def _since(runtime: Runtime, now_us: int) -> int:
    """First moment that is read: fewer days of a shop with many events."""
    since = now_us - HISTORY_DAYS * DAY_US
    activity = runtime.tables.table(ACTIVITY)
    inside = activity.filter(
        (activity.ts_us >= ibis.literal(since)) & (activity.ts_us < ibis.literal(now_us))
    )
    count = int(runtime.tables.run(inside.aggregate(n=inside.count())).column("n")[0].as_py())
    if count <= MOST_EVENTS:
        return since
    return now_us - int(HISTORY_DAYS * DAY_US * MOST_EVENTS / count)
