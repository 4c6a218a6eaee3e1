"""Signs of a program in a window of stored events, as expressions: visitors, and the mail.

A sign lies between 0 (absent) and 1 (fully there); those whose name begins with ``human_`` speak
for a person. What they weigh is fitted elsewhere.
"""

from __future__ import annotations

import ibis

from shopkeeper.core import columns as c

MAIL = ("email_opened", "email_link_clicked")
"""Kinds of the events of a mail."""
CART = ("add_to_cart", "begin_checkout", "purchase")
GAP_CAP_S = 1800.0
"""Longer pauses begin a new visit and are no rhythm."""
STEPS = 4
"""Steps of a beginning that visitors are compared by."""
LISTED_SIGNS = (
    "even", "fast", "views_only", "long_run", "cold_cart", "client_marked", "place_marked",
    "same_beginning", "shallow_referrer", "shallow_client", "bare",
    "human_mixture", "human_bought", "human_known", "human_uneven",
)  # fmt: skip
"""Signs of a visitor."""
MAIL_SIGNS = (
    "marked", "instant", "within_minute", "many_links", "burst", "bare_agent", "old_agent",
    "scanner_net", "apple_net", "place_many", "click_unopened", "first_touch",
    "human_reader_proxy", "human_visit", "human_late", "human_bought",
)  # fmt: skip
"""Signs of an opening or click."""
SCANNER_NETS = (
    "209.222.80.", "209.222.81.", "209.222.82.", "209.222.83.", "209.222.84.", "209.222.85.",
    "64.235.1", "67.231.14", "67.231.15", "148.163.1", "205.220.1", "207.211.30.", "207.211.31.",
    "205.139.11", "170.10.1", "40.94.", "52.147.", "104.47.", "185.58.8", "91.220.42.", "62.209.5",
    "103.9.9", "216.71.1", "68.232.1",
)  # fmt: skip
"""Beginnings of addresses of mail gateways (Barracuda, Proofpoint, Mimecast, Microsoft, Sophos …)."""
APPLE_NETS = ("17.", "172.224.", "172.225.", "172.226.", "104.28.", "146.75.")
"""Beginnings of addresses that Apple fetches pictures from, its own and its partners'."""


def _share(value: ibis.Value, low: float, high: float) -> ibis.Value:
    """0 at ``low``, 1 at ``high``, a straight line between."""
    line = (value.cast("float64") - low) / (high - low)
    return ibis.greatest(ibis.least(line, 1.0), 0.0)


def _flag(value: ibis.Value) -> ibis.Value:
    return value.fill_null(False).cast("float64")


def _starts(value: ibis.Value, beginnings: tuple[str, ...]) -> ibis.Value:
    found = value.startswith(beginnings[0])
    for beginning in beginnings[1:]:
        found |= value.startswith(beginning)
    return found


def window_of(events: ibis.Table, start_us: int, end_us: int) -> ibis.Table:
    """Events of a window with what the signs need besides the columns.

    Parameters
    ----------
    events
        Table ``events``.
    start_us, end_us
        The window, the end exclusive; microseconds UTC.

    Returns
    -------
    ibis.Table
        ``visitor`` is the anonymous id, or else the customer reference.
    """
    rows = events.filter(events[c.TS_US].between(start_us, end_us - 1))
    told = rows[c.PROPERTIES].fill_null("")
    own = told.re_extract(r'"url":"https?://([^/"]+)', 1)
    host = told.re_extract(r'"referrer":"https?://([^/"]+)', 1)
    return rows.select(
        c.EVENT_ID, c.KIND, c.TS_US, c.CUSTOMER_REF, c.ANONYMOUS_ID, c.PRODUCT_ID, c.INVALID,
        c.IP, c.AGENT, c.CLIENT,
        visitor=ibis.coalesce(rows[c.ANONYMOUS_ID], rows[c.CUSTOMER_REF]),
        what=ibis.coalesce(rows[c.PRODUCT_ID], rows[c.CATEGORY], rows[c.PAGE], ibis.literal("")),
        referrer=ibis.cases((host == own, ibis.literal("")), else_=host),
        touch_id=told.re_extract(r'"(?:touch_id|email_id)":"([^"]+)"', 1),
        link=told.re_extract(r'"(?:link_id|link_url)":"([^"]+)"', 1),
    )  # fmt: skip


