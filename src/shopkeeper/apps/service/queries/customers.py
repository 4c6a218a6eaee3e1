"""The customer list and the 360-degree view of one customer."""

from __future__ import annotations

import ibis

from shopkeeper.apps.service import paging
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import judged
from shopkeeper.apps.service.queries.collect import LOAD_FIRST
from shopkeeper.apps.service.queries.reading import (
    Record,
    among,
    at_latest,
    money,
    one,
    rows,
)
from shopkeeper.apps.service.schemas.customers import CustomerPage, CustomerRow
from shopkeeper.core import columns as c
from shopkeeper.core.errors import InputError, NotFoundError
from shopkeeper.core.tables import IDENTITIES, PROFILES, PURCHASES, SEGMENTS

SEARCH_LIMIT = 500
"""A search that meets more customers than this is answered with the first of them."""


def customers(
    shop: OpenShop,
    *,
    search: str | None,
    segment: str | None,
    sort: str,
    cursor: str | None,
    limit: int,
) -> CustomerPage:
    """Customers in the asked order; customers without the sorted figure come last.

    Parameters
    ----------
    shop
        The open shop.
    search
        A customer id, an identifier with or without its kind, or part of a name.
    segment
        ``scheme:label``.
    sort
        Figure to sort by; a minus in front is falling order.
    cursor
        From the page before.
    limit
        Rows a page holds.

    Returns
    -------
    CustomerPage

    Raises
    ------
    InputError
        If `segment` is not of the form ``scheme:label``.
    """
    kind = f"customers:{search or ''}:{segment or ''}:{sort}"
    offset = paging.decode(kind, cursor)
    base = shop.tables.table(PROFILES)[[c.CUSTOMER_ID]]
    if search:
        base = base.filter(among(base[c.CUSTOMER_ID], _found(shop, search)))
    if segment:
        base = _inside(shop, base, segment)
    page_expr = _sorted(shop, base, sort).limit(limit + 1, offset=offset)
    ids = [row["customer_id"] for row in rows(shop, page_expr)]
    page, after = paging.cut(kind, ids, offset, limit)
    filtered = bool(search or segment)
    everybody = shop.tables.count(PROFILES)
    total = rows(shop, base.aggregate(n=base.count()))[0]["n"] if filtered else everybody
    return CustomerPage(
        items=headlines(shop, page),
        next_cursor=after,
        total=total,
        next_step=LOAD_FIRST if not everybody else None,
    )


def _found(shop: OpenShop, search: str) -> list[str]:
    text = search.strip()
    known = shop.tables.table(IDENTITIES)
    hit = (
        (known[c.CUSTOMER_ID] == text)
        | (known[c.IDENTIFIER] == text)
        | known[c.IDENTIFIER].endswith(f":{text}")
    )
    by_identifier = known.filter(hit)[[c.CUSTOMER_ID]].distinct().limit(SEARCH_LIMIT)
    named = shop.tables.table(PROFILES)
    by_name = named.filter(named[c.PERSON_NAME].lower().contains(text.lower()))
    by_name = by_name[[c.CUSTOMER_ID]].limit(SEARCH_LIMIT)
    both = ibis.union(by_identifier, by_name, distinct=True)
    return [row["customer_id"] for row in rows(shop, both)]


def _inside(shop: OpenShop, base: ibis.Table, segment: str) -> ibis.Table:
    scheme, colon, label = segment.partition(":")
    if not colon or not scheme or not label:
        raise InputError(
            f"segment {segment!r} is not of the form scheme:label",
            next_step="Take both from /api/v1/segment/schemes, such as rfm8:champions",
            segment=segment,
        )
    places = at_latest(shop, SEGMENTS)
    if places is None:
        return base.filter(ibis.literal(value=False))
    members = places.filter((places[c.SCHEME] == scheme) & (places[c.LABEL] == label))
    return base.semi_join(members, c.CUSTOMER_ID)


def _sorted(shop: OpenShop, base: ibis.Table, sort: str) -> ibis.Table:
    figure, falling = sort.lstrip("-"), sort.startswith("-")
    source = _figure(shop, figure)
    if source is None:
        return base.order_by(base[c.CUSTOMER_ID])
    joined = base.left_join(source, base[c.CUSTOMER_ID] == source["owner"])
    joined = joined.select(joined[c.CUSTOMER_ID], joined["figure"])
    place = joined["figure"].desc(nulls_first=False) if falling else joined["figure"].asc()
    return joined.order_by([place, joined[c.CUSTOMER_ID]])


def _figure(shop: OpenShop, figure: str) -> ibis.Table | None:
    if figure in {"value", "risk"}:
        scores = judged.chosen_scores(shop, "expected_spend" if figure == "value" else "churn")
        if scores is None:
            return None
        return scores.select(owner=scores[c.CUSTOMER_ID], figure=scores[c.VALUE])
    bought = shop.tables.table(PURCHASES)
    grouped = bought.group_by(owner=bought[c.CUSTOMER_ID])
    if figure == "spent":
        return grouped.aggregate(figure=bought[c.AMOUNT_MINOR].sum().cast("float64"))
    return grouped.aggregate(figure=bought[c.TS_US].max().cast("float64"))


