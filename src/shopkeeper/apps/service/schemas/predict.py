"""Predict: models beside their baselines, score distributions, recommendations."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from shopkeeper.apps.service.schemas.common import Freshness, Money, NextStep, Shape, Text, Unit
from shopkeeper.apps.service.schemas.customers import RecommendedProduct


class ModelFigure(Shape):
    """One measured figure of a model beside the baseline."""

    metric: str
    label: Text
    definition: Text
    value: float | None
    baseline: str | None
    baseline_value: float | None
    higher_is_better: bool
    beats_baseline: bool | None
    unit: Unit
    currency: str | None = None


class ModelSummary(Shape):
    """One trained version of one model."""

    task: str
    task_name: Text
    name: str
    label: Text
    version: str
    alias: str | None = Field(description="champion, challenger or null")
    trained_at: dt.datetime | None
    as_of: dt.date | None
    horizon_days: int | None
    customers: int | None
    figures: list[ModelFigure]


class ModelList(Shape):
    """All models, champions first."""

    items: list[ModelSummary]
    next_step: NextStep | None


class MetricColumn(Shape):
    """One column of the figures table."""

    metric: str
    label: Text
    definition: Text
    higher_is_better: bool
    unit: Unit


class FiguresRow(Shape):
    """One candidate (or baseline) of the figures table."""

    model: str
    label: Text
    baseline: bool
    chosen: bool
    values: dict[str, float | None] = Field(description="by metric")


class CalibrationPoint(Shape):
    """Mean prediction and observed rate of one bin."""

    predicted: float
    observed: float
    customers: int


class SliceFigures(Shape):
    """The model's figures on one slice of the customers."""

    slice: str
    label: Text
    customers: int
    values: dict[str, float | None]


class Importance(Shape):
    """How much one feature matters to the model."""

    feature: str
    label: Text
    share: float


class TrainingWindow(Shape):
    """The data the model saw and the later period it was tested on."""

    train_start: dt.date | None
    train_end: dt.date | None
    test_start: dt.date | None
    test_end: dt.date | None
    cutoffs: list[dt.date]
    train_rows: int | None
    test_rows: int | None


class ModelCard(Shape):
    """What a model is good and bad for."""

    summary: ModelSummary
    purpose: Text
    limits: Text
    window: TrainingWindow
    columns: list[MetricColumn]
    rows: list[FiguresRow]
    calibration: list[CalibrationPoint]
    calibration_error: float | None
    slices: list[SliceFigures]
    importances: list[Importance]
    parameters: dict[str, str]
    versions: list[ModelSummary]


class HistogramBar(Shape):
    """One bar of a distribution."""

    key: str
    label: Text
    customers: int
    share: float
    value: Money | None = Field(default=None, description="sum of expected value of the bar")


class ScoresSummary(Shape):
    """How the latest scores are distributed."""

    freshness: Freshness
    customers: int
    risk: list[HistogramBar] = Field(description="ten bars, 0 to 9")
    bands: list[HistogramBar]
    tiers: list[HistogramBar]
    value_at_risk: Money | None
    expected_value: Money | None
    horizon_days: int | None
    next_step: NextStep | None


class Recommendations(Shape):
    """Products recommended to one customer."""

    customer_id: str
    model: str | None
    freshness: Freshness
    items: list[RecommendedProduct]
    next_step: NextStep | None
