"""Govern: quality, cleaning rules, dictionary, lineage."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from shopkeeper.apps.service.schemas.common import Freshness, NextStep, Shape, Text, Unit


class QualityPoint(Shape):
    """The indicator's value at one run."""

    at: dt.datetime
    value: float | None


class QualityIndicator(Shape):
    """One quality indicator of the latest run with its history."""

    key: str
    name: Text
    definition: Text
    dimension: str
    dimension_label: Text
    table: str
    column: str | None
    value: float | None
    unit: Unit
    target: float | None
    passed: bool | None
    finding: Text = Field(description="what was found, in a sentence")
    numerator: float | None
    denominator: float | None
    history: list[QualityPoint]


class Quality(Shape):
    """Quality of the data at the latest run."""

    run_id: str | None
    freshness: Freshness
    passed: int
    failed: int
    summary: Text
    indicators: list[QualityIndicator]
    next_step: NextStep | None


class RuleExample(Shape):
    """A value before and after a cleaning rule (after null: the value becomes empty)."""

    before: str | None
    after: str | None


class CleaningRule(Shape):
    """One named cleaning rule."""

    key: str
    name: Text
    description: Text
    column_kind: str
    column_kind_label: Text
    examples: list[RuleExample]
    applied: int
    last_applied_at: dt.datetime | None


class CleaningRules(Shape):
    """The catalogue of cleaning rules with how often each changed a value."""

    items: list[CleaningRule]
    corrections: int


class DictionaryColumn(Shape):
    """One column of the data dictionary."""

    name: str
    type: str
    unit: str | None
    key: bool
    nullable: bool
    classification: str
    classification_label: Text
    meaning: Text


class DictionaryTable(Shape):
    """One table of the data dictionary."""

    table: str
    stage: str
    label: Text
    meaning: Text
    columns: list[DictionaryColumn]


class Dictionary(Shape):
    """The data dictionary, generated from the table contracts."""

    tables: list[DictionaryTable]


class LineageNode(Shape):
    """One column in the lineage graph."""

    id: str = Field(description="table.column")
    table: str
    column: str
    stage: str
    label: Text
    distance: int = Field(description="steps from the asked column; negative is upstream")


class LineageEdge(Shape):
    """`source` flows into `target`."""

    source: str
    target: str
    transform: str | None


class Lineage(Shape):
    """Where a column comes from and what depends on it."""

    column: str | None
    nodes: list[LineageNode]
    edges: list[LineageEdge]
    truncated: bool
    next_step: NextStep | None


class ReportSection(Shape):
    """One section of the quality report in words."""

    heading: Text
    body: Text


class GovernReport(Shape):
    """The quality report in words."""

    freshness: Freshness
    sections: list[ReportSection]
    next_step: NextStep | None
