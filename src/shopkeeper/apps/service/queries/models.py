"""Models beside their baselines: the list, and the card of each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from shopkeeper.apps.service import labels
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import figures, names
from shopkeeper.apps.service.queries.reading import day_of
from shopkeeper.apps.service.queries.runs import NEVER_RAN
from shopkeeper.apps.service.schemas.common import Text
from shopkeeper.apps.service.schemas.predict import (
    CalibrationPoint,
    FiguresRow,
    Importance,
    MetricColumn,
    ModelCard,
    ModelFigure,
    ModelList,
    ModelSummary,
    SliceFigures,
    TrainingWindow,
)
from shopkeeper.core.clock import from_us
from shopkeeper.core.ports import StoredModel


def models(shop: OpenShop) -> ModelList:
    """Every stored version, champions first, then the newest.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    ModelList
    """
    stored = sorted(
        shop.models.versions(),
        key=lambda x: ("champion" not in x.aliases, -x.created_at.timestamp(), x.task, x.version),
    )
    return ModelList(
        items=[summary(shop, model) for model in stored], next_step=None if stored else NEVER_RAN
    )


def summary(shop: OpenShop, model: StoredModel) -> ModelSummary:
    """One version in a list.

    Parameters
    ----------
    shop
        The open shop.
    model
        The stored model.
    """
    card = model.card
    horizon = card.get("horizon_days")
    as_of = card.get("as_of_us")
    return ModelSummary(
        task=model.task,
        task_name=labels.named(names.TASKS, model.task),
        name=model.model,
        label=names.method(_chosen(model)),
        version=model.version,
        alias=model.aliases[0] if model.aliases else None,
        trained_at=model.created_at,
        as_of=day_of(shop, from_us(as_of)) if as_of is not None else None,
        horizon_days=round(horizon) if horizon else None,
        customers=card.get("n") or card.get("customers"),
        figures=_key_figures(model),
    )


def _chosen(model: StoredModel) -> str:
    """Method of the card that is in use; a name such as ``churn:blend`` carries it."""
    named = str(model.card.get("chosen") or model.card.get("name") or model.model)
    return named.rpartition(":")[2]


def _whole(model: StoredModel) -> str:
    """The slice that stands for all rows: the unnamed one, or the first that is reported."""
    slices = [figure.get("slice") or "" for figure in model.card.get("figures", ())]
    return "" if "" in slices or not slices else slices[0]


def _overall(model: StoredModel) -> dict[str, dict[str, float | None]]:
    """Figures over all rows, by method and metric."""
    whole = _whole(model)
    table: dict[str, dict[str, float | None]] = {}
    for figure in model.card.get("figures", ()):
        if (figure.get("slice") or "") == whole:
            table.setdefault(figure["method"], {})[figure["metric"]] = figure["value"]
    return table


def own_figures(model: StoredModel) -> dict[str, float | None]:
    """Figures of the method in use over all rows, by metric.

    Parameters
    ----------
    model
        The stored model.
    """
    return _overall(model).get(_chosen(model), {})


def _key_figures(model: StoredModel) -> list[ModelFigure]:
    table = _overall(model)
    chosen = _chosen(model)
    own = table.get(chosen, {})
    others = {name: values for name, values in table.items() if name != chosen}
    baseline = names.baseline_of(model.task, list(others))
    answer = []
    for metric, value in own.items():
        meaning = figures.meaning(metric)
        if not meaning.key:
            continue
        against = others[baseline].get(metric) if baseline else None
        answer.append(
            ModelFigure(
                metric=metric,
                label=meaning.label,
                definition=meaning.definition,
                value=value,
                baseline=baseline,
                baseline_value=against,
                higher_is_better=meaning.higher_is_better,
                beats_baseline=meaning.better(value, against),
                unit=meaning.unit,
            )
        )
    return answer


def model_card(shop: OpenShop, task: str, version: str) -> ModelCard:
    """Full card of one version.

    Parameters
    ----------
    shop
        The open shop.
    task
        What the model predicts.
    version
        A version, or an alias such as ``champion``.

    Returns
    -------
    ModelCard

    Raises
    ------
    NotFoundError
        If neither a version nor an alias has that name.
    """
    model = shop.models.get(task, version)
    card = model.card
    table = _overall(model)
    metrics = list(dict.fromkeys(metric for values in table.values() for metric in values))
    points = calibration(card)
    own = table.get(_chosen(model), {})
    return ModelCard(
        summary=summary(shop, model),
        purpose=Text(zh=card.get("intended_zh", ""), en=card.get("intended_en", "")),
        limits=names.limits(card),
        window=_window(shop, card),
        columns=[metric_column(metric) for metric in metrics],
        rows=[
            FiguresRow(
                model=method,
                label=names.method(method),
                baseline=names.is_baseline(model.task, method),
                chosen=method == _chosen(model),
                values=values,
            )
            for method, values in table.items()
        ],
        calibration=points,
        calibration_error=own.get("calibration_error", own.get("ece")),
        slices=_slices(model),
        importances=_importances(card),
        parameters=dict(_flat("", card.get("parameters") or {})),
        versions=[summary(shop, other) for other in shop.models.versions(task)],
    )


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Every parameter under its whole name, nested ones too."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), part)
    elif isinstance(value, list):
        for place, part in enumerate(value, start=1):
            yield from _flat(f"{name}.{place}", part)
    else:
        yield name, _shown(value)


def _shown(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def metric_column(metric: str) -> MetricColumn:
    """Meaning of a figure.

    Parameters
    ----------
    metric
        Its name.
    """
    meaning = figures.meaning(metric)
    return MetricColumn(
        metric=metric,
        label=meaning.label,
        definition=meaning.definition,
        higher_is_better=meaning.higher_is_better,
        unit=meaning.unit,
    )


def _window(shop: OpenShop, card: Any) -> TrainingWindow:
    def day(key: str) -> dt.date | None:
        return day_of(shop, from_us(card[key])) if card.get(key) is not None else None

    return TrainingWindow(
        train_start=day("train_from_us"),
        train_end=day("train_to_us"),
        test_start=day("test_from_us"),
        test_end=day("test_to_us"),
        cutoffs=[],
        train_rows=card.get("n") or card.get("customers"),
        test_rows=max((f.get("n") or 0 for f in card.get("figures", ())), default=0) or None,
    )


def calibration(card: Any) -> list[CalibrationPoint]:
    """What was said and what happened, by bin.

    Parameters
    ----------
    card
        The model's card.
    """
    return [
        CalibrationPoint(
            predicted=point["predicted"], observed=point["observed"], customers=point["n"]
        )
        for point in card.get("calibration", ())
    ]


def _slices(model: StoredModel) -> list[SliceFigures]:
    parts: dict[str, dict[str, float | None]] = {}
    counts: dict[str, int] = {}
    whole, chosen = _whole(model), {_chosen(model), "buy-again"}
    for figure in model.card.get("figures", ()):
        part = figure.get("slice")
        if part and part != whole and figure["method"] in chosen:
            parts.setdefault(part, {})[figure["metric"]] = figure["value"]
            counts[part] = max(counts.get(part, 0), figure.get("n") or 0)
    return [
        SliceFigures(
            slice=part, label=names.model_slice(part), customers=counts[part], values=values
        )
        for part, values in parts.items()
    ]


def _importances(card: Any) -> list[Importance]:
    found = card.get("importances") or {}
    return [
        Importance(feature=name, label=names.feature(name), share=share)
        for name, share in sorted(found.items(), key=lambda pair: -pair[1])[:30]
    ]
