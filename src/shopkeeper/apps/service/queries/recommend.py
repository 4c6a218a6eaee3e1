"""Lists of a customer, neighbours of a product, and the recommender behind them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, cast

from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import names, recommend_words
from shopkeeper.apps.service.queries.customers import must_exist
from shopkeeper.apps.service.queries.reading import (
    Record,
    among,
    at_latest,
    freshness,
    latest,
    money,
    parsed,
    rows,
)
from shopkeeper.apps.service.queries.recommend_figures import exposure, facts, surfaces
from shopkeeper.apps.service.queries.runs import NEVER_RAN
from shopkeeper.apps.service.schemas.common import Text
from shopkeeper.apps.service.schemas.recommend import (
    BoughtProduct,
    CustomerRecommendations,
    CustomerSurface,
    ItemRecommendations,
    Member,
    NeighbourItem,
    RecommendedItem,
    RecommendSummary,
    ShownProduct,
    Surface,
    Why,
)
from shopkeeper.core import columns as c
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.ports import StoredModel
from shopkeeper.core.tables import ITEM_NEIGHBOURS, PRODUCTS, PURCHASE_LINES, RECOMMENDATIONS
from shopkeeper.predict.recommend.reasons import reason_text

KINDS: dict[Surface, str] = {"for_you": "new", "again": "again", "next_basket": "next_basket"}
"""Surface → kind of its rows."""

_HISTORY = 30


def customer(shop: OpenShop, customer_id: str, surface: str) -> CustomerRecommendations:
    """What one customer is shown, and why.

    Parameters
    ----------
    shop
        The open shop.
    customer_id
        Customer as currently believed.
    surface
        A key of `KINDS`, or ``all``.

    Returns
    -------
    CustomerRecommendations

    Raises
    ------
    NotFoundError
        If there is no such customer.
    """
    must_exist(shop, customer_id)
    asked = [x for x in KINDS if surface in (x, "all")]
    table = at_latest(shop, RECOMMENDATIONS)
    found: list[Record] = []
    if table is not None:
        mine = table.filter(table[c.CUSTOMER_ID] == customer_id)
        mine = mine.filter(among(mine[c.KIND], [KINDS[x] for x in asked]))
        found = rows(shop, mine.order_by([mine[c.KIND], mine[c.RANK]]).limit(400))
    bought = _history(shop, customer_id)
    shown = _products(
        shop,
        {row["product_id"] for row in found}
        | _mentioned(found)
        | {x["product_id"] for x in bought},
    )
    last = {row["product_id"]: row["last_bought"] for row in bought}
    moment = latest(shop, RECOMMENDATIONS)
    return CustomerRecommendations(
        customer_id=customer_id,
        model_version=next((row["model_version"] for row in found), None),
        freshness=freshness(shop, moment),
        surfaces=[_surface(x, found, shown, last, moment) for x in asked],
        history=[
            BoughtProduct(
                product=shown[row["product_id"]], last_bought=row["last_bought"], times=row["times"]
            )
            for row in bought[:_HISTORY]
        ],
        next_step=None if found else NEVER_RAN,
    )


def _surface(
    surface: Surface,
    found: list[Record],
    shown: Mapping[str, ShownProduct],
    last: Mapping[str, dt.date],
    moment: dt.datetime | None,
) -> CustomerSurface:
    own = [row for row in found if row["kind"] == KINDS[surface]]
    label, definition = recommend_words.SURFACES[surface]
    return CustomerSurface(
        surface=surface,
        label=label,
        definition=definition,
        items=[
            RecommendedItem(
                rank=row["rank"],
                product=shown[row["product_id"]],
                score=row["score"],
                model=names.method(row["model"] or ""),
                why=_why(row["reasons"], shown, last, moment),
            )
            for row in own
        ],
    )


def _why(
    stored: str | None,
    shown: Mapping[str, ShownProduct],
    last: Mapping[str, dt.date],
    moment: dt.datetime | None,
) -> list[Why]:
    called = {key: product.name for key, product in shown.items()}
    answer = []
    for reason in parsed(stored) or ():
        source = reason.get("product_id")
        days = reason.get("days")
        if days is None and moment is not None and source in last:
            days = max((moment.date() - last[source]).days, 0)
        one_reason = json.dumps([reason], ensure_ascii=False)
        answer.append(
            Why(
                code=str(reason.get("code", "")),
                text=Text(
                    zh=reason_text(one_reason, "zh", called),
                    en=reason_text(one_reason, "en", called),
                ),
                source=shown.get(source) if source is not None else None,
                days_ago=days,
                times=reason.get("times"),
            )
        )
    return answer


def item(shop: OpenShop, product_id: str) -> ItemRecommendations:
    """Products like one product, and products bought together with it.

    Parameters
    ----------
    shop
        The open shop.
    product_id
        A product of the catalogue, or one that has neighbours.

    Returns
    -------
    ItemRecommendations

    Raises
    ------
    NotFoundError
        If nothing is known of the product.
    """
    table = at_latest(shop, ITEM_NEIGHBOURS)
    found: list[Record] = []
    if table is not None:
        mine = table.filter(table[c.PRODUCT_ID] == product_id)
        found = rows(shop, mine.order_by([mine[c.KIND], mine[c.RANK]]).limit(200))
    catalogue = _catalogue(shop, {product_id})
    if not found and product_id not in catalogue:
        raise NotFoundError(
            f"product {product_id!r} is neither in the catalogue nor among the products bought",
            next_step="check the id, or load products and orders that contain it",
            product_id=product_id,
        )
    others = {row["other_product_id"] for row in found}
    shown = _products(shop, {product_id} | others | _mentioned(found))
    buyers = _buyers(shop, product_id)
    return ItemRecommendations(
        product=shown[product_id],
        cold=not buyers,
        buyers=buyers,
        model_version=next((row["model_version"] for row in found), None),
        freshness=freshness(shop, latest(shop, ITEM_NEIGHBOURS)),
        similar=_neighbours(found, "similar", shown),
        bought_together=_neighbours(found, "bought_together", shown),
        next_step=None if found else NEVER_RAN,
    )


def _neighbours(
    found: list[Record], kind: str, shown: Mapping[str, ShownProduct]
) -> list[NeighbourItem]:
    return [
        NeighbourItem(
            rank=row["rank"],
            product=shown[row["other_product_id"]],
            score=row["score"],
            why=_why(row["reasons"], shown, {}, None),
        )
        for row in found
        if row["kind"] == kind
    ]


def _history(shop: OpenShop, customer_id: str) -> list[Record]:
    """Products bought, the latest first."""
    lines = shop.tables.table(PURCHASE_LINES)
    mine = lines.filter((lines[c.CUSTOMER_ID] == customer_id) & (lines[c.KIND] != "return"))
    mine = mine.filter(mine[c.PRODUCT_ID].notnull())
    grouped = mine.group_by(c.PRODUCT_ID).aggregate(
        last_bought=mine[c.DAY].max(), times=mine[c.ORDER_ID].nunique()
    )
    newest = [grouped["last_bought"].desc(), grouped["times"].desc(), grouped[c.PRODUCT_ID]]
    return rows(shop, grouped.order_by(newest).limit(2_000))


def _buyers(shop: OpenShop, product_id: str) -> int:
    lines = shop.tables.table(PURCHASE_LINES)
    mine = lines.filter((lines[c.PRODUCT_ID] == product_id) & (lines[c.KIND] != "return"))
    found = rows(shop, mine.aggregate(n=mine[c.CUSTOMER_ID].nunique()))
    return int(found[0]["n"] or 0) if found else 0


def _mentioned(found: list[Record]) -> set[str]:
    stored = [reason for row in found for reason in parsed(row["reasons"]) or ()]
    return {str(x["product_id"]) for x in stored if x.get("product_id") is not None}


def _catalogue(shop: OpenShop, ids: set[str]) -> dict[str, Record]:
    table = shop.tables.table(PRODUCTS)
    wanted = table.filter(among(table[c.PRODUCT_ID], sorted(ids)))
    kept = wanted[[c.PRODUCT_ID, c.NAME, c.CATEGORY, c.SUBCATEGORY, c.BRAND, c.PRICE_MINOR]]
    return {row["product_id"]: row for row in rows(shop, kept)}


def _products(shop: OpenShop, ids: set[str]) -> dict[str, ShownProduct]:
    """Every product asked for; one that the catalogue lacks is called by its id."""
    known = _catalogue(shop, ids)
    answer = {}
    for key in ids:
        row = known.get(key, {})
        answer[key] = ShownProduct(
            product_id=key,
            name=row.get("name") or row.get("subcategory") or key,
            category=row.get("category"),
            subcategory=row.get("subcategory"),
            brand=row.get("brand"),
            price=money(shop, row.get("price_minor")),
        )
    return answer


def summary(shop: OpenShop) -> RecommendSummary:
    """The recommender in use: members, weights, figures beside baselines.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    RecommendSummary
    """
    return shop.remember(
        "recommend_summary", (RECOMMENDATIONS, ITEM_NEIGHBOURS), lambda: _summary(shop)
    )


def _summary(shop: OpenShop) -> RecommendSummary:
    model = _champion(shop)
    card: Mapping[str, Any] = model.card if model else {}
    weights = cast("Mapping[str, float]", card.get("weights") or {})
    return RecommendSummary(
        model=str(card.get("chosen")) if card.get("chosen") else None,
        model_version=model.version if model else None,
        trained_at=model.created_at if model else None,
        freshness=freshness(shop, latest(shop, RECOMMENDATIONS)),
        protocol=names.limits(card) if model else None,
        customers=int(card.get("customers") or 0),
        products=int(card.get("products") or 0),
        cold_products=int(card.get("cold_products") or 0),
        members=[_member(name, weight) for name, weight in weights.items()],
        surfaces=surfaces(card),
        exposure=exposure(card),
        facts=facts(card),
        next_step=None if model else NEVER_RAN,
    )


def _member(name: str, weight: float) -> Member:
    return Member(
        name=name,
        label=names.method(name),
        definition=recommend_words.definition(name),
        weight=float(weight),
    )


def _champion(shop: OpenShop) -> StoredModel | None:
    """The version in use, else the newest."""
    stored = shop.models.versions("recommend")
    return max(
        stored, key=lambda x: ("champion" in x.aliases, x.created_at.timestamp()), default=None
    )
