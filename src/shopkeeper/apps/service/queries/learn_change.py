"""Changes by hand, plan first; two versions side by side; what a card shows beside its figures."""

from __future__ import annotations

from typing import Any, Literal

from shopkeeper.apps.flows.learn_events import events, of
from shopkeeper.apps.flows.learn_settle import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    aliased,
    is_retired,
    promote,
    roll_back,
)
from shopkeeper.apps.service import labels
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import learn, models, names
from shopkeeper.apps.service.schemas.common import Text
from shopkeeper.apps.service.schemas.learn import (
    ChangePlan,
    ChangeRequest,
    ComparedFigure,
    ComparedSide,
    Gain,
    ModelComparison,
    ModelExtra,
)
from shopkeeper.core.errors import PlanError
from shopkeeper.core.ids import content_id
from shopkeeper.core.ports import StoredModel

Way = Literal["promoted", "rolled_back"]


def change(shop: OpenShop, task: str, way: Way, asked: ChangeRequest) -> ChangePlan:
    """Plan a change by hand; with the plan's digest, do it.

    Parameters
    ----------
    shop
        The open shop.
    task
        What the models predict.
    way
        `promoted` brings a version in, `rolled_back` returns to the one before.
    asked
        Which version, and the digest of the plan that was read.

    Raises
    ------
    PlanError
        When there is nothing to bring in, it serves already, it was withdrawn, or the models
        changed since the plan was read.
    NotFoundError
        When there is no such version.
    """
    champion = aliased(shop.runtime, task, CHAMPION)
    comes = _coming(shop, task, way, asked)
    if champion is not None and champion.version == comes.version:
        raise PlanError(
            f"version {comes.version} of {task!r} serves already", next_step="choose another one"
        )
    if way == "promoted" and is_retired(shop.runtime, comes):
        raise PlanError(
            f"version {comes.version} of {task!r} was withdrawn because it did worse",
            next_step="train again with newer data; that makes a new version",
        )
    digest = content_id(task, way, champion and champion.version, comes.version)
    history = events(shop.tables, task)
    judged = of(history, "promoted", "held", "renewed", version=comes.version)
    compared = learn.comparison(shop, judged[0].evidence) if judged else None
    done = None
    if asked.confirm is not None:
        if asked.confirm != digest:
            raise PlanError(
                f"the models of {task!r} changed since the plan was read",
                next_step="read the plan again and confirm that one",
                task=task,
            )
        done = _perform(shop, task, way, comes, asked)
    return ChangePlan(
        task=task,
        act=way,
        out=None if champion is None else models.summary(shop, champion),
        into=models.summary(shop, shop.models.get(task, comes.version)),
        digest=digest,
        performed=done is not None,
        text=_words(way, done is not None, comes),
        warnings=_warnings(way, judged[0].act if judged else ""),
        comparison=compared,
        event=done and learn.event(shop, done),
    )


def _coming(shop: OpenShop, task: str, way: Way, asked: ChangeRequest) -> StoredModel:
    alias = CHALLENGER if way == "promoted" else PREVIOUS
    if way == "promoted" and asked.version:
        return shop.models.get(task, asked.version)
    found = aliased(shop.runtime, task, alias)
    if found is None or (asked.version and asked.version != found.version):
        raise PlanError(
            f"task {task!r} has no {alias} to bring in",
            next_step="name a version to promote, or train one: shopkeeper learn challenge",
            task=task,
        )
    return found


def _perform(shop: OpenShop, task: str, way: Way, comes: StoredModel, asked: ChangeRequest) -> Any:
    now = shop.clock.now()
    why_zh, why_en = (f"：{asked.reason}", f": {asked.reason}") if asked.reason else ("", "")
    evidence = {"by": asked.by or "console", "reason": asked.reason}
    if way == "promoted":
        said = (f"手动换上{why_zh}", f"Brought in by hand{why_en}")
        return promote(shop.runtime, comes, now, said, evidence)
    said = (f"手动换回前任{why_zh}", f"Rolled back by hand{why_en}")
    return roll_back(shop.runtime, task, now, said, evidence)


def _words(way: Way, done: bool, comes: StoredModel) -> Text:
    if way == "promoted":
        zh, en = ("已换上" if done else "将换上"), ("now serves" if done else "would serve")
    else:
        zh, en = ("已换回" if done else "将换回"), ("serves again" if done else "would serve again")
    return Text(
        zh=f"{zh} {comes.version}；下一次评分起生效",
        en=f"{comes.version} {en}, from the next scoring on",
    )


