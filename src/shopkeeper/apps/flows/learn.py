"""The life of models in a night: watched, held against what happened, replaced or brought back.

Before a task is trained this step asks three questions of its champion: does it do worse than the
one before it (then that one returns), does it still know what it knew, and do today's customers
look like those it learned from. The answers are written down; `training_plan` reads them, and the
predict step performs the plan.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow.compute as pc

from shopkeeper.apps.flows.learn_drift import column_names, find_drift_of, reference_of
from shopkeeper.apps.flows.learn_events import ModelEvent, events, of, record, training_plan
from shopkeeper.apps.flows.learn_lives import Life, Said, groups_of, life_of
from shopkeeper.apps.flows.learn_settle import (
    CHAMPION,
    PREVIOUS,
    aliased,
    evidence_of,
    roll_back,
    settle,
    trained_us,
)
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import NotEnoughDataError, ShopkeeperError
from shopkeeper.core.ports import StoredModel
from shopkeeper.learn.challenge import Evaluation, watch
from shopkeeper.learn.degrade import Realised, realised
from shopkeeper.learn.metrics import skill
from shopkeeper.learn.words import (
    drift_summary,
    plan_sentence,
    realised_sentence,
    verdict_sentence,
)
from shopkeeper.predict.history import DAY_US

__all__ = ["LearnReport", "evaluate", "find_drift_of", "reference_of", "run_learn", "settle"]

log = logging.getLogger(__name__)

AGAIN_DAYS = 7
"""An answer that did not change is written down again after so many days."""


@dataclass(frozen=True, slots=True)
class LearnReport:
    """What a night found.

    Parameters
    ----------
    tasks
        What was found and decided, by task.
    """

    tasks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: dict(found) for name, found in self.tasks.items()}


def run_learn(runtime: Runtime, *, as_of: datetime) -> LearnReport:
    """Look at every champion once: roll back, degradation, drift, and what is to be trained.

    Parameters
    ----------
    runtime
        The open shop; unify must have run.
    as_of
        The moment we pretend it is.

    Returns
    -------
    LearnReport
        By task; empty where nothing is watched.
    """
    if not runtime.settings.learn.enabled:
        return LearnReport()
    found: dict[str, Mapping[str, Any]] = {}
    for task in sorted({model.task for model in runtime.models.versions()}):
        life, champion = life_of(task), aliased(runtime, task, CHAMPION)
        if life is None or champion is None:
            continue
        try:
            found[task] = _look(runtime, task, life, as_of)
        except ShopkeeperError as error:
            log.warning("models of %s could not be looked at: %s", task, error)
            found[task] = {"refused": str(error)}
    return LearnReport(found)


def _look(runtime: Runtime, task: str, life: Life, as_of: datetime) -> dict[str, Any]:
    said: dict[str, Any] = {}
    returned = watch_champion(runtime, task, life, as_of)
    if returned is not None:
        said["watched"] = {"act": returned.act, "zh": returned.zh, "en": returned.en}
    champion = runtime.models.get(task, CHAMPION)
    model = life.opened(champion.folder)
    now = measure_champion(runtime, champion, life, model, as_of)
    if now is not None:
        zh, en = realised_sentence(now)
        said["results"] = {"degraded": now.degraded, "zh": zh, "en": en}
        act = "degraded" if now.degraded else "sound"
        _news(runtime, champion, act, as_of, (zh, en), now.to_json())
    drift = find_drift_of(runtime, champion, life, model, as_of)
    if drift is not None:
        names = column_names()
        zh, en = drift_summary(drift, names)
        matters = drift.matters(champion.card.get("importances") or {})
        said["drift"] = {"columns": len(drift.alarmed), "matters": matters, "zh": zh, "en": en}
        act = "drifted" if drift.alarmed else "steady"
        _news(runtime, champion, act, as_of, (zh, en), {"matters": matters, **drift.to_json()})
    plan = training_plan(runtime, task, as_of)
    zh, en = plan_sentence(plan)
    said["plan"] = {"train": plan.train, "zh": zh, "en": en}
    if plan.train and set(plan.because) & {"drift", "degraded"}:
        record(
            runtime, task, champion.version, "due", as_of, (zh, en), plan.to_json(),
            model=champion.model,
        )  # fmt: skip
    return said


def _news(
    runtime: Runtime, model: StoredModel, act: str, as_of: datetime, said: tuple[str, str],
    evidence: Mapping[str, Any],
) -> None:  # fmt: skip
    """Write down an answer that is new, or was last written a week ago."""
    pair = ("degraded", "sound") if act in ("degraded", "sound") else ("drifted", "steady")
    history = of(events(runtime.tables, model.task), *pair, version=model.version)
    last = history[0] if history else None
    fresh = last is not None and (as_of - last.as_of).days < AGAIN_DAYS
    # an alarm is repeated every night until it is acted on: the plan counts what is after training
    if last is None or last.act != act or not fresh or act in ("degraded", "drifted"):
        record(runtime, model.task, model.version, act, as_of, said, evidence, model=model.model)


def evaluate(
    runtime: Runtime, task: str, champion: StoredModel, as_of: datetime
) -> Evaluation | None:
    """Hold a champion against the task's recipe on the last window whose truth is known.

    The recipe is trained at the start of the window with what was known then, so it has seen none
    of it. A champion younger than the window has; that only counts against the challenger.

    Parameters
    ----------
    runtime
        The open shop.
    task
        What they predict.
    champion
        The champion.
    as_of
        The moment; the window ends here.

    Returns
    -------
    Evaluation or None
        None where the task has not joined, or the history is too short for a window.
    """
    life = life_of(task)
    if life is None:
        return None
    now_us = to_us(as_of)
    days = float(runtime.settings.predict.horizon_days)
    cut_us = now_us - round(days * DAY_US)
    try:
        recipe = life.trained(runtime, task, cut_us)
        if life.horizon_days(recipe) != days:
            days = life.horizon_days(recipe)
            cut_us = now_us - round(days * DAY_US)
            recipe = life.trained(runtime, task, cut_us)
        challenger = life.said(runtime, recipe, cut_us)
    except NotEnoughDataError:
        return None
    return paired_at(runtime, life, champion, challenger, cut_us, now_us, days)


def paired_at(
    runtime: Runtime, life: Life, champion: StoredModel, challenger: Said, cut_us: int, end_us: int,
    days: float,
) -> Evaluation:  # fmt: skip
    """Join what a stored model and another one say at a moment with what happened.

    Parameters
    ----------
    runtime
        The open shop.
    life
        The task's entry.
    champion
        A stored model; one that cannot answer, or looks ahead differently, counts as silent.
    challenger
        What the other one says.
    cut_us, end_us
        The window, half-open, microseconds UTC.
    days
        Horizon of the other one.
    """
    said: np.ndarray[Any, np.dtype[np.float64]] | None = None
    before: tuple[str, ...] = ()
    try:
        model = life.opened(champion.folder)
        if abs(life.horizon_days(model) - days) < 0.5:
            first = life.said(runtime, model, cut_us)
            place = pc.index_in(challenger.customers, value_set=first.customers)
            if not place.null_count:
                said, before = first.value[place.to_numpy()], tuple(first.columns)
    except ShopkeeperError as error:
        log.warning("champion %s of %s cannot answer: %s", champion.version, champion.task, error)
    changed = said is not None and set(before) != set(challenger.columns)
    return Evaluation(
        metric=life.metric,
        truth=life.happened(runtime, challenger.customers, cut_us, end_us),
        champion=said,
        challenger=challenger.value,
        window_from_us=cut_us,
        window_to_us=end_us,
        champion_as_of_us=trained_us(champion),
        groups=groups_of(challenger.columns),
        columns_changed=changed,
    )


def watch_champion(runtime: Runtime, task: str, life: Life, as_of: datetime) -> ModelEvent | None:
    """Hold a champion on probation against the one before it, once a window after it is known.

    Parameters
    ----------
    runtime
        The open shop.
    task
        What they predict.
    life
        The task's entry.
    as_of
        The moment.

    Returns
    -------
    ModelEvent or None
        `rolled_back` or `watched`; None where nothing is on probation or nothing is known yet.
    """
    champion, previous = aliased(runtime, task, CHAMPION), aliased(runtime, task, PREVIOUS)
    if champion is None or previous is None or previous.version == champion.version:
        return None
    history = events(runtime.tables, task)
    came = of(history, "promoted", "renewed", version=champion.version)
    done = of(history, "watched", version=champion.version)
    if not came or (done and done[0].as_of >= came[0].as_of):
        return None
    model = life.opened(champion.folder)
    days, now_us = life.horizon_days(model), to_us(as_of)
    cut_us = now_us - round(days * DAY_US)
    if cut_us < max(trained_us(champion), trained_us(previous)):
        return None
    evaluation = paired_at(
        runtime, life, previous, life.said(runtime, model, cut_us), cut_us, now_us, days
    )
    verdict = watch(evaluation, seed=runtime.settings.predict.seed)
    evidence = evidence_of(verdict, evaluation) | {"against": previous.version, "recipe": False}
    said = verdict_sentence(verdict)
    if verdict.act == "roll back":
        return roll_back(runtime, task, as_of, said, evidence)
    if verdict.why == "too_few":
        return None
    passed = ("上任后不比前任差，试用期结束", "No worse than the one before it; probation is over")
    return record(
        runtime, task, champion.version, "watched", as_of, passed, evidence, model=champion.model
    )


def measure_champion(
    runtime: Runtime, champion: StoredModel, life: Life, model: Any, as_of: datetime
) -> Realised | None:
    """Hold what a champion said against what happened since.

    Parameters
    ----------
    runtime
        The open shop.
    champion
        The stored champion.
    life
        The task's entry.
    model
        The same, opened.
    as_of
        The moment.

    Returns
    -------
    Realised or None
        None while no whole horizon has passed since it was trained.
    """
    now_us = to_us(as_of)
    cut_us = now_us - round(life.horizon_days(model) * DAY_US)
    if cut_us < trained_us(champion):
        return None
    said = life.said(runtime, model, cut_us)
    truth = life.happened(runtime, said.customers, cut_us, now_us)
    expected, gap = _expected(runtime, champion, life)
    return realised(
        life.metric, truth, said.value, expected=expected, window=(cut_us, now_us),
        expected_calibration=gap, share=runtime.settings.learn.degraded_share,
        seed=runtime.settings.predict.seed,
    )  # fmt: skip


def _expected(runtime: Runtime, champion: StoredModel, life: Life) -> tuple[float, float]:
    """Skill and calibration error when it took over: by its promotion, its card, or first seen."""
    nan = float("nan")
    history = events(runtime.tables, champion.task)
    card = dict(_card_values(champion))
    gap = card.get("ece", nan)
    for event in of(history, "promoted", version=champion.version):
        if event.evidence.get("skill") is not None:
            own = event.evidence.get("calibration")
            return float(event.evidence["skill"]), float(own[1]) if own else gap
    if life.metric in card and life.metric in ("auc", "ndcg"):
        return skill(life.metric, card[life.metric], nan), gap
    seen = [x for x in of(history, "sound", version=champion.version) if x.evidence.get("skill")]
    return (float(seen[-1].evidence["skill"]), gap) if seen else (nan, gap)


def _card_values(model: StoredModel) -> list[tuple[str, float]]:
    named = str(model.card.get("chosen") or model.card.get("name") or model.model)
    return [
        (str(figure["metric"]).lower().removesuffix("@10"), float(figure["value"]))
        for figure in model.card.get("figures", ())
        if figure.get("method") == named.rpartition(":")[2]
        and not figure.get("slice")
        and figure.get("value") is not None
    ]