def visitor_signs(window: ibis.Table) -> ibis.Table:
    """Signs of every visitor of a window.

    Parameters
    ----------
    window
        From :func:`window_of`.

    Returns
    -------
    ibis.Table
        ``visitor``, ``known`` (some of its events are marked), its reason, ``n`` and
        :data:`LISTED_SIGNS`. Events told by a shop's server and those of the mail are left out.
    """
    rows = window.filter(
        window.visitor.notnull() & window[c.KIND].notin(MAIL) & window[c.CLIENT].notnull()
    )
    each = _visitors(_paced(rows))
    each = _compared(each, "client", ("client",))
    each = _compared(each, "place", ("client", "ip"))
    each = _begun_alike(each)
    return _visitor_columns(_referred(each))


def _paced(rows: ibis.Table) -> ibis.Table:
    order = ibis.window(group_by=rows.visitor, order_by=[rows[c.TS_US], rows[c.EVENT_ID]])
    rows = rows.mutate(
        rank=ibis.row_number().over(order),
        gap=(rows[c.TS_US] - rows[c.TS_US].lag(1).over(order)).cast("float64") / 1e6,
        # Seconds that the last ten events took: a pace that a short burst does not fake.
        ten=(rows[c.TS_US] - rows[c.TS_US].lag(9).over(order)).cast("float64") / 1e6,
    )
    return rows.mutate(gap=ibis.cases((rows.gap < GAP_CAP_S, rows.gap)))


def _visitors(rows: ibis.Table) -> ibis.Table:
    views, step = rows[c.KIND] == "view_item", rows[c.KIND] + ibis.literal(" ") + rows.what
    begun = {f"step{n}": step.max(where=rows["rank"] == n) for n in range(STEPS)}
    return rows.group_by("visitor").aggregate(
        n=rows.count(),
        marked=rows[c.INVALID].notnull().sum(),
        why=rows[c.INVALID].min(),
        client=rows[c.CLIENT].min(),
        ip=rows[c.IP].min(),
        views=views.sum(),
        products=rows[c.PRODUCT_ID].nunique(),
        kinds=rows[c.KIND].nunique(),
        carts=rows[c.KIND].isin(CART).sum(),
        orders=(rows[c.KIND] == "purchase").sum(),
        first=rows[c.KIND].max(where=rows["rank"] == 0),
        known_customer=rows[c.CUSTOMER_REF].notnull().any(),
        referrer=rows.referrer.max(where=rows["rank"] == 0),
        mean=rows.gap.mean(),
        deviation=rows.gap.std(how="pop"),
        gaps=rows.gap.count(),
        ten=rows.ten.min(),
        **begun,
    )


def _compared(each: ibis.Table, name: str, by: tuple[str, ...]) -> ibis.Table:
    """How many others share the client (or place), and how many of them are marked or shallow."""
    same = ibis.window(group_by=[each[x] for x in by])
    is_marked, views_only = (each.marked > 0).cast("int64"), (each.views == each.n).cast("int64")
    return each.mutate(
        **{
            f"{name}_others": each.count().over(same) - 1,
            f"{name}_marked": is_marked.sum().over(same) - is_marked,
            f"{name}_views_only": views_only.sum().over(same) - views_only,
        }
    )


def _begun_alike(each: ibis.Table) -> ibis.Table:
    steps = [each[f"step{n}"].fill_null("") for n in range(STEPS)]
    text = steps[0]
    for step in steps[1:]:
        text = text + ibis.literal("|") + step
    each = each.mutate(begun=text)
    same = ibis.window(group_by=[each.begun])
    return each.mutate(alike=each.count().over(same) - 1)


