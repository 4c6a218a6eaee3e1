"""The features of the bench as an analyst would write them in SQL, for one cut-off.

One family each of what the library does: windowed sums and counts, distinct counts,
gaps between purchases, favourite category and channel, sessions, contacts, ratios. The
bench holds the library's time against this text, and a test holds its values.
"""

from __future__ import annotations

_DAY = 86_400_000_000
_WINDOWS = {"7d": 7, "30d": 30, "90d": 90, "180d": 180, "365d": 365, "life": None}


def _sums(stem: str, value: str, windows: tuple[str, ...]) -> dict[str, str]:
    return {
        f"{stem}_{w}": f"coalesce(sum({value})"
        + (f" filter (where age < {_WINDOWS[w]})" if _WINDOWS[w] else "")
        + ", 0)::bigint"
        for w in windows
    }


_ALL = ("7d", "30d", "90d", "180d", "365d", "life")
_LONG = ("90d", "365d", "life")
_BUY = {
    "recency_days": "min(age) filter (where orders > 0)",
    "tenure_days": "max(age) filter (where orders > 0)",
    **_sums("orders", "orders", _ALL),
    **_sums("purchase_days", "(orders > 0)::int", ("30d", "90d", "180d", "365d", "life")),
    **_sums("spend_minor", "spend", _ALL),
    **_sums("net_spend_minor", "spend - refund", _LONG),
    **_sums("lines", "lines", _LONG),
    **_sums("discount_minor", "discount", _LONG),
    **_sums("discounted_orders", "discounted", _LONG),
    **_sums("coupon_orders", "coupons", _LONG),
    **_sums("returns", "returns", _LONG),
    **_sums("refund_minor", "refund", _LONG),
    **_sums("weekend_orders", "weekend", ("365d",)),
    **_sums("morning_orders", "morning", ("365d",)),
    **_sums("evening_orders", "evening", ("365d",)),
}
_GAPS = {
    "gap_mean_days": "avg(gap)",
    "gap_std_days": "stddev_samp(gap)",
    "gap_median_days": "median(gap)",
    "gap_min_days": "min(gap)",
    "gap_max_days": "max(gap)",
}
_ACT = {
    **_sums("events", "events", ("7d", "30d", "90d", "365d")),
    **_sums("sessions", "sessions", ("7d", "30d", "90d", "365d", "life")),
    **_sums("active_days", "1", ("7d", "30d", "90d", "365d")),
    **_sums("views", "views", ("7d", "30d", "90d")),
    **_sums("searches", "searches", ("30d", "90d")),
    **_sums("carts", "carts", ("7d", "30d", "90d")),
    **_sums("checkouts", "checkouts", ("30d", "90d")),
    **_sums("cart_sessions", "cart_sessions", ("90d",)),
    **_sums("short_sessions", "short", ("90d",)),
    **_sums("mobile_sessions", "mobile", ("90d",)),
    "activity_recency_days": "min(age)",
    "cart_recency_days": "min(age) filter (where carts > 0)",
}
_CAT = {
    "categories_90d": "count(*) filter (where last_age < 90)",
    "categories_365d": "count(*) filter (where last_age < 365)",
    "categories_life": "count(*)",
    "new_categories_90d": "count(*) filter (where first_age < 90)",
    "top_category_365d": "min(category) filter (where spend_365 = best and spend_365 > 0)",
    "top_category_share_365d": "max(spend_365) / nullif(sum(spend_365), 0)::double",
}
_PROD = {
    "products_90d": "count(*) filter (where last_age < 90)",
    "products_365d": "count(*) filter (where last_age < 365)",
    "products_life": "count(*)",
    "new_products_90d": "count(*) filter (where first_age < 90)",
    "repeat_products_365d": "count(*) filter (where lines_365 >= 2)",
    "unit_price_minor_365d": "sum(spend_365) / nullif(sum(quantity_365), 0)::double",
}
_CHAN = {
    "channels_365d": "count(*)",
    "top_channel_365d": "min(channel) filter (where orders = best)",
    "top_channel_share_365d": "max(orders) / sum(orders)::double",
}
_VIEW = {
    "viewed_categories_90d": "count(*)",
    "top_viewed_category_90d": "min(category) filter (where views = best)",
}
_CON = {
    **_sums("contacts", "contacts", ("7d", "30d", "90d", "365d")),
    **_sums("email_contacts", "email", ("30d",)),
    **_sums("sms_contacts", "sms", ("30d",)),
    **_sums("opened_contacts", "opened", ("90d",)),
    **_sums("clicked_contacts", "clicked", ("90d",)),
    "contact_recency_days": "min(age)",
}
_ROW = {
    "avg_order_minor_365d": "spend_minor_365d / nullif(orders_365d, 0)::double",
    "avg_order_minor_life": "spend_minor_life / nullif(orders_life, 0)::double",
    "lines_per_order_365d": "lines_365d / nullif(orders_365d, 0)::double",
    "discounted_share_365d": "discounted_orders_365d / nullif(orders_365d, 0)::double",
    "coupon_share_365d": "coupon_orders_365d / nullif(orders_365d, 0)::double",
    "return_rate_365d": "returns_365d / nullif(orders_365d, 0)::double",
    "weekend_share_365d": "weekend_orders_365d / nullif(orders_365d, 0)::double",
    "overdue_ratio": "recency_days / nullif(gap_mean_days, 0)::double",
    "cart_rate_90d": "carts_90d / nullif(views_90d, 0)::double",
    "events_per_session_90d": "events_90d / nullif(sessions_90d, 0)::double",
    "open_rate_90d": "opened_contacts_90d / nullif(contacts_90d, 0)::double",
}
_BLOCKS = {
    "buy": _BUY, "gap": _GAPS, "act": _ACT, "cat": _CAT, "prod": _PROD, "chan": _CHAN,
    "seen": _VIEW, "con": _CON,
}  # fmt: skip
_COUNTS = ("categories", "products", "new_", "repeat_", "channels", "viewed_", "orders", "returns")

