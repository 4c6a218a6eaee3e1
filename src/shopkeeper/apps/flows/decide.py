"""Plan the next best action from what the earlier stages wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import insert, select

from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import state
from shopkeeper.core.clock import MICROSECONDS_PER_DAY, to_us
from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.core.money import EXPONENTS
from shopkeeper.core.ports import TableStore
from shopkeeper.core.settings import Settings
from shopkeeper.core.tables import (
    CONTACTS,
    DECISIONS,
    FEATURES,
    IDENTITIES,
    OFFERS,
    PERMITS,
    PRODUCTS,
    PROFILES,
    PURCHASE_LINES,
    PURCHASES,
    SCORES,
)
from shopkeeper.decide.choose import choose
from shopkeeper.decide.plan import Plan, explain, make_plan
from shopkeeper.decide.problem import CHANNELS, Limits, read_customers, read_options
from shopkeeper.decide.worth import MeasuredLift, measured_lift

DRAFT, APPROVED, PERFORMED = "draft", "approved", "performed"
RESPONSE_DAYS = 7
ADDRESS_KINDS: Mapping[str, tuple[str, ...]] = {
    "push": ("push_token", "device_id"), "wecom": ("external_userid", "unionid"),
}  # fmt: skip
"""Identifiers that can be written to, by channel; e-mail and phone are in the profile."""
SENT_STATUSES = ("sent", "delivered", "opened", "clicked")


@dataclass(frozen=True, slots=True)
class PlanReport:
    """A plan as the flow reports it."""

    plan_id: str
    summary: Mapping[str, Any]
    words: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"plan_id": self.plan_id, **self.summary, "words": dict(self.words)}


def limits_of(settings: Settings, seed: int) -> Limits:
    """The plan's limits as configured."""
    d = settings.decide
    return Limits(
        budget_minor=round(d.budget * 10 ** EXPONENTS[settings.shop.currency]),
        holdout=d.holdout, explore=d.explore, cap_days=d.cap_days, cap_contacts=d.cap_contacts,
        quiet_from=d.quiet_from, quiet_to=d.quiet_to, default_consent=d.default_consent, seed=seed,
        response_days=RESPONSE_DAYS,
    )  # fmt: skip


def run_decide(runtime: Runtime, *, as_of: datetime) -> PlanReport:
    """Make a draft plan and write every decision of it, non-sends too, to the ledger.

    Parameters
    ----------
    runtime
        The open shop; features and predict must have run for ``as_of``.
    as_of
        The moment of the plan.

    Returns
    -------
    PlanReport

    Raises
    ------
    NotEnoughDataError
        If there are no customers with features, or no valid offer.
    """
    plan = draft_plan(runtime.tables, runtime.settings, as_of)
    runtime.tables.merge(DECISIONS, plan.decisions)
    with runtime.state.begin() as connection:
        known = connection.execute(
            select(state.plans.c.plan_id).where(state.plans.c.plan_id == plan.plan_id)
        ).first()
        if known is None:
            connection.execute(
                insert(state.plans).values(
                    plan_id=plan.plan_id,
                    as_of=as_of,
                    status=DRAFT,
                    digest=plan.plan_id.removeprefix("plan_"),
                    summary={**plan.summary, "currency": plan.currency},
                    created_at=runtime.clock.now(),
                )
            )
    return PlanReport(
        plan.plan_id, plan.summary, {"zh": explain(plan, "zh"), "en": explain(plan, "en")}
    )


def draft_plan(store: TableStore, settings: Settings, as_of: datetime) -> Plan:
    """The plan as a value; nothing is written."""
    limits = limits_of(settings, settings.predict.seed)
    offers = store.run(store.table(OFFERS))
    options = read_options(offers, as_of)
    rows = customers_of(store, settings, limits, as_of)
    if not rows.num_rows:
        raise NotEnoughDataError(
            f"there are no customers with features as of {as_of:%Y-%m-%d}",
            next_step="Run: shopkeeper run nightly --as-of DATE",
        )
    customers = read_customers(rows, limits, settings.shop.time_zone)
    choice = choose(customers, options, limits, lifts_of(store, as_of))
    return make_plan(customers, options, limits, choice, as_of, settings.shop.currency)


