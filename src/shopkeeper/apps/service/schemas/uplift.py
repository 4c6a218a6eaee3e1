"""Uplift: learners beside baselines, the Qini curve, four groups and the spend they save."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from shopkeeper.apps.service.schemas.common import Interval, Money, NextStep, Shape, Text


class UpliftFigure(Shape):
    """One figure of one method."""

    metric: str = Field(description="qini, auuc, uplift@30 or policy_value")
    label: Text
    value: float | None
    interval: Interval | None


class UpliftMethod(Shape):
    """One learner or baseline, measured on rows it did not see."""

    method: str
    label: Text
    baseline: bool = Field(description="response model, one-column rule, random")
    chosen: bool
    figures: list[UpliftFigure]
    better_by: Interval | None = Field(
        description="Qini of the chosen model minus this one's, paired bootstrap; null for itself"
    )


class CurvePoint(Shape):
    """One point of a Qini curve."""

    share: float = Field(description="share of customers treated, best first, 0 to 1")
    gain: float = Field(description="gain per customer")
    random: float = Field(description="gain of a random order at the same share")


class UpliftCurve(Shape):
    """The Qini curve of one method."""

    method: str
    label: Text
    points: list[CurvePoint]


class UpliftTask(Shape):
    """One trained uplift model."""

    task: str = Field(description="uplift.<offer or all>; its scores are of kind uplift:<offer>")
    name: Text
    version: str
    trained_at: dt.datetime | None
    as_of: dt.date | None
    customers: int
    treated: int
    controls: int
    outcome: Text
    outcome_unit: str = Field(description="ratio (probability) or minor (money)")
    average_effect: float
    average_effect_interval: Interval | None
    heterogeneity: Text = Field(description="whether effects differ between customers, in words")
    simulated: bool = Field(description="true where the trial was simulated")
    methods: list[UpliftMethod]
    curves: list[UpliftCurve]
    warnings: list[Text]


class UpliftWaiting(Shape):
    """A task that cannot be trained yet."""

    task: str
    name: Text
    randomised: int = Field(description="randomised contacts and hold-outs there are")
    treated: int
    held_out: int
    more_needed: int
    reason: Text


class UpliftOverview(Shape):
    """Everything the Uplift page opens with."""

    tasks: list[UpliftTask]
    waiting: list[UpliftWaiting]
    next_step: NextStep | None


class UpliftGroup(Shape):
    """One of the four groups."""

    group: str = Field(description="persuadable, sure_thing, lost_cause or do_not_disturb")
    label: Text
    meaning: Text
    advice: Text
    customers: int
    share: float
    mean_uplift: float | None
    uplift_interval: Interval | None
    mean_baseline: float | None = Field(description="expected outcome without treatment")
    cost: Money = Field(description="what treating all of them would cost")


class UpliftGroups(Shape):
    """The four groups at one cost of treatment."""

    task: str
    name: Text
    cost: Money = Field(description="of one treatment")
    worth: Money = Field(description="worth of one unit of the outcome")
    break_even: float = Field(description="uplift that pays for one treatment")
    groups: list[UpliftGroup]
    treat: int = Field(description="customers whose uplift pays")
    spend_saved: Money = Field(description="cost of treating all the others")
    expected_gain: Money = Field(
        description="sum of worth times uplift minus cost of those treated"
    )
    next_step: NextStep | None
