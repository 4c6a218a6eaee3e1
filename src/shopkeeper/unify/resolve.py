"""Loaded facts with the customer they belong to, as expressions."""

from __future__ import annotations

import ibis

from shopkeeper.core import columns as c
from shopkeeper.core.tables import (
    ACTIVITY,
    CONTACTS,
    PERMITS,
    PURCHASE_LINES,
    PURCHASES,
    TableContract,
)
from shopkeeper.unify.identifiers import customer_of

WHEN = (c.OCCURRED_AT, c.TS_US, c.DAY, c.MONTH, c.DOW, c.HOUR)
STATED = (c.ORDER_ID, c.CUSTOMER_REF, c.KIND, c.CHANNEL, c.STORE_ID, *WHEN)
EVERY_CHANNEL = ("all", "全渠道", "全部渠道", "所有渠道")
"""Words of a statement that is about every channel."""
HUMAN_FROM = 0.5
"""Events whose human probability is at least this count as a person's."""
CHANNELS = ("email", "sms", "push", "wecom")
"""Channels that such a statement is about, besides those that other statements name."""


def purchases(orders: ibis.Table, order_lines: ibis.Table, identities: ibis.Table) -> ibis.Table:
    """One row for each order: those the source states, and those only their lines tell of.

    Parameters
    ----------
    orders, order_lines
        Loaded tables.
    identities
        Table ``identities``.

    Returns
    -------
    ibis.Table
        Contract ``purchases``. A stated order keeps its own amount; quantity
        and discount are taken from its lines where it has none. Lines whose
        order is not stated are summed by order id: the order happened when its
        first line did and is a return if its lines sum to less than nothing.
    """
    summed = _summed_lines(order_lines)
    stated = orders.left_join(summed, orders[c.ORDER_ID] == summed[c.ORDER_ID]).select(
        **{str(x): orders[x] for x in STATED},
        amount_minor=orders[c.AMOUNT_MINOR],
        discount_minor=orders[c.DISCOUNT_MINOR].coalesce(summed[c.DISCOUNT_MINOR]),
        currency=orders[c.CURRENCY],
        quantity=orders[c.QUANTITY].coalesce(summed[c.QUANTITY]),
        lines=summed[c.LINES],
        coupon_id=orders[c.COUPON_ID].coalesce(summed[c.COUPON_ID]),
    )  # fmt: skip
    derived = summed.anti_join(orders, summed[c.ORDER_ID] == orders[c.ORDER_ID])
    both = stated.union(derived.select(stated.columns).cast(dict(stated.schema())))
    return conform(_with_customer(both, identities), PURCHASES)


def purchase_lines(
    order_lines: ibis.Table, products: ibis.Table, identities: ibis.Table
) -> ibis.Table:
    """One row for each order line, with the product's place in the range.

    Parameters
    ----------
    order_lines, products
        Loaded tables; a product that is not listed leaves its columns empty.
    identities
        Table ``identities``.

    Returns
    -------
    ibis.Table
        Contract ``purchase_lines``.
    """
    lines = order_lines.left_join(
        products, order_lines[c.PRODUCT_ID] == products[c.PRODUCT_ID]
    ).select(
        **{str(x): order_lines[x] for x in PURCHASE_LINES.columns if str(x) in order_lines.columns},
        customer_ref=order_lines[c.CUSTOMER_REF],
        category=products[c.CATEGORY],
        subcategory=products[c.SUBCATEGORY],
        brand=products[c.BRAND],
    )
    return conform(_with_customer(lines, identities), PURCHASE_LINES)


def activity(
    events: ibis.Table, identities: ibis.Table, verdicts: ibis.Table | None = None
) -> ibis.Table:
    """One row for each event of a person, of the customer who logged in or else of the device.

    Parameters
    ----------
    events
        Loaded table; events without reference and anonymous id are nobody's and left out, and so
        are those marked as invalid traffic. Their rows stay in ``events``.
    identities
        Table ``identities``.
    verdicts
        Table ``verdicts``: events that are less likely a person's than not are left out; None
        means that nothing was judged later.

    Returns
    -------
    ibis.Table
        Contract ``activity``.
    """
    device = ibis.literal("anonymous_id:") + events[c.ANONYMOUS_ID]
    someone = events.mutate(customer_ref=ibis.coalesce(events[c.CUSTOMER_REF], device))
    someone = someone.filter(someone[c.CUSTOMER_REF].notnull() & someone[c.INVALID].isnull())
    if verdicts is not None:
        programs = verdicts.filter(verdicts[c.HUMAN] < HUMAN_FROM)
        someone = someone.anti_join(programs, someone[c.EVENT_ID] == programs[c.EVENT_ID])
    return conform(_with_customer(someone, identities), ACTIVITY)


