"""What happened to models: one row an act, appended and never changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import columns as c
from shopkeeper.core.clock import to_us
from shopkeeper.core.ids import content_id
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import MODEL_EVENTS
from shopkeeper.learn.retrain import Policy, RetrainPlan, Standing, plan_training
from shopkeeper.learn.words import Both

TRAININGS = frozenset({"first", "trained"})
"""Acts that are a training."""
ORDER = {
    "watched": 0, "drifted": 0, "steady": 0, "degraded": 0, "sound": 0, "due": 0, "trained": 1,
}  # fmt: skip
"""Order of acts of one moment; what is decided comes last."""


@dataclass(frozen=True, slots=True)
class ModelEvent:
    """One thing that happened to a model.

    Parameters
    ----------
    event_id
        Made from what happened: the same act of the same moment is one row.
    task, model, version
        Which model.
    act
        What happened.
    as_of
        The moment the shop stood at.
    at
        When it was done.
    evidence
        What it rests on.
    zh, en
        The same as sentences.
    """

    event_id: str
    task: str
    model: str
    version: str
    act: str
    as_of: datetime
    at: datetime
    evidence: Mapping[str, Any]
    zh: str
    en: str


def record(
    runtime: Runtime,
    task: str,
    version: str,
    act: str,
    as_of: datetime,
    said: Both,
    evidence: Mapping[str, Any] | None = None,
    *,
    model: str = "",
) -> ModelEvent:
    """Write down what happened to a model; repeating the same act writes nothing new.

    Parameters
    ----------
    runtime
        The open shop.
    task, version
        Which model.
    act
        What happened.
    as_of
        The moment the shop stands at.
    said
        The sentence in Chinese and English.
    evidence
        What it rests on, as JSON knows it.
    model
        Name of the model.
    """
    text = json.dumps(dict(evidence or {}), ensure_ascii=False, sort_keys=True, allow_nan=False)
    event_id = content_id(task, version, act, str(to_us(as_of)), text, prefix="life")
    known = [x for x in events(runtime.tables, task) if x.event_id == event_id]
    if known:
        return known[0]
    now = runtime.clock.now()
    row = {
        c.EVENT_ID: event_id, c.TASK: task, c.MODEL: model, c.MODEL_VERSION: version, c.ACT: act,
        c.AS_OF: as_of, c.CREATED_AT: now, c.EVIDENCE: text, c.REASON_ZH: said[0],
        c.REASON_EN: said[1],
    }  # fmt: skip
    fields = [(str(name), [value]) for name, value in row.items()]
    runtime.tables.append(MODEL_EVENTS, pa.table(dict(fields), schema=MODEL_EVENTS.arrow_schema))
    return ModelEvent(event_id, task, model, version, act, as_of, now, dict(evidence or {}), *said)


def events(store: TableStore, task: str | None = None) -> list[ModelEvent]:
    """What happened, newest first.

    Parameters
    ----------
    store
        The lake.
    task
        Only this task's; None means all.
    """
    if not store.exists(MODEL_EVENTS):
        return []
    table = store.table(MODEL_EVENTS)
    asked = table if task is None else table.filter(table.task == task)
    found = [
        ModelEvent(
            row["event_id"], row["task"], row["model"] or "", row["model_version"], row["act"],
            row["as_of"], row["created_at"], json.loads(row["evidence"]), row["reason_zh"] or "",
            row["reason_en"] or "",
        )
        for row in store.run(asked).to_pylist()
    ]  # fmt: skip
    return sorted(
        found, key=lambda x: (x.as_of, ORDER.get(x.act, 2), x.at, x.event_id), reverse=True
    )


def of(history: Sequence[ModelEvent], *acts: str, version: str | None = None) -> list[ModelEvent]:
    """Some of the events, in the given order.

    Parameters
    ----------
    history
        Events.
    *acts
        Which acts.
    version
        Only of this version; None means any.
    """
    return [x for x in history if x.act in acts and version in (None, x.version)]


def policy(runtime: Runtime) -> Policy:
    """When tasks are trained again, from the settings.

    Parameters
    ----------
    runtime
        The open shop.
    """
    learn = runtime.settings.learn
    return Policy(learn.enabled, learn.every_days, learn.min_days_between, learn.most_per_month)


def training_plan(
    runtime: Runtime, task: str, as_of: datetime, *, asked: bool = False
) -> RetrainPlan:
    """Whether a task is trained at a moment, from what happened so far.

    Parameters
    ----------
    runtime
        The open shop.
    task
        What it predicts.
    as_of
        The moment.
    asked
        Whether a person asks for it.
    """
    history = [x for x in events(runtime.tables, task) if x.as_of <= as_of]
    trained = of(history, *TRAININGS)
    last = trained[0].as_of if trained else None
    fresh = [x for x in history if last is None or x.as_of > last]
    standing = Standing(
        tuple(sorted(to_us(x.as_of) for x in trained)),
        drifted=any(x.evidence.get("matters") for x in of(fresh, "drifted")),
        degraded=bool(of(fresh, "degraded")),
        asked=asked or _asked(history),
    )
    return plan_training(task, to_us(as_of), standing, policy(runtime))


def ask_for_training(runtime: Runtime, task: str, as_of: datetime) -> ModelEvent:
    """Write down that a person wants a task trained again; its next turn does it.

    Parameters
    ----------
    runtime
        The open shop.
    task
        What it predicts.
    as_of
        The moment.
    """
    said = ("有人要求重新训练", "Somebody asked for training")
    evidence = {"because": ["asked"], "at": runtime.clock.now().isoformat()}
    return record(runtime, task, "", "due", as_of, said, evidence)


def _asked(history: Sequence[ModelEvent]) -> bool:
    """Whether somebody asked since the last training was done."""
    done = max((x.at for x in of(history, *TRAININGS)), default=None)
    return any(
        "asked" in x.evidence.get("because", ()) and (done is None or x.at > done)
        for x in of(history, "due")
    )
