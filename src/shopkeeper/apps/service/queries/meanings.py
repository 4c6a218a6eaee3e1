"""Words of daily indicators, effects and quality indicators, asked from their stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from shopkeeper.apps.service.queries.names import unit
from shopkeeper.apps.service.schemas.common import Text, Unit
from shopkeeper.govern.indicators import DIMENSIONS, INDICATORS
from shopkeeper.measure.effects import SPEND_SAVED
from shopkeeper.measure.metrics import BY_NAME as METRICS_BY_NAME


@dataclass(frozen=True, slots=True)
class Described:
    """Words of a metric.

    Parameters
    ----------
    name, definition
        What it is and how it is computed.
    unit
        Of its value.
    better
        Which direction is good.
    """

    name: Text
    definition: Text
    unit: Unit
    better: Literal["up", "down", "neither"]


EFFECT_METRICS: dict[str, Described] = {
    SPEND_SAVED: Described(
        Text(zh="节省的花费", en="Spend saved"),
        Text(
            zh="不触达没有收益的客户所避免的预期损失",
            en="Expected losses avoided by leaving out customers whom no contact would pay for",
        ),
        "minor",
        "up",
    ),
    "orders": Described(
        Text(zh="增量订单", en="Incremental orders"),
        Text(
            zh="响应期内可触达客户比对照组多下的订单，放大到全部可触达客户",
            en="Orders of the reachable beyond the hold-out in the response window, scaled up",
        ),
        "count",
        "up",
    ),
    "revenue": Described(
        Text(zh="增量销售额", en="Incremental revenue"),
        Text(
            zh="响应期内可触达客户比对照组多消费的金额，放大到全部可触达客户",
            en="Revenue of the reachable beyond the hold-out in the response window, scaled up",
        ),
        "minor",
        "up",
    ),
}


def effect(key: str, stored_unit: str | None) -> Described:
    """Name, definition, unit and good direction of an effect.

    Parameters
    ----------
    key
        Metric of the effect.
    stored_unit
        Unit as stored, for metrics without a definition.

    Returns
    -------
    Described
    """
    return EFFECT_METRICS.get(key) or metric(key, stored_unit)


def metric(key: str, stored_unit: str | None) -> Described:
    """Name, definition, unit and good direction of a metric.

    Parameters
    ----------
    key
        As stored.
    stored_unit
        Unit as stored, for metrics without a definition.

    Returns
    -------
    Described
    """
    known = METRICS_BY_NAME.get(key)
    if known is not None:
        return Described(
            Text(zh=known.zh, en=known.en),
            Text(zh=known.meaning_zh, en=known.meaning_en),
            unit(stored_unit or known.unit),
            known.better,
        )
    text = Text(zh=key, en=key)
    return Described(text, text, unit(stored_unit), "neither")


def metric_order() -> Mapping[str, int]:
    """Place of every daily indicator.

    Returns
    -------
    dict of str to int
    """
    return {key: place for place, key in enumerate(METRICS_BY_NAME)}


QUALITY_UNITS: dict[str, Unit] = {
    "share": "ratio",
    "days": "days",
    "ratio": "number",
    "psi": "number",
}


@dataclass(frozen=True, slots=True)
class QualityWords:
    """Words of a quality indicator.

    Parameters
    ----------
    name, definition
        What it is and what is counted.
    dimension, dimension_label
        What it is grouped by.
    unit
        Of its value.
    """

    name: Text
    definition: Text
    dimension: str
    dimension_label: Text
    unit: Unit


def quality_indicator(key: str) -> QualityWords:
    """Words of a quality indicator.

    Parameters
    ----------
    key
        As stored.

    Returns
    -------
    QualityWords
        An indicator of another version is its own name.
    """
    known = INDICATORS.get(key)
    if known is None:
        text = Text(zh=key, en=key)
        return QualityWords(text, text, key, text, "number")
    zh, en = DIMENSIONS[known.dimension]
    return QualityWords(
        name=Text(zh=known.zh, en=known.en),
        definition=Text(zh=known.about_zh, en=known.about_en),
        dimension=known.dimension,
        dimension_label=Text(zh=zh, en=en),
        unit=QUALITY_UNITS[known.unit],
    )
