"""Decide: plans, decisions with reasons, approval."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shopkeeper.apps.service.schemas.common import (
    Count,
    Interval,
    Money,
    NextStep,
    Page,
    Reason,
    Shape,
    Text,
)
from shopkeeper.apps.service.schemas.customers import CustomerConsent

PlanStatus = Literal["draft", "approved", "performed"]
Action = Literal["send", "hold_out", "none"]


class PlanTotals(Shape):
    """What a plan comes to."""

    customers: int = Field(description="customers considered")
    contacts: int = Field(description="customers who would be contacted")
    hold_out: int
    refused: int
    spend: Money
    budget: Money | None
    expected_margin: Money
    expected_margin_interval: Interval | None = Field(description="in minor units")
    expected_net: Money
    bound_gap: float | None = Field(description="(bound − plan) / bound, ratio")


class PlanSummary(Shape):
    """One plan of contacts."""

    plan_id: str
    as_of: dt.date | None
    status: PlanStatus
    created_at: dt.datetime | None
    approved_at: dt.datetime | None
    approved_by: str | None
    performed_at: dt.datetime | None
    digest: str | None
    policy_version: str | None
    totals: PlanTotals


class PlanList(Shape):
    """All plans, newest first."""

    items: list[PlanSummary]
    next_step: NextStep | None


class PlanShare(Shape):
    """The part of a plan that goes to one offer, channel or hour."""

    key: str
    label: Text
    contacts: int
    spend: Money
    expected_margin: Money


class Plan(Shape):
    """A plan opened: totals, where it goes, who is left out and why."""

    summary: PlanSummary
    sentence: Text
    by_offer: list[PlanShare]
    by_channel: list[PlanShare]
    by_hour: list[PlanShare]
    refusals: list[Count]
    guards: list[Reason] = Field(description="consent, caps, quiet hours, budget that applied")


class Decision(Shape):
    """One ledger row: what was chosen for one customer (non-sends too) and why."""

    decision_id: str
    plan_id: str
    customer_id: str
    display_name: str | None
    action: Action
    offer_id: str | None
    offer_name: Text | None
    channel: str | None
    channel_name: Text | None
    send_at: dt.datetime | None
    hour: int | None
    probability: float | None = Field(description="with which this action was chosen")
    expected_margin: Money | None
    cost: Money | None
    reason: str | None
    reasons: list[Reason]


class DecisionPage(Page[Decision]):
    """Decisions of a plan, highest expected value first."""


class Candidate(Shape):
    """One action that was possible, and what became of it."""

    offer_id: str | None
    offer_name: Text | None
    channel: str | None
    channel_name: Text | None
    hour: int | None
    expected_margin: Money | None
    cost: Money | None
    value: Money | None
    probability: float | None
    chosen: bool
    refused: Reason | None


class CustomerDecision(Shape):
    """The latest decision about one customer, explained."""

    customer_id: str
    plan: PlanSummary | None
    decision: Decision | None
    sentence: Text
    candidates: list[Candidate]
    guards: list[Reason]
    consents: list[CustomerConsent]
    policy_version: str | None
    next_step: NextStep | None


class PlanApproval(BaseModel):
    """Who approves, and the digest they looked at (refused when the plan changed since)."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(default="console", min_length=1, max_length=120)
    digest: str | None = None
    note: str | None = Field(default=None, max_length=2_000)


class PlanPerformed(Shape):
    """What performing the plan did; performing again does nothing more."""

    plan_id: str
    status: PlanStatus
    written: int = Field(description="messages written to the outbox by this call")
    already: int = Field(description="messages that were there before")
    failed: int
    performed_at: dt.datetime | None
    sentence: Text