def customers_of(
    store: TableStore, settings: Settings, limits: Limits, as_of: datetime
) -> pa.Table:
    """One row per customer with everything a plan needs to know.

    Parameters
    ----------
    store
        The lake.
    settings
        Margin where products carry no cost.
    limits
        Window of the frequency cap.
    as_of
        Only rows before it count.
    """
    moment = ibis.literal(to_us(as_of)).cast("int64")
    features = store.table(FEATURES)
    base = features.filter(features.as_of.cast("timestamp('UTC')") == ibis.literal(as_of)).select(
        "customer_id", "top_hour_365d"
    )
    scores = store.table(SCORES)
    now = scores.filter(scores.as_of == ibis.literal(as_of))
    orders = now.filter(now.kind == "expected_orders")
    orders = orders.group_by("customer_id").aggregate(
        orders_rate=(orders.value / orders.horizon_days.cast("float64")).max()
    )
    bought = store.table(PURCHASES)
    sales = bought.filter((bought.ts_us < moment) & (bought.kind == "sale"))
    worth = sales.group_by("customer_id").aggregate(order_value_minor=sales.amount_minor.mean())
    touched = store.table(CONTACTS)
    since = ibis.literal(to_us(as_of) - limits.cap_days * MICROSECONDS_PER_DAY).cast("int64")
    recent = touched.filter(
        (touched.ts_us >= since)
        & (touched.ts_us < moment)
        & touched.status.isin(list(SENT_STATUSES))
    )
    recent = recent.group_by("customer_id").aggregate(recent_contacts=recent.count())
    people = store.table(PROFILES).select("customer_id", "email", "phone", "time_zone")
    joined = base
    for part in (orders, worth, recent, people):
        joined = joined.left_join(part, "customer_id").drop("customer_id_right")
    permits = store.table(PERMITS)
    stated = permits.filter(permits.purpose == "marketing")
    wide = stated.group_by("customer_id").aggregate(
        **{f"consent:{x}": stated.status.max(where=stated.channel == x) for x in CHANNELS}
    )
    joined = joined.left_join(wide, "customer_id").drop("customer_id_right")
    rows = store.run(joined)
    rows = rows.join(
        store.run(margins(store, settings.decide.margin, to_us(as_of))),
        "customer_id",
        join_type="left outer",
    )
    value = pc.fill_null(rows.column("order_value_minor").cast(pa.float64()), 0.0)
    share = pc.fill_null(rows.column("margin_share"), settings.decide.margin)
    rows = rows.append_column("order_margin_minor", pc.multiply(value, share)).append_column(
        "preferred_hour", rows.column("top_hour_365d")
    )
    return _with_addresses(store, _with_shares(store, rows, to_us(as_of)))


def margins(store: TableStore, assumed: float, as_of_us: int) -> ibis.Table:
    """Margin of each customer's past lines as a share of what they paid.

    Parameters
    ----------
    store
        The lake.
    assumed
        Share for lines of products that carry no cost.
    as_of_us
        Only lines before it count.

    Returns
    -------
    ibis.Table
        customer_id, margin_share in [0, 1].
    """
    lines, products = store.table(PURCHASE_LINES), store.table(PRODUCTS)
    sold = lines.filter(
        (lines.ts_us < ibis.literal(as_of_us).cast("int64"))
        & (lines.kind == "sale")
        & (lines.amount_minor > 0)
    ).select("customer_id", "product_id", "quantity", "amount_minor")
    both = sold.left_join(products.select("product_id", "cost_minor"), "product_id")
    paid = both.amount_minor.cast("float64")
    share = ibis.literal(round(assumed * 1_000_000)).cast("float64") / 1_000_000
    earned = ibis.ifelse(
        both.cost_minor.isnull(), paid * share, paid - both.cost_minor * both.quantity
    )
    summed = both.group_by("customer_id").aggregate(earned=earned.sum(), paid=paid.sum())
    zero, one = (ibis.literal(x).cast("float64") for x in (0, 1))
    return summed.select("customer_id", margin_share=(summed.earned / summed.paid).clip(zero, one))


