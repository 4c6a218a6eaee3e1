"""Figures of a recommender's card: by surface, beside baselines, and what the lists expose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shopkeeper.apps.service.queries import figures, names
from shopkeeper.apps.service.schemas.common import Text
from shopkeeper.apps.service.schemas.predict import FiguresRow, MetricColumn
from shopkeeper.apps.service.schemas.recommend import Exposure, SurfaceFigures

_LABELS: dict[str, tuple[str, Text]] = {
    "new": ("for_you", Text(zh="为您推荐", en="For you")),
    "again": ("again", Text(zh="再次购买", en="Buy again")),
    "next_basket": ("next_basket", Text(zh="下一单", en="Next basket")),
    "cold": ("cold", Text(zh="新上架商品", en="New arrivals")),
}
_BASELINES = {"next_basket": "own-frequent", "cold": "random"}

_EXPOSURE: dict[str, tuple[Text, Text]] = {
    "coverage": (
        Text(zh="商品覆盖率", en="Coverage"),
        Text(zh="至少出现在一位客户前十名的商品占比", en="Share of products in anybody's ten"),
    ),
    "diversity": (
        Text(zh="列表多样性", en="Diversity in a list"),
        Text(
            zh="同一列表中两件商品不属于同一品类的平均比例",
            en="Share of pairs in a list whose categories differ",
        ),
    ),
    "novelty": (
        Text(zh="新颖度", en="Novelty"),
        Text(
            zh="推荐商品的平均冷门程度（以 2 为底的信息量）",
            en="How rarely the shown products are bought, in bits",
        ),
    ),
}


def surfaces(card: Mapping[str, Any]) -> list[SurfaceFigures]:
    """Figures of each surface.

    Parameters
    ----------
    card
        Of the recommender.

    Returns
    -------
    list of SurfaceFigures
        In the order of the card.
    """
    parts: dict[str, dict[str, dict[str, float | None]]] = {}
    for figure in card.get("figures", ()):
        methods = parts.setdefault(figure.get("slice") or "new", {})
        methods.setdefault(figure["method"], {})[figure["metric"]] = figure["value"]
    chosen = card.get("chosen_by_surface") or {"new": card.get("chosen"), "again": "buy-again"}
    return [_surface(part, table, str(chosen.get(part) or "")) for part, table in parts.items()]


def _surface(
    part: str, table: Mapping[str, Mapping[str, float | None]], chosen: str
) -> SurfaceFigures:
    surface, label = _LABELS.get(part, (part, Text(zh=part, en=part)))
    others = [name for name in table if name != chosen]
    wanted = _BASELINES.get(part)
    baseline = wanted if wanted in others else names.baseline_of("recommend", others)
    metrics = dict.fromkeys(metric for values in table.values() for metric in values)
    return SurfaceFigures(
        surface=surface,
        label=label,
        chosen=chosen,
        baseline=baseline,
        columns=[_column(metric) for metric in metrics],
        rows=[
            FiguresRow(
                model=name,
                label=names.method(name),
                baseline=name == baseline or names.is_baseline("recommend", name),
                chosen=name == chosen,
                values=dict(values),
            )
            for name, values in table.items()
        ],
    )


def _column(metric: str) -> MetricColumn:
    meaning = figures.meaning(metric)
    return MetricColumn(
        metric=metric,
        label=meaning.label,
        definition=meaning.definition,
        higher_is_better=meaning.higher_is_better,
        unit=meaning.unit,
    )


def exposure(card: Mapping[str, Any]) -> list[Exposure]:
    """How much of the assortment the lists show.

    Parameters
    ----------
    card
        Of the recommender.

    Returns
    -------
    list of Exposure
        Empty where the card tells nothing.
    """
    found = card.get("exposure") or {}
    return [
        Exposure(
            label=label,
            definition=definition,
            value=found[key],
            unit="number" if key == "novelty" else "ratio",
        )
        for key, (label, definition) in _EXPOSURE.items()
        if key in found
    ]


def facts(card: Mapping[str, Any]) -> list[Text]:
    """What was decided in training, as sentences.

    Parameters
    ----------
    card
        Of the recommender; ``notes`` hold a sentence in each language.

    Returns
    -------
    list of Text
    """
    return [Text(zh=note["zh"], en=note["en"]) for note in card.get("notes") or ()]
