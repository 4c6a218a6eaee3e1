"""Rows of the decision ledger as the pages show them."""

from __future__ import annotations

from typing import Any

import ibis

from shopkeeper.apps.service import labels
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import sentences
from shopkeeper.apps.service.queries.reading import Record, among, money, parsed, rows
from shopkeeper.apps.service.schemas.common import Reason, Text
from shopkeeper.apps.service.schemas.decide import Action, Candidate, Decision
from shopkeeper.core import columns as c
from shopkeeper.core.clock import zone
from shopkeeper.core.tables import DECISIONS, OFFERS, PROFILES


def of_plan(shop: OpenShop, plan_id: str) -> ibis.Table:
    """Ledger rows of one plan.

    Parameters
    ----------
    shop
        The open shop.
    plan_id
        Which plan.

    Returns
    -------
    ibis.Table
        Unbound expression.
    """
    table = shop.tables.table(DECISIONS)
    return table.filter(table[c.PLAN_ID] == plan_id)


def with_action(table: ibis.Table, action: Action) -> ibis.Table:
    """Ledger rows of one action; a hold-out is a non-send with its flag.

    Parameters
    ----------
    table
        Ledger rows.
    action
        ``send``, ``hold_out`` or ``none``.

    Returns
    -------
    ibis.Table
    """
    if action == "send":
        return table.filter(table[c.ACTION] == "send")
    idle = table.filter(table[c.ACTION] != "send")
    return idle.filter(idle[c.HOLDOUT] if action == "hold_out" else ~idle[c.HOLDOUT])


def offer_names(shop: OpenShop, offers: list[str]) -> dict[str, Text]:
    """Names of offers.

    Parameters
    ----------
    shop
        The open shop.
    offers
        Offer ids, at most a few hundred.

    Returns
    -------
    dict of str to Text
        The shop's own names, which it keeps in one language.
    """
    if not offers:
        return {}
    table = shop.tables.table(OFFERS)
    found = rows(shop, table.filter(among(table[c.OFFER_ID], offers))[[c.OFFER_ID, c.NAME]])
    return {row["offer_id"]: Text(zh=row["name"], en=row["name"]) for row in found if row["name"]}


def decisions_of(shop: OpenShop, found: list[Record]) -> list[Decision]:
    """Ledger rows with names of people, offers and channels.

    Parameters
    ----------
    shop
        The open shop.
    found
        Rows of DECISIONS, at most a page.

    Returns
    -------
    list of Decision
        In the given order.
    """
    offers = offer_names(shop, sorted({row["offer_id"] for row in found if row["offer_id"]}))
    people = _people(shop, sorted({row["customer_id"] for row in found}))
    return [_decision(shop, row, offers, people) for row in found]


def _people(shop: OpenShop, ids: list[str]) -> dict[str, str | None]:
    if not ids:
        return {}
    table = shop.tables.table(PROFILES)
    wanted = table.filter(among(table[c.CUSTOMER_ID], ids))[[c.CUSTOMER_ID, c.PERSON_NAME]]
    return {row["customer_id"]: row["person_name"] for row in rows(shop, wanted)}


def _decision(
    shop: OpenShop, row: Record, offers: dict[str, Text], people: dict[str, str | None]
) -> Decision:
    action: Action = "send" if row["action"] == "send" else "none"
    if action == "none" and row["holdout"]:
        action = "hold_out"
    local = (
        row["send_at"].astimezone(zone(shop.settings.shop.time_zone)) if row["send_at"] else None
    )
    channel = row["channel"]
    return Decision(
        decision_id=row["decision_id"],
        plan_id=row["plan_id"],
        customer_id=row["customer_id"],
        display_name=people.get(row["customer_id"]),
        action=action,
        offer_id=row["offer_id"],
        offer_name=labels.named(offers, row["offer_id"]) if row["offer_id"] else None,
        channel=channel,
        channel_name=labels.named(labels.CHANNELS, channel) if channel else None,
        send_at=row["send_at"],
        hour=local.hour if local else None,
        probability=row["probability"],
        expected_margin=money(shop, row["expected_margin_minor"]),
        cost=money(shop, row["cost_minor"]),
        reason=row["reason"],
        reasons=sentences.decision_reasons(row["reasons"], shop.settings.shop.currency),
    )


def guards_of(row: Record) -> list[Reason]:
    """Consents and caps that a ledger row was decided under.

    Parameters
    ----------
    row
        Row of DECISIONS.

    Returns
    -------
    list of Reason
    """
    return sentences.guards(row["constraints"])


def candidates_of(shop: OpenShop, row: Record) -> list[Candidate]:
    """What was possible for the customer, and what became of it.

    Parameters
    ----------
    shop
        The open shop.
    row
        Row of DECISIONS.

    Returns
    -------
    list of Candidate
        In the order of the ledger.
    """
    options: list[dict[str, Any]] = parsed(row["candidates"]) or []
    if row["action"] == "send" and not any(_is_chosen(option, row) for option in options):
        options = [{"offer": row["offer_id"], "channel": row["channel"]}, *options]
    offers = offer_names(shop, sorted({option["offer"] for option in options if option["offer"]}))
    return [_candidate(shop, option, row, offers) for option in options]


def _is_chosen(option: dict[str, Any], row: Record) -> bool:
    taken = (option["offer"], option["channel"]) == (row["offer_id"], row["channel"])
    return taken and row["action"] == "send"


def _net(row: Record) -> int:
    return (row["expected_margin_minor"] or 0) - (row["cost_minor"] or 0)


def _candidate(
    shop: OpenShop, option: dict[str, Any], row: Record, offers: dict[str, Text]
) -> Candidate:
    offer, channel = option["offer"], option["channel"]
    chosen = _is_chosen(option, row)
    worth = _net(row) if chosen else option["value"]
    refused = None
    if not chosen:
        sent = row["action"] == "send"
        refused = _passed_over(worth, row) if sent else sentences.refusal(row["reason"])
    return Candidate(
        offer_id=offer,
        offer_name=labels.named(offers, offer),
        channel=channel,
        channel_name=labels.named(labels.CHANNELS, channel),
        hour=None,
        expected_margin=money(shop, row["expected_margin_minor"]) if chosen else None,
        cost=money(shop, row["cost_minor"]) if chosen else None,
        value=money(shop, worth),
        probability=row["probability"] if chosen else None,
        chosen=chosen,
        refused=refused,
    )


def _passed_over(worth: float, row: Record) -> Reason:
    """Why an option that was possible gave way to the one that was taken."""
    if row["reason"] == "explored":
        return Reason(
            key="not_drawn", text=Text(zh="随机探索时未抽中", en="Not drawn in the random choice")
        )
    if worth > _net(row):
        return Reason(
            key="dearer",
            text=Text(
                zh="单看净值更高，但要占用预算或权益，用在别的客户身上收益更高",
                en="Worth more by itself, but takes budget or stock that earns more elsewhere",
            ),
        )
    return Reason(key="lower_value", text=Text(zh="净值不更高", en="Not worth more"))