def _with_shares(store: TableStore, rows: pa.Table, as_of_us: int) -> pa.Table:
    """Share of a customer's spend in each category that an offer names."""
    offers = store.run(store.table(OFFERS).select("category").distinct())
    names = sorted(x for x in offers.column("category").to_pylist() if x)
    if not names:
        return rows
    lines = store.table(PURCHASE_LINES)
    past = lines.filter(
        (lines.ts_us < ibis.literal(as_of_us).cast("int64")) & (lines.amount_minor > 0)
    )
    total = past.amount_minor.sum().cast("float64")
    shares = past.group_by("customer_id").aggregate(
        **{
            f"share:{name}": past.amount_minor.sum(where=past.category == name)
            .cast("float64").fill_null(ibis.literal(0).cast("float64")) / total
            for name in names
        }
    )  # fmt: skip
    return rows.join(store.run(shares), "customer_id", join_type="left outer")


def _with_addresses(store: TableStore, rows: pa.Table) -> pa.Table:
    """Which channels can reach a customer, from profile and identifiers."""
    identities = store.table(IDENTITIES)
    found = store.run(
        identities.group_by("customer_id").aggregate(
            **{
                f"address:{channel}": identities.identifier_kind.isin(list(names)).max()
                for channel, names in ADDRESS_KINDS.items()
            }
        )
    )
    rows = rows.join(found, "customer_id", join_type="left outer")
    rows = rows.append_column("address:email", pc.is_valid(rows.column("email")))
    return rows.append_column("address:sms", pc.is_valid(rows.column("phone")))


def lifts_of(store: TableStore, as_of: datetime) -> dict[str, MeasuredLift]:
    """Lifts that randomised contacts (status sent or held_out) have shown, by channel.

    Parameters
    ----------
    store
        The lake.
    as_of
        Only contacts whose response window has closed by then count.
    """
    contacts, purchases = store.table(CONTACTS), store.table(PURCHASES)
    window = RESPONSE_DAYS * MICROSECONDS_PER_DAY
    closed = contacts.filter(
        (contacts.ts_us + ibis.literal(window).cast("int64"))
        <= ibis.literal(to_us(as_of)).cast("int64")
    )
    # Only campaigns that held somebody out are experiments.
    arms = closed.group_by("campaign_id").aggregate(
        held=(closed.status == "held_out").sum(), sent=(closed.status != "held_out").sum()
    )
    tested = arms.filter((arms.held > 0) & (arms.sent > 0)).select("campaign_id")
    closed = closed.semi_join(tested, "campaign_id")
    sales = purchases.filter(purchases.kind == "sale").select("customer_id", order_us="ts_us")
    paired = closed.left_join(
        sales,
        [
            closed.customer_id == sales.customer_id,
            sales.order_us >= closed.ts_us,
            sales.order_us < closed.ts_us + ibis.literal(window).cast("int64"),
        ],
    )
    one = paired.group_by("touch_id", "channel", "status").aggregate(
        ordered=(paired.order_us.notnull()).max()
    )
    table = store.run(
        one.group_by("channel").aggregate(
            sent=(one.status != "held_out").sum(),
            sent_orders=((one.status != "held_out") & one.ordered).sum(),
            held=(one.status == "held_out").sum(),
            held_orders=((one.status == "held_out") & one.ordered).sum(),
        )
    )
    found = (measured_lift(**row) for row in table.to_pylist() if row["channel"] in CHANNELS)
    return {x.channel: x for x in found if x is not None}
