"""Products recommended to a customer."""

from __future__ import annotations

from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import names
from shopkeeper.apps.service.queries.reading import at_latest, parsed, rows
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
    mine = table.filter(table[c.CUSTOMER_ID] == customer_id)
    products = shop.tables.table(PRODUCTS)
    known = products.select(
        known_id=products[c.PRODUCT_ID],
        product_name=products[c.NAME],
        product_category=products[c.CATEGORY],
        product_subcategory=products[c.SUBCATEGORY],
    )
    joined = mine.left_join(known, mine[c.PRODUCT_ID] == known["known_id"])
    ordered = joined.order_by([joined[c.KIND].desc(), joined[c.RANK], joined[c.PRODUCT_ID]])
    return [
        RecommendedProduct(
            rank=row["rank"],
            product_id=row["product_id"],
            name=row["product_name"] or row["product_subcategory"] or row["product_id"],
            category=row["product_category"],
            score=row["score"],
            reason=names.recommendation_reason(row["kind"], parsed(row["reasons"])),
        )
        for row in rows(shop, ordered.limit(200))
    ]
