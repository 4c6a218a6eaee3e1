"""Plans opened: totals, where they go, who is left out and why."""

from __future__ import annotations

from typing import Any

import ibis
from sqlalchemy import Row, select

from shopkeeper.apps.service import labels, wording
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import ledger, sentences
from shopkeeper.apps.service.queries.reading import Record, day_of, money, rows, utc
from shopkeeper.apps.service.queries.runs import NEVER_RAN
from shopkeeper.apps.service.schemas.common import Count, Money, Reason, Text
from shopkeeper.apps.service.schemas.decide import (
    Plan,
    PlanList,
    PlanShare,
    PlanSummary,
    PlanTotals,
)
from shopkeeper.core import columns as c
from shopkeeper.core import state
from shopkeeper.core.clock import zone
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.tables import DECISIONS


def plans(shop: OpenShop) -> PlanList:
    """Plans, newest first.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    PlanList
        At most the latest hundred.
    """
    table = state.plans
    query = select(table).order_by(table.c.created_at.desc(), table.c.plan_id).limit(100)
    with shop.state.connect() as connection:
        found = connection.execute(query).all()
    return PlanList(
        items=[summary_of(shop, row) for row in found], next_step=None if found else NEVER_RAN
    )


def plan_row(shop: OpenShop, plan_id: str) -> Row[Any]:
    """State row of a plan.

    Parameters
    ----------
    shop
        The open shop.
    plan_id
        Which plan; ``latest`` is the newest.

    Returns
    -------
    Row
        Columns of ``state.plans``.

    Raises
    ------
    NotFoundError
        If there is no such plan.
    """
    table = state.plans
    query = select(table).order_by(table.c.created_at.desc(), table.c.plan_id)
    if plan_id != "latest":
        query = query.where(table.c.plan_id == plan_id)
    with shop.state.connect() as connection:
        row = connection.execute(query.limit(1)).first()
    if row is None:
        raise NotFoundError(
            f"there is no plan {plan_id!r}",
            next_step="See /api/v1/decide/plans, or make one: shopkeeper run nightly",
            plan_id=plan_id,
        )
    return row


def totals_of(shop: OpenShop, plan_id: str, summary: dict[str, Any]) -> PlanTotals:
    """What a plan comes to, counted in the ledger.

    Parameters
    ----------
    shop
        The open shop.
    plan_id
        Which plan.
    summary
        What the planner noted: budget and gap to the bound.

    Returns
    -------
    PlanTotals
    """

    def ask() -> Record:
        table = ledger.of_plan(shop, plan_id)
        sent = table[c.ACTION] == "send"
        idle = table[c.ACTION] != "send"
        return rows(
            shop,
            table.aggregate(
                customers=table.count(),
                contacts=sent.sum(),
                hold_out=(idle & table[c.HOLDOUT]).sum(),
                spend=table[c.COST_MINOR].sum(where=sent),
                margin=table[c.EXPECTED_MARGIN_MINOR].sum(where=sent),
            ),
        )[0]

    found = shop.remember(("plan_totals", plan_id), (DECISIONS,), ask)
    currency = shop.settings.shop.currency
    customers, contacts = found["customers"] or 0, found["contacts"] or 0
    hold_out = found["hold_out"] or 0
    spend, margin = found["spend"] or 0, found["margin"] or 0
    return PlanTotals(
        customers=customers,
        contacts=contacts,
        hold_out=hold_out,
        refused=customers - contacts - hold_out,
        spend=Money(minor=spend, currency=currency),
        budget=money(shop, summary.get("budget_minor")),
        expected_margin=Money(minor=margin, currency=currency),
        expected_margin_interval=None,
        expected_net=Money(minor=margin - spend, currency=currency),
        bound_gap=summary.get("gap"),
    )


def summary_of(shop: OpenShop, row: Row[Any]) -> PlanSummary:
    """A plan in one line.

    Parameters
    ----------
    shop
        The open shop.
    row
        Columns of ``state.plans``.

    Returns
    -------
    PlanSummary
    """
    noted: dict[str, Any] = row.summary or {}
    return PlanSummary(
        plan_id=row.plan_id,
        as_of=day_of(shop, utc(row.as_of)),
        status=row.status,
        created_at=utc(row.created_at),
        approved_at=utc(row.approved_at),
        approved_by=row.approved_by,
        performed_at=utc(row.performed_at),
        digest=row.digest,
        policy_version=noted.get("policy_version"),
        totals=totals_of(shop, row.plan_id, noted),
    )


def plan(shop: OpenShop, plan_id: str) -> Plan:
    """A plan opened.

    Parameters
    ----------
    shop
        The open shop.
    plan_id
        Which plan; ``latest`` is the newest.

    Returns
    -------
    Plan

    Raises
    ------
    NotFoundError
        If there is no such plan.
    """
    row = plan_row(shop, plan_id)
    summary = summary_of(shop, row)
    sent = ledger.with_action(ledger.of_plan(shop, row.plan_id), "send")
    by_offer = _shares(shop, sent, c.OFFER_ID)
    offers = ledger.offer_names(shop, [x["key"] for x in by_offer if x["key"]])
    return Plan(
        summary=summary,
        sentence=_sentence(summary),
        by_offer=[_share(shop, x, labels.named(offers, x["key"])) for x in by_offer],
        by_channel=[
            _share(shop, x, labels.named(labels.CHANNELS, x["key"]))
            for x in _shares(shop, sent, c.CHANNEL)
        ],
        by_hour=_by_hour(shop, sent),
        refusals=_refusals(shop, row.plan_id),
        guards=_guards(shop),
    )


