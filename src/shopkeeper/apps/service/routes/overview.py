"""Overview and search."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from shopkeeper.apps.service.context import Shop
from shopkeeper.apps.service.queries import overview as ask
from shopkeeper.apps.service.queries import search as finder
from shopkeeper.apps.service.schemas.overview import Overview, SearchResult

router = APIRouter(tags=["overview"])


@router.get("/overview", operation_id="get_overview")
def get_overview(shop: Shop) -> Overview:
    """Three sentences, headline figures, what to do today, the loop by stage."""
    return ask.overview(shop)


@router.get("/search", operation_id="search")
def search(shop: Shop, q: Annotated[str, Query(min_length=1, max_length=200)]) -> SearchResult:
    """Customers, audiences, plans, indicators, models and tables that match `q`."""
    return finder.search(shop, q)
