"""Model life: what happened to models and why, how they stand now, and changes by hand."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field

from shopkeeper.apps.service.schemas.common import NextStep, Shape, Text
from shopkeeper.apps.service.schemas.predict import (
    CalibrationPoint,
    MetricColumn,
    ModelSummary,
    SliceFigures,
    TrainingWindow,
)

Act = Literal[
    "first", "trained", "challenged", "promoted", "held", "renewed", "drifted", "steady",
    "degraded", "sound", "due", "watched", "rolled_back", "retired",
]  # fmt: skip
"""What can happen to a model."""


class Comparison(Shape):
    """Two models on the same later window; the difference is positive where the second is better."""

    metric: str
    label: Text
    champion: float | None
    challenger: float | None
    difference: float | None
    low: float | None
    high: float | None
    n: int
    window_from: dt.date | None
    window_to: dt.date | None
    higher_is_better: bool


class ModelEvent(Shape):
    """One thing that happened to a model."""

    event_id: str
    task: str
    task_name: Text
    version: str
    model: str | None
    act: Act
    act_name: Text
    as_of: dt.datetime = Field(description="the moment the shop stood at")
    at: dt.datetime
    text: Text
    comparison: Comparison | None
    against: str | None = Field(description="the other version of a comparison")
    by: str | None = Field(description="who asked for it; null where nobody did")


class ModelEventList(Shape):
    """What happened to models, newest first."""

    items: list[ModelEvent]
    next_step: NextStep | None


class FeatureDrift(Shape):
    """How one column moved since the model was trained."""

    feature: str
    label: Text
    kind: Literal["feature", "prediction", "outcome", "together"]
    psi: float | None
    expected: float | None = Field(description="what chance alone makes of it on average")
    effect: float | None = Field(description="index above chance")
    p: float | None
    alarmed: bool
    level: Literal["none", "small", "notable", "large"]
    missing_before: float | None
    missing_now: float | None
    importance: float | None
    text: Text
    edges: list[float] = Field(description="inner limits of the bins; empty for words")
    levels: list[str] = Field(description="words of the bins; empty for numbers")
    before: list[float] = Field(description="share of customers by bin when it was trained")
    now: list[float]


class DriftReport(Shape):
    """Today's customers beside those the champion learned from."""

    task: str
    version: str
    as_of: dt.datetime | None
    before_n: int | None
    now_n: int | None
    alarmed: bool
    text: Text
    columns: list[FeatureDrift]
    separating: list[str] = Field(description="columns that together tell then from now")
    separating_auc: float | None
    next_step: NextStep | None


class TaskStatus(Shape):
    """How one task stands."""

    task: str
    task_name: Text
    champion: ModelSummary | None
    challenger: ModelSummary | None
    previous: ModelSummary | None
    retired: list[str]
    watched: bool = Field(description="whether the champion is still on probation")
    state: Literal["good", "drifted", "degraded", "unmeasured", "none"]
    text: Text
    trained_at: dt.datetime | None
    next_training: dt.datetime | None
    skill_expected: float | None
    skill_now: float | None
    skill_label: Text
    drift: int | None = Field(description="columns that drifted at the last check")
    last: ModelEvent | None
    can_promote: bool
    can_roll_back: bool


class LearnStatus(Shape):
    """How every task stands."""

    enabled: bool
    tasks: list[TaskStatus]
    next_step: NextStep | None


class ChangeRequest(Shape):
    """A change by hand: without `confirm` the answer is the plan, nothing is changed."""

    version: str | None = Field(
        default=None, description="the version to bring in; null: challenger or previous"
    )
    confirm: str | None = Field(default=None, description="`digest` of the plan that was read")
    reason: str = Field(default="", max_length=400)
    by: str = Field(default="", max_length=200)


class ChangePlan(Shape):
    """What a change by hand would do, or did."""

    task: str
    act: Literal["promoted", "rolled_back"]
    out: ModelSummary | None = Field(description="the champion that goes")
    into: ModelSummary = Field(description="the version that comes")
    digest: str
    performed: bool
    text: Text
    warnings: list[Text]
    comparison: Comparison | None
    event: ModelEvent | None


class Gain(Shape):
    """Share of what was looked for that the best-scored share of customers holds."""

    share: float
    found: float
    customers: int


class ModelExtra(Shape):
    """What a card shows beside its figures."""

    task: str
    version: str
    gains: list[Gain]
    calibration: list[CalibrationPoint]
    events: list[ModelEvent]
    drift: DriftReport | None


class ComparedFigure(Shape):
    """One figure of two versions."""

    column: MetricColumn
    a: float | None
    b: float | None
    difference: float | None
    better: Literal["a", "b", "same", "unknown"]


class ComparedSide(Shape):
    """One of two versions."""

    summary: ModelSummary
    window: TrainingWindow
    calibration: list[CalibrationPoint]
    gains: list[Gain]
    slices: list[SliceFigures]
    features: int
    parameters: dict[str, str]


class ModelComparison(Shape):
    """Two versions of one task side by side."""

    task: str
    task_name: Text
    a: ComparedSide
    b: ComparedSide
    figures: list[ComparedFigure]
    same_window: bool = Field(description="whether both were measured on the same window")
    paired: Comparison | None = Field(description="both on the same customers, where that was done")
    features_added: list[str]
    features_removed: list[str]
    note: Text
