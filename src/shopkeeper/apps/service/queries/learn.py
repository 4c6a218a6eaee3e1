"""What happened to models, how they stand, and how today's customers differ from then."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

from shopkeeper.apps.flows.learn_events import (
    TRAININGS,
    events,
    of,
    policy,
    training_plan,
)
from shopkeeper.apps.flows.learn_events import (
    ModelEvent as StoredEvent,
)
from shopkeeper.apps.flows.learn_settle import CHALLENGER, CHAMPION, PREVIOUS, aliased
from shopkeeper.apps.service import labels
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import figures, models, names
from shopkeeper.apps.service.queries.reading import day_of
from shopkeeper.apps.service.queries.runs import NEVER_RAN
from shopkeeper.apps.service.schemas.common import Text
from shopkeeper.apps.service.schemas.learn import (
    Act,
    Comparison,
    DriftReport,
    FeatureDrift,
    LearnStatus,
    ModelEvent,
    ModelEventList,
    TaskStatus,
)
from shopkeeper.core.clock import from_us
from shopkeeper.core.errors import InputError
from shopkeeper.core.ports import StoredModel
from shopkeeper.learn.drift import ColumnDrift
from shopkeeper.learn.metrics import HIGHER_IS_BETTER
from shopkeeper.learn.reference import Histogram, load_reference
from shopkeeper.learn.words import ENDS, drift_sentence

ACTS: dict[str, Text] = {
    "first": Text(zh="首次上任", en="First model"),
    "trained": Text(zh="训练", en="Trained"),
    "challenged": Text(zh="挑战", en="Challenged"),
    "promoted": Text(zh="上任", en="Took over"),
    "renewed": Text(zh="更新", en="Renewed"),
    "held": Text(zh="现任留任", en="Champion stays"),
    "drifted": Text(zh="漂移", en="Drifted"),
    "steady": Text(zh="平稳", en="Steady"),
    "degraded": Text(zh="退化", en="Degraded"),
    "sound": Text(zh="有效", en="Sound"),
    "due": Text(zh="需要重训", en="To be trained again"),
    "watched": Text(zh="试用期结束", en="Probation over"),
    "rolled_back": Text(zh="换回前任", en="Rolled back"),
    "retired": Text(zh="撤下", en="Withdrawn"),
}
SKILL = Text(zh="预测力（0 为盲猜，1 为完全准确）", en="Skill (0 is blind, 1 is perfect)")


def model_events(
    shop: OpenShop, task: str | None, version: str | None, act: str | None, limit: int
) -> ModelEventList:
    """What happened, newest first.

    Parameters
    ----------
    shop
        The open shop.
    task, version, act
        Only these; None means all.
    limit
        Most rows.

    Raises
    ------
    InputError
        When the act is not known.
    """
    if act is not None and act not in ACTS:
        raise InputError(
            f"models have no act {act!r}", next_step=f"choose one of {', '.join(ACTS)}", act=act
        )
    found = [
        x
        for x in events(shop.tables, task)
        if version in (None, x.version) and act in (None, x.act)
    ]
    return ModelEventList(
        items=[event(shop, x) for x in found[:limit]], next_step=None if found else NEVER_RAN
    )


def event(shop: OpenShop, stored: StoredEvent) -> ModelEvent:
    """One event as the pages show it.

    Parameters
    ----------
    shop
        The open shop.
    stored
        As it was written.
    """
    evidence = stored.evidence
    known = stored.act if stored.act in get_args(Act) else "trained"
    return ModelEvent(
        event_id=stored.event_id,
        task=stored.task,
        task_name=labels.named(names.TASKS, stored.task),
        version=stored.version,
        model=stored.model or None,
        act=cast("Act", known),
        act_name=ACTS[known],
        as_of=stored.as_of,
        at=stored.at,
        text=Text(zh=stored.zh, en=stored.en),
        comparison=comparison(shop, evidence),
        against=evidence.get("against") or evidence.get("replaced"),
        by=evidence.get("by"),
    )


def comparison(shop: OpenShop, evidence: Mapping[str, Any]) -> Comparison | None:
    """The comparison an event rests on; None where it rests on none.

    Parameters
    ----------
    shop
        The open shop.
    evidence
        Of the event.
    """
    metric = evidence.get("metric")
    if not metric or "challenger" not in evidence:
        return None

    def day(key: str) -> dt.date | None:
        return day_of(shop, from_us(evidence[key])) if evidence.get(key) else None

    return Comparison(
        metric=metric,
        label=figures.meaning(metric).label,
        champion=evidence.get("champion"),
        challenger=evidence.get("challenger"),
        difference=evidence.get("difference"),
        low=evidence.get("low"),
        high=evidence.get("high"),
        n=evidence.get("n") or 0,
        window_from=day("window_from_us"),
        window_to=day("window_to_us"),
        higher_is_better=evidence.get("higher_is_better", HIGHER_IS_BETTER.get(metric, True)),
    )


def status(shop: OpenShop) -> LearnStatus:
    """How every task stands.

    Parameters
    ----------
    shop
        The open shop.
    """
    tasks = sorted({model.task for model in shop.models.versions()})
    return LearnStatus(
        enabled=shop.settings.learn.enabled,
        tasks=[_task(shop, task) for task in tasks],
        next_step=None if tasks else NEVER_RAN,
    )


def _task(shop: OpenShop, task: str) -> TaskStatus:
    history = events(shop.tables, task)
    champion = aliased(shop.runtime, task, CHAMPION)
    challenger, previous = (aliased(shop.runtime, task, x) for x in (CHALLENGER, PREVIOUS))
    own = [x for x in history if champion is not None and x.version == champion.version]
    result, drift = of(own, "degraded", "sound"), of(own, "drifted", "steady")
    came, done = of(own, "promoted", "renewed"), of(own, "watched")
    watched = bool(came) and previous is not None and not (done and done[0].as_of >= came[0].as_of)
    trained = of(history, *TRAININGS)
    state, text = _state(champion, result, drift)
    plan = training_plan(shop.runtime, task, trained[0].as_of) if trained else None
    realised = result[0].evidence if result else {}
    return TaskStatus(
        task=task,
        task_name=labels.named(names.TASKS, task),
        champion=None if champion is None else models.summary(shop, champion),
        challenger=None if challenger is None else models.summary(shop, challenger),
        previous=None if previous is None else models.summary(shop, previous),
        retired=sorted({x.version for x in of(history, "retired")}),
        watched=watched,
        state=state,  # type: ignore[arg-type]
        text=text,
        trained_at=trained[0].as_of if trained else None,
        next_training=from_us(plan.next_us) if plan and policy(shop.runtime).enabled else None,
        skill_expected=realised.get("expected"),
        skill_now=realised.get("skill"),
        skill_label=SKILL,
        drift=_count(drift[0]) if drift else None,
        last=event(shop, history[0]) if history else None,
        can_promote=challenger is not None
        and challenger.version != (champion and champion.version),
        can_roll_back=previous is not None,
    )


def _count(found: StoredEvent) -> int:
    return sum(1 for column in found.evidence.get("columns", ()) if column.get("alarmed"))


def _state(
    champion: StoredModel | None, result: Sequence[StoredEvent], drift: Sequence[StoredEvent]
) -> tuple[str, Text]:
    if champion is None:
        return "none", Text(zh="还没有模型上任", en="No model serves yet")
    if result and result[0].act == "degraded":
        return "degraded", Text(zh=result[0].zh, en=result[0].en)
    if drift and drift[0].act == "drifted":
        return "drifted", Text(zh=drift[0].zh, en=drift[0].en)
    if result or drift:
        last = (result or drift)[0]
        return "good", Text(zh=last.zh, en=last.en)
    return "unmeasured", Text(
        zh="还没有可以对照的结果：要等一个预测期过去",
        en="Nothing to hold it against yet: a whole horizon has to pass",
    )


def drift_report(shop: OpenShop, task: str) -> DriftReport:
    """Customers of the last look beside those the champion learned from.

    Parameters
    ----------
    shop
        The open shop.
    task
        What it predicts.

    Raises
    ------
    NotFoundError
        When the task has no champion.
    """
    champion = shop.models.get(task, CHAMPION)
    found = of(events(shop.tables, task), "drifted", "steady", version=champion.version)
    if not found:
        zh = "上任以来还没有比较过；每晚自动进行"
        en = "Not compared since it took over; every night does that"
        return DriftReport(
            task=task, version=champion.version, as_of=None, before_n=None, now_n=None,
            alarmed=False, text=Text(zh=zh, en=en), columns=[], separating=[], separating_auc=None,
            next_step=NEVER_RAN,
        )  # fmt: skip
    last, reference = found[0], load_reference(champion.folder)
    before = {x.name: x for x in reference.columns} if reference else {}
    for end in (reference.prediction, reference.outcome) if reference else ():
        if end is not None:
            before[end.name] = end
    domain = last.evidence.get("domain") or {}
    importances = champion.card.get("importances") or {}
    columns = [
        _column(x, before, last.evidence.get("now") or {}, importances, domain.get("columns", ()))
        for x in last.evidence.get("columns", ())
    ]
    columns.sort(key=lambda x: (not x.alarmed, -(x.effect or 0.0), x.feature))
    return DriftReport(
        task=task,
        version=champion.version,
        as_of=last.as_of,
        before_n=last.evidence.get("n_before"),
        now_n=last.evidence.get("n_now"),
        alarmed=last.act == "drifted",
        text=Text(zh=last.zh, en=last.en),
        columns=columns,
        separating=list(domain.get("columns", ())),
        separating_auc=domain.get("auc"),
        next_step=None,
    )


def _column(
    stored: Mapping[str, Any], before: Mapping[str, Histogram], now: Mapping[str, Any],
    importances: Mapping[str, float], separating: Sequence[str],
) -> FeatureDrift:  # fmt: skip
    nan = float("nan")
    values = {
        key: nan if stored[key] is None else stored[key]
        for key in ("psi", "expected", "p", "adjusted", "middle_before", "middle_now")
    }
    drift = ColumnDrift(
        stored["name"], stored["kind"], values["psi"], values["expected"], values["p"],
        values["adjusted"], stored["direction"], stored["missing_before"], stored["missing_now"],
        values["middle_before"], values["middle_now"], stored["alarmed"], stored["gained"],
    )  # fmt: skip
    label = ENDS.get(drift.name)
    shown = Text(zh=label[0], en=label[1]) if label else names.feature(drift.name)
    if drift.kind == "together":
        shown = Text(zh="各列合在一起", en="Columns together")
    zh, en = drift_sentence(drift, {drift.name: (shown.zh, shown.en)}, tuple(separating))
    part = before.get(drift.name)
    counts = now.get(drift.name)
    whole = stored["psi"] is not None
    return FeatureDrift(
        feature=drift.name, label=shown, kind=drift.kind, psi=stored["psi"],
        expected=stored["expected"], effect=drift.effect if whole else None, p=stored["p"],
        alarmed=drift.alarmed, level=drift.level, missing_before=drift.missing_before,
        missing_now=drift.missing_now, importance=importances.get(drift.name),
        text=Text(zh=zh, en=en), edges=list(part.edges) if part else [],
        levels=list(part.levels) if part else [],
        before=_shares([*part.counts, part.missing]) if part else [],
        now=_shares(counts) if counts else [],
    )  # fmt: skip


def _shares(counts: Sequence[float]) -> list[float]:
    """Share by bin; the last is of those without a value."""
    total = sum(counts)
    return [count / total for count in counts] if total else []
