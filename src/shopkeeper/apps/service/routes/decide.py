"""Decide."""

from __future__ import annotations

from fastapi import APIRouter

from shopkeeper.apps.service.context import Cursor, Limit, Shop
from shopkeeper.apps.service.queries import decide as ask
from shopkeeper.apps.service.queries import decisions, plans
from shopkeeper.apps.service.schemas.decide import (
    Action,
    CustomerDecision,
    DecisionPage,
    Plan,
    PlanApproval,
    PlanList,
    PlanPerformed,
)

router = APIRouter(prefix="/decide", tags=["decide"])


@router.get("/plans", operation_id="list_plans")
def list_plans(shop: Shop) -> PlanList:
    """Plans, newest first."""
    return ask.plans(shop)


@router.get("/plans/{plan_id}", operation_id="get_plan")
def get_plan(shop: Shop, plan_id: str) -> Plan:
    """Totals of a plan, where it goes, who is left out and why."""
    return ask.plan(shop, plan_id)


@router.get("/plans/{plan_id}/decisions", operation_id="list_decisions")
def list_decisions(
    shop: Shop,
    plan_id: str,
    action: Action | None = None,
    reason: str | None = None,
    offer_id: str | None = None,
    channel: str | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DecisionPage:
    """Decisions of a plan, non-sends too."""
    return decisions.decisions(
        shop,
        plan_id,
        action=action,
        reason=reason,
        offer_id=offer_id,
        channel=channel,
        cursor=cursor,
        limit=limit,
    )


@router.get("/decisions/{customer_id}", operation_id="get_customer_decision")
def get_customer_decision(
    shop: Shop, customer_id: str, plan_id: str | None = None
) -> CustomerDecision:
    """Latest decision about one customer: candidates, probability, reasons, guards."""
    return decisions.customer_decision(shop, customer_id, plan_id=plan_id)


@router.post("/plans/{plan_id}/approve", operation_id="approve_plan")
def approve_plan(shop: Shop, plan_id: str, body: PlanApproval) -> Plan:
    """Approve a draft; nothing is sent yet."""
    return plans.approve(shop, plan_id, body)


@router.post("/plans/{plan_id}/perform", operation_id="perform_plan")
def perform_plan(shop: Shop, plan_id: str) -> PlanPerformed:
    """Write the messages of an approved plan to the outbox; a second call writes nothing."""
    return plans.perform(shop, plan_id)