NAMES: tuple[str, ...] = (*(name for block in _BLOCKS.values() for name in block), *_ROW)
"""Features of the library that the text computes, in its order."""


_TEXT = """
with p as (
  select customer_id, kind = 'sale' as sale, channel, amount_minor, dow, hour, coupon_id, lines,
         coalesce(discount_minor, 0) as discount, @age
  from purchases @before),
buy_rows as (
  select customer_id, age,
    count(*) filter (where sale) as orders, count(*) filter (where not sale) as returns,
    coalesce(sum(amount_minor) filter (where sale), 0)::bigint as spend,
    coalesce(-sum(amount_minor) filter (where not sale), 0)::bigint as refund,
    coalesce(sum(discount) filter (where sale), 0)::bigint as discount,
    coalesce(sum(lines) filter (where sale), 0)::bigint as lines,
    count(*) filter (where sale and discount > 0) as discounted,
    count(coupon_id) filter (where sale) as coupons,
    count(*) filter (where sale and dow >= 6) as weekend,
    count(*) filter (where sale and hour between 5 and 11) as morning,
    count(*) filter (where sale and hour between 18 and 22) as evening
  from p group by customer_id, age),
gap_rows as (
  select customer_id, lag(age) over (partition by customer_id order by age desc) - age as gap
  from buy_rows where orders > 0),
chan_rows as (
  select *, max(orders) over (partition by customer_id) as best
  from (select customer_id, channel, count(*) as orders from p
        where sale and age < 365 and channel is not null group by all)),
l as (
  select customer_id, category, product_id, quantity, amount_minor, @age
  from purchase_lines @before and kind = 'sale'),
prod_rows as (
  select customer_id, category, product_id, min(age) as last_age, max(age) as first_age,
    count(*) filter (where age < 365) as lines_365,
    coalesce(sum(amount_minor) filter (where age < 365), 0)::bigint as spend_365,
    coalesce(sum(quantity) filter (where age < 365), 0) as quantity_365
  from l group by all),
cat_rows as (
  select *, max(spend_365) over (partition by customer_id) as best
  from (select customer_id, category, min(last_age) as last_age, max(first_age) as first_age,
               sum(spend_365)::bigint as spend_365
        from prod_rows where category is not null group by all)),
a as (select customer_id, kind, coalesce(session_id, '') as session, category, device, @age
      from activity @before),
act_rows as (
  select customer_id, age, count(*) as sessions, sum(events)::bigint as events,
    sum(views)::bigint as views, sum(searches)::bigint as searches, sum(carts)::bigint as carts,
    sum(checkouts)::bigint as checkouts, count(*) filter (where carts > 0) as cart_sessions,
    count(*) filter (where events = 1) as short, count(*) filter (where mobile) as mobile
  from (select customer_id, age, session, count(*) as events,
          count(*) filter (where kind in ('view_item', 'product_viewed')) as views,
          count(*) filter (where kind in ('search', 'products_searched')) as searches,
          count(*) filter (where kind in ('add_to_cart', 'product_added')) as carts,
          count(*) filter (where kind in ('begin_checkout', 'checkout_started')) as checkouts,
          coalesce(bool_or(lower(device) in
            ('mobile', 'phone', 'tablet', 'app', 'ios', 'android')), false) as mobile
        from a group by all)
  group by customer_id, age),
seen_rows as (
  select *, max(views) over (partition by customer_id) as best
  from (select customer_id, category, count(*) as views from a
        where kind in ('view_item', 'product_viewed') and category is not null and age < 90
        group by all)),
con_rows as (
  select customer_id, age, count(*) as contacts, count(*) filter (where channel = 'email') as email,
    count(*) filter (where channel = 'sms') as sms,
    count(*) filter (where status in ('opened', 'clicked', 'converted')) as opened,
    count(*) filter (where status in ('clicked', 'converted')) as clicked
  from (select *, @age from contacts @before)
  where coalesce(status, '') not in ('held_out', 'refused', 'withdrawn', 'waiting')
  group by customer_id, age),
@blocks,
everyone as (select customer_id from buy union select customer_id from prod
             union select customer_id from purchase_lines @before
             union select customer_id from act union select customer_id from con),
joined as (select customer_id, @columns from everyone @joins)
select *, @row from joined
"""


