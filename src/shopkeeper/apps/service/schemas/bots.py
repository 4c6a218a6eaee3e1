"""Invalid traffic: how much, why, and examples."""

from __future__ import annotations

import datetime as dt

from shopkeeper.apps.service.schemas.common import Count, NextStep, Shape, Text


class TrafficDay(Shape):
    """Events of one day and source, and those of programs among them."""

    day: dt.date
    source: str
    events: int
    marked: int
    judged: int
    share: float


class BotExample(Shape):
    """One event of a program."""

    event_id: str
    occurred_at: dt.datetime
    kind: str
    source: str
    reason: str
    reason_text: Text
    agent: str | None
    human: float | None


class BotTraffic(Shape):
    """Invalid traffic of the last days; ``marked`` on arrival, ``judged`` by a later verdict."""

    days: int
    events: int
    marked: int
    judged: int
    share: float | None
    by_reason: list[Count]
    by_day: list[TrafficDay]
    examples: list[BotExample]
    next_step: NextStep | None