def headlines(shop: OpenShop, ids: list[str]) -> list[CustomerRow]:
    """Lines of the customer list for given customers, in the given order.

    Parameters
    ----------
    shop
        The open shop.
    ids
        Customer ids, at most a page.

    Returns
    -------
    list of CustomerRow
        One per id; what is not known of a customer is ``None``.
    """
    if not ids:
        return []
    profiles = shop.tables.table(PROFILES)
    wanted = profiles.filter(among(profiles[c.CUSTOMER_ID], ids))
    names = {
        row["customer_id"]: row["person_name"]
        for row in rows(shop, wanted[[c.CUSTOMER_ID, c.PERSON_NAME]])
    }
    spent = _spent(shop, ids)
    scores = judged.scores_of(shop, ids)
    places = judged.places_of(shop, ids)
    return [
        _line(
            shop,
            customer_id,
            names.get(customer_id),
            spent.get(customer_id, {}),
            scores.get(customer_id, {}),
            places.get(customer_id, {}),
        )
        for customer_id in ids
    ]


def headline(
    shop: OpenShop, profile: Record, scores: dict[str, Record], places: dict[str, str]
) -> CustomerRow:
    """Line of the customer list for one customer whose parts are already read.

    Parameters
    ----------
    shop
        The open shop.
    profile
        Row of PROFILES.
    scores
        Row of SCORES by kind.
    places
        Segment code by scheme.

    Returns
    -------
    CustomerRow
    """
    customer_id: str = profile["customer_id"]
    spent = _spent(shop, [customer_id]).get(customer_id, {})
    return _line(shop, customer_id, profile["person_name"], spent, scores, places)


def _spent(shop: OpenShop, ids: list[str]) -> dict[str, Record]:
    bought = shop.tables.table(PURCHASES)
    mine = bought.filter(among(bought[c.CUSTOMER_ID], ids))
    sums = mine.group_by(c.CUSTOMER_ID).aggregate(
        orders=(mine[c.KIND] == "sale").sum(),
        spent=mine[c.AMOUNT_MINOR].sum(),
        last=mine[c.DAY].max(where=mine[c.KIND] == "sale"),
    )
    return {row["customer_id"]: row for row in rows(shop, sums)}


def _line(
    shop: OpenShop,
    customer_id: str,
    name: str | None,
    spent: Record,
    scores: dict[str, Record],
    places: dict[str, str],
) -> CustomerRow:
    churn, value = scores.get("churn"), scores.get("expected_spend")
    return CustomerRow(
        customer_id=customer_id,
        display_name=name,
        rfm=judged.place(places, "rfm8"),
        tier=judged.place(places, "tier"),
        lifecycle=judged.place(places, "life_cycle"),
        risk=churn["risk"] if churn else None,
        risk_band=judged.band("churn", churn["band"]) if churn else None,
        value=money(shop, value["value"]) if value else None,
        orders=spent.get("orders"),
        spent=money(shop, spent.get("spent")),
        last_purchase_on=spent.get("last"),
    )


def resolve(shop: OpenShop, identifier: str) -> str:
    """Customer that an identifier belongs to now.

    Parameters
    ----------
    shop
        The open shop.
    identifier
        ``kind:value``.

    Returns
    -------
    str
        Customer id.

    Raises
    ------
    InputError
        If the text has no kind.
    NotFoundError
        If no customer has the identifier.
    """
    if ":" not in identifier:
        raise InputError(
            f"{identifier!r} is not of the form kind:value",
            next_step="Put the kind in front, such as crm:1001 or phone:+8613900000000",
            identifier=identifier,
        )
    known = shop.tables.table(IDENTITIES)
    row = one(shop, known.filter(known[c.IDENTIFIER] == identifier))
    if row is None:
        raise NotFoundError(
            f"no customer has the identifier {identifier!r}",
            next_step="Check the kind and the spelling, or search in /api/v1/customers?search=",
            identifier=identifier,
        )
    return str(row["customer_id"])


def must_exist(shop: OpenShop, customer_id: str) -> Record:
    """Profile row of a customer.

    Parameters
    ----------
    shop
        The open shop.
    customer_id
        Customer as currently believed.

    Returns
    -------
    dict
        Columns of the table of profiles.

    Raises
    ------
    NotFoundError
        If there is no such customer.
    """
    profiles = shop.tables.table(PROFILES)
    row = one(shop, profiles.filter(profiles[c.CUSTOMER_ID] == customer_id))
    if row is None:
        raise NotFoundError(
            f"there is no customer {customer_id!r}",
            next_step="Search in /api/v1/customers?search=, or ask /api/v1/profiles/kind:value",
            customer_id=customer_id,
        )
    return row
