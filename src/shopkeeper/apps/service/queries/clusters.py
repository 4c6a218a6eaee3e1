"""Names of the clusters, as the last clustering stored them."""

from __future__ import annotations

from sqlalchemy import select

from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.schemas.common import Text
from shopkeeper.core import state
from shopkeeper.segment.schemes import CLUSTER, Segment


def cluster_segments(shop: OpenShop) -> tuple[Segment, ...]:
    """Clusters with names and profiles.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    tuple of Segment
        Empty before the first clustering.
    """
    table = state.cluster_memory
    with shop.state.connect() as connection:
        row = connection.execute(
            select(table.c.definition).where(table.c.scheme == CLUSTER.code)
        ).first()
    if row is None:
        return ()
    return tuple(Segment(**found) for found in row.definition.get("segments", ()))


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
    return {
        x.code: (Text(zh=x.zh, en=x.en), Text(zh=x.meaning_zh, en=x.meaning_en))
        for x in cluster_segments(shop)
    }
