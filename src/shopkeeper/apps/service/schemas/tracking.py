"""Tracking plan, and live events in quarantine with edit and replay."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shopkeeper.apps.service.schemas.common import Count, NextStep, Page, Shape, Text

EventStatus = Literal["open", "edited", "requested", "admitted", "refused"]
ReplayOutcome = Literal["requested", "admitted", "would_be_refused"]


class _Body(BaseModel):
    """What a client sends: nothing undeclared."""

    model_config = ConfigDict(extra="forbid")


class TrackedProperty(Shape):
    """One property that the plan names, nested ones by path."""

    path: str = Field(description="such as `products[].price`")
    types: list[str] = Field(description="empty: any")
    required: bool
    description: Text
    privacy: str
    severity: str = Field(description="what a violation does")
    rules: list[str] = Field(description="further conditions as in the file")


class TrackedEvent(Shape):
    """One event that the plan names."""

    name: str
    description: Text
    owner: str
    severity: str
    unplanned: str = Field(description="what happens to properties that are not named")
    properties: list[TrackedProperty]


class PlanVersion(Shape):
    """One version of the tracking plan."""

    version: int
    digest: str
    note: str
    applied_by: str
    applied_at: dt.datetime
    events: int


class TrackingPlanView(Shape):
    """The tracking plan in force, as file and as structure."""

    version: int = Field(description="0: none is in force and every event is admitted")
    digest: str | None
    yaml: str = Field(description="without a plan in force: the standard one, to begin with")
    plan: dict[str, Any] = Field(description="the file's content as JSON")
    events: list[TrackedEvent]
    history: list[PlanVersion] = Field(description="newest first")
    next_step: NextStep | None


class PlanDraft(_Body):
    """A plan that is not in force."""

    yaml: str = Field(max_length=524_288)
    recent: int = Field(default=10_000, ge=1, le=200_000, description="latest events judged")


class PlanFault(Shape):
    """Something in a plan file that cannot be used."""

    path: str
    line: int
    message: Text


class PlanStep(Shape):
    """One change."""

    action: Literal["add", "remove", "change"]
    path: str
    text: Text
    stricter: bool = Field(description="may refuse events that were admitted before")


class PlanTally(Shape):
    """Events that would be refused for one reason."""

    event: str
    field: str
    reason: str
    text: Text
    count: int


class PlanEffect(Shape):
    """What the plan would do to the latest events of the log."""

    events: int
    refused_now: int
    refused_then: int
    newly_refused: int
    newly_admitted: int
    warned_then: int
    reasons: list[PlanTally]


class TrackingPreview(Shape):
    """What a draft would change, or why it cannot be read."""

    valid: bool
    faults: list[PlanFault]
    based_on: int = Field(description="version in force; send it back when applying")
    digest: str | None
    stricter: bool
    steps: list[PlanStep]
    effect: PlanEffect | None


class PlanApply(_Body):
    """A plan to put in force."""

    yaml: str = Field(max_length=524_288)
    based_on: int = Field(ge=0, description="version it was made from; another one is a conflict")
    note: str = Field(default="", max_length=2_000)
    by: str = Field(default="console", min_length=1, max_length=200)


class PlanApplied(Shape):
    """The version in force, and whether it is new."""

    version: PlanVersion
    changed: bool


class PlanGuess(Shape):
    """A plan inferred from the latest events; nothing is in force by it."""

    events: int
    yaml: str


class EventViolation(Shape):
    """Why an event is refused."""

    field: str
    reason: str
    text: Text
    next_step: Text


class QuarantinedEvent(Shape):
    """One live event in quarantine."""

    number: int
    source: str
    event_id: str
    name: str | None = Field(description="name of the event, where it can be read")
    field: str
    reason: str
    reason_text: Text
    next_step: Text
    status: EventStatus
    status_text: Text
    replays: int
    quarantined_at: dt.datetime
    raw: str = Field(description="JSON as sent")
    event: dict[str, Any] | None = Field(description="as edited last; null if it is no JSON object")


class QuarantinedEventPage(Page[QuarantinedEvent]):
    """Live events in quarantine, newest first; of one refused again, the last time."""

    by_reason: list[Count]
    by_field: list[Count]
    by_source: list[Count]


class QuarantinedEventView(Shape):
    """One event with the verdict of the plan in force."""

    event: QuarantinedEvent
    admitted: bool
    violations: list[EventViolation]


class EventEdit(_Body):
    """A change of an event: a JSON patch, or the whole event."""

    patch: list[dict[str, Any]] = Field(default_factory=list, max_length=100)
    event: dict[str, Any] | None = None
    keep: bool = Field(default=True, description="false only asks for the verdict")
    by: str = Field(default="console", min_length=1, max_length=200)


class ReplayRequest(_Body):
    """Which events are sent again: their numbers, or all that a filter gives."""

    numbers: list[int] = Field(default_factory=list, max_length=10_000)
    reason: str | None = Field(default=None, max_length=100)
    source: str | None = Field(default=None, max_length=200)
    every: bool = False
    force: bool = Field(default=False, description="also what would be refused again")
    by: str = Field(default="console", min_length=1, max_length=200)


class ReplayedEvent(Shape):
    """What became of one request."""

    number: int
    event_id: str
    outcome: ReplayOutcome
    violations: list[EventViolation]


class ReplayResult(Shape):
    """What was sent again; however often, each event is in the lake once."""

    requested: int
    admitted: int = Field(description="in the lake already, not sent")
    would_be_refused: int = Field(description="not sent")
    items: list[ReplayedEvent] = Field(description="the first 200; refused ones first")