def _referred(each: ibis.Table) -> ibis.Table:
    same = ibis.window(group_by=[each.referrer])
    alone = (each.n == 1).cast("int64")
    return each.mutate(
        sent_here=each.count().over(same) - 1, gone_at_once=alone.sum().over(same) - alone
    )


def _visitor_columns(each: ibis.Table) -> ibis.Table:
    n, none = each.n, ibis.literal(0.0)
    variation = each.deviation / ibis.greatest(each["mean"], 0.01)
    rate = 9.0 / ibis.greatest(each.ten, 0.05)
    enough = each.gaps >= 7
    others = ibis.greatest(each.client_others, 1).cast("float64")
    near = ibis.greatest(each.place_others, 1).cast("float64")
    spam = (each.referrer != "") & (each.sent_here >= 8) & (n == 1)
    alone = each.gone_at_once.cast("float64") / ibis.greatest(each.sent_here, 1).cast("float64")
    signs = {
        "even": ibis.cases((enough, 1.0 - _share(variation, 0.12, 0.5)), else_=none),
        "fast": ibis.cases((n >= 10, _share(rate, 1.5, 4.0)), else_=none),
        "views_only": _flag((each.views == n) & (n >= 3)),
        "long_run": _flag(each.views >= 0.97 * n) * _share(n, 15, 60),
        "cold_cart": _flag(each["first"].isin(CART) & (each.views == 0)),
        "client_marked": _share(each.client_marked / others, 0.05, 0.6) * _flag(each.client_others >= 2),
        "place_marked": _share(each.place_marked / near, 0.05, 0.6) * _flag(each.place_others >= 1),
        "same_beginning": _share(each.alike, 0, 5) * _flag(each.step3.notnull() & (each.products >= 2)),
        "shallow_referrer": _flag(spam) * _share(alone, 0.8, 0.97),
        "shallow_client": _share(each.client_views_only / others, 0.7, 0.97)
        * _flag((each.client_others >= 8) & (each.views == n)),
        "bare": _flag(n <= 2),
        "human_mixture": _flag((each.kinds >= 3) & (n >= 4)),
        "human_bought": _flag((each.orders > 0) & (each.views > 0)),
        "human_known": _flag(each.known_customer),
        "human_uneven": ibis.cases((enough, _share(variation, 0.6, 1.2)), else_=none),
    }  # fmt: skip
    return each.select(
        "visitor", "n", known=each.marked > 0, why=each.why,
        **{x: signs[x].cast("float64").fill_null(0.0) for x in LISTED_SIGNS},
    )  # fmt: skip


def mail_signs(window: ibis.Table, touches: ibis.Table) -> ibis.Table:
    """Signs of every opening and click of a window.

    Parameters
    ----------
    window
        From :func:`window_of`.
    touches
        Table ``touches``.

    Returns
    -------
    ibis.Table
        ``event_id``, ``kind``, ``ts_us`` and :data:`MAIL_SIGNS`. What one address with one
        agent does to one message is judged together.
    """
    mail = window.filter(window[c.KIND].isin(MAIL))
    sent = touches.select(c.TOUCH_ID, sent_us=touches[c.TS_US])
    mail = mail.left_join(sent, mail.touch_id == sent[c.TOUCH_ID]).select(
        *(mail[x] for x in mail.columns), sent_us=sent.sent_us
    )
    mail = mail.mutate(
        who=mail.touch_id + "|" + mail[c.CUSTOMER_REF].fill_null("")
        + "|" + mail[c.IP].fill_null("") + "|" + mail[c.AGENT].fill_null("")
    )  # fmt: skip
    acts = _acts(mail)
    acts = _after(acts, window)
    joined = mail.join(acts, mail.who == acts.who).select(
        mail[c.EVENT_ID], mail[c.KIND], mail[c.TS_US], mail[c.INVALID],
        *(acts[x] for x in acts.columns if x != "invalid"),
    )  # fmt: skip
    return _mail_columns(joined)