def hand_sql(as_of_us: int) -> str:
    """The text for one cut-off over PURCHASES, PURCHASE_LINES, ACTIVITY and CONTACTS.

    Parameters
    ----------
    as_of_us
        Only rows before it count.

    Returns
    -------
    str
        DuckDB SQL; columns ``customer_id`` and ``NAMES``.
    """
    age = f"(({as_of_us} - ts_us - 1) // {_DAY})::int as age"
    before = f"where ts_us < {as_of_us}"
    blocks = ", ".join(
        f"{name} as (select customer_id, {_listed(block)} from {name}_rows group by customer_id)"
        for name, block in _BLOCKS.items()
    )
    joins = " ".join(f"left join {name} using (customer_id)" for name in _BLOCKS)
    columns = ", ".join(_column(name) for block in _BLOCKS.values() for name in block)
    parts = {
        "@age": age, "@before": before, "@blocks": blocks, "@columns": columns, "@joins": joins,
        "@row": _listed(_ROW),
    }  # fmt: skip
    text = _TEXT
    for name, part in parts.items():
        text = text.replace(name, part)
    return text


def _listed(block: dict[str, str]) -> str:
    return ", ".join(f"{text} as {name}" for name, text in block.items())


def _column(name: str) -> str:
    """Counts and sums are zero for those without rows; everything else stays empty."""
    counted = any("coalesce(sum" in x.get(name, "") for x in _BLOCKS.values()) or (
        name.startswith(_COUNTS) and not name.endswith("share_365d")
    )
    return f"coalesce({name}, 0) as {name}" if counted else name
