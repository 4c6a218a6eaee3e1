"""Measure: indicators, cohorts, migration, effects."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field

from shopkeeper.apps.service.schemas.common import (
    Freshness,
    Interval,
    Money,
    NextStep,
    Point,
    Shape,
    Text,
    Unit,
)


class Indicator(Shape):
    """One daily indicator with its series."""

    key: str
    name: Text
    definition: Text
    unit: Unit
    currency: str | None
    better: Literal["up", "down", "neither"]
    value: float | None
    previous: float | None = Field(description="the same figure one period earlier")
    change: float | None = Field(description="relative")
    series: list[Point]
    freshness: Freshness
    note: Text | None


class IndicatorList(Shape):
    """The daily indicators."""

    items: list[Indicator]
    start: dt.date | None
    end: dt.date | None
    next_step: NextStep | None


class CohortCell(Shape):
    """What one cohort did `period` periods after its first purchase."""

    period: int
    customers: int
    share: float
    spent: Money | None


class Cohort(Shape):
    """Customers who bought for the first time in the same month."""

    cohort: dt.date
    size: int
    cells: list[CohortCell]


class CohortTable(Shape):
    """Retention by cohort."""

    freshness: Freshness
    definition: Text
    items: list[Cohort]
    next_step: NextStep | None


class MigrationCell(Shape):
    """How many customers moved from one RFM segment to another."""

    origin: str
    origin_name: Text
    target: str
    target_name: Text
    customers: int
    share: float = Field(description="of the origin segment")


class RfmMigration(Shape):
    """Moves between RFM segments from one day to another."""

    start: dt.date | None
    end: dt.date | None
    definition: Text
    cells: list[MigrationCell]
    next_step: NextStep | None


class Effect(Shape):
    """An estimated difference between contacted customers and the hold-out."""

    key: str
    name: Text
    metric: str
    estimate: float | None = Field(description="null: not enough data to say")
    interval: Interval | None
    unit: Unit
    currency: str | None
    method: str
    treated: int
    hold_out: int
    significant: bool | None
    sentence: Text
    plan_id: str | None
    start: dt.date | None
    end: dt.date | None


class EffectList(Shape):
    """Hold-out effects and what they save."""

    items: list[Effect]
    spend_saved: Effect | None
    next_step: NextStep | None
