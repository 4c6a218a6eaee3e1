"""One customer as known this second."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field

from shopkeeper.apps.service.schemas.common import Money, Shape, Text
from shopkeeper.apps.service.schemas.customers import CustomerIdentifier, CustomerScore

Origin = Literal["live", "fact", "features"]


class LiveTraitValue(Shape):
    """One value with where it comes from and of when it is."""

    name: str
    label: Text
    value: str | float | bool | None = Field(description="moments as ISO 8601")
    unit: str = Field(description="what a number counts, `timestamp`, `truth`, or empty for words")
    origin: Origin = Field(
        description="`live`: follows from events; `fact`: somebody said so; `features`: computed"
    )
    source: str | None
    as_of: dt.datetime | None = Field(description="moment of the fact")
    age_seconds: float | None
    masked: bool


class LiveScore(CustomerScore):
    """A model's statement and the moment it was made."""

    judged_at: dt.datetime | None
    age_seconds: float | None


class LiveMoment(Shape):
    """One event."""

    at: dt.datetime
    kind: str
    title: Text
    detail: str | None
    channel: str | None
    amount: Money | None
    event_id: str


class LiveAudience(Shape):
    """An audience that the customer is in now."""

    audience_id: str
    name: str
    since: dt.datetime | None


class LiveChange(Shape):
    """Something that became different, in one sentence."""

    sequence: int
    at: dt.datetime
    kind: str
    text: Text


class LiveSection(Shape):
    """When one part of the profile was last written."""

    section: Literal["base", "live", "features"]
    label: Text
    at: dt.datetime | None
    age_seconds: float | None


class LiveProfile(Shape):
    """What is known about one customer now; ages count from ``at``."""

    customer_id: str
    at: dt.datetime
    last_change: int = Field(description="ask /v1/changes from here on with `after`")
    currency: str
    sections: list[LiveSection]
    identifiers: list[CustomerIdentifier]
    traits: list[LiveTraitValue]
    scores: list[LiveScore]
    audiences: list[LiveAudience]
    timeline: list[LiveMoment]
    changes: list[LiveChange] = Field(description="the latest, newest first")