def contacts(touches: ibis.Table, identities: ibis.Table) -> ibis.Table:
    """One row for each touch with its customer.

    Parameters
    ----------
    touches
        Loaded table.
    identities
        Table ``identities``.

    Returns
    -------
    ibis.Table
        Contract ``contacts``.
    """
    rows = touches.mutate(
        day=touches[c.DAY].coalesce(touches[c.SENT_AT].date()),
        cost_minor=touches[c.COST_MINOR].coalesce(0),
    )
    return conform(_with_customer(rows, identities), CONTACTS)


def permits(
    consents: ibis.Table, identities: ibis.Table, *, as_of: ibis.Value | None = None
) -> ibis.Table:
    """The statement in force for each customer, purpose and channel.

    Parameters
    ----------
    consents
        Loaded table.
    identities
        Table ``identities``.
    as_of
        Statements at or after this moment are not known yet; None means all are.

    Returns
    -------
    ibis.Table
        Contract ``permits``, one row for each concrete channel. The latest
        statement of any of the customer's references holds; of statements of
        one moment a refusal holds. A statement about ``all`` channels speaks of
        :data:`CHANNELS` and of every channel that any known statement names, so
        it overrides earlier statements about one of them and is overridden by
        later ones.
    """
    known = consents if as_of is None else consents.filter(consents[c.STATUS_AT] < as_of)
    named = _by_channel(_with_customer(known, identities))
    refusal = ibis.cases(
        (named[c.STATUS].isin(["DENY", "REVOKED"]), ibis.literal(0)), else_=ibis.literal(1)
    )
    ranked = named.mutate(
        place=ibis.row_number().over(
            group_by=[named[c.CUSTOMER_ID], named[c.PURPOSE], named[c.CHANNEL]],
            order_by=[
                named[c.STATUS_AT].desc(),
                refusal.asc(),
                named[c.STATUS].asc(),
                named[c.CUSTOMER_REF].asc(),
                named["said_of"].asc(),
            ],
        )
    )
    return conform(ranked.filter(ranked["place"] == 0), PERMITS)


def _by_channel(statements: ibis.Table) -> ibis.Table:
    """Statements about every channel as one row a channel; ``said_of`` keeps the word."""
    stated = statements.mutate(said_of=statements[c.CHANNEL])
    broad = stated["said_of"].strip().lower().isin(EVERY_CHANNEL)
    exact, whole = stated.filter(~broad), stated.filter(broad)
    others = exact.filter(exact[c.CHANNEL].notin(CHANNELS)).select(c.CHANNEL).distinct()
    parts = [
        exact,
        *(whole.mutate(channel=ibis.literal(x)) for x in CHANNELS),
        whole.drop(c.CHANNEL).cross_join(others),
    ]
    schema = dict(stated.schema())
    return ibis.union(*(x.select(stated.columns).cast(schema) for x in parts))


def conform(rows: ibis.Table, contract: TableContract) -> ibis.Table:
    """The contract's columns in its order and with its types."""
    schema = contract.ibis_schema
    return rows.select(**{str(x): rows[str(x)].cast(schema[str(x)]) for x in contract.columns})


def _with_customer(rows: ibis.Table, identities: ibis.Table) -> ibis.Table:
    joined = rows.left_join(identities, rows[c.CUSTOMER_REF] == identities[c.IDENTIFIER])
    return joined.select(
        **{x: rows[x] for x in rows.columns},
        customer_id=customer_of(rows[c.CUSTOMER_REF], identities[c.CUSTOMER_ID]),
    )


def _summed_lines(order_lines: ibis.Table) -> ibis.Table:
    moment = order_lines[c.TS_US]
    first = {
        str(x): order_lines[x].argmin(moment)
        for x in (c.OCCURRED_AT, c.DAY, c.MONTH, c.DOW, c.HOUR)
    }
    summed = order_lines.group_by(c.ORDER_ID).agg(
        customer_ref=order_lines[c.CUSTOMER_REF].min(),
        channel=order_lines[c.CHANNEL].min(),
        store_id=order_lines[c.STORE_ID].min(),
        ts_us=moment.min(),
        **first,
        amount_minor=order_lines[c.AMOUNT_MINOR].sum(),
        discount_minor=order_lines[c.DISCOUNT_MINOR].sum(),
        currency=order_lines[c.CURRENCY].min(),
        quantity=order_lines[c.QUANTITY].sum(),
        lines=order_lines.count(),
        coupon_id=order_lines[c.COUPON_ID].min(),
        sales=(order_lines[c.KIND] == "sale").sum(),
    )
    is_return = (summed[c.AMOUNT_MINOR] < 0) | (summed["sales"] == 0)
    return summed.mutate(kind=is_return.ifelse(ibis.literal("return"), ibis.literal("sale"))).drop(
        "sales"
    )
