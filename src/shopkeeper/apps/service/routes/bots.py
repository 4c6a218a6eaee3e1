"""Invalid traffic."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from shopkeeper.apps.service.context import Shop
from shopkeeper.apps.service.queries import bots as ask
from shopkeeper.apps.service.schemas.bots import BotTraffic

router = APIRouter(prefix="/collect", tags=["collect"])


@router.get("/bots", operation_id="get_bot_traffic")
def get_bot_traffic(shop: Shop, days: Annotated[int, Query(ge=1, le=366)] = 30) -> BotTraffic:
    """Share of events that no person caused, by reason, day and source, with examples."""
    return ask.bots(shop, days=days)
