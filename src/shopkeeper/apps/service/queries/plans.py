"""Approving and performing plans, and what that did."""

from __future__ import annotations

from shopkeeper.apps.flows.deliver import approve_plan, perform_plan
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import decide
from shopkeeper.apps.service.queries.reading import utc
from shopkeeper.apps.service.schemas.common import Text
from shopkeeper.apps.service.schemas.decide import Plan, PlanApproval, PlanPerformed
from shopkeeper.core.errors import PlanError


def approve(shop: OpenShop, plan_id: str, body: PlanApproval) -> Plan:
    """Approve a draft; approving again changes nothing.

    Parameters
    ----------
    shop
        The open shop.
    plan_id
        Which plan.
    body
        Who approves, and the digest they looked at.

    Returns
    -------
    Plan
        As it stands now.

    Raises
    ------
    NotFoundError
        If there is no such plan.
    PlanError
        If it is not the plan that was looked at, or was already performed.
    """
    row = decide.plan_row(shop, plan_id)
    if body.digest is not None and body.digest != row.digest:
        raise PlanError(
            f"plan {row.plan_id} is not the one that was looked at",
            next_step="Open the plan again and approve what it says now",
            plan_id=row.plan_id,
            digest=row.digest,
            seen=body.digest,
        )
    approve_plan(shop.runtime, row.plan_id, body.by)
    return decide.plan(shop, row.plan_id)


def perform(shop: OpenShop, plan_id: str) -> PlanPerformed:
    """Put the messages of an approved plan into the outbox; a second call adds nothing.

    Parameters
    ----------
    shop
        The open shop.
    plan_id
        Which plan.

    Returns
    -------
    PlanPerformed

    Raises
    ------
    NotFoundError
        If there is no such plan.
    PlanError
        If nobody approved it.
    """
    row = decide.plan_row(shop, plan_id)
    report = perform_plan(shop.runtime, row.plan_id)
    now = decide.plan_row(shop, row.plan_id)
    contacts = decide.summary_of(shop, now).totals.contacts
    before = contacts - report.enqueued
    sent = report.delivered.get("sent", 0)
    return PlanPerformed(
        plan_id=row.plan_id,
        status=now.status,
        written=report.enqueued,
        already=max(before, 0),
        failed=report.delivered.get("failed", 0) + report.delivered.get("refused", 0),
        performed_at=utc(now.performed_at),
        sentence=Text(
            zh=f"新写入发件箱 {report.enqueued:,} 条，此前已有 {max(before, 0):,} 条；"
            f"到点已发出 {sent:,} 条，其余到时间再发。",
            en=f"{report.enqueued:,} messages written to the outbox, {max(before, 0):,} were "
            f"there; {sent:,} were due and sent, the rest go at their hour.",
        ),
    )
