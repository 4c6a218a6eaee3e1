"""Freshness of the profiles."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field

from shopkeeper.apps.service.schemas.common import NextStep, Shape, Text


class FreshnessLine(Shape):
    """One section, partition or trait."""

    kind: Literal["section", "partition", "trait"]
    name: str
    label: Text
    section: Literal["base", "live", "features"]
    worst_seconds: float | None = Field(description="null: nothing is known")
    median_seconds: float | None
    waiting: int = Field(description="events not applied, or customers whose moment has passed")
    customers: int = Field(description="customers looked at; 0: not from a sample")


class FreshnessBoard(Shape):
    """How old what the profiles say is."""

    at: dt.datetime
    worst_seconds: float | None = Field(description="the section furthest behind")
    sections: list[FreshnessLine]
    partitions: list[FreshnessLine]
    traits: list[FreshnessLine] = Field(description="age of the facts, oldest first")
    next_step: NextStep | None
