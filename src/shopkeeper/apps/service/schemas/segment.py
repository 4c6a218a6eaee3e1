"""Segment: schemes, audiences, the rule language."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shopkeeper.apps.service.schemas.common import Freshness, Money, NextStep, Shape, Text, Unit
from shopkeeper.apps.service.schemas.customers import CustomerRow


class SchemeSegment(Shape):
    """One segment of a scheme."""

    segment: str
    name: Text
    description: Text
    customers: int
    share: float
    spent: Money | None
    expected_value: Money | None
    average_risk: float | None


class Scheme(Shape):
    """One way to divide all customers (RFM-8, tiers, life cycle, clusters)."""

    scheme: str
    name: Text
    definition: Text
    freshness: Freshness
    customers: int
    segments: list[SchemeSegment]


class SchemeList(Shape):
    """All schemes."""

    items: list[Scheme]
    next_step: NextStep | None


class Audience(Shape):
    """A named rule and, once built, the frozen set of customers it gave."""

    audience_id: str
    name: str
    description: str | None
    rule_text: Text
    rule_yaml: str
    version: int
    status: Literal["draft", "built"]
    size: int | None
    as_of: dt.date | None
    built_at: dt.datetime | None
    created_at: dt.datetime
    updated_at: dt.datetime


class AudienceList(Shape):
    """All audiences, newest first."""

    items: list[Audience]
    next_step: NextStep | None


class AudienceDraft(BaseModel):
    """A rule as a person (or a file) writes it: text or YAML, one of the two."""

    model_config = ConfigDict(extra="forbid")

    rule_text: str | None = Field(default=None, max_length=20_000)
    rule_yaml: str | None = Field(default=None, max_length=20_000)


class AudienceCreate(AudienceDraft):
    """A new audience."""

    name: str = Field(min_length=1, max_length=120)
    description: str | None = Field(default=None, max_length=2_000)


class RuleError(Shape):
    """Where and why a rule cannot be read."""

    message: Text
    line: int | None
    column: int | None
    offset: int | None
    length: int | None
    expected: list[str]


class AudiencePreview(Shape):
    """What a rule would give now, or why it cannot be read."""

    size: int | None
    customers: int
    share: float | None
    sample: list[CustomerRow]
    rule_text: Text | None
    rule_yaml: str | None
    rule_tree: dict[str, Any] | None
    error: RuleError | None
    seconds: float
    freshness: Freshness


class Fact(Shape):
    """One condition of the rule held against the customer."""

    field: str
    label: Text
    operator: str
    expected: str
    actual: str | None
    unit: str | None
    satisfied: bool
    flips: bool = Field(description="true when changing this fact alone changes the answer")
    text: Text


class AudienceWhy(Shape):
    """Why a customer is, or is not, in the audience."""

    audience_id: str
    customer_id: str
    member: bool = Field(description="what the rule says now")
    built_member: bool | None = Field(description="what the last build says; null: never built")
    sentence: Text
    facts: list[Fact]


class VocabularyValue(Shape):
    """One value a field can take."""

    value: str
    label: Text


class VocabularyOperator(Shape):
    """One operator of the rule language."""

    operator: str
    label: Text
    arity: int = Field(description="operands on the right: 0, 1, 2, or -1 for a list")


class VocabularyField(Shape):
    """One field that rules may use."""

    name: str
    label: Text
    definition: Text
    group: str
    group_label: Text
    type: Literal["number", "integer", "money", "text", "boolean", "date", "choice"]
    unit: Unit | str | None
    operators: list[str]
    values: list[VocabularyValue]


class Vocabulary(Shape):
    """Everything the audience builder offers."""

    fields: list[VocabularyField]
    operators: list[VocabularyOperator]
    examples: list[Text] = Field(description="rules in the text form, in both languages")
