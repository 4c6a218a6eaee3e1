"""Decisions of a plan, and the latest about one customer, explained."""

from __future__ import annotations

import datetime as dt

from shopkeeper.apps.service import labels, paging, wording
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import ledger, sentences
from shopkeeper.apps.service.queries.customer import consents
from shopkeeper.apps.service.queries.customers import must_exist
from shopkeeper.apps.service.queries.decide import plan_row, summary_of
from shopkeeper.apps.service.queries.reading import Record, one, rows
from shopkeeper.apps.service.schemas.common import NextStep, Text
from shopkeeper.apps.service.schemas.decide import Action, CustomerDecision, DecisionPage
from shopkeeper.core import columns as c
from shopkeeper.core.clock import zone
from shopkeeper.core.tables import DECISIONS

NO_DECISION = NextStep(
    text=Text(
        zh="还没有关于这位客户的决策。运行一次闭环，计划会包含每位客户（不触达的也在内）。",
        en="No decision about this customer yet. Run the loop: a plan covers every customer.",
    ),
    action=Text(zh="运行闭环", en="Run the loop"),
    link="/runs",
    command="shopkeeper run nightly",
)


def decisions(
    shop: OpenShop,
    plan_id: str,
    *,
    action: Action | None,
    reason: str | None,
    offer_id: str | None,
    channel: str | None,
    cursor: str | None,
    limit: int,
) -> DecisionPage:
    """Decisions of a plan: contacts by expected net value, then the others by customer.

    Parameters
    ----------
    shop
        The open shop.
    plan_id
        Which plan; ``latest`` is the newest.
    action
        Only ``send``, ``hold_out`` or ``none``.
    reason
        Only decisions with this reason code.
    offer_id
        Only decisions for this offer.
    channel
        Only decisions for this channel.
    cursor
        From the page before.
    limit
        Rows a page holds.

    Returns
    -------
    DecisionPage

    Raises
    ------
    NotFoundError
        If there is no such plan.
    """
    plan_id = plan_row(shop, plan_id).plan_id
    kind = f"decisions:{plan_id}:{action or ''}:{reason or ''}:{offer_id or ''}:{channel or ''}"
    offset = paging.decode(kind, cursor)
    table = ledger.of_plan(shop, plan_id)
    if action is not None:
        table = ledger.with_action(table, action)
    for column, wanted in ((c.REASON, reason), (c.OFFER_ID, offer_id), (c.CHANNEL, channel)):
        if wanted is not None:
            table = table.filter(table[column] == wanted)
    ordered = table.order_by(
        [
            table[c.ACTION].desc(),
            table[c.VALUE].desc(nulls_first=False),
            table[c.CUSTOMER_ID],
            table[c.DECISION_ID],
        ]
    )
    total = rows(shop, table.aggregate(n=table.count()))[0]["n"]
    found = rows(shop, ordered.limit(limit + 1, offset=offset))
    page, after = paging.cut(kind, found, offset, limit)
    return DecisionPage(
        items=ledger.decisions_of(shop, page),
        next_cursor=after,
        total=total,
        next_step=None if page or offset else NO_DECISION,
    )


def customer_decision(shop: OpenShop, customer_id: str, *, plan_id: str | None) -> CustomerDecision:
    """Latest decision about one customer, explained.

    Parameters
    ----------
    shop
        The open shop.
    customer_id
        Customer as currently believed.
    plan_id
        Only the decision of this plan.

    Returns
    -------
    CustomerDecision

    Raises
    ------
    NotFoundError
        If there is no such customer or plan.
    """
    must_exist(shop, customer_id)
    table = shop.tables.table(DECISIONS)
    mine = table.filter(table[c.CUSTOMER_ID] == customer_id)
    if plan_id is not None:
        mine = mine.filter(mine[c.PLAN_ID] == plan_row(shop, plan_id).plan_id)
    row = one(shop, mine.order_by([mine[c.AS_OF].desc(), mine[c.DECISION_ID]]))
    if row is None:
        return CustomerDecision(
            customer_id=customer_id,
            plan=None,
            decision=None,
            sentence=NO_DECISION.text,
            candidates=[],
            guards=[],
            consents=consents(shop, customer_id),
            policy_version=None,
            next_step=NO_DECISION,
        )
    decision = ledger.decisions_of(shop, [row])[0]
    return CustomerDecision(
        customer_id=customer_id,
        plan=summary_of(shop, plan_row(shop, row["plan_id"])),
        decision=decision,
        sentence=_about(shop, row, decision.offer_name, decision.channel_name, decision.send_at),
        candidates=ledger.candidates_of(shop, row),
        guards=ledger.guards_of(row),
        consents=consents(shop, customer_id),
        policy_version=row["policy_version"],
        next_step=None,
    )


def _about(
    shop: OpenShop, row: Record, offer: Text | None, channel: Text | None, at: dt.datetime | None
) -> Text:
    if row["action"] != "send":
        reason = sentences.refusal(row["reason"]).text
        if row["holdout"]:
            return Text(
                zh="不触达：这位客户随机留作对照组。", en="Not contacted: held out at random."
            )
        return Text(zh=f"不触达：{reason.zh}。", en=f"Not contacted: {reason.en}.")
    local = (
        at.astimezone(zone(shop.settings.shop.time_zone)).strftime("%Y-%m-%d %H:%M") if at else ""
    )
    net = wording.amount(
        (row["expected_margin_minor"] or 0) - (row["cost_minor"] or 0), shop.settings.shop.currency
    )
    what, how = offer or labels.named({}, None), channel or labels.named({}, None)
    return Text(
        zh=f"在 {local} 通过{how.zh}给出“{what.zh}”，预计净增毛利 {net}。",
        en=f'Offer "{what.en}" by {how.en} at {local}; expected net margin {net}.',
    )
