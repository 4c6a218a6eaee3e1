"""A customer's place on the eight dimensions of value."""

from __future__ import annotations

from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries.reading import at_latest, rows
from shopkeeper.apps.service.schemas.common import Text
from shopkeeper.apps.service.schemas.customers import ValueDimension
from shopkeeper.core.tables import VALUE_DIMENSIONS
from shopkeeper.segment.dimensions import DIMENSIONS


def dimensions(shop: OpenShop, customer_id: str) -> list[ValueDimension]:
    """Places of one customer, in the order of the definition.

    Parameters
    ----------
    shop
        The open shop.
    customer_id
        Customer as currently believed.

    Returns
    -------
    list of ValueDimension
        Empty for a customer who never bought.
    """
    table = at_latest(shop, VALUE_DIMENSIONS)
    if table is None:
        return []
    found = rows(shop, table.filter(table.customer_id == customer_id))
    return [
        ValueDimension(
            code=one.code,
            label=Text(zh=one.zh, en=one.en),
            about=Text(zh=one.about_zh, en=one.about_en),
            place=row[one.code],
        )
        for row in found
        for one in DIMENSIONS
    ]
