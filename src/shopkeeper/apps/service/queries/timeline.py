"""What happened to and with one customer, newest first."""

from __future__ import annotations

import datetime as dt

import ibis

from shopkeeper.apps.service import labels, paging
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import sentences
from shopkeeper.apps.service.queries.customers import must_exist
from shopkeeper.apps.service.queries.event_words import EVENT_NAMES
from shopkeeper.apps.service.queries.reading import Record, among, money, rows
from shopkeeper.apps.service.schemas.common import NextStep, Text
from shopkeeper.apps.service.schemas.customers import Timeline, TimelineItem, TimelineLine
from shopkeeper.core import columns as c
from shopkeeper.core.clock import from_us
from shopkeeper.core.errors import InputError
from shopkeeper.core.tables import (
    ACTIVITY,
    CONTACTS,
    DECISIONS,
    PERMITS,
    PRODUCTS,
    PURCHASE_LINES,
    PURCHASES,
)

QUIET = NextStep(
    text=Text(zh="这位客户还没有任何记录。", en="Nothing is recorded about this customer yet."),
    action=Text(zh="返回客户列表", en="Back to customers"),
    link="/customers",
)


def timeline(
    shop: OpenShop, customer_id: str, *, kind: str | None, cursor: str | None, limit: int
) -> Timeline:
    """One page of the customer's timeline.

    Parameters
    ----------
    shop
        The open shop.
    customer_id
        Customer as currently believed.
    kind
        Only purchase, return, event, touch, decision or consent.
    cursor
        From the page before.
    limit
        Items a page holds.

    Returns
    -------
    Timeline

    Raises
    ------
    NotFoundError
        If there is no such customer.
    InputError
        If the kind is unknown.
    """
    if kind is not None and kind not in labels.TIMELINE_KINDS:
        raise InputError(
            f"a timeline has no {kind!r}",
            next_step=f"Choose one of {', '.join(labels.TIMELINE_KINDS)}",
            kind=kind,
        )
    must_exist(shop, customer_id)
    name = f"timeline:{customer_id}:{kind or ''}"
    offset = paging.decode(name, cursor)
    happened = ibis.union(*_parts(shop, customer_id))
    if kind is not None:
        happened = happened.filter(happened["kind"] == kind)
    ordered = happened.order_by([happened["at_us"].desc(), happened["kind"], happened["reference"]])
    found = rows(shop, ordered.limit(limit + 1, offset=offset))
    page, after = paging.cut(name, found, offset, limit)
    bought = [row["reference"] for row in page if row["kind"] in {"purchase", "return"}]
    lines = _lines(shop, customer_id, bought)
    seen = _product_names(shop, [row["word"] for row in page if row["kind"] == "event"])
    return Timeline(
        items=[_item(shop, row, lines.get(row["reference"], []), seen) for row in page],
        next_cursor=after,
        total=None,
        next_step=None if page or offset else QUIET,
    )


def _parts(shop: OpenShop, customer_id: str) -> list[ibis.Table]:
    """Every source of the timeline in one shape: at_us, kind, reference, word, channel, amount."""
    bought = _mine(shop.tables.table(PURCHASES), customer_id)
    sale = ibis.cases((bought[c.KIND] == "return", "return"), else_="purchase")
    events = _mine(shop.tables.table(ACTIVITY), customer_id)
    contacts = _mine(shop.tables.table(CONTACTS), customer_id)
    decided = _mine(shop.tables.table(DECISIONS), customer_id)
    said = _mine(shop.tables.table(PERMITS), customer_id)
    said = said.filter(said[c.STATUS_AT].notnull())
    word = ibis.coalesce(events[c.QUERY], events[c.PAGE], events[c.PRODUCT_ID], events[c.CATEGORY])
    return [
        _shape(bought, bought[c.TS_US], sale, c.ORDER_ID, bought[c.STORE_ID], c.AMOUNT_MINOR),
        _shape(events, events[c.TS_US], "event", c.EVENT_ID, word, None, events[c.KIND]),
        _shape(
            contacts,
            contacts[c.TS_US],
            "touch",
            c.TOUCH_ID,
            contacts[c.STATUS],
            c.COST_MINOR,
            contacts[c.OFFER_ID],
        ),
        _shape(
            decided,
            decided[c.AS_OF].epoch_seconds().cast("int64") * 1_000_000,
            "decision",
            c.DECISION_ID,
            decided[c.REASON],
            c.EXPECTED_MARGIN_MINOR,
            decided[c.ACTION],
        ),
        _shape(
            said,
            said[c.STATUS_AT].epoch_seconds().cast("int64") * 1_000_000,
            "consent",
            c.PURPOSE,
            said[c.STATUS],
            None,
        ),
    ]


