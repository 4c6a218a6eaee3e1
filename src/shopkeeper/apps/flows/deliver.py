"""Approve a plan, put its sends into the outbox, send what is due, write the touches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from shopkeeper.apps.flows.decide import ADDRESS_KINDS, APPROVED, DRAFT, PERFORMED
from shopkeeper.apps.flows.manners import SendManners, write_touches
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import state
from shopkeeper.core.clock import zone
from shopkeeper.core.errors import NotFoundError, PlanError
from shopkeeper.core.ids import content_id
from shopkeeper.core.settings import Settings
from shopkeeper.core.tables import DECISIONS, IDENTITIES, OFFERS, PROFILES, QUALITY
from shopkeeper.deliver.content import render_message
from shopkeeper.deliver.outbox import SendReport, enqueue, send_due
from shopkeeper.govern.gates import blocks


def approve_plan(runtime: Runtime, plan_id: str, by: str) -> None:
    """Approve a draft; approving again changes nothing.

    Parameters
    ----------
    runtime
        The open shop.
    plan_id
        Which plan.
    by
        Who approves.

    Raises
    ------
    NotFoundError
        If there is no such plan.
    PlanError
        If it was already performed.
    """
    row = plan_row(runtime, plan_id)
    if row.status == PERFORMED:
        raise PlanError(
            f"plan {plan_id} was already performed",
            next_step="Make a new plan: shopkeeper decide",
            plan_id=plan_id,
        )
    if row.status == APPROVED:
        return
    with runtime.state.begin() as connection:
        connection.execute(
            update(state.plans)
            .where(state.plans.c.plan_id == plan_id, state.plans.c.status == DRAFT)
            .values(status=APPROVED, approved_at=runtime.clock.now(), approved_by=by)
        )


@dataclass(frozen=True, slots=True)
class PerformReport:
    """What performing a plan did."""

    plan_id: str
    enqueued: int
    delivered: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "plan_id": self.plan_id, "enqueued": self.enqueued, "delivered": dict(self.delivered)
        }  # fmt: skip


def perform_plan(runtime: Runtime, plan_id: str) -> PerformReport:
    """Put every send of an approved plan into the outbox and send what is due.

    Performing again enqueues nothing new: a decision has one message.

    Parameters
    ----------
    runtime
        The open shop.
    plan_id
        Which plan.

    Raises
    ------
    NotFoundError
        If there is no such plan.
    PlanError
        If nobody approved it, or bad data stop deliveries.
    """
    row = plan_row(runtime, plan_id)
    refuse_if_stopped(runtime)
    if row.status == DRAFT:
        raise PlanError(
            f"plan {plan_id} is a draft",
            next_step=f"Approve it first: shopkeeper plan approve {plan_id}",
            plan_id=plan_id,
        )
    new = enqueue(runtime.state, _messages(runtime, plan_id))
    with runtime.state.begin() as connection:
        connection.execute(
            update(state.plans)
            .where(state.plans.c.plan_id == plan_id, state.plans.c.status == APPROVED)
            .values(status=PERFORMED, performed_at=runtime.clock.now())
        )
    return PerformReport(plan_id, new, run_deliver(runtime).to_dict())


def refuse_if_stopped(runtime: Runtime) -> None:
    """Refuse to start deliveries while the latest quality run stops them.

    Parameters
    ----------
    runtime
        The open shop.

    Raises
    ------
    PlanError
        If a gate of the latest quality run stops deliver; says which finding.
    """
    quality = runtime.tables.table(QUALITY)
    last = quality.filter(quality.as_of == quality.as_of.max())
    found = [x for x in blocks(runtime.tables.run(last)) if x.stage == "deliver"]
    if found:
        raise PlanError(
            found[0].en,
            next_step="Mend the data and run: shopkeeper run nightly",
            message_zh=found[0].zh,
        )


def run_deliver(runtime: Runtime, *, limit: int = 100_000) -> SendReport:
    """Send what is due now and write the touches.

    Touches are read back from the outbox, so that a crash between sending and
    writing loses none: the next round finds them.

    Parameters
    ----------
    runtime
        The open shop.
    limit
        Most messages of this round.
    """
    now = runtime.clock.now()
    try:
        return send_due(runtime.state, runtime.senders, now, SendManners(runtime, now), limit=limit)
    finally:
        write_touches(runtime, now)


def plan_row(runtime: Runtime, plan_id: str) -> Any:
    """State row of a plan.

    Raises
    ------
    NotFoundError
        If there is no such plan.
    """
    with runtime.state.connect() as connection:
        row = connection.execute(
            select(state.plans).where(state.plans.c.plan_id == plan_id)
        ).first()
    if row is None:
        raise NotFoundError(
            f"there is no plan {plan_id!r}",
            next_step="List them: shopkeeper plan list",
            plan_id=plan_id,
        )
    return row


def _messages(runtime: Runtime, plan_id: str) -> Iterator[dict[str, Any]]:
    store, settings = runtime.tables, runtime.settings
    decisions = store.table(DECISIONS)
    people = store.table(PROFILES)
    people = people.select(
        "customer_id", "person_name", "language", to_email="email", to_sms="phone"
    )
    offers = store.table(OFFERS).select("offer_id", "name", "kind", "discount_rate", "valid_to")
    chosen = decisions.filter((decisions.plan_id == plan_id) & (decisions.action == "send"))
    joined = chosen.left_join(people, "customer_id").drop("customer_id_right")
    joined = joined.left_join(offers, "offer_id").drop("offer_id_right")
    # A touch is logged under one of the customer's identifiers, so that an undone merge moves it.
    identities = store.table(IDENTITIES)
    refs = identities.group_by("customer_id").aggregate(
        customer_ref=identities.identifier.min(),
        **{
            f"to_{channel}": identities.identifier.min(
                where=identities.identifier_kind.isin(list(kinds))
            )
            for channel, kinds in ADDRESS_KINDS.items()
        },
    )
    joined = joined.left_join(refs, "customer_id").drop("customer_id_right")
    wanted = joined.select(
        "decision_id", "customer_id", "channel", "send_at", "person_name", "language", "to_email",
        "to_sms", *(f"to_{x}" for x in ADDRESS_KINDS), "name", "kind", "discount_rate", "valid_to",
        "offer_id", "customer_ref",
    )  # fmt: skip
    for batch in store.stream(wanted):
        for row in batch.to_pylist():
            yield _message(settings, plan_id, row)


def _message(settings: Settings, plan_id: str, row: Mapping[str, Any]) -> dict[str, Any]:
    key = content_id(row["decision_id"], prefix="m", length=32)
    language = row["language"] or ("zh-CN" if settings.shop.country == "CN" else "en")
    valid = row["valid_to"].astimezone(zone(settings.shop.time_zone)) if row["valid_to"] else None
    content = render_message(
        row["channel"], language, row["kind"] or "reminder",
        {
            "name": row["person_name"], "offer": row["name"] or row["offer_id"],
            "shop": settings.shop.name, "discount": f"{row['discount_rate'] or 0:.0%}",
            "valid_to": f"{valid:%Y-%m-%d}" if valid else "—",
        },
    )  # fmt: skip
    to = row[f"to_{row['channel']}"] or ""
    if row["channel"] in ADDRESS_KINDS:
        to = to.partition(":")[2]
    headers = {"From": settings.deliver.from_address} if row["channel"] == "email" else {}
    if row["channel"] == "email":
        headers["List-Unsubscribe"] = f"<{settings.deliver.unsubscribe_url}?key={key}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return {
        "key": key, "plan_id": plan_id, "decision_id": row["decision_id"],
        "customer_id": row["customer_id"], "channel": row["channel"], "send_at": row["send_at"],
        "payload": {
            "to": to or "", "subject": content.subject, "body": content.body, "headers": headers,
            "offer_id": row["offer_id"], "customer_ref": row["customer_ref"],
        },
    }  # fmt: skip
