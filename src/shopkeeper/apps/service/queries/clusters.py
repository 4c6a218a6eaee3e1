"""Names of the clusters, as the last clustering stored them."""

from __future__ import annotations

from shopkeeper.apps.flows.audiences import cluster_segments, stored_clusters
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.schemas.common import Text


def cluster_words(shop: OpenShop) -> dict[str, tuple[Text, Text]]:
    """Name and size of every cluster.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    dict
        By segment code; empty before the first clustering.
    """
    return {
        x.code: (Text(zh=x.zh, en=x.en), Text(zh=x.meaning_zh, en=x.meaning_en))
        for x in cluster_segments(stored_clusters(shop.state))
    }
