"""One customer as known this second."""

from __future__ import annotations

from fastapi import APIRouter

from shopkeeper.apps.service.context import Shop
from shopkeeper.apps.service.queries import live_profile as ask
from shopkeeper.apps.service.schemas.live_profile import LiveProfile

router = APIRouter(tags=["customers"])


@router.get("/customers/{customer_id}/live", operation_id="get_live_profile")
def get_live_profile(shop: Shop, customer_id: str) -> LiveProfile:
    """Traits, scores, audiences and latest events; also by ``kind:value``."""
    return ask.live_profile(shop, customer_id)