def _shares(shop: OpenShop, sent: ibis.Table, by: str) -> list[Record]:
    grouped = sent.group_by(key=sent[by]).aggregate(
        contacts=sent.count(),
        spend=sent[c.COST_MINOR].sum(),
        margin=sent[c.EXPECTED_MARGIN_MINOR].sum(),
    )
    return rows(shop, grouped.order_by([grouped["contacts"].desc(), grouped["key"]]).limit(100))


def _share(shop: OpenShop, found: Record, label: Text) -> PlanShare:
    currency = shop.settings.shop.currency
    return PlanShare(
        key=str(found["key"] if found["key"] is not None else ""),
        label=label,
        contacts=found["contacts"],
        spend=Money(minor=found["spend"] or 0, currency=currency),
        expected_margin=Money(minor=found["margin"] or 0, currency=currency),
    )


def _by_hour(shop: OpenShop, sent: ibis.Table) -> list[PlanShare]:
    """Hours of the shop's day; planned moments are few, so the zone is applied here."""
    grouped = sent.group_by(key=sent[c.SEND_AT]).aggregate(
        contacts=sent.count(),
        spend=sent[c.COST_MINOR].sum(),
        margin=sent[c.EXPECTED_MARGIN_MINOR].sum(),
    )
    here = zone(shop.settings.shop.time_zone)
    hours: dict[int, Record] = {}
    for row in rows(shop, grouped):
        if row["key"] is None:
            continue
        hour = row["key"].astimezone(here).hour
        known = hours.setdefault(hour, {"key": hour, "contacts": 0, "spend": 0, "margin": 0})
        for figure in ("contacts", "spend", "margin"):
            known[figure] += row[figure] or 0
    return [
        _share(shop, hours[hour], Text(zh=f"{hour} 点", en=f"{hour:02d}:00"))
        for hour in sorted(hours)
    ]


def _refusals(shop: OpenShop, plan_id: str) -> list[Count]:
    table = ledger.with_action(ledger.of_plan(shop, plan_id), "none")
    grouped = table.group_by(key=table[c.REASON]).aggregate(n=table.count())
    found = rows(shop, grouped.order_by([grouped["n"].desc(), grouped["key"]]))
    total = sum(row["n"] for row in found)
    return [
        Count(
            key=row["key"],
            label=sentences.refusal(row["key"]).text,
            count=row["n"],
            share=row["n"] / total,
        )
        for row in found
    ]


def _guards(shop: OpenShop) -> list[Reason]:
    rules = shop.settings.decide
    return [
        Reason(
            key="frequency_cap",
            text=Text(
                zh=f"疲劳度：每位客户 {rules.cap_days} 天内最多触达 {rules.cap_contacts} 次",
                en=f"Frequency cap: at most {rules.cap_contacts} contacts in {rules.cap_days} days",
            ),
        ),
        Reason(
            key="quiet_hours",
            text=Text(
                zh=f"勿扰时段：客户当地 {rules.quiet_from} 点到次日 {rules.quiet_to} 点不触达",
                en=f"Quiet hours: {rules.quiet_from}:00 to {rules.quiet_to}:00 of the customer",
            ),
        ),
        Reason(
            key="hold_out",
            text=Text(
                zh=f"对照组：随机留出 {wording.share(rules.holdout)} 的客户不触达",
                en=f"Hold-out: {wording.share(rules.holdout)} of customers, at random, get nothing",
            ),
        ),
        Reason(
            key="consent",
            text=Text(
                zh="授权：没有有效授权的渠道不触达"
                + (
                    "；从未表态按同意处理"
                    if rules.default_consent == "GRANT"
                    else "；从未表态按拒绝处理"
                ),
                en="Consent: no contact on a channel without a valid permit; silence counts as "
                + ("granted" if rules.default_consent == "GRANT" else "denied"),
            ),
        ),
    ]


def _sentence(summary: PlanSummary) -> Text:
    totals = summary.totals
    spend = wording.amount(totals.spend.minor, totals.spend.currency)
    net = wording.amount(totals.expected_net.minor, totals.expected_net.currency)
    return Text(
        zh=f"计划触达 {totals.contacts:,} 位客户，花费 {spend}，预计净增毛利 {net}；"
        f"{totals.hold_out:,} 位留作对照，{totals.refused:,} 位不触达，各有原因。",
        en=f"Contacts {totals.contacts:,} customers for {spend}, expected to earn {net} net; "
        f"{totals.hold_out:,} are held out and {totals.refused:,} left alone, each for a reason.",
    )
