"""New models without code: what can be asked for, what would be trained, what came of it."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shopkeeper.apps.service.schemas.common import NextStep, Shape, Text
from shopkeeper.apps.service.schemas.predict import CalibrationPoint, Importance

TargetKind = Literal["event", "purchase", "rule"]
PropensityStatus = Literal["waiting", "running", "done", "refused", "failed"]


class PropensityTarget(BaseModel):
    """What is predicted."""

    model_config = ConfigDict(extra="forbid")

    kind: TargetKind
    event: str | None = Field(default=None, max_length=80, description="for kind event")
    where: dict[str, str] = Field(default_factory=dict, description="conditions, all of them")
    rule: str | None = Field(default=None, max_length=20_000, description="for kind rule")
    at_least: int = Field(default=1, ge=1, le=1_000, description="times within the horizon")


class PropensityRequest(BaseModel):
    """A model that a person asks for."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(
        min_length=1, max_length=40, pattern="^[a-z0-9][a-z0-9_-]*$",
        description="lower-case letters, digits, '_' and '-'",
    )  # fmt: skip
    title: str = Field(default="", max_length=120)
    target: PropensityTarget
    horizon_days: int = Field(default=30, ge=1, le=365)
    audience: str = Field(default="", max_length=20_000, description="audience rule; empty: all")
    exclude: list[str] = Field(default_factory=list, max_length=1_000, description="features")
    exclude_customers: list[str] = Field(default_factory=list, max_length=100_000)
    allow: list[str] = Field(
        default_factory=list, max_length=1_000,
        description="features a person vouches for although they look like the answer",
    )  # fmt: skip
    trials: int = Field(default=0, ge=0, le=500, description="tuning trials; 0: none")
    seconds: float = Field(default=120.0, gt=0, le=3_600, description="most seconds of tuning")
    as_of: dt.date | None = None


class PropensityChoice(Shape):
    """One thing that can be chosen in the form."""

    value: str
    label: Text
    rows: int | None = Field(default=None, description="how often it occurs")
    customers: int | None = None


class PropensityOptions(Shape):
    """Everything the form offers."""

    events: list[PropensityChoice] = Field(description="kinds of events, most frequent first")
    categories: list[PropensityChoice]
    brands: list[PropensityChoice]
    conditions: list[PropensityChoice] = Field(description="keys of `where`, with labels")
    features: list[PropensityChoice] = Field(description="columns that can be excluded")
    horizons: list[int] = Field(description="suggested horizons, in days")
    rules: list[Text] = Field(description="examples of rules that this shop can answer")
    first_day: dt.date | None = Field(description="first day of data")
    as_of: dt.date | None = Field(description="the day after the last data")
    customers: int
    next_step: NextStep | None


class PropensityWindow(Shape):
    """One past moment: features before it, outcome after it."""

    role: Literal["learn", "test"]
    day: dt.date
    until: dt.date
    customers: int
    positives: int
    rate: float | None


class PropensityPreview(Shape):
    """What would be trained, or why it cannot be."""

    possible: bool
    refused: Text | None = Field(description="why not, where it is not possible")
    next_step: Text | None
    windows: list[PropensityWindow]
    customers: int = Field(description="customers who would be scored now")
    features: int
    exclusions: list[str] = Field(description="features that give the answer away by definition")
    estimate_seconds: float | None
    sentence: Text = Field(description="the whole model in one sentence")
    seconds: float


class PropensityFigure(Shape):
    """One figure of one method on the test window."""

    method: str
    label: Text
    ours: bool
    metric: Literal["auc", "average_precision", "brier", "ece"]
    value: float | None
    low: float | None
    high: float | None
    customers: int
    higher_is_better: bool


class GainsRow(Shape):
    """The best-scored part of the customers and what it holds."""

    share: float = Field(description="share of the customers, best first")
    customers: int
    positives: int
    captured: float = Field(description="share of all positives in this part")
    rate: float
    lift: float


class PropensitySlice(Shape):
    """Figures of a part of the customers."""

    label: Text
    customers: int
    positives: int
    rate: float
    predicted: float
    auc: float | None


class LeakFinding(Shape):
    """What the leakage harness found."""

    kind: str
    column: str | None
    severity: Literal["refuse", "warn"]
    text: Text
    next_step: Text


class PropensityReason(Shape):
    """One feature's part in one customer's score."""

    text: Text
    weight: float = Field(description="log-odds it adds")


class PropensityExample(Shape):
    """One customer's score with the parts that add up to it."""

    customer_id: str
    probability: float
    base: float = Field(description="log-odds of everyone")
    reasons: list[PropensityReason]
    others: float = Field(description="log-odds of all other features together")
    calibration: float = Field(description="log-odds that calibration adds")


class PropensityReport(Shape):
    """The honest report of a trained model."""

    verdict: Text = Field(description="whether it is worth using, in one sentence")
    useful: bool
    protocol: Text
    train_rows: int
    test_rows: int
    positives: int
    base_rate: float
    figures: list[PropensityFigure]
    calibration: list[CalibrationPoint]
    gains: list[GainsRow]
    slices: list[PropensitySlice]
    importances: list[Importance]
    findings: list[LeakFinding]
    dropped: list[PropensityChoice] = Field(description="columns left out, with the reason")
    examples: list[PropensityExample]
    notes: list[Text] = Field(description="widened intervals, small numbers, what was sampled")
    seconds: float


class Propensity(Shape):
    """One model that a person asked for, as it stands."""

    name: str
    title: Text
    sentence: Text
    request: PropensityRequest
    status: PropensityStatus
    refused: Text | None
    next_step: Text | None
    version: str | None
    task: str
    score_kind: str
    trained_at: dt.datetime | None
    as_of: dt.date | None
    scored: int | None = Field(description="customers with a score")
    run_id: str | None = Field(description="run that is working on it; see /runs/{run_id}")
    auc: float | None
    baseline: Text | None = Field(description="the best baseline")
    baseline_auc: float | None


class PropensityDetail(Propensity):
    """One model with its report; null before the first training."""

    report: PropensityReport | None


class PropensityList(Shape):
    """All models that people asked for, newest first."""

    items: list[Propensity]
    next_step: NextStep | None