def _warnings(way: Way, judged: str) -> list[Text]:
    found = []
    if way == "promoted" and judged == "held":
        found.append(Text(
            zh="证据没有支持这个版本：比较后现任留任了",
            en="The evidence did not favour this version: the champion stayed after the comparison",
        ))  # fmt: skip
    if way == "promoted" and not judged:
        found.append(Text(
            zh="这个版本没有与现任比较过",
            en="This version was never compared with the champion",
        ))  # fmt: skip
    if way == "rolled_back":
        found.append(Text(
            zh="现任将被撤下，没有新数据不会再上任",
            en="The champion is withdrawn and does not return without new data",
        ))  # fmt: skip
    return found


def model_extra(shop: OpenShop, task: str, version: str) -> ModelExtra:
    """Gains, calibration, events and drift of one version.

    Parameters
    ----------
    shop
        The open shop.
    task, version
        Which model; an alias will do.

    Raises
    ------
    NotFoundError
        When there is no such version.
    """
    model = shop.models.get(task, version)
    history = [x for x in events(shop.tables, task) if x.version == model.version]
    return ModelExtra(
        task=task,
        version=model.version,
        gains=gains(model),
        calibration=models.calibration(model.card),
        events=[learn.event(shop, x) for x in history],
        drift=learn.drift_report(shop, task) if CHAMPION in model.aliases else None,
    )


def gains(model: StoredModel) -> list[Gain]:
    """Gains curve of a card; empty where none was drawn.

    Parameters
    ----------
    model
        The stored model.
    """
    return [
        Gain(share=x["share"], found=x["found"], customers=x["n"])
        for x in model.card.get("gains") or ()
    ]


def compare(shop: OpenShop, task: str, a: str, b: str) -> ModelComparison:
    """Two versions side by side.

    Parameters
    ----------
    shop
        The open shop.
    task
        What they predict.
    a, b
        Versions or aliases.

    Raises
    ------
    NotFoundError
        When there is no such version.
    """
    one, two = shop.models.get(task, a), shop.models.get(task, b)
    cards = [models.model_card(shop, task, x.version) for x in (one, two)]
    left, right = (models.own_figures(x) for x in (one, two))
    windows = [(x.card.get("test_from_us"), x.card.get("test_to_us")) for x in (one, two)]
    same = windows[0] == windows[1] and windows[0][0] is not None
    paired, swapped = None, False
    for event in events(shop.tables, task):
        pair = {event.version, event.evidence.get("against")}
        if pair == {one.version, two.version} and event.evidence.get("low") is not None:
            paired, swapped = learn.comparison(shop, event.evidence), event.version == one.version
            break
    columns = [tuple(x.card.get("features") or ()) for x in (one, two)]
    notes = {
        True: Text(zh="两者在同一时段检验", en="Both were measured on the same window"),
        False: Text(
            zh="两者在不同时段检验，数字不能直接相减；以配对比较为准",
            en="Measured on different windows; only the paired comparison holds them side by side",
        ),
    }
    return ModelComparison(
        task=task,
        task_name=labels.named(names.TASKS, task),
        a=_side(one, cards[0]),
        b=_side(two, cards[1]),
        figures=[
            _figure(metric, left.get(metric), right.get(metric)) for metric in {**left, **right}
        ],
        same_window=same,
        paired=None if swapped else paired,
        features_added=sorted(set(columns[1]) - set(columns[0])),
        features_removed=sorted(set(columns[0]) - set(columns[1])),
        note=notes[same],
    )


def _side(model: StoredModel, card: Any) -> ComparedSide:
    return ComparedSide(
        summary=card.summary, window=card.window, calibration=card.calibration,
        gains=gains(model), slices=card.slices, features=len(model.card.get("features") or ()),
        parameters=card.parameters,
    )  # fmt: skip


def _figure(metric: str, a: float | None, b: float | None) -> ComparedFigure:
    column = models.metric_column(metric)
    better: Literal["a", "b", "same", "unknown"] = "unknown"
    if a is not None and b is not None:
        first = a > b if column.higher_is_better else a < b
        better = "same" if a == b else "a" if first else "b"
    return ComparedFigure(
        column=column, a=a, b=b, better=better,
        difference=None if a is None or b is None else b - a,
    )  # fmt: skip


__all__ = ["change", "compare", "gains", "model_extra"]
