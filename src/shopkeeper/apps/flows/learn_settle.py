"""Who serves: the only place that moves the alias `champion` once there is one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from shopkeeper.apps.flows.learn_events import ModelEvent, events, of, record
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import from_us, to_us
from shopkeeper.core.errors import NotFoundError, PlanError
from shopkeeper.core.ports import StoredModel
from shopkeeper.learn.challenge import Evaluation, Rules, Verdict, decide
from shopkeeper.learn.metrics import blind_figure, skill
from shopkeeper.learn.words import verdict_sentence

CHAMPION, CHALLENGER = "champion", "challenger"
PREVIOUS, RETIRED = "previous", "retired"
CARD_SLACK = 0.05
"""Share of a card's skill that a renewed model may lack, where two cards are all there is."""
CARD_FIGURES = ("auc", "ndcg@10", "NDCG@10", "spend_mae", "wape", "mae", "accuracy", "qini", "rmse")
LOWER = frozenset({"spend_mae", "wape", "mae", "rmse"})
DAY_US = 86_400_000_000


def aliased(runtime: Runtime, task: str, alias: str) -> StoredModel | None:
    """The model an alias points at.

    Parameters
    ----------
    runtime
        The open shop.
    task
        What it predicts.
    alias
        Such as `champion`.

    Returns
    -------
    StoredModel or None
        None where the alias points at nothing.
    """
    try:
        return runtime.models.get(task, alias)
    except NotFoundError:
        return None


def enter(
    runtime: Runtime, kept: StoredModel, as_of: datetime, evidence: Evaluation | None = None
) -> ModelEvent | None:
    """Take a newly stored model into the life of its task.

    The first becomes champion. A later one becomes challenger; with evidence it is settled at
    once, without any the two cards are held against each other.

    Parameters
    ----------
    runtime
        The open shop.
    kept
        The stored model.
    as_of
        The moment it was trained at.
    evidence
        Both models on the same later window.

    Returns
    -------
    ModelEvent or None
        What was decided; None where the model is champion already.
    """
    champion = aliased(runtime, kept.task, CHAMPION)
    if champion is None:
        runtime.models.alias(kept.task, CHAMPION, kept.version)
        said = ("第一个模型，直接上任", "The first model; it serves")
        return record(runtime, kept.task, kept.version, "first", as_of, said, model=kept.model)
    decided = None
    if champion.version != kept.version:
        runtime.models.alias(kept.task, CHALLENGER, kept.version)
        if is_retired(runtime, kept):
            decided = _held(runtime, kept, as_of, {"why": "retired"}, RETURNED)
        elif evidence is not None:
            decided = settle(runtime, kept.task, evidence, as_of)
        else:
            decided = by_card(runtime, champion, kept, as_of)
    # written last: after a crash before this line the task counts as untrained and is done again
    said = ("训练了新模型", "A new model was trained")
    record(runtime, kept.task, kept.version, "trained", as_of, said, model=kept.model)
    return decided


RETURNED = (
    "这一版本曾被撤下，没有新数据不再上任",
    "This version was withdrawn before and does not return without new data",
)


def settle(
    runtime: Runtime, task: str, evaluation: Evaluation, as_of: datetime, *, rules: Rules | None = None
) -> ModelEvent:  # fmt: skip
    """Decide between champion and challenger on evidence, and do it.

    Parameters
    ----------
    runtime
        The open shop.
    task
        What they predict.
    evaluation
        What both said of the same customers, and what happened.
    as_of
        The moment.
    rules
        When a challenger takes over; None takes the usual ones with the age of the settings.

    Returns
    -------
    ModelEvent
        `promoted` or `held`, with the evidence.

    Raises
    ------
    PlanError
        When the task has no champion or no challenger.
    """
    champion, challenger = aliased(runtime, task, CHAMPION), aliased(runtime, task, CHALLENGER)
    if champion is None or challenger is None:
        missing = CHAMPION if champion is None else CHALLENGER
        raise PlanError(
            f"task {task!r} has no {missing} to settle",
            next_step="train it first: shopkeeper predict",
            task=task,
        )
    rules = rules or Rules(max_age_days=float(runtime.settings.learn.max_age_days))
    verdict = decide(
        evaluation, champion_age_days=age_days(champion, as_of), rules=rules,
        seed=runtime.settings.predict.seed,
    )  # fmt: skip
    evidence = evidence_of(verdict, evaluation) | {"against": champion.version}
    said = verdict_sentence(verdict)
    if verdict.act == "promote":
        return promote(runtime, challenger, as_of, said, evidence)
    return _held(runtime, challenger, as_of, evidence, said)


