"""Customers: the list and the 360-degree view of one."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from shopkeeper.apps.service.schemas.common import (
    Freshness,
    Interval,
    Money,
    NextStep,
    Page,
    Reason,
    Shape,
    Text,
    Unit,
)


class Label(Shape):
    """A key with its name in both languages."""

    key: str
    name: Text


class CustomerRow(Shape):
    """One line of the customer list."""

    customer_id: str
    display_name: str | None
    rfm: Label | None
    tier: Label | None
    lifecycle: Label | None
    risk: int | None = Field(description="churn risk, 0 (safe) to 9 (leaving)")
    risk_band: Label | None
    value: Money | None = Field(description="expected spend over the value horizon")
    orders: int | None
    spent: Money | None
    last_purchase_on: dt.date | None


class CustomerPage(Page[CustomerRow]):
    """Customers in the asked order."""


class Trait(Shape):
    """A known property with value, source and freshness."""

    name: str
    label: Text
    value: str | None
    unit: Unit
    source: str | None
    valid_from: dt.datetime | None
    freshness_days: float | None
    classification: str
    masked: bool


class CustomerIdentifier(Shape):
    """One way this customer is recognised."""

    identifier: str = Field(description="kind:value, as given to /profiles")
    kind: str
    kind_label: Text
    value: str
    masked: bool
    first_seen_at: dt.datetime | None


class MergeEdge(Shape):
    """One edge that ties two identifiers together; undoing it restores both histories."""

    edge_id: str
    left: str
    right: str
    evidence: Text
    source: str | None
    confidence: float | None
    created_at: dt.datetime | None
    undone_at: dt.datetime | None


class CustomerSegment(Shape):
    """The customer's place in one scheme."""

    scheme: str
    scheme_name: Text
    segment: str
    segment_name: Text
    as_of: dt.date | None


class ValueDimension(Shape):
    """The customer's place on one dimension of value."""

    code: str
    label: Text
    about: Text
    place: int | None = Field(description="0 to 100: the share of customers below; null if unknown")


class CustomerScore(Shape):
    """A model's statement about this customer."""

    task: str
    task_name: Text
    name: str
    label: Text
    value: float | None
    unit: Unit
    currency: str | None
    horizon_days: int | None
    interval: Interval | None
    band: Label | None
    model: str | None
    version: str | None
    as_of: dt.date | None
    reasons: list[Reason]


class RecommendedProduct(Shape):
    """One recommended product."""

    kind: str = Field(description="new to the customer, or to buy again")
    rank: int
    product_id: str
    name: str
    category: str | None
    score: float
    reason: Text | None


class CustomerConsent(Shape):
    """What the customer said about one channel and purpose."""

    purpose: str
    channel: str
    channel_label: Text
    state: str
    state_label: Text
    since: dt.datetime | None


class CustomerAudience(Shape):
    """A built audience that the customer is in."""

    audience_id: str
    name: str


class Customer(Shape):
    """Everything known about one customer."""

    customer_id: str
    display_name: str | None
    summary: Text
    headline: CustomerRow
    traits: list[Trait]
    identifiers: list[CustomerIdentifier]
    merges: list[MergeEdge]
    segments: list[CustomerSegment]
    dimensions: list[ValueDimension]
    scores: list[CustomerScore]
    recommendations: list[RecommendedProduct]
    consents: list[CustomerConsent]
    audiences: list[CustomerAudience]
    freshness: Freshness


class TimelineLine(Shape):
    """One product line of a purchase on the timeline."""

    product_id: str | None
    name: str | None
    quantity: float | None
    amount: Money | None


class TimelineItem(Shape):
    """One thing that happened to or with the customer."""

    at: dt.datetime
    kind: str = Field(description="purchase, return, event, touch, decision, consent")
    title: Text
    detail: Text | None
    amount: Money | None
    channel: str | None
    reference: str | None
    lines: list[TimelineLine]


class Timeline(Page[TimelineItem]):
    """What happened, newest first."""


class FeatureValue(Shape):
    """One feature of the customer."""

    name: str
    label: Text
    definition: Text
    group: str
    group_label: Text
    value: float | None
    text_value: str | None
    unit: str
    window_days: int | None


class CustomerFeatures(Shape):
    """All features of the customer at the latest cut-off."""

    customer_id: str
    freshness: Freshness
    items: list[FeatureValue]
    next_step: NextStep | None
