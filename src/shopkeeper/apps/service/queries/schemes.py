"""Schemes: how customers are divided, how many are where, and what they are worth."""

from __future__ import annotations

import ibis

from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import judged, names
from shopkeeper.apps.service.queries.clusters import cluster_words
from shopkeeper.apps.service.queries.reading import Record, at_latest, freshness, money, rows
from shopkeeper.apps.service.queries.runs import NEVER_RAN
from shopkeeper.apps.service.schemas.common import Freshness
from shopkeeper.apps.service.schemas.segment import Scheme, SchemeList, SchemeSegment
from shopkeeper.core import columns as c
from shopkeeper.core.tables import PURCHASES, SCORES, SEGMENTS
from shopkeeper.segment.schemes import SCHEMES


def schemes(shop: OpenShop) -> SchemeList:
    """All schemes at the latest moment.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    SchemeList
        In the order of the catalogue; segments the best first, then by size.
    """
    return shop.remember("schemes", (SEGMENTS, SCORES, PURCHASES), lambda: _schemes(shop))


def _schemes(shop: OpenShop) -> SchemeList:
    places = at_latest(shop, SEGMENTS)
    if places is None:
        return SchemeList(items=[], next_step=NEVER_RAN)
    found = rows(shop, _sums(shop, places))
    by_scheme: dict[str, list[Record]] = {}
    for row in found:
        by_scheme.setdefault(row["scheme"], []).append(row)
    order = {code: place for place, code in enumerate(SCHEMES)}
    codes = sorted(by_scheme, key=lambda code: (order.get(code, len(order)), code))
    fresh = freshness(shop, found[0]["moment"]) if found else Freshness()
    return SchemeList(
        items=[_scheme(shop, code, by_scheme[code], fresh) for code in codes],
        next_step=None if codes else NEVER_RAN,
    )


def _sums(shop: OpenShop, places: ibis.Table) -> ibis.Table:
    """Customers, spend, expected spend and mean risk by scheme and label."""
    bought = shop.tables.table(PURCHASES)
    spent = bought.group_by(spender=bought[c.CUSTOMER_ID]).aggregate(
        spent=bought[c.AMOUNT_MINOR].sum().cast("float64")
    )
    joined = places.left_join(spent, places[c.CUSTOMER_ID] == spent["spender"])
    value = judged.chosen_scores(shop, "expected_spend")
    churn = judged.chosen_scores(shop, "churn")
    if value is not None:
        worth = value.select(worth_of=value[c.CUSTOMER_ID], worth=value[c.VALUE])
        joined = joined.left_join(worth, joined[c.CUSTOMER_ID] == worth["worth_of"])
    if churn is not None:
        risk = churn.select(risk_of=churn[c.CUSTOMER_ID], risk=churn[c.RISK].cast("float64"))
        joined = joined.left_join(risk, joined[c.CUSTOMER_ID] == risk["risk_of"])
    nothing = ibis.null("float64")
    return joined.group_by([c.SCHEME, c.LABEL]).aggregate(
        customers=joined.count(),
        spent=joined["spent"].sum(),
        expected=nothing if value is None else joined["worth"].sum(),
        risk=nothing if churn is None else joined["risk"].mean(),
        moment=joined[c.AS_OF].max(),
    )


def _scheme(shop: OpenShop, code: str, found: list[Record], fresh: Freshness) -> Scheme:
    total = sum(row["customers"] for row in found)
    order = names.segment_order(code)
    found.sort(key=lambda row: (order.get(row["label"], len(order)), -row["customers"]))
    clusters = cluster_words(shop) if code == "cluster" else {}
    segments = []
    for row in found:
        label = row["label"]
        named = clusters.get(label) or (
            names.segment(code, label),
            names.segment_meaning(code, label),
        )
        segments.append(
            SchemeSegment(
                segment=label,
                name=named[0],
                description=named[1],
                customers=row["customers"],
                share=row["customers"] / total,
                spent=money(shop, row["spent"]),
                expected_value=money(shop, row["expected"]),
                average_risk=row["risk"],
            )
        )
    return Scheme(
        scheme=code,
        name=names.scheme(code),
        definition=names.scheme_definition(code),
        freshness=fresh,
        customers=total,
        segments=segments,
    )