def _mine(table: ibis.Table, customer_id: str) -> ibis.Table:
    return table.filter(table[c.CUSTOMER_ID] == customer_id)


def _shape(
    table: ibis.Table,
    at_us: ibis.Value,
    kind: ibis.Value | str,
    reference: str,
    word: ibis.Value,
    amount: str | None,
    detail: ibis.Value | None = None,
) -> ibis.Table:
    nothing = ibis.null("string")
    return table.select(
        at_us=at_us.cast("int64"),
        kind=(ibis.literal(kind) if isinstance(kind, str) else kind).cast("string"),
        reference=table[reference].cast("string"),
        word=word.cast("string"),
        detail=nothing if detail is None else detail.cast("string"),
        channel=table[c.CHANNEL].cast("string"),
        amount=ibis.null("int64") if amount is None else table[amount].cast("int64"),
    )


def _lines(shop: OpenShop, customer_id: str, orders: list[str]) -> dict[str, list[TimelineLine]]:
    if not orders:
        return {}
    table = _mine(shop.tables.table(PURCHASE_LINES), customer_id)
    wanted = table.filter(among(table[c.ORDER_ID], orders))
    products = shop.tables.table(PRODUCTS)
    known = products.select(
        known_id=products[c.PRODUCT_ID],
        product_name=ibis.coalesce(products[c.NAME], products[c.SUBCATEGORY]),
    )
    joined = wanted.left_join(known, wanted[c.PRODUCT_ID] == known["known_id"])
    found = rows(shop, joined.order_by([joined[c.ORDER_ID], joined[c.LINE_ID]]))
    answer: dict[str, list[TimelineLine]] = {}
    for row in found:
        line = TimelineLine(
            product_id=row["product_id"],
            name=row["product_name"] or row["subcategory"] or row["category"],
            quantity=row["quantity"],
            amount=money(shop, row["amount_minor"]),
        )
        answer.setdefault(row["order_id"], []).append(line)
    return answer


def _product_names(shop: OpenShop, words: list[str | None]) -> dict[str, str]:
    """Names of the products among the words of events, by product id."""
    ids = sorted({word for word in words if word})
    if not ids:
        return {}
    table = shop.tables.table(PRODUCTS)
    known = table.filter(among(table[c.PRODUCT_ID], ids))
    named = known.select(known[c.PRODUCT_ID], name=ibis.coalesce(known[c.NAME], known[c.CATEGORY]))
    return {row["product_id"]: row["name"] for row in rows(shop, named) if row["name"]}


def _item(
    shop: OpenShop, row: Record, lines: list[TimelineLine], seen: dict[str, str]
) -> TimelineItem:
    at: dt.datetime = from_us(row["at_us"])
    return TimelineItem(
        at=at,
        kind=row["kind"],
        title=_title(row),
        detail=_detail(row, seen),
        amount=money(shop, row["amount"]),
        channel=row["channel"],
        reference=row["reference"],
        lines=lines,
    )


def _title(row: Record) -> Text:
    kind = labels.TIMELINE_KINDS[row["kind"]]
    if row["kind"] == "event":
        return labels.named(EVENT_NAMES, row["detail"])
    if row["kind"] == "decision":
        sent = row["detail"] == "send"
        return (
            Text(zh="决定触达", en="Decided to contact")
            if sent
            else Text(zh="决定不触达", en="Decided not to contact")
        )
    if row["channel"] is None:
        return kind
    channel = labels.named(labels.CHANNELS, row["channel"])
    return Text(zh=f"{kind.zh} · {channel.zh}", en=f"{kind.en} · {channel.en}")


def _detail(row: Record, seen: dict[str, str]) -> Text | None:
    if row["word"] is None:
        return None
    if row["kind"] in {"touch", "consent"}:
        return labels.named(labels.STATUSES, row["word"])
    if row["kind"] == "decision":
        return sentences.refusal(row["word"]).text
    if row["kind"] in {"purchase", "return"}:
        return Text(zh=f"门店 {row['word']}", en=f"Store {row['word']}")
    word = seen.get(str(row["word"]), str(row["word"]))
    return Text(zh=word, en=word)
