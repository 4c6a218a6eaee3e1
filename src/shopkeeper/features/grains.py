"""First level of aggregation: rows small enough that windows and distinct counts are cheap.

Every grain is keyed by customer, cut-off and one more thing (day of age, session,
product …). A distinct count then is a count of rows, and a window is a condition on
the age in whole days: ``age_day = (as_of_us - ts_us - 1) // 86 400 000 000``, so that
``age_day < n`` holds exactly for rows in ``[as_of - n days, as_of)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import ibis

from shopkeeper.core import columns as c
from shopkeeper.core.scenes import device_kind, place_kind, purpose_of, purpose_rank, time_band

DAY_US = 86_400_000_000
AS_OF_US = "as_of_us"
KEYS = (str(c.CUSTOMER_ID), AS_OF_US)

VIEW_KINDS = ("view_item", "product_viewed")
SEARCH_KINDS = ("search", "products_searched")
CART_KINDS = ("add_to_cart", "product_added")
CHECKOUT_KINDS = ("begin_checkout", "checkout_started")
CHAT_KINDS = ("chat_message_received",)
CANCEL_KINDS = ("order_cancelled",)
REVIEW_KINDS = ("product_reviewed",)
SHARE_KINDS = ("share", "cart_shared", "product_shared")
WISH_KINDS = ("add_to_wishlist", "product_added_to_wishlist")
MOBILE_DEVICES = ("mobile", "phone", "tablet", "app", "ios", "android")
OPENED_STATUSES = ("opened", "clicked", "converted")
CLICKED_STATUSES = ("clicked", "converted")
FAILED_STATUSES = ("bounced", "failed", "rejected")
UNSENT_STATUSES = ("held_out", "refused", "withdrawn", "waiting")
"""Touches planned but never sent: the control group, and what was stopped before sending."""

CUTOFFS_SCHEMA = ibis.schema({"as_of": "timestamp('UTC', 6)", AS_OF_US: "int64"})


def cut(table: ibis.Table, cutoffs: ibis.Table) -> ibis.Table:
    """Rows strictly before each cut-off, with their age in whole days.

    Parameters
    ----------
    table
        Rows with ``ts_us``.
    cutoffs
        One row a cut-off with ``as_of_us``.

    Returns
    -------
    ibis.Table
        The table's columns, ``as_of_us`` and ``age_day`` (int32, from 0). One row
        for each cut-off the row precedes: with one cut-off nothing is multiplied.
    """
    moments = cutoffs.select(AS_OF_US)
    rows = table.join(moments, table.ts_us < moments.as_of_us)
    age = (rows.as_of_us - rows.ts_us - 1) // DAY_US
    return rows.mutate(age_day=age.cast("int32"))


def _when(condition: ibis.Value, value: ibis.Value | int = 1) -> ibis.Value:
    return ibis.ifelse(condition.fill_null(False), value, 0)


def _best(rows: ibis.Table, measure: str) -> ibis.Value:
    return rows[measure].max().over(ibis.window(group_by=list(KEYS)))


@dataclass(frozen=True)
class Cuts:
    """The four resolved tables, cut at the cut-offs, and the grains built from them.

    Parameters
    ----------
    purchases, lines, activity, contacts
        Unbound PURCHASES, PURCHASE_LINES, ACTIVITY and CONTACTS.
    cutoffs
        Unbound table with ``as_of`` and ``as_of_us``.
    """

    purchases: ibis.Table
    lines: ibis.Table
    activity: ibis.Table
    contacts: ibis.Table
    cutoffs: ibis.Table

    @cached_property
    def cut_purchases(self) -> ibis.Table:
        """Purchases before each cut-off, with 0/1 flags by kind."""
        rows = cut(self.purchases, self.cutoffs)
        return rows.mutate(sale=_when(rows.kind == "sale"), back=_when(rows.kind == "return"))

    @cached_property
    def purchase_days(self) -> ibis.Table:
        """One row a customer, cut-off and day of age with any purchase or return."""
        t = self.cut_purchases
        sale = t.sale == 1
        discount = t.discount_minor.fill_null(0)
        return t.group_by([*KEYS, "age_day"]).aggregate(
            orders=t.sale.sum(),
            returns=t.back.sum(),
            spend=_when(sale, t.amount_minor).sum(),
            refund=_when(t.back == 1, -t.amount_minor).sum(),
            discount=_when(sale, discount).sum(),
            quantity=t.quantity.fill_null(0).sum(where=sale).fill_null(0),
            lines=_when(sale, t["lines"].fill_null(0)).sum(),
            max_lines=_when(sale, t["lines"].fill_null(0)).max(),
            max_order=_when(sale, t.amount_minor).max(),
            single_line=_when(sale & (t["lines"] == 1)).sum(),
            discounted=_when(sale & (discount > 0)).sum(),
            coupons=_when(sale & t.coupon_id.notnull()).sum(),
            weekend=_when(sale & (t.dow >= 6)).sum(),
            morning=_when(sale & t.hour.between(5, 11)).sum(),
            afternoon=_when(sale & t.hour.between(12, 17)).sum(),
            evening=_when(sale & t.hour.between(18, 22)).sum(),
        )

    @cached_property
    def gaps(self) -> ibis.Table:
        """One row a day with a sale: days since the previous such day (empty at the first)."""
        t = self.purchase_days
        t = t.filter(t.orders > 0)
        earlier = t.age_day.lag().over(ibis.window(group_by=list(KEYS), order_by=t.age_day.desc()))
        return t.select(*KEYS, "age_day", gap=earlier - t.age_day)

    @cached_property
    def products(self) -> ibis.Table:
        """One row a product (within category and brand) bought at least once."""
        t = cut(self.lines, self.cutoffs)
        t = t.filter(t.kind == "sale")
        amount = t.amount_minor.fill_null(0)
        year = t.age_day < 365
        return t.group_by([*KEYS, "category", "brand", "product_id"]).aggregate(
            last_age=t.age_day.min(),
            first_age=t.age_day.max(),
            lines=t.count(),
            lines_365=_when(year).sum(),
            spend=amount.sum(),
            spend_90=_when(t.age_day < 90, amount).sum(),
            spend_365=_when(year, amount).sum(),
            quantity_365=t.quantity.fill_null(0).sum(where=year).fill_null(0),
            discounted_365=_when(year & (t.discount_minor > 0)).sum(),
        )

    @cached_property
    def categories(self) -> ibis.Table:
        """One row a category bought, with the customer's highest spend in any category."""
        return self._affinity("category")

    @cached_property
    def brands(self) -> ibis.Table:
        """One row a brand bought, with the customer's highest spend in any brand."""
        return self._affinity("brand")

    def _affinity(self, key: str) -> ibis.Table:
        t = self.products
        t = t.filter(t[key].notnull())
        grouped = t.group_by([*KEYS, key]).aggregate(
            last_age=t.last_age.min(),
            first_age=t.first_age.max(),
            spend=t.spend.sum(),
            spend_90=t.spend_90.sum(),
            spend_365=t.spend_365.sum(),
        )
        return grouped.mutate(best=_best(grouped, "spend_365"), best_90=_best(grouped, "spend_90"))

    @cached_property
    def channels(self) -> ibis.Table:
        """One row a channel bought through."""
        return self._preference("channel")

    @cached_property
    def stores(self) -> ibis.Table:
        """One row a store bought in."""
        return self._preference("store_id")

    @cached_property
    def weekdays(self) -> ibis.Table:
        """One row a day of week bought on."""
        return self._preference("dow")

    @cached_property
    def hours(self) -> ibis.Table:
        """One row an hour of day bought in."""
        return self._preference("hour")

    def _preference(self, key: str) -> ibis.Table:
        t = self.cut_purchases
        t = t.filter((t.sale == 1) & t[key].notnull() & (t.age_day < 365))
        grouped = t.group_by([*KEYS, key]).aggregate(orders=t.count())
        return grouped.mutate(best=_best(grouped, "orders"))

    @cached_property
    def activity_days(self) -> ibis.Table:
        """One row a day of age with activity; a session over midnight counts on both days."""
        t = cut(self.activity, self.cutoffs)
        t = t.mutate(session=t.session_id.fill_null(""))
        s = t.group_by([*KEYS, "age_day", "session"]).aggregate(
            events=t.count(),
            views=_when(t.kind.isin(VIEW_KINDS)).sum(),
            searches=_when(t.kind.isin(SEARCH_KINDS)).sum(),
            carts=_when(t.kind.isin(CART_KINDS)).sum(),
            checkouts=_when(t.kind.isin(CHECKOUT_KINDS)).sum(),
            chats=_when(t.kind.isin(CHAT_KINDS)).sum(),
            cancels=_when(t.kind.isin(CANCEL_KINDS)).sum(),
            reviews=_when(t.kind.isin(REVIEW_KINDS)).sum(),
            shares=_when(t.kind.isin(SHARE_KINDS)).sum(),
            wishes=_when(t.kind.isin(WISH_KINDS)).sum(),
            mobile=_when(t.device.lower().isin(MOBILE_DEVICES)).max(),
            length_us=t.ts_us.max() - t.ts_us.min(),
        )
        return s.group_by([*KEYS, "age_day"]).aggregate(
            sessions=s.count(),
            events=s.events.sum(),
            views=s.views.sum(),
            searches=s.searches.sum(),
            carts=s.carts.sum(),
            checkouts=s.checkouts.sum(),
            chats=s.chats.sum(),
            cancels=s.cancels.sum(),
            reviews=s.reviews.sum(),
            shares=s.shares.sum(),
            wishes=s.wishes.sum(),
            conversations=_when(s.chats > 0).sum(),
            mobile=s.mobile.sum(),
            short=_when(s.events == 1).sum(),
            cart_sessions=_when(s.carts > 0).sum(),
            length_us=s.length_us.sum(),
        )

    @cached_property
    def viewed(self) -> ibis.Table:
        """One row a category looked at in the last 90 days."""
        t = cut(self.activity, self.cutoffs)
        t = t.filter(t.kind.isin(VIEW_KINDS) & t.category.notnull() & (t.age_day < 90))
        grouped = t.group_by([*KEYS, "category"]).aggregate(
            last_age=t.age_day.min(), views=t.count()
        )
        return grouped.mutate(best=_best(grouped, "views"))

    @cached_property
    def scenes(self) -> ibis.Table:
        """One row a session of the last 90 days: when, on what, where and what for.

        An event without a session stands for itself. The hour is that of the first event; a device
        or place told differently within a session is the first in the alphabet.
        """
        t = cut(self.activity, self.cutoffs)
        t = t.filter(t.age_day < 90)
        t = t.mutate(visit=ibis.coalesce(t.session_id, t.event_id))
        # The hour rides on the moment, so that the first event's hour needs no second pass.
        s = t.group_by([*KEYS, "visit"]).aggregate(
            last_us=t.ts_us.max(),
            first=(t.ts_us * 32 + t.hour.cast("int64")).min(),
            device=device_kind(t.device).min(),
            place=place_kind(t.channel).min(),
            rank=purpose_rank(t.kind).min(),
        )
        s = s.mutate(time=time_band(s["first"] % 32), purpose=purpose_of(s["rank"]))
        return s.mutate(newest=_best(s, "last_us"))

    @cached_property
    def contact_days(self) -> ibis.Table:
        """One row a day of age with any contact really sent; failed ones were sent too."""
        t = cut(self.contacts, self.cutoffs)
        # A source that states no status reports what it sent.
        t = t.filter(t.status.isnull() | t.status.notin(UNSENT_STATUSES))
        return t.group_by([*KEYS, "age_day"]).aggregate(
            contacts=t.count(),
            email=_when(t.channel == "email").sum(),
            sms=_when(t.channel == "sms").sum(),
            push=_when(t.channel == "push").sum(),
            wecom=_when(t.channel == "wecom").sum(),
            opened=_when(t.status.isin(OPENED_STATUSES)).sum(),
            clicked=_when(t.status.isin(CLICKED_STATUSES)).sum(),
            failed=_when(t.status.isin(FAILED_STATUSES)).sum(),
            cost=t.cost_minor.fill_null(0).sum(),
        )

    @cached_property
    def population(self) -> ibis.Table:
        """Customer and cut-off of everyone seen in any table before the cut-off."""
        parts = [
            table.group_by(list(KEYS)).aggregate(seen=table.age_day.max())
            for table in (
                self.purchase_days,
                cut(self.lines, self.cutoffs),
                cut(self.activity, self.cutoffs),
                self.contact_days,
            )
        ]
        everyone = ibis.union(*parts, distinct=False)
        return everyone.group_by(list(KEYS)).aggregate(first_seen_days=everyone.seen.max())


GRAINS: Mapping[str, Callable[[Cuts], ibis.Table]] = {
    "population": lambda x: x.population,
    "purchase_days": lambda x: x.purchase_days,
    "gaps": lambda x: x.gaps,
    "products": lambda x: x.products,
    "categories": lambda x: x.categories,
    "brands": lambda x: x.brands,
    "channels": lambda x: x.channels,
    "stores": lambda x: x.stores,
    "weekdays": lambda x: x.weekdays,
    "hours": lambda x: x.hours,
    "activity_days": lambda x: x.activity_days,
    "viewed": lambda x: x.viewed,
    "scenes": lambda x: x.scenes,
    "contact_days": lambda x: x.contact_days,
}
"""Grain by the name features use."""
