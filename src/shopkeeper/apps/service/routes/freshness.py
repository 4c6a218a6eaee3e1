"""Freshness."""

from __future__ import annotations

from fastapi import APIRouter

from shopkeeper.apps.service.context import Shop
from shopkeeper.apps.service.queries import freshness as ask
from shopkeeper.apps.service.schemas.freshness import FreshnessBoard

router = APIRouter(prefix="/collect", tags=["collect"])


@router.get("/freshness", operation_id="get_freshness")
def get_freshness(shop: Shop) -> FreshnessBoard:
    """How old what the profiles say is: by section, by partition, by trait."""
    return ask.board(shop)