def evidence_of(verdict: Verdict, evaluation: Evaluation) -> dict[str, Any]:
    """A verdict as evidence, with the skill of the challenger over a blind forecast.

    Parameters
    ----------
    verdict
        What was decided.
    evaluation
        On what.
    """
    blind = blind_figure(evaluation.metric, evaluation.truth) if evaluation.n else float("nan")
    own = skill(evaluation.metric, verdict.pair.challenger, blind)
    return verdict.to_json() | {
        "skill": float(own) if np.isfinite(own) else None,
        "recipe": evaluation.recipe,
    }


def promote(
    runtime: Runtime, model: StoredModel, as_of: datetime, said: tuple[str, str],
    evidence: Mapping[str, Any], *, act: str = "promoted",
) -> ModelEvent:  # fmt: skip
    """Make a model the champion; the one before it is remembered as `previous`.

    Parameters
    ----------
    runtime
        The open shop.
    model
        The model that comes.
    as_of
        The moment.
    said
        Why, in Chinese and English.
    evidence
        On what.
    act
        `promoted`, or `renewed` where two cards were all there was.

    Raises
    ------
    PlanError
        When the version was withdrawn before.
    """
    if is_retired(runtime, model):
        raise PlanError(
            f"version {model.version} of {model.task!r} was withdrawn because it did worse",
            next_step="train again with newer data; that makes a new version",
            task=model.task,
            version=model.version,
        )
    before = aliased(runtime, model.task, CHAMPION)
    event = record(
        runtime, model.task, model.version, act, as_of, said,
        {"replaced": before and before.version, **evidence}, model=model.model,
    )  # fmt: skip
    moved: dict[str, str | None] = {CHAMPION: model.version, CHALLENGER: None}
    if before is not None and before.version != model.version:
        moved[PREVIOUS] = before.version
    runtime.models.move(model.task, moved)
    return event


def roll_back(
    runtime: Runtime, task: str, as_of: datetime, said: tuple[str, str],
    evidence: Mapping[str, Any],
) -> ModelEvent:  # fmt: skip
    """Give the place back to the model before, and withdraw the one that had it.

    Parameters
    ----------
    runtime
        The open shop.
    task
        What they predict.
    as_of
        The moment.
    said
        Why, in Chinese and English.
    evidence
        On what.

    Raises
    ------
    PlanError
        When there is no model before.
    """
    champion, previous = aliased(runtime, task, CHAMPION), aliased(runtime, task, PREVIOUS)
    if champion is None or previous is None or previous.version == champion.version:
        raise PlanError(
            f"task {task!r} has no earlier champion to return to",
            next_step="a model can be rolled back once another was champion before it",
            task=task,
        )
    record(
        runtime, task, champion.version, "retired", as_of,
        ("撤下，没有新数据不再上任", "Withdrawn; it does not return without new data"),
        {"replaced_by": previous.version}, model=champion.model,
    )  # fmt: skip
    event = record(
        runtime, task, previous.version, "rolled_back", as_of, said,
        {**evidence, "replaced": champion.version}, model=previous.model,
    )  # fmt: skip
    challenger = aliased(runtime, task, CHALLENGER)
    moved = {CHAMPION: previous.version, PREVIOUS: None, RETIRED: champion.version}
    if challenger is not None and challenger.version == champion.version:
        moved[CHALLENGER] = None
    runtime.models.move(task, moved)
    return event


