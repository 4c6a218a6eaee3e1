"""Runs: the nightly flow and its steps."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shopkeeper.apps.service.schemas.common import Page, Shape, Text

RunStatus = Literal["waiting", "running", "done", "failed", "skipped"]


class RunStep(Shape):
    """One step of a run."""

    step: str
    stage: str
    label: Text
    status: RunStatus
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    seconds: float | None
    rows: int | None
    message: str | None


class Run(Shape):
    """One run of a flow."""

    run_id: str
    flow: str
    as_of: dt.date | None
    status: RunStatus
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    seconds: float | None
    message: str | None
    steps: list[RunStep]


class RunPage(Page[Run]):
    """Runs, newest first."""


class NightlyRequest(BaseModel):
    """Which day to run the loop for."""

    model_config = ConfigDict(extra="forbid")

    as_of: dt.date | None = Field(default=None, description="default: the day after the last data")
