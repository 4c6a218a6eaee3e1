"""Overview: the answer first."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field

from shopkeeper.apps.service.schemas.common import Figure, Money, NextStep, Shape, Text

StageKey = Literal[
    "collect",
    "govern",
    "unify",
    "features",
    "predict",
    "segment",
    "decide",
    "deliver",
    "measure",
    "learn",
]
StageState = Literal["empty", "ready", "stale", "running", "failed"]


class Shop(Shape):
    """The shop that is open."""

    name: str
    currency: str
    time_zone: str
    as_of: dt.date | None = Field(description="last day that the nightly run looked at")
    empty: bool
    simulated: bool = Field(description="true when (part of) the data are simulated")


class Sentence(Shape):
    """One sentence of the overview and the console path that proves it."""

    key: str
    text: Text
    link: str


class Task(Shape):
    """One thing the shop should do today."""

    key: str
    text: Text
    why: Text
    action: Text
    link: str
    customers: int | None = None
    value: Money | None = None


class StageStatus(Shape):
    """Where one stage of the loop stands."""

    stage: StageKey
    name: Text
    state: StageState
    rows: int
    summary: Text
    last_run_at: dt.datetime | None
    seconds: float | None
    link: str


class Overview(Shape):
    """Three sentences, the figures behind them, what to do today, and the loop."""

    shop: Shop
    sentences: list[Sentence]
    figures: list[Figure]
    today: list[Task]
    stages: list[StageStatus]
    next_step: NextStep | None


class SearchHit(Shape):
    """One thing the search found."""

    kind: Literal["customer", "audience", "plan", "indicator", "model", "table", "page"]
    key: str
    label: Text
    detail: Text | None
    link: str


class SearchResult(Shape):
    """What the search found, best first."""

    query: str
    items: list[SearchHit]
