"""Models beside their baselines, distributions of scores, recommendations."""

from __future__ import annotations

from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import judged, names
from shopkeeper.apps.service.queries.customers import must_exist
from shopkeeper.apps.service.queries.reading import (
    Record,
    at_latest,
    freshness,
    latest,
    money,
    one,
    rows,
)
from shopkeeper.apps.service.queries.recommended import recommended
from shopkeeper.apps.service.queries.runs import NEVER_RAN
from shopkeeper.apps.service.schemas.common import Text
from shopkeeper.apps.service.schemas.predict import (
    HistogramBar,
    Recommendations,
    ScoresSummary,
)
from shopkeeper.core import columns as c
from shopkeeper.core.tables import RECOMMENDATIONS, SCORES, SEGMENTS

RISKS = range(10)
CalibrationBin = tuple[float, float, int]


def scores_summary(shop: OpenShop) -> ScoresSummary:
    """Distribution of the scores that count now.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    ScoresSummary
        Ten risk bars, bands and tiers, with the expected value each holds.
    """
    return shop.remember("scores_summary", (SCORES, SEGMENTS), lambda: _distribution(shop))


def _distribution(shop: OpenShop) -> ScoresSummary:
    churn = judged.score_heads(shop).get("churn")
    value = judged.score_heads(shop).get("expected_spend")
    groups = _risk_groups(shop)
    customers = sum(row["n"] for row in groups)
    risky = sum(row["value"] or 0 for row in groups if row["band"] == "high")
    expected = _sum_of(shop, "expected_spend")
    return ScoresSummary(
        freshness=freshness(shop, latest(shop, SCORES)),
        customers=customers,
        risk=_risk_bars(shop, groups, customers),
        bands=_band_bars(shop, groups, customers),
        tiers=_tier_bars(shop),
        value_at_risk=money(shop, risky) if churn and value else None,
        expected_value=money(shop, expected),
        horizon_days=churn.horizon_days if churn else None,
        next_step=None if churn or value else NEVER_RAN,
    )


def _risk_groups(shop: OpenShop) -> list[Record]:
    churn = judged.chosen_scores(shop, "churn")
    if churn is None:
        return []
    mine = churn.select(owner=churn[c.CUSTOMER_ID], risk=churn[c.RISK], band=churn[c.BAND])
    value = judged.chosen_scores(shop, "expected_spend")
    if value is None:
        grouped = mine.group_by(["risk", "band"]).aggregate(n=mine.count())
        return [{**row, "value": None} for row in rows(shop, grouped)]
    worth = value.select(worth_of=value[c.CUSTOMER_ID], worth=value[c.VALUE])
    joined = mine.left_join(worth, mine["owner"] == worth["worth_of"])
    return rows(
        shop,
        joined.group_by(["risk", "band"]).aggregate(n=joined.count(), value=joined["worth"].sum()),
    )


def _sum_of(shop: OpenShop, kind: str) -> float | None:
    scores = judged.chosen_scores(shop, kind)
    row = one(shop, scores.aggregate(total=scores[c.VALUE].sum())) if scores is not None else None
    return row["total"] if row else None


def _risk_bars(shop: OpenShop, groups: list[Record], customers: int) -> list[HistogramBar]:
    if not groups:
        return []
    return [
        _bar(
            shop,
            str(risk),
            Text(zh=f"风险 {risk}", en=f"Risk {risk}"),
            [row for row in groups if row["risk"] == risk],
            customers,
        )
        for risk in RISKS
    ]


def _band_bars(shop: OpenShop, groups: list[Record], customers: int) -> list[HistogramBar]:
    order = {code: place for place, code in enumerate(names.BANDS)}
    bands = sorted({row["band"] for row in groups if row["band"]}, key=lambda x: order.get(x, 9))
    return [
        _bar(
            shop,
            code,
            names.band("churn", code),
            [row for row in groups if row["band"] == code],
            customers,
        )
        for code in bands
    ]


def _bar(
    shop: OpenShop, key: str, label: Text, groups: list[Record], customers: int
) -> HistogramBar:
    count = sum(row["n"] for row in groups)
    known = [row["value"] for row in groups if row["value"] is not None]
    return HistogramBar(
        key=key,
        label=label,
        customers=count,
        share=count / customers if customers else 0.0,
        value=money(shop, sum(known)) if known else None,
    )


def _tier_bars(shop: OpenShop) -> list[HistogramBar]:
    places = at_latest(shop, SEGMENTS)
    if places is None:
        return []
    tiers = places.filter(places[c.SCHEME] == "tier")
    mine = tiers.select(owner=tiers[c.CUSTOMER_ID], label=tiers[c.LABEL])
    value = judged.chosen_scores(shop, "expected_spend")
    if value is None:
        grouped = rows(shop, mine.group_by("label").aggregate(n=mine.count()))
        groups = [{**row, "value": None} for row in grouped]
    else:
        worth = value.select(worth_of=value[c.CUSTOMER_ID], worth=value[c.VALUE])
        joined = mine.left_join(worth, mine["owner"] == worth["worth_of"])
        groups = rows(
            shop, joined.group_by("label").aggregate(n=joined.count(), value=joined["worth"].sum())
        )
    customers = sum(row["n"] for row in groups)
    order = names.segment_order("tier")
    groups.sort(key=lambda row: (order.get(row["label"], len(order)), row["label"]))
    return [
        _bar(shop, row["label"], names.segment("tier", row["label"]), [row], customers)
        for row in groups
    ]


def recommendations(shop: OpenShop, customer_id: str) -> Recommendations:
    """Products recommended to one customer.

    Parameters
    ----------
    shop
        The open shop.
    customer_id
        Customer as currently believed.

    Returns
    -------
    Recommendations

    Raises
    ------
    NotFoundError
        If there is no such customer.
    """
    must_exist(shop, customer_id)
    items = recommended(shop, customer_id)
    moment = latest(shop, RECOMMENDATIONS)
    model = None
    table = at_latest(shop, RECOMMENDATIONS)
    if items and table is not None:
        row = one(shop, table.filter(table[c.CUSTOMER_ID] == customer_id)[[c.MODEL]])
        model = row["model"] if row else None
    return Recommendations(
        customer_id=customer_id,
        model=model,
        freshness=freshness(shop, moment),
        items=items,
        next_step=None if items else NEVER_RAN,
    )
