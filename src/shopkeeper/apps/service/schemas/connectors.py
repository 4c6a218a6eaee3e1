"""Connectors: what is read or taken in by itself, how far it is and how it does."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import Field

from shopkeeper.apps.service.schemas.common import NextStep, Page, Shape, Text


class ConnectorKind(Shape):
    """One kind of connector and what a definition of it may say."""

    kind: str
    label: Text
    every_seconds: int = Field(description="0: it is sent to, and does not run")
    keys: list[str]


class ConnectorKinds(Shape):
    """All kinds."""

    items: list[ConnectorKind]


class ScoreFault(Shape):
    """One line of an enrichment's contract that was not met."""

    field: str
    text: Text


class EnrichmentScore(Shape):
    """What an enrichment is worth: coverage, freshness, cost, legal basis."""

    keys: int
    ours: int
    matched: int
    coverage: float
    age_days: float | None
    cost_per_key: float | None
    basis: str
    admitted: bool
    faults: list[ScoreFault]


class Connector(Shape):
    """One connector with its state."""

    connector_id: str
    kind: str
    kind_label: Text
    config: dict[str, Any] = Field(description="secrets are references, never values")
    every_seconds: int
    retry: dict[str, Any]
    enabled: bool
    status: str
    status_label: Text
    failures: int
    error: str | None
    rows_total: int
    lag_seconds: float | None = Field(
        description="age of the newest complete picture of the source"
    )
    data_until: dt.datetime | None
    last_started_at: dt.datetime | None
    last_ok_at: dt.datetime | None
    next_at: dt.datetime | None
    score: EnrichmentScore | None


class ConnectorList(Shape):
    """All connectors; the ones that need somebody first."""

    items: list[Connector]
    worst_lag_seconds: float | None
    next_step: NextStep | None


class ConnectorRun(Shape):
    """One attempt."""

    run_id: str
    status: str
    rows: int
    admitted: int
    repeated: int
    quarantined: int
    seconds: float | None
    error: str | None
    notes: list[Text]
    started_at: dt.datetime
    ended_at: dt.datetime | None


class ConnectorRunPage(Page[ConnectorRun]):
    """Runs, newest first."""


class ConnectorDraft(Shape):
    """A connector to be created or changed."""

    kind: str
    config: dict[str, Any] = Field(description="as in YAML, without kind, every, retry, enabled")
    every_seconds: int | None = None
    retry: dict[str, Any] = Field(default_factory=dict)
    enabled: bool = True


class Enabled(Shape):
    """Whether a connector runs by itself."""

    enabled: bool
