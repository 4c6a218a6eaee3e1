"""Collect: events as they arrive, and the sources they come from."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field

from shopkeeper.apps.service.schemas.common import NextStep, Shape, Text

Health = Literal["active", "quiet", "silent", "never", "disabled"]


class NamedCount(Shape):
    """Events of one name."""

    name: str
    count: int


class LiveArrival(Shape):
    """One request with events, accepted or refused."""

    number: int = Field(description="counts up; pass the highest one as `after`")
    at: dt.datetime
    source: str = Field(description="empty if its write key is unknown")
    path: str
    status: int
    accepted: int
    duplicates: int = Field(description="events dropped because their message id was seen before")
    events: list[NamedCount]
    reason: str | None = Field(description="code, set when the request was refused")
    reason_text: Text | None
    next_step: str | None
    sample: str | None = Field(description="the first event as sent, at most 4 KB")
    ip: str


class LogLag(Shape):
    """One partition of the event log."""

    partition: int
    head: int
    committed: int
    lag: int = Field(description="records not yet worked off")


class LiveFeed(Shape):
    """The latest arrivals, oldest first."""

    items: list[LiveArrival]
    last: int = Field(description="number of the newest arrival; ask again with `after` set to it")
    pressure: float = Field(description="how full the queue of unconfirmed events is, 0 to 1")
    lag: list[LogLag]
    next_step: NextStep | None = Field(default=None, description="set when nothing ever arrived")


class LiveSource(Shape):
    """One source of live events."""

    source_id: str
    kind: str
    user_kind: str = Field(description="kind of identifier that its user ids are")
    write_key: str
    origins: list[str] = Field(description="pages that may send from a browser; empty means any")
    enabled: bool
    created_at: dt.datetime
    health: Health
    health_text: Text
    last_at: dt.datetime | None = Field(description="last accepted request since the service runs")
    accepted: int
    duplicates: int
    refused: int
    per_minute: float = Field(description="events accepted in the last 60 seconds")


class LiveSources(Shape):
    """Every source, oldest first."""

    items: list[LiveSource]
    next_step: NextStep | None = None


class SourceNew(Shape):
    """A source to make."""

    source_id: str = Field(max_length=64)
    kind: str = Field(default="web", max_length=20)
    user_kind: str = Field(default="user", max_length=40)
    origins: list[str] = Field(default=[], max_length=50)


class SourceChange(Shape):
    """What to change of a source; what is left out stays."""

    enabled: bool | None = None
    rotate: bool = Field(default=False, description="make a new write key")
    origins: list[str] | None = Field(default=None, max_length=50)
    user_kind: str | None = Field(default=None, max_length=40)
