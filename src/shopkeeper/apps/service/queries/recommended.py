"""Products recommended to a customer."""

from __future__ import annotations

from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import sentences
from shopkeeper.apps.service.queries.reading import Record, among, at_latest, parsed, rows
from shopkeeper.apps.service.schemas.customers import RecommendedProduct
from shopkeeper.core import columns as c
from shopkeeper.core.tables import PRODUCTS, RECOMMENDATIONS


def recommended(shop: OpenShop, customer_id: str) -> list[RecommendedProduct]:
    """Products recommended at the latest moment: new ones first, then those to buy again.

    Parameters
    ----------
    shop
        The open shop.
    customer_id
        Customer as currently believed.

    Returns
    -------
    list of RecommendedProduct
        Best first within each kind.
    """
    table = at_latest(shop, RECOMMENDATIONS)
    if table is None:
        return []
    mine = table.filter((table[c.CUSTOMER_ID] == customer_id) & (table[c.KIND] != "next_basket"))
    products = shop.tables.table(PRODUCTS)
    known = products.select(
        known_id=products[c.PRODUCT_ID],
        product_name=products[c.NAME],
        product_category=products[c.CATEGORY],
        product_subcategory=products[c.SUBCATEGORY],
    )
    joined = mine.left_join(known, mine[c.PRODUCT_ID] == known["known_id"])
    ordered = joined.order_by([joined[c.KIND].desc(), joined[c.RANK], joined[c.PRODUCT_ID]])
    found = rows(shop, ordered.limit(200))
    mentioned = _names(shop, found)
    return [
        RecommendedProduct(
            kind=row["kind"],
            rank=row["rank"],
            product_id=row["product_id"],
            name=row["product_name"] or row["product_subcategory"] or row["product_id"],
            category=row["product_category"],
            score=row["score"],
            reason=sentences.recommendation_reason(row["reasons"], mentioned),
        )
        for row in found
    ]


def _names(shop: OpenShop, found: list[Record]) -> dict[str, str]:
    """Names of the products that the reasons mention."""
    stored = [reason for row in found for reason in parsed(row["reasons"]) or ()]
    ids = sorted({str(x["product_id"]) for x in stored if "product_id" in x})
    if not ids:
        return {}
    table = shop.tables.table(PRODUCTS)
    known = table.filter(among(table[c.PRODUCT_ID], ids))
    return {
        row["product_id"]: row["name"] or row["subcategory"]
        for row in rows(shop, known[[c.PRODUCT_ID, c.NAME, c.SUBCATEGORY]])
        if row["name"] or row["subcategory"]
    }
