"""Cohorts by first purchase month, and how customers move between segments."""

from __future__ import annotations

from datetime import datetime

import ibis


def cohorts(purchases: ibis.Table) -> ibis.Table:
    """Customers and spend of each first-purchase month, month after month.

    Parameters
    ----------
    purchases
        PURCHASES.

    Returns
    -------
    ibis.Table
        cohort (YYYY-MM), period (months since, from 0), customers (who bought in
        it), spend_minor; sorted by cohort and period. Returns do not make a
        customer active, but reduce the spend.
    """
    sale = purchases.kind == "sale"
    number = purchases.day.year() * 12 + purchases.day.month() - 1
    rows = purchases.mutate(number=number.cast("int64"), sale=sale)
    monthly = rows.group_by("customer_id", "number").aggregate(
        sales=rows.sale.sum(), spend_minor=rows.amount_minor.sum().cast("int64")
    )
    window = ibis.window(group_by=monthly.customer_id)
    dated = monthly.mutate(first=monthly.number.min(where=monthly.sales > 0).over(window))
    dated = dated.filter(dated.first.notnull() & (dated.number >= dated.first))
    grid = dated.group_by("first", "number").aggregate(
        customers=(dated.sales > 0).sum().cast("int64"),
        spend_minor=dated.spend_minor.sum().cast("int64"),
    )
    year = (grid["first"] // 12).cast("int64")
    month = (grid["first"] % 12 + 1).cast("int64")
    return grid.select(
        cohort=ibis.literal("").concat(year.cast("string"), "-", month.cast("string").lpad(2, "0")),
        period=(grid.number - grid["first"]).cast("int64"),
        customers=grid.customers,
        spend_minor=grid.spend_minor,
    ).order_by("cohort", "period")


def migration(segments: ibis.Table, scheme: str, start: datetime, end: datetime) -> ibis.Table:
    """How many customers moved from one segment to another.

    Parameters
    ----------
    segments
        SEGMENTS.
    scheme
        Which way of dividing, such as ``rfm8``.
    start, end
        The two moments (``as_of`` of the rows).

    Returns
    -------
    ibis.Table
        origin, target, customers. Customers without a row at ``start`` come
        from ``new``; those without one at ``end`` go to ``gone``.
    """
    mine = segments.filter(segments.scheme == scheme)
    before = mine.filter(mine.as_of == ibis.literal(start)).select("customer_id", origin="label")
    after = mine.filter(mine.as_of == ibis.literal(end)).select("customer_id", target="label")
    both = before.outer_join(after, "customer_id")
    named = both.select(origin=both.origin.fill_null("new"), target=both.target.fill_null("gone"))
    grid = named.group_by("origin", "target").aggregate(customers=named.count().cast("int64"))
    return grid.order_by("origin", "target")
