"""Names of the clusters, as the last clustering stored them."""

from __future__ import annotations

from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.schemas.common import Text


def cluster_words(shop: OpenShop) -> dict[str, tuple[Text, Text]]:
    """Name and profile of every cluster.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    dict
        By segment code; empty before the first clustering.
    """
    del shop
    return {}