def by_card(
    runtime: Runtime, champion: StoredModel, challenger: StoredModel, as_of: datetime
) -> ModelEvent:
    """Decide by two cards where no common window exists: figures of different windows, not paired.

    Parameters
    ----------
    runtime
        The open shop.
    champion, challenger
        The two.
    as_of
        The moment.

    Returns
    -------
    ModelEvent
        `renewed` where the newer model's own figure is no worse, or nothing was measured; else
        `held`.
    """
    metric, a, b = _card_figures(champion, challenger)
    evidence: dict[str, Any] = {
        "act": "promote", "why": "card", "paired": False, "metric": metric, "champion": a,
        "challenger": b, "against": champion.version, "higher_is_better": metric not in LOWER,
    }  # fmt: skip
    if a is None or b is None:
        said = (
            "两个模型都没有可比的数字，较新的上任",
            "Neither card has a figure to compare; the newer model takes over",
        )
        return promote(runtime, challenger, as_of, said, evidence, act="renewed")
    size = abs(2.0 * a - 1.0) / 2.0 if metric == "auc" else abs(a)
    worse = (b - a if metric in LOWER else a - b) > CARD_SLACK * size
    numbers = f"{metric} {a:.4g} → {b:.4g}"
    if worse:
        said = (
            f"没有可比的检验窗口；按各自卡片，新模型更差（{numbers}），现任留任",
            f"No common window; by the cards the new model is worse ({numbers}); the champion stays",
        )
        return _held(runtime, challenger, as_of, evidence | {"act": "hold"}, said)
    said = (
        f"没有可比的检验窗口；按各自卡片，新模型不差（{numbers}），较新的上任",
        f"No common window; by the cards the new model is no worse ({numbers}); it takes over",
    )
    return promote(runtime, challenger, as_of, said, evidence, act="renewed")


def is_retired(runtime: Runtime, model: StoredModel) -> bool:
    """Whether a version was withdrawn and has not been brought back by a person since.

    Parameters
    ----------
    runtime
        The open shop.
    model
        The version.
    """
    own = of(events(runtime.tables, model.task), "retired", version=model.version)
    return bool(own)


def age_days(model: StoredModel, as_of: datetime) -> float:
    """Days since a model was trained.

    Parameters
    ----------
    model
        The model.
    as_of
        The moment.
    """
    return (to_us(as_of) - trained_us(model)) / DAY_US


def trained_us(model: StoredModel) -> int:
    """Moment a model was trained at, microseconds UTC.

    Parameters
    ----------
    model
        The model; without a moment on its card, when it was stored.
    """
    moment = model.card.get("as_of_us")
    return int(moment) if moment is not None else to_us(model.created_at)


def card_moment(card: Mapping[str, Any], otherwise: datetime) -> datetime:
    """Moment of a card.

    Parameters
    ----------
    card
        The card.
    otherwise
        Where it names none.
    """
    moment = card.get("as_of_us")
    return from_us(int(moment)) if moment is not None else otherwise


def _held(
    runtime: Runtime, model: StoredModel, as_of: datetime, evidence: Mapping[str, Any],
    said: tuple[str, str],
) -> ModelEvent:  # fmt: skip
    return record(
        runtime, model.task, model.version, "held", as_of, said, evidence, model=model.model
    )


def _card_figures(
    champion: StoredModel, challenger: StoredModel
) -> tuple[str, float | None, float | None]:
    a, b = _own_figures(champion), _own_figures(challenger)
    for metric in CARD_FIGURES:
        if metric in a and metric in b:
            return metric, a[metric], b[metric]
    return "", None, None


def _own_figures(model: StoredModel) -> dict[str, float]:
    named = str(model.card.get("chosen") or model.card.get("name") or model.model)
    method = named.rpartition(":")[2]
    found: dict[str, float] = {}
    for figure in model.card.get("figures", ()):
        value = figure.get("value")
        if figure.get("method") == method and value is not None:
            found.setdefault(str(figure["metric"]), float(value))
    return found
