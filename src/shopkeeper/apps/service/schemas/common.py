"""Shapes that every page of the API shares: bilingual text, figures, pages, problems.

The API speaks no language of its own: whatever a person reads is a `Text` with Chinese and
English side by side, and the reader's console picks one.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Row = TypeVar("Row")

Unit = Literal[
    "count",
    "customers",
    "orders",
    "rows",
    "minor",
    "ratio",
    "percent_points",
    "days",
    "hours",
    "seconds",
    "score",
    "number",
    "text",
    "date",
    "timestamp",
    "boolean",
]
"""`minor` is money in minor units (fen, cents) with a currency; `ratio` is 0–1."""


class Shape(BaseModel):
    """Base of everything the API answers: immutable, nothing undeclared, all fields present."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_serialization_defaults_required=True
    )


class Text(Shape):
    """One text in both languages."""

    zh: str
    en: str


class Money(Shape):
    """An amount in integer minor units with its currency."""

    minor: int
    currency: str


class Interval(Shape):
    """An interval around an estimate."""

    low: float
    high: float
    level: float = Field(description="coverage, e.g. 0.95")


class Freshness(Shape):
    """How new a number is."""

    as_of: dt.date | None = Field(default=None, description="the day the number speaks about")
    computed_at: dt.datetime | None = None
    stale: bool = False


class Figure(Shape):
    """One number that a page shows, with everything needed to open it."""

    key: str
    label: Text
    definition: Text
    value: float | None = Field(description="null: not enough data to say; `note` tells why")
    unit: Unit
    currency: str | None = None
    interval: Interval | None = None
    change: float | None = Field(default=None, description="relative change to the value before")
    freshness: Freshness
    note: Text | None = None
    link: str | None = Field(default=None, description="console path that proves the number")


class Count(Shape):
    """How often one thing occurs."""

    key: str
    label: Text
    count: int
    share: float | None = None


class Point(Shape):
    """One point of a daily series."""

    day: dt.date
    value: float | None


class NextStep(Shape):
    """What to do now, on a page that has nothing (or too little) to show."""

    text: Text
    action: Text = Field(description="label of the one button")
    link: str | None = None
    command: str | None = Field(default=None, description="the same on the command line")


class Reason(Shape):
    """One reason from the ledger, as a sentence."""

    key: str
    text: Text
    weight: float | None = Field(default=None, description="share in the score, signed")
    field: str | None = None
    value: str | None = None


class Page(Shape, Generic[Row]):
    """One page of a list; pass `next_cursor` as `cursor` for the one after."""

    items: list[Row]
    next_cursor: str | None = None
    total: int | None = Field(default=None, description="rows over all pages, where cheap to know")
    next_step: NextStep | None = Field(default=None, description="set when the list is empty")


class Problem(BaseModel):
    """An error as `application/problem+json` (RFC 9457), with the facts and the next step."""

    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)

    type: str
    title: str
    title_text: Text = Field(description="the kind of problem, in both languages")
    status: int
    detail: str
    code: str
    facts: dict[str, Any] = Field(default_factory=dict)
    next_step: str | None = None
    retryable: bool = False
    instance: str | None = None