def _acts(mail: ibis.Table) -> ibis.Table:
    """What one address and agent did to one message."""
    clicks = mail[c.KIND] == "email_link_clicked"
    acts = mail.group_by("who").aggregate(
        touch_id=mail.touch_id.min(), customer_ref=mail[c.CUSTOMER_REF].min(), ip=mail[c.IP].min(),
        agent=mail[c.AGENT].min(), first_us=mail[c.TS_US].min(), last_us=mail[c.TS_US].max(),
        sent_us=mail.sent_us.min(), clicks=clicks.sum(), opens=(~clicks).sum(),
        links=mail.link.nunique(where=clicks),
        click_first=mail[c.TS_US].min(where=clicks), click_last=mail[c.TS_US].max(where=clicks),
    )  # fmt: skip
    message = ibis.window(group_by=[acts.touch_id, acts.customer_ref])
    place = ibis.window(group_by=[acts.ip])
    return acts.mutate(
        message_first=acts.first_us.min().over(message),
        message_opens=acts.opens.sum().over(message),
        place_messages=acts.count().over(place),
    )


def _after(acts: ibis.Table, window: ibis.Table) -> ibis.Table:
    """Whether the customer looked around from that address afterwards, or bought."""
    visits = window.filter(
        window[c.KIND].notin(MAIL) & window[c.CUSTOMER_REF].notnull() & window[c.INVALID].isnull()
    )
    own = visits.group_by(c.CUSTOMER_REF).aggregate(
        bought_us=visits[c.TS_US].max(where=visits[c.KIND] == "purchase")
    )
    there = visits.group_by([c.CUSTOMER_REF, c.IP]).aggregate(
        visit_us=visits[c.TS_US].max(), pages=visits.count()
    )
    acts = acts.left_join(own, acts.customer_ref == own[c.CUSTOMER_REF]).select(
        *(acts[x] for x in acts.columns), bought_us=own.bought_us
    )
    return acts.left_join(
        there, (acts.customer_ref == there[c.CUSTOMER_REF]) & (acts.ip == there[c.IP])
    ).select(*(acts[x] for x in acts.columns), visit_us=there.visit_us)


def _mail_columns(acts: ibis.Table) -> ibis.Table:
    waited = (acts.first_us - acts.sent_us).cast("float64") / 1e6
    took = (acts.click_last - acts.click_first).cast("float64") / 1e6
    agent = acts.agent.fill_null("").lower()
    version = agent.re_extract(r"chrome/(\d+)", 1).nullif("").cast("int64")
    known = waited.notnull()
    signs = {
        "marked": _flag(acts[c.INVALID].notnull()),
        "instant": _flag(known & (waited < 15)) * (1.0 - _share(waited, 4, 15)).fill_null(0.0),
        "within_minute": _flag(known & (waited < 60)),
        "many_links": _share(acts.links, 2, 5),
        "burst": _flag((acts.clicks >= 2) & (took / ibis.greatest(acts.clicks - 1, 1) < 1.8)),
        "bare_agent": _flag(agent == "mozilla/5.0"),
        "old_agent": _flag(agent.contains("trident") | agent.contains("msie") | (version < 90)),
        "scanner_net": _flag(_starts(acts.ip, SCANNER_NETS)),
        "apple_net": _flag(_starts(acts.ip, APPLE_NETS)),
        "place_many": _share(acts.place_messages, 2, 20),
        "click_unopened": _flag((acts.clicks > 0) & (acts.message_opens == 0)),
        "first_touch": _flag(acts.first_us == acts.message_first),
        "human_reader_proxy": _flag(agent.contains("googleimageproxy") | agent.contains("yahoomailproxy")),
        "human_visit": _flag(acts.visit_us > acts.first_us),
        "human_late": _flag(known) * _share(waited, 120, 1800).fill_null(0.0),
        "human_bought": _flag(acts.bought_us > acts.first_us),
    }  # fmt: skip
    return acts.select(
        c.EVENT_ID, c.KIND, c.TS_US,
        **{x: signs[x].cast("float64").fill_null(0.0) for x in MAIL_SIGNS},
    )  # fmt: skip
