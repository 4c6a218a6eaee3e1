"""Stores."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query

from shopkeeper.apps.service.context import Shop
from shopkeeper.apps.service.queries import stores as ask
from shopkeeper.apps.service.schemas.stores import StoreDetail, StoreList

router = APIRouter(prefix="/stores", tags=["stores"])


@router.get("", operation_id="list_stores")
def list_stores(shop: Shop, days: Annotated[int, Query(ge=1, le=400)] = ask.DAYS) -> StoreList:
    """Stores over the last days of data: footfall, orders, sales, conversion."""
    return ask.stores(shop, days=days)


@router.get("/{store_id}", operation_id="get_store")
def get_store(
    shop: Shop, store_id: str, since: dt.date | None = None, until: dt.date | None = None
) -> StoreDetail:
    """One store by day and by hour of the day."""
    return ask.store(shop, store_id, since=since, until=until)
